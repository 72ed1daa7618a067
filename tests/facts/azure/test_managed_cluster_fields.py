"""Each field of managed_cluster by itself: its key in ARM's answer, and what is made of what should not be there."""

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from exporter.facts.azure.managed_cluster import (
    AzureCluster,
    AzureError,
    AzureFacts,
    AzurePool,
    Snapshot,
    azure_cluster,
    snapshot,
    with_snapshots,
)
from exporter.facts.azure.provisioning_state import StateClass
from exporter.facts.azure.resource_id import ResourceId
from exporter.facts.azure.serving_rotation import Obstacle, obstacles
from exporter.facts.opt_out_tag import TAG
from exporter.facts.source import Failure
from exporter.reason import Reason

ASKED = ResourceId("5ab0", "rg", "managedClusters", "asked")
GOLDEN = ResourceId("5ab1", "images", "snapshots", "golden")
IMAGE = "AKSUbuntu-2204gen2containerd-202501.12.0"
PROFILE: dict[str, Any] = {
    "name": "p1",
    "type": "VirtualMachineScaleSets",
    "osType": "Linux",
    "osSKU": "Ubuntu",
    "mode": "System",
    "orchestratorVersion": "1.34",
    "currentOrchestratorVersion": "1.33.5",
    "nodeImageVersion": IMAGE,
    "provisioningState": "Upgrading",
    "powerState": {"code": "Running"},
    "tags": {"team": "a", TAG: "true"},
    "creationData": {"sourceResourceId": GOLDEN.path},
    "status": {"provisioningError": {"code": "Full", "message": "no  room\nleft"}},
}
PROPERTIES: dict[str, Any] = {
    "currentKubernetesVersion": "1.33.5",
    "kubernetesVersion": "1.34",
    "enableRBAC": True,
    "fqdn": "Public.example",
    "privateFQDN": "private.example",
    "nodeResourceGroup": "MC_rg",
    "disableLocalAccounts": True,
    "provisioningState": "Updating",
    "powerState": {"code": "Stopped"},
    "status": {"provisioningError": {"code": "Slow", "message": "wait"}},
    "agentPoolProfiles": [PROFILE],
}
POOL = AzurePool(
    name="p1",
    type="VirtualMachineScaleSets",
    os="Linux",
    os_sku="Ubuntu",
    mode="System",
    kubernetes_version="1.33.5",
    node_image_version=IMAGE,
    image_date=dt.date(2025, 1, 12),
    provisioning_state="Upgrading",
    power_state="Running",
    opted_out=True,
    opt_out_tag=f"{TAG}=true",
    error="Full: no room left",
    created_from=GOLDEN,
    snapshot=None,
)
CLUSTER = AzureCluster(
    name="aks1",
    resource_group="rg",
    location="westeurope",
    kubernetes_version="1.33.5",
    rbac=True,
    fqdn="public.example",
    private_fqdn="private.example",
    node_resource_group="MC_rg",
    local_accounts=False,
    provisioning_state="Updating",
    power_state="Stopped",
    error="Slow: wait",
    pools=(POOL,),
)
BARE = AzurePool("p1", "", "", "", "", "", "", None, "", "", False, "", "")


def read(**properties: object) -> AzureCluster:
    """The cluster with these properties instead."""
    body = {"name": "aks1", "location": "westeurope", "properties": {**PROPERTIES, **properties}}
    return azure_cluster(body, ASKED)


def pools(*profiles: object) -> tuple[AzurePool, ...]:
    return read(agentPoolProfiles=list(profiles)).pools


def test_every_field_has_its_key() -> None:
    assert read() == CLUSTER
    empty = AzureCluster("asked", "rg", "", "", None, "", "", "", None, "", "", "", ())
    assert azure_cluster({"properties": {}}, ASKED) == empty
    assert pools({"name": "p1"}) == (BARE,)


