"""The /facts of a cluster (exporter/documents/cluster_document.py), whole: with everything known, and with nothing."""

from dataclasses import replace

import pytest

from exporter.documents.azure_data import azure_data
from exporter.documents.certificate_data import certificate_data
from exporter.documents.cluster_document import cluster_document
from exporter.documents.counted_data import counted_data
from exporter.documents.endpoint_data import endpoint_data
from exporter.documents.preflight_data import preflight_data
from exporter.documents.signer_data import signer_data
from exporter.facts.azure.managed_cluster import AzureFacts
from exporter.facts.cluster import ClusterFacts, Endpoint
from exporter.facts.kube.ca_bundle import CaBundle
from exporter.facts.kube.certificates_api import CLUSTER_TRUST_BUNDLES, POD_CERTIFICATE_REQUESTS, Counted
from exporter.facts.kube.csr import SERVING_SIGNER, CertificateIdentity
from exporter.facts.kube.csr_ledger import CsrTotals
from exporter.facts.kube.endpoint import ServedEndpoint
from exporter.facts.kube.node import Node
from exporter.facts.kube.node_requests import Issued, NodeRequests, Rejected
from exporter.facts.kube.preflight import Preflight, Question
from exporter.facts.node_observation import NodeObservation
from exporter.facts.source import Failure, SourceFacts
from exporter.facts.x509 import certificates
from exporter.findings import Finding, Kind, Severity, Step, Subject, finding_data
from exporter.findings.limits import SILENT
from exporter.reason import (
    ApiStatus,
    Ca,
    CsrCondition,
    CsrOutcome,
    Lease,
    Observer,
    PreflightStep,
    Reason,
    Requestor,
    Rotation,
    Source,
)
from simulation.pki import DAY
from tests.documents.test_parts import CLUSTER, TARGET
from tests.pages.example import CA, NOW
from tests.pages.fleet import FORMER

NODE = Node(
    name="a",
    agentpool="pool1",
    kubelet_version="v1.33.4",
    node_image_version="AKSUbuntu-1",
    os="linux",
    os_sku="Ubuntu",
    kubelet_serving_ca="cluster",
    serving_rotation=Rotation.ENABLED,
    created=NOW - 5,
    ready=True,
    provider_id="azure:///a",
    node_resource_group="MC_group",
)
NODE_DATA = {
    "node": "a",
    "observed_by": "nobody",
    "agentpool": "pool1",
    "ready": True,
    "created": NOW - 5,
    "kubelet_version": "v1.33.4",
    "node_image_version": "AKSUbuntu-1",
    "os": "linux",
    "os_sku": "Ubuntu",
    "provider_id": "azure:///a",
    "kubelet_serving_ca": "cluster",
    "serving_rotation": "enabled",
    "requests": [],
    "findings": [],
}
UNSAID = ("agentpool", "kubelet_version", "node_image_version", "os", "os_sku", "provider_id", "kubelet_serving_ca")
NOTHING = {
    "schema": 1,
    "agent": "cluster",
    "cluster": "",
    "looked_at": NOW,
    "nodes": [],
    "control_plane": {
        "created": None,
        "rotation": "unknown",
        "clock_offset": None,
        "apiserver": [],
        "cas": [],
        "ca_bundles": [],
        "signers": [],
    },
    "csrs": None,
    "preflight": None,
    "certificate_objects": None,
    "endpoints": [],
    "azure": None,
    "sources": [],
    "findings": [],
}


def control_plane(cluster: ClusterFacts) -> dict[str, object]:
    found = cluster_document(cluster, (), (), NOW)["control_plane"]
    assert isinstance(found, dict)
    return found


def test_of_a_cluster_that_nothing_is_known_of_nothing_is_told() -> None:
    assert cluster_document(ClusterFacts(), (), (), NOW) == NOTHING
    assert cluster_document(ClusterFacts(), (), (), NOW, name="aks:443") == {**NOTHING, "cluster": "aks:443"}


