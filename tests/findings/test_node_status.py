"""What is the matter with each node of a cluster."""

from dataclasses import replace

from exporter.facts.cluster import ClusterFacts
from exporter.facts.kube.csr import CLIENT_SIGNER, SERVING_SIGNER
from exporter.facts.kube.csr_ledger import CsrTotals
from exporter.facts.kube.node import Node
from exporter.facts.kube.node_requests import Issued, NodeRequests, Rejected
from exporter.facts.node_observation import NodeObservation
from exporter.findings import Finding, Kind, Severity, Subject
from exporter.findings.node_status import State, node_statuses
from exporter.findings.wording import NOT_LOOKED_AT
from exporter.reason import CsrOutcome, Observer, Role, Rotation
from simulation.pki import DAY

NOW = 1_800_000_000.0
MINUTE, HOUR = 60.0, 3600.0
WELL = Node("healthy", "a", "v1.33.2", "", "linux", "Ubuntu", "cluster", Rotation.ENABLED, NOW - DAY, True, "", "")


def cluster(*requests: NodeRequests, nodes: tuple[Node, ...] = ()) -> ClusterFacts:
    return ClusterFacts(csrs=CsrTotals({}, {}, {}, requests), nodes=nodes)


def pending(node: str, age: float, signer: str = SERVING_SIGNER) -> NodeRequests:
    return NodeRequests(node, signer, pending_since=NOW - age, pending_name="csr-1", pending_objects=2)


def test_the_worst_node_stands_first_and_the_longest_wait_before_the_shorter() -> None:
    nodes = (
        WELL,
        replace(WELL, name="off", serving_rotation=Rotation.DISABLED),
        replace(WELL, name="unknown", serving_rotation=Rotation.UNKNOWN),
        replace(WELL, name="down", ready=False),
        replace(WELL, name="refused"),
        *(replace(WELL, name=name) for name in ("young", "hour", "day", "two-days")),
    )
    denied = Rejected("csr-9", CsrOutcome.DENIED, NOW - MINUTE, "")
    facts = cluster(
        pending("young", MINUTE),
        pending("hour", HOUR),
        pending("day", DAY),
        pending("two-days", 2 * DAY),
        NodeRequests("refused", CLIENT_SIGNER, rejected=denied),
        nodes=nodes,
    )
    found = [(one.name, one.troubles[0].severity if one.troubles else None) for one in node_statuses(facts, NOW)]
    assert found == [
        ("two-days", Severity.CRITICAL),
        ("day", Severity.CRITICAL),
        ("hour", Severity.WARNING),
        ("refused", Severity.WARNING),
        ("down", Severity.WARNING),
        ("young", Severity.INFO),
        ("unknown", Severity.INFO),
        ("off", Severity.INFO),
        ("healthy", None),
    ]


def test_a_kubelet_that_does_not_tell_of_its_client_certificate_is_not_ok() -> None:
    """A7: somebody told something about the node, and not that."""
    unseen = Finding(Severity.UNKNOWN, Subject(Kind.NODE, "healthy"), "Nothing.", (), "AksCertNodeNotObserved")
    unseen = replace(unseen, node="healthy")
    for by, word in ((Observer.KUBELET, "unknown"), (Observer.NOBODY, NOT_LOOKED_AT)):
        facts = replace(cluster(nodes=(WELL,)), observations={"healthy": NodeObservation(by)})
        assert [one.word for one in node_statuses(facts, NOW, [unseen])] == [word]


def test_what_the_label_says_is_not_told_again_and_anything_else_is() -> None:
    """Only that serving rotation is off, of a node whose label says so."""
    off = replace(WELL, serving_rotation=Rotation.DISABLED)
    for alert, role, told in (
        ("AksCertRotationDisabled", Role.KUBELET_SERVING, False),
        ("AksCertRotationDisabled", Role.KUBELET_CLIENT, True),
        ("AksCertExpired", Role.KUBELET_SERVING, True),
    ):
        one = Finding(
            Severity.WARNING, Subject(Kind.NODE, "healthy"), "It is so.", (), alert, node="healthy", role=role
        )
        for node, said in ((off, told), (WELL, True)):
            (status,) = node_statuses(cluster(nodes=(node,)), NOW, [one])
            assert ("It is so." in [trouble.what for trouble in status.troubles]) is said


def test_a_finding_is_since_when_it_began_else_when_something_ends() -> None:
    """For the order; one without either comes first of its kind."""
    found = [
        Finding(Severity.WARNING, Subject(Kind.NODE, "healthy"), what, (), node="healthy", since=since, until=until)
        for what, since, until in (("a", 5.0, 9.0), ("b", None, 7.0), ("c", None, None), ("d", 0.5, None))
    ]
    (status,) = node_statuses(cluster(nodes=(WELL,)), NOW, found)
    assert [(one.what, one.since) for one in status.troubles] == [("c", 0.0), ("d", 0.5), ("a", 5.0), ("b", 7.0)]


def test_a_node_has_all_that_is_the_matter_with_it_the_worst_first() -> None:
    broken = replace(WELL, name="x", ready=False, serving_rotation=Rotation.DISABLED, kubelet_version="v1.26.3")
    (one,) = node_statuses(cluster(pending("x", DAY, CLIENT_SIGNER), pending("x", HOUR), nodes=(broken,)), NOW)
    assert [trouble.state for trouble in one.troubles] == [State.WAITING, State.WAITING, State.NOT_READY, State.OFF]
    assert [trouble.what.split(" (since")[0] for trouble in one.troubles[:2]] == [
        "24 hours for its client certificate",
        "60 minutes for its serving certificate",
    ]
    assert one.troubles[0].what.endswith("UTC): csr-1, no answer, like 1 more")
    assert "1.27 has" in one.troubles[-1].what


def test_a_node_that_asks_for_its_first_certificate_is_there_without_a_node_object() -> None:
    (one,) = node_statuses(cluster(pending("new", HOUR, CLIENT_SIGNER)), NOW)
    assert (one.node, one.pool, one.troubles[0].state) == (None, "", State.WAITING)


def test_an_old_refusal_and_an_issued_certificate_are_no_trouble() -> None:
    refused = Rejected("csr-1", CsrOutcome.FAILED, NOW - 2 * HOUR, "")
    found = node_statuses(
        cluster(
            NodeRequests("healthy", SERVING_SIGNER, rejected=refused),
            NodeRequests("gone", SERVING_SIGNER, issued=Issued(NOW, None)),
            nodes=(WELL,),
        ),
        NOW,
    )
    assert [(one.name, one.troubles) for one in found] == [("healthy", ())]


def test_a_state_has_the_word_that_a_page_is_asked_for_by() -> None:
    """The worst come first."""
    assert list(State) == ["waiting", "refused", "certificate", "not-ready", "unknown", "off"]
