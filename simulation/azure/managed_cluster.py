"""The simulated cluster's Azure side: a folder and its nodes in; a Resource Manager that knows them out.

The rotation of the cluster's CA is there as one that failed.
"""

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from exporter.facts.azure.resource_id import NodeGroup, ResourceId
from simulation.api.cluster_objects import KUBELET_VERSION, OLDER_POOLS
from simulation.api.objects import NODE_GROUP, SUBSCRIPTION
from simulation.azure.bodies import agent_pool, managed_cluster, node_resource_group
from simulation.azure.site import ArmSite
from simulation.node.build_options import OPT_OUT, OperatingSystem
from simulation.node.simulated_node import SimulatedNode

__all__ = ["CLUSTER", "OPTED_OUT_POOL", "SimulatedAzure"]

CLUSTER = "aks1"
FAILURE = ("ReconcileAgentPoolFailed", "Node pool nodepool1: one node could not be made anew.")
RESOURCE = ResourceId(SUBSCRIPTION, "contoso", "managedClusters", CLUSTER)
OPTED_OUT_POOL = "optout"


class SimulatedAzure:
    """A context manager: the simulated Resource Manager answers inside it."""

    def __init__(self, folder: Path, nodes: Iterable[SimulatedNode]) -> None:
        """`folder` is made. The node pools are those of the nodes."""
        self._site = ArmSite(folder)
        self._nodes = tuple(nodes)
        self._site.arm.put(node_resource_group(NodeGroup(SUBSCRIPTION, NODE_GROUP), RESOURCE))
        pools = [self._pool(name) for name in dict.fromkeys(node.scenario.pool for node in self._nodes)]
        version = KUBELET_VERSION.lstrip("v")
        self._site.arm.put(managed_cluster(RESOURCE, pools, state="Failed", failure=FAILURE, version=version))

    def __enter__(self) -> Self:
        self._site.arm.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._site.arm.__exit__(kind, error, trace)

    @property
    def environment(self) -> dict[str, str]:
        """What lets an agent log in here, and nowhere else."""
        return self._site.environment

    @property
    def endpoint(self) -> str:
        """To be given as --azure.endpoint."""
        return self._site.arm.endpoint

    def _pool(self, name: str) -> dict[str, object]:
        members = [node for node in self._nodes if node.scenario.pool == name]
        windows = members[0].scenario.options.system is OperatingSystem.WINDOWS
        return agent_pool(
            name,
            os="Windows" if windows else "Linux",
            mode="System" if name == "nodepool1" else "User",
            version=OLDER_POOLS.get(name, KUBELET_VERSION).lstrip("v"),
            image=members[0].scenario.image,
            tags=OPT_OUT if name == OPTED_OUT_POOL else {},
            count=len(members),
        )
