"""States of clusters, from tests/rules/*.states.yaml, and the series that promtool is given for them.

    AksCertExpired:
      one-of-two-ended:                                  # the state's name, and its `cluster`
        series:
          certificate_not_after{node=a, role=kubelet-client, origin=file}: now-1d  # akscert_…_timestamp_seconds
        critical: {"node=a, role=kubelet-client": now-1d}  # what matches the expression, and its value

All states of an alert are evaluated together (tools/rule_answers.py), at a real Unix time and again near zero. There
each of a state's metrics is also tried with a scrape that is missing just now, which changes nothing, and with none for
eight minutes, as good as never, unless the state's `at_once` names the metric: what a rule reads without looking back.

A value that begins with `steps` is promtool's notation, a step a minute, three hours until now; a state with one is
evaluated near zero only, unchanged. Of what is said, `~3` is about three.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

import yaml

from tools.generated import ROOT
from tools.rules import RULES

__all__ = [
    "NEAR",
    "REAL",
    "SEVERITIES",
    "STATES",
    "STEPS",
    "Labels",
    "Said",
    "State",
    "labels_of",
    "named",
    "read_states",
    "series",
    "value_at",
]

STATES = tuple(sorted((ROOT / "tests/rules").glob("*.states.yaml")))
REAL = 40 * 500 * 86400
"""2024-10-04 in Unix time: after 40 steps of 500 days."""
NEAR = 180 * 60
"""Three hours after zero, in steps of a minute."""
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
STEPS = {
    REAL: ("500d", "_x39 {0}x1"),
    NEAR: ("1m", "_x174 {0}x6"),
}
_MISSED = "_x170 {0}x8 stale"
_GONE = "_x161 {0}x10"
SEVERITIES = ("critical", "warning", "info")

Labels = tuple[tuple[str, str], ...]
Said = Mapping[Labels, float]
"""Labels of what matches, and its value."""


@dataclass(frozen=True, slots=True)
class State:
    """One cluster, and what the rules of an alert say of it."""

    name: str
    """Its `cluster` too."""
    series: Mapping[str, str]
    said: Mapping[str, Mapping[str, str]]
    """By severity."""
    at_once: frozenset[str]

    @property
    def timed(self) -> bool:
        """Whether its values are given minute by minute."""
        return any(str(value).startswith("steps ") for value in self.series.values())


@cache
def read_states() -> dict[str, list[State]]:
    """Every state of every alert."""
    found: dict[str, list[State]] = {}
    for file in STATES:
        for alert, states in yaml.load(file.read_text(encoding="utf-8"), yaml.CSafeLoader).items():
            for name, state in states.items():
                said = {severity: state[severity] or {} for severity in SEVERITIES if severity in state}
                one = State(
                    name,
                    state["series"],
                    said,
                    frozenset(named(f"{each}{{}}")[0] for each in state.get("at_once", ())),
                )
                found.setdefault(alert, []).append(one)
    return found


def value_at(text: object, now: int) -> float:
    """`now-2d+60s`, or a number."""
    words = str(text).removeprefix("~")
    if not words.startswith("now"):
        return float(words)
    if not re.fullmatch(r"now([+-]\d+[smhd])*", words):
        raise ValueError(f"not a time: {words}")
    parts = re.findall(r"([+-])(\d+)([smhd])", words)
    return now + sum((1 if sign == "+" else -1) * int(count) * _UNITS[unit] for sign, count, unit in parts)


def labels_of(text: str) -> dict[str, str]:
    """`node=a, role=x` as a dictionary."""
    return dict(pair.strip().split("=", 1) for pair in text.split(",") if pair.strip())


def _written(name: str, cluster: str, text: str) -> str:
    """A series as promtool reads it, with the cluster's label."""
    labels = {"cluster": cluster, **labels_of(text)}
    return name + "{" + ",".join(f"{key}={_quoted(value)}" for key, value in labels.items()) + "}"


def _quoted(value: str) -> str:
    """A label's value in quotes."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


@cache
def _metrics() -> frozenset[str]:
    """Every series that a rule reads."""
    return frozenset(
        re.findall(r"akscert[:_][\w:]+", "".join(file.read_text("utf-8") for file in RULES.glob("*.yaml")))
    )


def named(key: str) -> tuple[str, str]:
    """Full name and labels of a series: `x{a=b}` is akscert_x, or akscert_x_timestamp_seconds."""
    match = re.fullmatch(r"([\w:]+)\{(.*)\}", key)
    if match is None:
        raise ValueError(f"not a series: {key}")
    for name in (f"akscert_{match[1]}", f"akscert_{match[1]}_timestamp_seconds", match[1]):
        if name in _metrics():
            return name, match[2]
    raise ValueError(f"no rule reads {match[1]}")


def series(states: list[State], now: int) -> Iterator[dict[str, str]]:
    """What promtool reads, all states side by side; near zero also those with gaps, as `cluster~gap~metric`."""
    for state in states:
        if state.timed and now == REAL:
            continue
        parts = [(*named(key), value) for key, value in state.series.items()]
        metrics = sorted({name for name, _, _ in parts} - state.at_once) if now == NEAR and not state.timed else []
        variants = [("", "", "")]
        variants += [
            (f"~{kind}~{metric}", metric, kind) for metric in metrics for kind in ("missed", "gone", "without")
        ]
        for suffix, metric, kind in variants:
            for name, labels, value in parts:
                pattern = {"missed": _MISSED, "gone": _GONE}.get(kind, "") if name == metric else STEPS[now][1]
                if pattern:
                    yield {
                        "series": _written(name, state.name + suffix, labels),
                        "values": _values(pattern, value, now),
                    }


def _values(pattern: str, value: object, now: int) -> str:
    words = str(value)
    if words.startswith("steps "):
        return words.removeprefix("steps ")
    return pattern.format(words if "." in words else f"{value_at(words, now):.0f}")
