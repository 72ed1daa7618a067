"""The cluster agent's series as a scrape shows them."""

import pytest
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from exporter.facts.azure.managed_cluster import AzureFacts, azure_cluster
from exporter.facts.azure.resource_id import ResourceId
from exporter.facts.cluster import ClusterFacts, Endpoint
from exporter.facts.kube.ca_bundle import CaBundle
from exporter.facts.kube.csr import CLIENT_SIGNER, SERVING_SIGNER, CertificateIdentity, Csr
from exporter.facts.kube.csr_ledger import BUCKETS, CsrLedger, CsrTotals, Durations
from exporter.facts.kube.node import Node
from exporter.facts.kube.node_requests import Issued, NodeRequests
from exporter.facts.source import Failure
from exporter.facts.x509 import Certificate, certificates
from exporter.families import apiserver, ca, cluster, csr, node, rotation, signer
from exporter.metric import Family
from exporter.reason import Ca, CaBundleStatus, CsrCondition, Lease, Reason, Requestor, Rotation
from simulation.pki import DAY, Authority

T0 = 1_700_000_000.0
NODE = "aks-nodepool1-12345678-vmss000000"
FORMER, PRESENT = Authority.cluster(T0 - 9 * DAY), Authority.cluster(T0, number=1)
ADDRESS = "contoso-dns-1a2b3c4d.hcp.westeurope.azmk8s.io:443"


def read(authority: Authority) -> tuple[Certificate, ...]:
    return certificates(authority.pem)


def go(value: float) -> str:
    """The number as the exposition writes it."""
    return str(floatToGoString(value))  # type: ignore[no-untyped-call]  # prometheus_client has no types


def azure(*, rbac: bool | None) -> AzureFacts:
    """A cluster of which ARM says little more than that."""
    body = {"properties": {} if rbac is None else {"enableRBAC": rbac}}
    return AzureFacts(azure_cluster(body, ResourceId("0000", "contoso", "managedClusters", "aks1")))


def lines(*families: Family) -> list[str]:
    """The samples as text, without comments."""

    class Families(Collector):
        def collect(self) -> tuple[Family, ...]:
            return families

    return [line for line in generate_latest(Families()).decode().splitlines() if not line.startswith("#")]


def test_nothing_known_is_nothing_said() -> None:
    """No 0, no -1."""
    unknown = ClusterFacts()
    modules = (apiserver, ca, cluster, csr, node, signer)
    assert lines(*(family for module in modules for family in module.families(unknown))) == []
    assert lines(apiserver.clock_family(None)) == []


def test_the_api_servers_certificate_at_each_address() -> None:
    """One that is trusted, one that is not, one that never answered."""
    served = certificates(PRESENT.apiserver(("x",), T0).certificate_pem)[0]
    facts = ClusterFacts(
        endpoints=(
            Endpoint(ADDRESS, served, True),
            Endpoint("10.0.0.1:443", served, False, Reason.CERTIFICATE_HOSTNAME),
            Endpoint("10.0.0.2:443", None, None, failure=Failure(Reason.REFUSED, "nobody listens")),
        ),
        azure=azure(rbac=True),
    )
    found = lines(*apiserver.families(facts))
    after, before = served.not_after, served.not_before
    name = "akscert_apiserver_certificate"
    assert found[:4] == [
        f'{name}_not_after_timestamp_seconds{{address="{ADDRESS}",rotation="enabled"}} {go(after)}',
        f'{name}_not_after_timestamp_seconds{{address="10.0.0.1:443",rotation="enabled"}} {go(after)}',
        f'{name}_not_before_timestamp_seconds{{address="{ADDRESS}",rotation="enabled"}} {go(before)}',
        f'{name}_not_before_timestamp_seconds{{address="10.0.0.1:443",rotation="enabled"}} {go(before)}',
    ]
    assert found[4] == (
        f'{name}_info{{address="{ADDRESS}",fingerprint_sha256="{served.fingerprint_sha256}",issuer="CN=ca",'
        f'key_algorithm="RSA-2048",serial_number="{served.serial_number}",'
        'signature_algorithm="sha256WithRSAEncryption",subject="CN=apiserver"} 1.0'
    )
    assert found[6:] == [
        f'akscert_apiserver_trusted{{address="{ADDRESS}"}} 1.0',
        'akscert_apiserver_trusted{address="10.0.0.1:443"} 0.0',
    ]
    assert lines(apiserver.clock_family(-1.5)) == ["akscert_apiserver_clock_offset_seconds -1.5"]