def test_what_was_looked_at_and_is_empty_is_no_null() -> None:
    cluster = ClusterFacts(csrs=CsrTotals({}, {}, {}, ()), nodes=(), served=(), preflight=(), azure=AzureFacts(CLUSTER))
    signers = [signer_data(one, NOW) for one in cluster.outlooks]
    assert len(signers) == 2
    assert cluster_document(cluster, (), (), NOW, name="aks:443") == {
        **NOTHING,
        "cluster": "aks1",
        "csrs": {"objects": [], "untracked": 0, "signers": signers},
        "preflight": [],
        "azure": azure_data(AzureFacts(CLUSTER)),
        "control_plane": {**control_plane(ClusterFacts()), "rotation": "enabled"},
    }


def test_nodes_are_told_with_who_tells_of_them_their_requests_and_findings() -> None:
    issued = Issued(NOW - 3, CertificateIdentity("1f", "ab"))
    rejected = Rejected("csr-3", CsrOutcome.DENIED, NOW - 4, "no such address")
    nodes = (
        NodeRequests("a", SERVING_SIGNER, NOW - 9, "csr-1", True, 4, issued, rejected),
        NodeRequests("a", "other", issued=Issued(NOW - 2, None)),
        NodeRequests("gone", SERVING_SIGNER),
    )
    steps = (Step("Look.", "kubectl get nodes"),)
    of_node = Finding(Severity.WARNING, Subject(Kind.NODE, "a"), "It is so.", steps, "AksCertX", node="a")
    of_another = replace(of_node, node="c")
    of_all = Finding(Severity.CRITICAL, Subject(Kind.CLUSTER, "x"), "It is bad.", steps)
    unsaid = Node("b", "", "", "", "", "", "", Rotation.UNKNOWN, NOW - 5, None, "", "")
    cluster = ClusterFacts(
        nodes=(NODE, unsaid, replace(NODE, name="d")),
        csrs=CsrTotals({(SERVING_SIGNER, Requestor.NODE, CsrCondition.PENDING): 2}, {}, {}, nodes, untracked=5),
        observations={"a": NodeObservation(Observer.NODE_AGENT), "b": NodeObservation(Observer.KUBELET)},
    )
    base = "https://runbooks.example/"
    found = cluster_document(cluster, (of_node, of_another, of_all), (), NOW, runbooks=base)
    told = {
        "signer_name": SERVING_SIGNER,
        "pending_since": NOW - 9,
        "pending_name": "csr-1",
        "pending_objects": 4,
        "approved": True,
        "last_issued": NOW - 3,
        "serial_number": "1f",
        "fingerprint_sha256": "ab",
        "rejected": {"name": "csr-3", "outcome": "denied", "at": NOW - 4, "words": "no such address"},
    }
    unreadable = {**dict.fromkeys(told), "signer_name": "other", "pending_objects": 0, "approved": False}
    assert found == {
        **NOTHING,
        "nodes": [
            {
                **NODE_DATA,
                "observed_by": "node_agent",
                "requests": [told, {**unreadable, "last_issued": NOW - 2}],
                "findings": [finding_data(of_node, base)],
            },
            {
                **NODE_DATA,
                **dict.fromkeys((*UNSAID, "ready")),
                "node": "b",
                "observed_by": "kubelet",
                "serving_rotation": "unknown",
            },
            {**NODE_DATA, "node": "d"},
        ],
        "csrs": {
            "objects": [{"signer_name": SERVING_SIGNER, "requestor": "node", "condition": "pending", "count": 2}],
            "untracked": 5,
            "signers": [signer_data(one, NOW) for one in cluster.outlooks],
        },
        "findings": [finding_data(one, base) for one in (of_all, of_node, of_another)],
    }


@pytest.mark.parametrize(
    ("offset", "told"),
    [(None, None), (0.0, 0), (4.9, 0), (26.0, 30), (-26.0, -30), (-4.9, 0), (104.0, 100), (3600.0, 3600)],
)
def test_the_clock_is_told_to_the_nearest_ten_seconds(offset: float | None, told: int | None) -> None:
    assert control_plane(ClusterFacts(clock_offset=offset))["clock_offset"] == told


