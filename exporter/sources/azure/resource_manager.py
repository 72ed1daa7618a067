"""A path at Azure Resource Manager in, its JSON object or a Failure out. The only import of azure.*.

It reads and nothing else: GETs, and the request for a token. The SDK's habits that do not fit are left out of its
pipeline: retries that take minutes, redirects, logging of requests, and the policy that answers "subscription not
registered" by registering it, which is a write.
"""

import json
import logging
import os
import re
import shutil
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from azure.core import AzureClouds
from azure.core.credentials import AccessToken
from azure.core.pipeline import policies
from azure.core.rest import HttpRequest
from azure.identity import AzureCliCredential, CredentialUnavailableError, WorkloadIdentityCredential
from azure.mgmt.containerservice import ContainerServiceClient
from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy
from azure.mgmt.core.tools import get_arm_endpoints

from exporter import __version__
from exporter.facts.proxy import ProxyError, environment_proxy
from exporter.facts.source import Failure
from exporter.reason import Reason
from exporter.sources.azure.access import WORKLOAD_IDENTITY, workload_identity_missing
from exporter.sources.azure.transport import BoundedTransport, TooLarge
from exporter.sources.http_date import http_date, retry_after
from exporter.sources.http_failure import causes, connection_reason

__all__ = ["LARGEST_ANSWER", "Answer", "ResourceManager", "Unanswered", "token_scope"]

LARGEST_ANSWER = 8 * 1024 * 1024
"""Bytes. A cluster of 100 node pools is below 300 KiB."""
CONNECT, READ, BODY = 5.0, 15.0, 30.0
"""Seconds for a connection, until an answer's headers are there, and for its body."""
LONGEST_WAIT = 3600.0
"""Seconds that a Retry-After is obeyed for; a longer one is taken for a mistake."""

Answer = tuple[Mapping[str, object] | None, str]
"""The JSON object and its ETag; None for the object: unchanged since the ETag that was sent."""

_STATUS = {
    401: (Reason.UNAUTHORIZED, "Resource Manager does not accept the access token"),
    403: (Reason.FORBIDDEN, "the identity has no right to {action} there"),
    404: (Reason.NOT_FOUND, "Resource Manager knows no such resource"),
    409: (Reason.CONFLICT, "another operation is under way"),
    429: (Reason.THROTTLED, "Resource Manager asks for fewer requests"),
}

_ENTRA = {
    "70021": "no federated credential of the identity matches this Pod's service account",
    "700211": "no federated credential of the identity has this cluster's OIDC issuer",
    "700213": "no federated credential of the identity has this namespace and service account",
    "700024": "the service account token has expired, or the clock is wrong",
    "700016": "the tenant knows no such client id",
    "90002": "there is no such tenant",
}
"""What the codes of Entra mean for a workload identity (learn.microsoft.com, Entra authentication error codes)."""

for _library in ("azure", "msal"):
    # What they would say is in the Failure; and what is never written holds no token.
    logging.getLogger(_library).addHandler(logging.NullHandler())
    logging.getLogger(_library).propagate = False


class Unanswered(Exception):
    """Carries a Failure."""

    def __init__(self, reason: Reason, words: str) -> None:
        super().__init__(words)
        self.failure = Failure(reason, words)


class ResourceManager:
    """A credential and a client: what is thrown away when Azure stops accepting it."""

    def __init__(self, endpoint: str, environment: Mapping[str, str], subscription: str) -> None:
        """Asks nothing yet. Raises Unanswered where there is no way to credentials."""
        self._endpoint = endpoint
        trusted, self._wrong_proxy = _trusted(environment), _wrong_proxy(endpoint, environment)
        try:
            self._credential = _Credential(environment, subscription, trusted)
        except ValueError as error:  # a tenant or authority of an impossible form
            raise Unanswered(Reason.CREDENTIALS, f"workload identity: {' '.join(str(error).split())[:200]}") from None
        self.asked_to_wait: float | None = None
        """Seconds that an answer asked to wait (Retry-After): the longest since somebody set it to None."""
        self._client = ContainerServiceClient(
            credential=self._credential,
            subscription_id=subscription,
            cloud_setting=AzureClouds.AZURE_PUBLIC_CLOUD,  # else the environment's; our requests have whole addresses
            policies=[
                policies.RequestIdPolicy(),
                policies.UserAgentPolicy(base_user_agent=f"aks-cert-exporter/{__version__}"),
                ARMChallengeAuthenticationPolicy(self._credential, token_scope(endpoint)),
            ],
            transport=_transport(trusted),
        )

    def close(self) -> None:
        """Let the connections go."""
        self._client.close()
        self._credential.close()

    def get(self, path: str, version: str, action: str, tag: str = "") -> Answer:
        """What is at a path. `action` is the right this takes; `tag` an ETag known already. Raises Unanswered."""
        headers = {"Accept": "application/json", **({"If-None-Match": tag} if tag else {})}
        request = HttpRequest("GET", f"{self._endpoint}{path}?api-version={version}", headers=headers)
        try:
            response = self._client.send_request(request)
            body = response.content
        except Unanswered:
            raise
        except Exception as error:  # noqa: BLE001 - the SDK passes on whatever its HTTP library raises
            if any(isinstance(cause, TooLarge) for cause in causes(error)):
                words = f"Resource Manager's answer exceeds {LARGEST_ANSWER >> 20} MiB"
                raise Unanswered(Reason.TOO_LARGE, words) from None
            reason = connection_reason(error) or Reason.ERROR
            what = reason if reason is not Reason.ERROR else self._wrong_proxy or type(error).__name__
            raise Unanswered(reason, f"no answer from Resource Manager: {what}") from None
        wait = retry_after(
            response.headers.get("Retry-After", ""), http_date(response.headers.get("Date", "")), LONGEST_WAIT
        )
        if wait is not None:
            self.asked_to_wait = max(wait, self.asked_to_wait or 0.0)
        if response.status_code == 304 and tag:
            return None, tag
        if response.status_code != 200:
            raise _refusal(response.status_code, body, action)
        return _decoded(body), response.headers.get("ETag", "")


