"""Small looks of the cluster agent, taken once: azure_look, ca_bundles, certificates_api, preflight, workloads,
apiserver_probe, endpoint_looks and revision.
"""

import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from exporter.agents.cluster import ca_bundles
from exporter.agents.cluster.apiserver_probe import authorities, look_at_endpoint, shown
from exporter.agents.cluster.azure_look import read_azure
from exporter.agents.cluster.certificates_api import CertificatesApiLooks, count_certificate_objects
from exporter.agents.cluster.endpoint_looks import EndpointLooks, Looking, resolved
from exporter.agents.cluster.kube_sources import KUBE_SOURCES
from exporter.agents.cluster.preflight import PreflightLooks, ask_preflight
from exporter.agents.cluster.state import ClusterState
from exporter.agents.revision import revision
from exporter.facts.azure.resource_id import NodeGroup, ResourceId
from exporter.facts.cluster import ClusterFacts, Endpoint
from exporter.facts.kube.ca_bundle import CaBundle
from exporter.facts.kube.certificates_api import Counted
from exporter.facts.kube.endpoint import ServedEndpoint
from exporter.facts.kube.endpoint_target import EndpointTarget
from exporter.facts.kube.metadata import ObjectError
from exporter.facts.kube.node import Node
from exporter.facts.kube.object_calls import BundleContent, Call, ObjectCalls, ServiceReference
from exporter.facts.source import Failure
from exporter.facts.x509 import certificates
from exporter.reason import (
    ApiStatus,
    CsrCondition,
    PreflightStep,
    Reason,
    Requestor,
    Rotation,
    Source,
    TrustBundleState,
)
from exporter.sources.endpoints.look import by_name
from exporter.sources.kube.connection import Connection, Kubeconfig
from simulation.api.server import ApiServer, Fault, FaultKind, write_kubeconfig
from simulation.pki import DAY, SERVER
from tests.agents import clusters
from tests.agents.clusters import CA, NEXT_CA, connected, source_facts
from tests.agents.test_cluster_preflight import newer
from tests.check.known import NOW, certificate
from tests.proxies import Proxy

MORE = (Source.WORKLOADS, Source.PREFLIGHT, Source.ENDPOINTS, Source.AZURE)
GROUP = "/subscriptions/5ab0/resourceGroups/MC_contoso_aks1_westeurope"
OF_AZURE = f"azure://{GROUP}/providers/Microsoft.Compute/virtualMachineScaleSets/x/virtualMachines/0"
CLUSTER = ResourceId("5ab0", "contoso", "managedClusters", "aks1")
FORBIDDEN = Failure(Reason.FORBIDDEN, "no right")


@dataclass
class Arm:
    """Azure's answers, and what was asked."""

    group: ResourceId | Failure = CLUSTER
    asked: list[object] = field(default_factory=list)

    def read_managing_cluster(self, group: NodeGroup) -> ResourceId | Failure:
        self.asked.append(group)
        return self.group

    def read_cluster(self, wanted: ResourceId) -> Failure:
        self.asked.append(wanted)
        return FORBIDDEN


NOT_AZURES = Failure(Reason.NOT_FOUND, "the nodes are none of Azure's: no resource id to be found")
NODES = NodeGroup("5ab0", "MC_contoso_aks1_westeurope")


@pytest.mark.parametrize(
    ("wanted", "provider_id", "group", "found", "known", "asked"),
    [
        (None, None, CLUSTER, None, None, []),
        (None, "kind://docker/x", CLUSTER, NOT_AZURES, None, []),
        (None, OF_AZURE, CLUSTER, FORBIDDEN, CLUSTER, [NODES, CLUSTER]),
        (None, OF_AZURE, NOT_AZURES, NOT_AZURES, None, [NODES]),
        (CLUSTER, None, NOT_AZURES, FORBIDDEN, CLUSTER, [CLUSTER]),
        (CLUSTER, OF_AZURE, NOT_AZURES, FORBIDDEN, CLUSTER, [CLUSTER]),
    ],
)
def test_the_cluster_is_found_by_way_of_a_node_where_it_is_not_given(
    wanted: ResourceId | None,
    provider_id: str | None,
    group: ResourceId | Failure,
    found: Failure | None,
    known: ResourceId | None,
    asked: list[object],
) -> None:
    arm = Arm(group)
    assert read_azure(arm, wanted, provider_id) == (found, known)  # type: ignore[arg-type]
    assert arm.asked == asked


