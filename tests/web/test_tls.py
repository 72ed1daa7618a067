"""TLS of the web configuration: certificates that change under a running server, client CAs, versions, suites."""

import http.client
import os
import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from exporter.web.limits import Limits
from exporter.web.server import WebServer
from simulation.pki import DAY, Authority, Credential
from tests.web.conftest import Running, Serve, SmallAgent
from tests.web.test_server import ended, process

NOW = time.time()
SERVER_CA = Authority("server-ca", NOW - DAY, NOW + 9 * DAY, number=0)
CLIENT_CA = Authority("client-ca", NOW - DAY, NOW + 9 * DAY, number=1)
OTHER_CA = Authority("client-ca", NOW - DAY, NOW + 9 * DAY, number=2)


def serving() -> Credential:
    return SERVER_CA.kubelet_serving("localhost", NOW)


def client(authority: Authority, *names: str) -> Credential:
    return authority.issue("prometheus", NOW - DAY, NOW + DAY, names=names)


class Files:
    """A web configuration and the files it names."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.config = directory / "web.yml"
        self.write(serving())

    def write(self, credential: Credential) -> Credential:
        (self.directory / "tls.crt").write_bytes(credential.certificate_pem)
        (self.directory / "tls.key").write_bytes(credential.key_pem)
        return credential

    def configure(self, *more: str) -> Path:
        lines = ["tls_server_config:", "  cert_file: tls.crt", "  key_file: tls.key", *(f"  {line}" for line in more)]
        self.config.write_text("\n".join(lines) + "\n")
        return self.config

    def require(self, authority: Authority, *more: str, policy: str = "RequireAndVerifyClientCert") -> Path:
        (self.directory / "client-ca.crt").write_bytes(authority.pem)
        return self.configure("client_ca_file: client-ca.crt", f"client_auth_type: {policy}", *more)

    def trust(self, credential: Credential | None = None) -> ssl.SSLContext:
        """A client's context, with a certificate of its own or without."""
        context = ssl.create_default_context(cadata=SERVER_CA.pem.decode())
        if credential is not None:
            file = self.directory / "client.pem"
            file.write_bytes(credential.pem)
            context.load_cert_chain(file)
        return context


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def served(running: Running) -> bytes:
    """The certificate that the server shows now, in DER."""
    context = ssl.create_default_context(cadata=SERVER_CA.pem.decode())
    with (
        socket.create_connection((running.host, running.port), timeout=20) as connection,
        context.wrap_socket(connection, server_hostname="localhost") as secured,
    ):
        return secured.getpeercert(binary_form=True) or b""


def comes(condition: Callable[[], bool]) -> bool:
    """Whether the condition comes true within twenty seconds."""
    end = time.monotonic() + 20
    while not condition():
        if time.monotonic() > end:
            return False
        threading.Event().wait(0.05)
    return True


def der(credential: Credential) -> bytes:
    return ssl.PEM_cert_to_DER_cert(credential.certificate_pem.decode())


def refused(running: Running, context: ssl.SSLContext) -> bool:
    """Whether the server ends the conversation. Under TLS 1.3 a client learns it only when it reads."""
    try:
        running.ask("/metrics", tls=context)
    except (ssl.SSLError, ConnectionResetError, BrokenPipeError, http.client.RemoteDisconnected):
        return True
    return False


