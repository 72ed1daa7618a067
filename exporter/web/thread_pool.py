"""Blocking calls in, awaited results out: a few daemon threads and a bounded queue before them."""

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import TypeVar

__all__ = ["BusyError", "ThreadPool"]

T = TypeVar("T")
Job = Callable[[], None]


class BusyError(Exception):
    """As many calls wait already as may."""


class ThreadPool:
    """Runs blocking calls, `threads` at once, while at most `waiting` more wait.

    Not a ThreadPoolExecutor: Python waits for an executor's threads when it ends, and a read of a disk that hangs
    would keep the process from ending at all.
    """

    def __init__(self, name: str, *, threads: int, waiting: int) -> None:
        self._jobs: SimpleQueue[Job] = SimpleQueue()
        self._bound = threads + waiting
        self._accepted = 0
        self._name, self._wanted, self._threads = name, threads, 0

    async def call(self, function: Callable[[], T]) -> T:
        """The function's result, or what it raised. Raises BusyError at once when too many wait. One loop only."""
        if self._accepted >= self._bound:
            raise BusyError(f"{self._name}: {self._accepted} calls wait")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def done(result: T | None, error: Exception | None) -> None:
            self._accepted -= 1
            if future.cancelled():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(result)  # type: ignore[arg-type]  # without an error there is a result

        def job() -> None:
            result, failure = None, None
            try:
                result = function()
            except BaseException as error:  # noqa: BLE001 - it goes to whoever awaits
                failure = _awaitable(error)
            try:
                loop.call_soon_threadsafe(done, result, failure)
            except RuntimeError:  # the loop is closed: nobody awaits any more
                return

        self._accepted += 1
        self._jobs.put(job)
        if self._threads < min(self._wanted, self._accepted):
            self._threads += 1
            threading.Thread(target=self._work, name=f"{self._name}-{self._threads}", daemon=True).start()
        return await future

    def close(self) -> None:
        """Let the threads end after what they do now."""
        for _ in range(self._threads):
            self._jobs.put(_end)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not _end:
            job()


def _awaitable(error: BaseException) -> Exception:
    """What can be raised in a coroutine without ending it silently or ending the whole loop."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    return RuntimeError(f"{type(error).__name__} in a worker: {error}")


def _end() -> None:
    """Told to a thread it means: no more."""
