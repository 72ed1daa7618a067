"""What comes within a year: timeline.py and cluster_timeline.py of exporter/findings."""

from dataclasses import replace

import pytest

from exporter.facts.azure.managed_cluster import AzureFacts, azure_cluster
from exporter.facts.azure.resource_id import ResourceId
from exporter.facts.cluster import ClusterFacts, Endpoint
from exporter.facts.host.host_facts import HostFacts, SeenCertificate
from exporter.facts.kube.ca_bundle import CaBundle
from exporter.facts.kube.endpoint import ServedEndpoint
from exporter.facts.kube.endpoint_target import EndpointTarget
from exporter.facts.kube.kubelet_metrics import KubeletConfig
from exporter.facts.kube.kubelet_report import KubeletReport
from exporter.facts.kube.node_view import Validity, node_view
from exporter.facts.node_document import NodeDocument, ToldRotation
from exporter.facts.node_observation import NodeObservation
from exporter.facts.rotation import RotationFacts
from exporter.facts.x509 import certificates
from exporter.findings.cluster_timeline import cluster_events
from exporter.findings.timeline import RETIREMENT, YEAR, Event, coming, host_events, node_rotations, retirement
from exporter.reason import (
    BootstrapMethod,
    Ca,
    FailurePolicy,
    KubeletStatus,
    Observer,
    Origin,
    Role,
    Rotation,
    RotationReason,
    RotationState,
)
from simulation.azure.bodies import managed_cluster
from simulation.pki import DAY, Authority
from tests.facts.test_outlook import T0, cluster, issued
from tests.facts.test_outlook import node as waiting_node
from tests.findings.test_cluster import NOW, node
from tests.findings.test_signing import ALIVE, HOUR, MINUTE, silent

RESOURCE = ResourceId("5ab0", "contoso", "managedClusters", "aks1")
CA = Authority("ca", NOW - DAY, NOW + 400 * DAY)
CLIENT, SERVING = Role.KUBELET_CLIENT, Role.KUBELET_SERVING
END = NOW + 100 * DAY
(LEAF,), (ROOT,) = certificates(CA.issue("n1", NOW, END).certificate_pem), certificates(CA.pem)
DUE, DEADLINE = NOW + 70 * DAY, NOW + 90 * DAY


def test_what_comes_ends_in_the_future_and_begins_within_a_year() -> None:
    """In the order in which it begins, then by what it is, then by whom it concerns."""

    def at(begin: float, what: str = "a", until: float | None = None) -> Event:
        return Event(NOW + begin, what, "n1", False, until and NOW + until)

    kept = (at(-5, until=1.0), at(0), replace(at(0), about="n2"), at(0, "b"), at(1), at(YEAR))
    left_out = (at(-1), at(-5, until=-1.0), at(YEAR + 1))
    assert coming([*kept[::-1], *left_out], NOW) == kept
    assert YEAR == 366 * DAY


def host(*found: SeenCertificate, client: RotationState, serving: RotationState) -> HostFacts:
    states = {CLIENT: client, SERVING: serving}
    rotation = tuple(RotationFacts(role, state, RotationReason.ROTATING, {}) for role, state in states.items())
    return HostFacts("n1", False, found, (), rotation, BootstrapMethod.NONE, None, None, {})


ON, OFF, UNKNOWN = RotationState.ENABLED, RotationState.DISABLED, RotationState.UNKNOWN
LABELS = {ON: Rotation.ENABLED, OFF: Rotation.DISABLED, UNKNOWN: Rotation.UNKNOWN}


