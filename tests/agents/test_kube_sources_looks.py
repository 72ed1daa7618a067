"""Each look at the API server, taken once in the test's thread (kube_sources): what is told of it to the state."""

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import pytest

from exporter.agents.cluster.kube_sources import KUBE_SOURCES, Intervals, KubeSources
from exporter.agents.cluster.state import ClusterState
from exporter.facts.source import Failure
from exporter.facts.x509 import certificates
from exporter.reason import Ca, Lease, Reason, Source
from exporter.sources.kube.connection import Connection
from simulation.api import objects
from simulation.api.server import ApiServer, Fault, FaultKind
from simulation.pki import Authority
from tests.agents.clusters import CA, NEXT_CA, NODE, connected, csr, source_facts
from tests.agents.test_node_looks import unused
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
        post: Callable[[Callable[[], None]], None] = lambda work: work(),
    ) -> KubeSources:
        return KubeSources(
            self.connection,
            self.state,
            post,
            lambda: (self.connection.server,) if addresses is None else addresses,
            Intervals(probe_timeout=2.0),
            **({"in_pod": True} if in_pod else {}),
            **({"conversions": True} if conversions else {}),
            clock=clock,
        )

    def outcome(self, of: Source) -> tuple[bool | None, float | None, Reason | None, str]:
        facts = source_facts(self.state, of)
        return facts.up, facts.last_success, facts.last_reason, facts.last_error

    def refuse(self, resource: str) -> None:
        self.server.faults.add(Fault(FaultKind.STATUS, status=403), resource=resource, times=None)


@pytest.fixture
def asking(tmp_path: Path) -> Iterator[Asking]:
    with connected(tmp_path) as (server, connection):
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
    """It is posted: whoever does the work hears of no exception."""
    posted: list[Callable[[], None]] = []
    LOOKS[source](asking.sources(clock=lambda: None, post=posted.append))  # type: ignore[arg-type, return-value]
    assert asking.outcome(source) == (None, None, None, "")
    for work in posted:
        work()
    assert asking.outcome(source)[:3] == (False, None, Reason.BUG)
    assert "TypeError" in asking.outcome(source)[3]


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


PARTS = {
    "kube-root-ca.crt": ("configmaps", {Ca.CLIENT, Ca.REQUESTHEADER}, True),
    "extension-apiserver-authentication": ("configmaps", {Ca.CLUSTER}, True),
    "kube-system": ("namespaces", set(Ca), False),
}


@pytest.mark.parametrize("name", PARTS)
def test_a_part_of_the_config_maps_that_cannot_be_read_is_a_failure(name: str, asking: Asking) -> None:
    plural, cas, created = PARTS[name]
    asking.server.store.delete(plural, name, "kube-system" if plural == "configmaps" else "")
    assert asking.sources().look_at_config_maps() is False
    facts = asking.state.facts()
    assert (set(facts.cas), facts.created is not None) == (cas, created)
    assert asking.outcome(Source.CONFIGMAPS)[:3] == (False, None, Reason.NOT_FOUND)


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
    limits = [re.findall(r"limit=(\d+)", target) for _, target in asking.server.requests if "definitions" in target]
    assert limits == ([["50"]] if conversions else [])  # one may be large
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
    assert list(asking.state.targets) == ["APIService"]


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


@pytest.mark.parametrize("in_pod", [True, False])
def test_where_the_connection_has_no_cas_of_its_own_those_of_the_cluster_count(
    in_pod: bool, asking: Asking, tmp_path: Path
) -> None:
    here = asking.connection.server
    with closing(unused(tmp_path)) as connection:
        sources = replace(asking, connection=connection).sources(in_pod=in_pod, addresses=(here,))
        sources.look_at_endpoints()
        assert [one.trusted for one in asking.state.facts().endpoints] == [None]
        sources._root = certificates(CA.pem)
        sources.look_at_endpoints()
        assert [one.trusted for one in asking.state.facts().endpoints] == [True]


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
