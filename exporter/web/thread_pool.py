"""Blocking calls in, awaited results out: a few daemon threads and a bounded queue, fair to every client."""

import asyncio
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import TypeVar

from exporter.thread import begin

__all__ = ["BusyError", "ThreadPool"]

T = TypeVar("T")


class BusyError(Exception):
    """As many calls wait already as may."""


class _Job:
    """A call that waits for a thread. `run` does it; `refuse` tells whoever awaits it that it is not done."""

    def __init__(self, client: str, run: Callable[[], None], refuse: Callable[[BusyError], None]) -> None:
        self.client, self.run, self.refuse = client, run, refuse


class _Waiting:
    """What waits of one client, oldest first. The newest call goes first, then the oldest, and so on in turn.

    So a call that has just come is seldom behind sixty others, and never behind all that still come: were the newest
    always first, two clients that ask again as soon as they are answered would keep out every call before theirs.
    """

    def __init__(self) -> None:
        self.jobs: deque[_Job] = deque()
        self._newest = True

    def take(self) -> _Job:
        """Take out the call whose turn it is."""
        newest, self._newest = self._newest, not self._newest
        return self.jobs.pop() if newest else self.jobs.popleft()


class ThreadPool:
    """Runs blocking calls, `threads` at once, while at most `waiting` more wait.

    Clients take turns, and of one client's calls the newest and the oldest: whoever floods the queue makes their own
    calls wait. Where the queue is full, the oldest call makes room: of the client with most calls where that has at
    least two more, else of the one that calls. Who has waited longest is the likeliest to have gone away.

    Not a ThreadPoolExecutor: Python waits for an executor's threads when it ends, and a read of a disk that hangs
    would keep the process from ending at all.
    """

    def __init__(self, name: str, *, threads: int, waiting: int) -> None:
        self._bound = threads + waiting
        self._accepted = 0
        self._name, self._wanted = name, threads
        self._threads: list[threading.Thread] = []
        self._waiting: OrderedDict[str, _Waiting] = OrderedDict()
        self._change = threading.Condition()
        self._closed = False

    async def call(self, function: Callable[[], T], client: str = "") -> T:
        """The function's result, or what it raised. Raises BusyError when too many wait. One loop only."""
        if self._accepted >= self._bound:
            self._displace(client)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def done(result: T | None, error: Exception | None) -> None:
            self._accepted -= 1
            if future.done():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(result)  # type: ignore[arg-type]  # without an error there is a result

        def run() -> None:
            result, failure = None, None
            try:
                result = function()
            except BaseException as error:  # noqa: BLE001 - it goes to whoever awaits
                failure = _awaitable(error)
            try:
                loop.call_soon_threadsafe(done, result, failure)
            except RuntimeError:  # the loop is closed: nobody awaits any more
                return

        job = _Job(client, run, lambda error: done(None, error))
        self._accepted += 1
        with self._change:
            self._waiting.setdefault(client, _Waiting()).jobs.append(job)
            self._change.notify()
        if len(self._threads) < min(self._wanted, self._accepted):
            self._begin(job)
        try:
            return await future
        except asyncio.CancelledError:
            if self._withdrawn(job):
                self._accepted -= 1
            raise

    def waiting(self, client: str) -> int:
        """How many of a client's calls wait for a thread."""
        with self._change:
            return self._calls(client)

    def close(self, patience: float = 0.0) -> None:
        """Let the threads end after what they do now and what waits, and wait `patience` seconds at most for that."""
        with self._change:
            self._closed = True
            self._change.notify_all()
        deadline = time.monotonic() + patience
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _begin(self, job: _Job) -> None:
        """One more thread; BusyError for the job where there is none yet and none can be had."""
        thread = threading.Thread(target=self._work, name=f"{self._name}-{len(self._threads) + 1}", daemon=True)
        try:
            begin(thread)
        except OSError:
            if not self._threads:
                with self._change:
                    self._remove(job)
                job.refuse(BusyError(f"{self._name}: no thread can be started"))
        else:
            self._threads.append(thread)

    def _displace(self, client: str) -> None:
        """Make room for a call of this client, or raise BusyError."""
        with self._change:
            busy = BusyError(f"{self._name}: {self._accepted} calls wait")
            most = max(self._waiting, key=self._calls, default=client)
            if self._calls(most) <= self._calls(client) + 1:
                most = client
            if not self._calls(most):
                raise busy
            job = self._waiting[most].jobs[0]
            self._remove(job)
        job.refuse(busy)

    def _calls(self, client: str) -> int:
        return len(self._waiting[client].jobs) if client in self._waiting else 0

    def _withdrawn(self, job: _Job) -> bool:
        """Whether the call had not begun, and now never will."""
        with self._change:
            waits = job.client in self._waiting and job in self._waiting[job.client].jobs
            if waits:
                self._remove(job)
            return waits

    def _remove(self, job: _Job) -> None:
        """Take a call that waits out of the queue."""
        waiting = self._waiting[job.client]
        waiting.jobs.remove(job)
        if not waiting.jobs:
            del self._waiting[job.client]

    def _work(self) -> None:
        while True:
            with self._change:
                while not self._waiting:
                    if self._closed:
                        return
                    self._change.wait()
                client, waiting = self._waiting.popitem(last=False)
                job = waiting.take()
                if waiting.jobs:
                    self._waiting[client] = waiting  # behind the other clients
            job.run()


def _awaitable(error: BaseException) -> Exception:
    """What can be raised in a coroutine without ending it silently or ending the whole loop."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    return RuntimeError(f"{type(error).__name__} in a worker: {error}")