@pytest.mark.parametrize(
    ("state", "now", "expected"),
    [
        (ON, NOW, Event(DUE, "The kubelet renews its client certificate", "n1", False, DEADLINE)),
        (ON, DEADLINE, Event(DUE, "The kubelet renews its client certificate", "n1", False, DEADLINE)),
        (
            ON,
            DEADLINE + 1,
            Event(END, "The kubelet client certificate ends; it is overdue for rotation", "n1", True),
        ),
        (OFF, NOW, Event(END, "The kubelet client certificate ends; nothing renews it", "n1", True)),
        (UNKNOWN, NOW, Event(END, "The kubelet client certificate ends; whether it is renewed is unknown", "n1", True)),
    ],
)
def test_a_node_renews_its_certificate_or_it_ends(state: RotationState, now: float, expected: Event) -> None:
    """What is served comes from the file, and a copy is nobody's."""
    one = SeenCertificate(CLIENT, Origin.FILE, "/x", LABELS[state], (LEAF,), True)
    served, copy = replace(one, origin=Origin.WIRE), replace(one, role=Role.APISERVER_COPY)
    assert [*host_events(host(one, served, copy, client=state, serving=ON), now)] == [expected]


def test_a_nodes_ca_ends_and_opting_out_too() -> None:
    authority = SeenCertificate(Role.CLUSTER_CA, Origin.FILE, "/ca", Rotation.NONE, (ROOT,), None)
    found = [*host_events(host(authority, client=ON, serving=OFF), NOW)]
    ends = Event(ROOT.not_after, "The cluster CA ends; only a rotation of all certificates renews it", "n1", True)
    assert found == [ends, retirement("n1")]
    words = "AKS rotates every serving certificate from now on; opting out ends"
    assert retirement("n1") == Event(RETIREMENT, words, "n1", False)
    assert RETIREMENT == 1_806_537_600.0, "2027-04-01"


def test_many_nodes_renew_in_a_month() -> None:
    """Each role and each month is an event, from the first to the last of them."""
    many = [
        ("a", CLIENT, NOW, NOW + 3),
        ("b", CLIENT, NOW + 1, NOW + 2),
        ("c", CLIENT, NOW + 31 * DAY, NOW + 40 * DAY),
        ("c", SERVING, NOW, NOW + 9),
        ("a", CLIENT, NOW + 366 * DAY, NOW + 367 * DAY),
    ]
    assert [*node_rotations(many)] == [
        Event(NOW, "Kubelets renew their client certificates", "2 nodes", False, NOW + 3),
        Event(NOW + 31 * DAY, "The kubelet renews its client certificate", "c", False, NOW + 40 * DAY),
        Event(NOW, "The kubelet renews its serving certificate", "c", False, NOW + 9),
        Event(NOW + 366 * DAY, "The kubelet renews its client certificate", "a", False, NOW + 367 * DAY),
    ]
    (crowd,) = node_rotations([(f"n{number}", SERVING, NOW, NOW + 1) for number in range(1234)])
    assert (crowd.what, crowd.about) == ("Kubelets renew their serving certificates", "1,234 nodes")


def events(**known: object) -> list[Event]:
    return [*cluster_events(ClusterFacts(**known), NOW)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rbac", "words"),
    [
        (True, "AKS renews it before"),
        (False, "nothing renews it"),
        (None, "whether AKS renews it is unknown"),
    ],
)
def test_an_api_servers_certificate_ends(rbac: bool | None, words: str) -> None:
    """AKS renews it where Kubernetes RBAC is on."""
    endpoints = (Endpoint("a:443", LEAF, True), Endpoint("b:443", None, None))
    azure = AzureFacts(replace(azure_cluster(managed_cluster(RESOURCE, []), RESOURCE), rbac=rbac))
    what = f"The API server's certificate ends; {words}"
    assert events(endpoints=endpoints, azure=azure) == [Event(END, what, "a:443", rbac is not True)]


def test_the_cas_of_a_cluster_end() -> None:
    """That of client certificates once, where it is the cluster's."""
    words = "ends; only a rotation of all certificates renews it"
    cluster = Event(ROOT.not_after, f"The cluster CA {words}", "cluster", True)
    other = Event(END, f"The CA of client certificates {words}", "client", True)
    request = Event(END, f"The request-header CA of the API aggregator {words}", "requestheader", True)
    assert events(cas={Ca.CLUSTER: (ROOT,), Ca.CLIENT: (ROOT,)}) == [cluster]
    both = {Ca.CLUSTER: (ROOT,), Ca.CLIENT: (LEAF,), Ca.REQUESTHEADER: (LEAF,)}
    assert events(cas=both) == [cluster, other, request]
    assert events(cas={Ca.CLUSTER: (), Ca.CLIENT: (ROOT,)}) == [replace(cluster, what=other.what, about="client")]
    assert events(cas={Ca.CLUSTER: (LEAF, ROOT)}) == [cluster], "the last to end, where none is known to be in use"


