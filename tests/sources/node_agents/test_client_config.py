"""How to ask node agents, from a file in Prometheus' http_config form: over real TLS, and whatever the file says."""

import asyncio
import base64
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from exporter.facts.kube.endpoint_slice import PodAddress
from exporter.facts.source import Failure
from exporter.reason import Reason
from exporter.settings import SettingsError
from exporter.sources.node_agents.ask import Said, ask
from exporter.sources.node_agents.client_config import ClientAccess, client_access
from simulation.pki import YEAR, Authority, Credential

NODE = "aks-nodepool1-12345678-vmss000000"
NOW = time.time()
AUTHORITY, STRANGER = Authority("agents", NOW - YEAR, NOW + YEAR), Authority("other", NOW - YEAR, NOW + YEAR, number=1)
SERVING = AUTHORITY.apiserver(["node-agents.internal"], NOW)
FACTS = f'{{"schema": 1, "agent": "node", "node": "{NODE}", "looked_at": 1.0, "findings": []}}'.encode()


class Facts(BaseHTTPRequestHandler):
    """Answers with facts, or a 304; a login is wanted."""

    def do_GET(self) -> None:
        self.server.asked.append(dict(self.headers))  # type: ignore[attr-defined]
        known = self.headers.get("If-None-Match") == '"1"'
        login = self.headers.get("Authorization") == "Basic " + base64.b64encode(b"agent:secret").decode()
        self.send_response(401 if not login else 304 if known else 200)
        self.send_header("ETag", '"1"')
        self.send_header("Content-Length", "0" if known or not login else str(len(FACTS)))
        self.end_headers()
        self.wfile.write(b"" if known or not login else FACTS)

    def log_message(self, *_: object) -> None:
        """Nothing on standard error."""


@contextmanager
def agent(folder: Path, *, clients: Authority | None = None) -> Iterator[HTTPServer]:
    """A server with a certificate of AUTHORITY's; `clients`: whose clients it lets in."""
    (folder / "served.pem").write_bytes(SERVING.pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "served.pem")
    if clients is not None:
        context.load_verify_locations(cadata=clients.pem.decode())
        context.verify_mode = ssl.CERT_REQUIRED
    server = HTTPServer(("127.0.0.1", 0), Facts)
    server.asked = []  # type: ignore[attr-defined]
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # type: ignore[method-assign] # a handshake that fails is expected
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def written(folder: Path, content: object, client: Credential | None = None) -> Path:
    (folder / "ca.pem").write_bytes(AUTHORITY.pem)
    (folder / "password").write_text("secret\n")
    if client is not None:
        (folder / "client.pem").write_bytes(client.certificate_pem)
        (folder / "client.key").write_bytes(client.key_pem)
    file = folder / "agents.yaml"
    file.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return file


def asked(server: HTTPServer, access: ClientAccess, former: Said | None = None) -> Said | Failure:
    pod = PodAddress(NODE, "127.0.0.1", server.server_address[1])
    return asyncio.run(ask(pod, former, access, 10))


LOGIN = {"username": "agent", "password_file": "password"}


def test_an_agent_is_asked_by_a_client_certificate_and_a_login(tmp_path: Path) -> None:
    """Paths are beside the file; what has not changed is not read again."""
    client = AUTHORITY.kubelet_client("cluster-agent", NOW)
    tls = {"ca_file": "ca.pem", "cert_file": "client.pem", "key_file": "client.key"}
    content = {"tls_config": {**tls, "server_name": "node-agents.internal"}, "basic_auth": LOGIN}
    access = client_access(written(tmp_path, content, client))
    assert {one.name for one in access.files} == {"agents.yaml", "ca.pem", "client.pem", "client.key", "password"}
    assert "secret" not in repr(access)
    assert base64.b64encode(b"agent:secret").decode() not in repr(access)
    with agent(tmp_path, clients=AUTHORITY) as server:
        first = asked(server, access)
        assert isinstance(first, Said)
        assert (first.document.node, first.etag) == (NODE, '"1"')
        assert asked(server, access, first) is first
    with agent(tmp_path, clients=STRANGER) as server:
        assert isinstance(asked(server, access), Failure)


