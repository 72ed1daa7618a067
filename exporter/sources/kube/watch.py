"""Facts of all objects of one kind, kept true by list and watch through every fault; a sink is told what happens.

As client-go's reflector does it (client-go tools/cache/reflector.go), with a client's read timeout beside the server's,
so that a connection that only seems to be open cannot pass for silence.
"""

import logging
import random
import threading
import time
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

import msgspec
from urllib3.response import BaseHTTPResponse

from exporter.facts.kube.reader import Change, Changed, Reader, Refused
from exporter.facts.source import Failure
from exporter.reason import Reason
from exporter.sources.kube.connection import Connection, lines
from exporter.sources.kube.failure import ApiError, explained, status_error
from exporter.sources.kube.resource import Resource

__all__ = ["Backoff", "Sink", "Watcher"]

F = TypeVar("F")

LARGEST_EVENT = 8 * 1024 * 1024
"""Bytes of one watch event; etcd takes no object over 1.5 MiB."""
PATIENCE = 5
"""Failures in a row after which a watch does not go on from where it was, but lists anew."""
SHORT = 1.0
"""A watch that ends within so many seconds and tells nothing is no watch."""

_log = logging.getLogger(__name__)


class Sink(Protocol[F]):
    """Who is told. Every call comes from the watcher's thread; `now` is Unix seconds."""

    def listed(self, items: list[F], now: float) -> None:
        """These are all objects there are: forget what was known. It is an answer, too."""

    def changed(self, change: Change, item: F, now: float) -> None:
        """One object changed; with DELETED its last state."""

    def answered(self, now: float) -> None:
        """The server answers: a watch begins, an event, a bookmark, the regular end of a watch."""

    def failed(self, failure: Failure, now: float) -> None:
        """Something went wrong; the facts stay, and it is tried again."""


class _Named(msgspec.Struct):
    metadata: "_Name"


class _Name(msgspec.Struct):
    name: str = ""


_named = msgspec.json.Decoder(_Named)


class Backoff:
    """Growing waits as client-go's: 0.8 s doubling to 30 s, each stretched by up to its own length."""

    def __init__(self, *, first: float = 0.8, largest: float = 30.0, draw: Callable[[], float] = random.random) -> None:
        self._first, self._largest, self._draw = first, largest, draw
        self.tries = 0
        """Waits since it last worked."""

    def next(self) -> float:
        """Seconds to wait now."""
        wait = min(self._first * 2.0 ** min(self.tries, 30), self._largest)
        self.tries += 1
        return wait * (1 + self._draw())

    def reset(self) -> None:
        """It works again."""
        self.tries = 0


