"""What Azure's facts look like as Prometheus text."""

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest

from exporter.facts.azure.managed_cluster import AzureCluster, AzureFacts, Snapshot, azure_cluster, with_snapshots
from exporter.facts.azure.resource_id import ResourceId
from exporter.facts.cluster import ClusterFacts
from exporter.facts.kube.node import Node
from exporter.facts.opt_out_tag import TAG
from exporter.families import azure, node, rotation
from exporter.metric import Family
from exporter.reason import Rotation
from simulation.azure.bodies import agent_pool, managed_cluster

CLUSTER = ResourceId("5ab0", "Contoso-RG", "managedClusters", "aks1")
SNAPSHOT = ResourceId("5ab1", "images", "snapshots", "golden")


class Exposed:
    """Families as a collector."""

    def __init__(self, *families: Family) -> None:
        self.families = families

    def collect(self) -> tuple[Family, ...]:
        return self.families


def text(*families: Family) -> str:
    """The samples in Prometheus' text format, without the comments."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Exposed(*families))
    lines = generate_latest(registry).decode().splitlines()
    return "\n".join(line for line in lines if not line.startswith("#"))


def rotating() -> AzureCluster:
    """A cluster in mid-rotation with one pool of each kind."""
    found = azure_cluster(
        managed_cluster(
            CLUSTER,
            [
                agent_pool("nodepool1", mode="System"),
                agent_pool("golden", tags={TAG: "true"}, snapshot=SNAPSHOT, power="Stopped"),
                {**agent_pool("win1", os="Windows"), "tags": "unreadable"},
            ],
            state="RotatingClusterCertificates",
        ),
        CLUSTER,
    )
    return with_snapshots(found, {SNAPSHOT.key: Snapshot("AKSUbuntu-2204gen2containerd-202412.04.0")})


def test_a_cluster_with_its_pools_as_text() -> None:
    """Every series of Azure's, with Azure's own words."""
    since = {("cluster", "aks1"): 1.7e9, ("agentpool", "golden"): 1.6e9, ("agentpool", "gone"): 1.0}
    assert (
        text(*azure.families(AzureFacts(rotating(), since)))
        == """\
akscert_azure_provisioning_state{name="aks1",resource="cluster",state="RotatingClusterCertificates"} 1.0
akscert_azure_provisioning_state{name="nodepool1",resource="agentpool",state="Succeeded"} 1.0
akscert_azure_provisioning_state{name="golden",resource="agentpool",state="Succeeded"} 1.0
akscert_azure_provisioning_state{name="win1",resource="agentpool",state="Succeeded"} 1.0
akscert_azure_provisioning_state_since_timestamp_seconds{name="aks1",resource="cluster"} 1.7e+09
akscert_azure_provisioning_state_since_timestamp_seconds{name="golden",resource="agentpool"} 1.6e+09
akscert_azure_power_state{name="aks1",resource="cluster",state="Running"} 1.0
akscert_azure_power_state{name="nodepool1",resource="agentpool",state="Running"} 1.0
akscert_azure_power_state{name="golden",resource="agentpool",state="Stopped"} 1.0
akscert_azure_power_state{name="win1",resource="agentpool",state="Running"} 1.0
akscert_azure_cluster_info{cluster_name="aks1",kubernetes_version="1.33.5",location="westeurope",\
rbac="true",resource_group="Contoso-RG"} 1.0
akscert_azure_agentpool_info{agentpool="nodepool1",kubernetes_version="1.33.5",mode="System",\
node_image_version="AKSUbuntu-2204gen2containerd-202511.07.0",os="Linux",serving_rotation_opt_out="false",\
snapshot_image_version="",type="VirtualMachineScaleSets"} 1.0
akscert_azure_agentpool_info{agentpool="golden",kubernetes_version="1.33.5",mode="User",\
node_image_version="AKSUbuntu-2204gen2containerd-202511.07.0",os="Linux",serving_rotation_opt_out="true",\
snapshot_image_version="AKSUbuntu-2204gen2containerd-202412.04.0",type="VirtualMachineScaleSets"} 1.0
akscert_azure_agentpool_info{agentpool="win1",kubernetes_version="1.33.5",mode="User",\
node_image_version="AKSWindows-2022-containerd-gen2-20348.4405.251112",os="Windows",serving_rotation_opt_out="unknown",\
snapshot_image_version="",type="VirtualMachineScaleSets"} 1.0"""
    )


def test_what_azure_does_not_say_is_absent() -> None:
    """No state, no power state; what is a label of an info series is empty or unknown."""
    found = azure_cluster({"properties": {}}, CLUSTER)
    assert text(*azure.families(AzureFacts(found))) == (
        'akscert_azure_cluster_info{cluster_name="aks1",kubernetes_version="",location="",'
        'rbac="unknown",resource_group="Contoso-RG"} 1.0'
    )


def test_before_the_first_answer_there_are_no_samples() -> None:
    """Absent, not 0."""
    assert text(*azure.families(None)) == ""


def test_a_cluster_costs_one_series_per_state_and_pool() -> None:
    """Fifty pools: four series each, and four for the cluster, whatever the number of nodes."""
    pools = [agent_pool(f"pool{number}", count=1000) for number in range(50)]
    found = azure_cluster(managed_cluster(CLUSTER, pools), CLUSTER)
    samples = text(*azure.families(AzureFacts(found, {pair: 1.0 for pair, _ in found.states}))).splitlines()
    assert len(samples) == 4 * 51


def test_the_opt_out_tag_is_rotation_evidence_for_the_nodes_of_its_pool() -> None:
    """The rows go into the series that has every place's word."""
    pairs = [("node-1", "golden"), ("node-2", "nodepool1")]
    nodes = tuple(
        Node(name, pool, "", "", "linux", "", "", Rotation.UNKNOWN, 0.0, True, "", "") for name, pool in pairs
    )
    facts = ClusterFacts(nodes=nodes, azure=AzureFacts(rotating(), {}, {}))
    assert text(rotation.evidence_family(node.evidence_rows(facts))) == (
        'akscert_rotation_evidence{evidence="agentpool_tag",node="node-1",role="kubelet-serving"} 0.0'
    )
