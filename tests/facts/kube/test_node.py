"""Node objects of the API, read."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.kube.metadata import ObjectError
from exporter.facts.kube.node import SERVING_LABEL, Node, node
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


def changed(labels: dict[str, str] | None = None, **status: object) -> Node:
    content = json.loads(body(labels=labels))
    content["status"] |= status
    return node(json.dumps(content).encode())


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({}, ("", "", "linux", "", "", "")),
        ({"agentpool": "old"}, ("old", "", "linux", "", "", "")),
        ({"agentpool": "old", "kubernetes.azure.com/agentpool": "new"}, ("new", "", "linux", "", "", "")),
        ({"agentpool": "old", "kubernetes.azure.com/agentpool": ""}, ("old", "", "linux", "", "", "")),
        ({"kubernetes.azure.com/node-image-version": "i"}, ("", "i", "linux", "", "", "")),
        ({"kubernetes.io/os": "windows"}, ("", "", "windows", "", "", "")),
        ({"kubernetes.azure.com/os-sku": "Ubuntu"}, ("", "", "linux", "Ubuntu", "", "")),
        (
            {"kubernetes.azure.com/os-sku": "Ubuntu", "kubernetes.azure.com/os-sku-effective": "Ubuntu2404"},
            ("", "", "linux", "Ubuntu2404", "", ""),
        ),
        ({"kubernetes.azure.com/kubelet-serving-ca": "x"}, ("", "", "linux", "", "x", "")),
        ({"kubernetes.azure.com/cluster": "MC_a"}, ("", "", "linux", "", "", "MC_a")),
    ],
)
def test_each_label_is_told_by_its_name(labels: dict[str, str], expected: tuple[str, ...]) -> None:
    """The newer one first, where there are two; what has no label is what the kubelet says, or empty."""
    found = changed(labels)
    assert (
        found.agentpool,
        found.node_image_version,
        found.os,
        found.os_sku,
        found.kubelet_serving_ca,
        found.node_resource_group,
    ) == expected
    assert SERVING_LABEL == "kubernetes.azure.com/kubelet-serving-ca"


def addresses(*found: tuple[str, str]) -> list[dict[str, str]]:
    return [{"type": kind, "address": address} for kind, address in found]


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        (None, ()),
        ([], ()),
        (
            addresses(
                ("InternalDNS", "n.internal"),
                ("Hostname", "n"),
                ("ExternalIP", "203.0.113.9"),
                ("ExternalDNS", "n.example"),
                ("InternalIP", "10.0.0.4"),
                ("InternalIP", "fd00::4"),
            ),
            ("10.0.0.4", "fd00::4", "n", "n.internal"),
        ),
        (addresses(("Hostname", "n"), ("InternalDNS", "n"), ("InternalIP", "")), ("n",)),
        (
            addresses(*(("InternalIP", f"10.0.0.{number}") for number in range(17))),
            tuple(f"10.0.0.{number}" for number in range(16)),
        ),
        (addresses(("InternalIP", "x" * 600)), ("x" * 512,)),
    ],
)
def test_a_kubelet_is_reached_at_the_internal_addresses_first(listed: object, expected: tuple[str, ...]) -> None:
    """Never at the external ones; each once, and of sixteen at most."""
    assert changed(addresses=listed).addresses == expected


@pytest.mark.parametrize(
    ("endpoints", "port"),
    [
        (None, 0),
        ({}, 0),
        ({"kubeletEndpoint": None}, 0),
        ({"kubeletEndpoint": {}}, 0),
        *(({"kubeletEndpoint": {"Port": port}}, told) for port, told in ((-1, 0), (0, 0), (1, 1), (10250, 10250))),
        *(({"kubeletEndpoint": {"Port": port}}, told) for port, told in ((65535, 65535), (65536, 0))),
    ],
)
def test_a_kubelet_is_reached_at_its_own_port(endpoints: object, port: int) -> None:
    assert changed(daemonEndpoints=endpoints).kubelet_port == port


@pytest.mark.parametrize(
    ("labels", "version", "virtual"),
    [
        ({}, "v1.33.2", False),
        ({"type": "virtual-kubelet"}, "v1.33.2", True),
        ({"type": "other"}, "v1.33.2", False),
        ({}, "v1.25.0-vk-azure-aci-1.6.2", True),
    ],
)
def test_a_virtual_kubelet_is_known_by_its_label_or_its_version(
    labels: dict[str, str], version: str, virtual: bool
) -> None:
    assert changed(labels, nodeInfo={"kubeletVersion": version}).virtual is virtual


@pytest.mark.parametrize("more", ["", ',"spec":null,"status":null', ',"spec":{"providerID":null},"status":{}'])
def test_a_node_may_lack_everything_but_its_name_and_its_creation(more: str) -> None:
    raw = f'{{"metadata":{{"name":"n","creationTimestamp":"2023-11-14T22:13:20Z","labels":null}}{more}}}'
    expected = Node("n", "", "", "", "", "", "", Rotation.UNKNOWN, 1_700_000_000.0, None, "", "")
    assert node(raw.encode()) == expected
