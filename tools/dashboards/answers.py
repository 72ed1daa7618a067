"""A dashboard as JSON and a Prometheus in, what Grafana would get for each panel out; for tests, figures, pictures."""

import json
import re
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Answer", "Prometheus", "Series", "choices", "filled", "interval", "step_of", "targets", "variable_queries"]

Json = dict[str, Any]
SCRAPE = 15.0
"""Seconds: what Grafana's Prometheus data source takes for the scrape interval unless somebody tells it another."""
STEPS = (15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 604800)
"""Seconds between points that Grafana rounds to."""


@dataclass(frozen=True, slots=True)
class Series:
    """Labels, and (Unix seconds, value) pairs: one of an instant query."""

    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]

    @property
    def last(self) -> float:
        """The newest value."""
        return self.points[-1][1]


@dataclass(frozen=True, slots=True)
class Answer:
    """What one query gave, and how long that took in seconds."""

    series: tuple[Series, ...]
    took: float
    result: tuple[Json, ...] = ()
    """The same as Prometheus writes it: its `data.result`."""


@dataclass(frozen=True, slots=True)
class Prometheus:
    """Prometheus's HTTP API at a URL."""

    url: str

    def instant(self, expression: str, at: float) -> Answer:
        """The query at one moment, in Unix seconds. Raises OSError."""
        return self._ask("query", {"query": expression, "time": f"{at:.3f}"})

    def over(self, expression: str, start: float, end: float, step: float) -> Answer:
        """The query over a time. Raises OSError."""
        return self._ask(
            "query_range",
            {"query": expression, "start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step:.3f}"},
        )

    def label_values(self, selector: str, label: str) -> tuple[str, ...]:
        """Values of a label among the series of a selector."""
        query = urllib.parse.urlencode({"match[]": selector})
        with urllib.request.urlopen(f"{self.url}/api/v1/label/{label}/values?{query}", timeout=60) as answer:  # noqa: S310 - an address of ours
            return tuple(json.load(answer)["data"])

    def _ask(self, path: str, form: Mapping[str, str]) -> Answer:
        # POST, as Grafana's data source does: some queries are longer than a URL may be.
        request = urllib.request.Request(f"{self.url}/api/v1/{path}", urllib.parse.urlencode(form).encode())  # noqa: S310 - as above
        began = time.perf_counter()
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - as above
                body = answer.read()
        except urllib.error.HTTPError as error:
            raise OSError(f"{error.read().decode()}\n{form['query']}") from None
        took = time.perf_counter() - began
        found, result = [], json.loads(body)["data"]["result"]
        for one in result:
            points = one["values"] if "values" in one else [one["value"]]
            found.append(Series(one["metric"], tuple((moment, float(value)) for moment, value in points)))
        return Answer(tuple(found), took, tuple(result))


def filled(expression: str, chosen: Mapping[str, str], *, step: float = 60.0, span: float = 86400.0) -> str:
    """The expression with the variables as Grafana fills them in. Seconds: `step` between points, `span` over all."""
    known = {
        **chosen,
        "__all": "$__all",
        "__rate_interval": f"{max(step + SCRAPE, 4 * SCRAPE):.0f}s",
        "__interval": f"{step:.0f}s",
        "__interval_ms": f"{1000 * step:.0f}",
        "__range": f"{span:.0f}s",
    }
    return re.sub(r"\$(?:\{(\w+)\}|([A-Za-z_]\w*))", lambda found: known[found[1] or found[2]], expression)


def interval(span: float, points: int) -> float:
    """Seconds between the points of a panel that has room for so many: Grafana's $__interval."""
    return float(min((step for step in STEPS if step >= 0.8 * span / points), default=STEPS[-1]))


def step_of(panel: Json, span: float, points: int) -> float:
    """The same for a panel as it is written: its own limits of points and of the step count."""
    least = 60 * float(panel.get("interval", "0m").removesuffix("m"))
    return max(interval(span, panel.get("maxDataPoints", points)), least)


def choices(dashboard: Json, prometheus: Prometheus, at: float) -> dict[str, tuple[str, ...]]:
    """What each variable of Prometheus offers, with every one before it at All or at its first value."""
    offered: dict[str, tuple[str, ...]] = {}
    chosen: dict[str, str] = {}
    for variable in dashboard["templating"]["list"]:
        if variable["type"] != "query":
            continue
        query = filled(variable["query"]["query"], chosen)
        if found := re.fullmatch(r"label_values\((.+), (\w+)\)", query):
            values = prometheus.label_values(found[1], found[2])
        elif found := re.fullmatch(r"query_result\((.+)\)", query, re.DOTALL):
            lines = (_as_text(one) for one in prometheus.instant(found[1], at).series)
            matches = (re.search(variable["regex"].strip("/"), line) for line in lines)
            values = tuple(sorted(match[1] for match in matches if match))
        else:
            raise ValueError(f"no such kind of variable: {query}")
        offered[variable["name"]] = values
        chosen[variable["name"]] = variable["allValue"] if variable["includeAll"] else values[0] if values else ""
    return offered


def variable_queries(dashboard: Json) -> Iterator[tuple[str, str]]:
    """Name of each variable of Prometheus and the expression or selector that it is made from."""
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            found = re.fullmatch(r"\w+\((.+?)(?:, \w+)?\)", variable["query"]["query"], re.DOTALL)
            assert found is not None
            yield variable["name"], found[1]


def _as_text(series: Series) -> str:
    labels = ",".join(f'{name}="{value}"' for name, value in series.labels.items())
    return f"{{{labels}}} {series.last} {series.points[-1][0] * 1000:.0f}"


def targets(dashboard: Json) -> Iterator[tuple[Json, Json]]:
    """Every panel with each of its queries."""
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            yield panel, target