def test_the_api_servers_rotation_is_what_azure_says_of_rbac() -> None:
    """Without Azure it is unknown."""
    words = [ClusterFacts(azure=azure(rbac=rbac)).apiserver_rotation for rbac in (None, True, False)]
    assert words == [Rotation.UNKNOWN, Rotation.ENABLED, Rotation.DISABLED]
    assert ClusterFacts().apiserver_rotation is Rotation.UNKNOWN


def test_cas_and_bundles() -> None:
    """The CA that signed what is served, one identity for each, and the bundle of the past."""
    served = certificates(PRESENT.apiserver(["kubernetes"], T0).certificate_pem)[0]
    facts = ClusterFacts(
        endpoints=(Endpoint("10.0.0.1:443", served, True),),
        cas={Ca.CLUSTER: read(PRESENT), Ca.CLIENT: read(PRESENT) + read(FORMER)},
        former_cas=frozenset({read(FORMER)[0].public_key_sha256}),
        bundles=(
            CaBundle("APIService", "v1beta1.metrics.k8s.io", read(PRESENT)),
            CaBundle("MutatingWebhookConfiguration", "aks-webhook", read(FORMER)),
            CaBundle("ValidatingWebhookConfiguration", "broken", (), "it is not base64", CaBundleStatus.MALFORMED),
        ),
    )
    present, former = read(PRESENT)[0], read(FORMER)[0]
    assert lines(*ca.families(facts)) == [
        f'akscert_ca_not_after_timestamp_seconds{{ca="cluster"}} {go(present.not_after)}',
        f'akscert_ca_not_after_timestamp_seconds{{ca="client"}} {go(present.not_after)}',
        f'akscert_ca_not_before_timestamp_seconds{{ca="cluster"}} {go(present.not_before)}',
        f'akscert_ca_not_before_timestamp_seconds{{ca="client"}} {go(present.not_before)}',
        *(
            f'akscert_ca_info{{ca="{which}",fingerprint_sha256="{one.fingerprint_sha256}",in_use="{used}",'
            f'serial_number="{one.serial_number}",subject="CN=ca"}} 1.0'
            for which, one, used in (
                ("cluster", present, "yes"),
                ("client", present, "yes"),
                ("client", former, "no"),
            )
        ),
        'akscert_ca_bundle_not_after_timestamp_seconds{kind="APIService",name="v1beta1.metrics.k8s.io"} '
        f"{go(present.not_after)}",
        'akscert_ca_bundle_not_after_timestamp_seconds{kind="MutatingWebhookConfiguration",name="aks-webhook"} '
        f"{go(former.not_after)}",
        'akscert_ca_bundle_not_before_timestamp_seconds{kind="APIService",name="v1beta1.metrics.k8s.io"} '
        f"{go(present.not_before)}",
        'akscert_ca_bundle_not_before_timestamp_seconds{kind="MutatingWebhookConfiguration",name="aks-webhook"} '
        f"{go(former.not_before)}",
        'akscert_ca_bundle_outdated{kind="APIService",name="v1beta1.metrics.k8s.io"} 0.0',
        'akscert_ca_bundle_outdated{kind="MutatingWebhookConfiguration",name="aks-webhook"} 1.0',
        'akscert_ca_bundle_status{kind="APIService",name="v1beta1.metrics.k8s.io",status="ok"} 1.0',
        'akscert_ca_bundle_status{kind="MutatingWebhookConfiguration",name="aks-webhook",status="ok"} 1.0',
        'akscert_ca_bundle_status{kind="ValidatingWebhookConfiguration",name="broken",status="malformed"} 1.0',
    ]


