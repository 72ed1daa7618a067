"""Facts of a managed cluster from Resource Manager's JSON, whole, thin and wrong."""

import contextlib
import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.azure.managed_cluster import (
    AzureCluster,
    AzureError,
    Snapshot,
    azure_cluster,
    snapshot,
    with_snapshots,
)
from exporter.facts.azure.provisioning_state import StateClass
from exporter.facts.azure.resource_id import ResourceId
from exporter.facts.azure.serving_rotation import Obstacle, obstacles, opted_out_nodes
from exporter.facts.kube.node import Node
from exporter.facts.opt_out_tag import TAG
from exporter.facts.source import Failure
from exporter.reason import Reason, Rotation
from simulation.azure.bodies import agent_pool, managed_cluster

CLUSTER = ResourceId("5ab0", "Contoso-RG", "managedClusters", "aks1")
SNAPSHOT = ResourceId("5ab1", "images", "snapshots", "golden")

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def cluster(*pools: dict[str, object], **options: object) -> AzureCluster:
    """The facts of a simulated answer."""
    return azure_cluster(managed_cluster(CLUSTER, pools, **options), CLUSTER)  # type: ignore[arg-type]


def test_a_cluster_is_read_whole() -> None:
    """What it runs, where, how it is reached, what Azure does with it."""
    found = cluster(
        agent_pool("nodepool1", mode="System"),
        state="RotatingClusterCertificates",
        private_fqdn="AKS1.privatelink.westeurope.azmk8s.io",
        failure=("ReconcileVMSSAgentPoolFailed", "first line\nsecond line"),
        node_group="custom-nodes",
    )
    assert (found.name, found.resource_group, found.location) == ("aks1", "Contoso-RG", "westeurope")
    assert (found.kubernetes_version, found.rbac, found.local_accounts) == ("1.33.5", True, True)
    assert found.addresses == (
        ("aks1-dns-1a2b3c4d.hcp.westeurope.azmk8s.io", 443),
        ("aks1.privatelink.westeurope.azmk8s.io", 443),
    )
    assert found.state is StateClass.ROTATING_CERTIFICATES
    assert not found.final
    assert found.power_state == "Running"
    assert found.node_resource_group == "custom-nodes"
    assert found.error == "ReconcileVMSSAgentPoolFailed: first line second line"
    assert found.states == (
        (("cluster", "aks1"), "RotatingClusterCertificates"),
        (("agentpool", "nodepool1"), "Succeeded"),
    )


def test_a_pool_is_read_whole() -> None:
    """Type, system, mode, version, image with its date, states, tag and snapshot."""
    (pool,) = cluster(
        agent_pool(
            "win1",
            os="Windows",
            kind="AvailabilitySet",
            state="UpgradingNodeImageVersion",
            power="Stopped",
            tags={TAG: "true"},
            snapshot=SNAPSHOT,
        )
    ).pools
    assert (pool.name, pool.type, pool.os, pool.os_sku, pool.mode) == (
        "win1",
        "AvailabilitySet",
        "Windows",
        "Windows2022",
        "User",
    )
    assert pool.image_date == dt.date(2025, 11, 12)
    assert (pool.state, pool.power_state) == (StateClass.UPGRADING, "Stopped")
    assert pool.opted_out is True
    assert pool.created_from == SNAPSHOT
    assert pool.snapshot is None


def test_the_version_that_runs_beats_the_one_that_is_wanted() -> None:
    """In the middle of an upgrade they differ; an old answer has the second one only."""
    body = managed_cluster(CLUSTER, [agent_pool("nodepool1", version="1.33.5")], version="1.33.5")
    properties = body["properties"]
    assert isinstance(properties, dict)
    properties["currentKubernetesVersion"] = "1.32.9"
    del properties["agentPoolProfiles"][0]["currentOrchestratorVersion"]
    found = azure_cluster(body, CLUSTER)
    assert (found.kubernetes_version, found.pools[0].kubernetes_version) == ("1.32.9", "1.33.5")
    properties["agentPoolProfiles"][0]["currentOrchestratorVersion"] = "1.32.8"
    del properties["currentKubernetesVersion"]
    found = azure_cluster(body, CLUSTER)
    assert (found.kubernetes_version, found.pools[0].kubernetes_version) == ("1.33.5", "1.32.8")


