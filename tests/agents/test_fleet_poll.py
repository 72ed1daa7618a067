"""A fleet whose members are asked again and again: who is asked, when, how many at once, and who is let go.

Time passes at once here, but for the test of the thread.
"""

import asyncio
import random
from collections.abc import Callable, Mapping
from itertools import accumulate

import pytest

from exporter.agents.cluster.fleet_poll import AT_ONCE, PER_SECOND, RETRY, SOON, STEP, FleetPoll
from tests.web.test_tls import comes
from tests.web.virtual import run

Asked = list[tuple[float, str]]


class Fleet:
    """Members that answer as a test wants."""

    def __init__(self, *names: str) -> None:
        self.members = {name: f"the {name}" for name in names}
        self.asked: Asked = []
        """Seconds from the beginning, and who."""
        self.takes: dict[str, float] = {}
        self.failing: set[str] = set()
        self.broken: set[str] = set()
        self.cancelled: list[str] = []
        self.lingers = 0.0
        """Seconds that it takes to give up a member that is being asked."""
        self.left: list[str] = []
        self.read = 0
        self.began = 0.0

    def known(self) -> Mapping[str, str]:
        self.read += 1
        return self.members

    async def ask(self, member: str) -> bool:
        name = member.removeprefix("the ")
        self.asked.append((round(asyncio.get_running_loop().time() - self.began, 3), name))
        try:
            await asyncio.sleep(self.takes.get(name, 0.0))
        except asyncio.CancelledError:
            self.cancelled.append(name)
            await asyncio.sleep(self.lingers)
            raise
        if name in self.broken:
            raise ValueError("a bug")
        return name not in self.failing

    def poll(self, interval: float) -> FleetPoll[str]:
        return FleetPoll("fleet", self.known, self.ask, interval=interval, left=self.left.append)

    def over(
        self, seconds: float, interval: float, then: Mapping[float, Callable[[FleetPoll[str]], None]] | None = None
    ) -> FleetPoll[str]:
        """A poll of so many seconds, in which something happens at some of them."""
        poll = self.poll(interval)

        async def story() -> None:
            now = asyncio.get_running_loop().time
            self.began = now()
            main = asyncio.create_task(poll._main())
            for moment, happens in (then or {}).items():
                await asyncio.sleep(self.began + moment - now())
                happens(poll)
            await asyncio.sleep(self.began + seconds - now())
            poll._stopping.set()
            await main

        random.seed(7)
        run(story)
        return poll

    def times(self, name: str) -> list[float]:
        return [moment for moment, who in self.asked if who == name]


def spread(*pauses: float) -> list[float]:
    """The same pauses, each up to a tenth shorter or longer, as they are drawn in a poll."""
    known = random.Random(7)
    return [known.uniform(0.9 * pause, 1.1 * pause) for pause in pauses]


def test_so_many_are_asked_and_so_soon() -> None:
    assert (AT_ONCE, PER_SECOND, RETRY, SOON, STEP) == (100, 50, 30.0, 15.0, 1.0)
    assert Fleet().poll(1.0)._apart == 15.0


def test_a_member_that_answers_is_asked_after_the_interval_give_or_take_a_tenth() -> None:
    """And for the members it is looked every second, however far the next of them is."""
    fleet = Fleet("a")
    fleet.takes["a"] = 2.0
    poll = fleet.over(1000.0, 300.0)
    assert fleet.times("a") == pytest.approx([0.0, *accumulate(2.0 + one for one in spread(*[300.0] * 3))], abs=0.002)
    assert (poll._failures, poll._asking, poll._free.is_set()) == ({"a": 0}, {}, False)
    assert 1000 <= fleet.read <= 1010


@pytest.mark.parametrize(
    ("interval", "pauses"),
    [(300.0, [30.0, 60.0, 120.0, 240.0, 300.0, 300.0]), (45.0, [30.0, 45.0, 45.0]), (20.0, [20.0, 20.0])],
)
def test_one_that_does_not_answer_is_asked_sooner_and_then_ever_later_up_to_the_interval(
    interval: float, pauses: list[float]
) -> None:
    expected = [0.0, *accumulate(spread(*pauses))]
    fleet = Fleet("a")
    fleet.failing.add("a")
    poll = fleet.over(expected[-1] + 1.0, interval)
    assert fleet.times("a") == pytest.approx(expected, abs=0.002)
    assert poll._failures == {"a": len(expected)}


