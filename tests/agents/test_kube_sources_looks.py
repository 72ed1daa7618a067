"""Each look at the API server, taken once in the test's thread (kube_sources): what is told of it to the state."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from exporter.agents.cluster.kube_sources import KUBE_SOURCES, Intervals, KubeSources, _Sink
from exporter.agents.cluster.state import ClusterState
from exporter.facts.kube.csr import SERVING_SIGNER, Csr
from exporter.facts.kube.csr import csr as csr_reader
from exporter.facts.kube.node import Node
from exporter.facts.kube.node import node as node_reader
from exporter.facts.kube.reader import Change
from exporter.facts.source import Failure
from exporter.reason import Ca, CsrCondition, Lease, Reason, Requestor, Rotation, Source
from exporter.sources.kube import resource
from exporter.sources.kube.connection import Connection, Kubeconfig
from simulation.api import objects
from simulation.api.server import ApiServer, Fault, FaultKind, write_kubeconfig
from simulation.pki import Authority
from tests.agents.clusters import CA, NEXT_CA, NODE, csr, populate, serving
from tests.check.known import NOW


@dataclass
class Asking:
    """A small cluster, and sources of which nothing has been started."""

    server: ApiServer
    connection: Connection
    state: ClusterState = field(default_factory=lambda: ClusterState((*KUBE_SOURCES, Source.ENDPOINTS)))

    def sources(
        self,
        *,
        in_pod: bool = False,
        conversions: bool = False,
        clock: Callable[[], float] = lambda: NOW,
        addresses: tuple[tuple[str, int], ...] | None = None,
    ) -> KubeSources:
        return KubeSources(
            self.connection,
            self.state,
            lambda work: work(),
            lambda: (self.connection.server,) if addresses is None else addresses,
            Intervals(probe_timeout=2.0),
            **({"in_pod": True} if in_pod else {}),
            **({"conversions": True} if conversions else {}),
            clock=clock,
        )

    def outcome(self, of: Source) -> tuple[bool | None, float | None, Reason | None, str]:
        (facts,) = [one for one in self.state.sources() if one.source is of]
        return facts.up, facts.last_success, facts.last_reason, facts.last_error

    def refuse(self, resource: str) -> None:
        self.server.faults.add(Fault(FaultKind.STATUS, status=403), resource=resource, times=None)


@pytest.fixture
def asking(tmp_path: Path) -> Iterator[Asking]:
    with ApiServer(serving()) as server:
        populate(server)
        path = write_kubeconfig(tmp_path / "kubeconfig", server.kubeconfig(CA.pem))
        with closing(Connection(Kubeconfig(path), timeout=5.0)) as connection:
            yield Asking(server, connection)


def test_so_often_is_looked_where_nobody_says_how_often() -> None:
    assert Intervals() == Intervals(
        config_maps=60.0,
        leases=30.0,
        bundles=300.0,
        apiserver=60.0,
        workloads=600.0,
        preflight=300.0,
        watch=300.0,
        probe_timeout=5.0,
        backoff=0.8,
        azure=300.0,
        azure_operating=60.0,
        first_answer=60.0,
        azure_without_nodes=5.0,
    )
    assert KUBE_SOURCES == (
        Source.CSRS,
        Source.NODES,
        Source.CONFIGMAPS,
        Source.LEASES,
        Source.WEBHOOKS,
        Source.APISERVICES,
        Source.APISERVER,
    )


LOOKS = {
    Source.CONFIGMAPS: KubeSources.look_at_config_maps,
    Source.LEASES: KubeSources.look_at_leases,
    Source.WEBHOOKS: KubeSources.look_at_webhooks,
    Source.APISERVICES: KubeSources.look_at_api_services,
    Source.APISERVER: KubeSources.look_at_endpoints,
}
UP = (True, NOW, None, "")


@pytest.mark.parametrize("source", LOOKS)
def test_a_look_that_goes_well_says_so_and_dates_the_source(source: Source, asking: Asking) -> None:
    assert LOOKS[source](asking.sources()) is True
    assert asking.outcome(source) == UP
    assert [one.source for one in asking.state.sources() if one.up is not None] == [source]


@pytest.mark.parametrize("source", LOOKS)
def test_a_bug_in_a_look_is_the_sources_failure(source: Source, asking: Asking) -> None:
    def broken() -> float:
        raise KeyError("clock")

    assert LOOKS[source](asking.sources(clock=broken)) is False
    assert asking.outcome(source)[:3] == (False, None, Reason.BUG)


@pytest.mark.parametrize("source", [Source.CONFIGMAPS, Source.LEASES])
def test_and_so_is_one_in_what_is_made_of_it(source: Source, asking: Asking) -> None:
    LOOKS[source](asking.sources(clock=lambda: None))  # type: ignore[arg-type, return-value]
    assert asking.outcome(source)[:3] == (False, None, Reason.BUG)


def test_requests_and_nodes_are_listed(asking: Asking) -> None:
    asking.server.store.put("certificatesigningrequests", csr("a"))
    sources = asking.sources()
    requests, nodes = sources.look_at_csrs(), sources.look_at_nodes()
    assert isinstance(requests, list)
    assert isinstance(nodes, list)
    assert ([one.name for one in requests], [one.name for one in nodes]) == (["a"], [NODE])
    facts = asking.state.facts()
    assert facts.csrs is not None
    assert [one.node for one in facts.csrs.nodes] == [NODE]
    assert facts.nodes == tuple(nodes)
    assert (asking.outcome(Source.CSRS), asking.outcome(Source.NODES)) == (UP, UP)


def test_what_cannot_be_listed_is_a_failure_and_what_cannot_be_read_hides_no_other(asking: Asking) -> None:
    asking.server.store.put("nodes", {"metadata": {"name": "odd", "creationTimestamp": "never"}})
    sources = asking.sources()
    nodes = sources.look_at_nodes()
    assert isinstance(nodes, list)
    assert [one.name for one in asking.state.facts().nodes or ()] == [NODE]
    up, last, reason, _ = asking.outcome(Source.NODES)
    assert (up, last, reason) == (False, NOW, Reason.DECODE)
    asking.refuse("certificatesigningrequests")
    failure = sources.look_at_csrs()
    assert isinstance(failure, Failure)
    assert asking.outcome(Source.CSRS) == (False, None, Reason.FORBIDDEN, failure.words)
    assert asking.state.facts().csrs is None


def test_a_list_in_which_there_is_a_bug_is_a_failure(asking: Asking) -> None:
    asking.connection.list_all = None  # type: ignore[assignment, method-assign]
    found = asking.sources().look_at_nodes()
    assert isinstance(found, Failure)
    assert found.reason is Reason.BUG
    assert asking.outcome(Source.NODES)[:3] == (False, None, Reason.BUG)


def test_the_config_maps_give_the_cas_and_the_clusters_age(asking: Asking) -> None:
    sources = asking.sources()
    assert sources.look_at_config_maps()
    facts = asking.state.facts()
    assert {ca: one[0].subject for ca, one in facts.cas.items()} == {
        Ca.CLUSTER: "CN=ca",
        Ca.CLIENT: "CN=ca",
        Ca.REQUESTHEADER: "CN=aggregator-ca",
    }
    assert facts.created is not None


@pytest.mark.parametrize("resource", ["configmaps", "namespaces"])
def test_a_part_of_the_config_maps_that_cannot_be_read_is_a_failure(resource: str, asking: Asking) -> None:
    asking.refuse(resource)
    assert asking.sources().look_at_config_maps() is False
    facts = asking.state.facts()
    assert (bool(facts.cas), facts.created is not None) == (resource != "configmaps", resource != "namespaces")
    assert asking.outcome(Source.CONFIGMAPS)[:3] == (False, None, Reason.FORBIDDEN)


def test_when_the_clusters_ca_is_another_one_trust_is_looked_at_again(asking: Asking) -> None:
    """The first one counts as another, and one that stays sets nothing going."""
    sources = asking.sources()

    def woken() -> list[bool]:
        found = [look._wake.is_set() for look in sources._of_trust]
        for look in sources._of_trust:
            look._wake.clear()
        return found

    for authority, expected in ((CA, True), (CA, False), (NEXT_CA, True), (NEXT_CA, False)):
        asking.server.store.put("configmaps", objects.root_ca_config("kube-system", authority.pem))
        assert sources.look_at_config_maps()
        assert woken() == [expected] * 3
    asking.refuse("configmaps")
    sources.look_at_config_maps()
    assert woken() == [False] * 3
    asking.connection.on_other_authorities()
    assert woken() == [True] * 3
    assert sources._of_config_maps._wake.is_set()


def test_after_an_outage_what_failed_is_looked_at_again(asking: Asking) -> None:
    sources = asking.sources()
    for look in sources._looks:
        look._failures = 2
    sources._looks[0]._failures = 0
    sources._recovered()
    assert [look._failures for look in sources._looks] == [0] * 5
    assert [look._wake.is_set() for look in sources._looks] == [False, True, True, True, True]


@pytest.mark.parametrize(("refused", "well"), [((), True), (Lease, False)])
def test_leases_went_well_where_any_could_be_read(refused: tuple[Lease, ...], well: bool, asking: Asking) -> None:
    if refused:
        asking.refuse("leases")
    assert asking.sources().look_at_leases() is well
    assert set(asking.state.facts().leases) == ({*Lease} if well else set())


def test_of_two_leases_one_is_enough(asking: Asking) -> None:
    asking.server.store.delete("leases", Lease.KUBE_CONTROLLER_MANAGER, "kube-system")
    assert asking.sources().look_at_leases() is True
    assert list(asking.state.facts().leases) == [Lease.KUBELET_SERVING_CSR_APPROVER]
    assert asking.outcome(Source.LEASES) == UP


def bundles(asking: Asking) -> list[tuple[str, str]]:
    return [(one.kind, one.name) for one in asking.state.facts().bundles]


VALIDATING, MUTATING = "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"


@pytest.mark.parametrize("conversions", [True, False])
def test_webhooks_and_where_it_is_wanted_conversions_are_listed(conversions: bool, asking: Asking) -> None:
    assert asking.sources(conversions=conversions).look_at_webhooks()
    assert bundles(asking) == [(VALIDATING, "policy"), (MUTATING, "injector")]
    kinds = [VALIDATING, MUTATING, *(["CustomResourceDefinition"] if conversions else [])]
    assert list(asking.state.targets) == kinds
    assert [one.name for one in asking.state.targets[VALIDATING]] == ["policy"]


def test_a_kind_that_cannot_be_listed_hides_no_other(asking: Asking) -> None:
    asking.refuse("validatingwebhookconfigurations")
    assert asking.sources().look_at_webhooks() is False
    assert bundles(asking) == [(MUTATING, "injector")]
    assert list(asking.state.targets) == [MUTATING]
    assert asking.outcome(Source.WEBHOOKS)[:3] == (False, None, Reason.FORBIDDEN)


def test_an_object_that_cannot_be_read_hides_no_other(asking: Asking) -> None:
    asking.server.store.put("validatingwebhookconfigurations", {"metadata": {"name": "odd"}, "webhooks": 7})
    assert asking.sources().look_at_webhooks() is True
    assert bundles(asking) == [(VALIDATING, "policy"), (MUTATING, "injector")]
    assert asking.outcome(Source.WEBHOOKS)[:3] == (False, None, Reason.DECODE)


def test_api_services_are_listed(asking: Asking) -> None:
    assert asking.sources().look_at_api_services()
    assert bundles(asking) == [("APIService", "v1beta1.metrics.k8s.io")]


@pytest.mark.parametrize(
    ("in_pod", "root", "trusted"), [(True, NEXT_CA, True), (False, NEXT_CA, False), (False, CA, True)]
)
def test_whose_trust_counts(in_pod: bool, root: Authority, trusted: bool, asking: Asking) -> None:
    """In a Pod that of the connection, as for all clients there; elsewhere the cluster's, where it is known."""
    asking.server.store.put("configmaps", objects.root_ca_config("kube-system", root.pem))
    sources = asking.sources(in_pod=in_pod)
    sources.look_at_endpoints()
    assert [one.trusted for one in asking.state.facts().endpoints] == [True]
    sources.look_at_config_maps()
    sources.look_at_endpoints()
    assert [one.trusted for one in asking.state.facts().endpoints] == [trusted]
    assert asking.outcome(Source.APISERVER)[0] is True


