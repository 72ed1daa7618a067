"""The bytes of a scrape are those that prometheus_client would write."""

import math
from collections.abc import Iterable, Iterator
from typing import cast

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.exposition import generate_latest as text
from prometheus_client.metrics_core import Metric as TheirFamily
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from exporter.metric import Family, Metric, MetricKind
from exporter.web.exposition import Format, number, render

WORDS = st.text(st.characters(codec="utf-8"), max_size=8) | st.sampled_from(['"', "\\", "\n", '\\n"'])
VALUES = st.floats() | st.sampled_from([0.0, 1.0, -1.0, 1e6, 1e15, 1e16, 1e17, 1.5e300, math.inf, 1_800_000_000.25])
ROWS = st.lists(st.tuples(st.tuples(WORDS, WORDS), VALUES), max_size=3)


class Registry(Collector):
    def __init__(self, families: Iterable[Family]) -> None:
        self._families = families

    def collect(self) -> Iterator[TheirFamily]:
        yield from cast("Iterable[TheirFamily]", self._families)


@given(ROWS, ROWS, WORDS)
def test_both_formats_are_written_as_the_library_writes_them(
    gauges: list[tuple[tuple[str, str], float]], counters: list[tuple[tuple[str, str], float]], words: str
) -> None:
    """Whatever is in labels, values and help."""
    families = [
        Metric("akscert_a_seconds", words, ("b", "a")).family(gauges),
        Metric("akscert_b_total", words, ("node", "c"), MetricKind.COUNTER).family(counters),
        Metric("akscert_c_seconds_total", words, kind=MetricKind.COUNTER).family([((), 1.0)]),
        Metric("akscert_d_seconds", words, ("e",), MetricKind.HISTOGRAM).histogram(
            [(("x",), ((60.0, 1), (math.inf, 3)), 90.0)]
        ),
        Metric("akscert_e", words).family([]),
    ]
    assert render(families, Format.TEXT) == text(Registry(families))
    assert render(families, Format.OPENMETRICS) == openmetrics(Registry(families))  # type: ignore[no-untyped-call]


@given(VALUES)
def test_numbers_are_written_as_go_writes_them(value: float) -> None:
    assert number(value) == floatToGoString(value)  # type: ignore[no-untyped-call]
