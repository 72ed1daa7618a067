"""For every promtool case of the rules that can be read back into facts, at each time: findings are alerts."""

import ast
import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.documents.node_document import node_document
from exporter.facts.node_document import node_document as document_of
from exporter.findings.cluster import cluster_findings
from exporter.findings.host import host_findings
from tests.judgement.differences import Said, alert_without_finding, finding_without_alert, fired, heard, told
from tests.judgement.read_back import READ, observed, steps, told_at
from tools.generated import ROOT
from tools.rules import RULES

RULE_TESTS = ROOT / "tests/rules"
SLACK = 5
"""Minutes for which an expression looks back: an alert may still say what was found then."""
TICK = 0.5
"""Seconds before a full minute: notAfter is the last second of validity, and a rule begins behind it."""
OF_KUBELETS = 'origin="kubelet"'
UNREAD = {
    "akscert_azure_agentpool_info": "the tag of a pool is read from ARM's answer: see tests/judgement/test_clusters.py",
    "akscert_azure_provisioning_state": "states of operations are read from ARM's answer: see there",
    "akscert_build_info": "an agent that is gone cannot say so",
    "akscert_preflight_allowed": "the API server's answer is a list of rights: see there",
    "akscert_signer_silent_since_timestamp_seconds": "it is concluded from requests and leases: see there",
    "akscert_endpoint_status": "why an address gave no answer is a failure with words: see there",
    "akscert_ca_bundle_outdated": "a former CA is told by its key, which no series has: see there",
    "akscert_csr_completed_total": "a refusal is an object with words and a time; the counter has neither: see there",
    "akscert_node_observed": "what was asked of whom is no series: see there",
    OF_KUBELETS: "what a kubelet says of itself is put together of several answers: see tests/year",
}
"""Series of which a case is not read back, and why; only by these metrics and this label may a case stay unproven."""
NOT_FOUND = {
    "leases that could not be read, and the minute in which a stopped cluster starts, are no silence of the signer": (
        "in it an agent hangs, and one that does finds nothing"
    ),
}
"""Cases of which the facts are no agent's."""


@dataclass(frozen=True, slots=True)
class Case:
    """One test of a file, as promtool has it."""

    file: Path
    name: str
    content: dict[str, Any]

    @property
    def metrics(self) -> frozenset[str]:
        return frozenset(re.match(r"[a-z_0-9:]+", one["series"])[0] for one in self.content["input_series"])  # type: ignore[index]

    @property
    def times(self) -> tuple[int, ...]:
        """Minutes."""
        return tuple(sorted({_minutes(str(one["eval_time"])) for one in self.content["promql_expr_test"]}))

    @property
    def unread(self) -> frozenset[str]:
        told = any(OF_KUBELETS in one["series"] for one in self.content["input_series"])
        return self.metrics - READ | ({OF_KUBELETS} if told else set())


def _minutes(text: str) -> int:
    units = {"d": 1440, "h": 60, "m": 1}
    return sum(int(count) * units[unit] for count, unit in re.findall(r"(\d+)([dhm])", text))


def cases() -> Iterator[Case]:
    for file in sorted(RULE_TESTS.glob("*.test.yaml")):
        for one in yaml.safe_load(file.read_text(encoding="utf-8"))["tests"]:
            yield Case(file, one["name"], one)


CASES = tuple(cases())
PROVEN = tuple(one for one in CASES if not one.unread and one.name not in NOT_FOUND)