def test_bundles_are_not_called_current_while_the_cluster_ca_is_unknown() -> None:
    """Their dates are known all the same."""
    found = lines(*ca.families(ClusterFacts(bundles=(CaBundle("APIService", "x", read(PRESENT)),))))
    assert [line.partition("{")[0] for line in found] == [
        "akscert_ca_bundle_not_after_timestamp_seconds",
        "akscert_ca_bundle_not_before_timestamp_seconds",
        "akscert_ca_bundle_status",
    ]


def test_nodes_and_what_their_labels_say() -> None:
    """On, off and a node that AKS does not label."""
    on = Node(
        "n1", "nodepool1", "v1.33.2", "AKSUbuntu-2204gen2containerd-202607.13.0", "linux", "Ubuntu", "cluster",
        Rotation.ENABLED, T0, True, "", "",
    )  # fmt: skip
    off = Node("n2", "old", "v1.26.6", "", "linux", "Ubuntu", "", Rotation.DISABLED, T0, False, "", "")
    virtual = Node("v", "", "v1.25.0", "", "linux", "", "", Rotation.UNKNOWN, T0, None, "", "")
    facts = ClusterFacts(nodes=(on, off, virtual))
    assert lines(*node.families(facts), rotation.evidence_family(node.evidence_rows(facts))) == [
        'akscert_node_info{agentpool="nodepool1",kubelet_serving_ca="cluster",kubelet_version="v1.33.2",node="n1",'
        'node_image_version="AKSUbuntu-2204gen2containerd-202607.13.0",os="linux",os_sku="Ubuntu",'
        'serving_rotation="enabled"} 1.0',
        'akscert_node_info{agentpool="old",kubelet_serving_ca="",kubelet_version="v1.26.6",node="n2",'
        'node_image_version="",os="linux",os_sku="Ubuntu",serving_rotation="disabled"} 1.0',
        'akscert_node_info{agentpool="",kubelet_serving_ca="",kubelet_version="v1.25.0",node="v",'
        'node_image_version="",os="linux",os_sku="",serving_rotation="unknown"} 1.0',
        *(f'akscert_node_created_timestamp_seconds{{node="{name}"}} 1.7e+09' for name in ("n1", "n2", "v")),
        'akscert_node_ready{node="n1"} 1.0',
        'akscert_node_ready{node="n2"} 0.0',
        'akscert_rotation_evidence{evidence="node_label",node="n1",role="kubelet-serving"} 1.0',
        'akscert_rotation_evidence{evidence="node_label",node="n2",role="kubelet-serving"} 0.0',
    ]


def test_csrs_from_the_first_to_the_last_metric() -> None:
    """One issued after 3 s, one pending since."""
    ledger = CsrLedger()
    first = Csr(
        "a", "csr-a", SERVING_SIGNER, f"system:node:{NODE}", Requestor.NODE, NODE, CsrCondition.ISSUED, T0, T0 + 3,
        certificate=CertificateIdentity("1f", "ab" * 32),
    )  # fmt: skip
    ledger.put(first, T0 + 3)
    ledger.put(Csr("b", "csr-b", SERVING_SIGNER, "", Requestor.NODE, NODE, CsrCondition.PENDING, T0 + 60), T0 + 61)
    found = lines(*csr.families(ClusterFacts(csrs=ledger.totals())))
    serving = f'signer_name="{SERVING_SIGNER}"'
    zeros = [line for line in found if line.endswith(" 0.0")]
    assert [line for line in found if line not in zeros] == [
        f'akscert_csr_objects{{condition="pending",requestor="node",{serving}}} 1.0',
        f'akscert_csr_objects{{condition="issued",requestor="node",{serving}}} 1.0',
        f'akscert_csr_pending_since_timestamp_seconds{{node="{NODE}",{serving}}} {go(T0 + 60)}',
        f'akscert_csr_completed_total{{outcome="issued",requestor="node",{serving}}} 1.0',
        *(
            f'akscert_csr_issue_duration_seconds_bucket{{le="{bound}",{serving}}} 1.0'
            for bound in ("5.0", "10.0", "30.0", "60.0", "300.0", "900.0", "3600.0", "21600.0", "86400.0", "+Inf")
        ),
        f"akscert_csr_issue_duration_seconds_count{{{serving}}} 1.0",
        f"akscert_csr_issue_duration_seconds_sum{{{serving}}} 3.0",
        f'akscert_csr_last_issued_timestamp_seconds{{node="{NODE}",{serving}}} {go(T0 + 3)}',
        f'akscert_csr_issued_certificate_info{{fingerprint_sha256="{"ab" * 32}",node="{NODE}",role="kubelet-serving",'
        'serial_number="1f"} 1.0',
    ]


