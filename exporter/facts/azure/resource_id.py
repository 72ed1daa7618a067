"""Azure's names for things: resource ids and providerIDs in, their parts out; and which cluster a node belongs to."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

__all__ = ["NodeGroup", "ResourceId", "managed_cluster_id", "managing_cluster", "node_group", "snapshot_id"]

_NAME = r"[^/\\?#%&<>:\s\x00-\x1f\x7f]{1,260}"
_GROUP = rf"/subscriptions/(?P<subscription>{_NAME})/resourceGroups/(?P<group>{_NAME})"
_RESOURCE = re.compile(
    rf"{_GROUP}/providers/Microsoft\.ContainerService/(?P<kind>managedClusters|snapshots)/(?P<name>{_NAME})/?",
    re.IGNORECASE,
)
_NODE = re.compile(rf"azure://{_GROUP}/providers/Microsoft\.Compute/.+", re.IGNORECASE)
_DOTS = {".", ".."}


@dataclass(frozen=True, slots=True)
class NodeGroup:
    """The resource group that holds a cluster's nodes. The cloud provider writes it in lower case."""

    subscription: str
    name: str

    @property
    def path(self) -> str:
        """Path of its URL at Resource Manager."""
        return f"/subscriptions/{quote(self.subscription)}/resourceGroups/{quote(self.name)}"


@dataclass(frozen=True, slots=True)
class ResourceId:
    """A managed cluster or a node pool snapshot."""

    subscription: str
    group: str
    kind: str
    """`managedClusters` or `snapshots`."""
    name: str

    @property
    def path(self) -> str:
        """Path of its URL at Resource Manager."""
        group = NodeGroup(self.subscription, self.group).path
        return f"{group}/providers/Microsoft.ContainerService/{self.kind}/{quote(self.name)}"

    @property
    def key(self) -> str:
        """Equal for ids that differ only in case: ARM's names ignore it."""
        return self.path.lower()


def managed_cluster_id(text: str) -> ResourceId | None:
    """A managed cluster's resource id, or None."""
    return _resource_id(text, "managedClusters")


def snapshot_id(text: str) -> ResourceId | None:
    """A node pool snapshot's resource id, or None."""
    return _resource_id(text, "snapshots")


def _resource_id(text: str, kind: str) -> ResourceId | None:
    match = _RESOURCE.fullmatch(text.strip())
    if match is None or match["kind"].lower() != kind.lower() or _DOTS & {*match.groupdict().values()}:
        return None
    return ResourceId(match["subscription"], match["group"], kind, match["name"])


def node_group(provider_id: str) -> NodeGroup | None:
    """The node resource group in a node's spec.providerID, or None (not an Azure node, or a malformed one).

    `azure:///subscriptions/…/resourceGroups/…/providers/Microsoft.Compute/virtualMachineScaleSets/…`, or
    `…/virtualMachines/…` for availability sets, VirtualMachines pools and node auto-provisioning.
    """
    match = _NODE.fullmatch(provider_id.strip())
    if match is None or _DOTS & {match["subscription"], match["group"]}:
        return None
    return NodeGroup(match["subscription"], match["group"])


def managing_cluster(group: NodeGroup, body: Mapping[str, object]) -> ResourceId | None:
    """The cluster that manages a node resource group, from ARM's answer about the group.

    `managedBy` is the cluster's id; AKS also tags the group with the cluster's name and resource group. The group's own
    name says nothing: it is cut when long and may be chosen freely.
    """
    managed_by = body.get("managedBy")
    if isinstance(managed_by, str) and (found := managed_cluster_id(managed_by)):
        return found
    tags = body.get("tags")
    named = {key.lower(): value for key, value in tags.items()} if isinstance(tags, Mapping) else {}
    name, resource_group = named.get("aks-managed-cluster-name"), named.get("aks-managed-cluster-rg")
    if not isinstance(name, str) or not isinstance(resource_group, str):
        return None
    return managed_cluster_id(
        f"/subscriptions/{group.subscription}/resourceGroups/{resource_group}"
        f"/providers/Microsoft.ContainerService/managedClusters/{name}"
    )