def served(*, verified: bool) -> ServedEndpoint:
    target = EndpointTarget("APIService", "x", "x.y.svc", 443, ("y", "x"), FailurePolicy.NONE, verified)
    return ServedEndpoint(target, LEAF, True, None)


def test_what_the_api_server_calls_ends() -> None:
    """A caBundle by its last member; what nobody verifies does not matter."""
    bundles = (CaBundle("APIService", "x", (LEAF, ROOT)), CaBundle("APIService", "y", ()))
    assert events(bundles=bundles) == [Event(ROOT.not_after, "The last CA of its caBundle ends", "APIService x", True)]
    what = "The certificate that it serves to the API server ends, unless its owner renews it"
    silent = replace(served(verified=True), certificate=None)
    found = events(served=(served(verified=True), served(verified=False), silent))
    assert found == [Event(END, what, "APIService x", False)]


def test_nodes_whose_serving_certificate_is_not_rotated_hear_of_the_end_of_opting_out() -> None:
    off = {name: node(name, serving_rotation=Rotation.DISABLED) for name in "ab"}
    assert events(nodes=(off["a"], node("c"))) == [retirement("a")]
    assert events(nodes=(*off.values(), node("c"))) == [retirement("2 nodes")]
    assert events(nodes=(node("c"),)) == []


def test_what_nodes_told_comes_as_one_event_for_each_month() -> None:
    """A window that is past says nothing of what comes, and a role of another version neither."""
    told = (
        ToldRotation("kubelet-client", "enabled", DUE, DEADLINE),
        ToldRotation("kubelet-serving", "enabled", NOW - 9, NOW - 1),
        ToldRotation("etcd", "enabled", DUE, DEADLINE),
        ToldRotation("kubelet-serving", "disabled", None, DEADLINE),
        ToldRotation("kubelet-serving", "disabled", DUE, None),
    )
    document = NodeDocument("n1", (), told, b"", frozenset())
    observed = {"n1": NodeObservation(Observer.NODE_AGENT, document)}
    expected = Event(DUE, "The kubelet renews its client certificate", "n1", False, DEADLINE)
    assert events(observations=observed) == [expected]
    edge = (ToldRotation("kubelet-serving", "enabled", NOW - 9, NOW),)
    observed = {"n1": NodeObservation(Observer.NODE_AGENT, replace(document, rotation=edge))}
    assert [one.until for one in events(observations=observed)] == [NOW]


def test_while_nobody_signs_the_first_certificate_to_end_is_told() -> None:
    """Who has asked for it, and has no answer."""
    expected = Event(T0 + HOUR, "The first kubelet serving certificate ends, if nobody signs until then", "n0", True)
    assert expected in [*cluster_events(silent(HOUR, 11 * MINUTE), T0)]
    answered = replace(cluster(issued("n1", T0 - DAY, 30), nodes=(waiting_node("n1"),)), leases=ALIVE)
    assert any(one.first is not None for one in answered.outlooks)
    assert [one for one in cluster_events(answered, T0) if one.breaks] == []


@pytest.mark.parametrize("rotates", [True, False])
def test_what_a_kubelet_told_comes_too(rotates: bool) -> None:
    asked = KubeletReport("n1", KubeletStatus.OK, config=KubeletConfig(rotates, True, "", True), client_not_after=END)
    view = node_view(asked, (ROOT,), {CLIENT: Validity(NOW, END)})
    (one,) = events(observations={"n1": NodeObservation(Observer.KUBELET, view=view)})
    renews = Event(DUE, "The kubelet renews its client certificate", "n1", False, DEADLINE)
    ends = Event(END, "The kubelet client certificate ends; nothing renews it", "n1", True)
    assert one == (renews if rotates else ends)
