"""Facts of all objects of one kind, kept true by list and watch through every fault; a sink is told what happens.

As client-go's reflector does it (client-go tools/cache/reflector.go), with a client's read timeout beside the server's,
so that a connection that only seems to be open cannot pass for silence.
"""

import http.client
import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Generic, Protocol, TypeVar

import urllib3
from urllib3.response import BaseHTTPResponse

from exporter.facts.kube.reader import Change, Changed, Reader, Refused
from exporter.facts.source import UNREACHED, Failure
from exporter.reason import Reason
from exporter.sources.bug import bug
from exporter.sources.deadline import Deadline
from exporter.sources.kube.connection import Connection, socket_of
from exporter.sources.kube.failure import ApiError, explained, status_error
from exporter.sources.kube.resource import Resource

__all__ = ["Backoff", "Sink", "Watcher", "lines"]

F = TypeVar("F")

LARGEST_EVENT = 4 * 1024 * 1024
"""Bytes of one watch event; etcd takes no object over 1.5 MiB."""
PATIENCE = 5
"""Failures in a row after which a watch does not go on from where it was, but lists anew."""
SHORT = 1.0
"""A watch that ends within so many seconds and tells nothing is no watch."""
SILENCE = 70.0
"""Seconds without an event after which a watch is opened anew, to see whether anybody is there: a bookmark comes every
minute (apiserver/pkg/storage/cacher: defaultBookmarkFrequency), and a server that was stopped says nothing at all.
"""
ANSWER = 10.0
"""Seconds in which a watch begins: its headers come before any event."""
PROMPT = 2.5
"""Longest wait, before it is stretched, where the server cannot be reached: to try costs it nothing."""
SETTLING = 30.0
"""Seconds after a lost connection in which a refusal is not believed: a server that has just started knows no roles."""

_UNSETTLED = frozenset({Reason.UNAUTHORIZED, Reason.FORBIDDEN, Reason.NOT_FOUND})

_log = logging.getLogger(__name__)


class Sink(Protocol[F]):
    """Who is told. Every call comes from the watcher's thread; `now` is Unix seconds."""

    def listed(self, items: list[F], now: float) -> None:
        """These are all objects there are: forget what was known. It is an answer, too."""

    def changed(self, change: Change, item: F, now: float) -> None:
        """One object changed; with DELETED its last state."""

    def answered(self, now: float) -> None:
        """The server answers: a watch begins, an event, a bookmark, the regular end of a watch."""

    def failed(self, failure: Failure) -> None:
        """Something went wrong; the facts stay, and it is tried again."""


