"""What the sources tell a cluster's state, and what it keeps."""

import logging
from dataclasses import replace

import pytest

from exporter.agents.cluster.kube_sources import KUBE_SOURCES
from exporter.agents.cluster.state import ClusterState
from exporter.facts.cluster import Endpoint
from exporter.facts.kube.ca_bundle import CaBundle
from exporter.facts.kube.csr import CLIENT_SIGNER, SERVING_SIGNER, Csr
from exporter.facts.kube.metadata import ObjectError
from exporter.facts.kube.node import Node
from exporter.facts.kube.workload import WorkloadUse
from exporter.facts.source import Failure
from exporter.facts.x509 import Certificate, certificates
from exporter.reason import Ca, CsrCondition, Lease, Reason, Requestor, RetiredPathUse, Rotation, Source
from simulation.pki import DAY, Authority
from tests.agents.clusters import source_facts

NOW = 1_800_000_000.0
CA, NEXT = Authority.cluster(NOW - 9 * DAY), Authority.cluster(NOW - DAY, number=1)
FORBIDDEN = Failure(Reason.FORBIDDEN, "HTTP 403")
NODE = "aks-nodepool1-12345678-vmss000000"


def read(authority: Authority) -> tuple[Certificate, ...]:
    return certificates(authority.pem)


def state() -> ClusterState:
    return ClusterState(KUBE_SOURCES)


def node(name: str = NODE, *, ready: bool = True) -> Node:
    return Node(name, "p", "v1.33.2", "", "linux", "Ubuntu", "cluster", Rotation.ENABLED, NOW, ready, "", "")


def csr(uid: str, created: float, condition: CsrCondition = CsrCondition.PENDING, signer: str = SERVING_SIGNER) -> Csr:
    return Csr(uid, uid, signer, "", Requestor.NODE, NODE, condition, created)


def test_one_unreadable_ca_fails_the_source_and_hides_no_other() -> None:
    """And what it was before stays."""
    found = state()
    found.config_maps_read(read(CA), {Ca.CLIENT: read(CA), Ca.REQUESTHEADER: read(NEXT)}, NOW, NOW)
    assert source_facts(found, Source.CONFIGMAPS).up
    broken: dict[Ca, tuple[Certificate, ...] | ObjectError]
    broken = {Ca.CLIENT: read(NEXT), Ca.REQUESTHEADER: ObjectError("requestheader: not base64")}
    found.config_maps_read(read(CA), broken, NOW, NOW + 60)
    facts = source_facts(found, Source.CONFIGMAPS)
    assert (facts.up, facts.last_reason, facts.last_success) == (False, Reason.DECODE, NOW)
    assert found.facts().cas == {Ca.CLUSTER: read(CA), Ca.CLIENT: read(NEXT), Ca.REQUESTHEADER: read(NEXT)}


def test_a_ca_that_is_set_no_more_is_gone() -> None:
    """An API server without aggregation has no request-header CA."""
    found = state()
    found.config_maps_read(read(CA), {Ca.REQUESTHEADER: read(CA)}, NOW, NOW)
    found.config_maps_read(read(CA), {}, NOW, NOW)
    assert found.facts().cas == {Ca.CLUSTER: read(CA)}


def test_a_part_that_fails_keeps_its_last_facts_and_the_others_go_on() -> None:
    """Of config maps, leases and bundles."""
    found = state()
    bundle = CaBundle("APIService", "x", read(CA))
    found.config_maps_read(read(CA), {}, NOW - DAY, NOW)
    found.leases_read(dict.fromkeys(Lease, NOW), NOW)
    found.bundles_read(Source.WEBHOOKS, {"a": [bundle, None], "b": []}, NOW)
    found.config_maps_read(FORBIDDEN, FORBIDDEN, NOW - 2 * DAY, NOW)
    later: dict[Lease, float | Failure]
    later = {Lease.KUBE_CONTROLLER_MANAGER: FORBIDDEN, Lease.KUBELET_SERVING_CSR_APPROVER: NOW + 5}
    found.leases_read(later, NOW + 5)
    found.bundles_read(Source.WEBHOOKS, {"a": FORBIDDEN, "b": [bundle]}, NOW)
    facts = found.facts()
    assert (facts.cas, facts.created) == ({Ca.CLUSTER: read(CA)}, NOW - 2 * DAY)
    assert list(facts.leases.values()) == [NOW, NOW + 5]
    assert facts.bundles == (bundle, bundle)
    assert [source_facts(found, one).up for one in (Source.CONFIGMAPS, Source.LEASES, Source.WEBHOOKS)] == [False] * 3
    assert source_facts(found, Source.CONFIGMAPS).errors[Reason.FORBIDDEN] == 2


