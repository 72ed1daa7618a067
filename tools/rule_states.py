"""States of clusters in, what a rule says of each out: tests/rules/*.states.yaml evaluated by promtool.

    AksCertExpired:
      one-of-two-ended:                                  # the state's name, and its `cluster`
        series:
          certificate_not_after{node=a, role=kubelet-client, origin=file}: now-1d  # akscert_…_timestamp_seconds
        critical: {"node=a, role=kubelet-client": now-1d}  # what matches the expression, and its value

All states of an alert are evaluated together, at a real Unix time and again near zero. There each of a state's metrics
is also tried with a scrape that is missing just now, which changes nothing, and with none for eight minutes, as good as
never, unless the state's `at_once` names the metric: what a rule reads without looking back.

A value that begins with `steps` is promtool's notation, a step a minute, three hours until now; a state with one is
evaluated near zero only, unchanged. Of what is said, `~3` is about three.
"""

import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tools.generated import ROOT
from tools.rule_cases import Edit
from tools.rules import RULES

__all__ = ["STATES", "differences", "read_states"]

STATES = tuple(sorted((ROOT / "tests/rules").glob("*.states.yaml")))
REAL = 40 * 500 * 86400
"""2024-10-04 in Unix time: after 40 steps of 500 days."""
NEAR = 180 * 60
"""Three hours after zero, in steps of a minute."""
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_STEPS = {
    REAL: ("500d", "_x39 {0}x1"),
    NEAR: ("1m", "_x174 {0}x6"),
}
_MISSED = "_x170 {0}x8 stale"
_GONE = "_x161 {0}x10"
_SEVERITIES = ("critical", "warning", "info")

Labels = tuple[tuple[str, str], ...]
Said = Mapping[Labels, float]
"""Labels of what matches, and its value."""


@dataclass(frozen=True, slots=True)
class _State:
    name: str
    series: Mapping[str, str]
    said: Mapping[str, Mapping[str, str]]
    """By severity."""
    at_once: frozenset[str]

    @property
    def timed(self) -> bool:
        """Whether its values are given minute by minute."""
        return any(str(value).startswith("steps ") for value in self.series.values())


@cache
def read_states() -> dict[str, list[_State]]:
    """Every state of every alert."""
    found: dict[str, list[_State]] = {}
    for file in STATES:
        for alert, states in yaml.load(file.read_text(encoding="utf-8"), yaml.CSafeLoader).items():
            for name, state in states.items():
                said = {severity: state[severity] or {} for severity in _SEVERITIES if severity in state}
                one = _State(
                    name,
                    state["series"],
                    said,
                    frozenset(_named(f"{each}{{}}")[0] for each in state.get("at_once", ())),
                )
                found.setdefault(alert, []).append(one)
    return found


def _value(text: object, now: int) -> float:
    """`now-2d+60s`, or a number."""
    words = str(text).removeprefix("~")
    if not words.startswith("now"):
        return float(words)
    if not re.fullmatch(r"now([+-]\d+[smhd])*", words):
        raise ValueError(f"not a time: {words}")
    parts = re.findall(r"([+-])(\d+)([smhd])", words)
    return now + sum((1 if sign == "+" else -1) * int(count) * _UNITS[unit] for sign, count, unit in parts)


def _labels(text: str) -> dict[str, str]:
    return dict(pair.strip().split("=", 1) for pair in text.split(",") if pair.strip())


def _written(name: str, cluster: str, text: str) -> str:
    """A series as promtool reads it, with the cluster's label."""
    labels = {"cluster": cluster, **_labels(text)}
    return name + "{" + ",".join(f"{key}={_quoted(value)}" for key, value in labels.items()) + "}"


