"""What a person reads in the notification, as promtool renders it for the cases that fire."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from exporter.findings.commands import PLACEHOLDERS
from tests.commands.parser import faults, unknown_placeholders
from tools.rules import DATES, groups

HERE = Path(__file__).parent
FILES = [file for file in sorted(HERE.glob("*.test.yaml")) if file.name != "policy-off.test.yaml"]
SHOWN = frozenset(PLACEHOLDERS) | {"CSR", "NODE", "USER", "SIGNER"}
"""Placeholders of a notification: its commands find the request and the node."""
LIMIT = 1024
"""Longest annotation that Azure Monitor takes."""
SPAN = r"\d+ (days|hours|min)"
DATE = rf"(in {SPAN}|{SPAN} ago|for {SPAN}) \((since )?\d{{4}}-\d\d-\d\d \d\d:\d\d UTC\)"
DATELESS = {
    "AksCertRotationWaiting",  # since 30 minutes, which it says
    "AksCertRotationEvidenceConflict",  # nothing ends
    "AksCertFileUnreadable",  # the date is what cannot be read
    "AksCertRenewalNotAllowed",  # when it hurts is in a series of its own
    "AksCertCsrFlood",  # a number of requests
    "AksCertCsrRejected",  # within the last hour, which it says
    "AksCertCaBundleOutdated",  # where it has ended
    "AksCertCaBundleUnreadable",  # a status
    "AksCertRetiredPathInUse",  # a date in the text
    "AksCertEndpointUntrusted",  # a reason; what ends is told by AksCertEndpointExpiring
    "AksCertClusterCaMismatch",  # it ends when the node's connections do
    "AksCertServingOptOutTag",  # a date in the text
    "AksCertClockSkew",  # a number of seconds
    "AksCertSourceDown",  # since when is in a series of its own
    "AksCertExporterDown",  # there is nothing left to ask
    "AksCertRotationDisabled",  # where the certificate's end is known, see below
    "AksCertApiServerUntrusted",
    "AksCertNodeNotObserved",
    "AksCertUnusable",  # but for one that is not valid yet
}


def rendered(file: Path, directory: Path) -> list[tuple[dict[str, str], str, str]]:
    """Labels, summary and description of each alert that fires in a file's cases.

    promtool prints what it got when it expected nothing.
    """
    test = yaml.safe_load(file.read_text())
    test["rule_files"] = [str(HERE / name) for name in test["rule_files"]]
    for one in test["tests"]:
        fires = [case for case in one.pop("promql_expr_test") if case.get("exp_samples")]
        one["alert_rule_test"] = [
            {"eval_time": case["eval_time"], "alertname": re.findall(r'"(\w+)"', case["expr"])[0], "exp_alerts": []}
            for case in fires
        ]
    (directory / "test.yaml").write_text(yaml.safe_dump(test))
    command = ["promtool", "test", "rules", str(directory / "test.yaml")]
    output = subprocess.run(command, capture_output=True, text=True, check=False)
    text = output.stdout + output.stderr
    found = re.findall(
        r'Labels:\{(.*?)\}\s+Annotations:\{description="(.*?)", runbook_url="[^"]*", summary="(.*?)"\}', text, re.DOTALL
    )
    assert found, text
    return [
        (dict(re.findall(r'(\w+)="(.*?)"', labels)), _plain(summary), _plain(description))
        for labels, description, summary in found
    ]


def _plain(text: str) -> str:
    """As it was before promtool quoted it."""
    return str(json.loads(f'"{text}"'))


def commands(description: str) -> list[str]:
    """Commands are on lines of their own, set in by four spaces."""
    return [line.strip() for line in description.splitlines() if line.startswith("    ")]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_notification_names_what_where_and_until_when(file: Path, tmp_path: Path) -> None:
    seen = set()
    for labels, summary, description in rendered(file, tmp_path):
        seen.add(labels["alertname"])
        both = f"{summary}\n{description}"
        assert not re.search(r"<no value>|<error|\{\{|%!|1970-01-01 00:00:01", both), both
        assert not re.search(r"(?<=\S)  ", both), both
        for label in ("node", "cluster", "address", "name", "agentpool", "signer_name", "lease", "reason", "status"):
            if label in labels and not (label == "cluster" and "name" in labels):
                assert labels[label] in summary, (label, summary)
        assert labels["alertname"] in DATELESS or re.search(DATE, summary), summary
        assert 20 < len(summary) < 200, summary
        assert commands(description), description
        told = " ".join(line for line in description.splitlines() if not line.startswith("    "))
        assert not re.search(r"\b(kubectl|az aks|az vmss) \S+ .*(-n|-g|--)", told), told
        assert [fault for each in commands(description) for fault in faults(each)] == []
        assert [word for each in commands(description) for word in unknown_placeholders(each, SHOWN)] == []
        assert len(description) <= LIMIT
        assert not re.search(r" ,| \.(?!\w)|\.\.", both.replace(" ./", "")), both
    assert seen == {
        rule.alert for group in groups() for rule in group.rules if group.file.split(".")[0] in file.name
    } or file.name in {"azure-failed.test.yaml", "azure-week.test.yaml", "csrs-minute.test.yaml"}


def test_a_page_reads_like_a_colleagues_message(tmp_path: Path) -> None:
    """One of them in full, so that a change of the words is a change somebody looked at."""
    labels, summary, description = next(
        one
        for one in rendered(HERE / "rotation.test.yaml", tmp_path)
        if one[0]["alertname"] == "AksCertRotationOverdue" and one[0]["severity"] == "critical"
    )
    assert labels == {
        "alertname": "AksCertRotationOverdue",
        "cluster": "weu",
        "node": "n1",
        "role": "kubelet-client",
        "severity": "critical",
    }
    assert summary == (
        "Node n1 in weu has not rotated its kubelet-client certificate in time: it ends in 2 hours "
        "(1970-01-01 03:30 UTC)"
    )
    assert description == (
        "Rotation is on, yet over 90 % of the lifetime is gone; a healthy kubelet never gets here. Most often its "
        "request has no answer.\n"
        "    kubectl get csr --field-selector spec.signerName=kubernetes.io/kube-apiserver-client-kubelet\n"
        "No request from this node: its kubelet does not ask; the runbook shows how to read its log and restart it. On "
        "that date the node drops out of the cluster."
    )


def test_a_date_is_told_in_one_way() -> None:
    """The template is long, and written out in each rule: word for word the one of tools.rules."""
    used = set()
    for rule in (rule for group in groups() for rule in group.rules):
        for text in rule.annotations.values():
            rest = text
            for name, template in DATES.items():
                used |= {name} if template in rest else set()
                rest = rest.replace(template, "")
            assert not re.search(r"humanize|\| query|toTime", rest), rest
    assert used == set(DATES)
