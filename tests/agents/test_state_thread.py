"""Work from many threads, done in one."""

import logging
import threading

import pytest

from exporter.agents.state_thread import StateThread


class Book:
    """Counts what is posted, and what was published of it."""

    def __init__(self, **options: float) -> None:
        self.written = self.shown = self.published = 0
        self.told = threading.Condition()
        self.owner = StateThread("book", lambda: self.written != self.shown, self._publish, **options)  # type: ignore[arg-type]

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
