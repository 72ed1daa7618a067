"""A server that answers over plain TCP with whatever bytes, at whatever pace, a test wants."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

from exporter.sources.kube.connection import Connection, Kubeconfig
from simulation.api.server import write_kubeconfig

Answer = Callable[[str], Iterator[bytes | float]]
"""A request's target in; pieces of the answer out, and between them seconds of silence."""


class Hostile:
    """Answers each request on each connection until the context ends."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._over = threading.Event()
        self._open: list[socket.socket] = []
        self.targets: list[str] = []
        self.port: int = self._listening.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for connection in self._open:
            connection.close()

    def kubeconfig(self, folder: Path) -> Path:
        """A kubeconfig that leads here."""
        cluster = {"server": f"http://127.0.0.1:{self.port}"}
        context = {"name": "here", "context": {"cluster": "here", "user": ""}}
        content = {"clusters": [{"name": "here", "cluster": cluster}], "contexts": [context], "current-context": "here"}
        return write_kubeconfig(folder / "kubeconfig", content)

    def connection(self, folder: Path, timeout: float) -> Connection:
        """A connection to it."""
        return Connection(Kubeconfig(self.kubeconfig(folder)), timeout=timeout)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self._open.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            request = b""
            while part := connection.recv(65536):
                request += part
                if b"\r\n\r\n" not in request:
                    continue
                target = request.split(b" ")[1].decode()
                self.targets.append(target)
                request = b""
                for piece in self._answer(target):
                    if isinstance(piece, bytes):
                        connection.sendall(piece)
                    elif self._over.wait(piece):
                        return


def http(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """A whole answer."""
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def dripped(content: bytes, seconds: float) -> Iterator[bytes | float]:
    """One byte at a time."""
    for index in range(len(content)):
        yield content[index : index + 1]
        yield seconds