@dataclass
class Asking:
    """A small cluster and a connection to it; what is posted is done at once."""

    server: ApiServer
    connection: Connection
    state: ClusterState = field(default_factory=lambda: ClusterState((*KUBE_SOURCES, *MORE)))

    @staticmethod
    def post(work: Callable[[], None]) -> None:
        work()

    def outcome(self, of: Source) -> tuple[bool | None, float | None, Reason | None]:
        facts = source_facts(self.state, of)
        return facts.up, facts.last_success, facts.last_reason

    def refuse(self, resource: str, status: int = 403) -> None:
        self.server.faults.add(Fault(FaultKind.STATUS, status=status), resource=resource, times=None)


@pytest.fixture
def asking(tmp_path: Path) -> Iterator[Asking]:
    with connected(tmp_path) as (server, connection):
        yield Asking(server, connection)


@pytest.mark.parametrize(
    ("address", "words"), [(("a", 443), "a:443"), (("10.0.0.1", 1), "10.0.0.1:1"), (("fd00::1", 443), "[fd00::1]:443")]
)
def test_an_address_is_shown_with_its_port(address: tuple[str, int], words: str) -> None:
    assert shown(address) == words


def test_what_is_served_at_an_address_is_seen_and_judged(asking: Asking) -> None:
    here, connection = asking.connection.server, asking.connection
    assert authorities(connection) == certificates(CA.pem)
    served = look_at_endpoint(here, connection, certificates(CA.pem), 2.0)
    assert served == Endpoint(shown(here), served.certificate, True)
    assert served.certificate is not None
    assert served.certificate.subject == "CN=apiserver"
    other = look_at_endpoint(here, connection, certificates(NEXT_CA.pem), 2.0)
    assert other == Endpoint(shown(here), served.certificate, False, Reason.CERTIFICATE_UNTRUSTED)
    assert look_at_endpoint(here, connection, None, 2.0) == Endpoint(shown(here), served.certificate, None)
    # Another address is to be named as it is asked.
    elsewhere = ("localhost", here[1])
    assert look_at_endpoint(elsewhere, connection, certificates(CA.pem), 2.0).trusted is True
    gone = look_at_endpoint(("127.0.0.2", 1), connection, certificates(CA.pem), 2.0)
    assert gone.failure is not None
    assert gone == Endpoint("127.0.0.2:1", None, None, failure=gone.failure)
    assert gone.failure.reason is Reason.REFUSED


def test_a_server_by_another_name_bears_that_name_where_it_is_talked_to_and_nowhere_else(tmp_path: Path) -> None:
    """tls-server-name."""
    with ApiServer(clusters.serving(CA, "api.internal")) as server:
        content = server.kubeconfig(CA.pem)
        content["clusters"][0]["cluster"]["tls-server-name"] = "api.internal"
        path = write_kubeconfig(tmp_path / "kubeconfig", content)
        with closing(Connection(Kubeconfig(path))) as connection:
            for host, trusted in (("127.0.0.1", True), ("localhost", False)):
                seen = look_at_endpoint((host, server.port), connection, certificates(CA.pem), 2.0)
                assert seen.trusted is trusted


def test_an_address_is_looked_at_through_the_proxy_that_leads_there(tmp_path: Path) -> None:
    with ApiServer(clusters.serving(CA, "api.invalid")) as server, Proxy(("127.0.0.1", server.port)) as proxy:
        content = server.kubeconfig(CA.pem)
        content["clusters"][0]["cluster"] |= {"server": "https://api.invalid", "proxy-url": f"http://{proxy.place}"}
        path = write_kubeconfig(tmp_path / "kubeconfig", content)
        with closing(Connection(Kubeconfig(path))) as connection:
            seen = look_at_endpoint(("api.invalid", 443), connection, certificates(CA.pem), 20.0)
    assert (seen.failure, seen.trusted) == (None, True)


def test_a_silent_address_has_the_time_that_it_is_given(asking: Asking) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        seen = look_at_endpoint(silent.getsockname(), asking.connection, None, 0.2)
    assert seen.failure == Failure(Reason.TIMEOUT, "no handshake within 0.2 s")


