"""Whom the API server calls in; each one looked at again and again, what came of it posted out."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType

from exporter.agents.cluster.fleet_poll import FleetPoll
from exporter.agents.cluster.state import ClusterState
from exporter.facts.kube.endpoint_target import EndpointTarget
from exporter.reason import Source
from exporter.sources.endpoints.look import Resolve, by_name, in_thread, look

__all__ = ["EndpointLooks", "Looking", "resolved"]

Post = Callable[[Callable[[], None]], None]

AT_ONCE = 16
"""Looks at the same time: each has a thread while it lasts."""
MOST = 5000
"""Endpoints that are looked at."""


@dataclass(frozen=True, slots=True)
class Looking:
    """Whether and how often endpoints are looked at."""

    enabled: bool = False
    resolve: Resolve = field(default=by_name)
    interval: float = 600.0
    timeout: float = 5.0

    @property
    def sources(self) -> tuple[Source, ...]:
        """That of the endpoints, where they are looked at."""
        return (Source.ENDPOINTS,) if self.enabled else ()


def resolved(places: Mapping[tuple[str, str], tuple[str, int]]) -> Resolve:
    """By name, apart from the Services that are given (namespace and name) with the host and port they have here."""

    def resolve(namespace: str, service: str, port: int) -> tuple[str, int]:
        return places.get((namespace, service)) or by_name(namespace, service, port)

    return resolve


class EndpointLooks:
    """Looks at everything that the API server calls."""

    def __init__(
        self, state: ClusterState, post: Post, looking: Looking, clock: Callable[[], float] = time.time
    ) -> None:
        self._state, self._post, self._looking, self._clock = state, post, looking, clock
        self._known: Mapping[str, tuple[EndpointTarget, ...]] = {}
        self._members: Mapping[str, EndpointTarget] = MappingProxyType({})
        self._places: asyncio.Semaphore | None = None
        self._poll = FleetPoll("endpoints", self._fleet, self._look, interval=looking.interval, left=self._left)

    def start(self) -> None:
        """Begin to look."""
        self._poll.start()

    def stop(self) -> None:
        """End."""
        self._poll.stop()

    def _fleet(self) -> Mapping[str, EndpointTarget]:
        known = self._state.targets
        if known is not self._known:
            self._known = known
            found = {one.key: one for targets in known.values() for one in targets}
            members = dict(list(found.items())[:MOST])
            for key in members.keys() & self._members.keys():
                if members[key] != self._members[key]:
                    self._poll.soon(key)
            self._members = MappingProxyType(members)
        return self._members

    async def _look(self, target: EndpointTarget) -> bool:
        if self._places is None:
            self._places = asyncio.Semaphore(AT_ONCE)
        async with self._places:
            found = await in_thread(partial(look, target, self._looking.resolve, self._looking.timeout, self._clock))
        self._post(lambda: self._told(found.target.key, lambda: self._state.endpoint_told(found, self._clock())))
        return found.failure is None

    def _told(self, key: str, tell: Callable[[], None]) -> None:
        if key in self._members:  # else the object went while its endpoint was looked at
            tell()

    def _left(self, key: str) -> None:
        self._post(lambda: self._state.endpoint_left(key))
