"""Each thing that is told to a cluster's state: its facts, its sources and its version afterwards."""

import logging
from collections.abc import Callable
from dataclasses import replace

import pytest

from exporter.agents.cluster.kube_sources import KUBE_SOURCES
from exporter.agents.cluster.state import ClusterState
from exporter.facts.azure.managed_cluster import azure_cluster
from exporter.facts.azure.resource_id import ResourceId
from exporter.facts.cluster import ClusterFacts
from exporter.facts.kube.csr import CLIENT_SIGNER, SERVING_SIGNER, CertificateIdentity, Csr
from exporter.facts.kube.kubelet_report import KubeletReport
from exporter.facts.kube.metadata import ObjectError
from exporter.facts.kube.node import Node
from exporter.facts.opt_out_tag import TAG
from exporter.facts.source import Failure
from exporter.reason import (
    Ca,
    CsrCondition,
    KubeletStatus,
    Lease,
    Reason,
    Requestor,
    Role,
    Rotation,
    RotationReason,
    Source,
)
from simulation.azure.bodies import agent_pool, managed_cluster
from simulation.pki import DAY
from tests.agents.clusters import source_facts
from tests.check.known import NOW, certificate

FORBIDDEN = Failure(Reason.FORBIDDEN, "HTTP 403")
GONE = Failure(Reason.NOT_FOUND, "HTTP 404")
CA = certificate("CN=ca", NOW - 9 * DAY, NOW + 900 * DAY)
NEXT = certificate("CN=cb", NOW - DAY, NOW + 900 * DAY)
RESOURCE = ResourceId("5ab0", "contoso", "managedClusters", "aks1")
EVERY = (
    *KUBE_SOURCES,
    Source.AZURE,
    Source.KUBELETS,
    Source.NODE_AGENTS,
    Source.ENDPOINTS,
    Source.WORKLOADS,
    Source.PREFLIGHT,
)


@pytest.fixture
def state() -> ClusterState:
    return ClusterState(EVERY)


def outcome(found: ClusterState, which: Source) -> tuple[bool | None, float | None, dict[Reason, int], str]:
    """Whether it answers, when it last did, its failures, and the last one's words."""
    facts = source_facts(found, which)
    return facts.up, facts.last_success, {one: count for one, count in facts.errors.items() if count}, facts.last_error


def changes(found: ClusterState, tell: Callable[[], object]) -> bool:
    """Whether telling it changes the version."""
    before = found.version
    tell()
    assert found.version in (before, before + 1)
    return found.version != before


def node(name: str = "aks-1", **changed: object) -> Node:
    made = Node(name, "p", "v1.33.2", "", "linux", "Ubuntu", "", Rotation.UNKNOWN, NOW - DAY, True, "", "")
    return replace(made, **changed)  # type: ignore[arg-type]


def csr(
    uid: str, *, name: str = "aks-1", signer: str = SERVING_SIGNER, created: float = NOW - 60, **more: object
) -> Csr:
    condition = CsrCondition.ISSUED if more else CsrCondition.PENDING
    return Csr(uid, uid, signer, "", Requestor.NODE, name, condition, created, **more)  # type: ignore[arg-type]


def test_at_first_nothing_is_known_and_no_source_was_asked(state: ClusterState) -> None:
    assert state.facts() == ClusterFacts(served=(), observations={})
    assert ClusterState(KUBE_SOURCES).facts() == ClusterFacts()
    assert [(one.source, one.up) for one in state.sources()] == [(which, None) for which in EVERY]
    assert state.version == 0


@pytest.mark.parametrize(
    ("sources", "known"),
    [((), False), ((Source.KUBELETS,), True), ((Source.NODE_AGENTS,), True), ((Source.ENDPOINTS,), False)],
)
def test_observations_are_there_where_somebody_is_asked_about_nodes(sources: tuple[Source, ...], known: bool) -> None:
    assert (ClusterState(sources).facts().observations is not None) is known


