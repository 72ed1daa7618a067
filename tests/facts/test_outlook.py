"""What ends, and when, if nobody signs any more."""

from dataclasses import replace

import pytest

from exporter.facts.cluster import ClusterFacts
from exporter.facts.kube.csr import CLIENT_SIGNER, SERVING_SIGNER, CertificateIdentity
from exporter.facts.kube.csr_ledger import CsrTotals
from exporter.facts.kube.kubelet_report import KubeletReport
from exporter.facts.kube.node import Node
from exporter.facts.kube.node_requests import Issued, NodeRequests
from exporter.facts.kube.node_view import NodeView, ToldCertificate
from exporter.facts.kube.signing import Signing
from exporter.facts.node_document import NodeDocument, ToldRotation
from exporter.facts.node_observation import NodeObservation
from exporter.facts.outlook import HeldCertificate, Outlook, outlooks
from exporter.facts.rotation import RotationFacts
from exporter.reason import (
    CsrCondition,
    Held,
    KubeletStatus,
    Observer,
    Origin,
    Requestor,
    Role,
    Rotation,
    RotationReason,
    RotationState,
)

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


def asked(name: str, certificates: tuple[ToldCertificate, ...] = (), serving: str = "enabled") -> NodeObservation:
    """A node whose kubelet tells of these certificates."""
    client, server = (
        RotationFacts(role, RotationState(state), RotationReason.ROTATING, {})
        for role, state in ((Role.KUBELET_CLIENT, "waiting"), (Role.KUBELET_SERVING, serving))
    )
    report = KubeletReport(name, KubeletStatus.OK)
    return NodeObservation(Observer.KUBELET, view=NodeView(report, certificates, (client, server)))


def seen(role: Role, window: tuple[float, float] | None, not_after: float = T0 + 9) -> ToldCertificate:
    return ToldCertificate(role, Origin.WIRE, Rotation.ENABLED, not_after, T0, window=window)


def silence(signer: str, since: float | None, *nodes: str, total: int = 1) -> Signing:
    return Signing(signer, total, 0, since, None, None, None, nodes)


CLIENT, SERVING = Role.KUBELET_CLIENT, Role.KUBELET_SERVING
QUIET = {role: silence(signer, None) for role, signer in ((CLIENT, CLIENT_SIGNER), (SERVING, SERVING_SIGNER))}


@pytest.mark.parametrize(
    ("observed", "role", "expected"),
    [
        (asked("n1", (seen(CLIENT, (T0, T0 + 8)),)), CLIENT, (T0, T0 + 9)),
        (asked("n1", (seen(CLIENT, (T0, T0 + 8)),)), SERVING, None),
        (asked("n1", (seen(SERVING, (T0, T0 + 8)), seen(CLIENT, None))), SERVING, (T0, T0 + 9)),
        (asked("n1", (seen(CLIENT, None),)), CLIENT, None),
        (told(ToldRotation("kubelet-client", "enabled", T0 + 70, T0 + 90)), CLIENT, (T0 + 70, T0 + 100)),
        (told(ToldRotation("kubelet-client", "enabled", T0 + 70, T0 + 90)), SERVING, None),
        (told(ToldRotation("kubelet-client", "enabled", T0 + 70, None)), CLIENT, None),
        (told(ToldRotation("kubelet-client", "enabled", None, T0 + 90)), CLIENT, None),
        (NodeObservation(Observer.NOBODY), CLIENT, None),
    ],
)
def test_until_when_a_node_has_a_certificate_is_its_own_word(
    observed: NodeObservation, role: Role, expected: tuple[float, float] | None
) -> None:
    (found,) = outlooks((QUIET[role],), None, None, {"n1": observed})
    assert (found.role, found.waiting, found.signing) == (role, (), QUIET[role])
    assert [(one.node, one.due, one.not_after) for one in found.certificates] == (
        [("n1", *(pytest.approx(moment, abs=1e-3) for moment in expected))] if expected else []
    )


def test_a_node_agent_speaks_before_a_kubelet_and_both_before_the_request() -> None:
    both = replace(told(rotating("kubelet-client", T0, 10)), view=asked("n1", (seen(CLIENT, (1.0, 2.0)),)).view)
    csrs = CsrTotals({}, {}, {}, (issued("n1", T0, 7, SERVING_SIGNER), issued("n1", T0, 365)))
    client, serving = outlooks((QUIET[CLIENT], QUIET[SERVING]), csrs, None, {"n1": both})
    assert [one.not_after for one in client.certificates] == [pytest.approx(T0 + 10 * DAY)]
    assert serving.certificates == (HeldCertificate("n1", T0 + 0.7 * 7 * DAY, T0 + 7 * DAY),)


