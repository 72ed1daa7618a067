"""What is made of whatever Resource Manager, Entra and the environment say: a reason and a line, or what was asked."""

import errno
import logging
import os
import stat
from collections.abc import Mapping
from pathlib import Path

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import AzureCliCredential, CredentialUnavailableError, WorkloadIdentityCredential

from exporter.facts.source import Failure
from exporter.reason import Reason
from exporter.sources.azure import resource_manager
from exporter.sources.azure.access import WORKLOAD_IDENTITY
from exporter.sources.azure.resource_manager import Unanswered
from simulation.pki import Authority

UNSUPPORTED = "is not supported: http, https or socks5"
READ = "Microsoft.ContainerService/managedClusters/read"


@pytest.mark.parametrize(
    ("status", "body", "failure"),
    [
        (401, b"", (Reason.UNAUTHORIZED, "Resource Manager does not accept the access token (HTTP 401)")),
        (
            403,
            b'{"error": {"code": "AuthorizationFailed", "message": "..."}}',
            (Reason.FORBIDDEN, f"the identity has no right to {READ} there (HTTP 403 AuthorizationFailed)"),
        ),
        (404, b'{"code" : "A1"}', (Reason.NOT_FOUND, "Resource Manager knows no such resource (HTTP 404 A1)")),
        (409, b'{"code":"a"}', (Reason.CONFLICT, "another operation is under way (HTTP 409 a)")),
        (429, b"no", (Reason.THROTTLED, "Resource Manager asks for fewer requests (HTTP 429)")),
        (400, b"", (Reason.ERROR, "Resource Manager: HTTP 400")),
        (304, b"", (Reason.ERROR, "Resource Manager: HTTP 304")),
        (499, b"", (Reason.ERROR, "Resource Manager: HTTP 499")),
        (500, b'{"code": "X"}', (Reason.SERVER_ERROR, "Resource Manager: HTTP 500 X")),
        (503, b'{"code": "no word"}', (Reason.SERVER_ERROR, "Resource Manager: HTTP 503")),
        (500, b'{"code": "' + b"x" * 80 + b'"}', (Reason.SERVER_ERROR, f"Resource Manager: HTTP 500 {'x' * 80}")),
        (500, b'{"code": "' + b"x" * 81 + b'"}', (Reason.SERVER_ERROR, "Resource Manager: HTTP 500")),
        (500, b" " * 65523 + b'{"code":"AB"}', (Reason.SERVER_ERROR, "Resource Manager: HTTP 500 AB")),
        (500, b" " * 65524 + b'{"code":"AB"}', (Reason.SERVER_ERROR, "Resource Manager: HTTP 500 AB")),
        (500, b" " * 65525 + b'{"code":"AB"}', (Reason.SERVER_ERROR, "Resource Manager: HTTP 500")),
    ],
)
def test_a_refusal_is_a_reason_and_azures_own_word(status: int, body: bytes, failure: tuple[Reason, str]) -> None:
    """In the first 64 KiB; its message names callers."""
    found = resource_manager._refusal(status, body, READ)
    assert (found.failure, str(found)) == (Failure(*failure), failure[1])


def test_an_answer_is_a_json_object() -> None:
    assert resource_manager._decoded(b'{"a": [1]}') == {"a": [1]}
    for body in (b"", b"<html>", b"\xff", b"[" * 100_000):
        with pytest.raises(Unanswered) as raised:
            resource_manager._decoded(body)
        assert raised.value.failure == Failure(Reason.DECODE, "Resource Manager's answer is not JSON")
    for body in (b"[]", b"1", b"null", b'"a"'):
        with pytest.raises(Unanswered) as raised:
            resource_manager._decoded(body)
        assert raised.value.failure == Failure(Reason.DECODE, "Resource Manager's answer is no JSON object")


def caused(outer: Exception, inner: Exception) -> Exception:
    outer.__cause__ = inner
    return outer


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            caused(ValueError("x"), FileNotFoundError(2, "No such file or directory", "/token")),
            "the service account token cannot be read: No such file or directory",
        ),
        (
            caused(ClientAuthenticationError("AADSTS70021"), PermissionError(13, "Permission denied", "/token")),
            "the service account token cannot be read: Permission denied",
        ),
        *[
            (ClientAuthenticationError(f"x AADSTS{code}: y"), f"Entra gives no token: AADSTS{code}, {meaning}")
            for code, meaning in (
                ("70021", "no federated credential of the identity matches this Pod's service account"),
                ("700211", "no federated credential of the identity has this cluster's OIDC issuer"),
                ("700213", "no federated credential of the identity has this namespace and service account"),
                ("700024", "the service account token has expired, or the clock is wrong"),
                ("700016", "the tenant knows no such client id"),
                ("90002", "there is no such tenant"),
                ("50", "see its list of error codes"),
                ("1234567", "see its list of error codes"),
            )
        ],
        (ClientAuthenticationError("AADSTS7: y"), "Entra gives no token: its answer is not what it promises"),
        (CredentialUnavailableError("Please run\n az login"), "the Azure CLI gives no token: Please run az login"),
        (CredentialUnavailableError("y" * 300), f"the Azure CLI gives no token: {'y' * 200}"),
        (CredentialUnavailableError("AADSTS90002"), "Entra gives no token: AADSTS90002, there is no such tenant"),
        (caused(ValueError("x"), ConnectionRefusedError(111, "x")), "Entra gives no token: refused"),
        (OSError(5, "no file"), "Entra gives no token: its answer is not what it promises"),
        (ValueError("x"), "Entra gives no token: its answer is not what it promises"),
    ],
)
def test_why_there_is_no_token_is_one_line(error: Exception, words: str) -> None:
    """Of its own words only the code; of the Azure CLI's all, which say what to type."""
    assert resource_manager._credential_words(error) == words


