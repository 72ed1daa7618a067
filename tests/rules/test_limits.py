"""The numbers in the rule files are those of exporter.findings.limits: nothing is judged by another figure."""

import operator
from collections.abc import Iterator

import promql_parser
import pytest

from exporter.findings import limits
from tools.rules import groups, seconds

DAY = 86400.0
RULES = {(rule.alert, rule.severity): rule for group in groups() for rule in group.rules}
FOLDED = {"*": operator.mul, "/": operator.truediv, "+": operator.add, "-": operator.sub}
"""Arithmetic of two numbers, such as 20 * 60."""
PLAIN = {0.0, 1.0}
"""Truth values of 0/1 series, and what takes the place of an unknown date."""


def folded(node: object) -> float | None:
    """The value of an expression that has only numbers."""
    if isinstance(node, promql_parser.NumberLiteral):
        return node.val
    if isinstance(node, promql_parser.ParenExpr):
        return folded(node.expr)
    if isinstance(node, promql_parser.UnaryExpr):
        inner = folded(node.expr)
        return None if inner is None else -inner
    if isinstance(node, promql_parser.BinaryExpr):
        left, right, word = folded(node.lhs), folded(node.rhs), str(node.op)
        if left is not None and right is not None and word in FOLDED:
            return float(FOLDED[word](left, right))
    return None


def numbers(node: object) -> Iterator[float]:
    """Every number of an expression, arithmetic among numbers done."""
    value = folded(node)
    if value is not None:
        yield value
        return
    for name in ("expr", "lhs", "rhs", "param"):
        if (child := getattr(node, name, None)) is not None:
            yield from numbers(child)
    args = getattr(node, "args", None)
    for child in args if isinstance(args, list) else getattr(args, "args", None) or []:
        yield from numbers(child)


def shares(*parts: float) -> set[float]:
    """A point of a lifetime is written as so much of notBefore and the rest of notAfter."""
    return {round(each, 6) for part in parts for each in (part, 1 - part)}


EXPECTED = {
    ("AksCertExpiringWithoutRotation", "warning"): {
        limits.UNKNOWN_LIFETIME_DAYS[0] * DAY,
        *shares(limits.GONE[0], limits.GONE_WHERE_UNKNOWN[0]),
    },
    ("AksCertExpiringWithoutRotation", "critical"): {
        limits.UNKNOWN_LIFETIME_DAYS[1] * DAY,
        *shares(limits.GONE[1], limits.GONE_WHERE_UNKNOWN[1]),
    },
    ("AksCertRotationOverdue", "warning"): {
        limits.UNKNOWN_LIFETIME_DAYS[0] * DAY,
        round(1 - limits.GONE_WHERE_UNKNOWN[0], 6),
    },
    ("AksCertRotationOverdue", "critical"): {
        2.0,
        limits.UNKNOWN_LIFETIME_DAYS[1] * DAY,
        round(1 - limits.GONE_WHERE_UNKNOWN[1], 6),
    },
    ("AksCertUnusable", "critical"): {limits.NOT_YET_VALID},
    ("AksCertCaBundleOutdated", "warning"): {limits.NOT_YET_VALID},
    ("AksCertCsrPending", "warning"): {limits.PENDING[0]},
    ("AksCertCsrPending", "critical"): {limits.PENDING[1]},
    ("AksCertNobodySigns", "warning"): {*limits.UNSIGNED, *shares(limits.UNSIGNED_SHARES[0])},
    ("AksCertNobodySigns", "critical"): {*limits.UNSIGNED, *shares(limits.UNSIGNED_SHARES[1])},
    ("AksCertClusterCaExpiring", "warning"): {limits.CA_DAYS[0] * DAY},
    ("AksCertClusterCaExpiring", "critical"): {limits.CA_DAYS[1] * DAY},
    ("AksCertRequestHeaderCaExpiring", "warning"): {limits.REQUESTHEADER_CA_DAYS * DAY},
    ("AksCertApiServerExpiring", "warning"): {limits.APISERVER_DAYS[0] * DAY, *shares(limits.APISERVER_SHARES[0])},
    ("AksCertApiServerExpiring", "critical"): {limits.APISERVER_DAYS[1] * DAY, *shares(limits.APISERVER_SHARES[1])},
    ("AksCertEndpointExpiring", "warning"): {limits.ENDPOINT_DAYS[0] * DAY, *shares(limits.ENDPOINT_SHARES[0])},
    ("AksCertEndpointExpiring", "critical"): {limits.ENDPOINT_DAYS[1] * DAY, *shares(limits.ENDPOINT_SHARES[1])},
    ("AksCertClockSkew", "warning"): {limits.CLOCK[0], -limits.CLOCK[0]},
    ("AksCertClockSkew", "critical"): {limits.CLOCK[1], -limits.CLOCK[1]},
    ("AksCertClusterRotationRunning", "info"): {limits.EXCUSES},
}
"""What each expression may hold beside 0 and 1. A rule that is not here holds no limit of its own."""
WITH_PATIENCE = {
    ("AksCertSignerSilent", "warning"): limits.SILENT,
    ("AksCertNobodySigns", "info"): limits.UNSIGNED[0],
    ("AksCertSourceDown", "warning"): limits.STALE,
    ("AksCertClusterRotationStuck", "critical"): limits.LONGEST_ROTATION,
}
"""Rules that reach a limit partly by their `for`, partly by a number."""


@pytest.mark.parametrize("key", sorted(set(RULES) - set(WITH_PATIENCE)), ids="-".join)
def test_a_rule_holds_the_limits_of_the_findings_and_no_other_number(key: tuple[str, str]) -> None:
    found = {round(each, 6) for each in numbers(promql_parser.parse(RULES[key].expression))}
    assert found - PLAIN == EXPECTED.get(key, set())


@pytest.mark.parametrize("key", WITH_PATIENCE, ids="-".join)
def test_a_limit_that_is_number_and_patience_together(key: tuple[str, str]) -> None:
    rule, limit = RULES[key], WITH_PATIENCE[key]
    found = {each for each in numbers(promql_parser.parse(rule.expression)) if each not in PLAIN}
    assert found
    assert limit in found | {each + seconds(rule.hold) for each in found}
    assert max(found) <= limit


def test_every_limit_of_a_rule_is_one_of_a_rule_that_exists() -> None:
    assert {*EXPECTED, *WITH_PATIENCE} <= set(RULES)


def test_a_number_is_found_wherever_it_stands() -> None:
    expression = "max by (a) (x) < time() - 20 * 60 or (0.15 * y + 0.85 * z) > -(6 * 3600) and vector(7) == 1"
    assert set(numbers(promql_parser.parse(expression))) == {1200.0, 0.15, 0.85, -21600.0, 7.0, 1.0}