@pytest.mark.parametrize(
    ("key", "value", "changes"),
    [
        ("enableRBAC", False, {"rbac": False}),
        ("enableRBAC", "true", {"rbac": None}),
        ("enableRBAC", None, {"rbac": None}),
        ("disableLocalAccounts", False, {"local_accounts": True}),
        ("disableLocalAccounts", "false", {"local_accounts": None}),
        ("currentKubernetesVersion", None, {"kubernetes_version": "1.34"}),
        ("currentKubernetesVersion", 7, {"kubernetes_version": "1.34"}),
        ("nodeResourceGroup", ["x"], {"node_resource_group": ""}),
        ("powerState", "Stopped", {"power_state": ""}),
        ("powerState", {"code": " a\n b "}, {"power_state": "a b"}),
        ("status", {"provisioningError": {"code": "Slow"}}, {"error": "Slow"}),
        ("status", {"provisioningError": {"message": "w" * 201}}, {"error": "w" * 200}),
        ("status", {"provisioningError": {"code": "c" * 201, "message": ""}}, {"error": "c" * 201}),
        ("status", {"provisioningError": None}, {"error": ""}),
        ("agentPoolProfiles", None, {"pools": ()}),
        ("agentPoolProfiles", {"name": "p1"}, {"pools": ()}),
        ("agentPoolProfiles", "p1", {"pools": ()}),
    ],
)
def test_what_is_of_another_type_is_not_said(key: str, value: object, changes: dict[str, Any]) -> None:
    assert read(**{key: value}) == replace(CLUSTER, **changes)


@pytest.mark.parametrize(
    ("key", "value", "changes"),
    [
        ("currentOrchestratorVersion", None, {"kubernetes_version": "1.34"}),
        ("nodeImageVersion", "custom", {"node_image_version": "custom", "image_date": None}),
        ("creationData", {"sourceResourceId": ASKED.path}, {"created_from": None}),
        ("creationData", None, {"created_from": None}),
        ("tags", None, {"opted_out": False, "opt_out_tag": ""}),
        ("tags", [], {"opted_out": None, "opt_out_tag": ""}),
        ("tags", {TAG: 1}, {"opted_out": False, "opt_out_tag": ""}),
        ("tags", {TAG: "x" * 300 + "true"}, {"opt_out_tag": f"{TAG}={'x' * 300}"[:200]}),
        ("osType", "LINUX", {"os": "LINUX"}),
        ("osType", "Windows", {"os": "Windows"}),
        ("osType", "Plan9", {"os": "Plan9"}),
    ],
)
def test_a_pool_is_as_far_known_as_it_can_be_read(key: str, value: object, changes: dict[str, Any]) -> None:
    assert pools({**PROFILE, key: value}) == (replace(POOL, **changes),)


@pytest.mark.parametrize(
    ("os", "tags", "expected"),
    [
        ("Plan9", {TAG: "untrue"}, (None, "")),
        ("Linux", {TAG: "untrue"}, (True, f"{TAG}=untrue")),
        ("windows", {TAG: "untrue"}, (False, "")),
        ("Plan9", {TAG: "no"}, (False, "")),
        ("", {f"x{TAG}": "true"}, (None, "")),
    ],
)
def test_a_tag_is_read_by_the_system_of_its_pool(
    os: str, tags: dict[str, str], expected: tuple[bool | None, str]
) -> None:
    (pool,) = pools({**PROFILE, "osType": os, "tags": tags})
    assert (pool.opted_out, pool.opt_out_tag) == expected


def test_a_pool_is_there_once_and_has_a_name() -> None:
    """What is none does not end the list."""
    found = pools("text", {"name": ""}, {"name": "p1"}, {"name": "p1", "type": "x"}, None, {"name": "p2"})
    assert found == (BARE, replace(BARE, name="p2"))


@pytest.mark.parametrize(
    ("name", "host"),
    [
        ("A.Example", "a.example"),
        ("a_b.c-d", "a_b.c-d"),
        ("x" * 63 + ".test", "x" * 63 + ".test"),
        ("x" * 64 + ".test", ""),
        ("a." + "x" * 63, "a." + "x" * 63),
        ("a." + "x" * 64, ""),
        (".".join("a" * 31), ".".join("a" * 31)),
        (".".join("a" * 32), ""),
        ("single", ""),
        ("a.b.", ""),
        (".a.b", ""),
        ("a.b:443", ""),
        ("a.b/c", ""),
        ("ä.test", ""),
        (7, ""),
    ],
)
def test_an_address_is_a_dns_name_of_several_labels(name: object, host: str) -> None:
    assert read(fqdn=name) == replace(CLUSTER, fqdn=host)
    assert read(privateFQDN=name) == replace(CLUSTER, private_fqdn=host)


def test_addresses_are_those_that_there_are() -> None:
    assert CLUSTER.addresses == (("public.example", 443), ("private.example", 443))
    assert replace(CLUSTER, fqdn="").addresses == (("private.example", 443),)
    assert replace(CLUSTER, private_fqdn="").addresses == (("public.example", 443),)