def active(case: Case, folder: Path) -> dict[int, list[dict[str, str]]]:
    """By minute, the alerts that fire or are pending then."""
    asked = [
        {"expr": f'ALERTS{{alertname!="at{minute}"}}', "eval_time": f"{minute}m", "exp_samples": []}
        for minute in case.times
    ]
    document = yaml.safe_load(case.file.read_text(encoding="utf-8"))
    rules = [str((RULE_TESTS / name).resolve()) for name in document["rule_files"]]
    test = {"interval": "1m", "input_series": case.content["input_series"], "promql_expr_test": asked}
    path = folder / "case.yaml"
    whole = {"rule_files": rules, "evaluation_interval": "1m", "tests": [test]}
    path.write_text(yaml.safe_dump(whole), encoding="utf-8")
    done = subprocess.run(["promtool", "test", "rules", str(path)], capture_output=True, text=True, check=False)
    found: dict[int, list[dict[str, str]]] = {minute: [] for minute in case.times}
    for part in re.split(r"(?=expr: )", done.stdout + done.stderr)[1:]:
        minute = re.search(r"at(\d+)", part)
        assert minute, part
        for labels in re.findall(r'\{(__name__="ALERTS".*?)\} 1E', part):
            pairs = re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels)
            found[int(minute[1])].append({name: str(ast.literal_eval(f'"{value}"')) for name, value in pairs})
    return found


def found_at(case: Case, minute: int) -> set[Said]:
    """What all agents of all clusters find then."""
    series = {}
    for one in case.content["input_series"]:
        name, rest = re.fullmatch(r"([a-z_0-9:]+)(?:\{(.*)\})?", one["series"]).groups()  # type: ignore[union-attr]
        labels = frozenset(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', rest or ""))
        series[name, labels] = steps(str(one["values"]))
    said: set[Said] = set()
    for cluster in {dict(labels).get("cluster", "") for _, labels in series}:
        now, documents = 60.0 * minute - TICK, {}
        facts = told_at(series, cluster, minute, now)
        for host, sources in facts.hosts:
            findings = host_findings(host, sources, now)
            documents[host.node] = document_of(json.dumps(node_document(host, findings, now)).encode())
        whole = replace(facts.cluster, observations=observed(facts, documents))
        said |= told(cluster_findings(whole, facts.sources, now))
    return said


@pytest.mark.parametrize("case", PROVEN, ids=lambda case: f"{case.file.name.split('.')[0]}: {case.name}")
def test_what_fires_is_found_and_what_is_found_fires(case: Case, tmp_path: Path) -> None:
    """B12: name, severity and node are the same, `for` and the rules' look back apart."""
    document = yaml.safe_load(case.file.read_text(encoding="utf-8"))
    names = [yaml.safe_load((RULE_TESTS / name).read_text("utf-8")) for name in document["rule_files"]]
    ours = {rule["alert"] for file in names for group in file["groups"] for rule in group["rules"] if "alert" in rule}
    wrong: list[str] = []
    for minute, alerts in active(case, tmp_path).items():
        now = {one for one in found_at(case, minute) if one[0] in ours}
        lately = now.union(*(found_at(case, at) for at in range(max(0, minute - SLACK), minute)))
        wrong += [f"{minute}m: fires, and is not found: {one}" for one in alert_without_finding(heard(alerts), lately)]
        wrong += [f"{minute}m: is found, and does not fire: {one}" for one in finding_without_alert(now, fired(alerts))]
    assert not wrong, "\n".join(wrong)


def test_every_case_is_proven_or_said_why_not() -> None:
    """A case of a metric that nobody has read back yet fails here."""
    for case in CASES:
        if case not in PROVEN:
            why = case.unread & set(UNREAD) or case.name in NOT_FOUND
            assert why, (case.file.name, case.name, sorted(case.unread))
    assert {case.content["interval"] for case in PROVEN} == {"1m"}, "a step is a minute"
    assert set(NOT_FOUND) <= {case.name for case in CASES}
    assert len(PROVEN) > len(CASES) / 2
    assert {metric for case in CASES for metric in case.unread} >= set(UNREAD), "a reason that no case needs any more"


def test_the_proven_cases_are_of_all_rule_files() -> None:
    """And an agreement on nothing would be none."""
    files = {case.file.name for case in PROVEN}
    assert {file.name.replace(".yaml", ".test.yaml") for file in RULES.glob("*.yaml")} - files <= {
        "azure.test.yaml",
        "policy.test.yaml",
    }
