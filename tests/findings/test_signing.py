"""That nobody signs, by what is lost and when; and what a silent lease will cost."""

from dataclasses import replace

import pytest

from exporter.facts.cluster import ClusterFacts
from exporter.facts.kube.csr import SERVING_SIGNER
from exporter.facts.node_document import ToldRotation
from exporter.findings import Finding, Severity
from exporter.findings.signing import signing_findings
from exporter.reason import CsrCondition, Lease, Requestor
from tests.facts.test_outlook import DAY, T0, cluster, issued, node, told, waits

MINUTE, HOUR = 60.0, 3600.0
ALIVE = {Lease.KUBE_CONTROLLER_MANAGER: T0, Lease.KUBELET_SERVING_CSR_APPROVER: T0}


def silent(left: float, waited: float, count: int = 2, **more: object) -> ClusterFacts:
    """Nodes that have waited so long for their serving certificate; the first present one ends in so many seconds."""
    requests = [
        replace(issued(f"n{number}", T0 + left - 365 * DAY, 365, SERVING_SIGNER), pending_since=T0 - waited)
        for number in range(count)
    ]
    facts = cluster(*requests, nodes=tuple(node(f"n{number}") for number in range(count)))
    assert facts.csrs is not None
    counted = {(SERVING_SIGNER, Requestor.NODE, CsrCondition.PENDING): count}
    csrs = replace(facts.csrs, objects=counted)
    return replace(facts, csrs=csrs, leases=ALIVE, **more)  # type: ignore[arg-type]


def found(facts: ClusterFacts, now: float = T0) -> list[Finding]:
    return list(signing_findings(facts, now))


@pytest.mark.parametrize(
    ("left", "waited", "severity"),
    [
        (36 * DAY, 4 * MINUTE, None),
        (36 * DAY, 6 * MINUTE, Severity.INFO),
        (36 * DAY, 6 * HOUR, Severity.INFO),
        (36 * DAY, 20 * HOUR, Severity.WARNING),
        (36 * DAY, 5 * DAY, Severity.CRITICAL),
        (7 * HOUR, 11 * MINUTE, Severity.WARNING),
        (7 * HOUR, HOUR, Severity.CRITICAL),
        (90.0, 9 * MINUTE, Severity.INFO),
        (90.0, 11 * MINUTE, Severity.CRITICAL),
        (-60.0, 11 * MINUTE, Severity.CRITICAL),
    ],
)
def test_how_bad_it_is_depends_on_what_is_left(left: float, waited: float, severity: Severity | None) -> None:
    """G13: certificates of a year, a day and ten minutes: not by a fixed wait."""
    assert [one.severity for one in found(silent(left, waited))] == ([] if severity is None else [severity])


def test_the_conclusion_names_who_is_silent_and_who_drops_out_first() -> None:
    """G13: the facts were in the tables, and the conclusion was missing."""
    facts = silent(5 * HOUR, 11 * MINUTE, 7)
    quiet = replace(facts, leases={**ALIVE, Lease.KUBELET_SERVING_CSR_APPROVER: T0 - 16 * MINUTE})
    lease, finding = found(quiet)
    assert finding.what == (
        "Nobody has signed a kubelet's serving certificate for 11 minutes (since 2023-11-14 22:02 UTC), and 7 requests "
        "wait."
    )
    assert finding.why == (
        "Nobody approves them: that is the task of kubelet-serving-csr-approver. It has given no sign of life for 16 "
        "minutes (since 2023-11-14 21:57 UTC). The first node loses kubectl logs and exec in 5 hours (2023-11-15 03:13 "
        "UTC): n0. 7 nodes are due for renewal."
    )
    assert (finding.alert, finding.until) == ("AksCertNobodySigns", T0 + 5 * HOUR)
    assert lease.alert == "AksCertSignerSilent"
    assert lease.why == (
        "If it stays so, the first kubelet serving certificate ends in 5 hours (2023-11-15 03:13 UTC): that of n0."
    )


