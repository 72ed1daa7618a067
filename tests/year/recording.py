"""A simulated cluster and windows of time in, OpenMetrics with timestamps out: what a Prometheus would have stored.

Every target is scraped once a minute, at a second of its own, as the chart's monitors ask for; one scrape in a hundred
is missed. Three things are left out because no rule could tell:

* the time between the windows: an expression sees no further back than LEAD (but for two that look a day and a week
  back for something that had been there, and find it in the same window);
* series that no selector of any rule picks;
* staleness markers, which OpenMetrics cannot say: the Prometheus that evaluates is told to look back no further than
  one scrape (see tests.year.verdict), which is what markers amount to.
"""

import heapq
import itertools
import random
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import TextIO

from exporter.findings import Finding
from exporter.metric import Family
from exporter.reason import Mode
from tests.year.agents import ClusterAgent, NodeAgent
from tests.year.machine import Pod
from tests.year.selectors import METRICS, picked
from tests.year.world import HOUR, MINUTE, World

__all__ = ["END_OF_FILE", "LEAD", "SCRAPE", "Window", "merged", "record", "window"]

SCRAPE = 60
"""Seconds between two scrapes, as the chart's monitors have it."""
LEAD = 70 * MINUTE
"""What comes before a window's verdicts: the longest look back, the longest `for` and some minutes are an hour each."""
END_OF_FILE = "# EOF\n"
MISSED = 0.01
SETTLED = 120.0
"""Seconds after which an agent has looked at everything."""
STARTING = 5.0
"""Seconds until an agent answers."""
Lines = tuple[str, ...]
Hears = Callable[[float, tuple[Finding, ...]], None]
"""Told each full hour of the windows what all agents of the cluster find."""


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """Unix seconds, whole minutes, of the first and last verdict; scrapes begin LEAD earlier."""

    begin: float
    end: float