class Backoff:
    """Growing waits as client-go's: 0.8 s doubling to 30 s, each stretched by up to its own length."""

    def __init__(self, *, first: float = 0.8, largest: float = 30.0, draw: Callable[[], float] = random.random) -> None:
        self._first, self._largest, self._draw = first, largest, draw
        self.tries = 0
        """Waits since it last worked."""

    def next(self, largest: float | None = None) -> float:
        """Seconds to wait now; before it is stretched, `largest` at most."""
        bound = self._largest if largest is None else min(largest, self._largest)
        wait = min(self._first * 2.0 ** min(self.tries, 30), bound)
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
        silence: float = SILENCE,
        clock: Callable[[], float] = time.time,
        backoff: Backoff | None = None,
        pause: Callable[[float], object] | None = None,
    ) -> None:
        """A watch lasts `watch_seconds` to twice that; after `silence` seconds without an event it is opened anew.
        `pause` waits between tries: until stop() where None.
        """
        self._connection, self._resource, self._read, self._sink = connection, resource, read, sink
        self._watch_seconds, self._silence, self._clock = watch_seconds, silence, clock
        self._backoff = backoff or Backoff()
        self._stopping = threading.Event()
        self._pause = pause or self._stopping.wait
        self._version = ""
        self._unreadable: dict[str, Failure] = {}  # by name, of the last list
        self._stream: Deadline | None = None
        self._lost = float("-inf")  # when the connection was lost last, monotonic
        self._expired = False  # whether the last failure was a position that ran out
        self._thread = threading.Thread(target=self.run, name=f"watch {resource.plural}", daemon=True)

    def start(self) -> None:
        """Begin, in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """End: a watch that waits is cut short."""
        self._stopping.set()
        self.doubt()
        if self._thread.ident is not None:
            self._thread.join(5)

    def doubt(self) -> None:
        """Somebody else saw that the server does not answer: see whether it does, now. From any thread."""
        if (stream := self._stream) is not None:
            stream.shut()

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
                wait = self._failure(ApiError(bug(f"watch {self._resource.plural}", error)))
            if wait:
                self._pause(wait)

    def _list(self) -> None:
        found = self._connection.listing(self._resource.path, self._read)
        self._unreadable = found.unreadable
        self._sink.listed(found, self._clock())
        for failure in self._unreadable.values():
            self._sink.failed(failure)
        self._version = found.version

    def _answered(self, now: float) -> None:
        if not self._unreadable:
            self._sink.answered(now)

    def _failure(self, error: ApiError) -> float:
        """Tell it, and how long to wait before the next try."""
        if self._stopping.is_set():
            return 0.0
        _log.debug("%s: %s: %s", self._resource.plural, error.reason, error.failure.words)
        relist = error.reason in {Reason.EXPIRED, Reason.DECODE, Reason.TOO_LARGE, Reason.ERROR, Reason.BUG}
        # A position that ran out is no sign of trouble: list at once, but not again and again.
        at_once = error.reason is Reason.EXPIRED and not self._expired
        self._expired = error.reason is Reason.EXPIRED
        # A position may also come to be refused for ever, say after etcd was restored from a backup.
        if relist or self._backoff.tries >= PATIENCE:
            self._version = ""
        self._sink.failed(error.failure)
        if at_once:
            return 0.0
        now = time.monotonic()
        if error.reason in UNREACHED:
            self._lost = now
        prompt = error.reason in UNREACHED or (error.reason in _UNSETTLED and now - self._lost < SETTLING)
        return max(self._backoff.next(PROMPT if prompt else None), error.retry_after or 0.0)

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
        stream = self._connection.open(self._resource.path, query, within=ANSWER)
        told = False
        silence = Deadline(self._silence, partial(socket_of, stream))
        try:
            with silence:
                self._stream = silence
                if self._stopping.is_set():  # stop() came too early to see the stream
                    return
                self._answered(self._clock())
                for line in lines(stream, LARGEST_EVENT):
                    self._apply(line)
                    told = True
                    self._settled()
                    silence.extend(self._silence)
        except TimeoutError:
            return  # silent, or doubted: opening it anew tells whether anybody is there
        finally:
            self._stream = None
            stream.close()
        if self._stopping.is_set():
            return
        lasted = time.monotonic() - began
        if not told and lasted < SHORT:
            raise ApiError(Failure(Reason.RESET, "the watch ended as soon as it began"))
        if lasted < self._watch_seconds:
            self._lost = time.monotonic()
        self._settled()
        self._answered(self._clock())

    def _settled(self) -> None:
        self._expired = False
        self._backoff.reset()

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


def lines(response: BaseHTTPResponse, longest: int) -> Iterator[bytes]:
    """The lines of a stream as they come. ApiError: it breaks off, or a line is longer than that."""
    held = bytearray()
    try:
        while part := response.read1(1 << 16, decode_content=False):
            held += part
            if b"\n" in part:
                *complete, held = held.split(b"\n")
                yield from (bytes(line) for line in complete if line.strip())
            if len(held) > longest:
                raise ApiError(Failure(Reason.TOO_LARGE, f"an event of over {longest >> 20} MiB"))
    except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError) as error:
        raise ApiError(explained(error)) from error
    if held.strip():
        raise ApiError(Failure(Reason.DECODE, "the stream ended in the middle of an event"))
