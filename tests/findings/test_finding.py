"""A finding as data, and the order of several: exporter/findings/__init__.py."""

import pytest

from exporter.findings import (
    PUBLIC_RUNBOOKS,
    Finding,
    Kind,
    Severity,
    Step,
    Subject,
    finding_data,
    runbook_url,
    worst_first,
)
from exporter.reason import Role


def test_a_finding_is_data_with_all_that_is_known() -> None:
    """What is empty is null."""
    steps = (Step("Do this.", "kubectl get nodes"), Step("Do that."))
    one = Finding(
        Severity.WARNING,
        Subject(Kind.NODE_POOL, "pool"),
        "It is so.",
        steps,
        "AksCertX",
        "Because.",
        "n1",
        Role.CLUSTER_CA,
        1.0,
        2.0,
    )
    assert finding_data(one, "runbooks") == {
        "alert": "AksCertX",
        "severity": "warning",
        "subject": {"kind": "node_pool", "name": "pool"},
        "node": "n1",
        "role": "cluster-ca",
        "since": 1.0,
        "until": 2.0,
        "what": "It is so.",
        "why": "Because.",
        "next": [{"text": "Do this.", "command": "kubectl get nodes"}, {"text": "Do that.", "command": None}],
        "runbook_url": "runbooks/AksCertX",
    }
    assert finding_data(one)["runbook_url"] == f"{PUBLIC_RUNBOOKS}AksCertX.md"
    bare = Finding(Severity.INFO, Subject(Kind.CLOCK, "clock"), "It is so.", (Step("Do this."),))
    assert finding_data(bare) == {
        "alert": None,
        "severity": "info",
        "subject": {"kind": "clock", "name": "clock"},
        "node": None,
        "role": None,
        "since": None,
        "until": None,
        "what": "It is so.",
        "why": None,
        "next": [{"text": "Do this.", "command": None}],
        "runbook_url": None,
    }


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("runbooks", "runbooks/AksCertX"),
        ("runbooks/", "runbooks/AksCertX"),
        ("https://wiki.example/a", "https://wiki.example/a/AksCertX"),
        ("https://code.example/a/blob/main/docs", "https://code.example/a/blob/main/docs/AksCertX.md"),
        ("https://code.example/a/blob/main/docs/", "https://code.example/a/blob/main/docs/AksCertX.md"),
        ("https://blob.example/a", "https://blob.example/a/AksCertX"),
    ],
)
def test_a_runbook_is_a_file_on_a_code_host_and_a_page_elsewhere(base: str, url: str) -> None:
    assert runbook_url("AksCertX", base) == url
    assert PUBLIC_RUNBOOKS.endswith("/docs/runbooks/")


def test_a_subject_says_what_its_name_names_where_that_is_not_plain() -> None:
    named = {kind: str(Subject(kind, "x")) for kind in Kind}
    before = {
        Kind.NODE_POOL: "node pool x",
        Kind.APISERVICE: "APIService x",
        Kind.CRD: "CustomResourceDefinition x",
        Kind.KUBECONFIG: "kubeconfig context x",
    }
    assert named == {**dict.fromkeys(Kind, "x"), **before}


def test_a_kind_of_subject_has_the_word_that_json_gives() -> None:
    assert list(Kind) == [
        "node",
        "node_pool",
        "cluster",
        "apiserver",
        "ca",
        "signer",
        "csr",
        "webhook",
        "apiservice",
        "crd",
        "endpoint",
        "workload",
        "kubeconfig",
        "clock",
        "source",
    ]


def test_the_worst_come_first_and_of_equals_the_first_by_name() -> None:
    """What could not be looked at comes before a warning."""

    def one(severity: Severity, name: str) -> Finding:
        return Finding(severity, Subject(Kind.NODE, name), "", ())

    ordered = tuple(one(severity, name) for severity in Severity for name in ("a", "b"))
    assert worst_first(ordered[::-1]) == ordered
    assert list(Severity) == ["critical", "unknown", "warning", "info"]
