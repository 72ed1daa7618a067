"""Work that may hang for ever in, its answers after at most a deadline out: what hangs holds one thread, once."""

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from exporter.thread import begin

__all__ = ["Workers"]

T = TypeVar("T")

_IDLE_SECONDS = 10.0
_MOST_IDLE = 2
_MOST_THREADS = 64


class _Batch(Generic[T]):
    """Numbered pieces of work, taken one by one by whichever worker is free."""

    def __init__(
        self,
        numbers: Sequence[int],
        keys: Sequence[str],
        work: Callable[[Iterator[int]], Iterator[tuple[int, T]]],
    ) -> None:
        self.keys = keys
        self.work = work
        self.lock = threading.Lock()
        self.todo = deque(numbers)
        self.unanswered = len(numbers)
        self.begun: set[int] = set()
        self.answers: dict[int, T] = {}
        self.failed: set[int] = set()
        self.done = threading.Event()

    def take(self) -> Iterator[int]:
        while True:
            with self.lock:
                if not self.todo:
                    return
                number = self.todo.popleft()
                self.begun.add(number)
            yield number


class _Taken:
    """The numbers one worker takes from a batch, and the one it took last."""

    def __init__(self, batch: _Batch[Any]) -> None:
        self._numbers = batch.take()
        self.number: int | None = None

    def __iter__(self) -> Iterator[int]:
        return self

    def __next__(self) -> int:
        self.number = next(self._numbers)
        return self.number


class Workers:
    """A few daemon threads: they cannot keep the process from ending, and they end by themselves when idle.

    A hand-off to a thread costs more than a cached read, so several pieces of work go over in one batch. A batch that
    makes no progress gets another thread for what nobody has begun: a hung piece costs the others a hundredth of the
    deadline, and a batch never takes longer than one deadline, however many of its pieces hang.
    """

    def __init__(self, deadline: float, *, idle: float = _IDLE_SECONDS) -> None:
        """Both in seconds: for a batch, and after which a thread without one ends."""
        self._deadline, self._idle_seconds = deadline, idle
        self._lock = threading.Lock()
        self._queue: queue.SimpleQueue[_Batch[Any]] = queue.SimpleQueue()
        self._threads = 0
        self._idle = 0
        self._hung: set[str] = set()

    def answers(
        self, keys: Sequence[str], work: Callable[[Iterator[int]], Iterator[tuple[int, T]]], failed: Callable[[int], T]
    ) -> tuple[list[T | None], frozenset[str]]:
        """What `work` yields for the number of each key, None for what took too long; and the keys not begun.

        Work that raises has the answer `failed` gives for the number it was at, and goes on with the next one.

        A key whose former work still hangs is not begun again. While anything hangs, a batch gets a quarter of the
        deadline and a lone piece of work a tenth: who asks several times shall not wait a whole deadline each time.
        """
        with self._lock:
            hung = frozenset(self._hung)
        batch = _Batch([number for number, key in enumerate(keys) if key not in hung], keys, work)
        if batch.unanswered:
            self._await(batch, self._deadline / (1 if not hung else 4 if len(keys) > 1 else 10))
        with batch.lock:
            batch.todo.clear()
            answers = [
                failed(number) if number in batch.failed else batch.answers.get(number) for number in range(len(keys))
            ]
            if late := batch.begun - batch.answers.keys() - batch.failed:
                with self._lock:
                    self._hung.update(keys[number] for number in late)
        return answers, hung

    def _await(self, batch: _Batch[T], patience: float) -> None:
        end = time.monotonic() + patience
        if not self._begin(batch):
            return
        progress = 0
        while not batch.done.wait(max(min(self._deadline / 100, end - time.monotonic()), 0)):
            if time.monotonic() >= end:
                return
            if batch.todo and len(batch.answers) == progress:
                self._begin(batch)
            progress = len(batch.answers)

    def _begin(self, batch: _Batch[T]) -> bool:
        """Give the batch one more thread, if there is one to be had."""
        with self._lock:
            if self._idle:
                self._idle -= 1
                self._queue.put(batch)
                return True
            if self._threads >= _MOST_THREADS:
                return False
            self._threads += 1
        try:
            begin(threading.Thread(target=self._run, args=(batch,), name="files", daemon=True))
        except OSError:
            with self._lock:
                self._threads -= 1
            return False
        return True

    def _run(self, batch: _Batch[Any] | None) -> None:
        while batch is not None:
            self._work(batch)
            batch = None  # an idle thread holds on to nothing
            batch = self._next()

    def _work(self, batch: _Batch[Any]) -> None:
        taken = _Taken(batch)
        at: int | None = -1
        while taken.number != at:  # work that raises without taking another number is given up
            at = taken.number
            try:
                for number, answer in batch.work(taken):
                    self._store(batch, number, answer)
            except BaseException:  # noqa: BLE001 - told as that piece's answer; whatever raised, the others are looked at
                self._fail(batch, taken.number)
            else:
                return

    def _store(self, batch: _Batch[T], number: int, answer: T) -> None:
        with batch.lock:
            batch.answers[number] = answer
        self._ended(batch, number)

    def _fail(self, batch: _Batch[Any], number: int | None) -> None:
        if number is not None and number not in batch.answers:
            with batch.lock:
                batch.failed.add(number)
            self._ended(batch, number)

    def _ended(self, batch: _Batch[Any], number: int) -> None:
        with batch.lock:
            with self._lock:
                self._hung.discard(batch.keys[number])
            batch.unanswered -= 1
        if not batch.unanswered:
            batch.done.set()

    def _next(self) -> _Batch[Any] | None:
        with self._lock:
            if self._idle >= _MOST_IDLE:
                self._threads -= 1
                return None
            self._idle += 1
        while True:
            try:
                return self._queue.get(timeout=self._idle_seconds)
            except queue.Empty:
                with self._lock:
                    if self._idle:  # else every idle thread has been promised a batch, this one too
                        self._idle -= 1
                        self._threads -= 1
                        return None
