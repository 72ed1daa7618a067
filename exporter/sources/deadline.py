"""Seconds and a socket in; the socket is shut when they are over, whatever is being read from it.

A timeout of the socket's is over each single read: a server that sends one byte in five seconds never meets it. And
some of the reads are deep inside libraries: the headers, the lines that carry a chunk's length, a proxy's answer.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

from exporter.thread import begin

__all__ = ["Deadline", "bounded", "connecting"]

Owner = Callable[[], object]
"""Tells the socket that is in use now; None where there is none yet."""


class Deadline:
    """A context manager. Where time runs out inside it, whoever reads gets an error, and it raises TimeoutError.

    To enter it raises OSError where no thread can be started.
    """

    def __init__(self, seconds: float, owner: Owner) -> None:
        self._owner = owner
        self._due = time.monotonic() + seconds
        self._over = threading.Event()
        self.passed = False
        """Whether the socket was shut."""

    def extend(self, seconds: float) -> None:
        """So many seconds from now. From the thread that reads."""
        self._due = time.monotonic() + seconds

    def shut(self) -> None:
        """End it now. From any thread."""
        if not self._over.is_set():
            self.passed = True
            _shut(self._owner())

    def __enter__(self) -> Self:
        begin(threading.Thread(target=self._run, name="deadline", daemon=True))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self.passed and not isinstance(error, TimeoutError):
            raise TimeoutError("no answer in time") from error

    def _run(self) -> None:
        while not self._over.wait(max(0.0, self._due - time.monotonic())):
            if time.monotonic() >= self._due:
                self.shut()
                return


def _shut(found: object) -> None:
    """Not SSLSocket's own shutdown: it takes the TLS state from under a reader."""
    if isinstance(found, socket.socket):
        with contextlib.suppress(OSError):
            socket.socket.shutdown(found, socket.SHUT_RDWR)
    elif (inner := getattr(found, "socket", None)) is not None:  # urllib3's TLS inside TLS, to a proxy
        _shut(inner)


class _Bounded:
    """To be mixed into a connection of urllib3's: its timeouts are over all of connecting and over all headers."""

    timeout: float | None
    sock: object

    def connect(self) -> None:
        with self._deadline():
            super().connect()  # type: ignore[misc]

    def getresponse(self) -> object:
        with self._deadline():
            return super().getresponse()  # type: ignore[misc]

    def _deadline(self) -> contextlib.AbstractContextManager[object]:
        if not isinstance(self.timeout, int | float):
            return contextlib.nullcontext()
        return Deadline(self.timeout, lambda: self.sock)


def bounded(pools: Mapping[str, type[Any]]) -> dict[str, type[Any]]:
    """The pool classes of a urllib3 PoolManager, by scheme, with connections that keep to their timeouts."""
    return connecting(_Bounded, pools)


def connecting(mixed: type[object], pools: Mapping[str, type[Any]]) -> dict[str, type[Any]]:
    """The pool classes with connections into which this is mixed."""
    return {
        scheme: type(
            pool.__name__,
            (pool,),
            {"ConnectionCls": type(pool.ConnectionCls.__name__, (mixed, pool.ConnectionCls), {})},
        )
        for scheme, pool in pools.items()
    }
