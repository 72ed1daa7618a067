"""Access as it is read from a kubeconfig or a service account: each kind of credential, and when two are the same."""

import base64
import json
import os
import ssl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from kubernetes.config import ConfigException

from exporter.facts.kube.kubeconfig_entries import KubeconfigError
from exporter.facts.proxy import Proxy, ProxyError
from exporter.facts.source import Failure
from exporter.reason import Reason
from exporter.sources.kube.access import PATIENCE, Access, Kubeconfig, ServiceAccount, _as_credentials_error
from exporter.sources.kube.failure import ApiError
from exporter.sources.kube.kubeconfig import read_kubeconfig
from simulation.pki import Authority, Credential
from tests.sources.kube.watching import T0, Pod

CA = Authority.cluster(T0)
LEAF = CA.kubelet_client("reader", T0)
OTHER = Authority.cluster(T0, number=1)
SERVER = "https://127.0.0.1:6443"
V1 = "client.authentication.k8s.io/v1"
JUNK = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


@pytest.fixture(autouse=True)
def nothing_of_the_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy, and no CAs, of which it takes long to read all."""
    monkeypatch.setenv("SSL_CERT_FILE", os.devnull)
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def by_plugin(**status: str) -> dict[str, Any]:
    """A user whose plugin prints this status."""
    answer = json.dumps({"apiVersion": V1, "kind": "ExecCredential", "status": status})
    script = ["-c", 'printf %s "$ANSWER"']
    variables = [{"name": "ANSWER", "value": answer}]
    settings = {"apiVersion": V1, "command": "/bin/sh", "args": script, "env": variables, "interactiveMode": "Never"}
    return {"exec": settings}


def jwt(**claims: object) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{body}.c2ln"


def oidc(token: str, **more: str) -> dict[str, Any]:
    return {"auth-provider": {"name": "oidc", "config": {"id-token": token, **more}}}


def kubeconfig(folder: Path, user: object = None, **cluster: object) -> Path:
    file = folder / "kubeconfig"
    content = {
        "clusters": [{"name": "one", "cluster": {"server": SERVER, **cluster}}],
        "users": [{"name": "me", "user": user or {}}],
        "contexts": [{"name": "here", "context": {"cluster": "one", "user": "me"}}],
        "current-context": "here",
    }
    file.write_text(yaml.safe_dump(content))
    return file


def read(folder: Path, user: object = None, **cluster: object) -> Access:
    return Kubeconfig(kubeconfig(folder, user, **cluster)).read()


PAIR = "the client certificate or its key cannot be read, or they are no pair"
EXPIRED = "Invalid kube-config file. Expected key idp-issuer-url in kube-config/users[name=-]/user/auth-provider/config"


def words(credentials: Kubeconfig | ServiceAccount) -> str:
    with pytest.raises(ApiError) as raised:
        credentials.read()
    assert raised.value.reason is Reason.CREDENTIALS
    return raised.value.failure.words


def basic(text: str) -> tuple[tuple[str, str], ...]:
    return (("Authorization", f"Basic {b64(text.encode())}"),)


BEARER = (("Authorization", "Bearer abc"),)
WITH_NAME = "https://me@127.0.0.1:6443"
WITH_PASSWORD = "https://me:pa55@127.0.0.1:6443"


@pytest.mark.parametrize(
    ("user", "server", "headers"),
    [
        ({}, SERVER, ()),
        ({"token": "abc"}, SERVER, BEARER),
        ({"token": "abc"}, WITH_PASSWORD, BEARER),
        ({"tokenFile": "token"}, SERVER, BEARER),
        ({"token": "abc", "tokenFile": "empty"}, SERVER, BEARER),
        ({"tokenFile": "empty"}, SERVER, ()),
        ({"username": "jo", "password": "p:w"}, SERVER, basic("jo:p:w")),
        ({"username": "jo"}, SERVER, basic("jo:")),
        ({"password": "é"}, SERVER, basic(":é")),
        ({"username": "jo"}, WITH_PASSWORD, basic("jo:")),
        ({}, WITH_PASSWORD, basic("me:pa55")),
        ({}, WITH_NAME, basic("me:")),
        ({}, "https://:pa55@127.0.0.1:6443", ()),
        (oidc(jwt(exp=4e9)), WITH_PASSWORD, (("Authorization", f"Bearer {jwt(exp=4e9)}"),)),
        (by_plugin(token="abc"), WITH_PASSWORD, BEARER),
        (by_plugin(token="abc") | {"as": "other"}, SERVER, (*BEARER, ("Impersonate-User", "other"))),
        (by_plugin(token="of the plugin") | {"token": "abc"}, SERVER, BEARER),
        ({"token": "abc", "as": "jörg"}, SERVER, (*BEARER, ("Impersonate-User", "jÃ¶rg"))),
        ({"token": "a\tb c"}, SERVER, (("Authorization", "Bearer a\tb c"),)),
    ],
)
def test_a_user_has_these_headers(
    tmp_path: Path, user: dict[str, Any], server: str, headers: tuple[tuple[str, str], ...]
) -> None:
    (tmp_path / "token").write_text(" abc\n")
    (tmp_path / "empty").write_text(" \n")
    access = read(tmp_path, user, server=server)
    assert access.headers == headers
    assert access.server == SERVER


@pytest.mark.parametrize("character", ["\x00", "\n", "\x1f", "\x7f"])
def test_a_control_character_makes_no_header(tmp_path: Path, character: str) -> None:
    (tmp_path / "token").write_text(f"a{character}b")
    file = kubeconfig(tmp_path, {"tokenFile": "token"})
    assert words(Kubeconfig(file)) == (
        f"kubeconfig {file}: the token, or another credential, holds a line break or another control character"
    )


@pytest.mark.parametrize(
    ("user", "said"),
    [
        (oidc("no token"), "there is no token"),
        (oidc(jwt(exp=1)), EXPIRED),
        (oidc("e30.e30.=="), "there is no token"),
        (oidc("e30.eA.c2ln"), "not a kubeconfig"),
        (
            {"client-certificate-data": b64(b"x"), "client-key-data": b64(b"y")},
            PAIR := ("the client certificate or its key cannot be read, or they are no pair"),
        ),
        (
            {
                "client-certificate-data": b64(LEAF.certificate_pem),
                "client-key-data": b64(OTHER.kubelet_client("a", T0).key_pem),
            },
            PAIR,
        ),
        ({"tokenFile": "absent"}, "{folder}/absent: No such file or directory"),
        ({"tokenFile": "binary"}, "not a kubeconfig"),
        ({"tokenFile": "d/" * 300 + "e"}, ("{folder}/" + "d/" * 300)[:500]),
    ],
)
def test_what_cannot_be_shown_is_told(tmp_path: Path, user: dict[str, Any], said: str) -> None:
    (tmp_path / "binary").write_bytes(b"\xff")
    file = kubeconfig(tmp_path, user)
    expected = said.format(folder=tmp_path)[:500]
    assert words(Kubeconfig(file)) == f"kubeconfig {file}: {expected}"


def test_nobody_is_asked_for_the_password_of_a_key(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """OpenSSL would ask on the terminal, and wait."""
    locked = BestAvailableEncryption(b"secret")
    key = LEAF.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked)
    file = kubeconfig(tmp_path, {**certified(), "client-key-data": b64(key)})
    assert words(Kubeconfig(file)) == f"kubeconfig {file}: {PAIR}"
    assert capfd.readouterr() == ("", "")


def certified(leaf: Credential = LEAF, key: bytes = b"") -> dict[str, Any]:
    return {"client-certificate-data": b64(leaf.certificate_pem), "client-key-data": b64(key or leaf.key_pem)}


CHANGES: dict[str, tuple[dict[str, Any], dict[str, object]]] = {
    "server": (certified(), {"server": "https://127.0.0.1:6444"}),
    "name": (certified(), {"tls-server-name": "localhost"}),
    "no verification": (certified(), {"certificate-authority-data": None, "insecure-skip-tls-verify": True}),
    "authority": (certified(), {"certificate-authority-data": b64(OTHER.pem)}),
    "no authority": (certified(), {"certificate-authority-data": None}),
    "proxy": (certified(), {"proxy-url": "http://10.0.0.9:3128"}),
    "proxy's password": (certified(), {"proxy-url": "http://me:pa55@10.0.0.9:3128"}),
    "certificate": (certified(CA.kubelet_client("another", T0)), {}),
    "key": (certified(key=LEAF.key_pem + b"\n"), {}),
    "no certificate": ({}, {}),
}


def test_whatever_a_connection_is_made_of_makes_another_identity(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection made earlier is kept as long as that is the same; what is sent in headers is not part of it."""
    plain: dict[str, object] = {"certificate-authority-data": b64(CA.pem)}
    found = {what: read(tmp_path, user, **{**plain, **cluster}) for what, (user, cluster) in CHANGES.items()}
    found["nothing"] = read(tmp_path, certified(), **plain)
    assert read(tmp_path, {**certified(), "token": "abc", "as": "jo"}, **plain).identity == found["nothing"].identity
    monkeypatch.setenv("HTTPS_PROXY", "http://10.0.0.8:3128")
    assert read(tmp_path, certified(), **plain).identity == found["nothing"].identity, "none leads to loopback"
    found["far"] = read(tmp_path, certified(), **{**plain, "server": "https://10.0.0.1"})
    monkeypatch.setenv("HTTPS_PROXY", "http://10.0.0.7:3128")
    found["far, by another proxy"] = read(tmp_path, certified(), **{**plain, "server": "https://10.0.0.1"})
    assert len({one.identity for one in found.values()}) == len(found)
    assert {len(one.identity) for one in found.values()} == {32}


