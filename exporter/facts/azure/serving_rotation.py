"""What Azure says of kubelet serving certificate rotation: what keeps it off in a pool, and evidence for each node."""

import re
from collections.abc import Iterable
from enum import StrEnum

from exporter.facts.azure.managed_cluster import AzureCluster, AzurePool, Snapshot
from exporter.reason import Evidence, Role

__all__ = ["Obstacle", "agentpool_evidence", "obstacles"]


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


def agentpool_evidence(
    pools: Iterable[AzurePool], nodes: Iterable[tuple[str, str]]
) -> tuple[tuple[tuple[str, str, str], float], ...]:
    """Rows of ((node, role, evidence), 0) for those of the (node, its node pool) pairs whose pool has the opt-out tag.

    The tag says off. Its absence says nothing: rotation may be off for another reason.
    """
    tagged = {pool.name for pool in pools if pool.opted_out}
    return tuple(((node, Role.KUBELET_SERVING, Evidence.AGENTPOOL_TAG), 0.0) for node, pool in nodes if pool in tagged)