@pytest.mark.parametrize(
    ("tls", "reason"),
    [
        ({"ca_file": "ca.pem"}, Reason.CERTIFICATE_HOSTNAME),
        ({"ca_file": "ca.pem", "server_name": "another.internal"}, Reason.CERTIFICATE_HOSTNAME),
        ({"server_name": "node-agents.internal"}, Reason.CERTIFICATE_UNTRUSTED),
    ],
)
def test_a_password_is_sent_to_nobody_else(tmp_path: Path, tls: dict[str, str], reason: Reason) -> None:
    access = client_access(written(tmp_path, {"tls_config": tls, "basic_auth": LOGIN}))
    with agent(tmp_path) as server:
        found = asked(server, access)
        assert server.asked == []  # type: ignore[attr-defined]
    assert isinstance(found, Failure)
    assert found.reason is reason


def test_without_verification_it_is_asked_without_a_login(tmp_path: Path) -> None:
    """Which this agent does not accept."""
    access = client_access(written(tmp_path, {"tls_config": {"insecure_skip_verify": True}}))
    with agent(tmp_path) as server:
        found = asked(server, access)
        assert [one.get("Authorization") for one in server.asked] == [None]  # type: ignore[attr-defined]
    assert found == Failure(Reason.UNAUTHORIZED, "HTTP 401")


def test_without_a_file_and_with_an_empty_one_it_is_plain_http(tmp_path: Path) -> None:
    assert client_access(None) == ClientAccess()
    for content in ("", "scheme: http\n"):
        access = client_access(written(tmp_path, content))
        assert (access.context, access.server_name, access.headers) == (None, None, {})


CA = {"ca_file": "ca.pem"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not YAML: "),
        ("\x00", "not YAML: "),
        ("[1]", "the file: not a mapping"),
        ({"tls_config": "on"}, "tls_config: not a mapping"),
        ({"authorization": {}}, "unknown key authorization"),
        ({"tls_config": {"ca": "x"}}, "unknown key tls_config.ca"),
        ({"basic_auth": {"user\nname": "x"}}, "unknown key basic_auth.user name"),
        ({"scheme": "ftp"}, "scheme: not one of http, https"),
        ({"scheme": "http", "tls_config": CA}, "tls_config: useless with scheme http"),
        ({"tls_config": {"insecure_skip_verify": "yes"}}, "tls_config.insecure_skip_verify: not true or false"),
        ({"basic_auth": LOGIN}, "basic_auth: a password is sent only over verified TLS (tls_config with ca_file)"),
        (
            {"tls_config": {"insecure_skip_verify": True}, "basic_auth": LOGIN},
            "basic_auth: a password is sent only over verified TLS (tls_config with ca_file)",
        ),
        ({"tls_config": {"ca_file": 5}}, "tls_config.ca_file: not a string of one line"),
        ({"tls_config": {"server_name": "a\r\nb"}}, "tls_config.server_name: not a string of one line"),
        ({"tls_config": {"ca_file": "absent.pem"}}, "tls_config: No such file or directory"),
        ({"tls_config": {"ca_file": "password"}}, "tls_config: "),
        ({"tls_config": {**CA, "cert_file": "ca.pem"}}, "tls_config: "),
        (
            {"tls_config": CA, "basic_auth": {"username": "agent"}},
            "basic_auth: username and password, or password_file, are needed",
        ),
        (
            {"tls_config": CA, "basic_auth": {"password": "secret"}},
            "basic_auth: username and password, or password_file, are needed",
        ),
        (
            {"tls_config": CA, "basic_auth": {"username": "agent", "password_file": "absent"}},
            "basic_auth.password_file: No such file or directory",
        ),
        (
            {"tls_config": CA, "basic_auth": {"username": "agent", "password_file": "bytes"}},
            "basic_auth.password_file: not text",
        ),
    ],
)
def test_what_cannot_be_used_is_one_line_that_names_the_file(tmp_path: Path, content: object, words: str) -> None:
    """And never a password."""
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    file = written(tmp_path, content)
    with pytest.raises(SettingsError) as raised:
        client_access(file)
    said = str(raised.value)
    assert said.startswith(f"{file}: {words}")
    assert "\n" not in said
    assert "secret" not in said


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"absent\.yaml: No such file or directory$"):
        client_access(tmp_path / "absent.yaml")