def test_a_cluster_is_reached_as_its_entry_says(tmp_path: Path) -> None:
    cluster = {
        "server": "https://contoso.example",
        "tls-server-name": "aks.example",
        "proxy-url": "http://me:pa55@10.0.0.9:3128",
        "certificate-authority-data": b64(CA.pem),
    }
    found = read(tmp_path, {"token": "abc"}, **cluster)
    assert replace(found, context=None, identity=b"") == Access(
        server="https://contoso.example",
        server_name="aks.example",
        proxy=Proxy("http", "10.0.0.9", 3128, "me", "pa55"),
        context=None,
        authorities=CA.pem,
        identity=b"",
        headers=BEARER,
        expires=None,
    )
    assert found.address == ("contoso.example", 443)


def test_over_plain_http_there_is_no_tls(tmp_path: Path) -> None:
    found = read(tmp_path, certified(), server="http://127.0.0.1:8001")
    assert (found.context, found.address) == (None, ("127.0.0.1", 8001))


def ders(context: ssl.SSLContext | None) -> list[bytes]:
    assert context is not None
    return sorted(context.get_ca_certs(binary_form=True))


def der(authority: Authority) -> bytes:
    return ssl.PEM_cert_to_DER_cert(authority.pem.decode())


@pytest.mark.parametrize(
    ("bundle", "trusted"),
    [
        (CA.pem, [CA]),
        (b"# a comment\n" + CA.pem + JUNK + OTHER.pem, [CA, OTHER]),
        (OTHER.pem + OTHER.pem, [OTHER]),
    ],
)
def test_every_member_of_the_bundle_is_trusted(tmp_path: Path, bundle: bytes, trusted: list[Authority]) -> None:
    found = read(tmp_path, **{"certificate-authority-data": b64(bundle)})
    assert found.context is not None
    assert ders(found.context) == sorted(map(der, trusted))
    assert found.context.verify_flags & ssl.VERIFY_X509_PARTIAL_CHAIN
    assert (found.context.check_hostname, found.context.verify_mode) == (True, ssl.CERT_REQUIRED)