class _Credential:
    """The SDK's credential, with a failure of its own kind: where there is no token it is not Resource Manager's."""

    def __init__(self, environment: Mapping[str, str], subscription: str, trusted: str | bool) -> None:
        self._inner = _login(environment, subscription, trusted)
        authority = environment.get("AZURE_AUTHORITY_HOST") or "login.microsoftonline.com"
        self._wrong_proxy = _wrong_proxy(authority if "://" in authority else f"https://{authority}", environment)

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:  # noqa: ANN401 - the SDK's protocol
        """A token, or Unanswered."""
        try:
            return self._inner.get_token(*scopes, **options)
        except Exception as error:  # noqa: BLE001 - the SDK passes on whatever MSAL and its HTTP library raise
            raise Unanswered(Reason.CREDENTIALS, _credential_words(error, self._wrong_proxy)) from None

    def close(self) -> None:
        """Let the connections go."""
        self._inner.close()


def _transport(trusted: str | bool) -> BoundedTransport:
    return BoundedTransport(largest=LARGEST_ANSWER, whole=BODY, trusted=trusted, connect=CONNECT, read=READ)


def _trusted(environment: Mapping[str, str]) -> str | bool:
    """The file of CAs to trust, in the SDK's terms: True is the public ones."""
    file = environment.get("REQUESTS_CA_BUNDLE", "")
    if not file:
        return True
    if not os.path.exists(file):
        raise Unanswered(Reason.ERROR, f"REQUESTS_CA_BUNDLE names no file: {file}")
    if not os.path.isdir(file):  # by the SDK it would be the server's TLS that is wrong
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
        except ssl.SSLError:
            raise Unanswered(Reason.ERROR, f"REQUESTS_CA_BUNDLE names a file without a CA: {file}") from None
        except OSError as error:
            raise Unanswered(Reason.ERROR, f"REQUESTS_CA_BUNDLE: {file}: {error.strerror}") from None
    return file


def _login(
    environment: Mapping[str, str], subscription: str, trusted: str | bool
) -> WorkloadIdentityCredential | AzureCliCredential:
    """Workload identity where its variables are there; else the user's own `az login`."""
    missing = workload_identity_missing(environment)
    if not missing:
        client, tenant, file = (environment[name] for name in WORKLOAD_IDENTITY)
        return WorkloadIdentityCredential(
            client_id=client,
            tenant_id=tenant,
            token_file_path=file,
            authority=environment.get("AZURE_AUTHORITY_HOST") or None,
            retry_total=0,
            transport=_transport(trusted),
        )
    if shutil.which("az", path=environment.get("PATH")) is None:
        raise Unanswered(
            Reason.CREDENTIALS,
            f"no workload identity ({', '.join(missing)} not set) and no Azure CLI to take a login from",
        )
    return AzureCliCredential(subscription=subscription, process_timeout=int(READ))


def _wrong_proxy(url: str, environment: Mapping[str, str]) -> str:
    """What is wrong with the proxy that the environment names for a URL; empty where there is none, or nothing is.

    The SDK's libraries only say that something is wrong, and take some that are none elsewhere: told where they failed.
    """
    try:
        parts = urlsplit(url)
        environment_proxy(parts.scheme, parts.hostname or "", parts.port or 443, environment)
    except ValueError as error:
        return str(error) if isinstance(error, ProxyError) else ""
    return ""


def _credential_words(error: BaseException, wrong_proxy: str = "") -> str:
    for cause in causes(error):
        if isinstance(cause, OSError) and cause.filename:
            return f"the service account token cannot be read: {cause.strerror}"
    if code := re.search(r"AADSTS(\d{2,7})", str(error)):
        return f"Entra gives no token: AADSTS{code[1]}, {_ENTRA.get(code[1], 'see its list of error codes')}"
    if isinstance(error, CredentialUnavailableError):
        return f"the Azure CLI gives no token: {' '.join(str(error).split())[:200]}"
    return f"Entra gives no token: {connection_reason(error) or wrong_proxy or 'its answer is not what it promises'}"


def token_scope(endpoint: str) -> str:
    """The audience of the access token. It is the endpoint itself but for clouds that have a former name for it."""
    for cloud in AzureClouds:
        known = get_arm_endpoints(cloud)
        if endpoint == known["resource_manager"].rstrip("/"):
            return str(known["credential_scopes"][0])
    return f"{endpoint}/.default"


def _refusal(status: int, body: bytes, action: str) -> Unanswered:
    """Resource Manager's error code is a word; its message names callers and is left out."""
    code = re.search(rb'"code"\s*:\s*"([A-Za-z0-9]{1,80})"', body[:65536])
    shown = f"HTTP {status} {code[1].decode()}" if code else f"HTTP {status}"
    if status in _STATUS:
        reason, words = _STATUS[status]
        return Unanswered(reason, f"{words.format(action=action)} ({shown})")
    return Unanswered(Reason.SERVER_ERROR if status >= 500 else Reason.ERROR, f"Resource Manager: {shown}")


def _decoded(body: bytes) -> Mapping[str, object]:
    try:
        decoded = json.loads(body)
    except (ValueError, RecursionError):
        raise Unanswered(Reason.DECODE, "Resource Manager's answer is not JSON") from None
    if not isinstance(decoded, dict):
        raise Unanswered(Reason.DECODE, "Resource Manager's answer is no JSON object")
    return decoded
