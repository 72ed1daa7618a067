"""A Node's JSON in; its pool, versions, readiness and what its label says of serving certificate rotation out."""

import sys
from dataclasses import dataclass

import msgspec

from exporter.facts.kube.metadata import Metadata, bounded_text, required_timestamp
from exporter.facts.kube.reader import ObjectReader
from exporter.reason import Rotation

__all__ = ["SERVING_LABEL", "Node", "node"]

MOST_ADDRESSES = 16
"""Addresses of one node that are looked at: one of each family and two names are usual."""
SERVING_LABEL = "kubernetes.azure.com/kubelet-serving-ca"
"""AKS sets it to `cluster` on each node whose kubelet rotates its serving certificate (AKS page on certificates)."""


@dataclass(frozen=True, slots=True)
class Node:
    """One node. Texts are empty where the object does not say. A heartbeat changes nothing of it."""

    name: str
    agentpool: str
    kubelet_version: str
    node_image_version: str
    os: str
    os_sku: str
    kubelet_serving_ca: str
    """Value of the label."""
    serving_rotation: Rotation
    """Our reading of the label: UNKNOWN for nodes that AKS does not label, which is not the same as off."""
    created: float
    """Unix seconds."""
    ready: bool | None
    """None: the kubelet has not said yet."""
    provider_id: str
    node_resource_group: str
    """Value of the label kubernetes.azure.com/cluster."""
    addresses: tuple[str, ...] = ()
    """Of status.addresses, the internal ones first: the first is where its kubelet is reached."""
    kubelet_port: int = 0
    """Of status.daemonEndpoints; 0 where the object does not say."""
    virtual: bool = False
    """A virtual kubelet's: no machine, no kubelet and none of a kubelet's certificates are behind it."""


class _Condition(msgspec.Struct):
    type: str = ""
    status: str = ""


class _Info(msgspec.Struct):
    kubeletVersion: str = ""
    operatingSystem: str = ""


class _Address(msgspec.Struct):
    type: str = ""
    address: str = ""


class _DaemonEndpoint(msgspec.Struct):
    Port: int = 0


class _DaemonEndpoints(msgspec.Struct):
    kubeletEndpoint: _DaemonEndpoint | None = None


class _Status(msgspec.Struct):
    addresses: list[_Address] | None = None
    daemonEndpoints: _DaemonEndpoints | None = None
    conditions: list[_Condition] | None = None
    nodeInfo: _Info | None = None


class _Spec(msgspec.Struct):
    providerID: str | None = None


class _Object(msgspec.Struct):
    metadata: Metadata
    spec: _Spec | None = None
    status: _Status | None = None


def _node(found: _Object) -> Node:
    labels = found.metadata.labels or {}
    status = found.status or _Status()
    info = status.nodeInfo or _Info()
    ready = next((one.status for one in status.conditions or () if one.type == "Ready"), None)
    return Node(
        name=_shared(found.metadata.name),
        agentpool=_shared(labels.get("kubernetes.azure.com/agentpool") or labels.get("agentpool", "")),
        kubelet_version=_shared(info.kubeletVersion),
        node_image_version=_shared(labels.get("kubernetes.azure.com/node-image-version", "")),
        os=_shared(labels.get("kubernetes.io/os") or info.operatingSystem),
        os_sku=_shared(
            labels.get("kubernetes.azure.com/os-sku-effective") or labels.get("kubernetes.azure.com/os-sku", "")
        ),
        kubelet_serving_ca=_shared(labels.get(SERVING_LABEL, "")),
        serving_rotation=_serving_rotation(labels),
        created=required_timestamp(found.metadata.creationTimestamp),
        ready=None if ready is None else ready == "True",
        provider_id=bounded_text((found.spec and found.spec.providerID) or ""),
        node_resource_group=_shared(labels.get("kubernetes.azure.com/cluster", "")),
        addresses=_addresses(status),
        kubelet_port=_kubelet_port(status),
        virtual=labels.get("type") == "virtual-kubelet" or "-vk-" in info.kubeletVersion,
    )


def _shared(text: str) -> str:
    """A thousand nodes of a pool share these words."""
    return sys.intern(bounded_text(text))


def _addresses(status: _Status) -> tuple[str, ...]:
    """Internal addresses, then names; external ones are not where a kubelet is asked."""
    found = (status.addresses or ())[:MOST_ADDRESSES]
    kinds = ("InternalIP", "Hostname", "InternalDNS")
    every = (bounded_text(one.address) for kind in kinds for one in found if one.type == kind and one.address)
    return tuple(dict.fromkeys(every))


def _kubelet_port(status: _Status) -> int:
    endpoint = status.daemonEndpoints.kubeletEndpoint if status.daemonEndpoints else None
    return endpoint.Port if endpoint and 0 < endpoint.Port < 65536 else 0


def _serving_rotation(labels: dict[str, str]) -> Rotation:
    """A missing label says off only where AKS would have set it: on a node of one of its pools.

    A virtual kubelet has no such certificate, and nodes that Karpenter made have no pool (AKS page on node labels).
    """
    value = labels.get(SERVING_LABEL)
    if value == "cluster":
        return Rotation.ENABLED
    if value or labels.get("type") == "virtual-kubelet" or "kubernetes.azure.com/agentpool" not in labels:
        return Rotation.UNKNOWN
    return Rotation.DISABLED


node = ObjectReader(_Object, _node)
"""Reads a Node."""
