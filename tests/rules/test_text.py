"""What a person reads in the notification, as promtool renders it for the cases that fire."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tools.rules import groups

HERE = Path(__file__).parent
FILES = [file for file in sorted(HERE.glob("*.test.yaml")) if file.name != "policy-off.test.yaml"]
LIMIT = 1024
"""Longest annotation that Azure Monitor takes."""
DATE = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
DATELESS = {
    "AksCertRotationWaiting",  # since 30 minutes, which it says
    "AksCertRotationEvidenceConflict",  # nothing ends
    "AksCertFileUnreadable",  # the date is what cannot be read
    "AksCertCsrRejected",  # within the last hour, which it says
    "AksCertCaBundleOutdated",  # nothing ends
    "AksCertClusterCaMismatch",  # it ends when the node's connections do
    "AksCertServingOptOutTag",  # a date in the text
    "AksCertClockSkew",  # a number of seconds
    "AksCertSourceDown",  # since when is in a series of its own
    "AksCertExporterDown",  # there is nothing left to ask
    "AksCertRotationDisabled",  # where the certificate's end is known, see below
    "AksCertApiServerUntrusted",
    "AksCertNodeNotObserved",
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
        (dict(re.findall(r'(\w+)="(.*?)"', labels)), summary.replace('\\"', '"'), description.replace('\\"', '"'))
        for labels, description, summary in found
    ]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_notification_names_what_where_and_until_when(file: Path, tmp_path: Path) -> None:
    seen = set()
    for labels, summary, description in rendered(file, tmp_path):
        seen.add(labels["alertname"])
        both = f"{summary}\n{description}"
        assert not re.search(r"<no value>|<error|\{\{|%!|1970-01-01 00:00:01|  ", both), both
        for label in ("node", "cluster", "address", "name", "agentpool", "signer_name", "lease", "reason", "status"):
            if label in labels and not (label == "cluster" and "name" in labels):
                assert labels[label] in summary, (label, summary)
        assert labels["alertname"] in DATELESS or re.search(DATE, summary), summary
        assert 20 < len(summary) < 200, summary
        assert re.search(r"kubectl|az |akscert_|chronyc", description), description
        assert len(description) <= LIMIT
        assert not re.search(r" ,| \.(?!\w)|\.\.", both.replace(" ./", "")), both
    assert seen == {
        rule.alert for group in groups() for rule in group.rules if group.file.split(".")[0] in file.name
    } or (file.name == "azure-failed.test.yaml")


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
        "Node n1 in weu did not rotate its kubelet-client certificate in time: it ends on 1970-01-01 03:30:00 +0000 UTC"
    )
    assert description == (
        "Rotation is on, yet 90 % of the lifetime is gone and the kubelet has no new certificate; a healthy kubelet "
        "never gets here. Mostly its request is not answered: kubectl get csr | grep -v Issued. No request at all: the "
        "kubelet does not ask: kubectl debug node/n1 -it --image=mcr.microsoft.com/cbl-mariner/busybox:2.0 -- chroot "
        "/host journalctl -u kubelet -n 200 --grep certificate. On the date above the node drops out of the cluster. "
        "Time is short: drain and reimage it."
    )
