"""A dashboard and a Prometheus in; the question to source/compute.js and source/draw.jsx out: queries and answers."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tools.dashboards.answers import Prometheus, filled, interval, step_of

__all__ = ["Json", "Span", "question"]

Json = dict[str, Any]
POINTS = 800
"""About the pixels of half a wide screen, for panels that set no limit of their own."""


@dataclass(frozen=True, slots=True)
class Span:
    """The dashboard's time range, in Unix seconds."""

    start: float
    end: float

    @classmethod
    def last(cls, seconds: float) -> "Span":
        """Until now."""
        now = time.time()
        return cls(now - seconds, now)


def question(
    dashboard: Json,
    prometheus: Prometheus,
    chosen: Mapping[str, str],
    span: Span,
    rows: Sequence[str] = (),
) -> Json:
    """What Grafana's packages get. `rows`: titles of the rows to show, all where there are none. Raises OSError."""
    panels = _below(dashboard["panels"], rows)
    answers: dict[str, Json] = {}
    steps: dict[str, Json] = {}
    for panel in panels:
        step = step_of(panel, span.end - span.start, POINTS)
        for target in panel.get("targets", ()):
            expression = filled(target["expr"], chosen, step=step, span=span.end - span.start)
            if target["instant"]:
                answer = prometheus.instant(expression, span.end)
            else:
                answer = prometheus.over(expression, span.start, span.end, step)
            answers.setdefault(str(panel["id"]), {})[target["refId"]] = answer.result
            steps.setdefault(str(panel["id"]), {})[target["refId"]] = 1000 * step
    return {
        "dashboard": dashboard | {"panels": panels},
        "variables": {name: ["All" if value == ".*" else value] for name, value in chosen.items()},
        "range": {"from": round(1000 * span.start), "to": round(1000 * span.end)},
        "answers": answers,
        "steps": steps,
        "events": _events(dashboard, prometheus, chosen, span),
    }


def _below(panels: Sequence[Json], rows: Sequence[str]) -> list[Json]:
    """The panels of these rows with their headings, one row right below the other."""
    found: list[Json] = []
    wanted, shift, bottom = not rows, 0, 0
    for panel in panels:
        place = panel["gridPos"]
        if panel["type"] == "row":
            wanted = not rows or panel["title"] in rows
            shift = bottom - place["y"]
        if wanted:
            found.append(panel | {"gridPos": place | {"y": place["y"] + shift}})
            bottom = max(bottom, place["y"] + shift + place["h"])
    return found


def _events(dashboard: Json, prometheus: Prometheus, chosen: Mapping[str, str], span: Span) -> list[Json]:
    """What the annotations say about the time: [{name, color, at in milliseconds, text}]."""
    found = []
    step = interval(span.end - span.start, 100)
    for one in dashboard["annotations"]["list"]:
        if "expr" not in one:
            continue
        expression = filled(one["expr"], chosen, step=step, span=span.end - span.start)
        for series in prometheus.over(expression, span.start, span.end, step).series:
            if one.get("useValueForTime") in (True, "on"):
                moments = sorted({value for _, value in series.points})
            else:
                moments = [1000 * at for at, value in series.points if value][:1]
            text = filled(
                one["titleFormat"].replace("{{", "${").replace("}}", "}"),
                {**dict.fromkeys(LABELS, ""), **series.labels},
            )
            found += [{"name": one["name"], "color": one["iconColor"], "at": at, "text": text} for at in moments]
    return [one for one in found if 1000 * span.start <= one["at"] <= 1000 * span.end]


LABELS = ("cluster", "node", "role", "name", "resource", "state", "mode", "agentpool", "kubelet_version")
"""Labels that an annotation's title may name."""
