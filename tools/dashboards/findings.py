"""What is wrong, from the shipped rules' own expressions, without their patience: rule files in, PromQL out.

Each finding is one series: labels cluster, node, alertname, severity and `about` (whatever else the rule's series tells
apart); its value is the rule's, mostly the date in question in Unix seconds.
"""

import re
from collections.abc import Iterator
from functools import cache

from tools.dashboards.panel import Word
from tools.dashboards.promql import either, in_pools, labelled, linked, of
from tools.rules import Rule, groups

__all__ = ["ALERTS", "LABELS", "alert_words", "chosen", "found", "number", "since"]

SEVERITIES = ("critical", "warning", "info")
"""The worst first."""
ALERTS = "AksCert.+"
OWN = ("alertname", "severity", "cluster", "node")
"""Labels with a column of their own; `mode`, `source` and the like go into `about`."""
SHORT = {"Api": "API", "Ca": "CA", "Csr": "CSR"}
"""Words in alerts' names that are abbreviations."""


@cache
def rules() -> tuple[Rule, ...]:
    """Every alerting rule."""
    return tuple(rule for group in groups() for rule in group.rules)


def _labels() -> Iterator[str]:
    for rule in rules():
        for listed in re.findall(r"\bby \(([^)]*)\)", rule.expression):
            yield from re.findall(r"\w+", listed)
        yield from re.findall(r'label_replace\([^"]*"(\w+)"', rule.expression)


LABELS = tuple(
    label for label in dict.fromkeys(("role", "kind", "name", "address", *_labels())) if label not in (*OWN, "instance")
)
"""What else tells the rules' series apart, in the order in which it is shown."""


def chosen(expression: str) -> str:
    """A rule's expression for the chosen clusters alone: every series of ours gets the matcher."""
    pieces = re.split(r'("(?:[^"\\]|\\.)*")', expression.strip())
    matcher = 'cluster=~"$cluster"'

    def narrowed(code: str) -> str:
        return re.sub(
            r"\b(akscert_\w+)(?!\w*:)(\{)?",
            lambda match: f"{match[1]}{{{matcher}, " if match[2] else f"{match[1]}{{{matcher}}}",
            re.sub(r"\s+", " ", code),
        )

    return "".join(piece if number % 2 else narrowed(piece) for number, piece in enumerate(pieces))


def alert_words() -> tuple[Word, ...]:
    """Each alert's name as words, such as "rotation overdue" for AksCertRotationOverdue."""
    return tuple(Word(name, _spoken(name), "text") for name in dict.fromkeys(rule.alert for rule in rules()))


def _spoken(name: str) -> str:
    words = [SHORT.get(word, word.lower()) for word in re.findall("[A-Z][a-z]*", name.removeprefix("AksCert"))]
    return " ".join([words[0][0].upper() + words[0][1:], *words[1:]])


def _about(expression: str) -> str:
    names = ", ".join(f'"{label}"' for label in LABELS)
    joined = f'label_join({expression}, "about", " ", {names})'
    # What is left of no labels at all is blanks, which Grafana would take for the number 0.
    return f'label_replace({joined}, "about", "$1", "about", " *(.*?) *")'


def _condition(rule: Rule) -> str:
    """The rule's, except where a worse rule of the same alert says the same."""
    worse = [
        one
        for one in rules()
        if one.alert == rule.alert and SEVERITIES.index(one.severity) < SEVERITIES.index(rule.severity)
    ]
    return " unless ".join(f"({chosen(one.expression)})" for one in (rule, *worse))


def _parts(severity: str) -> Iterator[str]:
    for rule in rules():
        if rule.severity == severity:
            yield labelled(f"({_condition(rule)})", alertname=rule.alert)


def found(*severities: str) -> str:
    """Everything found of these severities, in milliseconds where it is a date."""
    every = either(
        *(
            labelled(f"({either(*_parts(severity))})", severity=f"{SEVERITIES.index(severity) + 1}-{severity}")
            for severity in severities or SEVERITIES
        )
    )
    return linked(f"1000 * max by (cluster, node, alertname, severity, about) ({in_pools(_about(f'({every})'))})")


def since() -> str:
    """Since when each of them holds, in milliseconds, by the rules in this Prometheus; the worst severity only."""
    found: list[str] = []
    for number, severity in enumerate(SEVERITIES, start=1):
        active = of("ALERTS_FOR_STATE", alertname=f"=~{ALERTS}", severity=severity)
        labelled_so = labelled(
            f"max by (cluster, node, alertname, about) ({in_pools(_about(active))})", severity=f"{number}-{severity}"
        )
        found.append(
            f"({labelled_so}){''.join(f' unless on (cluster, node, alertname, about) {one}' for one in found)}"
        )
    return linked(f"1000 * ({either(*found)})")


def number(severity: str) -> str:
    """How many are found of a severity; 0 where there are none, nothing where there is no agent to find any."""
    every = in_pools(f"({either(*_parts(severity))})")
    return f"(count({every}) or vector(0)) and on () count({of('akscert_build_info')})"
