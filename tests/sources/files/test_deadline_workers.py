"""Work handed to threads under a deadline: whose answer is whose, what is tried again, and by how many threads."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import TypeVar, cast

import pytest

from exporter.sources.files.deadline import Workers, _Batch

T = TypeVar("T")

Work = Callable[[Iterator[int]], Iterator[tuple[int, str]]]
LONG, SHORT = 30.0, 0.2


def failed(number: int) -> str:
    return f"failed {number}"


def upper(keys: list[str]) -> Work:
    """Each key in capitals; `!` raises, and so does the piece of work that is at it."""

    def work(numbers: Iterator[int]) -> Iterator[tuple[int, str]]:
        for number in numbers:
            if keys[number] == "!":
                raise LookupError
            yield number, keys[number].upper()

    return work


def test_each_key_has_its_answer_and_what_raised_its_failure() -> None:
    """Whatever it is that raises, the others are looked at."""
    workers = Workers(LONG)
    for keys in (["a"], ["a", "b", "c"], ["!", "b"], ["a", "!", "c"], ["a", "!"], ["!", "!", "c", "!"], ["a", "a"], []):
        wanted = [failed(number) if key == "!" else key.upper() for number, key in enumerate(keys)]
        assert workers.answers(keys, upper(keys), failed) == (wanted, frozenset()), keys


def test_work_that_raises_before_it_takes_anything_is_given_up() -> None:
    """And what was not begun has no answer."""

    def none(_numbers: Iterator[int]) -> Iterator[tuple[int, str]]:
        raise LookupError

    begun = time.monotonic()
    assert Workers(SHORT).answers(["a", "b"], none, failed) == ([None, None], frozenset())
    assert time.monotonic() - begun < 20


def test_work_that_answers_and_then_raises_has_answered() -> None:
    """Its failure is nobody's."""

    def work(numbers: Iterator[int]) -> Iterator[tuple[int, str]]:
        for number in numbers:
            yield number, "x"
            if number == 0:
                raise SystemExit

    assert Workers(LONG).answers(["a", "b"], work, failed) == (["x", "x"], frozenset())


class Gate:
    """Keys that hang until they are let go."""

    def __init__(self, *hanging: str) -> None:
        self.hanging = hanging
        self.go_on = threading.Event()
        self.begun: list[str] = []

    def work(self, keys: list[str]) -> Work:
        def work(numbers: Iterator[int]) -> Iterator[tuple[int, str]]:
            for number in numbers:
                self.begun.append(keys[number])
                if keys[number] in self.hanging and not self.go_on.is_set():
                    self.go_on.wait(30)
                yield number, keys[number].upper()

        return work

    def asked(self, workers: Workers, *keys: str) -> tuple[list[str | None], frozenset[str]]:
        return workers.answers(list(keys), self.work(list(keys)), failed)


@pytest.fixture
def gate() -> Iterator[Gate]:
    found = Gate("h", "i")
    yield found
    found.go_on.set()


def test_what_hangs_has_no_answer_and_is_not_begun_again(gate: Gate) -> None:
    """The others are answered, by another thread; it is told with the next answers that it still hangs."""
    workers = Workers(SHORT)
    assert gate.asked(workers, "a", "h", "b") == (["A", None, "B"], frozenset())
    assert workers._threads < 10, "for what nobody has begun"
    assert gate.asked(workers, "h", "b") == ([None, "B"], frozenset({"h"}))
    assert gate.asked(workers, "h") == ([None], frozenset({"h"}))
    assert gate.begun == ["a", "h", "b", "b"]


def test_what_has_ended_is_asked_again(gate: Gate) -> None:
    workers = Workers(SHORT)
    assert gate.asked(workers, "h", "i") == ([None, None], frozenset())
    assert workers._hung == {"h", "i"}
    gate.go_on.set()
    until(lambda: not workers._hung)
    assert gate.asked(workers, "h", "i") == (["H", "I"], frozenset())