def test_the_cas_that_are_served_beside_it_are_kept(asking: Asking) -> None:
    """B13: between what is served and the bundle there may be others."""
    below = CA.issue("apiserver", clusters.NOW - DAY, clusters.NOW + DAY, names=("127.0.0.1",), usages=(SERVER,))
    served = replace(below, chain=(NEXT_CA.certificate, CA.certificate))
    with ApiServer(served) as server:
        found = look_at_endpoint(("127.0.0.1", server.port), asking.connection, certificates(CA.pem), 2.0)
    (leaf,) = certificates(below.certificate_pem)
    between = certificates(NEXT_CA.pem + CA.pem)
    assert found == Endpoint(found.address, leaf, True, between=between)


def counted(asking: Asking) -> Counted:
    return count_certificate_objects(asking.connection, clusters.NOW)


PODS, BUNDLES = "podcertificaterequests", "clustertrustbundles"


def test_the_newer_kinds_are_counted_by_signer_and_state(asking: Asking) -> None:
    newer(asking.server)
    pods, own = "example.com/pods", ""
    assert counted(asking) == Counted(
        {
            (pods, CsrCondition.PENDING): 2,
            (pods, CsrCondition.ISSUED): 1,
            (pods, CsrCondition.DENIED): 1,
            (pods, CsrCondition.FAILED): 1,
        },
        {
            (own, TrustBundleState.OK): 1,
            (own, TrustBundleState.ENDED): 1,
            (own, TrustBundleState.EMPTY): 1,
            (own, TrustBundleState.MALFORMED): 1,
            (pods, TrustBundleState.OK): 1,
        },
        {PODS: ApiStatus.OK, BUNDLES: ApiStatus.OK},
    )


@pytest.mark.parametrize(("status", "word"), [(403, ApiStatus.FORBIDDEN), (500, ApiStatus.ERROR)])
@pytest.mark.parametrize(("kind", "other"), [(PODS, BUNDLES), (BUNDLES, PODS)])
def test_a_kind_that_cannot_be_listed_hides_not_the_other(
    kind: str, other: str, status: int, word: ApiStatus, asking: Asking
) -> None:
    newer(asking.server)
    asking.refuse(kind, status)
    found = counted(asking)
    assert found.statuses == {kind: word, other: ApiStatus.OK}
    assert (sum(found.requests.values()), sum(found.bundles.values())) == ((0, 5) if kind == PODS else (5, 0))
    looks = CertificatesApiLooks(asking.connection, asking.state, asking.post, 60.0, lambda: clusters.NOW)
    assert looks.look() is (word is ApiStatus.FORBIDDEN)
    assert asking.state.facts().counted == found


@pytest.mark.parametrize("kind", [PODS, BUNDLES])
def test_a_kind_that_the_server_has_not_is_not_served(kind: str, asking: Asking) -> None:
    newer(asking.server)
    asking.server.absent.add(kind)
    assert counted(asking).statuses == {
        one: ApiStatus.NOT_SERVED if one == kind else ApiStatus.OK for one in (PODS, BUNDLES)
    }


def test_a_server_that_does_not_answer_has_none_of_them(asking: Asking) -> None:
    asking.server.stop()
    assert counted(asking) == Counted(statuses={PODS: ApiStatus.ERROR, BUNDLES: ApiStatus.ERROR})
    asking.server.start()


def node(name: str) -> Node:
    return Node(name, "p", "v1.33.2", "", "linux", "", "", Rotation.ENABLED, NOW, True, "", "")


def test_the_preflight_is_asked_question_by_question(asking: Asking) -> None:
    asking.server.forbidden.add("certificatesigningrequests/selfnodeclient")
    answers = ask_preflight(asking.connection, [node("a")], None)
    assert isinstance(answers, tuple)
    ask, approve = PreflightStep
    assert [(one.question.requestor, one.question.step, one.allowed) for one in answers] == [
        (Requestor.NODE, ask, True),
        (Requestor.NODE, approve, False),
        (Requestor.BOOTSTRAP, ask, True),
        (Requestor.BOOTSTRAP, approve, True),
    ]
    facts = [ClusterFacts()]
    looks = PreflightLooks(asking.connection, asking.state, asking.post, lambda: facts[0], 60.0, lambda: NOW)
    assert looks.look() is False
    assert asking.outcome(Source.PREFLIGHT) == (None, None, None)
    facts[0] = ClusterFacts(nodes=(node("a"),))
    assert looks.look() is True
    assert asking.outcome(Source.PREFLIGHT) == (True, NOW, None)
    assert asking.state.facts().preflight == answers
    asking.server.forbidden.add("subjectaccessreviews")
    assert isinstance(ask_preflight(asking.connection, [node("a")], None), Failure)
    assert looks.look() is False
    assert asking.outcome(Source.PREFLIGHT) == (False, NOW, Reason.FORBIDDEN)
    facts[0] = ClusterFacts(nodes=(None,))  # type: ignore[arg-type]
    assert looks.look() is False
    assert asking.outcome(Source.PREFLIGHT) == (False, NOW, Reason.BUG)


