"""What the simulated year judges by: `for`, inhibition and selectors, each on its own."""

import promql_parser

from tests.year.lead_times import Told, differences
from tests.year.recording import Window, merged
from tests.year.selectors import picked
from tests.year.verdict import Firing, notified, stretches
from tools.rules import groups


def firing(alert: str, severity: str, begin: float, end: float, **labels: str) -> Firing:
    every = {"alertname": alert, "severity": severity, "cluster": "a", **labels}
    return Firing(alert, severity, frozenset(every.items()), begin, end)


def test_a_gap_of_one_evaluation_ends_an_alert() -> None:
    assert list(stretches([0, 60, 120, 240, 300])) == [(0, 120), (240, 300)]


def test_what_is_held_back_is_not_told_and_what_outlasts_that_is() -> None:
    node = {"node": "n", "role": "kubelet-client"}
    pending = firing("AksCertCsrPending", "warning", 0, 600, **node)
    overdue = firing("AksCertRotationOverdue", "warning", 300, 1200, **node)
    told = {(one.alert, one.begin, one.end) for one in notified([pending, overdue])}
    assert told == {("AksCertCsrPending", 0, 600), ("AksCertRotationOverdue", 660, 1200)}


def test_a_failure_that_is_told_at_another_time_says_by_how_much_and_where() -> None:
    documented = [Told("AksCertA", "warning", 13 * 86400, 86400), Told("AksCertB", "critical", 600, None)]
    found = [Told("AksCertA", "warning", 86400, 13 * 86400), Told("AksCertC", "warning", 7200, None)]
    assert list(differences("rbac-off", documented, found, 600)) == [
        "AksCertA (warning) fired 12 days too early in rbac-off",
        "AksCertA (warning) fired 13 days before rbac-off hurts, not 24 hours",
        "AksCertB (critical) never fired in rbac-off",
        "AksCertC (warning) fired 2 hours after the beginning of rbac-off, undocumented",
    ]
    assert list(differences("rbac-off", documented, documented, 600)) == []


def test_a_firing_tells_its_day_and_what_it_is_about() -> None:
    told = firing("AksCertA", "warning", 12 * 86400, 12 * 86400 + 5400, node="n").told(0)
    assert told == "AksCertA (warning) fired on day 12.0 for 1.5 hours: cluster=a, node=n"


def test_another_cluster_holds_nothing_back() -> None:
    running = firing("AksCertClusterRotationRunning", "info", 0, 600, cluster="b", name="b")
    waiting = firing("AksCertRotationWaiting", "warning", 0, 600, node="n", role="kubelet-serving")
    assert [one.alert for one in notified([running, waiting])] == ["AksCertRotationWaiting"]
    running = firing("AksCertClusterRotationRunning", "info", 0, 600, name="a")
    assert notified([running, waiting]) == []


def test_a_page_replaces_its_ticket_and_not_the_other_way_round() -> None:
    node = {"node": "n", "role": "kubelet-client"}
    both = [firing("AksCertRotationOverdue", word, 0, 600, **node) for word in ("warning", "critical")]
    assert [one.severity for one in notified(both)] == ["critical"]


def test_what_is_held_back_again_within_the_wait_is_not_told() -> None:
    node = {"node": "n", "role": "kubelet-client"}
    pending = firing("AksCertCsrPending", "warning", 60, 600, **node)
    overdue = firing("AksCertRotationOverdue", "warning", 0, 600, **node)
    assert [one.alert for one in notified([pending, overdue], wait=60)] == ["AksCertCsrPending"]
    assert [one.alert for one in notified([pending, overdue])] == ["AksCertCsrPending", "AksCertRotationOverdue"]


def selectors(node: object) -> list[promql_parser.VectorSelector]:
    """All below a node of the parsed expression."""
    if isinstance(node, promql_parser.VectorSelector):
        return [node]
    inner = [getattr(node, name, None) for name in ("lhs", "rhs", "expr", "param", "vs", "vector_selector")]
    return [found for one in (*inner, *getattr(node, "args", ())) if one is not None for found in selectors(one)]


def test_every_selector_of_every_rule_picks_its_series() -> None:
    """As a real parser finds them: a series with the labels that a selector wants is written."""
    checked = 0
    for group in groups():
        for rule in group.rules:
            for one in selectors(promql_parser.parse(rule.expression)):
                labels = {}
                for matcher in one.matchers.matchers:
                    word = matcher.value if str(matcher.op) == "MatchOp.Equal" else ""
                    labels[matcher.name] = word
                if all(str(matcher.op) in {"MatchOp.Equal", "MatchOp.NotEqual"} for matcher in one.matchers.matchers):
                    assert picked(one.name or "", labels), f"{one.name} {labels}"
                    checked += 1
    assert checked > 50
    assert not picked("akscert_source_errors_total", {"source": "azure"})
    assert not picked("akscert_bootstrap_info", {"method": "token"})


def test_windows_that_touch_with_their_lead_are_one() -> None:
    found = merged([Window(100_000, 101_000), Window(104_000, 105_000), Window(200_000, 201_000)], 0, 300_000)
    assert found == (Window(100_000, 105_000), Window(200_000, 201_000))