def test_each_address_is_looked_at_and_one_that_fails_is_no_good_look(asking: Asking) -> None:
    """The watches doubt their own connections where the server that they ask does not answer."""
    here = asking.connection.server
    sources = asking.sources(addresses=(here, ("127.0.0.2", 1)))
    doubted: list[int] = []
    for number, watch in enumerate(sources._watches):
        setattr(watch, "doubt", partial(doubted.append, number))  # noqa: B010 - a method, which a type holds fast
    assert sources.look_at_endpoints() is False
    first, second = asking.state.facts().endpoints
    assert (first.address, first.failure) == (f"127.0.0.1:{here[1]}", None)
    assert second.address == "127.0.0.2:1"
    assert second.failure is not None
    assert doubted == []
    asking.server.stop()
    assert sources.look_at_endpoints() is False
    assert doubted == [0, 1]
    assert asking.sources(addresses=()).look_at_endpoints() is True
    asking.server.start()


def test_the_servers_clock_is_the_connections(asking: Asking) -> None:
    asking.sources()
    assert asking.state.offset() is None
    asking.connection.clock_offset = 7.0
    assert asking.state.offset() == 7.0


def test_what_a_watch_tells_is_work_for_the_states_owner_and_its_first_answer_after_failures_a_recovery() -> None:
    told: list[object] = []
    state = ClusterState(KUBE_SOURCES)
    sink: _Sink[str] = _Sink(
        lambda source, work: (told.append(source), work())[1],  # type: ignore[func-returns-value]
        state,
        Source.CSRS,
        lambda items, now: told.append((items, now)),
        lambda change, item, now: told.append((change, item, now)),
        lambda: told.append("recovered"),
    )

    def said(tell: Callable[[], None]) -> list[object]:
        told.clear()
        tell()
        return list(told)

    csrs, failure = Source.CSRS, Failure(Reason.REFUSED, "no")
    assert said(lambda: sink.listed(["a"], NOW)) == [csrs, (["a"], NOW)]
    assert said(lambda: sink.changed(Change.DELETED, "a", NOW)) == [csrs, (Change.DELETED, "a", NOW)]
    assert said(lambda: sink.answered(NOW)) == [csrs]
    assert state.sources()[0].last_success == NOW
    for answers in (lambda: sink.listed([], NOW), lambda: sink.answered(NOW)):
        assert said(lambda: sink.failed(failure)) == [csrs]
        assert (state.sources()[0].up, state.sources()[0].last_error) == (False, "no")
        assert said(lambda: sink.changed(Change.ADDED, "a", NOW))[1:] == [(Change.ADDED, "a", NOW)]
        assert said(answers)[-1] == "recovered"
        assert "recovered" not in said(answers)


