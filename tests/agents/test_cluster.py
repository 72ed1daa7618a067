"""The cluster agent against a simulated API server: every metric of it that is not Azure's, in a cluster that lives."""

import gzip
from pathlib import Path

import pytest

from exporter.agents.cluster.endpoint_looks import Looking
from exporter.agents.cluster.kube_sources import Intervals
from exporter.families.catalogue import catalogue
from exporter.web.negotiation import Format
from simulation.api import objects
from simulation.api.server import ApiServer, Fault, FaultKind, write_kubeconfig
from simulation.csr_answer import CLIENT_SIGNER, SERVING_SIGNER, Answer
from simulation.pki import DAY, YEAR
from tests.agents.clusters import (
    AGGREGATOR,
    CA,
    NEXT_CA,
    NODE,
    NOW,
    cluster,
    csr,
    node,
    populate,
    renew,
    serving,
)


def test_a_healthy_cluster_shows_every_metric_but_those_of_trouble(tmp_path: Path) -> None:
    """Each subject's whole catalogue, but for since when something waits or is silent, and who observes nodes."""

    def prepare(server: ApiServer) -> None:
        populate(server)
        server.store.put("certificatesigningrequests", csr("csr-1", Answer.ISSUED))

    with cluster(tmp_path, prepare=prepare) as found:
        found.until_ready()
        found.until(lambda: found.values("akscert_csr_last_issued_timestamp_seconds"))
        found.until(lambda: found.values("akscert_apiserver_trusted"))
        found.until(lambda: found.values("akscert_ca_bundle_outdated"))
        names = {name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for name, _ in found.series()}
        subjects = ("apiserver", "ca", "node", "csr", "signer", "cluster", "source", "build")
        expected = {metric.name for subject in subjects for metric in catalogue()[subject]}
        silent = {
            "akscert_csr_pending_since_timestamp_seconds",
            "akscert_node_observed",
            "akscert_signer_silent_since_timestamp_seconds",
        }
        assert expected - names == silent
        assert {"akscert_rotation_evidence", "process_resident_memory_bytes", "python_info"} <= names
        assert set(found.values("akscert_source_up")) == {1.0}


def test_the_control_plane_as_it_is(tmp_path: Path) -> None:
    """Dates, trust, CAs, bundles, signers, clock and age, with their values."""
    with cluster(tmp_path) as found:
        found.until_ready()
        address = f"127.0.0.1:{found.server.port}"
        found.until_value(1.0, "akscert_apiserver_trusted", address=address)
        credential = serving()
        labels = {"address": address, "rotation": "unknown"}
        name = "akscert_apiserver_certificate"
        assert found.values(f"{name}_not_after_timestamp_seconds", **labels) == [credential.not_after]
        assert found.values(f"{name}_not_before_timestamp_seconds", **labels) == [credential.not_before]
        assert found.values(f"{name}_info", address=address, subject="CN=apiserver", issuer="CN=ca") == [1.0]
        not_after = CA.certificate.not_valid_after_utc.timestamp()
        found.until_value(not_after, "akscert_ca_not_after_timestamp_seconds", ca="cluster")
        assert found.values("akscert_ca_not_after_timestamp_seconds", ca="client") == [not_after]
        assert found.values("akscert_ca_info", ca="requestheader", subject="CN=aggregator-ca") == [1.0]
        found.until(lambda: len(found.values("akscert_ca_bundle_outdated")) == 3)
        kinds = ("APIService", "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")
        assert [found.values("akscert_ca_bundle_outdated", kind=kind) for kind in kinds] == [[0.0]] * 3
        end = AGGREGATOR.certificate.not_valid_after_utc.timestamp()
        assert found.values("akscert_ca_bundle_not_after_timestamp_seconds", name="injector") == [end]
        assert found.values("akscert_cluster_created_timestamp_seconds") == [NOW - 3 * YEAR]
        renew(found.server, NOW - 5)
        found.until_value(NOW - 5, "akscert_signer_lease_renewed_timestamp_seconds", lease="kube-controller-manager")
        (offset,) = found.values("akscert_apiserver_clock_offset_seconds")
        assert abs(offset) < 2
        found.server.clock_offset = 120.0
        found.until(lambda: found.values("akscert_apiserver_clock_offset_seconds")[0] > 100)