def test_states_are_those_of_the_cluster_and_of_its_pools() -> None:
    silent = replace(POOL, name="p2", provisioning_state="")
    cluster = replace(CLUSTER, pools=(POOL, silent))
    assert cluster.states == ((("cluster", "aks1"), "Updating"), (("agentpool", "p1"), "Upgrading"))
    assert replace(cluster, provisioning_state="").states == ((("agentpool", "p1"), "Upgrading"),)
    assert (cluster.state, POOL.state, silent.state) == (StateClass.OTHER, StateClass.UPGRADING, None)
    assert replace(CLUSTER, provisioning_state="").state is None


@pytest.mark.parametrize(
    ("states", "final"),
    [
        (("Succeeded", "Failed", "Canceled"), True),
        (("", ""), True),
        (("Succeeded",), True),
        (("Updating", "Succeeded"), False),
        (("Succeeded", "Succeeded", "Upgrading"), False),
        (("", "Upgrading"), False),
    ],
)
def test_an_operation_is_under_way_on_the_cluster_or_a_pool(states: tuple[str, ...], final: bool) -> None:
    first, *others = states
    every = tuple(replace(POOL, name=f"p{at}", provisioning_state=one) for at, one in enumerate(others))
    assert replace(CLUSTER, provisioning_state=first, pools=every).final is final


def test_a_snapshot_is_its_image() -> None:
    assert snapshot({"properties": {"nodeImageVersion": f" {IMAGE}"}}) == Snapshot(IMAGE)
    assert Snapshot(IMAGE).serving_rotation is True
    assert Snapshot("AKSUbuntu-2204gen2containerd-202501.11.9").serving_rotation is False
    assert Snapshot("custom").serving_rotation is None
    for body, words in (
        ({"properties": {}}, "the answer is no node pool snapshot: it has no nodeImageVersion"),
        ({"nodeImageVersion": IMAGE}, "the answer is no node pool snapshot: it has no nodeImageVersion"),
    ):
        with pytest.raises(AzureError) as caught:
            snapshot(body)
        assert str(caught.value) == words
    with pytest.raises(AzureError, match=r"\Athe answer is no managed cluster: it has no properties\Z"):
        azure_cluster({"properties": "x"}, ASKED)


def test_a_snapshot_comes_to_the_pools_that_were_made_from_it() -> None:
    own, other = replace(POOL, name="p0", created_from=None, snapshot=Snapshot("kept")), replace(POOL, name="p2")
    cluster = replace(CLUSTER, pools=(own, POOL, other))
    made = with_snapshots(cluster, {GOLDEN.key: Snapshot(IMAGE)})
    assert made == replace(
        cluster, pools=(own, replace(POOL, snapshot=Snapshot(IMAGE)), replace(other, snapshot=Snapshot(IMAGE)))
    )
    assert with_snapshots(made, {}) == cluster


def test_facts_without_a_history_have_none() -> None:
    assert AzureFacts(CLUSTER) == AzureFacts(CLUSTER, {}, {})


OLD = Snapshot("AKSUbuntu-2204gen2containerd-202501.11.0")


@pytest.mark.parametrize(
    ("changes", "rbac", "expected"),
    [
        ({}, True, ()),
        ({}, None, ()),
        ({}, False, ("rbac",)),
        ({"opted_out": True}, True, ("opt_out_tag",)),
        ({"opted_out": None}, True, ()),
        ({"kubernetes_version": "1.26.99"}, True, ("version",)),
        ({"kubernetes_version": "1.27"}, True, ()),
        ({"kubernetes_version": "0.99"}, True, ("version",)),
        ({"kubernetes_version": "2.1"}, True, ()),
        ({"kubernetes_version": "v1.26"}, True, ("version",)),
        ({"kubernetes_version": "1.2699"}, True, ()),
        ({"kubernetes_version": "x1.26"}, True, ()),
        ({"kubernetes_version": "11111.26"}, True, ()),
        ({"kubernetes_version": ""}, True, ()),
        ({"snapshot": Snapshot(IMAGE)}, True, ()),
        ({"snapshot": OLD}, True, ("snapshot",)),
        ({"snapshot": Snapshot("custom")}, True, ()),
        ({"snapshot": Failure(Reason.FORBIDDEN, "no right")}, True, ()),
    ],
)
def test_an_obstacle_is_what_is_certain(changes: dict[str, Any], rbac: bool | None, expected: tuple[str, ...]) -> None:
    pool = replace(replace(POOL, opted_out=False), **changes)
    assert tuple(str(one) for one in obstacles(replace(CLUSTER, rbac=rbac), pool)) == expected
    assert {str(one) for one in Obstacle} == {"opt_out_tag", "version", "snapshot", "rbac"}
