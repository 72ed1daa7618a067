"""Looks that are made at once: until all have ended or time is up, and what became of each."""

import threading
import time
from collections.abc import Sequence

import pytest

from exporter.check.together import LEAST, seconds_left, together
from exporter.facts.source import Failure
from exporter.reason import Reason


def test_all_looks_are_made_at_once_and_end_well() -> None:
    meeting = threading.Barrier(3)
    began = time.monotonic()
    told: list[list[str]] = []
    names: set[tuple[str, bool]] = set()

    def look() -> None:
        thread = threading.current_thread()
        names.add((thread.name, thread.daemon))  # one that hangs is named in a trace, and ends with the process
        meeting.wait(20)

    looks = dict.fromkeys("abc", look)
    assert together(looks, began + 20, lambda waiting: told.append(list(waiting))) == {}
    assert time.monotonic() - began < 10
    assert all(set(waiting) <= set("abc") for waiting in told)
    assert names == {("a", True), ("b", True), ("c", True)}


@pytest.mark.parametrize(
    ("left", "most", "parts", "expected"),
    [
        (5.0, 10.0, 1, 5.0),
        (5.0, 2.0, 1, 2.0),
        (5.0, 10.0, 2, 2.5),
        (50.0, 10.0, 2, 10.0),
        (0.0, 10.0, 1, 0.1),
        (-5.0, 10.0, 2, 0.05),
    ],
)
def test_a_look_has_what_is_left_and_never_nothing(left: float, most: float, parts: int, expected: float) -> None:
    found = seconds_left(time.monotonic() + left, most=most, parts=parts)
    assert found == pytest.approx(expected, abs=0.04)
    assert (seconds_left(0.0, most=10.0), LEAST) == (0.1, 0.1)


def test_one_that_hangs_is_a_timeout_and_is_named_while_it_is_waited_for() -> None:
    release = threading.Event()
    told: list[Sequence[str]] = []
    began = time.monotonic()
    found = together({"quick": lambda: None, "slow": lambda: release.wait(20)}, began + 0.4, told.append)
    took = time.monotonic() - began
    release.set()
    assert found == {"slow": Failure(Reason.TIMEOUT, "no answer in time")}
    assert 0.4 <= took < 5
    assert list(told[-1]) == ["slow"]
    assert 3 <= len(told) <= 5  # ten times a second


def test_one_that_breaks_is_told_and_breaks_no_other() -> None:
    done: list[str] = []

    def broken() -> None:
        raise ValueError("a bug")

    found = together({"broken": broken, "other": lambda: done.append("other")}, time.monotonic() + 20, lambda _: None)
    assert set(found) == {"broken"}
    assert found["broken"].reason is Reason.BUG
    assert done == ["other"]


def test_without_any_time_nothing_is_waited_for() -> None:
    release = threading.Event()
    told: list[Sequence[str]] = []
    assert set(together({"slow": lambda: release.wait(20)}, time.monotonic() - 1, told.append)) == {"slow"}
    assert told == []
    release.set()


def test_a_look_for_which_there_is_no_thread_is_told_and_the_others_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's limit of processes is reached."""
    made: list[str] = []
    start = threading.Thread.start

    def few(thread: threading.Thread) -> None:
        if thread.name == "b":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", few)
    looks = {name: lambda name=name: made.append(name) for name in "abc"}
    found = together(looks, time.monotonic() + 60, lambda _: None)
    assert (sorted(made), found) == (["a", "c"], {"b": Failure(Reason.ERROR, "no thread can be started")})
