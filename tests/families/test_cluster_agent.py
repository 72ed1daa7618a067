"""What the cluster agent emits, held to what is declared."""

from exporter.facts.azure.managed_cluster import AzureFacts, azure_cluster
from exporter.facts.azure.resource_id import ResourceId
from exporter.facts.cluster import ClusterFacts, Endpoint
from exporter.facts.kube.ca_bundle import CaBundle
from exporter.facts.kube.csr import SERVING_SIGNER, CertificateIdentity, Csr
from exporter.facts.kube.csr_ledger import CsrLedger
from exporter.facts.kube.kubelet_metrics import KubeletConfig
from exporter.facts.kube.kubelet_report import KubeletReport
from exporter.facts.kube.node import Node
from exporter.facts.kube.node_view import Validity, node_view
from exporter.facts.node_observation import NodeObservation
from exporter.facts.source import SourceFacts, SourceLedger
from exporter.facts.x509 import certificates
from exporter.families import cluster_agent
from exporter.families.catalogue import catalogue
from exporter.metric import Family
from exporter.reason import Ca, CsrCondition, KubeletStatus, Lease, Observer, Requestor, Role, Rotation, Source
from simulation.azure.bodies import agent_pool, managed_cluster
from simulation.pki import DAY, Authority

T0 = 1_700_000_000.0
NODE = "aks-nodepool1-12345678-vmss000000"
CLUSTER = ResourceId("5ab0", "Contoso-RG", "managedClusters", "aks1")
SUBJECTS = ("apiserver", "azure", "build", "ca", "cluster", "csr", "kubelet", "node", "rotation", "signer", "source")
"""Those the cluster agent speaks of; of `certificate` it knows what a kubelet serves and says."""


def busy() -> ClusterFacts:
    """A cluster in which every fact is known and something of each kind goes on."""
    authority = Authority.cluster(T0 - 9 * DAY)
    ca = certificates(authority.pem)
    leaf = certificates(authority.apiserver(("x",), T0).certificate_pem)[0]
    serving = certificates(authority.kubelet_serving(NODE, T0).certificate_pem)
    told = KubeletReport(
        NODE,
        KubeletStatus.OK,
        served=serving,
        config=KubeletConfig(True, True, "", True),
        client_certificate=True,
        client_not_after=T0 + DAY,
        renew_errors=((Role.KUBELET_CLIENT, 0.0),),
    )
    view = node_view(told, ca, {Role.KUBELET_CLIENT: Validity(T0 - DAY, T0 + DAY)})
    ledger = CsrLedger()
    issued = CertificateIdentity("1f", "ab" * 32)
    for csr in (
        Csr("1", "csr-1", SERVING_SIGNER, "", Requestor.NODE, NODE, CsrCondition.ISSUED, T0, T0 + 1, "", issued),
        Csr("2", "csr-2", SERVING_SIGNER, "", Requestor.NODE, NODE, CsrCondition.PENDING, T0 + 60),
    ):
        ledger.put(csr, T0 + 90)
    azure = azure_cluster(managed_cluster(CLUSTER, [agent_pool("nodepool1")]), CLUSTER)
    return ClusterFacts(
        csrs=ledger.totals(),
        nodes=(Node(NODE, "nodepool1", "v1.33.2", "", "linux", "", "cluster", Rotation.ENABLED, T0, True, "", ""),),
        endpoints=(Endpoint("10.0.0.1:443", leaf, True),),
        cas=dict.fromkeys(Ca, ca),
        bundles=(CaBundle("APIService", "v1beta1.metrics.k8s.io", ca),),
        leases=dict.fromkeys(Lease, T0),
        created=T0 - DAY,
        clock_offset=0.5,
        observations={NODE: NodeObservation(Observer.KUBELET, view=view)},
        azure=AzureFacts(azure, dict(dict.fromkeys((pair for pair, _ in azure.states), T0))),
    )


def answering() -> tuple[SourceFacts, ...]:
    ledger = SourceLedger(Source.NODES)
    ledger.success(T0)
    return (ledger.facts(),)


def name(family: Family) -> str:
    """As it is declared: the client library takes `_total` off a counter's."""
    return f"{family.name}_total" if family.type == "counter" else str(family.name)


def test_every_declared_metric_is_emitted_and_every_emitted_one_is_declared() -> None:
    """With samples, each family once."""
    found = [name(family) for family in cluster_agent.families(busy(), answering(), "abc") if family.samples]
    assert len(found) == len(set(found))
    declared = {metric.name for subject in SUBJECTS for metric in catalogue()[subject]}
    seen_on_the_wire = {metric.name for metric in catalogue()["certificate"]}
    assert set(found) == declared | (seen_on_the_wire - {"akscert_certificate_served_matches_file"})


def test_before_anything_is_known_the_families_are_there_without_samples() -> None:
    """But for the build, which is always known."""
    found = list(cluster_agent.families(ClusterFacts(), (), "abc"))
    assert [family.name for family in found if family.samples] == ["akscert_build_info"]
    assert {name(family) for family in found} == {
        name(family) for family in cluster_agent.families(busy(), answering(), "abc")
    }
