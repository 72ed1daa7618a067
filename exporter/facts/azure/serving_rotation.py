"""What Azure says of kubelet serving certificate rotation: what keeps it off in a pool, and which nodes opted out."""

import re
from collections.abc import Iterable
from enum import StrEnum

from exporter.facts.azure.managed_cluster import AzureCluster, AzurePool, Snapshot
from exporter.facts.kube.node import Node

__all__ = ["Obstacle", "obstacles", "opted_out_nodes"]


class Obstacle(StrEnum):
    """Why a pool cannot have kubelet serving certificate rotation (AKS page on certificate rotation)."""

    OPT_OUT_TAG = "opt_out_tag"
    VERSION = "version"
    """Kubernetes before 1.27."""
    SNAPSHOT = "snapshot"
    """Made from a snapshot of a node image older than 202501.12.0."""
    RBAC = "rbac"


def obstacles(cluster: AzureCluster, pool: AzurePool) -> tuple[Obstacle, ...]:
    """What keeps kubelet serving certificate rotation off in a pool, for certain, as far as Azure knows."""
    found = []
    if pool.opted_out:
        found.append(Obstacle.OPT_OUT_TAG)
    version = re.match(r"v?(\d{1,4})\.(\d{1,4})", pool.kubernetes_version)
    if version and (int(version[1]), int(version[2])) < (1, 27):
        found.append(Obstacle.VERSION)
    if isinstance(pool.snapshot, Snapshot) and pool.snapshot.serving_rotation is False:
        found.append(Obstacle.SNAPSHOT)
    if cluster.rbac is False:
        found.append(Obstacle.RBAC)
    return tuple(found)


def opted_out_nodes(pools: Iterable[AzurePool], nodes: Iterable[Node]) -> tuple[str, ...]:
    """Names of the nodes whose pool has the opt-out tag.

    The tag says off. Its absence says nothing: rotation may be off for another reason.
    """
    tagged = {pool.name for pool in pools if pool.opted_out}
    return tuple(node.name for node in nodes if node.agentpool in tagged)
