"""Rules and states in, where what a rule says of a state is not what is written there out: evaluated by promtool.

    differences("AksCertExpired")                        # of the rules as shipped: no line
    differences("AksCertExpired", changed)               # of each of its rules after an edit
    differences_of_each("AksCertExpired", "critical", ["up", …])   # of many expressions in one run

Each difference is a line that names severity, state and series.
"""

import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tools.rule_cases import Edit
from tools.rule_states import NEAR, REAL, STEPS, Labels, Said, State, labels_of, named, read_states, series, value_at
from tools.rules import RULES

__all__ = ["differences", "differences_of_each"]


@dataclass(slots=True)
class _Answer:
    """What an expression says, or why promtool cannot evaluate it."""

    said: dict[str, dict[Labels, float]] = field(default_factory=dict)
    """By cluster."""
    refused: str = ""


@cache
def _rules() -> tuple[dict[str, Any], ...]:
    """Every rule as in its file."""
    return tuple(
        rule
        for file in sorted(RULES.glob("*.yaml"))
        for group in yaml.load(file.read_text(encoding="utf-8"), yaml.CSafeLoader)["groups"]
        for rule in group["rules"]
    )


def differences(alert: str, edit: Edit = lambda rule: rule) -> list[str]:
    """Where an alert's rules say of its states something else than is written there, each as a line."""
    rules = [edit(dict(rule)) for rule in _rules() if rule["alert"] == alert]
    asked = [(rule["labels"]["severity"], rule["expr"]) for rule in rules]
    return [line for lines in _differences(alert, asked) for line in lines]


def differences_of_each(alert: str, severity: str, expressions: Sequence[str]) -> list[list[str]]:
    """The same of each expression by itself, in the place of the alert's rule with this severity."""
    return _differences(alert, [(severity, expression) for expression in expressions])


def _differences(alert: str, asked: Sequence[tuple[str, str]]) -> list[list[str]]:
    """Of severities and expressions, what each says otherwise. What is refused or differs at a real time is not
    evaluated near zero.
    """
    states = read_states().get(alert, [])
    told: list[list[str]] = [[] for _ in asked]
    if not states:
        return told
    for now in (REAL, NEAR):
        left = [number for number, lines in enumerate(told) if not lines]
        answers = _evaluated(states, now, {number: asked[number][1] for number in left})
        for number in left:
            told[number] += _compared_all(alert, asked[number][0], states, now, answers[number])
    return told


def _evaluated(states: list[State], now: int, asked: Mapping[int, str]) -> dict[int, _Answer]:
    """What matches each expression. One that promtool refuses is left out of the next run."""
    answers = {number: _Answer() for number in asked}
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        one = {
            "interval": STEPS[now][0],
            "input_series": list(series(states, now)),
            "promql_expr_test": [
                # An expectation that always fails: promtool then says what is there.
                {"expr": f"said_{number}", "eval_time": f"{now}s", "exp_samples": [{"labels": "none", "value": 0}]}
                for number in asked
            ],
        }
        # The rules are evaluated at zero and at the end only.
        content = {"rule_files": ["rules.yaml"], "evaluation_interval": f"{now}s", "tests": [one]}
        (place / "test.yaml").write_text(_dumped(content))
        while left := [number for number, answer in answers.items() if not answer.refused]:
            rules = [{"record": f"said_{number}", "expr": asked[number]} for number in left]
            (place / "rules.yaml").write_text(_dumped({"groups": [{"name": "a", "rules": rules}]}))
            command = ["promtool", "test", "rules", "test.yaml"]
            tried = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
            output = tried.stdout + tried.stderr
            if "got:" in output:
                _read(output, answers)
                break
            refused = [(int(number), line) for line, number in re.findall(r"^(.*\bsaid_(\d+).*)", output, re.MULTILINE)]
            if not refused:
                raise ValueError(output.strip())
            for number, line in refused:
                answers[number].refused = line.strip()
    return answers


def _read(output: str, answers: Mapping[int, _Answer]) -> None:
    """What promtool found for each expression into the answers."""
    for part in output.split('expr: "said_')[1:]:
        number, samples = int(part.split('"', 1)[0]), part.partition("got:")[2]
        for labels, value in re.findall(r'\{(.*?)\} (\S+?)"?(?:,|\n|$)', samples.replace('\\"', '"')):
            pairs = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels))
            pairs.pop("__name__")
            cluster = pairs.pop("cluster", "")
            answers[number].said.setdefault(cluster, {})[tuple(sorted(pairs.items()))] = float(value)


def _dumped(content: object) -> str:
    return yaml.dump(content, Dumper=yaml.CSafeDumper)


def _compared_all(alert: str, severity: str, states: list[State], now: int, answer: _Answer) -> Iterator[str]:
    where, said = f"{alert} {severity}", answer.said
    if answer.refused:
        yield f"{where}: {answer.refused}"
        return
    if not any(severity in state.said for state in states):
        return
    for state in states:
        written = state.said.get(severity, {})
        wanted = {tuple(sorted(labels_of(labels).items())): value_at(value, now) for labels, value in written.items()}
        near = 0.1 if any(str(value).startswith("~") for value in written.values()) else 0.0
        if not (state.timed and now == REAL):
            yield from _compared(f"{where}, {state.name}", wanted, said.get(state.name, {}), near)
    for cluster in said:
        if cluster not in {state.name for state in states} and "~" not in cluster:
            yield f"{where}: something is said of {cluster or 'no cluster'}: {said[cluster]}"
    if now == NEAR:
        yield from _gaps(where, states, said)


def _gaps(where: str, states: list[State], said: Mapping[str, Said]) -> Iterator[str]:
    for state in states:
        name = state.name
        for metric in [] if state.timed else sorted({named(key)[0] for key in state.series} - state.at_once):
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
