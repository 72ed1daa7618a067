"""The shipped inhibition rules: valid, about alerts that exist, and never hiding a page behind a lesser alert."""

import re
import subprocess
from pathlib import Path

import yaml

from tools.rules import ALERTMANAGER, Inhibition, groups, inhibitions

ALERTS = {rule.alert: set[str]() for group in groups() for rule in group.rules}
for _group in groups():
    for _rule in _group.rules:
        ALERTS[_rule.alert].add(_rule.severity)


def names(matchers: tuple[str, ...]) -> set[str]:
    pattern = next(m for m in matchers if m.startswith("alertname")).split('"')[1]
    return {alert for alert in ALERTS if re.fullmatch(pattern, alert)}


def test_alertmanager_takes_them(tmp_path: Path) -> None:
    config = {"route": {"receiver": "a"}, "receivers": [{"name": "a"}], **yaml.safe_load(ALERTMANAGER.read_text())}
    (tmp_path / "alertmanager.yml").write_text(yaml.safe_dump(config))
    command = ["amtool", "check-config", str(tmp_path / "alertmanager.yml")]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_each_names_alerts_that_exist_and_stays_in_its_cluster() -> None:
    for rule in inhibitions():
        for matchers in (rule.source, rule.target):
            named = next(m for m in matchers if m.startswith("alertname")).split('"')[1]
            if named != "AksCert.+":
                assert set(named.split("|")) <= set(ALERTS), named
        assert "cluster" in rule.equal
        assert len(rule.why) > 20


def silences_page(rule: Inhibition) -> bool:
    """Whether it can hold back a critical alert."""
    if any(m.startswith('severity="warning"') for m in rule.target):
        return False
    return any("critical" in ALERTS[name] for name in names(rule.target))


def test_a_page_is_held_back_only_by_a_page_or_by_a_running_rotation() -> None:
    lesser = {
        frozenset(names(rule.source))
        for rule in inhibitions()
        if silences_page(rule) and not all("critical" in ALERTS[name] for name in names(rule.source))
    }
    assert lesser == {frozenset({"AksCertClusterRotationRunning"})}


def severities(matchers: tuple[str, ...], alert: str) -> set[str]:
    named = {m.split('"')[1] for m in matchers if m.startswith("severity=")}
    return ALERTS[alert] & named if named else ALERTS[alert]


def test_no_alert_holds_back_one_that_holds_it_back() -> None:
    pairs = {
        ((source, one), (target, other))
        for rule in inhibitions()
        if "alertname" not in rule.equal
        for source in names(rule.source)
        for target in names(rule.target)
        if source != target  # one role of a node before the other
        for one in severities(rule.source, source)
        for other in severities(rule.target, target)
    }
    assert {pair for pair in pairs if pair[::-1] in pairs} == set()


def test_what_may_end_the_cluster_is_never_held_back() -> None:
    held = {name for rule in inhibitions() if "alertname" not in rule.equal for name in names(rule.target)}
    assert held.isdisjoint(
        {"AksCertExpired", "AksCertClusterCaExpiring", "AksCertClusterRotationStuck", "AksCertClockSkew"}
    )
