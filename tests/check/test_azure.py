"""Azure's tables of the report."""

import pytest

from exporter.check.azure import azure_sections
from exporter.check.report import Section
from exporter.facts.azure.managed_cluster import AzureCluster, Snapshot, azure_cluster, with_snapshots
from exporter.facts.azure.resource_id import ResourceId
from exporter.facts.azure.serving_rotation import Obstacle
from exporter.facts.opt_out_tag import TAG
from exporter.facts.source import Failure
from exporter.findings.azure_wording import OBSTACLE_WORDS
from exporter.reason import Reason
from simulation.azure.bodies import agent_pool, managed_cluster

CLUSTER = ResourceId("5ab0", "contoso", "managedClusters", "aks1")
SNAPSHOT = ResourceId("5ab0", "contoso", "snapshots", "golden")


def cluster(*pools: dict[str, object], **options: object) -> AzureCluster:
    """The facts of a simulated answer."""
    return azure_cluster(managed_cluster(CLUSTER, pools, **options), CLUSTER)  # type: ignore[arg-type]


def test_the_cluster_and_its_pools_are_two_tables() -> None:
    """With Azure's own words, and the image's date beside it."""
    azure, pools = azure_sections(
        cluster(
            agent_pool("nodepool1", mode="System"),
            agent_pool("win1", os="Windows", tags={TAG: "true"}, power="Stopped", version="1.26.3"),
            state="Failed",
            failure=("QuotaExceeded", "No cores."),
        )
    )
    assert azure.rows == (("aks1", "contoso", "westeurope", "Failed", "Running", "1.33.5", "on"),)
    assert azure.note == "Azure's words on the last failure: QuotaExceeded: No cores."
    assert pools.rows == (
        (
            "nodepool1",
            "Linux",
            "System",
            "Succeeded",
            "Running",
            "1.33.5",
            "AKSUbuntu-2204gen2containerd-202511.07.0 (2025-11-07)",
            "nothing in the way",
        ),
        (
            "win1",
            "Windows",
            "User",
            "Succeeded",
            "Stopped",
            "1.26.3",
            "AKSWindows-2022-containerd-gen2-20348.4405.251112 (2025-11-12)",
            "off by the node pool's tag, not before Kubernetes 1.27",
        ),
    )
    assert (azure.title, azure.columns, azure.wrapping) == (
        "Azure",
        ("CLUSTER", "RESOURCE GROUP", "LOCATION", "STATE", "POWER", "VERSION", "RBAC"),
        (),
    )
    assert (pools.title, pools.columns, pools.wrapping) == (
        "Node pools",
        ("POOL", "OS", "MODE", "STATE", "POWER", "VERSION", "NODE IMAGE", "SERVING ROTATION"),
        ("NODE IMAGE", "SERVING ROTATION"),
    )
    assert pools.note == ""


@pytest.mark.parametrize(
    ("snapshot", "words"),
    [
        (Snapshot("AKSUbuntu-2204gen2containerd-202412.04.0"), "not with so old a snapshot"),
        (Snapshot("AKSUbuntu-2204gen2containerd-202501.12.0"), "nothing in the way"),
        (Snapshot("custom"), "the snapshot's image has no date"),
        (Failure(Reason.FORBIDDEN, "no right"), "the snapshot cannot be read: forbidden"),
    ],
)
def test_what_a_snapshot_says_of_serving_rotation(snapshot: Snapshot | Failure, words: str) -> None:
    """And that it could not be looked at, where that is so."""
    _, pools = azure_sections(with_snapshots(cluster(agent_pool("p", snapshot=SNAPSHOT)), {SNAPSHOT.key: snapshot}))
    assert pools.rows[0][-1] == words


def test_what_azure_does_not_say_is_a_dash() -> None:
    """A thin answer makes a thin table."""
    azure, pools = azure_sections(azure_cluster({"properties": {"agentPoolProfiles": [{"name": "p"}]}}, CLUSTER))
    assert azure.rows == (("aks1", "contoso", "-", "-", "-", "-", "-"),)
    assert pools.rows == (("p", "-", "-", "-", "-", "-", "-", "nothing in the way"),)


@pytest.mark.parametrize(
    ("answer", "note"),
    [
        (None, "Azure was not asked: --azure.enabled true, or a resource id, asks it with your own az login."),
        (Failure(Reason.FORBIDDEN, "no right to read"), "Azure did not answer: no right to read (forbidden)."),
    ],
)
def test_an_azure_that_did_not_answer_is_a_sentence(answer: Failure | None, note: str) -> None:
    """The rest of the report goes on."""
    assert list(azure_sections(answer)) == [Section("Azure", (), (), note)]


def test_a_cluster_without_pools_says_so() -> None:
    azure, pools = azure_sections(cluster(rbac=False))
    assert (azure.rows[0][-1], azure.note) == ("off", "")
    assert (pools.rows, pools.note) == ((), "Azure names no node pool.")


def test_every_obstacle_has_words() -> None:
    """A new one must get its own."""
    assert set(OBSTACLE_WORDS) == set(Obstacle)
