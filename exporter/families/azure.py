"""akscert_azure_*: the cluster and its node pools as Azure Resource Manager describes them."""

from collections.abc import Iterable, Iterator

from exporter.facts.azure.managed_cluster import AzureCluster, AzureFacts, AzurePool, Snapshot
from exporter.metric import Family, Metric, Row

__all__ = ["families"]

_RESOURCES = ("cluster", "agentpool")
_TRUTH = ("true", "false", "unknown")

PROVISIONING_STATE = Metric(
    "akscert_azure_provisioning_state",
    "1, with Resource Manager's own word for what it does with the cluster or node pool, such as Succeeded or "
    "RotatingClusterCertificates.",
    ("resource", "name", "state"),
    words={"resource": _RESOURCES},
)
SINCE = Metric(
    "akscert_azure_provisioning_state_since_timestamp_seconds",
    "Unix time when this agent first saw the present provisioning state.",
    ("resource", "name"),
    words={"resource": _RESOURCES},
)
POWER_STATE = Metric(
    "akscert_azure_power_state",
    "1, with Resource Manager's word for whether the cluster or node pool runs: Running or Stopped.",
    ("resource", "name", "state"),
    words={"resource": _RESOURCES},
)
CLUSTER = Metric(
    "akscert_azure_cluster_info",
    "1, with the cluster's name, resource group, location, version and whether Kubernetes RBAC is on, without which "
    "no certificate rotates by itself.",
    ("cluster_name", "resource_group", "location", "kubernetes_version", "rbac"),
    words={"rbac": _TRUTH},
)
AGENTPOOL = Metric(
    "akscert_azure_agentpool_info",
    "1, with a node pool's properties. serving_rotation_opt_out: whether its tags switch kubelet serving certificate "
    "rotation off for nodes made from now on. snapshot_image_version is empty without a snapshot.",
    (
        "agentpool",
        "type",
        "os",
        "mode",
        "kubernetes_version",
        "node_image_version",
        "serving_rotation_opt_out",
        "snapshot_image_version",
    ),
    words={"serving_rotation_opt_out": _TRUTH},
)


def families(facts: AzureFacts | None) -> Iterator[Family]:
    """Samples of the last answer; without one the families are empty."""
    clusters = () if facts is None else (facts.cluster,)
    since = {} if facts is None else facts.since
    states = tuple(state for each in clusters for state in each.states)
    pools = tuple(pool for each in clusters for pool in each.pools)
    yield PROVISIONING_STATE.family((((*pair, word)), 1.0) for pair, word in states)
    yield SINCE.family((pair, since[pair]) for pair, _ in states if pair in since)
    yield POWER_STATE.family(row for each in clusters for row in _power(each))
    yield CLUSTER.family(
        ((each.name, each.resource_group, each.location, each.kubernetes_version, _truth(each.rbac)), 1.0)
        for each in clusters
    )
    yield AGENTPOOL.family((_pool(pool), 1.0) for pool in pools)


def _power(cluster: AzureCluster) -> Iterable[Row]:
    if cluster.power_state:
        yield ("cluster", cluster.name, cluster.power_state), 1.0
    for pool in cluster.pools:
        if pool.power_state:
            yield ("agentpool", pool.name, pool.power_state), 1.0


def _pool(pool: AzurePool) -> tuple[str, ...]:
    return (
        pool.name,
        pool.type,
        pool.os,
        pool.mode,
        pool.kubernetes_version,
        pool.node_image_version,
        _truth(pool.opted_out),
        pool.snapshot.node_image_version if isinstance(pool.snapshot, Snapshot) else "",
    )


def _truth(value: bool | None) -> str:
    return "unknown" if value is None else str(value).lower()