def test_once_it_answers_its_failures_are_forgotten() -> None:
    fleet = Fleet("a")
    fleet.failing.add("a")
    expected = [0.0, *accumulate(spread(30.0, 60.0, 300.0, 30.0))]
    fleet.over(
        expected[-1] + 1.0,
        300.0,
        {expected[2] - 1.0: lambda _: fleet.failing.clear(), expected[3] - 1.0: lambda _: fleet.failing.add("a")},
    )
    assert fleet.times("a") == pytest.approx(expected, abs=0.002)


@pytest.mark.parametrize(("failures", "doubled"), [(9, 9), (10, 10), (11, 10), (10_000, 10)])
def test_no_number_of_failures_is_too_large_to_count_with(failures: int, doubled: int) -> None:
    fleet = Fleet("ill")
    fleet.failing.add("ill")
    poll = fleet.poll(1e9)

    async def pause() -> float:
        poll._schedule("ill", 0.0)
        poll._failures["ill"] = failures
        await poll._look("ill", "the ill")
        return poll._due["ill"] - asyncio.get_running_loop().time()

    assert run(pause) == pytest.approx(RETRY * 2**doubled, rel=0.11)
    assert poll._failures["ill"] == failures + 1


@pytest.mark.parametrize(("interval", "apart"), [(300.0, 0.02), (2.0, 0.01)])
def test_a_fleet_is_asked_for_the_first_time_at_fifty_a_second(interval: float, apart: float) -> None:
    """A start is no storm; and within the interval at the latest everybody has been asked."""
    names = [f"{number:03}" for number in range(200)]
    fleet = Fleet(*names)
    fleet.over(200 * apart, interval)
    first = {name: moment for moment, name in reversed(fleet.asked)}
    assert first == {name: pytest.approx(number * apart, abs=0.002) for number, name in enumerate(names)}


def test_one_that_hangs_holds_nobody_up_and_is_not_asked_twice_at_once() -> None:
    """Not even where something about it changes meanwhile."""
    fleet = Fleet("a", "hangs")
    fleet.takes["hangs"] = 250.0
    fleet.over(420.0, 50.0, {100.0: lambda poll: poll.soon("hangs")})
    assert len(fleet.times("a")) in {8, 9, 10}
    first, second = fleet.times("hangs")
    assert first == 0.01 * 2
    assert 250 + 45 <= second - first <= 250 + 55


def test_no_more_than_a_hundred_are_asked_at_once_and_the_next_follows_at_once() -> None:
    assert AT_ONCE == 100
    names = [f"{number:03}" for number in range(AT_ONCE + 20)]
    fleet = Fleet(*names)
    fleet.takes = dict.fromkeys(names, 10.0)
    poll = fleet.over(15.0, 3600.0)
    first = [number / PER_SECOND for number in range(AT_ONCE)]
    then = [10 + number / PER_SECOND for number in range(20)]
    assert [name for _, name in fleet.asked] == names
    assert [moment for moment, _ in fleet.asked] == pytest.approx(first + then, abs=0.002)
    assert not poll._free.is_set()


def test_what_is_being_asked_at_the_end_is_given_up() -> None:
    fleet = Fleet("a", "b")
    fleet.takes = {"a": 1000.0, "b": 1000.0}
    fleet.over(5.0, 300.0)
    assert sorted(fleet.cancelled) == ["a", "b"]


def test_a_new_member_is_asked_soon_and_one_that_left_no_more() -> None:
    """The turn of those that stay is what it was."""
    fleet = Fleet("a", "b")
    fleet.failing.update("ab")
    poll = fleet.over(29.0, 3600.0, {10.5: lambda _: setattr(fleet, "members", {"b": "the b", "c": "the c"})})
    assert fleet.asked[:2] == [(0.0, "a"), (0.02, "b")]
    assert [name for moment, name in fleet.asked if 2 < moment < 27] == ["c"]
    assert 10.5 <= fleet.times("c")[0] <= 11.6
    assert fleet.left == ["a"]
    assert (set(poll._due), set(poll._last), set(poll._failures)) == ({"b", "c"}, {"b", "c"}, {"b", "c"})


def test_one_that_left_while_it_was_asked_is_given_up_and_not_asked_again() -> None:
    """What it said then would be kept of a node that is no more, a failure above all."""
    fleet = Fleet("a", "b")
    fleet.takes["a"] = 20.0
    poll = fleet.over(100.0, 10.0, {5.0: lambda _: setattr(fleet, "members", {"b": "the b"})})
    assert (fleet.times("a"), fleet.left, fleet.cancelled) == ([0.0], ["a"], ["a"])
    assert len(fleet.times("b")) >= 9
    assert (set(poll._due), set(poll._last), set(poll._failures)) == ({"b"}, {"b"}, {"b"})


