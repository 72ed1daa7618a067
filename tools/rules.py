"""The shipped rule files and inhibition rules in, frozen rows out: what generators and tests read."""

import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from tools.generated import ROOT

__all__ = ["ALERTMANAGER", "DATES", "RULES", "Group", "Inhibition", "Rule", "groups", "inhibitions", "seconds"]

RULES = ROOT / "helm/aks-cert-exporter/files/rules"
ALERTMANAGER = ROOT / "helm/aks-cert-exporter/files/alertmanager/inhibit_rules.yaml"

_NUMBER = '(printf "%.0f" (value .))'
_DISTANCE = (
    """printf "label_replace(round(vector((%[1]f-time())/86400))!=0!=1!=-1,'u','days','','') or on() """
    """label_replace(round(vector((%[1]f-time())/3600))!=0!=1!=-1,'u','hours','','') or on() """
    """label_replace(round(vector((%[1]f-time())/60)),'u','min','','')" $value | query | first"""
)
"""The value's distance from now in its largest fitting unit, which is the label `u`; negative for what is past. A
template knows neither the time nor arithmetic, so PromQL does it (Prometheus, template reference: query, first, value).
"""
_DATE = '{{ (toTime $value).Format "2006-01-02 15:04" }} UTC'
_SPAN = f'{{{{ with {_DISTANCE} }}}}{{{{ reReplaceAll "-" "" {_NUMBER} }}}} {{{{ label "u" . }}}}{{{{ end }}}}'
DATES = {
    "ends": (
        f'{{{{ with {_DISTANCE} }}}}{{{{ if lt (value .) 0.0 }}}}ended {{{{ reReplaceAll "-" "" {_NUMBER} }}}} '
        '{{ label "u" . }} ago{{ else }}ends in {{ printf "%.0f" (value .) }} {{ label "u" . }}{{ end }}{{ end }} '
        f"({_DATE})"
    ),
    "since": f"for {_SPAN} (since {_DATE})",
    "ago": f"{_SPAN} ago ({_DATE})",
    "in": f"in {_SPAN} ({_DATE})",
}
"""How a rule's annotation tells the date that is its value; a test holds the rule files to these, word for word.
`ends`: `ends in 4 days (2026-11-29 22:05 UTC)`, or `ended 3 hours ago (…)`.
"""

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True)
class Rule:
    """One alerting rule. An alert that has two severities is two rules."""

    alert: str
    expression: str
    hold: str
    """Its `for`, such as 15m; empty for at once."""
    severity: str
    annotations: dict[str, str]


@dataclass(frozen=True, slots=True)
class Group:
    """One group of rules, and the file it is in."""

    name: str
    file: str
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Inhibition:
    """One inhibition rule of Alertmanager, and why it is there."""

    source: tuple[str, ...]
    target: tuple[str, ...]
    equal: tuple[str, ...]
    why: str


def groups(directory: Path = RULES) -> tuple[Group, ...]:
    """Every group of the rule files, by file name."""
    return tuple(
        Group(group["name"], file.name, tuple(_rule(rule) for rule in group["rules"]))
        for file in sorted(directory.glob("*.yaml"))
        for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]
    )


def _rule(rule: dict[str, object]) -> Rule:
    labels, annotations = rule["labels"], rule["annotations"]
    if not isinstance(labels, dict) or not isinstance(annotations, dict):
        raise ValueError(f"{rule['alert']}: labels and annotations are mappings")
    return Rule(str(rule["alert"]), str(rule["expr"]), str(rule.get("for", "")), labels["severity"], annotations)


def inhibitions(file: Path = ALERTMANAGER) -> tuple[Inhibition, ...]:
    """The inhibition rules with the comment before each. Raises ValueError where one has none."""
    text = file.read_text(encoding="utf-8")
    reasons = re.findall(r"((?:^  # .*\n)+)^  - source_matchers", text, re.MULTILINE)
    rules = yaml.safe_load(text)["inhibit_rules"]
    if len(reasons) != len(rules):
        raise ValueError(f"{file.name}: a rule without a comment that says why")
    return tuple(
        Inhibition(
            tuple(rule["source_matchers"]),
            tuple(rule["target_matchers"]),
            tuple(rule["equal"]),
            " ".join(line.strip().removeprefix("# ") for line in reason.splitlines()),
        )
        for rule, reason in zip(rules, reasons, strict=True)
    )


def seconds(duration: str) -> int:
    """Seconds of a Prometheus duration such as 1h30m; the empty string is 0. Raises ValueError."""
    if not re.fullmatch(r"(\d+[smhd])*", duration):
        raise ValueError(f"not a duration: {duration}")
    return sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)([smhd])", duration))
