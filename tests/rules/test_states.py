"""States of clusters, and what each alert says of them: tests/rules/*.states.yaml; see tools/rule_answers.py."""

from typing import Any

import pytest

from tools import rule_states
from tools.rule_answers import differences, differences_of_each
from tools.rule_states import read_states
from tools.rules import groups

STATES = read_states()
SEVERITIES = {(rule.alert, rule.severity) for group in groups() for rule in group.rules}
WITHOUT = {"AksCertExporterDown"}
"""What this looks for is the absence of a series in every cluster, which *.test.yaml has."""


@pytest.mark.parametrize("alert", STATES)
def test_an_alert_says_of_each_state_what_is_written_there(alert: str) -> None:
    told = differences(alert)
    assert not told, "\n".join(["", *told])


def test_every_severity_of_every_alert_has_a_state_that_it_speaks_of() -> None:
    for alert, severity in sorted(SEVERITIES):
        assert alert in WITHOUT or any(state.said.get(severity) for state in STATES[alert]), (alert, severity)
    assert {alert for alert, _ in SEVERITIES} == {*STATES, *WITHOUT}


def changed(old: str, new: str) -> Any:
    return lambda rule: {**rule, "expr": rule["expr"].replace(old, new)}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("< time()", "> time()", "two-scrapes-of-one-file: silent of node=b, role=kubelet-client"),
        ("[5m]", "[15m]", "no akscert_certificate_not_after_timestamp_seconds for eight minutes: says node=b"),
        ("last_over_time", "", "refused"),
    ],
)
def test_a_rule_that_is_not_as_shipped_is_told_by_state(old: str, new: str, told: str) -> None:
    lines = differences("AksCertExpired", changed(old, new))
    if told == "refused":
        assert "parse error" in lines[0]
    else:
        assert any(told in line for line in lines), lines


def test_expressions_are_judged_each_by_itself_and_one_that_is_refused_spoils_none() -> None:
    """What promtool cannot parse, and what it cannot evaluate, beside the rule as shipped and one that is silent."""
    shipped = next(rule.expression for group in groups() for rule in group.rules if rule.alert == "AksCertExpired")
    series = "akscert_certificate_not_after_timestamp_seconds"
    asked = [shipped, "up and 3", f"{series} > on () {series}", f"{series} < 0", shipped]
    told = differences_of_each("AksCertExpired", "critical", asked)
    assert told[0] == told[4] == []
    assert "parse error" in told[1][0]
    assert "matching labels must be unique" in told[2][0]
    assert all(": silent of " in line for line in told[3])
    assert told[3]


def test_a_value_that_is_another_is_told_with_both() -> None:
    smaller = changed("max by (cluster, address) (", "-1 + max by (cluster, address) (")
    assert differences("AksCertExpired", smaller)[0].endswith("address=y:443 has the value 1727913599, not 1727913600")


@pytest.mark.parametrize("series", ["certificate_not_affter{node=a}", "no series"])
def test_a_series_that_no_rule_reads_is_refused(series: str) -> None:
    with pytest.raises(ValueError, match=r"no rule reads|not a series"):
        rule_states.named(series)
