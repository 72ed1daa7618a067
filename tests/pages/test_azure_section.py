"""What the cluster page says of Azure."""

from exporter.facts.azure.managed_cluster import AzureFacts, azure_cluster
from exporter.facts.azure.resource_id import ResourceId
from exporter.facts.cluster import ClusterFacts
from exporter.facts.opt_out_tag import TAG
from exporter.findings.cluster import cluster_findings
from exporter.pages.cluster_page import cluster_page
from simulation.azure.bodies import agent_pool, managed_cluster
from tests.pages.document import check, read
from tests.pages.example import NOW

CLUSTER = ResourceId("5ab0", "contoso", "managedClusters", "aks1")
ATTACK = "<script>alert(1)</script>\"'{0}%s"


def page(azure: AzureFacts | None) -> str:
    """The whole page, well-formed."""
    facts = ClusterFacts(azure=azure)
    html = cluster_page(facts, cluster_findings(facts, (), NOW), (), NOW)
    check(html)
    return html


def test_states_power_versions_and_obstacles_are_told() -> None:
    """The cluster and each pool in a row, with when the state was first seen."""
    body = managed_cluster(
        CLUSTER,
        [agent_pool("nodepool1", mode="System"), agent_pool("optout", tags={TAG: "true"}, power="Stopped")],
        state="RotatingClusterCertificates",
        failure=("QuotaExceeded", "No cores."),
    )
    text = read(page(AzureFacts(azure_cluster(body, CLUSTER), {("cluster", "aks1"): 1.7e9}))).text
    for words in (
        "cluster aks1",
        "RotatingClusterCertificates",
        "2023-11-14 22:13 UTC",
        "node pool optout",
        "Stopped",
        "off by the node pool's tag",
        "nothing in the way",
        "QuotaExceeded: No cores.",
        "AKSUbuntu-2204gen2containerd-202511.07.0",
    ):
        assert words in text, words


def test_a_thin_answer_is_a_thin_row() -> None:
    """Nothing is claimed that Azure did not say."""
    text = read(page(AzureFacts(azure_cluster({"properties": {"agentPoolProfiles": [{"name": "p"}]}}, CLUSTER)))).text
    assert "node pool p" in text
    assert "unknown" in text


def test_words_of_azure_are_text_and_no_markup() -> None:
    """Whatever is in a name or a state."""
    body = managed_cluster(CLUSTER, [agent_pool(ATTACK, state=ATTACK, version=ATTACK)], state=ATTACK, location=ATTACK)
    html = page(AzureFacts(azure_cluster(body, CLUSTER)))
    assert "<script>alert" not in html
    assert ATTACK in read(html).text


def test_without_azure_there_is_no_such_section() -> None:
    """Its absence is told by the sources."""
    assert 'id="azure"' not in page(None)
