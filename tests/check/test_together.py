"""Looks that are made at once: until all have ended or time is up, and what became of each."""

import threading
import time
from collections.abc import Sequence

from exporter.check.together import together
from exporter.facts.source import Failure
from exporter.reason import Reason


def test_all_looks_are_made_at_once_and_end_well() -> None:
    meeting = threading.Barrier(3)
    began = time.monotonic()
    told: list[list[str]] = []
    looks = {name: lambda: meeting.wait(20) for name in "abc"}
    assert together(looks, began + 20, lambda waiting: told.append(list(waiting))) == {}
    assert time.monotonic() - began < 10
    assert all(set(waiting) <= set("abc") for waiting in told)


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
    assert len(told) >= 3  # ten times a second


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
