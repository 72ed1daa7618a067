"""A listening server: its addresses, its signals, and clients that do not go on."""

import errno
import http.client
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from exporter.web.limits import Limits
from exporter.web.listener import AT_ONCE
from exporter.web.server import WebServer
from tests.web.conftest import PATIENCE, Running, Serve, SmallAgent

ROOT = Path(__file__).parents[2]


@contextmanager
def process(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process that serves, and its port as its log tells it."""
    command = [sys.executable, "-m", "tests.web.process", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as started:
        try:
            assert started.stderr is not None
            line = started.stderr.readline()
            match = re.search(r"listening on https?://.*:(\d+)$", line)
            assert match, line
            yield started, int(match[1])
        finally:
            started.kill()


@contextmanager
def stalled(running: Running, count: int, sent: bytes) -> Iterator[list[socket.socket]]:
    """Connections that say no more than `sent`."""
    with ExitStack() as stack:
        connections = []
        for _ in range(count):
            connection = stack.enter_context(socket.create_connection((running.host, running.port), timeout=20))
            connection.sendall(sent)
            connections.append(connection)
        yield connections


def ended(connection: socket.socket) -> bool:
    """Whether the other side ends the connection; fails by the socket's timeout where it does not."""
    try:
        while connection.recv(65536):
            pass
    except ConnectionResetError:
        return True
    return True


def accepted(connection: socket.socket, piece: bytes) -> bool:
    """Whether the other side still takes a piece, twenty of which it gets in a second."""
    connection.settimeout(0.05)
    try:
        connection.sendall(piece)
        return connection.recv(1) != b""
    except TimeoutError:
        return True
    except (BrokenPipeError, ConnectionResetError):
        return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_process_with_status_0(number: signal.Signals) -> None:
    with process("127.0.0.1", "0") as (started, port):
        idle = socket.create_connection(("127.0.0.1", port), timeout=20)
        started.send_signal(number)
        assert started.wait(20) == 0
        assert started.stderr is not None
        assert started.stderr.read() == ""
        assert ended(idle)
        idle.close()


def test_a_scrape_that_hangs_does_not_keep_the_process_from_ending() -> None:
    with process("127.0.0.1", "0", "--hang") as (started, port), socket.socket() as scrape:
        scrape.connect(("127.0.0.1", port))
        scrape.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as probe:
            probe.request("GET", "/healthz")
            assert probe.getresponse().status == 200
        started.terminate()
        assert started.wait(20) == 0
        assert scrape.recv(65536).startswith(b"HTTP/1.1 503 ")
        assert started.stderr is not None
        assert "Traceback" not in started.stderr.read()


def test_a_port_in_use_is_one_line_and_status_1() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "tests.web.process", "127.0.0.1", str(port)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 1
    assert lines[0].endswith(f"ERROR exporter.web.server: cannot listen on 127.0.0.1:{port}: Address already in use")


def test_a_bad_web_configuration_is_one_line_and_status_2(tmp_path: Path) -> None:
    file = tmp_path / "web.yml"
    file.write_text("tls_server_config: {cert_file: a.crt, key_file: a.key}\n")
    command = [sys.executable, "-m", "tests.web.process", "127.0.0.1", "0", str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr == (
        f"aks-cert-exporter: {file}: tls_server_config.cert_file: {tmp_path}/a.crt: No such file or directory\n"
    )


def test_without_a_web_configuration_nothing_of_tls_and_logins_is_loaded() -> None:
    """It costs memory on every node."""
    script = "import sys, exporter.web.server as s; print({'exporter.web.reload', 'exporter.web.tls'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.parametrize("host", ["host.invalid", "ä..b"])
def test_an_unknown_host_is_an_error_and_not_a_trace(caplog: pytest.LogCaptureFixture, host: str) -> None:
    assert WebServer(SmallAgent(), (host, 0)).run() == 1
    assert [record.getMessage().partition(": ")[0] for record in caplog.records] == [f"cannot listen on {host}:0"]


@pytest.mark.parametrize(
    ("host", "asked"), [("::1", "::1"), ("::", "::1"), ("::", "127.0.0.1"), ("localhost", "localhost")]
)
def test_ipv6_and_names_are_listened_on(serve: Serve, caplog: pytest.LogCaptureFixture, host: str, asked: str) -> None:
    with caplog.at_level("INFO"):
        running = serve(host=host)
    running.host = asked
    assert running.ask("/healthz").status == 200
    if host == "::1":
        assert caplog.records[-1].getMessage() == f"listening on http://[::1]:{running.port}"


def test_a_server_told_to_stop_before_it_runs_does_not_run() -> None:
    server = WebServer(SmallAgent(), ("127.0.0.1", 0))
    server.stop()
    assert server.run() == 0


def test_a_server_that_fails_as_it_begins_leaves_no_socket() -> None:
    ports = []

    def fail(host: str, port: int) -> None:
        ports.append(port)
        raise RuntimeError("not now")

    with pytest.raises(RuntimeError, match="not now") as caught:
        WebServer(SmallAgent(), ("127.0.0.1", 0), on_listening=fail).run()
    socket.create_server(("127.0.0.1", ports[0])).close()
    assert caught.traceback  # which holds what was local


def test_signals_are_its_own_while_it_runs_and_then_as_they_were() -> None:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    former, during = [signal.getsignal(number) for number in numbers], list[object]()

    def listening(host: str, port: int) -> None:
        during.extend(signal.getsignal(number) for number in numbers)
        server.stop()

    server = WebServer(SmallAgent(), ("127.0.0.1", 0), on_listening=listening)
    assert server.run() == 0
    assert during == [server._on_stop, server._on_stop, server._on_reread]
    assert [signal.getsignal(number) for number in numbers] == former


def test_a_server_that_has_ended_leaves_no_thread(serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "web.yml"
    file.write_text("{}")
    before = set(threading.enumerate())
    running = serve(web_config=file, limits=Limits(look=0.01))
    assert running.ask("/metrics").status == 200
    for _ in range(2000):
        threads = set(threading.enumerate()) - before
        if {"scrape-1", "web-config-1"} <= {one.name for one in threads}:
            break
        threading.Event().wait(0.01)
    running.stop()
    for one in threads:
        one.join(20)
    assert {"scrape-1", "web-config-1"} <= {one.name for one in threads}
    assert not any(one.is_alive() for one in threads)


def test_before_it_runs_it_has_no_connection() -> None:
    assert WebServer(SmallAgent(), ("127.0.0.1", 0)).connections == 0


def test_an_order_to_read_again_is_followed_once(
    serve: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "web.yml"
    file.write_text("{}")
    caplog.set_level("INFO")
    running = serve(web_config=file, limits=Limits(look=PATIENCE))
    for times in (1, 2):
        running.server._on_reread(0, None)
        for _ in range(2000):
            if caplog.messages.count(f"{file}: web configuration read again") >= times:
                break
            threading.Event().wait(0.01)
        threading.Event().wait(0.1)
        assert caplog.messages.count(f"{file}: web configuration read again") == times


def test_an_answer_under_way_is_finished_before_the_end(serve: Serve) -> None:
    begun, release = threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        release.wait(20)

    running = serve(SmallAgent(before=wait))
    connection = http.client.HTTPConnection(running.host, running.port, timeout=20)
    connection.request("GET", "/metrics")
    assert begun.wait(20)
    running.server.stop()
    release.set()
    assert connection.getresponse().status == 200
    connection.close()


def test_probes_answer_while_200_connections_stall(serve: Serve) -> None:
    running = serve()
    with stalled(running, 100, b""), stalled(running, 100, b"GET /metrics HTTP/1.1\r\nHost: a\r\nX: "):
        for _ in range(5):
            assert running.ask("/healthz").status == 200
        assert running.ask("/metrics").status == 200


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /metrics HTTP/1.1\r\nHost: a\r\nX: ",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf a body",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nGET /",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nPOST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf",
    ],
)
def test_a_request_that_never_ends_is_ended(serve: Serve, sent: bytes) -> None:
    running = serve(limits=Limits(request=0.3))
    with stalled(running, 3, sent) as connections:
        assert all(ended(connection) for connection in connections)


def test_a_request_that_drips_in_is_ended_all_the_same(serve: Serve) -> None:
    running = serve(limits=Limits(request=0.5))
    with stalled(running, 1, b"GET / HTTP/1.1\r\n") as (connection,):
        assert any(not accepted(connection, b"X: y\r\n") for _ in range(400))


def test_an_answer_that_takes_long_is_not_cut_off(serve: Serve) -> None:
    running = serve(SmallAgent(before=lambda: threading.Event().wait(1.0)), limits=Limits(request=0.2, take=0.2))
    assert running.ask("/metrics").status == 200


def test_a_client_that_never_reads_is_ended(serve: Serve) -> None:
    running = serve(SmallAgent(document="x" * 30_000_000), limits=Limits(take=0.3))
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(20)
        connection.connect((running.host, running.port))
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        for _ in range(2000):
            if not running.server.connections:
                break
            threading.Event().wait(0.01)
        assert running.server.connections == 0


def test_a_connection_serves_one_request_after_the_other(serve: Serve) -> None:
    running = serve(limits=Limits(request=0.3))
    connection = http.client.HTTPConnection(running.host, running.port, timeout=20)
    connection.connect()
    first = connection.sock
    for _ in range(3):
        connection.request("GET", "/metrics")
        assert len(connection.getresponse().read()) > 0
        threading.Event().wait(0.4)  # longer than a request may take: between two of them no such clock runs
    assert connection.sock is first
    connection.close()


def test_a_connection_that_idles_too_long_is_ended(serve: Serve) -> None:
    running = serve(limits=Limits(idle=1))
    with stalled(running, 1, b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n") as (connection,):
        assert ended(connection)


def test_beyond_the_bound_the_connection_that_waited_longest_makes_room(serve: Serve) -> None:
    running = serve(limits=Limits(connections=10, request=PATIENCE))
    with stalled(running, 10, b"GET / HTTP/1.1\r\n") as old:
        for _ in range(3):
            assert running.ask("/healthz").status == 200
        assert ended(old[0])
        old[-1].sendall(b"Host: a\r\nConnection: close\r\n\r\n")
        assert old[-1].recv(15) == b"HTTP/1.1 200 OK"


def test_a_burst_of_connections_is_answered_one_and_all(serve: Serve) -> None:
    """The bound on handshakes is one of TLS: without it nobody waits, and nobody is put out for another."""
    with ExitStack() as stack:
        running = serve()
        address = (running.host, running.port)
        clients = [stack.enter_context(socket.create_connection(address, timeout=PATIENCE)) for _ in range(200)]
        for client in clients:
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        answers = [b"".join(iter(lambda client=client: client.recv(4096), b"")) for client in clients]  # type: ignore[misc]
        assert {answer.split(b"\r\n")[0] for answer in answers} == {b"HTTP/1.1 200 OK"}


def test_the_bound_holds_while_a_burst_is_accepted() -> None:
    """C9: 2,000 clients at once: no more descriptors than the bound, and the probe is answered meanwhile."""
    with process("127.0.0.1", "0") as (started, port), ExitStack() as stack:
        most, done = [0], threading.Event()
        descriptors = Path(f"/proc/{started.pid}/fd")

        def watch() -> None:
            while not done.wait(0.002):
                most[0] = max(most[0], len(list(descriptors.iterdir())))

        watching = threading.Thread(target=watch)
        watching.start()
        idle = len(list(descriptors.iterdir()))
        for _ in range(2000):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            assert client.connect_ex(("127.0.0.1", port)) in {0, errno.EINPROGRESS}
        for _ in range(20):
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as probe:
                probe.request("GET", "/healthz")
                assert probe.getresponse().status == 200
        done.set()
        watching.join()
        assert idle + 200 < most[0] <= idle + Limits().connections + AT_ONCE
        started.terminate()
        assert started.wait(20) == 0


def test_who_has_many_connections_makes_room_and_not_who_has_one(serve: Serve) -> None:
    """C9: one address that opens them by the hundred ends its own, not the one of Prometheus or of the kubelet."""
    running = serve(host="0.0.0.0", limits=Limits(connections=10))
    running.host = "127.0.0.1"
    with (
        socket.create_connection(("127.0.0.1", running.port), timeout=20, source_address=("127.0.0.2", 0)) as kept,
        stalled(running, 60, b"GET / HTTP/1.1\r\n"),
    ):
        kept.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        assert kept.recv(15) == b"HTTP/1.1 200 OK"


def test_clients_that_never_read_make_room_too(serve: Serve) -> None:
    """C9: an answer that nobody takes does not hold a place."""
    running = serve(SmallAgent(document="x" * 8_000_000), limits=Limits(connections=4, take=PATIENCE))
    with ExitStack() as stack:
        for _ in range(8):
            connection = stack.enter_context(socket.socket())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.settimeout(PATIENCE)
            connection.connect((running.host, running.port))
            connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert connection.recv(8) == b"HTTP/1.1"
        assert running.ask("/healthz").status == 200


@pytest.mark.parametrize("expect", [b"Expect: 100-continue\r\n", b""])
def test_a_body_is_neither_asked_for_nor_waited_for(serve: Serve, expect: bytes) -> None:
    """Whoever asks for leave to send one gets the final answer, and the end of the connection."""
    with stalled(serve(), 1, b"POST / HTTP/1.1\r\nHost: a\r\n" + expect + b"Content-Length: 9\r\n\r\n") as (
        connection,
    ):
        assert connection.recv(65536).startswith(b"HTTP/1.1 405 ")
        if expect:
            assert ended(connection)
        else:
            connection.sendall(b"123456789GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