def test_without_a_bundle_the_systems_is_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "system.pem").write_bytes(OTHER.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "system.pem"))
    found = read(tmp_path)
    assert der(OTHER) in ders(found.context)
    assert found.context is not None
    assert found.context.verify_mode is ssl.CERT_REQUIRED


def test_where_nothing_is_verified_nothing_is_trusted(tmp_path: Path) -> None:
    found = read(tmp_path, **{"insecure-skip-tls-verify": True})
    assert found.context is not None
    assert (found.context.check_hostname, found.context.verify_mode) == (False, ssl.CERT_NONE)
    assert ders(found.context) == []


@pytest.mark.parametrize("bundle", [b"no CA", JUNK])
def test_a_bundle_of_which_nothing_can_be_read_is_told(tmp_path: Path, bundle: bytes) -> None:
    file = kubeconfig(tmp_path, **{"certificate-authority-data": b64(bundle)})
    assert words(Kubeconfig(file)) == f"kubeconfig {file}: the CA holds no certificate that can be read"


@pytest.mark.parametrize(
    ("user", "slow", "expires", "shows"),
    [
        ({"token": "abc"}, False, None, b""),
        (by_plugin(token="abc"), True, None, b""),
        (by_plugin(token="abc", expirationTimestamp="1970-01-01T00:01:40Z"), True, 100.0, b""),
        (by_plugin(token="other", expirationTimestamp="1970-01-01T00:01:40Z") | {"token": "abc"}, False, None, b""),
        (by_plugin(token="abc") | {"as": "jo"}, True, None, b""),
    ],
)
def test_a_plugin_is_slow_and_says_when_to_come_back(
    tmp_path: Path, user: dict[str, Any], slow: bool, expires: float | None, shows: bytes
) -> None:
    assert PATIENCE == 60.0
    credentials = Kubeconfig(kubeconfig(tmp_path, user))
    assert credentials.slow is False
    found = credentials.read()
    assert (credentials.slow, found.expires, found.headers[0]) == (slow, expires, BEARER[0])