def test_a_control_plane_is_told_whole() -> None:
    (present,), (former,) = certificates(CA.pem), certificates(FORMER.pem)
    (leaf,) = certificates(CA.apiserver(["aks"], NOW - DAY).certificate_pem)
    cluster = ClusterFacts(
        created=NOW - 9,
        endpoints=(
            Endpoint("aks:443", leaf, False, Reason.CERTIFICATE_HOSTNAME),
            Endpoint("10.0.0.1:443", None, None, failure=Failure(Reason.TIMEOUT, "late")),
        ),
        cas={Ca.CLUSTER: (present, former), Ca.REQUESTHEADER: (present,)},
        former_cas=frozenset({former.public_key_sha256}),
        bundles=(
            CaBundle("APIService", "present", (present,)),
            CaBundle("APIService", "former", (former,)),
            CaBundle("MutatingWebhookConfiguration", "unreadable", (), "no PEM"),
        ),
        leases={Lease.KUBE_CONTROLLER_MANAGER: NOW - SILENT, Lease.KUBELET_SERVING_CSR_APPROVER: NOW - SILENT - 1},
    )
    alone = replace(cluster, cas={Ca.CLUSTER: (present,)})
    assert control_plane(alone) == {
        "created": NOW - 9,
        "rotation": "unknown",
        "clock_offset": None,
        "apiserver": [
            {
                "address": "aks:443",
                "trusted": False,
                "untrusted": "certificate_hostname",
                "failure": None,
                "certificate": certificate_data(leaf),
            },
            {
                "address": "10.0.0.1:443",
                "trusted": None,
                "untrusted": None,
                "failure": {"reason": "timeout", "words": "late"},
                "certificate": None,
            },
        ],
        "cas": [{"ca": "cluster", "in_use": "yes", **certificate_data(present)}],
        "ca_bundles": [
            {
                "kind": "APIService",
                "name": "present",
                "outdated": False,
                "holds": "cluster_ca",
                "unreadable": None,
                "certificates": [certificate_data(present)],
            },
            {
                "kind": "APIService",
                "name": "former",
                "outdated": True,
                "holds": "former_ca",
                "unreadable": None,
                "certificates": [certificate_data(former)],
            },
            {
                "kind": "MutatingWebhookConfiguration",
                "name": "unreadable",
                "outdated": alone.outdated(cluster.bundles[2]),
                "holds": None,
                "unreadable": "no PEM",
                "certificates": [],
            },
        ],
        "signers": [
            {"lease": "kube-controller-manager", "silent_since": None},
            {"lease": "kubelet-serving-csr-approver", "silent_since": NOW - SILENT - 1},
        ],
    }
    assert control_plane(cluster)["cas"] == [
        {"ca": "cluster", "in_use": "yes", **certificate_data(present)},
        {"ca": "cluster", "in_use": "no", **certificate_data(former)},
        {"ca": "requestheader", "in_use": "unknown", **certificate_data(present)},
    ]


def test_sources_are_told_and_when_one_last_answered_only_where_it_does_not_now() -> None:
    """What changes with every answer would make each look another document."""
    none = {Reason.TIMEOUT: 0, Reason.DNS: 0}
    sources = (
        SourceFacts(Source.CSRS, True, NOW - 1, none),
        SourceFacts(Source.NODES, False, NOW - 2, {**none, Reason.DNS: 3}, "no such host", Reason.DNS),
        SourceFacts(Source.LEASES, None, None, none),
    )
    assert cluster_document(ClusterFacts(), (), sources, NOW)["sources"] == [
        {"source": "csrs", "up": True, "last_success": None, "errors": {}, "last_error": None},
        {"source": "nodes", "up": False, "last_success": NOW - 2, "errors": {"dns": 3}, "last_error": "no such host"},
        {"source": "leases", "up": None, "last_success": None, "errors": {}, "last_error": None},
    ]


def test_what_is_called_asked_and_counted_is_told() -> None:
    served = (ServedEndpoint(TARGET),)
    preflight = (Preflight(Question(Requestor.NODE, "pool1", PreflightStep.REQUEST, "u", ()), True),)
    counted = Counted(statuses={POD_CERTIFICATE_REQUESTS: ApiStatus.OK, CLUSTER_TRUST_BUNDLES: ApiStatus.OK})
    found = cluster_document(ClusterFacts(served=served, preflight=preflight, counted=counted), (), (), NOW)
    assert found == {
        **NOTHING,
        "endpoints": [endpoint_data(served[0])],
        "preflight": [preflight_data(preflight[0])],
        "certificate_objects": counted_data(counted),
    }
