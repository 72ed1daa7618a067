"""A server that says what a test wants, and the access to it that a connection is given."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Self

from exporter.facts.source import Failure
from exporter.file_state import PathState
from exporter.reason import Reason
from exporter.sources.kube.access import Access
from exporter.sources.kube.connection import Connection
from exporter.sources.kube.failure import ApiError
from tests.sources.hostile import http

DATE = "Date: Thu, 01 Jan 1970 00:03:20 GMT"
OK = http(b'"fine"')
ENCODED = Failure(Reason.DECODE, "not an answer in HTTP: it is encoded, which was not asked for")
REFUSED = http(b'{"message": "not you"}', status="401 Unauthorized")


class Server:
    """Gives these answers one after the other, the last one again and again; remembers the requests as they came."""

    def __init__(self, *answers: bytes) -> None:
        self._answers = list(answers)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.requests: list[str] = []
        self.accepted = 0
        self.port: int = self._listening.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        for one in (self._listening, *self._open):
            one.close()

    @property
    def lines(self) -> list[str]:
        """The first line of each request."""
        return [request.split("\r\n")[0] for request in self.requests]

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                one, _ = self._listening.accept()
                self.accepted += 1
                self._open.append(one)
                threading.Thread(target=self._serve, args=(one,), daemon=True).start()

    def _serve(self, one: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), one, one.makefile("rb") as stream:
            while line := stream.readline():
                head = [line, *iter(stream.readline, b"\r\n")]
                lengths = [int(field[15:]) for field in head if field.lower().startswith(b"content-length:")]
                self.requests.append((b"".join(head) + b"\r\n" + stream.read(sum(lengths))).decode())
                one.sendall(self._answers.pop(0) if len(self._answers) > 1 else self._answers[0])


class Given:
    """Credentials that are given by the test; an exception is raised."""

    def __init__(self, *found: Access | ApiError, slow: bool = False) -> None:
        self._found = list(found)
        self.slow = slow
        self.state = 0
        self.reads = 0

    def read(self) -> Access:
        self.reads += 1
        found = self._found.pop(0) if len(self._found) > 1 else self._found[0]
        if isinstance(found, ApiError):
            raise found
        return found

    def stamp(self) -> tuple[tuple[str, PathState], ...]:
        return (("file", (self.state,)),)


class Clock:
    """Tells these seconds one after the other; the last one again and again."""

    def __init__(self, *seconds: float) -> None:
        self.seconds = list(seconds)

    def __call__(self) -> float:
        return self.seconds.pop(0) if len(self.seconds) > 1 else self.seconds[0]


def access(at: Server | None = None, /, **changes: object) -> Access:
    plain = Access(f"http://127.0.0.1:{at.port if at else 1}", "", None, None, b"", b"one", ())
    return replace(plain, **changes)  # type: ignore[arg-type]


@contextlib.contextmanager
def connected(
    *answers: bytes, clock: Callable[[], float] = time.time, timeout: float = 5.0, **changes: object
) -> Iterator[tuple[Server, Connection]]:
    """A server that gives these answers and a connection to it."""
    with Server(*answers) as server:
        connection = Connection(Given(access(server, **changes)), timeout=timeout, clock=clock)
        yield server, connection
        connection.close()


def text(body: bytes) -> str:
    return str(json.loads(bytes(body)))


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    return (("Authorization", f"Bearer {token}"),)


def shown(server: Server) -> list[str]:
    """The token of each request."""
    return [request.partition("Bearer ")[2].partition("\r\n")[0] for request in server.requests]
