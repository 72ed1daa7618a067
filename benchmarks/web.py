"""`python -m benchmarks.web`: what 200 clients that never go on cost a real node agent, with and without TLS.

For each way to stall: /healthz, each on a connection of its own, before and meanwhile (p50 and p99 in milliseconds),
a scrape's time, and the process's resident memory.
"""

import contextlib
import re
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from simulation.node.scenarios import scenario
from simulation.node.simulated_node import build
from simulation.pki import YEAR, Authority

CLIENTS = 200
ASKED = 500

HALF_A_HEAD = b"GET /metrics HTTP/1.1\r\nHost: a\r\nX-Slow: "
HALF_A_HELLO = b"\x16\x03\x01\x02\x00"
WHOLE = b"GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def main() -> None:
    """Print a table."""
    now = time.time()
    authority = Authority.cluster(now - YEAR)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        build(scenario("healthy"), directory / "host", now, authority)
        serving = authority.kubelet_serving("localhost", now)
        (directory / "tls.pem").write_bytes(serving.pem)
        (directory / "web.yml").write_text("tls_server_config: {cert_file: tls.pem, key_file: tls.pem}\n")
        context = ssl.create_default_context(cadata=authority.pem.decode())
        print(f"{'':34}{'/healthz p50':>13}{'p99':>9}{'/metrics':>11}{'RSS':>11}")
        with agent(directory / "host") as (process, port):
            plain = Client(port, None)
            report("HTTP, nobody else", plain, process)
            for words, stall in (
                (f"{CLIENTS} silent connections", nothing),
                (f"{CLIENTS} half request heads", lambda one: one.sendall(HALF_A_HEAD)),
                (f"{CLIENTS} idle after a scrape", scraped),
            ):
                with stalled(port, stall):
                    report(words, plain, process)
        with agent(directory / "host", "--web.config.file", str(directory / "web.yml")) as (process, port):
            secured = Client(port, context)
            report("HTTPS, nobody else", secured, process)
            for words, stall in (
                (f"{CLIENTS} handshakes never begun", nothing),
                (f"{CLIENTS} handshakes half begun", lambda one: one.sendall(HALF_A_HELLO)),
                (f"{CLIENTS} silent after the handshake", lambda one: shaken(one, context)),
            ):
                with stalled(port, stall):
                    report(words, secured, process)


class Client:
    """Asks on a new connection each time."""

    def __init__(self, port: int, context: ssl.SSLContext | None) -> None:
        self._port, self._context = port, context

    def seconds(self, path: bytes) -> float:
        """How long one answer takes, connection and handshake included."""
        start = time.perf_counter()
        with ExitStack() as stack:
            connection: socket.socket = stack.enter_context(socket.create_connection(("127.0.0.1", self._port), 30))
            if self._context is not None:
                connection = stack.enter_context(self._context.wrap_socket(connection, server_hostname="localhost"))
            connection.sendall(WHOLE % path)
            received = b"".join(iter(lambda: connection.recv(65536), b""))
        assert received.startswith(b"HTTP/1.1 200 "), received[:100]
        return time.perf_counter() - start


def scraped(connection: socket.socket) -> None:
    """Scrape once and leave the connection open."""
    connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
    assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


def nothing(connection: socket.socket) -> None:
    """Say nothing at all."""


@contextlib.contextmanager
def agent(root: Path, *flags: str) -> Iterator[tuple[int, int]]:
    """A node agent: its process id and port."""
    command = [sys.executable, "-m", "exporter", "node", "--host-root", str(root), "--node-name", "a"]
    command += ["--kubelet-address", "", "--web.listen-address", "127.0.0.1:0", *flags]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            port = next(int(m[1]) for line in process.stderr if (m := re.search(r"listening on http.*:(\d+)$", line)))
            yield process.pid, port
        finally:
            process.terminate()


@contextlib.contextmanager
def stalled(port: int, stall: Callable[[socket.socket], object]) -> Iterator[None]:
    """Clients that connect, do one thing, and no more."""
    with ExitStack() as stack:
        clients = (stack.enter_context(socket.create_connection(("127.0.0.1", port), 30)) for _ in range(CLIENTS))
        kept = [stall(client) for client in clients]
        yield
        kept.clear()


def shaken(connection: socket.socket, context: ssl.SSLContext) -> ssl.SSLSocket:
    """Make the handshake and say no more."""
    return context.wrap_socket(connection, server_hostname="localhost")


def report(words: str, client: Client, process: int) -> None:
    """Print one row."""
    client.seconds(b"/metrics")
    times = sorted(client.seconds(b"/healthz") * 1000 for _ in range(ASKED))
    scrape = statistics.median(client.seconds(b"/metrics") * 1000 for _ in range(20))
    memory = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    assert memory is not None
    p50, p99 = statistics.median(times), times[len(times) * 99 // 100]
    print(f"{words:34}{p50:10.2f} ms{p99:6.2f} ms{scrape:8.1f} ms{int(memory[1]) / 1024:7.1f} MiB")


if __name__ == "__main__":
    main()