def test_what_a_node_was_last_issued_says_when_its_certificate_began(state: ClusterState) -> None:
    """By role; the requests of another signer say nothing, nor does one whose certificate cannot be read."""
    told = KubeletReport("aks-1", KubeletStatus.OK, client_certificate=True, client_not_after=NOW + 9 * DAY)
    state.nodes_listed([node()], NOW)
    assert changes(state, lambda: state.observed.kubelet_told(told, NOW))

    def begins() -> float | None:
        observations = state.facts().observations
        assert observations is not None
        view = observations["aks-1"].view
        assert view is not None
        return view.certificates[0].not_before

    assert begins() is None
    identity = CertificateIdentity("1", "f", NOW - 7 * DAY, NOW + 9 * DAY)
    state.csrs_listed([csr("a", signer="other/signer", certificate=identity, answered=NOW)], NOW)
    assert begins() is None
    state.csrs_listed([csr("b", signer=CLIENT_SIGNER, certificate=None, answered=NOW)], NOW)
    assert begins() is None
    both = [
        csr("c", signer=CLIENT_SIGNER, certificate=identity, answered=NOW),
        csr("d", signer=SERVING_SIGNER, certificate=replace(identity, not_before=NOW - DAY), answered=NOW),
    ]
    state.csrs_listed(both, NOW)
    assert begins() == NOW - 7 * DAY


def test_a_pools_tag_and_a_nodes_label_say_how_its_kubelet_is_meant(state: ClusterState) -> None:
    pool = azure_cluster(managed_cluster(RESOURCE, [agent_pool("p", tags={TAG: "true"})]), RESOURCE)
    served = certificate("CN=self", NOW - DAY, NOW + DAY, "CN=self")
    state.nodes_listed([node(serving_rotation=Rotation.DISABLED)], NOW)
    state.observed.kubelet_told(KubeletReport("aks-1", KubeletStatus.OK, served=(served,)), NOW)

    def reason() -> RotationReason:
        (one,) = (state.facts().observations or {}).values()
        assert one.view is not None
        assert one.view.rotation[1].role is Role.KUBELET_SERVING
        return one.view.rotation[1].reason

    assert reason() is RotationReason.UNDETERMINED
    state.azure_read(pool, NOW)
    state.nodes_listed([node(serving_rotation=Rotation.ENABLED)], NOW)
    assert reason() is RotationReason.ROTATING


def test_requests_are_known_from_the_first_list_on(state: ClusterState) -> None:
    assert state.facts().csrs is None
    assert changes(state, lambda: state.csrs_listed([], NOW))
    totals = state.facts().csrs
    assert totals is not None
    assert outcome(state, Source.CSRS) == (True, NOW, {}, "")
    assert not changes(state, lambda: state.csrs_listed([], NOW + 1))
    assert changes(state, lambda: state.csr_changed(csr("a"), NOW, deleted=False))

    def pending() -> list[float | None]:
        csrs = state.facts().csrs
        return [one.pending_since for one in csrs.nodes] if csrs else []

    assert pending() == [NOW - 60]
    state.csr_changed(csr("a"), NOW, deleted=True)
    csrs = state.facts().csrs
    assert csrs is not None
    assert sum(csrs.objects.values()) == 0
    state.csrs_listed([csr("b")], NOW)
    assert sum((state.facts().csrs or totals).objects.values()) == 1
    state.csrs_listed([], NOW)
    assert sum((state.facts().csrs or totals).objects.values()) == 0


def test_a_request_from_the_future_waits_since_it_was_first_seen(state: ClusterState) -> None:
    """By the later of the two clocks."""
    state.offset = lambda: 100.0
    state.csrs_listed([csr("a", created=NOW + DAY)], NOW)
    state.csr_changed(csr("b", name="aks-2", created=NOW + DAY), NOW + 50, deleted=False)
    csrs = state.facts().csrs
    assert csrs is not None
    assert {one.node: one.pending_since for one in csrs.nodes} == {"aks-1": NOW + 100, "aks-2": NOW + 150}


def test_how_long_a_certificate_took_is_known_best_of_one_that_was_seen_to_come(state: ClusterState) -> None:
    """Else the object tells no more than when it was approved."""
    identity = CertificateIdentity("1", "f", NOW - DAY, NOW + DAY)

    def took(uid: str, *, deleted: bool) -> float:
        before = totals()
        state.csr_changed(csr(uid, created=NOW - 60, certificate=identity, answered=NOW - 20), NOW, deleted=deleted)
        return totals() - before

    def totals() -> float:
        csrs = state.facts().csrs
        assert csrs is not None
        return sum(one.total for one in csrs.durations.values())

    state.csrs_listed([], NOW)
    assert (took("a", deleted=False), took("b", deleted=True)) == (60.0, 40.0)


