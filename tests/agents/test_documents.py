"""What both agents serve beside metrics: /facts as its schema says, the runbooks, and the links between them."""

import json
from pathlib import Path

import pytest

from simulation.node.scenarios import SCENARIOS, Scenario
from simulation.node.simulated_node import build
from tests.agents.clusters import NODE, cluster
from tests.agents.nodes import CA, NOW, agent_of, simulated
from tests.documents.test_facts import CLUSTER_SCHEMA, NODE_SCHEMA


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_node_agent_serves_its_facts(tmp_path: Path, scenario: Scenario) -> None:
    """Of every kind of node: the document is valid, and unchanged facts have one tag."""
    agent = agent_of(build(scenario, tmp_path / "host", NOW, CA).root)
    reader = agent.documents["/facts"]
    first, again = reader("", {}), reader("", {})
    assert first is not None
    assert again is not None
    NODE_SCHEMA.validate(json.loads(first.body))
    assert first.etag == again.etag
    assert first.content_type == "application/json"


def test_the_cluster_agent_serves_its_facts(tmp_path: Path) -> None:
    """Two looks at an unchanged cluster have one tag, although leases are renewed and watches answer all the time."""
    with cluster(tmp_path) as found:
        found.until_ready()
        found.until_told()
        reader = found.agent.documents["/facts"]
        first = reader("", {})
        assert first is not None
        document = json.loads(first.body)
        CLUSTER_SCHEMA.validate(document)
        assert document["cluster"] == found.agent.server
        assert {one["observed_by"] for one in document["nodes"]} == {"nobody"}
        found.until(lambda: (again := reader("", {})) is not None and again.etag == first.etag, "the same tag")


@pytest.mark.parametrize(
    ("setting", "page", "facts"),
    [
        ("", 'href="runbooks/AksCertExpired"', "/runbooks/AksCertExpired"),
        ("https://wiki.example/aks", 'href="https://wiki.example/aks/AksCertExpired"', None),
    ],
)
def test_findings_link_to_runbooks_here_or_where_the_setting_says(
    tmp_path: Path, setting: str, page: str, facts: str | None
) -> None:
    """--runbooks.url is the base of every link."""
    agent = agent_of(simulated(tmp_path, "expired").root, runbooks_url=setting)
    assert page in agent.page({})
    document = agent.documents["/facts"]("", {})
    assert document is not None
    links = {one["runbook_url"] for one in json.loads(document.body)["findings"]}
    assert (facts or f"{setting}/AksCertExpired") in links


def test_both_agents_serve_the_runbooks(tmp_path: Path) -> None:
    """By name, with and without .md, and as a list."""
    with cluster(tmp_path) as found:
        for agent in (agent_of(simulated(tmp_path / "node").root), found.agent):
            runbook = agent.documents["/runbooks/"]
            pages = [runbook(name, {}) for name in ("AksCertExpired", "AksCertExpired.md", "")]
            assert all(page is not None and page.content_type.startswith("text/html") for page in pages)
            assert runbook("AksCertNone", {}) is None


def test_the_cluster_agent_has_a_page_for_each_node(tmp_path: Path) -> None:
    """And none for a node that is not there."""
    with cluster(tmp_path) as found:
        found.until_ready()
        found.until_told()
        reader = found.agent.documents["/nodes/"]
        page = reader(NODE, {})
        assert page is not None
        assert "Not looked at: nobody tells about them." in page.body.decode()
        assert 'href="../runbooks/' in page.body.decode()
        assert reader("other", {}) is None
        assert reader("", {}) is None