def until(so: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not so():
        assert time.monotonic() < end
        time.sleep(0.001)


class Waiting(Workers):
    """Remembers how long each batch may take, and gives it up."""

    given = 0.0

    def _await(self, batch: _Batch[T], patience: float) -> None:
        self.given = patience


@pytest.mark.parametrize(
    ("hanging", "keys", "patience"),
    [("", "a", 20.0), ("", "ab", 20.0), ("h", "a", 2.0), ("h", "ab", 5.0), ("h", "ha", 5.0), ("h", "h", 0.0)],
)
def test_while_something_hangs_others_are_waited_for_a_part_of_the_deadline(
    hanging: str, keys: str, patience: float
) -> None:
    """A lone piece of work a tenth, several a quarter; and nothing is waited for where there is nothing to do."""
    workers = Waiting(20.0)
    workers._hung.update(hanging)
    assert workers.answers(list(keys), upper(list(keys)), failed) == ([None] * len(keys), frozenset(hanging))
    assert workers.given == patience


def test_a_batch_that_makes_no_progress_is_waited_for_no_longer_than_it_may_take(gate: Gate) -> None:
    began = time.monotonic()
    assert gate.asked(Workers(0.05), "h") == ([None], frozenset())
    assert 0.05 <= time.monotonic() - began < 2


def test_an_idle_thread_does_the_next_work() -> None:
    workers, threads = Workers(LONG), list[threading.Thread]()

    def work(numbers: Iterator[int]) -> Iterator[tuple[int, str]]:
        for number in numbers:
            threads.append(threading.current_thread())
            yield number, "x"

    for _ in range(3):
        assert workers.answers(["a"], work, failed) == (["x"], frozenset())
        until(lambda: workers._idle == 1)
    assert threads == [threads[0]] * 3


def test_two_threads_at_most_wait_for_more() -> None:
    """Those that ended their work together; and they are what the next work is done by."""
    workers, keys = Workers(LONG), ["a", "b", "c", "d"]
    barrier = threading.Barrier(4)

    def work(numbers: Iterator[int]) -> Iterator[tuple[int, str]]:
        for number in numbers:
            barrier.wait(20)
            yield number, threading.current_thread().name

    before = set(threading.enumerate())  # others of them may be about to end
    workers.answers(keys, work, failed)
    until(lambda: workers._threads == 2)
    until(lambda: sum(one.name == "files" for one in set(threading.enumerate()) - before) == 2)
    assert workers._idle == 2
    for _ in range(20):
        workers.answers(["a"], upper(["a"]), failed)
        until(lambda: workers._idle == 2)
    assert workers._threads == 2
    assert all(one.daemon for one in threading.enumerate() if one.name == "files")


def test_a_thread_that_nobody_needs_ends() -> None:
    """And the next work is done by a new one."""
    workers = Workers(LONG, idle=0.01)
    for _ in range(2):
        assert workers.answers(["a"], upper(["a"]), failed) == (["A"], frozenset())
        until(lambda: not workers._threads)
        assert workers._idle == 0


class Ticks(threading.Event):
    """Is waited for in vain, at once, and counts how often; the sixth time it is there."""

    count = 0

    def wait(self, timeout: float | None = None) -> bool:
        self.count += 1
        return self.is_set() or self.count > 5


class Slow(Workers):
    """Instead of a thread, an answer whenever one would begin: at first only to what of a batch was wanted."""

    def __init__(self, first: int) -> None:
        super().__init__(LONG)
        self._first = first
        self.begun: list[int] = []

    def _begin(self, batch: _Batch[T]) -> bool:
        if not self.begun:
            batch.done = self.ticks = Ticks()
        self.begun.append(self.ticks.count)
        for number in batch.take():
            if not self._first:
                break
            self._first -= 1
            self._store(batch, number, cast("T", "x"))
        return True


@pytest.mark.parametrize(
    ("keys", "first", "begun", "answers"),
    [
        ("abc", 9, [0], ["x", "x", "x"]),
        ("a", 0, [0], [None]),
        ("abc", 0, [0, 1, 2], [None, None, None]),
        ("abc", 1, [0, 2], ["x", None, None]),
    ],
)
def test_a_batch_without_progress_gets_another_thread_for_what_nobody_has_begun(
    keys: str, first: int, begun: list[int], answers: list[str | None]
) -> None:
    """A hundredth of the deadline later."""
    workers = Slow(first)
    assert workers.answers(list(keys), upper(list(keys)), failed) == (answers, frozenset())
    assert workers.begun == begun


def test_sixty_four_threads_and_no_more(gate: Gate) -> None:
    """What finds none has no answer, at once."""
    workers = Workers(0.05)
    for number in range(70):
        gate.hanging = (*gate.hanging, f"h{number}")
        gate.asked(workers, f"h{number}")
    assert workers._threads == 64
    assert len(gate.begun) == 64
    began = time.monotonic()
    slow = Workers(LONG)
    slow._threads = 64
    assert gate.asked(slow, "a") == ([None], frozenset())
    assert time.monotonic() - began < 20
    assert "a" not in gate.begun
