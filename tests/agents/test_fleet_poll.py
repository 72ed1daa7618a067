"""A fleet whose members are asked again and again: who is asked, when, how many at once, and who is let go."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from exporter.agents.cluster import fleet_poll
from exporter.agents.cluster.fleet_poll import AT_ONCE, PER_SECOND, RETRY, SOON, FleetPoll
from tests.web.test_tls import comes


class Fleet:
    """Members that answer as a test wants."""

    def __init__(self, *names: str) -> None:
        self.members = {name: name for name in names}
        self.asked: Counter[str] = Counter()
        self.failing: set[str] = set()
        self.hanging: set[str] = set()
        self.broken: set[str] = set()
        self.left: list[str] = []
        self.at_work = self.most = 0

    async def ask(self, name: str) -> bool:
        self.asked[name] += 1
        self.at_work += 1
        self.most = max(self.most, self.at_work)
        try:
            while name in self.hanging:
                await asyncio.sleep(0.01)
        finally:
            self.at_work -= 1
        if name in self.broken:
            raise ValueError("a bug")
        return name not in self.failing

    @contextmanager
    def polled(self, interval: float) -> Iterator[FleetPoll[str]]:
        poll = FleetPoll("fleet", lambda: self.members, self.ask, interval=interval, left=self.left.append)
        poll.start()
        try:
            yield poll
        finally:
            self.hanging.clear()
            poll.stop()
            assert not poll._thread.is_alive()


def due_in(poll: FleetPoll[str], name: str, monotonic: Callable[[], float] = time.monotonic) -> float:
    """Seconds until a member is asked next: asyncio's clock is the monotonic one."""
    return poll._due[name] - monotonic()


def test_every_member_is_asked_and_asked_again_after_the_interval() -> None:
    fleet = Fleet("a", "b", "c")
    with fleet.polled(0.2):
        assert comes(lambda: min(fleet.asked[name] for name in "abc") >= 3)


def test_a_member_that_answered_is_asked_after_the_interval_and_one_that_did_not_sooner() -> None:
    """Half a minute after a first failure; give or take a tenth, so that they do not go on together."""
    fleet = Fleet("well", "ill")
    fleet.failing.add("ill")
    with fleet.polled(3600.0) as poll:
        assert comes(lambda: set(poll._failures) == {"well", "ill"} and due_in(poll, "ill") > 1)
        assert comes(lambda: due_in(poll, "well") > 600)
        assert 0.9 * 3600 - 30 < due_in(poll, "well") <= 1.1 * 3600
        assert 0.9 * RETRY - 5 < due_in(poll, "ill") <= 1.1 * RETRY
        assert (poll._failures["well"], poll._failures["ill"]) == (0, 1)


def test_the_pause_after_failures_doubles_up_to_the_interval() -> None:
    fleet = Fleet("ill")

    async def pauses(interval: float) -> list[float]:
        poll = FleetPoll("fleet", lambda: fleet.members, fleet.ask, interval=interval)
        poll._schedule("ill", 0.0)
        fleet.failing = {"ill"}
        found = []
        for _ in range(4):
            await poll._look("ill", "ill")
            found.append(due_in(poll, "ill"))
        fleet.failing.clear()
        await poll._look("ill", "ill")
        found.append(due_in(poll, "ill"))
        return found

    for interval, expected in ((300.0, [30, 60, 120, 240, 300]), (45.0, [30, 45, 45, 45, 45])):
        found = asyncio.run(pauses(interval))
        for seconds, middle in zip(found, expected, strict=True):
            assert middle * 0.89 < seconds < middle * 1.11


@pytest.mark.parametrize(("failures", "doubled"), [(9, 9), (10, 10), (11, 10), (10_000, 10)])
def test_no_number_of_failures_is_too_large_to_count_with(failures: int, doubled: int) -> None:
    fleet = Fleet("ill")
    fleet.failing.add("ill")

    async def pause() -> float:
        poll = FleetPoll("fleet", lambda: fleet.members, fleet.ask, interval=1e9)
        poll._schedule("ill", 0.0)
        poll._failures["ill"] = failures
        await poll._look("ill", "ill")
        assert poll._failures["ill"] == failures + 1
        return due_in(poll, "ill")

    assert asyncio.run(pause()) == pytest.approx(RETRY * 2**doubled, rel=0.11)


def test_a_member_that_left_while_it_was_asked_is_not_asked_again_even_if_nobody_looked() -> None:
    fleet = Fleet("a")

    async def story() -> None:
        poll = FleetPoll("fleet", lambda: fleet.members, fleet.ask, interval=1.0)
        await poll._look("a", "a")
        assert poll._due == {}
        assert set(poll._last) == {"a"}

    asyncio.run(story())


