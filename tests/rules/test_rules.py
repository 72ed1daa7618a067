"""The shipped rules: complete, linted, each with a firing and a silent case and a runbook."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from exporter.findings import runbook_url
from tools.generated import ROOT
from tools.rules import RULES, Rule, groups

HERE = Path(__file__).parent
TESTS = sorted(HERE.glob("*.test.yaml"))
RULE_LIST = [rule for group in groups() for rule in group.rules]
ALERTS = sorted({rule.alert for rule in RULE_LIST})

CONTRACT = {
    "AksCertExpired": {"critical"},
    "AksCertUnusable": {"critical"},
    "AksCertRotationOverdue": {"warning", "critical"},
    "AksCertExpiringWithoutRotation": {"warning", "critical"},
    "AksCertRotationDisabled": {"warning", "info"},
    "AksCertRotationWaiting": {"warning"},
    "AksCertRotationEvidenceConflict": {"warning"},
    "AksCertKubeletServesOldCertificate": {"warning"},
    "AksCertFileUnreadable": {"warning"},
    "AksCertBootstrapMissing": {"warning"},
    "AksCertNodeNotObserved": {"warning"},
    "AksCertClusterCaMismatch": {"critical"},
    "AksCertCsrPending": {"warning", "critical"},
    "AksCertCsrRejected": {"warning"},
    "AksCertCsrFlood": {"warning"},
    "AksCertNobodySigns": {"info", "warning", "critical"},
    "AksCertRenewalNotAllowed": {"warning"},
    "AksCertSignerSilent": {"warning"},
    "AksCertClusterCaExpiring": {"warning", "critical"},
    "AksCertApiServerExpiring": {"warning", "critical"},
    "AksCertApiServerUntrusted": {"critical"},
    "AksCertRequestHeaderCaExpiring": {"warning"},
    "AksCertCaBundleOutdated": {"warning"},
    "AksCertCaBundleUnreadable": {"warning"},
    "AksCertEndpointExpiring": {"warning", "critical"},
    "AksCertEndpointUntrusted": {"warning", "critical"},
    "AksCertRetiredPathInUse": {"warning"},
    "AksCertClusterRotationRunning": {"info"},
    "AksCertClusterRotationStuck": {"critical"},
    "AksCertNodePoolMissedRotation": {"warning"},
    "AksCertServingOptOutTag": {"info"},
    "AksCertOlderThanPolicy": {"warning"},
    "AksCertClockSkew": {"warning", "critical"},
    "AksCertSourceDown": {"warning"},
    "AksCertExporterDown": {"warning"},
}


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=HERE)


def test_every_alert_of_the_contract_is_there_with_its_severities_and_no_other_is() -> None:
    found: dict[str, set[str]] = {}
    for rule in RULE_LIST:
        found.setdefault(rule.alert, set()).add(rule.severity)
    assert found == CONTRACT


def test_promtool_finds_nothing_to_complain_about() -> None:
    checked = run("promtool", "check", "rules", "--lint=all", "--lint-fatal", *map(str, sorted(RULES.glob("*.yaml"))))
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.name)
def test_the_cases_hold(file: Path) -> None:
    """promtool evaluates the rules over each case's series."""
    tested = run("promtool", "test", "rules", file.name)
    assert tested.returncode == 0, tested.stdout + tested.stderr


def cases() -> dict[str, list[bool]]:
    """For each alert whether each of its cases fires."""
    found: dict[str, list[bool]] = {}
    for file in TESTS:
        for test in yaml.safe_load(file.read_text())["tests"]:
            for case in test["promql_expr_test"]:
                match = re.fullmatch(r'ALERTS\{alertname="(\w+)"(,alertstate="firing")?\}', case["expr"])
                assert match, f"{file.name}: {case['expr']}"
                found.setdefault(match[1], []).append(bool(case.get("exp_samples")))
    return found


def test_every_alert_has_a_case_that_fires_and_one_that_is_silent() -> None:
    seen = cases()
    assert sorted(seen) == ALERTS
    assert {alert for alert, firing in seen.items() if not (any(firing) and not all(firing))} == set()


@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.name)
def test_each_firing_case_fails_without_its_rule_and_no_silent_one_does(file: Path, tmp_path: Path) -> None:
    """With every expression made empty promtool complains once about each case that fires: none passes by itself."""
    test = yaml.safe_load(file.read_text())
    for number, name in enumerate(test["rule_files"]):
        rules = yaml.safe_load((HERE / name).read_text())
        for rule in rules["groups"][0]["rules"]:
            rule["expr"] = "vector(0) > 1"
        (tmp_path / f"{number}.yaml").write_text(yaml.safe_dump(rules))
        test["rule_files"][number] = str(tmp_path / f"{number}.yaml")
    (tmp_path / "test.yaml").write_text(yaml.safe_dump(test))
    firing = sum(bool(case.get("exp_samples")) for one in test["tests"] for case in one["promql_expr_test"])
    tested = run("promtool", "test", "rules", str(tmp_path / "test.yaml"))
    assert (tested.stdout + tested.stderr).count("expr: ") == firing


@pytest.mark.parametrize("rule", RULE_LIST, ids=lambda rule: f"{rule.alert}-{rule.severity}")
def test_a_rule_aggregates_and_joins_by_cluster_alone_of_the_scrape_labels(rule: Rule) -> None:
    """Each `by` and `on` names cluster, or joins with a series that has no labels at all."""
    assert "without" not in rule.expression
    assert "ignoring" not in rule.expression
    for kind, labels in re.findall(r"\b(by|on) \(([^)]*)\)", rule.expression):
        names = [name.strip() for name in labels.split(",") if name.strip()]
        if rule.alert == "AksCertOlderThanPolicy" and kind == "on":
            assert names == []
        elif rule.alert == "AksCertExporterDown" and names in (["mode"], []):
            assert "absent_over_time" in rule.expression
        else:
            assert names[:1] == ["cluster"], rule.expression


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_has_a_runbook_with_commands(alert: str) -> None:
    page = (ROOT / "docs/runbooks" / f"{alert}.md").read_text()
    headings = re.findall(r"^#+ .*", page, re.MULTILINE)
    assert [one for one in headings if one not in {"## Work on a node", "## Replace a node"}] == [
        f"# {alert}",
        "## Meaning",
        "## Impact",
        "## Diagnosis",
        "## Mitigation",
        "## What else may fire",
        "## What to put in",
    ]
    assert re.search(r"```(console|promql)\n", page)
    for section in page.split("\n## ")[1:]:
        assert len(section.split("\n", 1)[1].strip()) > 10, section


def test_no_runbook_is_left_over_and_every_alert_a_page_names_exists() -> None:
    pages = sorted((ROOT / "docs/runbooks").glob("*.md"))
    assert [page.stem for page in pages] == ALERTS
    named = {
        name for page in [*pages, ROOT / "docs/alerts.md"] for name in re.findall(r"\bAksCert\w+", page.read_text())
    }
    assert named <= set(ALERTS)


@pytest.mark.parametrize("rule", RULE_LIST, ids=lambda rule: f"{rule.alert}-{rule.severity}")
def test_the_runbook_url_derives_from_the_name(rule: Rule) -> None:
    assert rule.annotations["runbook_url"] == runbook_url(rule.alert)


def test_what_the_program_finds_names_alerts_that_exist() -> None:
    named = {
        name for file in (ROOT / "exporter").rglob("*.py") for name in re.findall(r'"(AksCert\w+)"', file.read_text())
    }
    assert named
    assert named <= set(ALERTS)
