"""A metric's declaration, and samples of it as a Prometheus family. One declaration feeds code, docs and rules."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import Metric as Family

__all__ = ["Family", "Histogram", "Metric", "MetricKind", "Part", "Row", "label_value", "part"]

LABEL_VALUE_CAP = 256
"""Longest label value in characters. A subject of 64 KiB is legal X.509; no dashboard wants it."""

Row = tuple[tuple[str, ...], float]
"""Label values in the order the metric declares them, and the value."""

Histogram = tuple[tuple[str, ...], tuple[tuple[float, int], ...], float]
"""Label values, cumulative (upper bound, count) pairs ending in +Inf, and the sum of all observations."""


class Part(NamedTuple):
    """Some families of an exposition, and what they are made of."""

    key: object
    """Facts, or what stands for them: while it equals the former one, so do the families."""
    families: Callable[[], Iterable[Family]]
    """Makes them."""


class MetricKind(StrEnum):
    """The Prometheus metric types in use here."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: its name, what it means, its labels and the closed word lists of those labels that have one."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    kind: MetricKind = MetricKind.GAUGE
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def unit(self) -> str:
        """The OpenMetrics unit, read off the name: `seconds` or nothing."""
        return "seconds" if self.name.removesuffix("_total").endswith("_seconds") else ""

    def without(self, label: str) -> "Metric":
        """The same metric of an agent whose series have no such label."""
        kept = tuple(one for one in self.labels if one != label)
        return replace(self, labels=kept, words={one: words for one, words in self.words.items() if one != label})

    def family(self, rows: Iterable[Row]) -> Family:
        """Samples of a gauge or counter. An undeclared word or a wrong number of labels is a bug: ValueError."""
        if self.kind is MetricKind.HISTOGRAM:
            raise ValueError(f"{self.name} is a histogram")
        kind = CounterMetricFamily if self.kind is MetricKind.COUNTER else GaugeMetricFamily
        family = kind(self.name, self.help, labels=self.labels, unit=self.unit)
        for values, value in rows:
            family.add_metric(self._label_values(values), value)
        return family

    def histogram(self, rows: Iterable[Histogram]) -> Family:
        """Samples of a histogram."""
        family = HistogramMetricFamily(self.name, self.help, labels=self.labels, unit=self.unit)
        for values, buckets, total in rows:
            family.add_metric(
                self._label_values(values),
                [("+Inf" if bound == float("inf") else repr(bound), count) for bound, count in buckets],
                total,
            )
        return family

    def _label_values(self, values: tuple[str, ...]) -> list[str]:
        if len(values) != len(self.labels):
            raise ValueError(f"{self.name} has labels {self.labels}, got {values}")
        for label, allowed in self.words.items():
            if values[self.labels.index(label)] not in allowed:
                raise ValueError(f"{self.name}: {label} has no word {values[self.labels.index(label)]!r}")
        return [label_value(value) for value in values]


def part(*families: tuple[Metric, Iterable[Row]]) -> Part:
    """Families whose key is their names and rows: where one row is another, all are made again."""
    made = [(metric, tuple(rows)) for metric, rows in families]
    return Part(
        tuple((metric.name, rows) for metric, rows in made), lambda: (metric.family(rows) for metric, rows in made)
    )


def label_value(value: str) -> str:
    """Valid UTF-8 of at most LABEL_VALUE_CAP characters. What is cut off is hashed, so that two values stay two."""
    if len(value) > LABEL_VALUE_CAP:
        digest = hashlib.sha256(value.encode(errors="surrogatepass")).hexdigest()[:8]
        value = f"{value[: LABEL_VALUE_CAP - 9]}…{digest}"
    return value if value.isascii() else value.encode(errors="replace").decode()
