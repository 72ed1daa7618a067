"""Servers that answer a look at them, with TLS or with whatever a test wants, and the look."""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from exporter.facts.source import Failure
from exporter.facts.x509 import Certificate
from exporter.sources.tls import Handshake, probe
from simulation.pki import DAY, Authority, Credential

NOW = time.time()
CA = Authority.cluster(NOW - DAY)
NAMES = ("kubernetes.default.svc", "127.0.0.1")


@contextlib.contextmanager
def listener(answer: Callable[[socket.socket], None]) -> Iterator[tuple[str, int]]:
    """A server that gives each connection to `answer` and closes it."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection, contextlib.suppress(OSError):
                    answer(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def tls_server(
    credential: Credential, directory: Path, adapt: Callable[[ssl.SSLContext], None] = lambda _: None
) -> Callable[[socket.socket], None]:
    """An answer that shakes hands with the credential's certificate and then reads to the end."""
    (directory / "server.pem").write_bytes(credential.pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "server.pem")
    adapt(context)

    def answer(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as tls:
            while tls.recv(1024):
                pass

    return answer


def look(
    credential: Credential,
    directory: Path,
    *,
    authorities: tuple[Certificate, ...] | None = None,
    server_name: str | None = None,
    now: float | None = None,
) -> Handshake:
    with listener(tls_server(credential, directory)) as address:
        seen = probe(address, server_name=server_name, authorities=authorities, now=now)
    assert isinstance(seen, Handshake), seen
    return seen


def fail(answer: Callable[[socket.socket], None], timeout: float = 5.0) -> Failure:
    with listener(answer) as address:
        seen = probe(address, timeout=timeout)
    assert isinstance(seen, Failure), seen
    return seen
