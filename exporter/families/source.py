"""akscert_source_*: does each outside source answer, when did it last, and what went wrong how often."""

from collections.abc import Iterable, Iterator

from exporter.facts.source import SourceFacts
from exporter.metric import Family, Kind, Metric
from exporter.reason import Reason, Source

__all__ = ["answers", "families", "outcomes"]

_SOURCES = tuple(Source)

UP = Metric(
    "akscert_source_up",
    "1 if the source answered when it was last asked, 0 if not. Absent until it was asked.",
    ("source",),
    words={"source": _SOURCES},
)
LAST_SUCCESS = Metric(
    "akscert_source_last_success_timestamp_seconds",
    "Unix time of the source's last answer. Absent until there was one.",
    ("source",),
    words={"source": _SOURCES},
)
ERRORS = Metric(
    "akscert_source_errors_total",
    "Failures of the source by reason. Every reason the source can give is there from the start.",
    ("source", "reason"),
    Kind.COUNTER,
    words={"source": _SOURCES, "reason": tuple(Reason)},
)


def families(sources: Iterable[SourceFacts]) -> Iterator[Family]:
    """Samples of all sources."""
    sources = tuple(sources)
    yield from outcomes(sources)
    yield answers(sources)


def outcomes(sources: Iterable[SourceFacts]) -> Iterator[Family]:
    """Those that change when a source fails or recovers."""
    sources = tuple(sources)
    yield UP.family(((s.source,), float(s.up)) for s in sources if s.up is not None)
    yield ERRORS.family(((s.source, reason), count) for s in sources for reason, count in s.errors.items())


def answers(sources: Iterable[SourceFacts]) -> Family:
    """Those that change with every answer."""
    return LAST_SUCCESS.family(((s.source,), s.last_success) for s in sources if s.last_success is not None)