def window(moment: float, before: float = 10 * MINUTE, after: float = 100 * MINUTE) -> Window:
    """Verdicts around a moment: long enough for whatever waits an hour to fire."""
    return Window((moment - before) // 60 * 60, (moment + after) // 60 * 60)


def merged(windows: Iterable[Window], begin: float, end: float) -> tuple[Window, ...]:
    """In order, those that touch made one, within the year."""
    found: list[Window] = []
    within = (Window(max(one.begin, begin + LEAD), min(one.end, end)) for one in sorted(windows))
    for one in within:
        if one.begin >= one.end:
            continue
        if found and one.begin - LEAD <= found[-1].end:
            found[-1] = Window(found[-1].begin, max(found[-1].end, one.end))
        else:
            found.append(one)
    return tuple(found)


@dataclass(eq=False)
class _Target:
    pod: Pod
    agent: NodeAgent | ClusterAgent
    labels: dict[str, str]
    offset: float
    key: object = None
    lines: Lines = ()
    stamps: list[str] = field(default_factory=list)


class _Recorder:
    def __init__(self, world: World, out: TextIO, labels: Mapping[str, str]) -> None:
        self._world, self._out, self._labels = world, out, labels
        self._random = random.Random(f"scrapes of {world.name}")
        self._targets: dict[str, _Target] = {}
        self._due: list[tuple[float, int, Callable[[float], float | None]]] = []
        self._count = itertools.count()
        self.hears: Hears | None = None

    def watch(self, until: float) -> None:
        """Let the time pass without scrapes; cluster agents follow all the same what they watch."""
        while self._world.now < until:
            self._follow(looking=False)
            self._world.advance(min(self._world.now + HOUR, until))
        self._follow(looking=False)

    def scrape(self, one: Window) -> None:
        """Record one window."""
        for target in self._targets.values():
            self._schedule(target)
        for minute in range(int(one.begin - LEAD), int(one.end) + 1, SCRAPE):
            self._follow(looking=True)
            for target in self._targets.values():
                self._push(minute - target.offset, partial(self._sample, target))
            while self._due and self._due[0][0] <= minute:
                moment, _, action = heapq.heappop(self._due)
                self._world.advance(moment)
                again = action(moment)
                if again is not None:
                    self._push(moment + again, action)
            self._world.advance(minute)
            if minute >= one.begin and minute % HOUR == 0:
                self._judge(minute)
        for target in self._targets.values():
            self._write(target)
        self._due.clear()

    def _judge(self, now: float) -> None:
        """What the agents find at a full hour."""
        if self.hears is not None:
            there = [one for one in self._targets.values() if one.pod.machine.on and now >= one.pod.started + SETTLED]
            self.hears(now, tuple(found for one in there for found in one.agent.findings(now)))

    def _push(self, moment: float, action: Callable[[float], float | None]) -> None:
        heapq.heappush(self._due, (moment, next(self._count), action))

    def _follow(self, *, looking: bool) -> None:
        """Pods come and go."""
        world = self._world
        for name, target in list(self._targets.items()):
            if target.pod.ended <= world.now:
                if isinstance(target.agent, ClusterAgent):
                    target.agent.close()
                self._write(target)
                del self._targets[name]
        for pod in world.pods:
            if pod.name in self._targets or pod.ended <= world.now:
                continue
            draw = random.Random(pod.name)
            agent = NodeAgent(pod, draw) if pod.mode is Mode.NODE else ClusterAgent(world, pod, draw)
            labels = {**self._labels, "job": str(pod.mode), "instance": pod.instance, "pod": pod.name}
            target = _Target(pod, agent, labels, 1 + zlib.crc32(pod.name.encode()) % 5400 / 100)
            self._targets[pod.name] = target
            if looking:
                self._schedule(target)
            elif isinstance(agent, ClusterAgent):
                agent.watch(world.now)

    def _schedule(self, target: _Target) -> None:
        now = self._world.now
        for moment, look in target.agent.looks(now):
            self._push(moment, partial(_looked, target.pod, look))

    def _sample(self, target: _Target, now: float) -> None:
        pod, agent = target.pod, target.agent
        missed = self._random.random() < MISSED or any(begin <= now < end for begin, end in pod.deaf)
        if now < pod.started + STARTING or now >= pod.ended or not pod.machine.on or missed:
            return
        key: object = agent.state() if isinstance(agent, NodeAgent) else agent.version
        if key != target.key:
            self._write(target)
            steady = agent.steady()
            target.key, target.lines = key, _lines(steady, target.labels)
        if isinstance(agent, NodeAgent) and agent.scraped():
            self._push(now + 0.2, partial(_once, agent.look))
        stamp = f"{now:.3f}"
        target.stamps.append(stamp)
        self._out.writelines(f"{line}{stamp}\n" for line in _lines(agent.fresh(), target.labels))

    def _write(self, target: _Target) -> None:
        if target.stamps:
            self._out.writelines(line + ("\n" + line).join(target.stamps) + "\n" for line in target.lines)
        target.stamps.clear()


def record(
    world: World,
    windows: Iterable[Window],
    out: TextIO,
    *,
    recorded: Mapping[str, float],
    hears: Hears | None = None,
) -> None:
    """Write the windows, in order. `recorded`: what recording rules of the user's would add, by name.

    The file may hold several worlds; it ends with END_OF_FILE.
    """
    recorder = _Recorder(world, out, {"cluster": world.name})
    recorder.hears = hears
    for one in windows:
        recorder.watch(one.begin - LEAD)
        recorder.scrape(one)
        for name, value in recorded.items():
            stamps = range(int(one.begin - LEAD), int(one.end) + 1, SCRAPE)
            out.writelines(f"{name} {value!r} {stamp}\n" for stamp in stamps)


def _looked(pod: Pod, look: Callable[[float], float], now: float) -> float | None:
    return look(now) if now < pod.ended and pod.machine.on else None


def _once(look: Callable[[float], float], now: float) -> None:
    look(now)


def _lines(families: Iterable[Family], labels: Mapping[str, str]) -> Lines:
    """Each series that a rule reads with its value, up to where the time follows."""
    every = (
        (_series(sample.name, tuple({**sample.labels, **labels}.items())), sample.value)
        for family in families
        for sample in family.samples
        if sample.name in METRICS
    )
    return tuple(f"{series} {float(value)!r} " for series, value in every if series)


@lru_cache(maxsize=100_000)
def _series(name: str, labels: tuple[tuple[str, str], ...]) -> str:
    """As OpenMetrics has it; empty where no rule reads it."""
    if not picked(name, dict(labels)):
        return ""
    return f"{name}{{{','.join(f'{label}={_quoted(value)}' for label, value in labels)}}}"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
    return f'"{escaped}"'
