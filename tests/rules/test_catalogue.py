"""Rules and runbooks speak of series, labels and words that the catalogue of metrics has."""

import re

import promql_parser

from exporter.families.catalogue import catalogue
from exporter.metric import MetricKind
from tools.generated import ROOT
from tools.rules import groups

RULE_LIST = [rule for group in groups() for rule in group.rules]
SCRAPE_LABELS = {"cluster", "instance"}
"""Labels that come from the scrape and that a rule may name."""
RECORDED = {"akscert:policy_max_age:seconds": set[str]()}
"""Series that a user records; they have no labels."""


def selectors(expression: str) -> list[promql_parser.VectorSelector]:
    """Every vector selector of an expression."""
    found = []

    def visit(node: object) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)
        for name in ("expr", "lhs", "rhs", "vector_selector", "param"):
            if (child := getattr(node, name, None)) is not None:
                visit(child)
        args = getattr(node, "args", None)
        for child in args if isinstance(args, list) else getattr(args, "args", None) or []:
            visit(child)

    visit(promql_parser.parse(expression))
    return found


def series() -> dict[str, tuple[set[str], dict[str, tuple[str, ...]]]]:
    """Labels and closed word lists of every series name there is."""
    known: dict[str, tuple[set[str], dict[str, tuple[str, ...]]]] = {
        name: (labels, {}) for name, labels in RECORDED.items()
    }
    for metric in (metric for metrics in catalogue().values() for metric in metrics):
        names = [metric.name]
        if metric.kind is MetricKind.HISTOGRAM:
            names = [f"{metric.name}_{suffix}" for suffix in ("bucket", "sum", "count")]
        for name in names:
            known[name] = ({*metric.labels, "le"}, dict(metric.words))
    return known


def test_a_rule_speaks_of_series_labels_and_words_that_exist() -> None:
    known = series()
    wrong = []
    for rule in RULE_LIST:
        grouping = set(re.findall(r"\w+", " ".join(re.findall(r"(?:by|on|group_left) \(([^)]*)\)", rule.expression))))
        labels: set[str] = set()
        for selector in selectors(rule.expression):
            if selector.name not in known:
                wrong.append(f"{rule.alert}: no series {selector.name}")
                continue
            has, words = known[selector.name]
            labels |= has
            for matcher in selector.matchers.matchers:
                if matcher.name not in has:
                    wrong.append(f"{rule.alert}: {selector.name} has no label {matcher.name}")
                allowed = words.get(matcher.name)
                named = set(matcher.value.split("|")) if allowed else set()
                if lost := named - set(allowed or ()):
                    wrong.append(f"{rule.alert}: {selector.name} has no {matcher.name} {sorted(lost)}")
        if unknown := grouping - labels - SCRAPE_LABELS:
            wrong.append(f"{rule.alert}: groups by {sorted(unknown)}, which none of its series has")
    assert wrong == []


def test_the_walk_over_an_expression_finds_selectors_in_every_corner() -> None:
    expression = (
        "topk by (a) (1, x) + on (a) group_left () label_replace(-y[1m:1m] offset 1h, 'a', 'b', 'c', 'd')"
        " or last_over_time((max by (a) (z) or 0 * w)[1d:5m]) unless (min(v) < scalar(u)) and rate(t[5m]) > 0"
    )
    expression = expression.replace("-y[1m:1m] offset 1h", "max_over_time(y[1m:1m] offset 1h)")
    assert {selector.name for selector in selectors(expression)} == set("xyzwvut")


def test_a_runbook_queries_series_and_labels_that_exist() -> None:
    known = series() | {"up": ({"job"}, {})}
    wrong = []
    for page in sorted((ROOT / "docs/runbooks").glob("*.md")):
        for block in re.findall(r"```promql\n(.*?)```", page.read_text(), re.DOTALL):
            for line in filter(None, (line.split("#")[0].strip() for line in block.splitlines())):
                for selector in selectors(line):
                    if selector.name not in known:
                        wrong.append(f"{page.stem}: no series {selector.name}")
                    elif lost := {m.name for m in selector.matchers.matchers} - known[selector.name][0]:
                        wrong.append(f"{page.stem}: {selector.name} has no {lost}")
    assert wrong == []