def test_words_unknown_here_are_kept() -> None:
    """A state, an OS SKU, a pool type of next year's API."""
    found = cluster(agent_pool("p", state="Quiescing", power="Dreaming", kind="Swarm"), state="Polishing")
    (pool,) = found.pools
    assert (found.provisioning_state, found.state) == ("Polishing", StateClass.OTHER)
    assert (pool.provisioning_state, pool.power_state, pool.type) == ("Quiescing", "Dreaming", "Swarm")


def test_an_answer_with_nothing_in_it_is_a_cluster_of_which_nothing_is_known() -> None:
    """Every field may be missing; the name is then the one asked for, and nothing is claimed."""
    found = azure_cluster({"properties": {"agentPoolProfiles": [{"name": "p"}]}}, CLUSTER)
    assert (found.name, found.location, found.rbac, found.addresses, found.states) == ("aks1", "", None, (), ())
    assert found.state is None
    assert found.final
    (pool,) = found.pools
    assert (pool.os, pool.image_date, pool.state, pool.opted_out, pool.created_from) == ("", None, None, False, None)


@pytest.mark.parametrize("body", [None, [], "text", 1, {}, {"properties": None}, {"properties": []}])
def test_what_is_no_cluster_is_refused(body: object) -> None:
    """With one line that says so."""
    with pytest.raises(AzureError, match="no managed cluster"):
        azure_cluster(body, CLUSTER)


@pytest.mark.parametrize("body", [None, [], {}, {"properties": {}}, {"properties": {"nodeImageVersion": 1}}])
def test_what_is_no_snapshot_is_refused(body: object) -> None:
    """Its image is all that is wanted of it."""
    with pytest.raises(AzureError, match="no node pool snapshot"):
        snapshot(body)


@pytest.mark.parametrize(
    "name", ["", "localhost", "10.0.0.1/x", "a b.example", "evil.example:22", "user@evil.example", "a..b", "x" * 300]
)
def test_only_a_dns_name_becomes_an_address(name: str) -> None:
    """The agent connects there."""
    body = managed_cluster(CLUSTER, [])
    properties = body["properties"]
    assert isinstance(properties, dict)
    properties["fqdn"] = name
    assert azure_cluster(body, CLUSTER).addresses == ()


@pytest.mark.parametrize(
    ("os", "tags", "expected"),
    [
        ("Linux", {TAG: "untrue"}, True),
        ("Windows", {TAG: "untrue"}, False),
        ("linux", {f"my-{TAG}": "TRUE"}, True),
        ("WINDOWS", {TAG.upper(): "True"}, True),
        ("Linux", {"team": "a"}, False),
        ("Linux", None, False),
        ("", {TAG: "true"}, True),
        ("", {TAG: "untrue"}, None),
        ("Plan9", {TAG: "untrue"}, None),
    ],
)
def test_the_opt_out_tag_is_read_by_the_pools_system(
    os: str, tags: dict[str, str] | None, expected: bool | None
) -> None:
    """Without a known system both readings must agree, or nothing is said."""
    (pool,) = cluster({**agent_pool("p", tags=tags), "osType": os}).pools
    assert pool.opted_out is expected


@pytest.mark.parametrize(
    ("os", "tags", "tag"),
    [
        ("Linux", {"team": "a", TAG: "true"}, f"{TAG}=true"),
        ("Linux", {f"no-{TAG}": "untrue", TAG: "false"}, f"no-{TAG}=untrue"),
        ("Windows", {TAG.upper(): "True"}, f"{TAG.upper()}=True"),
        ("Windows", {f"no-{TAG}": "true"}, ""),
        ("Linux", {TAG: "false"}, ""),
    ],
)
def test_the_tag_that_does_it_is_named(os: str, tags: dict[str, str], tag: str) -> None:
    """On Linux it may be another than the documented one."""
    (pool,) = cluster({**agent_pool("p", tags=tags), "osType": os}).pools
    assert pool.opt_out_tag == tag


@pytest.mark.parametrize(("tags", "expected"), [("text", None), ([], None), ({TAG: None}, False), ({TAG: 1}, False)])
def test_tags_of_a_wrong_shape_claim_nothing(tags: object, expected: bool | None) -> None:
    """A value that is no text is not `true`."""
    (pool,) = cluster({**agent_pool("p"), "tags": tags}).pools
    assert pool.opted_out is expected


def test_a_pool_without_a_name_or_with_one_taken_is_left_out() -> None:
    """Two pools of one name would be two samples of one series."""
    found = cluster({"count": 1}, agent_pool("p"), agent_pool("p", os="Windows"), "text", None)  # type: ignore[arg-type]
    assert [(pool.name, pool.os) for pool in found.pools] == [("p", "Linux")]


