"""A kubeconfig or a pod's service account in; out comes where the API server is and how to be let in."""

import base64
import contextlib
import hashlib
import os
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, urlsplit

from kubernetes.client import Configuration
from kubernetes.config import ConfigException
from kubernetes.config.incluster_config import InClusterConfigLoader
from kubernetes.config.kube_config import KubeConfigLoader

from exporter.facts.certificate import CertificateError
from exporter.facts.kube.kubeconfig_choice import Choice
from exporter.facts.kube.kubeconfig_entries import AuthProvider, KubeconfigError, User
from exporter.facts.proxy import Proxy, ProxyError, environment_proxy
from exporter.facts.source import Failure
from exporter.facts.x509 import certificates
from exporter.file_state import PathState, path_state
from exporter.reason import Reason
from exporter.sources.kube.exec_plugin import run_plugin
from exporter.sources.kube.failure import ApiError
from exporter.sources.kube.kubeconfig import (
    Paths,
    address_of,
    file_names,
    proxy_for,
    read_kubeconfig,
    read_material,
    server_url,
)

__all__ = ["Access", "Credentials", "Headers", "Kubeconfig", "ServiceAccount"]

Stamp = tuple[tuple[str, PathState], ...]
"""Which files, and which state of them."""

Headers = tuple[tuple[str, str], ...]
"""Name and value; a name may be there twice."""

_CONTROLS = {*map(chr, range(32)), "\x7f"} - {"\t"}
"""What no header may hold (golang.org/x/net/http/httpguts, ValidHeaderFieldValue)."""

PATIENCE = 60.0
"""Seconds that a credential plugin may take, where nobody says otherwise."""


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach the API server at one moment."""

    server: str
    """The URL, without a slash at its end."""
    server_name: str
    """The name that the certificate is to be for, where it is not the host."""
    proxy: Proxy | None
    context: ssl.SSLContext | None
    """None: plain HTTP, as `kubectl proxy` gives it."""
    authorities: bytes
    """PEM of the CAs that are trusted; empty: those of the system, or none."""
    identity: bytes = field(repr=False)
    """Equal as long as a connection made earlier is still the right one."""
    headers: Headers = field(repr=False)
    expires: float | None = None
    """Unix seconds when the credentials must be had anew, where they say so."""

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return address_of(self.server)


class Credentials(Protocol):
    """A place that access is read from."""

    slow: bool
    """Reading may take seconds and may ask a person: not to be repeated at every turn."""

    def read(self) -> Access:
        """Access from what the files say now. ApiError with CREDENTIALS: they give none."""

    def stamp(self) -> Stamp:
        """The state of the files that were read last: when it differs, read again."""


class ServiceAccount:
    """The service account that Kubernetes mounts into a pod; the kubelet swaps token and CA by symbolic links."""

    slow = False

    def __init__(
        self,
        folder: Path = Path("/var/run/secrets/kubernetes.io/serviceaccount"),
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._token, self._authority = folder / "token", folder / "ca.crt"
        self._environment = environment

    @property
    def there(self) -> bool:
        """Whether this is a Pod that has one, be it of use or not."""
        return self._token.is_file() and bool(self._environment.get("KUBERNETES_SERVICE_HOST"))

    def read(self) -> Access:
        """See Credentials."""
        with _as_credentials_error("service account"):
            configuration = Configuration()
            loader = InClusterConfigLoader(str(self._token), str(self._authority), environ=self._environment)
            loader.load_and_set(configuration)
            authorities = self._authority.read_bytes()
            server = configuration.host
            return Access(
                server=server,
                server_name="",
                proxy=environment_proxy("https", *_address(server), self._environment),
                context=_tls_context(authorities, insecure=False),
                authorities=authorities,
                identity=_identity(server, authorities),
                headers=_headers(_bearer(configuration)),
            )

    def stamp(self) -> Stamp:
        """See Credentials."""
        return _stamp((self._token, self._authority))


def _address(server: str) -> tuple[str, int]:
    try:
        return address_of(server)
    except ValueError:
        raise KubeconfigError("KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are no address") from None


class Kubeconfig:
    """One context of a kubeconfig, with any user that kubectl knows."""

    def __init__(
        self, paths: Paths, context: str = "", *, chosen: Choice | None = None, patience: float = PATIENCE
    ) -> None:
        """`context` empty is the current one. `chosen`: what was read of these files a moment ago, for the first time.

        `patience`: seconds that a credential plugin may take.
        """
        self._paths, self._context, self._chosen, self._patience = paths, context, chosen, patience
        self._files = file_names(paths)
        self.slow = False

    def read(self) -> Access:
        """See Credentials."""
        place = f"kubeconfig {self._paths}"
        self._files = file_names(self._paths)
        with _as_credentials_error(""):
            choice = self._chosen or read_kubeconfig(self._paths, self._context)
        self._chosen = None
        with _as_credentials_error(place):
            return self._access(choice)

    def _access(self, choice: Choice) -> Access:
        cluster, user = choice.cluster, choice.user
        named = (cluster.authority_path, user.certificate_path, user.key_path, user.token_path)
        self._files += tuple(Path(name) for name in named if name)
        server = server_url(cluster)
        proxy = proxy_for(cluster, server)
        authorities = read_material(cluster.authority_path, cluster.authority)
        certificate = read_material(user.certificate_path, user.certificate)
        key = read_material(user.key_path, user.key)
        headers = (*_authorization(user, cluster.server), *_impersonation(user))
        expires = None
        # Whoever has an Authorization header already needs none of a plugin's, as for kubectl.
        plugin = None if any(name == "Authorization" for name, _ in headers) else user.plugin
        self.slow = plugin is not None
        if plugin is not None:
            given = run_plugin(plugin, cluster, server, self._patience)
            expires = given.expires
            if given.token:
                headers = (("Authorization", f"Bearer {given.token}"), *headers)
            if not certificate:
                certificate, key = given.certificate, given.key
        context = None
        if server.startswith("https://"):
            context = _tls_context(authorities, insecure=cluster.insecure, certificate=certificate, key=key)
        identity = _identity(
            repr((server, cluster.tls_server_name, cluster.insecure, cluster.proxy_url, proxy)),
            authorities,
            certificate,
            key,
        )
        return Access(
            server, cluster.tls_server_name, proxy, context, authorities, identity, _headers(*headers), expires
        )

    def stamp(self) -> Stamp:
        """See Credentials."""
        return _stamp(self._files)


def _authorization(user: User, server: str) -> Iterator[tuple[str, str]]:
    """The header of a user that needs no plugin."""
    if user.token:
        yield "Authorization", f"Bearer {user.token}"
    elif user.token_path:
        if token := Path(user.token_path).read_bytes().decode().strip():
            yield "Authorization", f"Bearer {token}"
    elif user.username or user.password:
        yield _basic(user.username, user.password)
    elif user.provider is not None:
        yield _oidc(user.provider)
    elif user.plugin is None and (parts := urlsplit(server)).username:
        yield _basic(parts.username, parts.password or "")  # as Go's HTTP client does with such a URL


def _basic(username: str | None, password: str) -> tuple[str, str]:
    return "Authorization", f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"


def _oidc(provider: AuthProvider) -> tuple[str, str]:
    """The id-token, renewed by its refresh-token where it has expired."""
    configuration = Configuration()
    KubeConfigLoader(
        {
            "current-context": "-",
            "contexts": [{"name": "-", "context": {"cluster": "-", "user": "-"}}],
            "clusters": [{"name": "-", "cluster": {}}],
            "users": [
                {"name": "-", "user": {"auth-provider": {"name": provider.name, "config": dict(provider.config)}}}
            ],
        }
    ).load_and_set(configuration)
    return _bearer(configuration)


def _bearer(configuration: Configuration) -> tuple[str, str]:
    token = configuration.auth_settings().get("BearerToken", {}).get("value")
    if not token:
        raise KubeconfigError("there is no token")
    return "Authorization", str(token).strip()


def _impersonation(user: User) -> Iterator[tuple[str, str]]:
    """`as` of a kubeconfig: asking with one's own rights instead could show more than was meant."""
    if user.impersonate:
        yield "Impersonate-User", user.impersonate
    if user.impersonate_uid:
        yield "Impersonate-Uid", user.impersonate_uid
    for group in user.impersonate_groups:
        yield "Impersonate-Group", group
    for key, values in user.impersonate_extra:
        for value in values:
            yield f"Impersonate-Extra-{quote(key.lower(), safe='')}", value


