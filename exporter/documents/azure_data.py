"""What Azure Resource Manager said in, its fields for JSON out."""

from exporter.facts.azure.managed_cluster import AzureFacts, AzurePool

__all__ = ["azure_data"]


def azure_data(facts: AzureFacts) -> dict[str, object]:
    """The cluster and its node pools; `since` is when this agent first saw the present state, in Unix seconds."""
    cluster = facts.cluster
    return {
        "name": cluster.name or None,
        "resource_group": cluster.resource_group or None,
        "node_resource_group": cluster.node_resource_group or None,
        "location": cluster.location or None,
        "kubernetes_version": cluster.kubernetes_version or None,
        "rbac": cluster.rbac,
        "fqdn": cluster.fqdn or None,
        "private_fqdn": cluster.private_fqdn or None,
        "provisioning_state": cluster.provisioning_state or None,
        "since": facts.since.get(("cluster", cluster.name)),
        "power_state": cluster.power_state or None,
        "error": cluster.error or None,
        "agentpools": [_pool(facts, pool) for pool in cluster.pools],
    }


def _pool(facts: AzureFacts, pool: AzurePool) -> dict[str, object]:
    return {
        "name": pool.name,
        "type": pool.type or None,
        "os": pool.os or None,
        "os_sku": pool.os_sku or None,
        "mode": pool.mode or None,
        "kubernetes_version": pool.kubernetes_version or None,
        "node_image_version": pool.node_image_version or None,
        "provisioning_state": pool.provisioning_state or None,
        "since": facts.since.get(("agentpool", pool.name)),
        "power_state": pool.power_state or None,
        "serving_rotation_opt_out": pool.opted_out,
        "error": pool.error or None,
    }