def test_nodes_come_change_and_go(tmp_path: Path) -> None:
    """By watch events; a heartbeat renders nothing anew."""
    with cluster(tmp_path) as found:
        found.until_ready()
        found.until_value(1.0, "akscert_node_info", node=NODE, serving_rotation="enabled", agentpool="nodepool1")
        assert found.values("akscert_node_created_timestamp_seconds", node=NODE) == [NOW - DAY]
        found.server.store.put("nodes", node(ready=False))
        found.until_value(0.0, "akscert_node_ready", node=NODE)
        off = "aks-old-12345678-vmss000000"
        found.server.store.put("nodes", node(off, labels={"kubernetes.azure.com/agentpool": "old"}))
        found.until_value(0.0, "akscert_rotation_evidence", node=off, role="kubelet-serving", evidence="node_label")
        assert found.values("akscert_node_info", node=off, serving_rotation="disabled") == [1.0]
        found.server.store.delete("nodes", NODE)
        found.until(lambda: not found.values("akscert_node_info", node=NODE))
        assert not found.values("akscert_node_ready", node=NODE)


def test_a_request_from_sending_to_certificate_to_collection(tmp_path: Path) -> None:
    """Pending, approved, issued, gone: counted once, and the node waits until it has what it asked for."""
    with cluster(tmp_path) as found:
        found.until_ready()
        put = found.server.store.put
        put("certificatesigningrequests", csr("csr-1"))
        found.until_value(NOW, "akscert_csr_pending_since_timestamp_seconds", node=NODE, signer_name=SERVING_SIGNER)
        group = {"signer_name": SERVING_SIGNER, "requestor": "node"}
        assert found.values("akscert_csr_objects", **group, condition="pending") == [1.0]
        put("certificatesigningrequests", csr("csr-1", Answer.APPROVED))
        found.until_value(1.0, "akscert_csr_objects", **group, condition="approved")
        assert found.values("akscert_csr_pending_since_timestamp_seconds") == [NOW]
        issued = csr("csr-1", Answer.ISSUED)
        put("certificatesigningrequests", issued)
        found.until_value(1.0, "akscert_csr_completed_total", **group, outcome="issued")
        assert found.values("akscert_csr_pending_since_timestamp_seconds") == []
        assert found.values("akscert_csr_objects", **group, condition="issued") == [1.0]
        assert found.values("akscert_csr_issue_duration_seconds_count", signer_name=SERVING_SIGNER) == [1.0]
        assert found.values("akscert_csr_last_issued_timestamp_seconds", node=NODE, signer_name=SERVING_SIGNER)
        assert found.values("akscert_csr_issued_certificate_info", node=NODE, role="kubelet-serving") == [1.0]
        found.server.store.delete("certificatesigningrequests", "csr-1")
        found.until_value(0.0, "akscert_csr_objects", **group, condition="issued")
        assert found.values("akscert_csr_completed_total", **group, outcome="issued") == [1.0]
        assert found.values("akscert_csr_issued_certificate_info", node=NODE, role="kubelet-serving") == [1.0]


@pytest.mark.parametrize(
    ("username", "requestor"),
    [("system:bootstrap:abc123", "bootstrap"), ("aksService", "aks_service"), (f"system:node:{NODE}", "node")],
)
def test_requestors_are_told_apart(username: str, requestor: str, tmp_path: Path) -> None:
    """And the node is known whoever asks for it."""
    with cluster(tmp_path) as found:
        found.until_ready()
        found.server.store.put("certificatesigningrequests", csr("csr-1", signer=CLIENT_SIGNER, username=username))
        labels = {"signer_name": CLIENT_SIGNER, "requestor": requestor, "condition": "pending"}
        found.until_value(1.0, "akscert_csr_objects", **labels)
        assert found.values("akscert_csr_pending_since_timestamp_seconds", node=NODE) == [NOW]


@pytest.mark.parametrize(("answer", "outcome"), [(Answer.DENIED, "denied"), (Answer.FAILED, "failed")])
def test_a_refusal_is_counted_from_zero(answer: Answer, outcome: str, tmp_path: Path) -> None:
    """So that it is an increase."""
    with cluster(tmp_path) as found:
        found.until_ready()
        labels = {"signer_name": SERVING_SIGNER, "requestor": "node", "outcome": outcome}
        found.until_value(0.0, "akscert_csr_completed_total", **labels)
        found.server.store.put("certificatesigningrequests", csr("csr-1"))
        found.server.store.put("certificatesigningrequests", csr("csr-1", answer))
        found.until_value(1.0, "akscert_csr_completed_total", **labels)
        found.server.store.delete("certificatesigningrequests", "csr-1")
        found.server.store.put("certificatesigningrequests", csr("csr-2"))
        found.server.store.delete("certificatesigningrequests", "csr-2")
        found.until_value(1.0, "akscert_csr_completed_total", **{**labels, "outcome": "abandoned"})
        assert found.values("akscert_csr_completed_total", **labels) == [1.0]


