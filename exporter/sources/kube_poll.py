"""One question asked again and again in a thread of its own: what changes rarely needs no watch."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from exporter.facts.source import Failure
from exporter.reason import Reason
from exporter.sources.kube_failure import ApiError, explained
from exporter.sources.kube_watch import Backoff

__all__ = ["Listener", "Poller"]

F = TypeVar("F")
F_contra = TypeVar("F_contra", contravariant=True)

_log = logging.getLogger(__name__)


class Listener(Protocol[F_contra]):
    """Who is told. Every call comes from the poller's thread; `now` is Unix seconds."""

    def told(self, answer: F_contra, now: float) -> None:
        """The answer of this moment."""

    def failed(self, failure: Failure, now: float) -> None:
        """There was none; the last one stays, and it is asked again."""


class Poller(Generic[F]):
    """Asks at start() and every `seconds` after an answer, sooner after a failure, until stop()."""

    def __init__(
        self,
        name: str,
        ask: Callable[[], F],
        listener: Listener[F],
        *,
        seconds: float = 60.0,
        clock: Callable[[], float] = time.time,
        backoff: Backoff | None = None,
        pause: Callable[[float], object] | None = None,
    ) -> None:
        """`ask` is made of Connection.fetch and Connection.listing, and raises ApiError as they do."""
        self._name, self._ask, self._listener = name, ask, listener
        self._seconds, self._clock = seconds, clock
        self._backoff = backoff or Backoff(largest=seconds)
        self._stopping = threading.Event()
        self._pause = pause or self._stopping.wait
        self._thread = threading.Thread(target=self.run, name=f"poll {name}", daemon=True)

    def start(self) -> None:
        """Begin, in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """End after the question that is being asked."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(5)

    def run(self) -> None:
        """Ask until stop()."""
        while not self._stopping.is_set():
            self._pause(self._turn())

    def _turn(self) -> float:
        """Ask once; seconds until the next time."""
        retry_after = None
        try:
            self._listener.told(self._ask(), self._clock())
        except ApiError as error:
            failure, retry_after = error.failure, error.retry_after
        except Exception as error:  # noqa: BLE001 - a bug must not end the thread in silence
            _log.exception("asking for %s", self._name)
            failure = Failure(Reason.ERROR, explained(error).words)
        else:
            self._backoff.reset()
            return self._seconds
        if not self._stopping.is_set():
            _log.warning("%s: %s: %s", self._name, failure.reason, failure.words)
            self._listener.failed(failure, self._clock())
        return max(self._backoff.next(), retry_after or 0.0)
