"""What Azure Resource Manager answers, in its own shapes: clusters, node pools, snapshots, resource groups, errors.

A simulation's material: the fields are those of Microsoft.ContainerService 2026-08-01 that a GET of a real cluster
fills, with ARM's habits (`resourcegroups` in lower case inside ids, fields without a value left out).
"""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from exporter.facts.azure.resource_id import NodeGroup, ResourceId

__all__ = ["JSON", "agent_pool", "error", "managed_cluster", "node_resource_group", "snapshot"]

JSON: TypeAlias = dict[str, object]


def agent_pool(
    name: str,
    *,
    os: str = "Linux",
    mode: str = "User",
    kind: str = "VirtualMachineScaleSets",
    state: str = "Succeeded",
    power: str = "Running",
    version: str = "1.33.5",
    image: str = "",
    tags: Mapping[str, str] | None = None,
    snapshot: ResourceId | None = None,
    count: int = 3,
) -> JSON:
    """One entry of agentPoolProfiles."""
    windows = os == "Windows"
    image = image or (
        "AKSWindows-2022-containerd-gen2-20348.4405.251112" if windows else "AKSUbuntu-2204gen2containerd-202511.07.0"
    )
    body: JSON = {
        "name": name,
        "count": count,
        "vmSize": "Standard_D4ds_v5",
        "osDiskSizeGB": 128,
        "osDiskType": "Ephemeral",
        "maxPods": 110,
        "type": kind,
        "enableAutoScaling": False,
        "scaleDownMode": "Delete",
        "provisioningState": state,
        "powerState": {"code": power},
        "orchestratorVersion": version,
        "currentOrchestratorVersion": version,
        "enableNodePublicIP": False,
        "mode": mode,
        "osType": os,
        "osSKU": "Windows2022" if windows else "Ubuntu",
        "nodeImageVersion": image,
        "upgradeSettings": {"maxSurge": "10%", "maxUnavailable": "0"},
        "enableFIPS": False,
        "eTag": "3f1f6b0c-0000-4000-8000-0000000000aa",
    }
    if tags is not None:
        body["tags"] = dict(tags)
    if snapshot is not None:
        body["creationData"] = {"sourceResourceId": snapshot.path}
    return body


def managed_cluster(
    cluster: ResourceId,
    pools: Iterable[JSON],
    *,
    state: str = "Succeeded",
    power: str = "Running",
    version: str = "1.33.5",
    rbac: bool = True,
    location: str = "westeurope",
    fqdn: str = "",
    private_fqdn: str = "",
    node_group: str = "",
    failure: tuple[str, str] | None = None,
) -> JSON:
    """The answer to a GET of a managed cluster. `failure`: code and message of the last operation's error."""
    fqdn = fqdn or f"{cluster.name}-dns-1a2b3c4d.hcp.{location}.azmk8s.io"
    properties: JSON = {
        "provisioningState": state,
        "powerState": {"code": power},
        "kubernetesVersion": version,
        "currentKubernetesVersion": version,
        "dnsPrefix": f"{cluster.name}-dns",
        "fqdn": fqdn,
        "azurePortalFQDN": fqdn.replace("-dns-", "-dns-portal-"),
        "agentPoolProfiles": list(pools),
        "servicePrincipalProfile": {"clientId": "msi"},
        "nodeResourceGroup": node_group or f"MC_{cluster.group}_{cluster.name}_{location}",
        "enableRBAC": rbac,
        "supportPlan": "KubernetesOfficial",
        "networkProfile": {"networkPlugin": "azure", "networkPluginMode": "overlay", "serviceCidr": "10.0.0.0/16"},
        "maxAgentPools": 100,
        "apiServerAccessProfile": {"enablePrivateCluster": bool(private_fqdn)},
        "disableLocalAccounts": False,
        "securityProfile": {"workloadIdentity": {"enabled": True}},
        "oidcIssuerProfile": {"enabled": True, "issuerURL": f"https://{location}.oic.prod-aks.azure.com/"},
        "autoUpgradeProfile": {"upgradeChannel": "stable", "nodeOSUpgradeChannel": "NodeImage"},
        "resourceUID": "6570000000000000000000a1",
    }
    if private_fqdn:
        properties["privateFQDN"] = private_fqdn
    if failure is not None:
        code, message = failure
        properties["status"] = {"provisioningError": {"code": code, "message": message}}
    return {
        "id": cluster.path.replace("/resourceGroups/", "/resourcegroups/"),
        "location": location,
        "name": cluster.name,
        "type": "Microsoft.ContainerService/ManagedClusters",
        "sku": {"name": "Base", "tier": "Standard"},
        "identity": {"type": "SystemAssigned"},
        "properties": properties,
        "eTag": "0b0f6b0c-0000-4000-8000-0000000000aa",
    }


def snapshot(resource: ResourceId, image: str, version: str = "1.30.6") -> JSON:
    """The answer to a GET of a node pool snapshot."""
    return {
        "id": resource.path.replace("/resourceGroups/", "/resourcegroups/"),
        "location": "westeurope",
        "name": resource.name,
        "type": "Microsoft.ContainerService/snapshots",
        "properties": {
            "snapshotType": "NodePool",
            "kubernetesVersion": version,
            "nodeImageVersion": image,
            "osType": "Linux",
            "osSku": "Ubuntu",
            "vmSize": "Standard_D4ds_v5",
            "enableFIPS": False,
        },
    }


def node_resource_group(group: NodeGroup, cluster: ResourceId | None, *, tagged: bool = True) -> JSON:
    """The answer to a GET of a resource group: one that a cluster manages, or an ordinary one."""
    body: JSON = {
        "id": group.path,
        "name": group.name,
        "type": "Microsoft.Resources/resourceGroups",
        "location": "westeurope",
        "properties": {"provisioningState": "Succeeded"},
    }
    if cluster is not None:
        body["managedBy"] = cluster.path.replace("/resourceGroups/", "/resourcegroups/")
        if tagged:
            body["tags"] = {"aks-managed-cluster-name": cluster.name, "aks-managed-cluster-rg": cluster.group}
    return body


def error(code: str, message: str) -> JSON:
    """The body of an answer that is an error."""
    return {"error": {"code": code, "message": message}}
