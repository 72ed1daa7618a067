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
