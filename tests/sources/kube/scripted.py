"""A watcher that has not run, over a connection that gives what a test has written for it."""

import json
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, TypeVar, cast

from urllib3.response import BaseHTTPResponse

from exporter.facts.kube.reader import Change
from exporter.facts.source import Failure
from exporter.reason import Reason
from exporter.sources.kube.connection import Connection
from exporter.sources.kube.failure import ApiError
from exporter.sources.kube.listing import Listing
from exporter.sources.kube.resource import NODES
from exporter.sources.kube.watch import Backoff, Watcher
from tests.sources.kube.watching import Item, decode

T = TypeVar("T")


class Stream:
    """The answer to a watch: gives these pieces, and an exception raises it."""

    connection: SimpleNamespace | None = None

    def __init__(self, *pieces: bytes | Exception | Callable[[], object]) -> None:
        self._pieces = list(pieces)
        self.closed = False

    def read1(self, amt: int, decode_content: bool) -> bytes:
        assert (amt, decode_content) == (1 << 16, False)
        while self._pieces:
            piece = self._pieces.pop(0)
            if isinstance(piece, Exception):
                raise piece
            if isinstance(piece, bytes):
                return piece
            piece()
        return b""

    def close(self) -> None:
        self.closed = True


class Told:
    """A sink that notes every call, and may stop the watcher after some."""

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []

    def listed(self, items: list[Item], now: float) -> None:
        self.calls.append(("listed", [item.metadata.name for item in items], now))

    def changed(self, change: Change, item: Item, now: float) -> None:
        self.calls.append((change, item.metadata.name, now))

    def answered(self, now: float) -> None:
        self.calls.append(("answered", now))

    def failed(self, failure: Failure) -> None:
        self.calls.append((failure.reason, failure.words))


def item(name: str) -> Item:
    return decode(json.dumps({"metadata": {"name": name}}).encode())


def listed(*names: str, version: str = "1", unreadable: Mapping[str, Failure] | None = None) -> Listing[Item]:
    found: Listing[Item] = Listing()
    found.extend(item(name) for name in names)
    found.version, found.unreadable = version, dict(unreadable or {})
    return found


def event(kind: str, name: str = "", version: str = "2", **more: object) -> bytes:
    metadata = {"name": name, "resourceVersion": version}
    return json.dumps({"type": kind, "object": {"metadata": metadata, **more}}).encode() + b"\n"


class Scripted(Connection):
    """Gives these lists and streams in their order, or raises; stops the watcher when there is no more."""

    def __init__(self, *script: Listing[Item] | Stream | Exception) -> None:
        self.script = list(script)
        self.asked: list[tuple[Any, ...]] = []
        self.watcher: Watcher[Item] | None = None
        self.on_open: Callable[[], object] = lambda: None

    def stop(self) -> None:
        assert self.watcher is not None
        self.watcher._stopping.set()

    def _next(self) -> Listing[Item] | Stream:
        if not self.script:
            self.stop()
            raise ApiError(Failure(Reason.ERROR, "the test is over"))
        found = self.script.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    def listing(self, path: str, decode: Callable[[bytes], T]) -> Listing[T]:
        self.asked.append(("list", path))
        return cast("Listing[T]", self._next())

    def open(self, path: str, query: Mapping[str, str], *, within: float | None = None) -> BaseHTTPResponse:
        self.asked.append(("watch", path, dict(query), within))
        self.on_open()
        return cast("BaseHTTPResponse", self._next())

    @property
    def kinds(self) -> str:
        """The first letter of each question."""
        return "".join(one[0][0] for one in self.asked)


def watcher(
    *script: Listing[Item] | Stream | Exception, **settings: Any
) -> tuple[Watcher[Item], Scripted, Told, list[float]]:
    """One that has not run, its connection, what it told, and how long it waited."""
    connection, told, waits = Scripted(*script), Told(), list[float]()
    usual = {"clock": lambda: 5.0, "backoff": Backoff(draw=lambda: 0.0), "pause": waits.append}
    one = Watcher(connection, NODES, decode, told, **{**usual, **settings})
    connection.watcher = one
    return one, connection, told, waits