def target(name: str, host: str = "h") -> EndpointTarget:
    return EndpointTarget("A", name, host, 443, ("ns", name))


def test_places_that_are_given_are_believed_and_others_have_their_names() -> None:
    resolve = resolved({("ns", "a"): ("127.0.0.1", 8443)})
    assert resolve("ns", "a", 443) == ("127.0.0.1", 8443)
    assert resolve("ns", "b", 443) == by_name("ns", "b", 443) == ("b.ns.svc", 443)
    assert resolve("other", "a", 1) == ("a.other.svc", 1)


def test_everything_that_is_called_is_looked_at_and_what_changed_is_soon(asking: Asking) -> None:
    looks = EndpointLooks(asking.state, asking.post, Looking(True), lambda: NOW)
    assert looks._fleet() == {}
    a, b = target("a"), target("b")
    asking.state.targets = {"A": (a,), "B": (b,)}
    first = looks._fleet()
    assert first == {a.key: a, b.key: b}
    assert looks._fleet() is first
    assert looks._poll._wanted == set()
    changed = EndpointTarget("A", "a", "h", 443, ("ns", "a"), verified=False)
    asking.state.targets = {"A": (changed,)}
    assert looks._fleet() == {a.key: changed}
    assert looks._poll._wanted == {a.key}
    asking.state.targets = {"A": tuple(target(str(number)) for number in range(5001))}
    assert len(looks._fleet()) == 5000


def test_what_left_while_it_was_looked_at_is_not_told(asking: Asking) -> None:
    looks = EndpointLooks(asking.state, asking.post, Looking(True), lambda: NOW)
    asking.state.targets = {"A": (target("a"),)}
    looks._fleet()
    for name in ("a", "b"):
        one = ServedEndpoint(target(name), failure=FORBIDDEN)
        looks._told(one.target.key, lambda one=one: asking.state.endpoint_told(one, NOW))  # type: ignore[misc]
    assert [one.target.name for one in asking.state.facts().served or ()] == ["a"]
    looks._left(target("a").key)
    assert asking.state.facts().served == ()


def test_no_more_certificates_are_kept_of_a_kind_than_fit() -> None:
    """Whoever may create objects could fill the memory with them; each kind is counted by itself."""
    many = tuple(certificate(f"CN={number}", NOW, NOW + 1) for number in range(20_000))

    def holding(count: int) -> Callable[[bytes], ObjectCalls]:
        return lambda raw: ObjectCalls(
            "A", raw.decode(), (Call(BundleContent(many[:count]), ServiceReference("a", "b")),)
        )

    exactly, one_less = (ca_bundles._bounded(holding(count)) for count in (20_000, 19_999))
    found = one_less(b"first")
    assert found.bundle == CaBundle("A", "first", many[:-1])
    assert [one.host for one in found.targets] == ["a.b.svc"]
    for bounded, name in ((one_less, b"second"), (exactly, b"first")):
        assert bounded(name).bundle is not None
        with pytest.raises(ObjectError) as raised:
            bounded(b"more")
        assert str(raised.value) == "the objects before it hold 20000 certificates: no more are kept"
    without = ca_bundles._bounded(lambda raw: ObjectCalls("A", raw.decode(), ()))
    assert without(b"x") == ca_bundles.CalledObject(None)
    assert ca_bundles.DEFINITIONS == 50


@pytest.mark.parametrize(("given", "told"), [(None, "unknown"), ("", "unknown"), ("abc", "abc")])
def test_the_revision_is_what_the_image_says(given: str | None, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AKSCERT_REVISION", raising=False)
    if given is not None:
        monkeypatch.setenv("AKSCERT_REVISION", given)
    assert revision() == told