def test_the_users_own_certificate_goes_before_that_of_a_plugin(tmp_path: Path) -> None:
    other = CA.kubelet_client("another", T0)
    given = by_plugin(clientCertificateData=other.certificate_pem.decode(), clientKeyData=other.key_pem.decode())
    identities = [read(tmp_path, user).identity for user in (certified(other), given, certified(), given | certified())]
    assert identities == [identities[0], identities[0], identities[2], identities[2]]
    assert identities[0] != identities[2]


def test_what_was_read_a_moment_ago_is_used_once(tmp_path: Path) -> None:
    file = kubeconfig(tmp_path, {"token": "first"})
    credentials = Kubeconfig(file, chosen=read_kubeconfig(file))
    kubeconfig(tmp_path, {"token": "second"})
    assert [credentials.read().headers[0][1] for _ in range(3)] == ["Bearer first", "Bearer second", "Bearer second"]


def stamped(*files: Path) -> tuple[tuple[str, int, int, int], ...]:
    return tuple(
        (str(file), found.st_ino, found.st_mtime_ns, found.st_size) if found else (str(file), 0, 0, 0)
        for file, found in ((file, os.stat(file) if file.exists() else None) for file in files)
    )


def test_the_stamp_is_of_every_file_that_was_read(tmp_path: Path) -> None:
    user = {"client-certificate": "a.crt", "client-key": "a.key", "tokenFile": "token"}
    first = kubeconfig(tmp_path, user, **{"certificate-authority": "ca.crt"})
    contents = {"ca.crt": CA.pem, "a.crt": LEAF.certificate_pem, "a.key": LEAF.key_pem, "token": b"abc"}
    credentials = Kubeconfig(f"{first}:{tmp_path / 'absent'}")
    assert credentials.stamp() == stamped(first, tmp_path / "absent")
    words(credentials)  # the files are not there yet
    files = [first, tmp_path / "absent", *(tmp_path / name for name in contents)]
    assert credentials.stamp() == stamped(*files)
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    for _ in range(2):
        credentials.read()
        assert credentials.stamp() == stamped(*files)
    alone = Kubeconfig(kubeconfig(tmp_path, {"token": "abc"}))
    alone.read()
    assert alone.stamp() == stamped(first)


SERVICE = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}