@given(JSON, JSON)
def test_no_json_is_an_error_of_another_kind(body: object, pool: object) -> None:
    """Whatever is in the answer, it is facts or AzureError."""
    fields = ["name", "tags", "powerState", "creationData", "status", "osType", "provisioningState", "nodeImageVersion"]
    for candidate in (
        body,
        {"properties": body},
        {"properties": {"agentPoolProfiles": body, "powerState": pool, "status": body, "fqdn": pool}},
        {"properties": {"agentPoolProfiles": [pool, {**dict.fromkeys(fields, body), "name": "p"}]}},
    ):
        try:
            azure_cluster(candidate, CLUSTER)
        except AzureError as error:
            assert "\n" not in str(error)
    with contextlib.suppress(AzureError):
        snapshot(body)


def found_snapshot(image: str) -> AzureCluster:
    """A pool whose snapshot has this image."""
    return with_snapshots(cluster(agent_pool("p", snapshot=SNAPSHOT)), {SNAPSHOT.key: Snapshot(image)})


@pytest.mark.parametrize(
    ("image", "serving"),
    [
        ("AKSUbuntu-2204gen2containerd-202501.12.0", True),
        ("AKSUbuntu-2204gen2containerd-2025.06.02", True),
        ("AKSUbuntu-2204gen2containerd-202501.05.0", False),
        ("AKSUbuntu-2204gen2containerd-2024.12.30", False),
        ("a-custom-image", None),
    ],
)
def test_a_snapshot_is_held_against_the_first_image_with_serving_rotation(image: str, serving: bool | None) -> None:
    """202501.12.0 is the first; an image without a date is not judged."""
    found = found_snapshot(image)
    (pool,) = found.pools
    assert isinstance(pool.snapshot, Snapshot)
    assert pool.snapshot.serving_rotation is serving
    assert obstacles(found, pool) == ((Obstacle.SNAPSHOT,) if serving is False else ())


@pytest.mark.parametrize(
    ("options", "rbac", "expected"),
    [
        ({}, True, ()),
        ({"version": "1.26.9"}, True, (Obstacle.VERSION,)),
        ({"version": "1.27.0"}, True, ()),
        ({"version": "v1.9.1"}, True, (Obstacle.VERSION,)),
        ({"version": "2.0"}, True, ()),
        ({"version": "next"}, True, ()),
        ({"tags": {TAG: "true"}}, True, (Obstacle.OPT_OUT_TAG,)),
        ({}, False, (Obstacle.RBAC,)),
        ({"version": "1.25", "tags": {TAG: "true"}}, False, (Obstacle.OPT_OUT_TAG, Obstacle.VERSION, Obstacle.RBAC)),
    ],
)
def test_what_keeps_serving_rotation_off_is_named(
    options: dict[str, object], rbac: bool, expected: tuple[Obstacle, ...]
) -> None:
    """Only what is certain; a version that cannot be read keeps nothing off."""
    found = cluster(agent_pool("p", **options), rbac=rbac)  # type: ignore[arg-type]
    assert obstacles(found, found.pools[0]) == expected


def test_an_unreadable_snapshot_is_no_obstacle() -> None:
    """What could not be looked at is not claimed."""
    failure = Failure(Reason.FORBIDDEN, "no right")
    found = with_snapshots(cluster(agent_pool("p", snapshot=SNAPSHOT), agent_pool("q")), {SNAPSHOT.key: failure})
    assert [pool.snapshot for pool in found.pools] == [failure, None]
    assert obstacles(found, found.pools[0]) == ()


def test_a_tagged_pool_is_evidence_for_its_nodes_alone() -> None:
    """The tag says off; no tag, an unreadable one and a node without a pool say nothing."""
    found = cluster(
        agent_pool("tagged", tags={TAG: "true"}),
        agent_pool("plain"),
        {**agent_pool("odd"), "tags": "text"},
    )
    pairs = [("node-1", "tagged"), ("node-2", "plain"), ("node-3", "odd"), ("node-4", ""), ("node-5", "tagged")]
    nodes = [Node(name, pool, "", "", "linux", "", "", Rotation.UNKNOWN, 0.0, True, "", "") for name, pool in pairs]
    assert opted_out_nodes(found.pools, nodes) == ("node-1", "node-5")