def test_a_lease_that_is_not_there_is_an_answer() -> None:
    """Also where it was before."""
    found = state()
    found.leases_read(dict.fromkeys(Lease, NOW), NOW)
    gone = Failure(Reason.NOT_FOUND, "HTTP 404")
    found.leases_read({Lease.KUBE_CONTROLLER_MANAGER: NOW, Lease.KUBELET_SERVING_CSR_APPROVER: gone}, NOW)
    assert list(found.facts().leases) == [Lease.KUBE_CONTROLLER_MANAGER]
    assert source_facts(found, Source.LEASES).up


def test_an_address_keeps_the_certificate_it_last_showed() -> None:
    """One that is looked at no more is gone."""
    found = state()
    seen = Endpoint("10.0.0.1:443", read(CA)[0], True)
    silent = Endpoint("10.0.0.1:443", None, None, failure=Failure(Reason.TIMEOUT, "no handshake within 5 s"))
    found.endpoints_seen([seen, Endpoint("gone:443", read(CA)[0], True)], NOW)
    found.endpoints_seen([silent], NOW)
    (kept,) = found.facts().endpoints
    assert (kept.certificate, kept.trusted, kept.failure) == (seen.certificate, True, silent.failure)
    assert source_facts(found, Source.APISERVER).up is False
    found.endpoints_seen([seen], NOW)
    assert found.facts().endpoints == (seen,)
    assert source_facts(found, Source.APISERVER).up


def test_an_untrusted_certificate_counts_its_reason_and_leaves_the_source_up() -> None:
    """It answered."""
    found = state()
    found.endpoints_seen([Endpoint("x:443", read(CA)[0], False, Reason.CERTIFICATE_HOSTNAME)], NOW)
    facts = source_facts(found, Source.APISERVER)
    assert (facts.up, facts.errors[Reason.CERTIFICATE_HOSTNAME]) == (True, 1)


def test_a_node_that_goes_takes_its_requests_along() -> None:
    """By an event, or by not being in the next list."""
    found = state()
    found.nodes_listed([node(), node("other")], NOW)
    found.csrs_listed([csr("a", NOW - 60)], NOW)
    assert [one.pending_since for one in found.facts().csrs.nodes] == [NOW - 60]  # type: ignore[union-attr]
    found.node_changed(node(), NOW, deleted=True)
    assert [one.pending_since for one in found.facts().csrs.nodes] == [None]  # type: ignore[union-attr]
    found.nodes_listed([node(), node("other")], NOW)
    found.csr_changed(csr("b", NOW), NOW, deleted=False)
    assert [one.pending_since for one in found.facts().csrs.nodes] == [NOW]  # type: ignore[union-attr]
    found.nodes_listed([node("other")], NOW)
    assert [one.pending_since for one in found.facts().csrs.nodes] == [None]  # type: ignore[union-attr]


def test_nobody_waits_for_the_serving_certificate_of_a_node_that_is_not_there() -> None:
    """A17: the request of a deleted node lies there for a day. Before a node joins it asks for a client certificate."""
    found = state()
    found.csrs_listed([csr("a", NOW - 60), csr("b", NOW - 60, signer=CLIENT_SIGNER)], NOW)

    def waiting() -> set[str]:
        csrs = found.facts().csrs
        return {one.signer_name for one in csrs.nodes if one.pending_since} if csrs else set()

    assert waiting() == {SERVING_SIGNER, CLIENT_SIGNER}, "nobody has said yet which nodes there are"
    found.nodes_listed([node("other")], NOW)
    assert waiting() == {CLIENT_SIGNER}
    version = found.version
    found.node_changed(node(), NOW, deleted=False)
    assert waiting() == {SERVING_SIGNER, CLIENT_SIGNER}
    assert found.version > version


