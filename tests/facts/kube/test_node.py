"""Node objects of the API, read."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.kube.metadata import ObjectError
from exporter.facts.kube.node import Node, node
from exporter.reason import Rotation

NAME = "aks-nodepool1-12345678-vmss000000"
LABELS = {
    "agentpool": "nodepool1",
    "kubernetes.azure.com/agentpool": "nodepool1",
    "kubernetes.azure.com/cluster": "MC_contoso_aks1_westeurope",
    "kubernetes.azure.com/kubelet-serving-ca": "cluster",
    "kubernetes.azure.com/node-image-version": "AKSUbuntu-2204gen2containerd-202607.13.0",
    "kubernetes.azure.com/os-sku": "Ubuntu",
    "kubernetes.io/os": "linux",
}
PROVIDER_ID = (
    "azure:///subscriptions/0000/resourceGroups/mc_contoso_aks1_westeurope/providers/Microsoft.Compute/"
    "virtualMachineScaleSets/aks-nodepool1-12345678-vmss/virtualMachines/0"
)


def body(labels: dict[str, str] | None = None, ready: str | None = "True", beat: str = "08:00:00") -> bytes:
    content: dict[str, Any] = {
        "kind": "Node",
        "metadata": {
            "name": NAME,
            "uid": "1",
            "resourceVersion": beat,
            "creationTimestamp": "2023-11-14T22:13:20Z",
            "labels": LABELS if labels is None else labels,
            "annotations": {"volumes.kubernetes.io/controller-managed-attach-detach": "true"},
        },
        "spec": {"providerID": PROVIDER_ID, "podCIDR": "10.244.0.0/24"},
        "status": {
            "conditions": [{"type": "MemoryPressure", "status": "False", "lastHeartbeatTime": f"2026-11-20T{beat}Z"}],
            "nodeInfo": {"kubeletVersion": "v1.33.2", "operatingSystem": "linux", "architecture": "amd64"},
            "images": [{"names": ["mcr.microsoft.com/oss/kubernetes/pause:3.6"], "sizeBytes": 1}],
        },
    }
    if ready is not None:
        content["status"]["conditions"].append({"type": "Ready", "status": ready})
    return json.dumps(content).encode()


def test_a_node_is_read_whole() -> None:
    """As AKS labels them."""
    assert node(body()) == Node(
        name=NAME,
        agentpool="nodepool1",
        kubelet_version="v1.33.2",
        node_image_version="AKSUbuntu-2204gen2containerd-202607.13.0",
        os="linux",
        os_sku="Ubuntu",
        kubelet_serving_ca="cluster",
        serving_rotation=Rotation.ENABLED,
        created=1_700_000_000.0,
        ready=True,
        provider_id=PROVIDER_ID,
        node_resource_group="MC_contoso_aks1_westeurope",
    )


def test_a_heartbeat_changes_nothing() -> None:
    """Every kubelet sends one every few minutes."""
    assert node(body(beat="08:00:00")) == node(body(beat="08:05:00"))


@pytest.mark.parametrize(("status", "ready"), [("True", True), ("False", False), ("Unknown", False), (None, None)])
def test_readiness_is_what_the_condition_says(status: str | None, ready: bool | None) -> None:
    """Unknown is a kubelet that no longer reports: not ready. No condition: nobody has said."""
    assert node(body(ready=status)).ready is ready


@pytest.mark.parametrize(
    ("labels", "reading"),
    [
        (LABELS, Rotation.ENABLED),
        ({"kubernetes.azure.com/kubelet-serving-ca": "cluster"}, Rotation.ENABLED),
        ({"kubernetes.azure.com/agentpool": "old"}, Rotation.DISABLED),
        ({"kubernetes.azure.com/agentpool": "old", "kubernetes.azure.com/kubelet-serving-ca": ""}, Rotation.DISABLED),
        ({"kubernetes.azure.com/agentpool": "x", "kubernetes.azure.com/kubelet-serving-ca": "new"}, Rotation.UNKNOWN),
        ({}, Rotation.UNKNOWN),
        ({"type": "virtual-kubelet", "kubernetes.azure.com/agentpool": "aci"}, Rotation.UNKNOWN),
        ({"karpenter.sh/nodepool": "default", "kubernetes.azure.com/os-sku": "Ubuntu"}, Rotation.UNKNOWN),
    ],
    ids=["on", "label alone", "off", "empty label", "another value", "no labels", "virtual kubelet", "Karpenter"],
)
def test_a_missing_label_is_off_only_where_aks_would_have_set_it(labels: dict[str, str], reading: Rotation) -> None:
    """Elsewhere it is unknown."""
    assert node(body(labels=labels)).serving_rotation is reading
    assert node(body(labels=labels)).virtual is ("type" in labels)


def test_a_bare_node_is_a_node() -> None:
    """As a kubelet registers it, before anything else is known."""
    bare = node(b'{"metadata":{"name":"n","creationTimestamp":"2023-11-14T22:13:20Z"},"spec":{},"status":{}}')
    assert (bare.name, bare.agentpool, bare.os, bare.ready, bare.provider_id) == ("n", "", "", None, "")
    assert bare.serving_rotation is Rotation.UNKNOWN


@given(st.binary(max_size=300))
def test_any_bytes_are_a_node_or_an_error(content: bytes) -> None:
    """And nothing else is raised."""
    with pytest.raises(ObjectError):
        node(content)


@given(
    st.dictionaries(
        st.sampled_from(
            ["metadata", "spec", "status", "name", "labels", "creationTimestamp", "conditions", "nodeInfo"]
        ),
        st.recursive(
            st.none() | st.text(max_size=5) | st.integers(),
            lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
        ),
    )
)
def test_any_json_is_a_node_or_an_error(content: dict[str, Any]) -> None:
    """Wrong types where a node would have others."""
    merged = json.loads(body()) | content
    try:
        assert isinstance(node(json.dumps(merged).encode()), Node)
    except ObjectError as error:
        assert "\n" not in str(error)
