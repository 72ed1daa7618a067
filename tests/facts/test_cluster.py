"""What follows from the facts of a cluster, question by question."""

from dataclasses import replace

import pytest

from exporter.facts.azure.managed_cluster import AzureCluster, AzureFacts, AzurePool
from exporter.facts.ca_use import CaUse, MemberUse
from exporter.facts.certificate import Certificate
from exporter.facts.cluster import ClusterFacts, Endpoint
from exporter.facts.kube.ca_bundle import CaBundle, Holds
from exporter.facts.kube.csr import CLIENT_SIGNER
from exporter.facts.kube.csr_ledger import CsrTotals
from exporter.facts.kube.kubelet_report import KubeletReport
from exporter.facts.kube.node import Node
from exporter.facts.kube.node_view import NodeView
from exporter.facts.kube.signing import signing
from exporter.facts.node_document import NodeDocument
from exporter.facts.node_observation import NodeObservation
from exporter.facts.outlook import outlooks
from exporter.facts.rotation import RotationFacts
from exporter.facts.source import Failure
from exporter.reason import (
    Ca,
    Evidence,
    KubeletStatus,
    Lease,
    Observer,
    Reason,
    Role,
    Rotation,
    RotationReason,
    RotationState,
)
from simulation.pki import new_key
from tests.facts.authorities import T0, YEAR, signed

KEY, OTHER_KEY, MIDDLE_KEY = (new_key() for _ in range(3))
PRESENT = signed("ca", "ca", KEY, key=KEY)
FORMER = signed("ca", "ca", OTHER_KEY, key=OTHER_KEY, begin=T0 - YEAR, end=T0)
MIDDLE = signed("middle", "ca", KEY, key=MIDDLE_KEY)
SERVED = signed("apiserver", "ca", KEY, ca=False)
BELOW = signed("apiserver", "middle", MIDDLE_KEY, ca=False)
BOTH = (FORMER, PRESENT)
CLUSTER = AzureCluster("aks1", "rg", "", "", True, "", "", "", None, "", "", "", ())
AZURE = AzureFacts(CLUSTER)


def test_facts_of_nothing_are_none_or_empty() -> None:
    assert ClusterFacts() == ClusterFacts(
        csrs=None,
        nodes=None,
        endpoints=(),
        cas={},
        former_cas=frozenset(),
        bundles=(),
        leases={},
        leases_ahead={},
        created=None,
        clock_offset=None,
        azure=None,
        observations=None,
        served=None,
        workloads=None,
        preflight=None,
        counted=None,
    )
    assert Endpoint("a:1", None, None) == Endpoint("a:1", None, None, untrusted=None, failure=None, between=())
    nothing = ClusterFacts()
    assert (nothing.signing, nothing.outlooks, list(nothing.views()), list(nothing.evidence())) == ((), (), [], [])


@pytest.mark.parametrize(
    ("azure", "expected"),
    [
        (None, "unknown"),
        (AzureFacts(replace(CLUSTER, rbac=None)), "unknown"),
        (AZURE, "enabled"),
        (AzureFacts(replace(CLUSTER, rbac=False)), "disabled"),
    ],
)
def test_aks_renews_the_certificate_of_an_api_server_with_rbac(azure: AzureFacts | None, expected: str) -> None:
    assert ClusterFacts(azure=azure).apiserver_rotation == expected


@pytest.mark.parametrize(
    ("ca", "endpoints", "expected"),
    [
        (Ca.CLUSTER, (Endpoint("a:1", SERVED, True),), (PRESENT,)),
        (Ca.CLIENT, (Endpoint("a:1", SERVED, True),), (PRESENT,)),
        (Ca.REQUESTHEADER, (Endpoint("a:1", SERVED, True),), ()),
        (Ca.CLUSTER, (), ()),
        (Ca.CLUSTER, (Endpoint("a:1", None, None, failure=Failure(Reason.TIMEOUT, "x")),), ()),
        (Ca.CLUSTER, (Endpoint("a:1", BELOW, None),), ()),
        (Ca.CLUSTER, (Endpoint("a:1", None, None, between=(MIDDLE,)), Endpoint("b:1", BELOW, None)), (PRESENT,)),
    ],
)
def test_the_members_in_use_are_those_that_signed_what_api_servers_serve(
    ca: Ca, endpoints: tuple[Endpoint, ...], expected: tuple[Certificate, ...]
) -> None:
    """B1: through what any of them sent along."""
    facts = ClusterFacts(endpoints=endpoints, cas={ca: BOTH})
    assert facts.ca_use(ca) == CaUse(BOTH, expected)
    assert ClusterFacts(endpoints=endpoints, cas={ca: ()}).ca_use(ca) is None
    assert ClusterFacts(endpoints=endpoints).ca_use(ca) is None


@pytest.mark.parametrize(
    ("signers", "now", "words", "superfluous"),
    [
        ((PRESENT,), T0, ["no", "yes"], (FORMER,)),
        ((PRESENT,), T0 - 1, ["no", "yes"], ()),
        ((FORMER,), T0 + 2 * YEAR, ["yes", "no"], (PRESENT,)),
        ((), T0 + 2 * YEAR, ["unknown", "unknown"], ()),
    ],
)
def test_a_member_that_has_ended_and_signed_nothing_may_go(
    signers: tuple[Certificate, ...], now: float, words: list[str], superfluous: tuple[Certificate, ...]
) -> None:
    use = CaUse(BOTH, signers)
    assert [use.of(one) for one in BOTH] == words
    assert use.superfluous(now) == superfluous
    assert use.counts == (signers[0] if signers else PRESENT)
    assert CaUse(BOTH, BOTH).counts == FORMER
    assert list(MemberUse) == ["yes", "no", "unknown"]