def test_a_virtual_node_has_nobody_to_tell_about_it_and_misses_nobody() -> None:
    """A8: there is no machine and no kubelet: it is no node that nobody observes."""
    found = ClusterState((*KUBE_SOURCES, Source.KUBELETS))
    found.nodes_listed([node(), replace(node("virtual-node-aci-linux"), virtual=True)], NOW)
    assert list(found.facts().observations or ()) == [NODE]


@pytest.mark.parametrize(("asked", "told", "up"), [(0, 0, True), (2, 1, True), (2, 2, True), (2, 0, False)])
def test_a_fleet_answers_where_any_of_it_does_or_where_there_is_none(asked: int, told: int, up: bool) -> None:
    found = ClusterState((*KUBE_SOURCES, Source.KUBELETS))
    failure = Failure(Reason.REFUSED, "a: refused") if told < asked else None
    found.observation_judged(Source.KUBELETS, asked, told, failure, NOW)
    facts = source_facts(found, Source.KUBELETS)
    words = "" if up else "none of 2 answered: a: refused"
    assert (facts.up, facts.last_success, facts.last_error) == (up, NOW if up else None, words)
    assert facts.errors[Reason.REFUSED] == (not up)


def test_of_a_fleet_that_told_nothing_yet_nothing_is_said() -> None:
    found = ClusterState((*KUBE_SOURCES, Source.KUBELETS))
    found.observation_judged(Source.KUBELETS, 2, 0, None, NOW)
    assert source_facts(found, Source.KUBELETS).up is None


def test_what_could_not_be_listed_hides_no_workload_that_was_known() -> None:
    """Until it can be listed again; and where nothing was ever known, none is claimed."""
    found = ClusterState((*KUBE_SOURCES, Source.WORKLOADS))
    one, two = (WorkloadUse("DaemonSet", "n", name, RetiredPathUse.MOUNT) for name in ("one", "two"))
    versions = [found.version]

    def known(uses: tuple[WorkloadUse, ...], *failures: Failure) -> tuple[object, bool | None, bool]:
        found.workloads_read(uses, failures, NOW)
        versions.append(found.version)
        return found.facts().workloads, source_facts(found, Source.WORKLOADS).up, versions[-1] != versions[-2]

    assert known((), FORBIDDEN) == (None, False, False)
    assert known((one,), FORBIDDEN) == ((one,), False, True)
    assert known((two,), FORBIDDEN) == ((two, one), False, True)
    assert known((), FORBIDDEN) == ((two, one), False, False)
    assert known((one,)) == ((one,), True, True)
    assert known((one,)) == ((one,), True, False)
    assert known(()) == ((), True, True)


def test_the_version_changes_with_the_facts_and_with_nothing_else() -> None:
    """Heartbeats, renewed leases and repeated answers render nothing anew."""
    found = state()
    found.nodes_listed([node()], NOW)
    found.csrs_listed([csr("a", NOW)], NOW)
    found.config_maps_read(read(CA), {}, NOW, NOW)
    found.endpoints_seen([Endpoint("x:443", read(CA)[0], True)], NOW)
    before = found.version
    found.nodes_listed([node()], NOW + 1)
    found.node_changed(node(), NOW, deleted=False)
    found.csrs_listed([csr("a", NOW)], NOW + 1)
    found.config_maps_read(read(CA), {}, NOW, NOW + 1)
    found.leases_read(dict.fromkeys(Lease, NOW), NOW + 1)
    found.endpoints_seen([Endpoint("x:443", read(CA)[0], True)], NOW + 1)
    found.failed(Source.NODES, FORBIDDEN)
    assert found.version == before
    found.node_changed(node(ready=False), NOW, deleted=False)
    assert found.version > before


def test_a_failure_is_logged_once_and_its_end_too(caplog: pytest.LogCaptureFixture) -> None:
    """Not at every try."""
    found = state()
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            found.failed(Source.NODES, FORBIDDEN)
        found.answered(Source.NODES, NOW)
        found.answered(Source.NODES, NOW)
    assert caplog.messages == ["nodes: forbidden: HTTP 403", "nodes: answers again"]


