"""Azure's names: resource ids, providerIDs, and the way from a node to its cluster."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.azure.resource_id import (
    NodeGroup,
    ResourceId,
    managed_cluster_id,
    managing_cluster,
    node_group,
    snapshot_id,
)

ID = "/subscriptions/5ab0/resourceGroups/Contoso-RG/providers/Microsoft.ContainerService/managedClusters/aks1"
CLUSTER = ResourceId("5ab0", "Contoso-RG", "managedClusters", "aks1")
GROUP = NodeGroup("5ab0", "mc_contoso-rg_aks1_westeurope")


@pytest.mark.parametrize("text", [ID, f"{ID}/", f" {ID}\n", ID.replace("resourceGroups", "resourcegroups")])
def test_a_resource_id_is_taken_apart(text: str) -> None:
    """ARM itself writes `resourcegroups` in lower case inside ids."""
    assert managed_cluster_id(text) == CLUSTER
    assert CLUSTER.path == ID


def test_ids_that_differ_in_case_are_one() -> None:
    """The key is what to compare by."""
    shouted = managed_cluster_id(ID.upper())
    assert shouted is not None
    assert shouted.key == CLUSTER.key
    assert shouted != CLUSTER


@pytest.mark.parametrize(
    "text",
    [
        "",
        "aks1",
        ID.replace("managedClusters", "snapshots"),
        f"{ID}/agentPools/nodepool1",
        ID.replace("Contoso-RG", ".."),
        ID.replace("aks1", "a/../b"),
        ID.replace("aks1", "a?api-version=1"),
        ID.replace("aks1", "a b"),
        ID.replace("aks1", "a%2fb"),
        f"https://management.azure.com{ID}",
    ],
)
def test_what_is_no_cluster_id_is_none(text: str) -> None:
    """Nothing that could change the meaning of the URL it becomes part of."""
    assert managed_cluster_id(text) is None


PROVIDED = "azure:///subscriptions/5ab0/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/n1"


@pytest.mark.parametrize(
    ("provider_id", "group"),
    [
        (PROVIDED, NodeGroup("5ab0", "g")),
        (f"\t{PROVIDED.upper()}\n", NodeGroup("5AB0", "G")),
        (PROVIDED.replace("Compute/virtualMachines/n1", "Compute/"), None),
        (PROVIDED.replace("Microsoft.Compute", "Microsoft-Compute"), None),
        (PROVIDED.replace("azure:///", "azure://"), None),
        (f"x{PROVIDED}", None),
        (PROVIDED.replace("5ab0", ".."), None),
        (PROVIDED.replace("5ab0", "."), None),
        (PROVIDED.replace("/g/", "/../"), None),
        (PROVIDED.replace("/g/", "/./"), None),
        (PROVIDED.replace("/g/", "/.../"), NodeGroup("5ab0", "...")),
        (PROVIDED.replace("/g/", f"/{'g' * 260}/"), NodeGroup("5ab0", "g" * 260)),
        (PROVIDED.replace("/g/", f"/{'g' * 261}/"), None),
        (PROVIDED.replace("/g/", "//"), None),
    ],
)
def test_a_provider_id_is_matched_whole(provider_id: str, group: NodeGroup | None) -> None:
    """And a part of it that would lead elsewhere in a URL is none."""
    assert node_group(provider_id) == group


@pytest.mark.parametrize("part", ["5ab0", "Contoso-RG", "aks1"])
@pytest.mark.parametrize("character", list("/\\\\?#%&<>: \t\n\x00\x1f\x7f"))
def test_no_part_of_an_id_has_a_character_that_means_something_in_a_url(part: str, character: str) -> None:
    assert managed_cluster_id(ID.replace(part, f"a{character}b")) is None
    for dots in (".", ".."):
        assert managed_cluster_id(ID.replace(part, dots)) is None


def test_a_path_has_its_parts_quoted() -> None:
    """As they go into a URL."""
    group = NodeGroup("5 ab", "ä")
    assert group.path == "/subscriptions/5%20ab/resourceGroups/%C3%A4"
    cluster = ResourceId("5 ab", "ä", "managedClusters", "Ö")
    assert cluster.path == f"{group.path}/providers/Microsoft.ContainerService/managedClusters/%C3%96"
    assert cluster.key == cluster.path.lower()


TAGS = {"aks-managed-cluster-name": "aks1", "aks-managed-cluster-rg": "Contoso-RG"}


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"managedBy": ID, "tags": {}}, CLUSTER),
        ({"managedBy": ID.replace("managedClusters", "snapshots"), "tags": TAGS}, CLUSTER),
        ({"managedBy": 7, "tags": TAGS}, CLUSTER),
        ({"tags": {key.upper(): value for key, value in TAGS.items()}}, CLUSTER),
        ({"tags": {**TAGS, "aks-managed-cluster-name": None}}, None),
        ({"tags": {**TAGS, "aks-managed-cluster-rg": 7}}, None),
        ({"tags": {"aks-managed-cluster-name": "aks1"}}, None),
        ({"tags": None}, None),
    ],
)
def test_a_group_is_managed_by_the_cluster_that_it_names(body: dict[str, object], found: ResourceId | None) -> None:
    """In the subscription of the group, where only the tags say so."""
    assert managing_cluster(GROUP, body) == found


def test_a_snapshot_is_told_from_a_cluster() -> None:
    """Each kind has its own reader."""
    snapshot = snapshot_id(ID.replace("managedClusters", "snapshots"))
    assert snapshot == ResourceId("5ab0", "Contoso-RG", "snapshots", "aks1")
    assert snapshot_id(ID) is None


@pytest.mark.parametrize(
    "machine",
    [
        "virtualMachineScaleSets/aks-nodepool1-12345678-vmss/virtualMachines/0",
        "virtualMachines/aks-nodepool1-12345678-0",
    ],
)
def test_a_provider_id_names_the_node_resource_group(machine: str) -> None:
    """Of a scale set's node, and of a single machine: availability set, VirtualMachines pool, auto-provisioning."""
    group = f"azure:///subscriptions/5ab0/resourceGroups/{GROUP.name}/providers/Microsoft.Compute/{machine}"
    assert node_group(group) == GROUP