def test_a_csr_of_another_signer_names_the_node_and_no_certificate_of_its_kubelet() -> None:
    """Whoever may create requests can send one with a node's name to any signer. It costs no scrape."""
    issued = Issued(T0 + 3, CertificateIdentity("1f", "ab" * 32))
    other = NodeRequests(NODE, "example.com/x", issued=issued)
    unread = NodeRequests(NODE, SERVING_SIGNER, issued=Issued(T0 + 5, None))
    nothing = NodeRequests(NODE, CLIENT_SIGNER)
    facts = ClusterFacts(csrs=CsrTotals({}, {}, {}, (other, unread, nothing)))
    assert lines(*csr.families(facts)) == [
        "akscert_csr_untracked 0.0",
        f'akscert_csr_last_issued_timestamp_seconds{{node="{NODE}",signer_name="example.com/x"}} {go(T0 + 3)}',
        f'akscert_csr_last_issued_timestamp_seconds{{node="{NODE}",signer_name="{SERVING_SIGNER}"}} {go(T0 + 5)}',
    ]


@pytest.mark.parametrize("buckets", [len(BUCKETS), len(BUCKETS) + 2])
def test_durations_of_csrs_without_a_count_for_each_bound_are_refused(buckets: int) -> None:
    """A histogram without its last bound would pass for one that nothing has exceeded."""
    facts = ClusterFacts(csrs=CsrTotals({}, {}, {SERVING_SIGNER: Durations((1,) * buckets, 1.0)}, ()))
    with pytest.raises(ValueError, match="zip"):
        list(csr.families(facts))


def test_signers_and_the_clusters_age() -> None:
    """Points in time, never durations."""
    facts = ClusterFacts(leases={Lease.KUBE_CONTROLLER_MANAGER: T0 + 0.5}, created=T0)
    assert lines(*signer.families(facts), *cluster.families(facts)) == [
        'akscert_signer_lease_renewed_timestamp_seconds{lease="kube-controller-manager"} 1.7000000005e+09',
        "akscert_cluster_created_timestamp_seconds 1.7e+09",
    ]


def test_a_healthy_node_costs_at_most_fourteen_series() -> None:
    """Both certificates issued, ready, labelled."""
    ledger = CsrLedger()
    for uid, name in (("a", SERVING_SIGNER), ("b", "kubernetes.io/kube-apiserver-client-kubelet")):
        identity = CertificateIdentity(uid, uid * 32)
        ledger.put(Csr(uid, uid, name, "", Requestor.NODE, NODE, CsrCondition.ISSUED, T0, T0, certificate=identity), T0)
    labelled = Node(NODE, "p", "v1.33.2", "", "linux", "Ubuntu", "cluster", Rotation.ENABLED, T0, True, "", "")
    facts = ClusterFacts(nodes=(labelled,), csrs=ledger.totals())
    evidence = rotation.evidence_family(node.evidence_rows(facts))
    found = lines(*node.families(facts), *csr.families(facts), evidence)
    assert len([line for line in found if f'node="{NODE}"' in line]) == 8
