"""A fleet and a way to ask one of it in; each is asked again and again, evenly spread, in one thread.

A member that hangs holds one of the places, not a thread; the others go on being asked meanwhile.
"""

import asyncio
import contextlib
import heapq
import itertools
import logging
import random
import threading
from collections.abc import Awaitable, Callable, Mapping
from typing import Generic, TypeVar

from exporter.agents.periodic import ENDING, pause

__all__ = ["SOON", "FleetPoll"]

T = TypeVar("T")

AT_ONCE = 100
"""Members asked at the same time."""
PER_SECOND = 50
"""Members asked in the first round, so that a fleet is known soon and the start is no storm."""
RETRY = 30.0
"""Seconds to the next try after a first failure; doubled after each further one, up to the interval."""
SOON = 15.0
"""Seconds at least between two looks at a member that are asked for by `soon`."""
STEP = 1.0

log = logging.getLogger(__name__)


class FleetPoll(Generic[T]):
    """Asks every member of a fleet. `ask` must bound its own time; it returns whether it was answered."""

    def __init__(
        self,
        name: str,
        members: Callable[[], Mapping[str, T]],
        ask: Callable[[T], Awaitable[bool]],
        *,
        interval: float,
        apart: float = SOON,
        left: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`members` by their keys, read every second; `left` is told of a key that is no longer among them. `apart`: as
        SOON.
        """
        self._members, self._ask, self._interval, self._apart, self._left = members, ask, interval, apart, left
        self._due: dict[str, float] = {}
        self._heap: list[tuple[float, int, str]] = []
        self._order = itertools.count()
        self._last: dict[str, float] = {}
        self._failures: dict[str, int] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._free = asyncio.Event()
        """Set when one of all places has become free."""
        self._wanted: set[str] = set()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End. What is being asked is left."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(ENDING)

    def soon(self, key: str) -> None:
        """Ask this member within the next seconds: something about it has changed. From any thread."""
        with self._lock:
            self._wanted.add(key)

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            try:
                asyncio.run(self._main())
            except Exception:
                log.exception("a bug, or nothing left to ask with: %s begins again", self._thread.name)
                failures += 1
                self._stopping.wait(pause(min(self._interval, RETRY), failures))

    async def _main(self) -> None:
        # What is asked and what is to be asked in this loop: a former one may have ended in an error.
        self._due, self._heap, self._asking, self._free = {}, [], {}, asyncio.Event()
        known: Mapping[str, T] | None = None
        while not self._stopping.is_set():
            members = self._members()
            if members is not known:
                self._follow(members)
                known = members
            now = asyncio.get_running_loop().time()
            self._hasten(now)
            while self._heap and self._heap[0][0] <= now and len(self._asking) < AT_ONCE:
                due, _, key = heapq.heappop(self._heap)
                if self._due.get(key) == due and key not in self._asking:
                    self._asking[key] = asyncio.create_task(self._look(key, members[key]))
            wait = self._heap[0][0] - now if self._heap and len(self._asking) < AT_ONCE else STEP
            self._free.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._free.wait(), min(max(wait, 0.0), STEP))
        for task in self._asking.values():
            task.cancel()
        await asyncio.gather(*self._asking.values(), return_exceptions=True)

    def _follow(self, members: Mapping[str, T]) -> None:
        now = asyncio.get_running_loop().time()
        for key in self._due.keys() - members.keys():
            del self._due[key]
            self._last.pop(key, None)
            self._failures.pop(key, None)
            if (asked := self._asking.pop(key, None)) is not None:
                asked.cancel()  # its answer would be kept for good
            self._left(key)
        new = [key for key in members if key not in self._due]
        spread = min(self._interval, len(new) / PER_SECOND)
        for number, key in enumerate(new):
            self._schedule(key, now + spread * number / len(new))

    def _hasten(self, now: float) -> None:
        with self._lock:
            wanted, self._wanted = self._wanted, set()
        for key in wanted & self._due.keys():
            at = now + random.uniform(0.5, 2.0)  # noqa: S311 - spreads load
            if key in self._last:
                at = max(at, self._last[key] + self._apart)
            if at < self._due[key]:
                self._schedule(key, at)

    def _schedule(self, key: str, at: float) -> None:
        self._due[key] = at
        heapq.heappush(self._heap, (at, next(self._order), key))

    async def _look(self, key: str, member: T) -> None:
        try:
            answered = await self._ask(member)
        except Exception:
            log.exception("a bug: %s goes on", self._thread.name)
            answered = False
        finally:
            if len(self._asking) >= AT_ONCE:
                self._free.set()
            if self._asking.get(key) is asyncio.current_task():  # else it left, and may be back already
                del self._asking[key]
        now = asyncio.get_running_loop().time()
        self._last[key] = now
        failures = self._failures[key] = 0 if answered else self._failures.get(key, 0) + 1
        pause = min(self._interval, RETRY * 2.0 ** min(failures - 1, 10)) if failures else self._interval
        if key in self._due:
            self._schedule(key, now + random.uniform(0.9 * pause, 1.1 * pause))  # noqa: S311 - spreads load