@pytest.mark.parametrize("signer", [CLIENT_SIGNER, SERVING_SIGNER])
@pytest.mark.parametrize("listed", [True, False])
def test_nobody_waits_for_the_certificate_of_a_node_that_went(listed: bool, signer: str, state: ClusterState) -> None:
    state.nodes_listed([node()], NOW)
    state.csrs_listed([csr("a", signer=signer)], NOW)

    def waits() -> list[float | None]:
        csrs = state.facts().csrs
        return [one.pending_since for one in csrs.nodes] if csrs else []

    assert waits() == [NOW - 60]
    if listed:
        state.nodes_listed([], NOW)
    else:
        state.node_changed(node(), NOW, deleted=True)
    assert waits() == [None]


def test_nodes_come_change_and_go(state: ClusterState) -> None:
    assert changes(state, lambda: state.nodes_listed([], NOW))
    assert state.facts().nodes == ()
    assert outcome(state, Source.NODES) == (True, NOW, {}, "")
    assert not changes(state, lambda: state.nodes_listed([], NOW + 1))
    assert changes(state, lambda: state.nodes_listed([node()], NOW))
    assert not changes(state, lambda: state.node_changed(node(), NOW, deleted=False))
    assert changes(state, lambda: state.node_changed(node(ready=False), NOW, deleted=False))
    assert changes(state, lambda: state.node_changed(node("aks-2"), NOW, deleted=False))
    assert state.facts().nodes == (node(ready=False), node("aks-2"))
    assert not changes(state, lambda: state.node_changed(node("aks-3"), NOW, deleted=True))
    assert changes(state, lambda: state.node_changed(node("aks-2"), NOW, deleted=True))
    assert state.facts().nodes == (node(ready=False),)
    assert changes(state, lambda: state.nodes_listed([node()], NOW))
    assert state.facts().nodes == (node(),)


def test_before_the_first_list_a_changed_node_is_none_yet(state: ClusterState) -> None:
    state.node_changed(node(), NOW, deleted=True)
    state.node_changed(node(), NOW, deleted=False)
    assert state.facts().nodes is None


@pytest.mark.parametrize("listed", [True, False])
def test_a_node_that_is_made_anew_is_as_old_as_it_says(listed: bool, state: ClusterState) -> None:
    """What was believed of the one before goes with it."""

    def goes() -> None:
        if listed:
            state.nodes_listed([], NOW)
        else:
            state.node_changed(ahead, NOW, deleted=True)

    ahead = node(created=NOW + DAY)
    state.nodes_listed([ahead], NOW)
    state.node_changed(ahead, NOW + 60, deleted=False)
    assert [one.created for one in state.facts().nodes or ()] == [NOW]
    goes()
    state.node_changed(ahead, NOW + 60, deleted=False)
    assert [one.created for one in state.facts().nodes or ()] == [NOW + 60]
    state.offset = lambda: 30.0
    state.node_changed(node("aks-2", created=NOW + DAY), NOW + 60, deleted=False)
    assert [one.created for one in state.facts().nodes or ()][-1] == NOW + 90


def test_what_is_known_of_nodes_long_gone_is_dropped_once_nodes_are_known(state: ClusterState) -> None:
    def followed() -> list[str]:
        csrs = state.facts().csrs
        return [one.node for one in csrs.nodes] if csrs else []

    identity = CertificateIdentity("1", "f", NOW - DAY, NOW + DAY)
    state.csrs_listed([csr("a", certificate=identity, answered=NOW)], NOW)
    state.csrs_listed([], NOW)
    state.tidied(NOW + DAY)
    assert followed() == ["aks-1"]
    state.nodes_listed([], NOW)
    state.tidied(NOW)
    assert followed() == ["aks-1"]
    state.tidied(NOW + DAY)
    assert followed() == []