@pytest.mark.parametrize("lingers", [0.0, 20.0])
def test_one_that_left_and_came_back_while_it_was_asked_is_asked_anew(lingers: float) -> None:
    """However long it takes to give up the former question: that ends nothing of the new one."""
    fleet = Fleet("a")
    fleet.takes["a"], fleet.lingers = 50.0, lingers
    known = fleet.members
    asking: list[bool] = []

    def then(members: dict[str, str]) -> Callable[[FleetPoll[str]], None]:
        return lambda _: setattr(fleet, "members", members)

    fleet.over(
        400.0, 300.0, {5.0: then({}), 10.0: then(dict(known)), 40.0: lambda poll: asking.append("a" in poll._asking)}
    )
    first, second, third = fleet.times("a")
    assert first == 0.0
    assert 10 <= second <= 12
    assert 320 <= third <= 395
    assert (asking, fleet.cancelled[0]) == ([True], "a")


def test_a_bug_is_logged_and_the_fleet_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    """It counts as no answer."""
    fleet = Fleet("a", "b")
    fleet.broken.add("a")
    poll = fleet.over(40.0, 3600.0)
    assert (len(fleet.times("a")), len(fleet.times("b"))) == (2, 1)
    assert poll._failures == {"a": 2, "b": 0}
    assert caplog.messages == ["a bug: fleet goes on"] * 2


def test_one_about_which_something_changed_is_asked_soon_but_not_again_and_again() -> None:
    """Within two seconds of the next second where it was not asked in the last fifteen, and its old turn is over."""
    fleet = Fleet("a")
    fleet.over(500.0, 300.0, {5.0: lambda poll: poll.soon("a"), 100.0: lambda poll: poll.soon("a")})
    first, second, third, *later = fleet.times("a")
    assert (first, second) == (0.0, 15.0)
    assert 100.5 <= third <= 103.0
    assert [270 <= one - third <= 330 for one in later] == [True]


@pytest.mark.parametrize(
    ("last", "due", "expected"),
    [
        (None, 200.0, "soon"),
        (-100.0, 200.0, "soon"),
        (-1.0, 200.0, 14.0),
        (-1.0, 14.0, 14.0),
        (-1.0, 13.0, 13.0),
        (-100.0, 0.1, 0.1),
    ],
)
def test_how_soon_follows_from_when_it_was_asked_last(last: float | None, due: float, expected: float | str) -> None:
    """Half a second to two, so that a fleet whose certificates are renewed at once is not asked at once."""
    poll, now = Fleet("a").poll(300.0), 5000.0
    poll._schedule("a", now + due)
    if last is not None:
        poll._last["a"] = now + last
    for name in ("a", "stranger"):
        poll.soon(name)
    random.seed(7)
    poll._hasten(now)
    soon = random.Random(7).uniform(0.5, 2.0)
    found = soon if expected == "soon" else expected
    assert poll._due == {"a": pytest.approx(now + float(found))}
    assert (poll._wanted, len(poll._heap)) == (set(), 1 if found == due else 2)
    poll._hasten(now)
    assert poll._due == {"a": pytest.approx(now + float(found))}


def test_it_asks_in_a_thread_of_its_own_until_it_is_stopped() -> None:
    fleet = Fleet("a")
    poll = fleet.poll(3600.0)
    poll.start()
    assert (poll._thread.name, poll._thread.daemon) == ("fleet", True)
    assert comes(lambda: bool(fleet.asked))
    poll.stop()
    assert not poll._thread.is_alive()
    fleet.poll(1.0).stop()  # one that was never started


def test_a_round_that_cannot_be_made_is_begun_again(caplog: pytest.LogCaptureFixture) -> None:
    """A10: such as for want of a descriptor. It would be asked no more, and what was said last would stay."""
    fleet, rounds = Fleet("a"), []

    def members() -> Mapping[str, str]:
        rounds.append(len(fleet.asked))
        if len(rounds) == 1 or (len(rounds) < 4 and fleet.asked):
            raise OSError(24, "Too many open files")
        return fleet.members

    poll = FleetPoll("fleet", members, fleet.ask, interval=0.1)
    poll.start()
    assert comes(lambda: len(fleet.asked) > 2)
    poll.stop()
    assert not poll._thread.is_alive()
    assert set(caplog.messages) == {"a bug, or nothing left to ask with: fleet begins again"}