def test_what_a_watch_of_requests_and_nodes_changes(asking: Asking) -> None:
    """Of requests that a node sent, its kubelet is to be asked."""
    sources = asking.sources()
    asked: list[str] = []
    sources.on_node_request("nobody listens")
    sources.on_node_request = asked.append
    request = Csr("u", "a", SERVING_SIGNER, f"system:node:{NODE}", Requestor.NODE, NODE, CsrCondition.PENDING, NOW)
    asking.state.csrs_listed([], NOW)

    def objects_() -> int:
        csrs = asking.state.facts().csrs
        return sum(csrs.objects.values()) if csrs else -1

    sources._csr_changed(Change.ADDED, request, NOW)
    assert (objects_(), asked) == (1, [NODE])
    sources._csr_changed(Change.DELETED, request, NOW)
    assert (objects_(), asked) == (0, [NODE] * 2)
    sources._csr_changed(Change.ADDED, replace(request, node=""), NOW)
    assert asked == [NODE] * 2
    made = Node(NODE, "p", "", "", "linux", "", "", Rotation.ENABLED, NOW, True, "", "")
    asking.state.nodes_listed([], NOW)
    sources._node_changed(Change.MODIFIED, made, NOW)
    assert asking.state.facts().nodes == (made,)
    sources._node_changed(Change.DELETED, made, NOW)
    assert asking.state.facts().nodes == ()