def test_an_outage_of_the_api_server_is_one_line_and_its_end_another(caplog: pytest.LogCaptureFixture) -> None:
    """G10: refused, reset, for a moment forbidden, expired: one event, whichever sources meet it."""
    found = state()
    refused, reset = Failure(Reason.REFUSED, "Connection refused"), Failure(Reason.RESET, "closed")
    with caplog.at_level(logging.INFO):
        for failure in (reset, refused, refused, FORBIDDEN, Failure(Reason.EXPIRED, "HTTP 410")):
            for one in (Source.CSRS, Source.NODES, Source.LEASES):
                found.failed(one, failure)
        for one in (Source.CSRS, Source.NODES, Source.LEASES):
            found.answered(one, NOW)
    assert caplog.messages == [
        "the API server does not answer: reset: closed (csrs first)",
        "the API server answers again",
    ]


def test_a_refusal_that_lasts_is_no_part_of_an_outage(caplog: pytest.LogCaptureFixture) -> None:
    """Rights that were taken away while the server was down."""
    found = state()
    with caplog.at_level(logging.INFO):
        found.failed(Source.CSRS, Failure(Reason.REFUSED, "Connection refused"))
        for _ in range(10):
            found.failed(Source.CSRS, FORBIDDEN)
    assert caplog.messages[1:] == ["csrs: forbidden: HTTP 403"]


def test_one_source_that_cannot_be_reached_is_its_own_trouble(caplog: pytest.LogCaptureFixture) -> None:
    """While the others are answered: it is said once, and not at every try."""
    found = state()
    with caplog.at_level(logging.INFO):
        for _ in range(30):
            found.failed(Source.WEBHOOKS, Failure(Reason.TIMEOUT, "no answer in time"))
            found.answered(Source.CSRS, NOW)
    assert caplog.messages == [
        "the API server does not answer: timeout: no answer in time (webhooks first)",
        "webhooks: timeout: no answer in time",
    ]


def test_a_source_that_was_never_heard_of_is_down_at_its_deadline() -> None:
    """A11: absent would be silence, and no rule fires on silence."""
    found = state()
    found.answered(Source.NODES, NOW)
    found.overdue(60.0)
    assert source_facts(found, Source.NODES).up is True
    facts = source_facts(found, Source.CSRS)
    assert (facts.up, facts.last_reason, facts.last_error) == (False, Reason.TIMEOUT, "no answer in the first 60 s")


def test_a_lease_from_the_future_counts_from_when_it_was_first_seen(caplog: pytest.LogCaptureFixture) -> None:
    """A16: it is said to be so, and its holder is silent 15 minutes later like any other."""
    found = state()
    tomorrow = dict.fromkeys(Lease, NOW + DAY)
    with caplog.at_level(logging.INFO):
        found.leases_read(tomorrow, NOW)
        found.leases_read(tomorrow, NOW + 900)
    facts = found.facts()
    assert set(facts.leases.values()) == {NOW}
    assert set(facts.leases_ahead.values()) == {DAY}
    assert source_facts(found, Source.LEASES).up
    assert "kube-controller-manager was renewed 86400 s in the future" in caplog.text
    assert len(caplog.records) == len(Lease), "each once, and not at every look"
    found.leases_read(dict.fromkeys(Lease, NOW + 901), NOW + 902)
    assert (set(found.facts().leases.values()), found.facts().leases_ahead) == ({NOW + 901}, {})


def test_the_servers_clock_is_believed_where_it_is_the_later_one() -> None:
    """A16: ours may be behind."""
    found = state()
    found.offset = lambda: 3600.0
    found.leases_read(dict.fromkeys(Lease, NOW + 3600), NOW)
    assert set(found.facts().leases.values()) == {NOW + 3600}
    assert found.facts().leases_ahead == {}


def test_a_node_from_the_future_was_made_when_it_was_first_seen() -> None:
    """A16: and its heartbeats change nothing of that."""
    found = state()
    ahead = replace(node(), created=NOW + DAY)
    found.nodes_listed([ahead], NOW)
    before = found.version
    found.node_changed(ahead, NOW + 60, deleted=False)
    found.nodes_listed([ahead], NOW + 90)
    (known,) = found.facts().nodes or ()
    assert (known.created, found.version) == (NOW, before)