class Watcher(Generic[F]):
    """One kind of object, in a thread of its own from start() to stop()."""

    def __init__(
        self,
        connection: Connection,
        resource: Resource,
        read: Reader[F],
        sink: Sink[F],
        *,
        watch_seconds: float = 300.0,
        margin: float = 30.0,
        clock: Callable[[], float] = time.time,
        backoff: Backoff | None = None,
        pause: Callable[[float], object] | None = None,
    ) -> None:
        """A watch lasts `watch_seconds` to twice that; `margin` later without a byte it is given up. `pause` waits
        between tries: until stop() where None.
        """
        self._connection, self._resource, self._read, self._sink = connection, resource, read, sink
        self._watch_seconds, self._margin, self._clock = watch_seconds, margin, clock
        self._backoff = backoff or Backoff()
        self._stopping = threading.Event()
        self._pause = pause or self._stopping.wait
        self._version = ""
        self._unreadable: dict[str, Failure] = {}  # by name, of the last list
        self._stream: BaseHTTPResponse | None = None
        self._thread = threading.Thread(target=self.run, name=f"watch {resource.plural}", daemon=True)

    def start(self) -> None:
        """Begin, in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """End: a watch that waits is cut short."""
        self._stopping.set()
        if (stream := self._stream) is not None:
            try:
                stream.shutdown()
            except (OSError, ValueError, RuntimeError, AttributeError):
                _log.debug("the watch of %s had just ended", self._resource.plural)
        if self._thread.ident is not None:
            self._thread.join(5)

    def run(self) -> None:
        """List, watch, and do so again whatever happens, until stop()."""
        while not self._stopping.is_set():
            wait = 0.0
            try:
                if not self._version:
                    self._list()
                self._watch()
            except ApiError as error:
                wait = self._failure(error)
            except Exception as error:  # noqa: BLE001 - a bug must not end the thread in silence
                _log.exception("watching %s", self._resource.plural)
                wait = self._failure(ApiError(Failure(Reason.ERROR, explained(error).words)))
            if wait:
                self._pause(wait)

    def _list(self) -> None:
        """One object that cannot be read hides no other: it is a failure, until it can be read or is gone.

        Where none can be read, that is no list.
        """
        unreadable: dict[str, Failure] = {}

        def fact(raw: bytes) -> F | None:
            try:
                return self._read(raw)
            except (ValueError, RecursionError) as error:
                name = _named.decode(raw).metadata.name
                unreadable[name] = Failure(Reason.DECODE, f"{self._resource.plural} {name}: {explained(error).words}")
                return None

        found, version = self._connection.listing(self._resource.path, fact)
        items = [one for one in found if one is not None]
        if found and not items:
            raise ApiError(next(iter(unreadable.values())))
        self._unreadable = unreadable
        self._sink.listed(items, self._clock())
        for failure in unreadable.values():
            self._sink.failed(failure, self._clock())
        self._version = version

    def _answered(self, now: float) -> None:
        if not self._unreadable:
            self._sink.answered(now)

    def _failure(self, error: ApiError) -> float:
        """Tell it, and how long to wait before the next try."""
        if self._stopping.is_set():
            return 0.0
        _log.debug("%s: %s: %s", self._resource.plural, error.reason, error.failure.words)
        relist = error.reason in {Reason.EXPIRED, Reason.DECODE, Reason.TOO_LARGE, Reason.ERROR}
        # A position that ran out is no sign of trouble: list at once, but not again and again.
        at_once = error.reason is Reason.EXPIRED and not self._backoff.tries
        # A position may also come to be refused for ever, say after etcd was restored from a backup.
        if relist or self._backoff.tries >= PATIENCE:
            self._version = ""
        self._sink.failed(error.failure, self._clock())
        wait = self._backoff.next()
        return 0.0 if at_once else max(wait, error.retry_after or 0.0)

    def _watch(self) -> None:
        """Follow changes until the server ends the watch in its time."""
        seconds = self._watch_seconds * (1 + random.random())  # noqa: S311 - spreads load, keeps no secret
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._version,
            "timeoutSeconds": str(max(1, round(seconds))),
        }
        began = time.monotonic()
        self._stream = stream = self._connection.open(self._resource.path, query, timeout=seconds + self._margin)
        told = 0
        try:
            if self._stopping.is_set():  # stop() came too early to see the stream
                return
            self._answered(self._clock())
            for line in lines(stream, LARGEST_EVENT):
                self._apply(line)
                told += 1
                self._backoff.reset()
        finally:
            self._stream = None
            stream.close()
        if self._stopping.is_set():
            return
        if not told and time.monotonic() - began < SHORT:
            raise ApiError(Failure(Reason.RESET, "the watch ended as soon as it began"))
        self._backoff.reset()
        self._answered(self._clock())

    def _apply(self, line: bytes) -> None:
        try:
            event = self._read.event(line)
        except ValueError as error:
            raise ApiError(Failure(Reason.DECODE, explained(error).words)) from error
        now = self._clock()
        if isinstance(event, Refused):
            raise status_error(event.code, event.message, {}, now)
        if isinstance(event, Changed):
            self._sink.changed(event.change, event.fact, now)
            self._unreadable.pop(event.name, None)
        self._version = event.version
        self._answered(now)
