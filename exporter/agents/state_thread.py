"""Work from many threads in, done one after the other in one thread: what is owned needs no lock."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from queue import Empty, Queue

from exporter.agents.periodic import ENDING

__all__ = ["StateThread"]

TIDY = 600.0
"""Seconds between two calls of `idle`."""
MOST_WAITING = 20_000
"""Pieces of work that wait; whoever brings more waits as well, and with it the server that sends so much."""

log = logging.getLogger(__name__)

Work = Callable[[], None]


class StateThread:
    """Does work in its order, and after changes calls `publish`, but not too often.

    `changed` says whether something is to be published. That may take long: it gets at most a twelfth of the time.
    """

    def __init__(
        self,
        name: str,
        changed: Callable[[], bool],
        publish: Work,
        *,
        settle: float,
        idle: Work,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`settle`: seconds from a change to its publication at least, so that changes that come together go together.
        `idle` is called every TIDY seconds or so. `clock`: seconds that never go back.
        """
        self._changed, self._publish, self._settle, self._idle = changed, publish, settle, idle
        self._clock = clock
        self._queue: Queue[Work | None] = Queue(MOST_WAITING)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def post(self, work: Work) -> None:
        """Do this, after everything that was posted before; where much waits, wait. From any thread but this one."""
        self._queue.put(work)

    def stop(self) -> None:
        """End after what was posted before."""
        self._queue.put(None)
        if self._thread.ident is not None:
            self._thread.join(ENDING)

    def _run(self) -> None:
        due: float | None = None
        rest = now = self._clock()  # not to publish before
        tidy = now + TIDY
        while True:
            with contextlib.suppress(Empty):
                work = self._queue.get(timeout=max(0.0, (tidy if due is None else due) - now))
                if work is None:
                    return
                self._attempt(work)
            now = self._clock()
            if now >= tidy:
                self._attempt(self._idle)
                now = self._clock()
                tidy = now + TIDY
            if due is None and self._changed():
                due = max(now + self._settle, rest)
            if due is not None and now >= due:
                self._attempt(self._publish)
                began, now = now, self._clock()
                due, rest = None, now + 11 * (now - began)

    def _attempt(self, work: Work) -> None:
        try:
            work()
        except Exception:
            log.exception("a bug: %s goes on", self._thread.name)