@pytest.mark.parametrize(
    "text", ["", "kind://docker/kind/node", "aws:///eu-west-1a/i-0123", "azure:///subscriptions/x"]
)
def test_a_node_elsewhere_has_no_group(text: str) -> None:
    """Not Azure's, or cut."""
    assert node_group(text) is None


def test_managed_by_comes_first() -> None:
    """It is the cluster's id; the tags may have been changed by a user."""
    tags = {"aks-managed-cluster-name": "other", "aks-managed-cluster-rg": "other"}
    assert managing_cluster(GROUP, {"managedBy": ID, "tags": tags}) == CLUSTER


def test_without_managed_by_the_tags_say_it() -> None:
    """Names of tags ignore case."""
    tags = {"AKS-managed-cluster-name": "aks1", "aks-managed-cluster-RG": "Contoso-RG"}
    assert managing_cluster(GROUP, {"managedBy": None, "tags": tags}) == CLUSTER


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"managedBy": 1, "tags": []},
        {"managedBy": "/subscriptions/x/resourceGroups/y", "tags": {"aks-managed-cluster-name": "aks1"}},
        {"tags": {"aks-managed-cluster-name": 1, "aks-managed-cluster-rg": 2}},
        {"tags": {"aks-managed-cluster-name": "a/b", "aks-managed-cluster-rg": "c"}},
        {"name": "MC_contoso-rg_aks1_westeurope"},
    ],
)
def test_a_group_that_names_no_cluster_gives_none(body: dict[str, object]) -> None:
    """The group's own name is never taken apart."""
    assert managing_cluster(GROUP, body) is None


@given(st.text())
def test_no_text_is_an_error(text: str) -> None:
    """And what is taken for an id can be written again."""
    node_group(text)
    found = managed_cluster_id(text)
    assert found is None or managed_cluster_id(found.path) is not None


@given(st.from_regex(r"[\w.()-]{1,30}", fullmatch=True), st.from_regex(r"[\w-]{1,30}", fullmatch=True))
def test_names_survive_the_way_into_a_url(group: str, name: str) -> None:
    """Resource groups may have parentheses and letters of any alphabet; the path is plain ASCII."""
    text = f"/subscriptions/5ab0/resourceGroups/{group}/providers/Microsoft.ContainerService/managedClusters/{name}"
    found = managed_cluster_id(text)
    if group in {".", ".."}:
        assert found is None
        return
    assert found == ResourceId("5ab0", group, "managedClusters", name)
    assert found.path.isascii()
