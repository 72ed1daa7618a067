"""What the simulated Resource Manager is given, and readings of what the source makes of it."""

from exporter.facts.azure.managed_cluster import AzureCluster
from exporter.facts.azure.resource_id import NodeGroup, ResourceId
from exporter.facts.source import REASONS, Failure
from exporter.reason import Source
from simulation.azure import bodies
from simulation.azure.bodies import JSON, agent_pool
from simulation.azure.resource_manager import Route, SimulatedArm

CLUSTER = ResourceId("5ab0", "Contoso-RG", "managedClusters", "aks1")
SNAPSHOT = ResourceId("5ab1", "images", "snapshots", "golden")
GROUP = NodeGroup("5ab0", "custom-nodes")
CLUSTER_READ = ("GET", Route.CLUSTER)


def put(arm: SimulatedArm, *pools: JSON, state: str = "Succeeded") -> None:
    """Have the cluster with these pools."""
    arm.put(bodies.managed_cluster(CLUSTER, pools or [agent_pool("nodepool1", mode="System")], state=state))


def facts(result: AzureCluster | ResourceId | Failure) -> AzureCluster:
    """The result, which must be a cluster."""
    assert isinstance(result, AzureCluster), result
    return result


def failure(result: object) -> Failure:
    """The result, which must be a failure."""
    assert isinstance(result, Failure), result
    assert result.reason in REASONS[Source.AZURE]
    assert "\n" not in result.words
    return result


def asked(arm: SimulatedArm) -> list[tuple[str, Route]]:
    """What was asked so far."""
    return [(request.method, request.route) for request in arm.requests]