def test_lost_watches_and_new_lists_count_nothing_twice(tmp_path: Path) -> None:
    """The server forgets its history and cuts every connection, again and again, while requests come and go."""
    with cluster(tmp_path) as found:
        found.until_ready()
        store = found.server.store
        for number in range(4):
            store.put("certificatesigningrequests", csr(f"csr-{number}", created=NOW + number))
            store.put("certificatesigningrequests", csr(f"csr-{number}", Answer.ISSUED, created=NOW + number))
            found.until_value(number + 1.0, "akscert_csr_completed_total", outcome="issued", requestor="node",
                              signer_name=SERVING_SIGNER)  # fmt: skip
            store.expire()
            found.server.sever()
        found.until_told()
        assert sum(found.values("akscert_csr_completed_total")) == 4
        found.until(lambda: sum(found.values("akscert_csr_objects")) == 4)


def test_a_resource_that_is_forbidden_fails_alone(tmp_path: Path) -> None:
    """The rest goes on, and the agent is ready: a refusal is an answer."""

    def prepare(server: ApiServer) -> None:
        populate(server)
        server.forbidden = {"leases", "validatingwebhookconfigurations"}

    with cluster(tmp_path, prepare=prepare) as found:
        found.until_ready()
        found.until_value(0.0, "akscert_source_up", source="leases")
        found.until_value(0.0, "akscert_source_up", source="webhooks")
        for source in ("csrs", "nodes", "configmaps", "apiservices", "apiserver"):
            found.until_value(1.0, "akscert_source_up", source=source)
        assert found.values("akscert_source_errors_total", source="leases", reason="forbidden") > [0.0]
        assert found.values("akscert_signer_lease_renewed_timestamp_seconds") == []
        found.until_value(0.0, "akscert_ca_bundle_outdated", kind="MutatingWebhookConfiguration")
        assert found.values("akscert_ca_bundle_outdated", kind="ValidatingWebhookConfiguration") == []
        assert not found.values("akscert_source_last_success_timestamp_seconds", source="leases")
        found.server.forbidden = set()
        found.until_value(1.0, "akscert_source_up", source="leases")
        found.until(lambda: found.values("akscert_signer_lease_renewed_timestamp_seconds"))


def test_an_approver_that_was_never_there_is_no_failure(tmp_path: Path) -> None:
    """A cluster without serving certificate rotation has one lease of the two."""

    def prepare(server: ApiServer) -> None:
        populate(server)
        server.store.delete("leases", "kubelet-serving-csr-approver", "kube-system")

    with cluster(tmp_path, prepare=prepare) as found:
        found.until_value(1.0, "akscert_source_up", source="leases")
        assert len(found.values("akscert_signer_lease_renewed_timestamp_seconds")) == 1


def test_an_api_server_that_dies_leaves_its_last_facts_and_says_so(tmp_path: Path) -> None:
    """And comes back."""
    with cluster(tmp_path) as found:
        found.until_ready()
        found.until_value(1.0, "akscert_apiserver_trusted")
        before = found.values("akscert_source_last_success_timestamp_seconds", source="apiserver")
        found.server.stop()
        for source in ("csrs", "nodes", "configmaps", "leases", "apiserver"):
            found.until_value(0.0, "akscert_source_up", source=source)
        assert found.values("akscert_source_errors_total", source="apiserver", reason="refused") > [0.0]
        assert found.values("akscert_node_ready", node=NODE) == [1.0]
        assert found.values("akscert_apiserver_trusted") == [1.0]
        assert found.values("akscert_source_last_success_timestamp_seconds", source="apiserver") >= before
        found.server.start()
        for source in ("csrs", "nodes", "configmaps", "leases", "apiserver"):
            found.until_value(1.0, "akscert_source_up", source=source)


