"""Work from many threads, done in one."""

import logging
import threading
from queue import Empty, Queue
from typing import Any

import pytest

from exporter.agents.state_thread import MOST_WAITING, TIDY, StateThread


class Book:
    """Counts what is posted, and what was published of it."""

    def __init__(self, settle: float) -> None:
        self.written = self.shown = self.published = 0
        self.told = threading.Condition()
        self.owner = StateThread("book", self.changed, self._publish, settle=settle, idle=lambda: None)

    def changed(self) -> bool:
        return self.written != self.shown

    def write(self) -> None:
        self.written += 1

    def _publish(self) -> None:
        with self.told:
            self.shown = self.written
            self.published += 1
            self.told.notify_all()

    def until(self, shown: int) -> None:
        with self.told:
            assert self.told.wait_for(lambda: self.shown == shown, 10)


class Hours(Queue[Any]):
    """Work that comes at its moments; whoever waits for it has time pass, and so have publishing and tidying."""

    def __init__(self, *changes: float, until: float, publishing: float = 0.0, tidying: float = 0.0) -> None:
        super().__init__()
        self.now = 0.0
        self.changed = False
        self.published: list[float] = []
        self.tidied: list[float] = []
        self._comes = [*((moment, self.change) for moment in changes), (until, None)]
        self._publishing, self._tidying = publishing, tidying

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        assert timeout is not None
        assert timeout >= 0
        moment, work = self._comes[0]
        if moment > self.now + timeout:
            self.now += timeout
            raise Empty
        del self._comes[0]
        self.now = max(self.now, moment)
        return work

    def change(self) -> None:
        self.changed = True

    def publish(self) -> None:
        self.published.append(self.now)
        self.now += self._publishing
        self.changed = False

    def tidy(self) -> None:
        self.tidied.append(self.now)
        self.now += self._tidying

    def pass_with(self, settle: float) -> None:
        owner = StateThread(
            "x", lambda: self.changed, self.publish, settle=settle, idle=self.tidy, clock=lambda: self.now
        )
        owner._queue = self
        owner._run()


@pytest.mark.parametrize(
    ("changes", "settle", "publishing", "published"),
    [
        ((), 0.5, 0.0, []),
        ((1.0,), 0.0, 0.0, [1.0]),
        ((1.0,), 0.5, 0.0, [1.5]),
        ((1.0, 1.2, 1.4), 0.5, 0.0, [1.5]),
        ((1.0, 1.4, 1.6), 0.5, 0.0, [1.5, 2.1]),
        ((1.0, 4.0), 0.5, 2.0, [1.5, 25.5]),
        ((1.0, 2.0, 30.0), 0.5, 2.0, [1.5, 25.5, 49.5]),
        ((1.0, 25.0), 0.5, 2.0, [1.5, 25.5]),
        ((1.0, 26.0), 0.5, 2.0, [1.5, 26.5]),
        ((1.0, 1.5, 80.0), 0.0, 0.5, [1.0, 7.0, 80.0]),
    ],
)
def test_what_changed_is_published_when_it_has_settled_and_for_a_twelfth_of_the_time(
    changes: tuple[float, ...], settle: float, publishing: float, published: list[float]
) -> None:
    hours = Hours(*changes, until=100.0, publishing=publishing)
    hours.pass_with(settle)
    assert hours.published == pytest.approx(published)
    assert hours.tidied == []


@pytest.mark.parametrize(
    ("changes", "tidying", "tidied"),
    [
        ((), 0.0, [600.0, 1200.0]),
        ((599.0, 601.0), 0.0, [600.0, 1200.0]),
        ((599.9,), 0.0, [600.4, 1200.4]),
        ((), 10.0, [600.0, 1210.0]),
    ],
)
def test_every_ten_minutes_it_is_tidied(changes: tuple[float, ...], tidying: float, tidied: list[float]) -> None:
    hours = Hours(*changes, until=1500.0, tidying=tidying)
    hours.pass_with(0.5)
    assert hours.tidied == pytest.approx(tidied)
    assert TIDY == 600.0


def test_what_is_to_be_tidied_while_something_is_published_is_tidied_after_it() -> None:
    hours = Hours(599.0, until=1300.0, publishing=2.0)
    hours.pass_with(0.5)
    assert (hours.published, hours.tidied) == ([599.5], [601.5, 1201.5])


def test_what_takes_long_to_tidy_is_not_what_took_long_to_publish() -> None:
    hours = Hours(600.0, 602.0, until=700.0, publishing=1.0, tidying=5.0)
    hours.pass_with(0.0)
    assert (hours.tidied, hours.published) == ([600.0], [605.0, 617.0])


def test_so_much_waits_and_no_more() -> None:
    book = Book(settle=0.0)
    assert (book.owner._queue.maxsize, MOST_WAITING) == (20_000, 20_000)
    assert (book.owner._thread.name, book.owner._thread.daemon) == ("book", True)


def test_everything_posted_is_done_and_published() -> None:
    """From many threads, without a lock in what is owned."""
    book = Book(settle=0.0)
    book.owner.start()

    def post() -> None:
        for _ in range(1000):
            book.owner.post(book.write)

    threads = [threading.Thread(target=post) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    book.until(4000)
    book.owner.stop()


def test_changes_that_come_together_are_published_together() -> None:
    """Publishing may be slow."""
    book = Book(settle=0.2)
    for _ in range(50):
        book.owner.post(book.write)
    book.owner.start()
    book.until(50)
    assert book.published == 1
    book.owner.stop()


def test_work_that_changes_nothing_publishes_nothing() -> None:
    """Heartbeats."""
    book = Book(settle=0.0)
    book.owner.start()
    done = threading.Event()
    book.owner.post(lambda: None)
    book.owner.post(done.set)
    assert done.wait(10)
    book.owner.stop()
    assert book.published == 0


def test_a_bug_in_one_piece_of_work_does_not_end_the_rest(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged with its traceback."""
    book = Book(settle=0.0)
    book.owner.start()
    book.owner.post(lambda: 1 // 0)  # type: ignore[arg-type]
    book.owner.post(book.write)
    with caplog.at_level(logging.ERROR):
        book.until(1)
    book.owner.stop()
    assert "ZeroDivisionError" in caplog.text


def test_stop_waits_for_what_was_posted_before() -> None:
    """And for no more."""
    book = Book(settle=5.0)
    book.owner.start()
    for _ in range(10):
        book.owner.post(book.write)
    book.owner.stop()
    assert (book.written, book.published) == (10, 0)
