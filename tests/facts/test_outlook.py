"""What ends, and when, if nobody signs any more."""

from dataclasses import replace

import pytest

from exporter.facts.cluster import ClusterFacts
from exporter.facts.kube.csr import CLIENT_SIGNER, SERVING_SIGNER, CertificateIdentity
from exporter.facts.kube.csr_ledger import CsrTotals
from exporter.facts.kube.node import Node
from exporter.facts.kube.node_requests import Issued, NodeRequests
from exporter.facts.node_document import NodeDocument, ToldRotation
from exporter.facts.node_observation import NodeObservation
from exporter.facts.outlook import HeldCertificate, Outlook
from exporter.reason import CsrCondition, Held, Observer, Requestor, Rotation

T0, DAY = 1_700_000_000.0, 86400.0
SIGNERS = {"kubelet-client": CLIENT_SIGNER, "kubelet-serving": SERVING_SIGNER}


def node(name: str, *, ready: bool | None = True) -> Node:
    return Node(name, "p", "v1.33.4", "", "linux", "Ubuntu", "cluster", Rotation.ENABLED, T0, ready, "", "")


def rotating(role: str, begin: float, days: float) -> ToldRotation:
    return ToldRotation(role, "enabled", begin + 0.7 * days * DAY, begin + 0.9 * days * DAY)


def told(*rotation: ToldRotation) -> NodeObservation:
    return NodeObservation(Observer.NODE_AGENT, NodeDocument("", (), rotation, b""))


def issued(name: str, begin: float, days: float, signer: str = CLIENT_SIGNER) -> NodeRequests:
    identity = CertificateIdentity("1", "2", begin, begin + days * DAY)
    return NodeRequests(name, signer, issued=Issued(begin, identity))


def waits(name: str, since: float = T0, signer: str = CLIENT_SIGNER) -> NodeRequests:
    return NodeRequests(name, signer, since, "csr-1", pending_objects=1)


def cluster(*requests: NodeRequests, nodes: tuple[Node, ...] = (), **observed: NodeObservation) -> ClusterFacts:
    pending = {(one.signer_name, Requestor.NODE, CsrCondition.PENDING): 1 for one in requests if one.pending_since}
    return ClusterFacts(csrs=CsrTotals(pending, {}, {}, requests), nodes=nodes, observations=observed)


def outlook(facts: ClusterFacts, role: str = "kubelet-client") -> Outlook:
    return next(one for one in facts.outlooks if one.signing.signer_name == SIGNERS[role])


def test_the_end_is_what_the_node_agent_says_and_else_what_was_signed() -> None:
    """G13: the windows of a rotation tell the whole lifetime."""
    facts = cluster(
        issued("n1", T0 - 300 * DAY, 365),
        issued("n2", T0 - 100 * DAY, 365),
        issued("gone", T0 - 364 * DAY, 365),
        nodes=(node("n1"), node("n2")),
        n1=told(rotating("kubelet-client", T0 - 10 * DAY, 365), rotating("kubelet-serving", T0, 30)),
    )
    first = outlook(facts).first
    assert first == HeldCertificate("n2", T0 - 100 * DAY + 0.7 * 365 * DAY, T0 + 265 * DAY)
    serving = outlook(facts, "kubelet-serving").first
    assert serving is not None
    assert serving.node == "n1"
    assert serving.not_after == pytest.approx(T0 + 30 * DAY)


def test_what_had_ended_before_is_not_what_the_silence_costs() -> None:
    """A node that is NotReady for another reason hides nobody's end; one that ended meanwhile stays in the count."""
    dead, living = issued("dead", T0 - 400 * DAY, 365), issued("n1", T0 - 365 * DAY, 366)
    nodes = (node("dead", ready=False), node("n1"))
    expected = HeldCertificate("n1", T0 - 365 * DAY + 0.7 * 366 * DAY, T0 + DAY)
    assert outlook(cluster(dead, living, nodes=nodes)).first == expected
    since = waits("n1", T0 + DAY / 2)
    meanwhile = cluster(dead, replace(living, pending_since=since.pending_since, pending_objects=1), nodes=nodes)
    assert [one.node for one in outlook(meanwhile).certificates] == ["n1"]
    nothing = outlook(replace(meanwhile, nodes=None, csrs=replace(meanwhile.csrs, objects={})))  # type: ignore[type-var]
    assert nothing.waiting == ()


def test_a_node_that_waits_without_a_certificate_is_told_apart() -> None:
    """Of a client certificate, a node that has not joined; of a serving one, a node that says that it waits."""
    facts = cluster(waits("new"), waits("old"), nodes=(node("old"),))
    assert (outlook(facts).count(Held.NONE), outlook(facts).count(Held.CERTIFICATE)) == (1, 1)
    assert outlook(replace(facts, nodes=None)).count(Held.UNKNOWN) == 2
    serving = cluster(
        *(waits(name, signer=SERVING_SIGNER) for name in ("bare", "dumb", "held", "new")),
        nodes=(node("bare"), node("dumb"), node("held")),
        bare=told(ToldRotation("kubelet-serving", "waiting")),
        held=told(rotating("kubelet-serving", T0 - DAY, 30)),
    )
    found = dict(outlook(serving, "kubelet-serving").waiting)
    assert found == {"bare": Held.NONE, "dumb": Held.UNKNOWN, "held": Held.CERTIFICATE, "new": Held.NONE}


def test_before_the_first_list_nothing_is_known() -> None:
    assert ClusterFacts(nodes=(node("n1"),)).outlooks == ()


def test_what_is_derived_once_stays_with_the_facts() -> None:
    """Findings, timeline, tables and documents of one page share it, and other facts have their own."""
    facts = cluster(issued("n1", T0, 365), nodes=(node("n1"),))
    assert facts.outlooks is facts.outlooks
    gone = replace(facts, nodes=())
    assert (outlook(facts).first, outlook(gone).first) == (
        HeldCertificate("n1", T0 + 0.7 * 365 * DAY, T0 + 365 * DAY),
        None,
    )