def test_an_untrusted_api_server_is_named_with_its_reason(tmp_path: Path) -> None:
    """The certificate is of another CA of the same name. What cannot be asked is said of every source."""
    with cluster(tmp_path, credential=serving(NEXT_CA)) as found:
        found.until_ready()
        found.until_value(0.0, "akscert_apiserver_trusted")
        assert found.values("akscert_source_up", source="apiserver") == [1.0]
        reasons = found.values("akscert_source_errors_total", source="apiserver", reason="certificate_untrusted")
        assert reasons > [0.0]
        assert found.values("akscert_apiserver_certificate_info", issuer="CN=ca") == [1.0]
        for source in ("csrs", "nodes", "configmaps"):
            assert found.values("akscert_source_up", source=source) == [0.0]
            assert found.values("akscert_source_errors_total", source=source, reason="certificate_untrusted") > [0.0]
        assert "do not trust" in found.agent.page({})


def test_a_rotated_ca_is_followed_and_what_still_holds_the_former_is_outdated(tmp_path: Path) -> None:
    """`az aks rotate-certs` under a running agent, whose kubeconfig comes to trust both."""
    with cluster(tmp_path) as found:
        found.until_ready()
        found.until_value(1.0, "akscert_apiserver_trusted")
        found.until(lambda: len(found.values("akscert_ca_bundle_outdated")) == 3)
        store = found.server.store
        store.put("configmaps", objects.root_ca_config("kube-system", CA.pem + NEXT_CA.pem))
        found.until(lambda: len(found.values("akscert_ca_info", ca="cluster")) == 2)
        found.server.rotate(serving(NEXT_CA))
        found.server.sever()
        found.until_value(0.0, "akscert_source_up", source="nodes")
        found.until_value(1.0, "akscert_apiserver_trusted")
        content = found.server.kubeconfig(CA.pem + NEXT_CA.pem)
        write_kubeconfig(found.kubeconfig, content)
        found.until_value(1.0, "akscert_source_up", source="nodes")
        store.put("configmaps", objects.root_ca_config("kube-system", NEXT_CA.pem))
        store.put("apiservices", objects.api_service("metrics.k8s.io", "v1beta1", NEXT_CA.pem))
        found.until_value(1.0, "akscert_ca_bundle_outdated", name="policy")
        found.until_value(0.0, "akscert_ca_bundle_outdated", name="v1beta1.metrics.k8s.io")
        assert found.values("akscert_ca_bundle_outdated", name="injector") == [0.0]
        found.until_value(1.0, "akscert_apiserver_trusted")


def test_a_rotated_ca_is_looked_at_at_once(tmp_path: Path) -> None:
    """However long it is until the next look: the connection's end and the CA on disk tell that it changed."""
    seldom = Intervals(config_maps=3600, leases=3600, bundles=3600, apiserver=3600, backoff=0.02)
    with cluster(tmp_path, intervals=seldom) as found:
        found.until_ready()
        found.until_value(1.0, "akscert_apiserver_trusted")
        found.until(lambda: len(found.values("akscert_ca_bundle_outdated")) == 3)
        found.server.store.put("configmaps", objects.root_ca_config("kube-system", NEXT_CA.pem))
        write_kubeconfig(found.kubeconfig, found.server.kubeconfig(NEXT_CA.pem))
        rotated = serving(NEXT_CA)
        found.server.rotate(rotated)
        found.server.sever()
        found.until_value(1.0, "akscert_ca_bundle_outdated", name="policy")
        fingerprint = rotated.fingerprint_sha256
        found.until_value(1.0, "akscert_apiserver_certificate_info", fingerprint_sha256=fingerprint)
        found.until_value(1.0, "akscert_apiserver_trusted")


def test_each_configured_address_is_looked_at_on_its_own(tmp_path: Path) -> None:
    """A second one with the certificate of another host, and one where nobody listens."""
    with ApiServer(serving(CA, "elsewhere.example")) as other:
        gone = ApiServer(serving())
        with gone:
            pass
        addresses = (("127.0.0.1", other.port), ("127.0.0.1", gone.port))
        with cluster(tmp_path, addresses=addresses) as found:
            found.until_value(0.0, "akscert_apiserver_trusted", address=f"127.0.0.1:{other.port}")
            found.until_value(0.0, "akscert_source_up", source="apiserver")
            assert found.values("akscert_apiserver_trusted", address=f"127.0.0.1:{gone.port}") == []
            errors = {
                reason: found.values("akscert_source_errors_total", source="apiserver", reason=reason)[0] > 0
                for reason in ("certificate_hostname", "refused", "certificate_untrusted")
            }
            assert errors == {"certificate_hostname": True, "refused": True, "certificate_untrusted": False}