def test_a_fleet_is_asked_for_the_first_time_at_fifty_a_second() -> None:
    """A start is no storm; and within the interval at the latest everybody has been asked."""

    async def spread(count: int, interval: float) -> list[float]:
        poll = FleetPoll("fleet", dict, Fleet().ask, interval=interval)
        now = time.monotonic()
        poll._follow({str(number): "" for number in range(count)})
        return sorted(due - now for due in poll._due.values())

    dues = asyncio.run(spread(500, 300.0))
    assert dues[0] == pytest.approx(0.0, abs=0.1)
    assert dues[-1] == pytest.approx(499 / PER_SECOND, abs=0.2)
    assert dues[250] == pytest.approx(5.0, abs=0.2)
    assert asyncio.run(spread(500, 2.0))[-1] == pytest.approx(2.0, abs=0.1)


def test_a_new_member_is_asked_soon_and_one_that_left_no_more() -> None:
    fleet = Fleet("a")
    with fleet.polled(3600.0) as poll:
        assert comes(lambda: fleet.asked["a"] == 1)
        fleet.members = {"b": "b"}
        assert comes(lambda: fleet.asked["b"] == 1)
        assert comes(lambda: fleet.left == ["a"])
        assert set(poll._due) == {"b"}
        assert "a" not in poll._last
        assert "a" not in poll._failures
    assert fleet.asked["a"] == 1


def test_one_that_hangs_holds_nobody_up_and_is_not_asked_twice_at_once() -> None:
    fleet = Fleet("hangs", "a")
    fleet.hanging.add("hangs")
    with fleet.polled(0.05):
        assert comes(lambda: fleet.asked["a"] >= 3)
        assert fleet.asked["hangs"] == 1
        fleet.hanging.clear()
        assert comes(lambda: fleet.asked["hangs"] >= 2)


def test_one_that_left_while_it_was_asked_is_not_asked_again() -> None:
    fleet = Fleet("a", "b")
    fleet.hanging.add("a")
    with fleet.polled(0.05) as poll:
        assert comes(lambda: fleet.asked["a"] == 1)
        fleet.members = {"b": "b"}
        assert comes(lambda: fleet.left == ["a"])
        fleet.hanging.clear()
        assert comes(lambda: not poll._asking)
        before = fleet.asked["b"]
        assert comes(lambda: fleet.asked["b"] > before + 2)
        assert fleet.asked["a"] == 1
        assert "a" not in poll._due


def test_no_more_than_a_hundred_are_asked_at_once_and_the_next_follows_at_once() -> None:
    names = [str(number) for number in range(AT_ONCE + 20)]
    fleet = Fleet(*names)
    fleet.hanging.update(names)
    with fleet.polled(0.5):
        assert comes(lambda: fleet.at_work == AT_ONCE)
        fleet.hanging.clear()
        assert comes(lambda: len(fleet.asked) == len(names))
    assert fleet.most == AT_ONCE == 100


def test_a_bug_is_logged_and_the_fleet_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    fleet = Fleet("a", "b")
    fleet.broken.add("a")
    with fleet.polled(0.05) as poll:
        assert comes(lambda: fleet.asked["a"] >= 2 and fleet.asked["b"] >= 2)
        assert poll._failures["a"] >= 1
    assert "a bug: fleet goes on" in caplog.messages


def test_one_about_which_something_changed_is_asked_soon_but_not_again_and_again() -> None:
    """Within two seconds where it was not asked in the last fifteen; nobody who is not of the fleet."""

    async def story() -> None:
        poll = FleetPoll("fleet", dict, Fleet().ask, interval=300.0)
        now = time.monotonic()
        for name, last in (("long ago", now - 100), ("just now", now - 1), ("due at once", now - 100)):
            poll._last[name] = last
            poll._schedule(name, now + 200)
        poll._schedule("never asked", now + 200)
        poll._schedule("due at once", now + 0.1)
        for name in ("long ago", "just now", "due at once", "never asked", "stranger"):
            poll.soon(name)
        poll._hasten(now)
        assert 0.5 <= poll._due["long ago"] - now <= 2.0
        assert 0.5 <= poll._due["never asked"] - now <= 2.0
        assert poll._due["just now"] - now == pytest.approx(SOON - 1)
        assert poll._due["due at once"] - now == pytest.approx(0.1)
        assert "stranger" not in poll._due
        assert poll._wanted == set()
        before = dict(poll._due)
        poll._hasten(now)
        assert poll._due == before

    asyncio.run(story())


def test_asked_soon_it_is_asked_once() -> None:
    fleet = Fleet("a")
    with fleet.polled(3600.0) as poll:
        assert comes(lambda: fleet.asked["a"] == 1)
        poll._last["a"] = 0.0
        poll.soon("a")
        assert comes(lambda: fleet.asked["a"] == 2)
        assert not threading.Event().wait(0.3)
        assert fleet.asked["a"] == 2


def test_what_was_never_started_can_be_stopped() -> None:
    FleetPoll("fleet", dict, Fleet().ask, interval=1.0).stop()
    assert fleet_poll.STEP == 1.0
