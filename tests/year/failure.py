"""One failure: a cluster, what breaks it and when, in; the windows to look at, when it hurts, and what is told out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from exporter.findings.limits import UNSIGNED_SHARES
from simulation.pki import DAY
from tests.year.fleets import BEGIN, renew_api_server
from tests.year.recording import Window, merged, window
from tests.year.world import HOUR, MINUTE, World

__all__ = ["Alert", "Failure", "alerts"]

HORIZON = 520 * DAY
"""How long a failure is followed: until a certificate of a year ends."""
Alert = tuple[str, str]
"""Name and severity."""


def alerts(*named: str) -> frozenset[Alert]:
    """`Name/severity`, without the prefix that all have."""
    return frozenset(("AksCert" + name.split("/")[0], name.split("/")[1]) for name in named)


@dataclass(frozen=True, slots=True)
class Failure:
    """One failure."""

    name: str
    what: str
    """The row's words."""
    breaks: Callable[[World], None]
    """Done to a healthy cluster at the drawn moment."""
    hurts: str
    """Who suffers, and from when."""
    alerts: frozenset[Alert]
    """Everything that is told to somebody until it hurts, or within the windows where no moment is known; and, of what
    is only information, that."""
    impact: str | float = ""
    """The kind of moment at which it hurts, Unix seconds, or empty: nobody knows when."""
    prepare: Callable[[World], None] = renew_api_server
    """Done to the cluster at its beginning."""
    recorded: Mapping[str, float] = field(default_factory=dict)
    """What the user's recording rules add."""
    ca_years: float = 30
    old: bool = True
    """Whether the nodes are of any age, or all made at the beginning."""
    pool: str = "nodepool1"
    """Where the nodes are: in one of tests.year.world.AGENTLESS only the cluster agent runs."""
    moment: float | None = None
    """Seconds from the beginning to when it breaks, where that is not to be drawn."""

    def world(self) -> World:
        """The same one each time."""
        world = World(self.name, BEGIN, days=365, nodes=2, old=self.old, ca_years=self.ca_years, pool=self.pool)
        self.prepare(world)
        drawn = world.random.uniform(3, 40) * DAY // 60 * 60 + 7
        world.happens("broken", BEGIN + (drawn if self.moment is None else self.moment), partial(self._break, world))
        return world

    def _break(self, world: World) -> None:
        world.note("broken now")
        self.breaks(world)

    def story(self) -> tuple[float, float | None, tuple[Window, ...]]:
        """When it breaks, when it hurts, and the windows around whatever happens in between."""
        world = self.world()
        world.advance(BEGIN + HORIZON)
        broken = next(moment for kind, moment in world.moments if kind == "broken now")
        impact = self._impact(world, broken)
        end = max(impact, broken + 6 * HOUR) + 2 * HOUR if impact and impact < BEGIN + HORIZON else broken + 14 * DAY
        kinds: dict[str, list[float]] = {}
        for kind, moment in world.moments:
            if broken < moment < end:
                kinds.setdefault(kind, []).append(moment)
        around = [window(moment) for moment in _thresholds(world) if broken < moment < end]
        for kind, found in kinds.items():  # an unanswered request pages after six hours
            after = 7 * HOUR if kind.startswith("rotation of") else 100 * MINUTE
            around += [window(moment, after=after) for moment in found[:2]]
            if impact and kind.startswith("rotation of"):  # how bad it is that nobody signs counts from there
                around += [window(m + part * (impact - m)) for m in found[:2] for part in UNSIGNED_SHARES]
        return broken, impact, merged([window(broken, 20 * MINUTE, 7 * HOUR), *around], BEGIN, end)

    def _impact(self, world: World, broken: float) -> float | None:
        if isinstance(self.impact, float):
            return self.impact
        return next((moment for kind, moment in world.moments if kind == self.impact and moment >= broken), None)


def _thresholds(world: World) -> list[float]:
    """Whatever the rules measure a certificate by."""
    found = []
    leaves = [
        leaf for one in world.machines.values() for leaf in (one.disk.client, one.disk.serving, one.served) if leaf
    ]
    for leaf in {*leaves, world.api}:
        found += [leaf.at(part) for part in (0.8, 0.9, 0.95, 1)]
        found += [leaf.not_before + 90 * DAY, leaf.not_after - 30 * DAY, leaf.not_after - 7 * DAY]
    for ca in (world.ca, world.requestheader_ca):
        found += [ca.not_after - days * DAY for days in (180, 90, 30, 0)]
    return found
