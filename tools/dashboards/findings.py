"""What is wrong, from the shipped rules' own expressions, without their patience: rule files in, PromQL out.

Each finding is one series: labels cluster, node, alertname, severity and `about` (whatever else the rule's series tells
apart); its value is the rule's, mostly the date in question in Unix seconds. The rules are spread over some queries, so
that none is slow at a thousand nodes.
"""

import re
from collections.abc import Iterator
from functools import cache

from exporter.families.catalogue import catalogue
from tools.dashboards.panel import Query, Word
from tools.dashboards.promql import either, in_pools, labelled, linked, of
from tools.rules import Rule, groups

__all__ = ["COLUMN", "LABELS", "alert_words", "chosen", "found", "number", "rules", "since"]

SEVERITIES = ("critical", "warning", "info")
"""The worst first."""
ALERTS = "AksCert.+"
COLUMN = "column"
"""The label that names the column of a table that a series' value is in."""
OWN = ("alertname", "severity", "cluster", "node", "instance")
"""Labels with a column of their own, or none; `mode`, `source` and the like go into `about`."""
SHORT = {"Api": "API", "Ca": "CA", "Csr": "CSR"}
"""Words in alerts' names that are abbreviations."""
WEIGHT = 5
"""How many selectors of nodes' series one query has at most, unless a single rule has more."""


@cache
def rules() -> tuple[Rule, ...]:
    """Every alerting rule, the worst first."""
    every = [rule for group in groups() for rule in group.rules]
    return tuple(sorted(every, key=lambda rule: SEVERITIES.index(rule.severity)))


@cache
def _of_nodes() -> frozenset[str]:
    return frozenset(metric.name for metrics in catalogue().values() for metric in metrics if "node" in metric.labels)


def _labels() -> Iterator[str]:
    for rule in rules():
        for listed in re.findall(r"\bby \(([^)]*)\)", rule.expression):
            yield from re.findall(r"\w+", listed)
        yield from re.findall(r'label_replace\([^"]*"(\w+)"', rule.expression)


LABELS = tuple(label for label in dict.fromkeys(("role", "kind", "name", "address", *_labels())) if label not in OWN)
"""What else tells the rules' series apart, in the order in which it is shown."""


def chosen(expression: str, *, node: bool = False) -> str:
    """A rule's expression for the chosen clusters only, and with `node` for the chosen node's series only."""

    def matchers(metric: str) -> str:
        return 'cluster=~"$cluster"' + (', node=~"$node"' if node and metric in _of_nodes() else "")

    def narrowed(code: str) -> str:
        return re.sub(
            r"\b(akscert_\w+)(\{)?",
            lambda match: f"{match[1]}{{{matchers(match[1])}{', ' if match[2] else '}'}",
            re.sub(r"(?<=\() | (?=\))", "", re.sub(r"\s+", " ", code)),
        )

    pieces = re.split(r'("(?:[^"\\]|\\.)*")', expression.strip())
    return "".join(piece if number % 2 else narrowed(piece) for number, piece in enumerate(pieces))


def alert_words() -> tuple[Word, ...]:
    """Each alert's name as words, such as "Rotation overdue" for AksCertRotationOverdue."""
    return tuple(Word(name, _spoken(name), "text") for name in dict.fromkeys(rule.alert for rule in rules()))


def _spoken(name: str) -> str:
    words = [SHORT.get(word, word.lower()) for word in re.findall("[A-Z][a-z]*", name.removeprefix("AksCert"))]
    return " ".join([words[0][0].upper() + words[0][1:], *words[1:]])


def _about(expression: str) -> str:
    names = ", ".join(f'"{label}"' for label in LABELS)
    joined = f'label_join({expression}, "about", " ", {names})'
    # What is left of no labels at all is blanks, which Grafana would take for the number 0.
    return f'label_replace({joined}, "about", "$1", "about", " *(.*?) *")'


def _condition(rule: Rule, *, node: bool = False) -> str:
    """The rule's, except where a worse rule of the same alert says the same."""
    rank = SEVERITIES.index(rule.severity)
    worse = [one for one in rules() if one.alert == rule.alert and SEVERITIES.index(one.severity) < rank]
    return " unless ".join(f"({chosen(one.expression, node=node)})" for one in (rule, *worse))


def _named(rule: Rule, *, node: bool = False) -> str:
    return labelled(f"({_condition(rule, node=node)})", alertname=rule.alert)


def _shared(wanted: tuple[Rule, ...]) -> Iterator[tuple[Rule, ...]]:
    """The rules of one severity in parts, each for one query."""
    part: list[Rule] = []
    weight = 0
    for rule in wanted:
        heavy = sum(name in _of_nodes() for name in re.findall(r"akscert_\w+", _condition(rule)))
        if part and weight + heavy > WEIGHT:
            yield tuple(part)
            part, weight = [], 0
        part.append(rule)
        weight += heavy
    if part:
        yield tuple(part)


def _told(expression: str, severity: str, column: str) -> str:
    ranked = f"{SEVERITIES.index(severity) + 1}-{severity}"
    every = f"1000 * max by (cluster, node, alertname, about) ({in_pools(_about(expression))})"
    return linked(labelled(every, severity=ranked, **{COLUMN: column}))


def found(column: str, *, node: bool = False) -> tuple[Query, ...]:
    """Everything found, the value in milliseconds where it is a date; with `node` of the chosen node, in one query."""
    queries = []
    for severity in SEVERITIES:
        wanted = tuple(rule for rule in rules() if rule.severity == severity)
        parts = (wanted,) if node else _shared(wanted)
        named = (either(*(_named(rule, node=node) for rule in part)) for part in parts)
        queries += [_told(f"({one})", severity, column) for one in named]
    return (Query(either(*queries)),) if node else tuple(Query(one) for one in queries)


def since(column: str) -> Query:
    """Since when each of them holds, in milliseconds, by the rules in this Prometheus; the worst severity only."""
    parts: list[str] = []
    for severity in SEVERITIES:
        active = of("ALERTS_FOR_STATE", alertname=f"=~{ALERTS}", severity=severity)
        worse = "".join(f" unless on (cluster, node, alertname, about) {one}" for one in parts)
        parts.append(f"({_told(active, severity, column)}){worse}")
    return Query(either(*parts))


def number(severity: str) -> tuple[Query, ...]:
    """How many are found of a severity, in parts to be added; nothing where there is no agent to find any."""
    agents = f"count({of('akscert_build_info')})"
    wanted = tuple(rule for rule in rules() if rule.severity == severity)
    return tuple(
        Query(f"(count({in_pools(f'({either(*map(_named, part))})')}) or vector(0)) and on () {agents}", severity)
        for part in _shared(wanted)
    )