def _quoted(value: str) -> str:
    """A label's value in quotes."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


@cache
def _rules() -> tuple[dict[str, Any], ...]:
    """Every rule as in its file."""
    return tuple(
        rule
        for file in sorted(RULES.glob("*.yaml"))
        for group in yaml.load(file.read_text(encoding="utf-8"), yaml.CSafeLoader)["groups"]
        for rule in group["rules"]
    )


@cache
def _metrics() -> frozenset[str]:
    """Every series that a rule reads."""
    return frozenset(
        re.findall(r"akscert[:_][\w:]+", "".join(file.read_text("utf-8") for file in RULES.glob("*.yaml")))
    )


def _named(key: str) -> tuple[str, str]:
    """Full name and labels of a series: `x{a=b}` is akscert_x, or akscert_x_timestamp_seconds."""
    match = re.fullmatch(r"([\w:]+)\{(.*)\}", key)
    if match is None:
        raise ValueError(f"not a series: {key}")
    for name in (f"akscert_{match[1]}", f"akscert_{match[1]}_timestamp_seconds", match[1]):
        if name in _metrics():
            return name, match[2]
    raise ValueError(f"no rule reads {match[1]}")


def _series(states: list[_State], now: int) -> Iterator[dict[str, str]]:
    for state in states:
        if state.timed and now == REAL:
            continue
        parts = [(*_named(key), value) for key, value in state.series.items()]
        metrics = sorted({name for name, _, _ in parts} - state.at_once) if now == NEAR and not state.timed else []
        variants = [("", "", "")]
        variants += [
            (f"~{kind}~{metric}", metric, kind) for metric in metrics for kind in ("missed", "gone", "without")
        ]
        for suffix, metric, kind in variants:
            for name, labels, value in parts:
                pattern = {"missed": _MISSED, "gone": _GONE}.get(kind, "") if name == metric else _STEPS[now][1]
                if pattern:
                    yield {
                        "series": _written(name, state.name + suffix, labels),
                        "values": _values(pattern, value, now),
                    }


def _values(pattern: str, value: object, now: int) -> str:
    words = str(value)
    if words.startswith("steps "):
        return words.removeprefix("steps ")
    return pattern.format(words if "." in words else f"{_value(words, now):.0f}")


def _evaluated(alert: str, states: list[_State], now: int, edit: Edit) -> dict[str, dict[str, dict[Labels, float]]]:
    """By severity and cluster what matches the rule's expression. Raises ValueError where promtool refuses it."""
    rules = [
        {"record": "said", "expr": kept["expr"], "labels": {"severity": kept["labels"]["severity"]}}
        for rule in _rules()
        if rule["alert"] == alert
        for kept in [edit(dict(rule))]
    ]
    step = _STEPS[now][0]
    # The rules are evaluated at zero and at the end only.
    content = {
        "rule_files": ["rules.yaml"],
        "evaluation_interval": f"{now}s" if now == NEAR else step,
        "tests": [
            {
                "interval": step,
                "input_series": list(_series(states, now)),
                "promql_expr_test": [
                    {"expr": "said", "eval_time": f"{now}s", "exp_samples": [{"labels": "none", "value": 0}]}
                ],
            }
        ],
    }
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "rules.yaml").write_text(_dumped({"groups": [{"name": "a", "rules": rules}]}))
        (Path(directory) / "test.yaml").write_text(_dumped(content))
        command = ["promtool", "test", "rules", "test.yaml"]
        told = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    output = told.stdout + told.stderr
    if "got:" not in output or "error:" in output.lower():
        raise ValueError(output.strip())
    found: dict[str, dict[str, dict[Labels, float]]] = {}
    for labels, value in re.findall(r'\{(.*?)\} (\S+?)"?(?:,|\n|$)', output.split("got:")[1].replace('\\"', '"')):
        pairs = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels))
        severity, cluster = pairs.pop("severity"), pairs.pop("cluster", "")
        pairs.pop("__name__", None)
        found.setdefault(severity, {}).setdefault(cluster, {})[tuple(sorted(pairs.items()))] = float(value)
    return found


def _dumped(content: object) -> str:
    return yaml.dump(content, Dumper=yaml.CSafeDumper)


def differences(alert: str, edit: Edit = lambda rule: rule) -> list[str]:
    """Where a rule says of an alert's states something else than is written there, each as a line."""
    states = read_states().get(alert, [])
    return list(_differences(alert, states, edit)) if states else []


def _differences(alert: str, states: list[_State], edit: Edit) -> Iterator[str]:
    for now in (REAL, NEAR):
        try:
            found = _evaluated(alert, states, now, edit)
        except ValueError as error:
            yield f"{alert}: {error}"
            return
        for severity in {severity for state in states for severity in state.said}:
            said = found.get(severity, {})
            for state in states:
                wanted = {
                    tuple(sorted(_labels(labels).items())): _value(value, now)
                    for labels, value in state.said.get(severity, {}).items()
                }
                near = (
                    0.1 if any(str(value).startswith("~") for value in state.said.get(severity, {}).values()) else 0.0
                )
                if not (state.timed and now == REAL):
                    yield from _compared(f"{alert} {severity}, {state.name}", wanted, said.get(state.name, {}), near)
            for cluster in said:
                if cluster not in {state.name for state in states} and "~" not in cluster:
                    yield f"{alert} {severity}: something is said of {cluster or 'no cluster'}: {said[cluster]}"
            names = [state.name for state in states]
            yield from (_gaps(f"{alert} {severity}", names, states, said) if now == NEAR else ())


def _gaps(where: str, names: list[str], states: list[_State], said: Mapping[str, Said]) -> Iterator[str]:
    for name, state in zip(names, states, strict=True):
        for metric in [] if state.timed else sorted({_named(key)[0] for key in state.series} - state.at_once):
            missed, gone = said.get(f"{name}~missed~{metric}", {}), said.get(f"{name}~gone~{metric}", {})
            without = said.get(f"{name}~without~{metric}", {})
            yield from _compared(f"{where}, {name}, a scrape of {metric} missed", said.get(name, {}), missed)
            yield from _compared(f"{where}, {name}, no {metric} for eight minutes", without, gone)


def _compared(where: str, wanted: Said, found: Said, near: float = 0.0) -> Iterator[str]:
    for labels in sorted({*wanted, *found}):
        said = ", ".join(f"{key}={value}" for key, value in labels) or "nothing but the cluster"
        if labels not in found:
            yield f"{where}: silent of {said}"
        elif labels not in wanted:
            yield f"{where}: says {said} = {found[labels]:.0f}"
        elif abs(wanted[labels] - found[labels]) > max(0.001, near * wanted[labels]):
            yield f"{where}: {said} has the value {found[labels]:.0f}, not {wanted[labels]:.0f}"
