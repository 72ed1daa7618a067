"""A connection and the nodes in; whether their next certificate requests would be approved out, or why not known."""

import time
from collections.abc import Callable, Iterable

from exporter.agents.cluster.state import ClusterState
from exporter.agents.periodic import Looks
from exporter.facts.cluster import ClusterFacts
from exporter.facts.kube.csr_ledger import CsrTotals
from exporter.facts.kube.node import Node
from exporter.facts.kube.preflight import Preflight, questions
from exporter.facts.source import Failure
from exporter.reason import Source
from exporter.sources.bug import bug
from exporter.sources.kube.connection import Connection

__all__ = ["PreflightLooks", "ask_preflight"]

Post = Callable[[Callable[[], None]], None]


def ask_preflight(
    connection: Connection, nodes: Iterable[Node], csrs: CsrTotals | None
) -> tuple[Preflight, ...] | Failure:
    """The answers; the first question without one is why there are none."""
    found = []
    for question in questions(nodes, csrs):
        allowed = connection.others_may(question.spec)
        if isinstance(allowed, Failure):
            return allowed
        found.append(Preflight(question, allowed))
    return tuple(found)


class PreflightLooks(Looks):
    """Asks again and again, once the nodes are known."""

    def __init__(
        self,
        connection: Connection,
        state: ClusterState,
        post: Post,
        facts: Callable[[], ClusterFacts],
        interval: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._connection, self._state, self._post, self._facts, self._clock = connection, state, post, facts, clock
        super().__init__("preflight", interval)

    def look(self) -> bool:
        """All questions, once. Whether all went well: before the nodes are known it did not, and is tried again."""
        facts = self._facts()
        if facts.nodes is None:
            return False
        found: tuple[Preflight, ...] | Failure
        try:
            found = ask_preflight(self._connection, facts.nodes, facts.csrs)
        except Exception as error:  # noqa: BLE001 - a source always answers
            found = bug(Source.PREFLIGHT, error)
        now, answer = self._clock(), found
        self._post(lambda: self._state.preflight_asked(answer, now))
        return not isinstance(found, Failure)