def test_whom_to_trust_is_a_file_that_is_there(tmp_path: Path) -> None:
    """With a CA in it, or a directory; or whoever is trusted publicly."""
    (tmp_path / "ca.crt").write_bytes(Authority.cluster(0.0).pem)
    (tmp_path / "empty.crt").touch()
    named = str(tmp_path / "ca.crt")
    assert resource_manager._trusted({"REQUESTS_CA_BUNDLE": named}) == named
    assert resource_manager._trusted({"REQUESTS_CA_BUNDLE": ""}) is True
    assert resource_manager._trusted({"REQUESTS_CA_BUNDLE": str(tmp_path)}) == str(tmp_path)
    assert resource_manager._trusted({}) is True
    with pytest.raises(Unanswered) as raised:
        resource_manager._trusted({"REQUESTS_CA_BUNDLE": f"{tmp_path}/empty.crt"})
    words = f"REQUESTS_CA_BUNDLE names a file without a CA: {tmp_path}/empty.crt"
    assert raised.value.failure == Failure(Reason.ERROR, words)
    os.mknod(tmp_path / "socket", stat.S_IFSOCK | 0o600)
    with pytest.raises(Unanswered) as raised:
        resource_manager._trusted({"REQUESTS_CA_BUNDLE": f"{tmp_path}/socket"})
    words = f"REQUESTS_CA_BUNDLE: {tmp_path}/socket: {os.strerror(errno.ENXIO)}"
    assert raised.value.failure == Failure(Reason.ERROR, words)
    with pytest.raises(Unanswered) as raised:
        resource_manager._trusted({"REQUESTS_CA_BUNDLE": f"{named}.old"})
    assert raised.value.failure == Failure(Reason.ERROR, f"REQUESTS_CA_BUNDLE names no file: {named}.old")


@pytest.mark.parametrize(
    ("proxy", "url", "words"),
    [
        ("", "https://arm.example", ""),
        ("http://10.0.0.9:3128", "https://arm.example", ""),
        (
            "ftp://u:pa55@h",
            "https://arm.example",
            "a proxy of the scheme ftp:// is not supported: http, https or socks5",
        ),
        ("http://u:pa55@h:99999", "https://arm.example", "it is no URL such as http://proxy.example:3128"),
        (":", "https://127.0.0.1:1", ""),
        (":", "https://arm.example:99999", ""),
    ],
)
def test_a_proxy_that_can_be_none_is_told_without_its_password(proxy: str, url: str, words: str) -> None:
    found = resource_manager._wrong_proxy(url, {"HTTPS_PROXY": proxy})
    assert found == (f"HTTPS_PROXY: {words}" if words else "")
    refused = ConnectionRefusedError(111, "x")
    none = "its answer is not what it promises"
    assert resource_manager._credential_words(ValueError("x"), found) == f"Entra gives no token: {found or none}"
    assert resource_manager._credential_words(refused, found) == "Entra gives no token: refused"


IDENTITY = dict(zip(WORKLOAD_IDENTITY, ("client", "tenant", "/file"), strict=True))


@pytest.mark.parametrize(
    ("environment", "authority"),
    [
        (IDENTITY, "login.microsoftonline.com"),
        ({**IDENTITY, "AZURE_AUTHORITY_HOST": ""}, "login.microsoftonline.com"),
        ({**IDENTITY, "AZURE_AUTHORITY_HOST": "https://login.example"}, "login.example"),
    ],
)
def test_workload_identity_comes_first(environment: Mapping[str, str], authority: str) -> None:
    login = resource_manager._login(environment, "subscription", True)
    assert isinstance(login, WorkloadIdentityCredential)
    assert login._client._authority.endswith(authority)
    assert (login._client._client_id, login._client._tenant_id, login._token_file_path) == ("client", "tenant", "/file")
    login.close()


def test_the_azure_cli_is_asked_for_this_subscription(tmp_path: Path) -> None:
    """Where there is one; else what is missing is named."""
    (tmp_path / "az").write_text("#!/bin/sh\n")
    (tmp_path / "az").chmod(0o755)
    login = resource_manager._login({"PATH": str(tmp_path)}, "5ab0", True)
    assert isinstance(login, AzureCliCredential)
    assert (login.subscription, login._process_timeout) == ("5ab0", 15)
    with pytest.raises(Unanswered) as raised:
        resource_manager._login({**IDENTITY, "AZURE_TENANT_ID": "", "PATH": f"{tmp_path}/bin"}, "5ab0", True)
    assert raised.value.failure == Failure(
        Reason.CREDENTIALS, "no workload identity (AZURE_TENANT_ID not set) and no Azure CLI to take a login from"
    )


def test_what_the_sdk_would_log_is_written_nowhere() -> None:
    """It holds URLs and headers."""
    for name in ("azure", "msal"):
        logger = logging.getLogger(name)
        assert logger.propagate is False
        assert logging.NullHandler in [type(one) for one in logger.handlers]


def test_nobody_waits_long_and_nothing_large_is_taken() -> None:
    """Seconds for a connection, headers and a body; bytes."""
    transport = resource_manager._transport("/ca.crt")
    config = transport.connection_config
    assert (config.timeout, config.read_timeout, config.verify) == (5.0, 15.0, "/ca.crt")
    assert (transport._largest, transport._whole) == (8 << 20, 30.0)
