"""A look to be taken and how often in; it is taken again and again, sooner after a failure, then ever later."""

import abc
import logging
import threading
from collections.abc import Callable

__all__ = ["ENDING", "Looks", "Periodic", "pause"]

log = logging.getLogger(__name__)

SOON = 5.0
"""Seconds at most from a first failure to the next look."""
ENDING = 5.0
"""Seconds at most that is waited for the end of a thread that was told to stop."""


def pause(interval: float, failures: int) -> float:
    """Seconds until the next look: the interval, or sooner after that many failures in a row, then ever later."""
    if not failures:
        return interval
    return min(min(interval / 8, SOON) * 2.0 ** min(failures - 1, 16), interval)


class Periodic:
    """Looks again and again, in a thread of its own from start() to stop(). After a failure sooner, then ever later."""

    def __init__(self, name: str, interval: float, look: Callable[[], bool]) -> None:
        """`look` says whether it went well."""
        self._interval, self._look = interval, look
        self._stopping, self._wake = threading.Event(), threading.Event()
        self._failures = 0
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the look that is being taken."""
        self._stopping.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(ENDING)

    def again(self) -> None:
        """Look at once: what was seen last is of the past."""
        self._wake.set()

    def retry(self) -> None:
        """What made looks fail may be over: one that failed is taken again at once."""
        if self._failures:
            self._failures = 0
            self._wake.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                well = self._look()
            except Exception:
                log.exception("a bug: %s goes on", self._thread.name)
                well = False
            self._failures = 0 if well else self._failures + 1
            self._wake.wait(pause(self._interval, self._failures))


class Looks(abc.ABC):
    """A look of a class's own, taken again and again from start() to stop()."""

    def __init__(self, name: str, interval: float) -> None:
        self._look = Periodic(name, interval, self.look)

    def start(self) -> None:
        """Begin to look."""
        self._look.start()

    def stop(self) -> None:
        """End after the look that is being taken."""
        self._look.stop()

    @abc.abstractmethod
    def look(self) -> bool:
        """Look once. Whether all went well."""