def test_https_is_served_and_logged(serve: Serve, files: Files, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        running = serve(web_config=files.configure())
    assert f"listening on https://127.0.0.1:{running.port}" in caplog.messages
    answer = running.ask("/metrics", tls=files.trust())
    assert answer.status == 200
    assert answer.headers["content-length"] == str(len(answer.body))
    assert running.ask("/metrics", "HEAD", tls=files.trust()).body == b""


def test_plain_http_to_a_tls_port_is_ended(serve: Serve, files: Files) -> None:
    running = serve(web_config=files.configure())
    with socket.create_connection((running.host, running.port), timeout=20) as connection:
        connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
        assert ended(connection)


def test_a_large_answer_arrives_whole_over_tls(serve: Serve, files: Files) -> None:
    running = serve(SmallAgent(document="x" * 3_000_000), files.configure())
    assert running.ask("/", tls=files.trust()).body == b"x" * 3_000_000


def test_probes_answer_while_200_handshakes_stall(serve: Serve, files: Files) -> None:
    running = serve(web_config=files.configure())
    connections = [socket.create_connection((running.host, running.port), timeout=20) for _ in range(200)]
    assert running.ask("/healthz", tls=files.trust()).status == 200
    for connection in connections:
        connection.close()


def test_beyond_the_bound_the_handshake_that_lasts_longest_makes_room(serve: Serve, files: Files) -> None:
    running = serve(web_config=files.configure(), limits=Limits(handshakes=5))
    with ExitStack() as stack:
        connections = []
        for sent in (b"", b"\x16\x03\x01\x02\x00") * 10:  # nothing, and the first bytes of a ClientHello
            connection = stack.enter_context(socket.create_connection((running.host, running.port), timeout=20))
            connection.sendall(sent)
            connections.append(connection)
            assert running.ask("/healthz", tls=files.trust()).status == 200
        assert all(ended(connection) for connection in connections[:15])


def test_a_new_certificate_is_served_without_a_restart(serve: Serve, files: Files) -> None:
    running = serve(web_config=files.configure())
    before = served(running)
    with socket.create_connection((running.host, running.port), timeout=20) as raw:
        kept = files.trust().wrap_socket(raw, server_hostname="localhost")
        new = files.write(serving())
        assert comes(lambda: served(running) == der(new))
        assert der(new) != before
        # A connection made before goes on.
        kept.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert kept.recv(65536).startswith(b"HTTP/1.1 200 OK")
        kept.close()


def test_a_half_written_pair_leaves_the_old_one_in_force(
    serve: Serve, files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    running = serve(web_config=files.configure())
    before = served(running)
    new = serving()
    for content, words in (
        (new.certificate_pem, "key values mismatch"),  # the key is still the old one's
        (new.certificate_pem[:300], "not PEM"),
        (b"", "not PEM"),
    ):
        caplog.clear()
        (files.directory / "tls.crt").write_bytes(content)
        assert comes(lambda: "the former web configuration stays in force" in caplog.text)
        assert words in caplog.text
        assert served(running) == before
    files.write(new)
    assert comes(lambda: served(running) == der(new))


def test_a_secret_that_kubernetes_swaps_is_followed(serve: Serve, tmp_path: Path) -> None:
    for name in ("..1", "..2"):
        (tmp_path / name).mkdir()
    files = Files(tmp_path / "..1")
    files.configure()
    os.symlink("..1", tmp_path / "..data")
    for name in ("tls.crt", "tls.key", "web.yml"):
        os.symlink(f"..data/{name}", tmp_path / name)
    running = serve(web_config=tmp_path / "web.yml")
    other = Files(tmp_path / "..2")
    other.configure()
    new = other.write(serving())
    os.symlink("..2", tmp_path / "..new")
    os.rename(tmp_path / "..new", tmp_path / "..data")
    assert comes(lambda: served(running) == der(new))


def test_without_a_client_certificate_nobody_passes_where_one_is_required(serve: Serve, files: Files) -> None:
    running = serve(web_config=files.require(CLIENT_CA))
    assert refused(running, files.trust())
    assert refused(running, files.trust(client(OTHER_CA)))
    assert running.ask("/metrics", tls=files.trust(client(CLIENT_CA))).status == 200


def test_a_client_certificate_that_is_past_its_time_is_refused(serve: Serve, files: Files) -> None:
    running = serve(web_config=files.require(CLIENT_CA))
    assert refused(running, files.trust(CLIENT_CA.issue("prometheus", NOW - 2 * DAY, NOW - DAY)))


def test_where_it_is_verified_if_given_none_passes_and_a_wrong_one_does_not(serve: Serve, files: Files) -> None:
    running = serve(web_config=files.require(CLIENT_CA, policy="VerifyClientCertIfGiven"))
    assert running.ask("/metrics", tls=files.trust()).status == 200
    assert running.ask("/metrics", tls=files.trust(client(CLIENT_CA))).status == 200
    assert refused(running, files.trust(client(OTHER_CA)))


def test_a_new_client_ca_replaces_the_old_one(serve: Serve, files: Files) -> None:
    running = serve(web_config=files.require(CLIENT_CA))
    former, new = files.trust(client(CLIENT_CA)), files.trust(client(OTHER_CA))
    assert refused(running, new)
    (files.directory / "client-ca.crt").write_bytes(OTHER_CA.pem)
    assert comes(lambda: not refused(running, new))
    assert refused(running, former)


def test_client_certificates_can_be_asked_for_and_are_then_asked_for_until_a_restart(
    serve: Serve, files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    """C1: a reload takes no protection away, whatever the new file leaves out or says less of."""
    running = serve(web_config=files.configure())
    assert not refused(running, files.trust())
    files.require(CLIENT_CA, "client_allowed_sans: [a]")
    assert comes(lambda: refused(running, files.trust()))
    names = "tls_server_config.client_allowed_sans"
    both = f"tls_server_config.client_auth_type, {names}"
    weaker: tuple[tuple[Callable[[], Path], str], ...] = (
        (files.configure, both),
        (lambda: files.configure("client_auth_type: NoClientCert"), both),
        (lambda: files.require(CLIENT_CA, policy="VerifyClientCertIfGiven"), both),
        (lambda: files.require(CLIENT_CA), f"{files.config}: {names}"),
    )
    for weaken, keys in weaker:
        caplog.clear()
        weaken()
        words = f"{keys}: a restart is needed to protect less than before; the former"
        assert comes(lambda words=words: words in caplog.text)  # type: ignore[misc]
        assert refused(running, files.trust())
        assert refused(running, files.trust(client(CLIENT_CA, "b")))
        assert running.ask("/metrics", tls=files.trust(client(CLIENT_CA, "a"))).status == 200
    files.require(OTHER_CA, "client_allowed_sans: [b]")
    assert comes(lambda: not refused(running, files.trust(client(OTHER_CA, "b"))))


def test_client_certificates_that_are_verified_if_given_stay_verified(
    serve: Serve, files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    """C1."""
    running = serve(web_config=files.require(CLIENT_CA, policy="VerifyClientCertIfGiven"))
    files.configure()
    assert comes(lambda: "tls_server_config.client_auth_type: a restart is needed" in caplog.text)
    assert refused(running, files.trust(client(OTHER_CA)))
    files.require(CLIENT_CA)
    assert comes(lambda: refused(running, files.trust()))


def test_a_client_must_bear_an_allowed_name(serve: Serve, files: Files) -> None:
    config = files.require(CLIENT_CA, 'client_allowed_sans: ["prometheus.monitoring.svc", "10.0.0.7"]')
    running = serve(web_config=config)
    for names, passes in (
        (("prometheus.monitoring.svc",), True),
        (("other", "10.0.0.7"), True),
        (("other",), False),
        ((), False),
    ):
        assert refused(running, files.trust(client(CLIENT_CA, *names))) is not passes


def test_the_versions_are_those_of_the_file(serve: Serve, files: Files) -> None:
    running = serve(web_config=files.configure("min_version: TLS13"))
    old = files.trust()
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    assert refused(running, old)
    assert not refused(running, files.trust())


def test_the_lowest_version_falls_with_a_restart_only(
    serve: Serve, files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    """C1: the line may as well have been cut off."""
    running = serve(web_config=files.configure())
    files.configure("min_version: TLS13")
    old = files.trust()
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    assert comes(lambda: refused(running, old))
    files.configure()
    assert comes(lambda: "tls_server_config.min_version: a restart is needed" in caplog.text)
    assert refused(running, old)


def test_the_suites_are_those_of_the_file_and_in_its_order(serve: Serve, files: Files) -> None:
    suites = "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
    running = serve(web_config=files.configure("max_version: TLS12", f"cipher_suites: [{suites}]"))

    def suite(*offered: str) -> str:
        context = files.trust()
        context.set_ciphers(":".join(offered))
        with (
            socket.create_connection((running.host, running.port), timeout=20) as connection,
            context.wrap_socket(connection, server_hostname="localhost") as secured,
        ):
            chosen = secured.cipher()
            assert chosen is not None
            return chosen[0]

    assert suite("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305") == "ECDHE-ECDSA-CHACHA20-POLY1305"
    with pytest.raises(ssl.SSLError):
        suite("ECDHE-ECDSA-AES256-GCM-SHA384")


def test_the_curve_is_that_of_the_file(serve: Serve, files: Files) -> None:
    running = serve(web_config=files.configure("curve_preferences: [CurveP384]"))
    other = files.trust()
    other.set_ecdh_curve("prime256v1")
    assert refused(running, other)
    assert not refused(running, files.trust())


@pytest.mark.parametrize("content", ["", "{}", "# all gone\n", "rate_limit: {interval: 1s, burst: 9}\n"])
def test_tls_is_not_switched_off_under_a_running_server(
    serve: Serve, files: Files, caplog: pytest.LogCaptureFixture, content: str
) -> None:
    """C1."""
    running = serve(web_config=files.configure())
    files.config.write_text(content)
    assert comes(lambda: "the former web configuration stays in force" in caplog.text)
    assert running.ask("/metrics", tls=files.trust()).status == 200


def test_tls_is_not_switched_on_under_a_running_server(
    serve: Serve, files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    files.config.write_text("{}")
    caplog.set_level("INFO")
    running = serve(web_config=files.config)
    assert f"listening on http://127.0.0.1:{running.port}" in caplog.messages
    files.configure()
    assert comes(lambda: "tls_server_config: a restart is needed to switch TLS on" in caplog.text)
    assert running.ask("/metrics").status == 200


def test_sighup_reads_everything_again_at_once(files: Files) -> None:
    with process("127.0.0.1", "0", str(files.configure())) as (started, port):
        assert started.stderr is not None
        started.send_signal(signal.SIGHUP)
        assert started.stderr.readline().rstrip().endswith(f"{files.config}: web configuration read again")
        running = Running(WebServer.__new__(WebServer), "127.0.0.1", port)
        assert running.ask("/healthz", tls=files.trust()).status == 200
        started.terminate()
        assert started.wait(20) == 0


def test_sighup_without_a_web_configuration_does_no_harm() -> None:
    with process("127.0.0.1", "0") as (started, port):
        started.send_signal(signal.SIGHUP)
        running = Running(WebServer.__new__(WebServer), "127.0.0.1", port)
        assert running.ask("/healthz").status == 200