def test_every_part_is_begun_and_ended(asking: Asking) -> None:
    sources = asking.sources()
    intervals = [one._interval for one in sources._looks]
    assert intervals == [60.0, 30.0, 300.0, 300.0, 60.0]
    names = ["config maps", "leases", "webhooks", "apiservices", "apiserver"]
    assert [one._thread.name for one in sources._looks] == names
    sources.start()
    threads = [one._thread for one in sources._parts]
    assert [thread.is_alive() for thread in threads] == [True] * 7
    closed: list[bool] = []
    setattr(asking.connection, "close", lambda: closed.append(True))  # noqa: B010 - a method, which a type holds fast
    sources.stop()
    assert ([thread.is_alive() for thread in threads], closed) == ([False] * 7, [True])


def test_requests_and_nodes_are_watched_each_with_its_own_reader(asking: Asking) -> None:
    sources = asking.sources()
    state, recovered = asking.state, sources._recovered
    watched = [
        (resource.CERTIFICATE_SIGNING_REQUESTS, csr_reader, Source.CSRS, state.csrs_listed, sources._csr_changed),
        (resource.NODES, node_reader, Source.NODES, state.nodes_listed, sources._node_changed),
    ]
    watches: tuple[Any, ...] = sources._watches
    sink: Any = _Sink
    for watch, (what, read, source, on_list, on_change) in zip(watches, watched, strict=True):
        assert watch._resource is what
        assert watch._read is read
        assert watch._sink == sink(sources._tell, state, source, on_list, on_change, recovered)
        assert (watch._watch_seconds, watch._clock()) == (300.0, NOW)
        assert (watch._backoff._first, watch._backoff._largest) == (0.8, 30.0)