def test_a_service_account_is_reached_by_the_environment(pod: Pod, authority: Authority) -> None:
    (pod.folder / "token").write_text("abc\n")
    environment = {**SERVICE, "HTTPS_PROXY": "http://10.0.0.9:3128"}
    account = ServiceAccount(pod.folder, environment)
    found = account.read()
    assert account.slow is False
    assert replace(found, context=None, identity=b"") == Access(
        server="https://10.0.0.1:443",
        server_name="",
        proxy=Proxy("http", "10.0.0.9", 3128),
        context=None,
        authorities=authority.pem,
        identity=b"",
        headers=(("Authorization", "bearer abc"),),
    )
    assert found.context is not None
    assert ders(found.context) == [der(authority)]
    assert found.context.verify_mode is ssl.CERT_REQUIRED
    assert account.stamp() == stamped(pod.folder / "token", pod.folder / "ca.crt")
    others = [ServiceAccount(pod.folder, {**SERVICE, "KUBERNETES_SERVICE_HOST": host}).read() for host in ("::1", "b")]
    pod.mount(OTHER.pem, "abc")
    others.append(account.read())
    assert len({found.identity, *(one.identity for one in others)}) == 4
    (pod.folder / "token").write_text("def")
    assert account.read().identity == others[-1].identity, "a token is no part of a connection"


@pytest.mark.parametrize(
    ("spoil", "environment", "said"),
    [
        (
            lambda folder: None,
            {**SERVICE, "HTTPS_PROXY": "ftp://x"},
            "HTTPS_PROXY: a proxy of the scheme ftp:// is not supported: http, https or socks5",
        ),
        (lambda folder: None, {**SERVICE, "KUBERNETES_SERVICE_PORT": ""}, "Service host/port is set but empty"),
        (lambda folder: (folder / "ca.crt").unlink(), SERVICE, "Service certification file does not exist"),
        (lambda folder: (folder / "token").write_text(""), SERVICE, "Token file exists but empty"),
        (lambda folder: (folder / "token").write_bytes(b"\xff"), SERVICE, "not a kubeconfig"),
    ],
)
def test_a_service_account_that_cannot_be_used_is_told(
    pod: Pod, spoil: Callable[[Path], object], environment: dict[str, str], said: str
) -> None:
    spoil(pod.folder)
    assert words(ServiceAccount(pod.folder, environment)) == f"service account: {said}"


def test_a_pod_has_its_service_account_where_kubernetes_mounts_it() -> None:
    folder = Path("/var/run/secrets/kubernetes.io/serviceaccount")
    assert [name for name, *_ in ServiceAccount().stamp()] == [str(folder / "token"), str(folder / "ca.crt")]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (KubeconfigError("a\n {b}"), "a {b}"),
        (ProxyError("no proxy"), "no proxy"),
        (ConfigException("what it is {'token': 's3cr3t'}"), "what it is"),
        (OSError(13, "Permission denied", "/a"), "/a: Permission denied"),
        (OSError(13, "Permission denied"), "Permission denied"),
        (OSError("only words"), "only words"),
        (ValueError("s3cr3t"), "not a kubeconfig"),
        (TypeError("s3cr3t"), "not a kubeconfig"),
        (AttributeError("s3cr3t"), "not a kubeconfig"),
        (KeyError("s3cr3t"), "not a kubeconfig"),
        (RecursionError("s3cr3t"), "not a kubeconfig"),
        (KubeconfigError("x" * 501), "x" * 500),
    ],
)
def test_an_exception_is_one_line_that_quotes_nothing(error: Exception, said: str) -> None:
    for place, words in (("a place", f"a place: {said}"), ("", said)):
        with pytest.raises(ApiError) as raised, _as_credentials_error(place):
            raise error
        assert raised.value.failure == Failure(Reason.CREDENTIALS, words)


def test_what_is_a_fault_of_ours_is_none_of_the_credentials() -> None:
    with pytest.raises(ZeroDivisionError), _as_credentials_error("a place"):
        raise ZeroDivisionError
    with _as_credentials_error("a place"):
        pass