def test_of_the_config_maps_each_part_is_kept_by_itself(state: ClusterState) -> None:
    both = {Ca.CLIENT: (CA,), Ca.REQUESTHEADER: (NEXT,)}
    assert changes(state, lambda: state.config_maps_read(FORBIDDEN, FORBIDDEN, FORBIDDEN, NOW)) is False
    assert outcome(state, Source.CONFIGMAPS) == (False, None, {Reason.FORBIDDEN: 3}, "HTTP 403")
    assert changes(state, lambda: state.config_maps_read((CA,), FORBIDDEN, FORBIDDEN, NOW))
    assert (state.facts().cas, state.facts().created) == ({Ca.CLUSTER: (CA,)}, None)
    assert changes(state, lambda: state.config_maps_read(FORBIDDEN, both, FORBIDDEN, NOW))
    assert state.facts().cas == {Ca.CLUSTER: (CA,), **both}
    assert changes(state, lambda: state.config_maps_read(FORBIDDEN, FORBIDDEN, NOW - DAY, NOW))
    assert (state.facts().cas, state.facts().created) == ({Ca.CLUSTER: (CA,), **both}, NOW - DAY)
    assert not changes(state, lambda: state.config_maps_read((CA,), both, NOW - DAY, NOW + 1))
    assert outcome(state, Source.CONFIGMAPS) == (True, NOW + 1, {Reason.FORBIDDEN: 9}, "")
    odd = {Ca.CLIENT: ObjectError("client: odd")}
    assert changes(state, lambda: state.config_maps_read((CA,), odd, NOW - DAY, NOW + 2))
    assert state.facts().cas == {Ca.CLUSTER: (CA,), Ca.CLIENT: (CA,)}
    assert outcome(state, Source.CONFIGMAPS)[2:] == ({Reason.FORBIDDEN: 9, Reason.DECODE: 1}, "client: odd")


def test_a_cluster_from_the_future_was_made_when_it_was_first_seen(state: ClusterState) -> None:
    state.offset = lambda: 100.0
    state.config_maps_read((CA,), {}, NOW + DAY, NOW)
    state.config_maps_read((CA,), {}, NOW + DAY, NOW + 60)
    assert state.facts().created == NOW + 100


def test_the_cas_that_were_are_remembered(state: ClusterState) -> None:
    """Those of the config map, and before it could be read those that this agent itself was given."""
    assert not changes(state, lambda: state.trust_anchors_seen((CA,)))
    assert state.facts().former_cas == frozenset()
    assert changes(state, lambda: state.trust_anchors_seen((NEXT,)))
    assert state.facts().former_cas == {CA.public_key_sha256}
    assert not changes(state, lambda: state.trust_anchors_seen((NEXT,)))
    state.config_maps_read((NEXT,), {}, NOW, NOW)
    assert not changes(state, lambda: state.trust_anchors_seen((CA,)))
    assert state.facts().former_cas == {CA.public_key_sha256}
    state.config_maps_read((CA,), {}, NOW, NOW)
    assert state.facts().former_cas == {NEXT.public_key_sha256}


MANAGER, APPROVER = Lease.KUBE_CONTROLLER_MANAGER, Lease.KUBELET_SERVING_CSR_APPROVER


def test_leases_are_kept_until_they_are_gone(state: ClusterState, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    state.leases_read({MANAGER: NOW - 9, APPROVER: FORBIDDEN}, NOW)
    assert state.leases == state.facts().leases == {MANAGER: NOW - 9}
    assert outcome(state, Source.LEASES) == (False, None, {Reason.FORBIDDEN: 1}, "HTTP 403")
    state.leases_read({MANAGER: FORBIDDEN, APPROVER: NOW}, NOW)
    assert state.leases == {MANAGER: NOW - 9, APPROVER: NOW}
    state.leases_read({MANAGER: GONE, APPROVER: NOW + 4}, NOW)
    assert (state.leases, state.leases_ahead) == ({APPROVER: NOW}, {})
    assert outcome(state, Source.LEASES) == (True, NOW, {Reason.FORBIDDEN: 2}, "")
    caplog.clear()
    ahead = {MANAGER: NOW + 100, APPROVER: NOW + 4}
    state.offset = lambda: 10.0
    words = "the lease kube-controller-manager was renewed 90 s in the future: when it was first seen counts"
    for _ in range(3):
        state.leases_read(ahead, NOW)
    assert (state.leases, state.leases_ahead) == ({MANAGER: NOW + 10, APPROVER: NOW}, {MANAGER: 90.0})
    assert state.facts().leases_ahead == {MANAGER: 90.0}
    assert outcome(state, Source.LEASES) == (True, NOW, {Reason.FORBIDDEN: 2, Reason.ERROR: 3}, words)
    assert caplog.messages == [f"leases: {words}"]
    state.leases_read({MANAGER: GONE}, NOW)
    state.leases_read({MANAGER: NOW + 100}, NOW + 50)
    assert state.leases[MANAGER] == NOW + 60  # what was believed of the one before went with it