@pytest.mark.parametrize("left", [-60.0, 0.0])
def test_those_that_ended_meanwhile_are_counted(left: float) -> None:
    """G13: three of four nodes had ended, and nothing said that nobody signs."""
    facts = silent(left, 11 * MINUTE, 3)
    assert facts.csrs is not None
    living = issued("n9", T0 - 360 * DAY, 365, SERVING_SIGNER)
    facts = replace(facts, csrs=replace(facts.csrs, nodes=(*facts.csrs.nodes, living)), nodes=None)
    (finding,) = found(facts)
    assert finding.severity is Severity.CRITICAL
    assert (
        "3 of 4 certificates have ended meanwhile. The next node loses kubectl logs and exec in 5 days" in finding.why
    )


def test_one_request_beside_a_living_approver_is_no_more_than_information() -> None:
    """It may be that request; and a page for the whole cluster would be false."""
    (finding,) = found(silent(HOUR, 5 * HOUR, 1))
    assert finding.severity is Severity.INFO
    assert "it may be only this node's requests" in finding.why
    quiet = replace(silent(HOUR, 11 * MINUTE, 1), leases=dict.fromkeys(ALIVE, T0 - 11 * MINUTE))
    (finding,) = found(quiet)
    assert finding.severity is Severity.CRITICAL
    assert "It has given no sign of life for 11 minutes" in finding.why
    gone = replace(silent(HOUR, 5 * HOUR, 1), leases={**ALIVE, Lease.KUBE_CONTROLLER_MANAGER: T0 - HOUR})
    assert [one.severity for one in found(gone)] == [Severity.WARNING, Severity.CRITICAL]


def test_new_nodes_that_cannot_join_are_a_warning_at_once() -> None:
    """What is lost is lost now, however long the others live."""
    facts = cluster(
        waits("new1", T0 - 11 * MINUTE), waits("new2", T0 - 9 * MINUTE), issued("n1", T0, 365), nodes=(node("n1"),)
    )
    (finding,) = found(replace(facts, leases=ALIVE))
    assert finding.severity is Severity.WARNING
    assert "2 new nodes cannot join the cluster." in finding.why
    bare = told(ToldRotation("kubelet-serving", "waiting"))
    requests = [waits(name, T0 - 11 * MINUTE, SERVING_SIGNER) for name in ("a", "b")]
    (finding,) = found(cluster(*requests, nodes=(node("a"), node("b")), a=bare, b=bare))
    assert (
        "2 new nodes have no kubectl logs and exec. When the first certificate ends is not known here." in finding.why
    )


def test_approved_requests_wait_for_the_signer() -> None:
    """Whoever approves has done its part."""
    facts = silent(HOUR, 11 * MINUTE)
    assert facts.csrs is not None
    counted = {(SERVING_SIGNER, Requestor.NODE, CsrCondition.APPROVED): 2}
    (finding,) = found(replace(facts, csrs=replace(facts.csrs, objects=counted)))
    assert finding.why.startswith("Approved requests wait for the signer, kube-controller-manager. It is alive")


@pytest.mark.parametrize("lease", Lease)
def test_a_silent_lease_costs_what_its_holder_answers(lease: Lease) -> None:
    """The approver of serving certificates has nothing to do with a client's; where no end is known, none is told."""
    leases = {**ALIVE, lease: T0 - 15 * MINUTE - 1}
    clients = replace(cluster(issued("n1", T0 - DAY, 30), nodes=(node("n1"),)), leases=leases)
    (one,) = found(clients)
    signs = lease is Lease.KUBE_CONTROLLER_MANAGER
    assert (one.severity, one.alert, one.since, one.subject.name) == (
        Severity.WARNING,
        "AksCertSignerSilent",
        T0 - 15 * MINUTE - 1,
        lease.value,
    )
    client = "If it stays so, the first kubelet client certificate ends in 29 days (2023-12-13 22:13 UTC): that of n1."
    assert one.why == (client if signs else "")
    assert found(replace(clients, leases={**ALIVE, lease: T0 - 15 * MINUTE})) == []
    (bare,) = found(replace(cluster(), leases=leases))
    assert bare == replace(one, why="")