def test_a_bundle_is_held_against_the_cas_of_the_cluster() -> None:
    """G5: none is said where there is nothing to hold, or nothing to hold it against."""
    facts = ClusterFacts(cas={Ca.CLUSTER: (PRESENT,)}, former_cas=frozenset({FORMER.public_key_sha256}))
    present, former, empty = (CaBundle("APIService", "x", held) for held in ((PRESENT,), (FORMER,), ()))
    assert [facts.holds(one, T0 + 5) for one in (present, former, empty)] == [Holds.CLUSTER_CA, Holds.FORMER_CA, None]
    assert facts.holds(present, PRESENT.not_after) is Holds.ENDED
    assert [facts.outdated(one) for one in (present, former)] == [False, True]
    for other in (ClusterFacts(), ClusterFacts(cas={Ca.CLUSTER: ()}), ClusterFacts(cas={Ca.CLIENT: (PRESENT,)})):
        assert (other.holds(present, T0 + 5), other.outdated(former)) == (None, None)


def node(name: str, rotation: Rotation, pool: str = "") -> Node:
    return Node(name, pool, "", "", "linux", "", "", rotation, T0, True, "", "")


def told(role: Role, **words: bool) -> RotationFacts:
    evidence = {Evidence(place): word for place, word in words.items()}
    return RotationFacts(role, RotationState.ENABLED, RotationReason.ROTATING, evidence)


VIEW = NodeView(
    KubeletReport("n1", KubeletStatus.OK),
    (),
    (told(Role.KUBELET_CLIENT, file=True), told(Role.KUBELET_SERVING, kubelet_configz=False, wire=True)),
)
DOCUMENT = NodeDocument("n1", (), (), b"")
SERVING = Role.KUBELET_SERVING


@pytest.mark.parametrize(
    ("observed", "voice", "evidence"),
    [
        (NodeObservation(Observer.NOBODY), False, []),
        (NodeObservation(Observer.NODE_AGENT, document=DOCUMENT), False, []),
        (
            NodeObservation(Observer.KUBELET, view=VIEW),
            True,
            [
                ("n1", Role.KUBELET_CLIENT, Evidence.FILE, True),
                ("n1", SERVING, Evidence.KUBELET_CONFIGZ, False),
                ("n1", SERVING, Evidence.WIRE, True),
            ],
        ),
        (
            NodeObservation(Observer.NODE_AGENT, document=DOCUMENT, view=VIEW),
            False,
            [("n1", SERVING, Evidence.KUBELET_CONFIGZ, False)],
        ),
    ],
)
def test_a_node_has_one_voice(
    observed: NodeObservation, voice: bool, evidence: list[tuple[str, Role, Evidence, bool]]
) -> None:
    """Beside a node agent a kubelet is evidence only, and only of what it says of itself."""
    facts = ClusterFacts(observations={"n1": observed})
    assert list(facts.views()) == ([VIEW] if voice else [])
    assert list(facts.evidence()) == evidence


def test_labels_and_tags_are_evidence_of_the_serving_certificate() -> None:
    """What a label does not say is not said."""
    nodes = (node("n1", Rotation.ENABLED, "p"), node("n2", Rotation.DISABLED, "q"), node("n3", Rotation.UNKNOWN, "p"))
    pool = AzurePool("p", "", "", "", "", "", "", None, "", "", True, "", "")
    tagged = AzureFacts(replace(CLUSTER, pools=(pool, replace(pool, name="q", opted_out=None))))
    labels = [("n1", SERVING, Evidence.NODE_LABEL, True), ("n2", SERVING, Evidence.NODE_LABEL, False)]
    tags = [("n1", SERVING, Evidence.AGENTPOOL_TAG, False), ("n3", SERVING, Evidence.AGENTPOOL_TAG, False)]
    assert list(ClusterFacts(nodes=nodes).evidence()) == labels
    assert list(ClusterFacts(nodes=nodes, azure=tagged).evidence()) == labels + tags
    assert list(ClusterFacts(azure=tagged).evidence()) == []


def test_signing_and_outlooks_are_of_its_own_facts() -> None:
    csrs, leases = CsrTotals({}, {}, {}, ()), {Lease.KUBE_CONTROLLER_MANAGER: T0}
    observations = {"n1": NodeObservation(Observer.KUBELET, view=VIEW)}
    facts = ClusterFacts(csrs=csrs, leases=leases, nodes=(node("n1", Rotation.ENABLED),), observations=observations)
    assert facts.signing == signing(csrs, leases)
    assert facts.signing[0].signer_name == CLIENT_SIGNER
    assert facts.outlooks == outlooks(facts.signing, csrs, facts.nodes, observations)
    alone = ClusterFacts(csrs=csrs)
    assert alone.outlooks == outlooks(signing(csrs, {}), csrs, None, {})
    assert [one.signing for one in alone.outlooks] == list(alone.signing)