def _headers(*headers: tuple[str, str]) -> Headers:
    """As Go's net/http sends them: in UTF-8, which the library that sends them takes as Latin-1."""
    if any(character in _CONTROLS for _, value in headers for character in value):
        raise KubeconfigError("the token, or another credential, holds a line break or another control character")
    return tuple((name, value.encode().decode("latin-1")) for name, value in headers)


def _identity(facts: str, *parts: bytes) -> bytes:
    digest = hashlib.sha256(facts.encode())
    for part in parts:
        digest.update(hashlib.sha256(part).digest())
    return digest.digest()


def _tls_context(authorities: bytes, *, insecure: bool, certificate: bytes = b"", key: bytes = b"") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Every certificate in the bundle is an anchor, as for clients written in Go, be it a root or not.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif authorities:
        _trust(context, authorities)
    else:
        context.load_default_certs()
    if certificate:
        _show(context, certificate, key)
    return context


def _trust(context: ssl.SSLContext, authorities: bytes) -> None:
    """The certificates one by one, since OpenSSL would refuse the bundle for a comment or for one bad member."""
    taken = False
    with contextlib.suppress(CertificateError):
        for one in certificates(authorities):
            with contextlib.suppress(ssl.SSLError, ValueError):
                context.load_verify_locations(cadata=one.der)
                taken = True
    if not taken:
        raise KubeconfigError("the CA holds no certificate that can be read")


def _show(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """Let it show a client certificate. OpenSSL reads the key from a file only: one that is there for a moment."""
    with tempfile.TemporaryDirectory() as folder:
        shown, secret = Path(folder) / "certificate", Path(folder) / "key"
        for file, content in ((shown, certificate), (secret, key)):
            file.touch(0o600)
            file.write_bytes(content)
        try:
            context.load_cert_chain(shown, secret, password="")  # a password, so that nobody is asked for one
        except ssl.SSLError as error:
            raise KubeconfigError("the client certificate or its key cannot be read, or they are no pair") from error


@contextlib.contextmanager
def _as_credentials_error(place: str) -> Iterator[None]:
    """What is wrong with the files as one line. Messages of the packages may quote a file, secrets and all: cut off."""
    try:
        yield
    except (KubeconfigError, ProxyError) as error:
        words = str(error)
    except ConfigException as error:
        words = str(error).partition("{")[0]
    except OSError as error:
        words = f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        words = "not a kubeconfig"
    else:
        return
    words = " ".join(words.split())[:500]
    raise ApiError(Failure(Reason.CREDENTIALS, f"{place}: {words}" if place else words))


def _stamp(files: tuple[Path, ...]) -> Stamp:
    return tuple((str(file), path_state(file)) for file in files)
