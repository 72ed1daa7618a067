"""When a look is taken again: after its interval, sooner after failures, at once where it is asked for."""

import threading

import pytest

from exporter.agents.periodic import ENDING, Looks, Periodic, pause
from tests.web.test_tls import comes


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        (3600.0, [3600.0, 5.0, 10.0, 20.0, 40.0, 80.0]),
        (40.0, [40.0, 5.0, 10.0, 20.0, 40.0, 40.0]),
        (16.0, [16.0, 2.0, 4.0, 8.0, 16.0, 16.0]),
        (0.8, [0.8, 0.1, 0.2, 0.4, 0.8, 0.8]),
    ],
)
def test_the_first_retry_is_within_seconds_and_none_is_later_than_the_interval(
    interval: float, expected: list[float]
) -> None:
    assert [pause(interval, failures) for failures in range(6)] == pytest.approx(expected)
    assert pause(interval, 10_000) == interval


def test_no_number_of_failures_is_too_large_to_count_with() -> None:
    assert [pause(1e9, failures) for failures in (16, 17, 18, 10_000)] == [5.0 * 2**15, *[5.0 * 2**16] * 3]


class Look:
    """A look that goes as a test wants, and counts."""

    def __init__(self, well: bool = True) -> None:
        self.well, self.count, self.taken = well, 0, threading.Event()

    def __call__(self) -> bool:
        self.count += 1
        self.taken.set()
        if self.count == 1 and not self.well:
            raise ValueError("a bug")
        return self.well

    def taken_again(self) -> bool:
        self.taken.clear()
        return self.taken.wait(0.3)


class Waits(threading.Event):
    """Written down instead of waited: for how long, and whether somebody is waiting for a look."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[float | None, bool]] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.told.append((timeout, self.is_set()))
        return True


@pytest.mark.parametrize("early", [True, False])
def test_each_pause_follows_from_how_the_looks_went_and_who_asked_for_another(early: bool) -> None:
    """What is asked for before a look began is answered by it; during it, by another one at once."""

    def look() -> bool:
        number = len(waits.told)
        if number == 2:
            raise ValueError("a bug")
        if number == 4:
            periodic.again()
        if number == 7:
            periodic.stop()
        return number not in {1, 3, 5, 7}

    periodic = Periodic("x", 40.0, look)
    waits = periodic._wake = Waits()
    if early:
        periodic.again()
    periodic._run()
    pauses = [40.0, 5.0, 10.0, 20.0, 40.0, 5.0, 40.0, 5.0]
    assert waits.told == [(pause, number in {4, 7}) for number, pause in enumerate(pauses)]


def test_its_thread_ends_with_the_process() -> None:
    periodic = Periodic("x", 40.0, bool)
    assert (periodic._thread.name, periodic._thread.daemon, periodic._failures) == ("x", True, 0)


def test_a_look_that_went_well_is_taken_again_only_when_it_is_due_or_asked_for() -> None:
    look = Look()
    periodic = Periodic("x", 3600.0, look)
    periodic.start()
    assert look.taken.wait(10)
    assert not look.taken_again()
    periodic.retry()  # there is nothing to retry
    assert not look.taken_again()
    periodic.again()
    assert comes(lambda: look.count == 2)
    periodic.stop()
    assert not periodic._thread.is_alive()
    assert look.count == 2


def test_a_look_that_failed_is_taken_again_when_what_was_in_the_way_may_be_gone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    look = Look(well=False)
    periodic = Periodic("the look", 3600.0, look)
    periodic.start()
    assert comes(lambda: look.count == 1)
    assert comes(lambda: "a bug: the look goes on" in caplog.messages)
    assert comes(lambda: periodic._failures == 1)
    look.well = True
    periodic.retry()
    assert comes(lambda: look.count == 2)
    periodic.stop()
    assert periodic._failures == 0


def test_failures_are_counted_in_a_row() -> None:
    look = Look(well=False)
    periodic = Periodic("x", 0.008, look)
    periodic.start()
    assert comes(lambda: periodic._failures >= 3)
    look.well = True
    assert comes(lambda: periodic._failures == 0)
    periodic.stop()


def test_what_was_never_started_can_be_stopped() -> None:
    assert ENDING == 5.0
    Periodic("x", 1.0, Look()).stop()


def test_a_class_looks_by_its_own_method() -> None:
    taken = threading.Event()

    class Own(Looks):
        def look(self) -> bool:
            taken.set()
            return True

    own = Own("own", 3600.0)
    own.start()
    assert taken.wait(10)
    own.stop()
    assert not own._look._thread.is_alive()