def lacks_nothing(tmp_path: Path, content: object) -> ClientAccess:
    client = AUTHORITY.kubelet_client("cluster-agent", NOW)
    (tmp_path / "both.pem").write_bytes(client.pem)
    return client_access(written(tmp_path, content, client))


def names(access: ClientAccess) -> list[str]:
    return [one.name for one in access.files]


def basic(text: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(text.encode()).decode()}"}


@pytest.mark.parametrize(
    ("content", "tls", "server_name", "headers", "files"),
    [
        ({}, False, None, {}, []),
        ({"tls_config": None, "basic_auth": None}, False, None, {}, []),
        ({"tls_config": {}}, False, None, {}, []),
        ({"scheme": "http", "tls_config": {}, "basic_auth": {}}, False, None, {}, []),
        ({"scheme": "https"}, True, None, {}, []),
        ({"tls_config": {"server_name": "a b"}}, True, "a b", {}, []),
        ({"tls_config": {"server_name": "", "insecure_skip_verify": False, **CA}}, True, None, {}, ["ca.pem"]),
        ({"tls_config": {"cert_file": "both.pem"}}, True, None, {}, ["both.pem"]),
        (
            {"tls_config": {"cert_file": "client.pem", "key_file": "client.key", "ca_file": "ca.pem"}},
            True,
            None,
            {},
            ["ca.pem", "client.pem", "client.key"],
        ),
        ({"tls_config": {"key_file": "client.key"}}, True, None, {}, ["client.key"]),
        (
            {"scheme": "https", "basic_auth": {"username": "agent", "password": " in line "}},
            True,
            None,
            basic("agent: in line "),
            [],
        ),
        ({"tls_config": CA, "basic_auth": LOGIN}, True, None, basic("agent:secret"), ["ca.pem", "password"]),
        (
            {"tls_config": CA, "basic_auth": {**LOGIN, "password": "other", "username": "jörg"}},
            True,
            None,
            basic("jörg:secret"),
            ["ca.pem", "password"],
        ),
    ],
)
def test_what_the_file_says_is_what_is_done(
    tmp_path: Path, content: object, tls: bool, server_name: str | None, headers: dict[str, str], files: list[str]
) -> None:
    found = lacks_nothing(tmp_path, content)
    assert (found.server_name, found.headers, names(found)) == (server_name, headers, ["agents.yaml", *files])
    assert (found.context is not None) is tls
    if found.context is not None:
        assert (found.context.check_hostname, found.context.verify_mode) == (True, ssl.CERT_REQUIRED)


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_nobody_is_asked_for_the_password_of_a_key(tmp_path: Path, form: PrivateFormat) -> None:
    """OpenSSL would, where there is a terminal, and the agent would wait."""
    client = AUTHORITY.kubelet_client("cluster-agent", NOW)
    file = written(tmp_path, {"tls_config": {**CA, "cert_file": "client.pem", "key_file": "client.key"}}, client)
    key = load_pem_private_key(client.key_pem, None)
    (tmp_path / "client.key").write_bytes(key.private_bytes(Encoding.PEM, form, BestAvailableEncryption(b"secret")))
    with pytest.raises(SettingsError) as raised:
        client_access(file)
    words = "tls_config: the key is encrypted, and there is nowhere to give its password"
    assert str(raised.value) == f"{file}: {words}"


def trusted(access: ClientAccess) -> list[bytes]:
    assert access.context is not None
    return access.context.get_ca_certs(binary_form=True)