def test_a_request_tells_of_a_node_that_is_there_if_it_gave_a_certificate_with_an_end() -> None:
    endless = NodeRequests("n2", CLIENT_SIGNER, issued=Issued(T0, CertificateIdentity("1", "2", T0, 0.0)))
    bare = NodeRequests("n3", CLIENT_SIGNER, issued=Issued(T0, None))
    requests = (waits("n4"), endless, bare, issued("gone", T0, 1), issued("n1", T0, 10), issued("n5", T0, 1))
    nodes = (*(node(f"n{number}") for number in range(1, 5)), node("n5", ready=False), node("n6", ready=None))
    (found,) = outlooks((QUIET[CLIENT],), CsrTotals({}, {}, {}, requests), nodes, {})
    assert found.certificates == (HeldCertificate("n1", T0 + 7 * DAY, T0 + 10 * DAY),)
    (before,) = outlooks((QUIET[CLIENT],), CsrTotals({}, {}, {}, requests), None, {})
    assert [one.node for one in before.certificates] == ["gone", "n1", "n5"]


@pytest.mark.parametrize(("since", "lost"), [(T0 + 9, False), (T0 + 8.9, True)])
def test_what_ended_when_the_silence_began_is_not_lost_by_it(since: float, lost: bool) -> None:
    """Whether or not the node is ready."""
    view = asked("n1", (seen(CLIENT, (T0, T0 + 8)),))
    (found,) = outlooks((silence(CLIENT_SIGNER, since, "n2"),), None, (node("n1", ready=False),), {"n1": view})
    assert [one.node for one in found.certificates] == (["n1"] if lost else [])
    assert found.waiting == (("n2", Held.NONE),)


def test_the_first_to_end_is_the_first_by_name_of_those_that_end_together() -> None:
    held = tuple(HeldCertificate(name, 0.0, end) for name, end in (("c", 3.0), ("b", 2.0), ("a", 2.0), ("d", 9.0)))
    found = Outlook(QUIET[CLIENT], held, (("a", Held.NONE), ("b", Held.UNKNOWN), ("c", Held.NONE)))
    assert found.first == held[2]
    assert [found.count(one) for one in (Held.NONE, Held.UNKNOWN, Held.CERTIFICATE)] == [2, 1, 0]
    assert replace(found, certificates=()).first is None


@pytest.mark.parametrize(
    ("role", "nodes", "observed", "expected"),
    [
        (CLIENT, None, None, Held.UNKNOWN),
        (CLIENT, (), None, Held.NONE),
        (CLIENT, (node("n1"),), None, Held.CERTIFICATE),
        (SERVING, None, None, Held.UNKNOWN),
        (SERVING, (), None, Held.NONE),
        (SERVING, (node("n1"),), None, Held.UNKNOWN),
        (SERVING, None, told(ToldRotation("kubelet-serving", "waiting")), Held.NONE),
        (SERVING, (node("n1"),), told(ToldRotation("kubelet-serving", "waiting")), Held.NONE),
        (SERVING, None, told(ToldRotation("kubelet-serving", "enabled")), Held.UNKNOWN),
        (SERVING, None, told(ToldRotation("kubelet-client", "waiting")), Held.UNKNOWN),
        (SERVING, None, asked("n1", serving="waiting"), Held.NONE),
        (SERVING, None, asked("n1", serving="unknown"), Held.UNKNOWN),
        (SERVING, None, NodeObservation(Observer.NOBODY), Held.UNKNOWN),
        (SERVING, None, asked("n1", (seen(SERVING, (T0, T0 + 8)),), "waiting"), Held.CERTIFICATE),
        (CLIENT, (), asked("n1", (seen(CLIENT, (T0, T0 + 8)),)), Held.CERTIFICATE),
    ],
)
def test_what_a_node_has_while_it_waits(
    role: Role, nodes: tuple[Node, ...] | None, observed: NodeObservation | None, expected: Held
) -> None:
    signer = CLIENT_SIGNER if role is CLIENT else SERVING_SIGNER
    observations = {"n1": observed} if observed else {}
    (found,) = outlooks((silence(signer, T0, "n1"),), None, nodes, observations)
    assert found.waiting == (("n1", expected),)
    (idle,) = outlooks((silence(signer, T0, "n1", total=0),), None, nodes, observations)
    assert idle.waiting == ()