def test_every_format_and_coding_says_the_same(tmp_path: Path) -> None:
    """The shared part and the fresh part make one well-formed document, gzipped or not."""
    with cluster(tmp_path) as found:
        found.until_ready()
        found.until_value(1.0, "akscert_node_ready", node=NODE)
        found.until_value(1.0, "akscert_apiserver_trusted")
        found.until(lambda: len(found.values("akscert_ca_bundle_outdated")) == 3)
        for accept, end in (("", b"\n"), (Format.OPENMETRICS.value, b"\n# EOF\n")):
            plain = found.agent.exposition(accept, False)
            packed = found.agent.exposition(accept, True)
            assert plain.body.endswith(end)
            assert plain.body.count(b"# EOF") == end.count(b"EOF")
            names = [line.split()[2] for line in plain.body.decode().splitlines() if line.startswith("# TYPE")]
            assert len(names) == len(set(names))
            unpacked = gzip.decompress(packed.body)
            assert unpacked.startswith(plain.body[: plain.body.index(b"akscert_apiserver_clock_offset")])
            assert (packed.encoding, packed.content_type) == ("gzip", plain.content_type)


def test_the_page_tells_a_person_what_waits(tmp_path: Path) -> None:
    """A node whose request is old, with its name and the next step."""
    with cluster(tmp_path) as found:
        found.until_ready()
        found.server.store.put("certificatesigningrequests", csr("csr-waits", created=NOW - DAY))
        found.until(lambda: found.values("akscert_csr_pending_since_timestamp_seconds"))
        page = found.agent.page({})
        assert "kubectl certificate approve csr-waits" in page
        assert NODE in page
        assert "nodepool1" in page


def test_before_the_first_answers_it_is_not_ready_and_says_for_whom_it_waits(tmp_path: Path) -> None:
    """The scrape works all the same, and says nothing of what is not known."""

    def slow(server: ApiServer) -> None:
        populate(server)
        server.faults.add(Fault(FaultKind.SLOW, seconds=1.0), resource="nodes", verb="list")

    with cluster(tmp_path, prepare=slow) as found:
        found.until(lambda: found.agent.unanswered() == ("nodes",))
        assert found.values("akscert_source_up", source="nodes") == []
        assert found.values("akscert_source_errors_total", source="nodes", reason="forbidden") == [0.0]
        assert found.values("akscert_node_info") == []
        found.until_ready()


def test_once_it_is_ready_a_scrape_shows_what_was_answered(tmp_path: Path) -> None:
    """However long changes are gathered: ready, and not a node, would read as an empty cluster."""
    with cluster(tmp_path, settle=0.5) as found:
        found.until(lambda: all(source.up for source in found.agent.sources()))
        assert {"nodes", "csrs"} & set(found.agent.unanswered())
        found.until_ready()
        assert found.values("akscert_node_info", node=NODE) == [1.0]


def test_every_object_that_needs_a_ca_bundle_has_its_status(tmp_path: Path) -> None:
    """A18: of conversions too; one wrong object hides no other, and is the source's failure."""

    def prepare(server: ApiServer) -> None:
        populate(server)
        store = server.store
        store.put("customresourcedefinitions", objects.custom_resource_definition("certs", "x.io", CA.pem))
        store.put("customresourcedefinitions", objects.custom_resource_definition("forgot", "x.io", b""))
        store.put("customresourcedefinitions", objects.custom_resource_definition("plain", "x.io"))
        store.put("validatingwebhookconfigurations", objects.webhooks("text", b"to be filled in"))

    with cluster(tmp_path, prepare=prepare, looking=Looking(enabled=True)) as found:
        found.until_ready()
        metric = "akscert_ca_bundle_status"
        for name, status in {
            "certs.x.io": "ok",
            "forgot.x.io": "empty",
            "text": "no_certificate",
            "policy": "ok",
            "injector": "ok",
            "v1beta1.metrics.k8s.io": "ok",
        }.items():
            found.until_value(1.0, metric, name=name, status=status)
        assert len(found.values(metric)) == 6
        found.server.store.put("mutatingwebhookconfigurations", {"metadata": {"name": "odd"}, "webhooks": 7})
        found.until_value(0.0, "akscert_source_up", source="webhooks")
        assert len(found.values(metric)) == 6
        found.server.store.delete("mutatingwebhookconfigurations", "odd")
        found.until_value(1.0, "akscert_source_up", source="webhooks")