def test_the_ca_is_the_one_of_the_file_or_those_of_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "system.pem").write_bytes(STRANGER.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "system.pem"))
    own, system = (ssl.PEM_cert_to_DER_cert(one.pem.decode()) for one in (AUTHORITY, STRANGER))
    assert trusted(lacks_nothing(tmp_path, {"tls_config": CA})) == [own]
    found = trusted(lacks_nothing(tmp_path, {"scheme": "https"}))
    assert system in found
    assert own not in found


def test_where_nothing_is_verified_no_name_is_either(tmp_path: Path) -> None:
    found = lacks_nothing(tmp_path, {"tls_config": {"insecure_skip_verify": True, **CA}})
    assert found.context is not None
    assert (found.context.check_hostname, found.context.verify_mode) == (False, ssl.CERT_NONE)


ONE_LINE = "not a string of one line"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not YAML: expected the node content, but found '<stream end>'"),
        ("a: b: c", "not YAML: mapping values are not allowed here"),
        ("2001-99-99", "not YAML: month must be in 1..12"),
        ("basic_auth: {password: !!bool secret}", "not YAML: a value does not fit its tag"),
        ("basic_auth: {password: !!int secret}", "not YAML: a value does not fit its tag"),
        ('basic_auth: {password: !!float "se\'cret"}', "not YAML: a value does not fit its tag"),
        ("scheme: !!int ''", "not YAML: a value does not fit its tag"),
        ("scheme: !!timestamp x", "not YAML: a value does not fit its tag"),
        ({7: "x"}, "unknown key 7"),
        ({"x" * 61: 1}, f"unknown key {'x' * 60}"),
        ({"tls_config": {None: 1}}, "unknown key tls_config.None"),
        ({"basic_auth": [1]}, "basic_auth: not a mapping"),
        ({"scheme": None}, "scheme: not one of http, https"),
        ({"scheme": []}, "scheme: not one of http, https"),
        ('tls_config: {cert_file: "\\ud800"}', f"tls_config.cert_file: {ONE_LINE}"),
        ({"tls_config": {"insecure_skip_verify": 0}}, "tls_config.insecure_skip_verify: not true or false"),
        ({"tls_config": {"cert_file": ["x"]}}, f"tls_config.cert_file: {ONE_LINE}"),
        ({"tls_config": {"key_file": 1}}, f"tls_config.key_file: {ONE_LINE}"),
        ({"tls_config": {"server_name": "a\x1fb"}}, f"tls_config.server_name: {ONE_LINE}"),
        ({"tls_config": {"server_name": None}}, f"tls_config.server_name: {ONE_LINE}"),
        ({"tls_config": CA, "basic_auth": {"username": 1}}, f"basic_auth.username: {ONE_LINE}"),
        ({"tls_config": CA, "basic_auth": {"password": 1}}, f"basic_auth.password: {ONE_LINE}"),
        ({"tls_config": CA, "basic_auth": {"password_file": 1}}, f"basic_auth.password_file: {ONE_LINE}"),
        (
            {"scheme": "http", "basic_auth": LOGIN},
            "basic_auth: a password is sent only over verified TLS (tls_config with ca_file)",
        ),
        ({"tls_config": {"cert_file": "client.pem"}}, "tls_config: [SSL] PEM lib"),
        ({"tls_config": {"cert_file": "client.pem", "key_file": "absent"}}, "tls_config: No such file or directory"),
        (
            {"tls_config": CA, "basic_auth": {"username": "agent", "password_file": "empty"}},
            "basic_auth: username and password, or password_file, are needed",
        ),
    ],
)
def test_what_cannot_be_used_is_told_to_the_word(tmp_path: Path, content: object, words: str) -> None:
    (tmp_path / "empty").write_text(" \n")
    with pytest.raises(SettingsError) as raised:
        lacks_nothing(tmp_path, content)
    assert str(raised.value).partition(" (_ssl")[0] == f"{tmp_path / 'agents.yaml'}: {words}"
