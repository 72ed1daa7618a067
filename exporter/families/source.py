"""akscert_source_*: does each outside source answer, when did it last, and what went wrong how often.

A node agent's carry its node; the cluster agent's have no such label, since they are about no node.
"""

from collections.abc import Iterable, Iterator

from exporter.facts.source import SourceFacts
from exporter.metric import Family, Metric, MetricKind
from exporter.reason import Reason, Source

__all__ = ["answers", "outcomes"]

_SOURCES = tuple(Source)

UP = Metric(
    "akscert_source_up",
    "1 if the source answered when it was last asked, 0 if not, also where nothing has answered since the start. node: "
    "only of a node agent.",
    ("node", "source"),
    words={"source": _SOURCES},
)
LAST_SUCCESS = Metric(
    "akscert_source_last_success_timestamp_seconds",
    "Unix time of the source's last answer. Absent until there was one. node: only of a node agent.",
    ("node", "source"),
    words={"source": _SOURCES},
)
ERRORS = Metric(
    "akscert_source_errors_total",
    "Failures of the source by reason. Every reason the source can give is there from the start. node: only of a node "
    "agent.",
    ("node", "source", "reason"),
    MetricKind.COUNTER,
    words={"source": _SOURCES, "reason": tuple(Reason)},
)


def outcomes(sources: Iterable[SourceFacts], node: str | None = None) -> Iterator[Family]:
    """Those that change when a source fails or recovers. `node`: of a node agent, its node."""
    sources, of = tuple(sources), _of(node)
    yield _metric(UP, node).family(((*of, s.source), float(s.up)) for s in sources if s.up is not None)
    yield _metric(ERRORS, node).family(
        ((*of, s.source, reason), count) for s in sources for reason, count in s.errors.items()
    )


def answers(sources: Iterable[SourceFacts], node: str | None = None) -> Family:
    """Those that change with every answer."""
    rows = (((*_of(node), s.source), s.last_success) for s in sources if s.last_success is not None)
    return _metric(LAST_SUCCESS, node).family(rows)


def _of(node: str | None) -> tuple[str, ...]:
    return () if node is None else (node,)


def _metric(metric: Metric, node: str | None) -> Metric:
    return metric.without("node") if node is None else metric
