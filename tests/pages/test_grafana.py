"""Ways from a node to its dashboard in Grafana: there where a Grafana is set, and nowhere else."""

import json

import pytest

from exporter.facts.cluster import ClusterFacts
from exporter.findings.cluster import cluster_findings
from exporter.findings.host import host_findings
from exporter.pages.cluster_page import cluster_page
from exporter.pages.grafana import node_dashboard
from exporter.pages.node_page import node_page
from exporter.pages.told_node_page import told_node_page
from exporter.settings import Command, SettingsError, resolve
from tests.pages.document import check
from tests.pages.example import NOW, well
from tests.pages.fleet import fleet
from tools.generated import ROOT

GRAFANA = "https://grafana.example/team?var-cluster=we%20u"
FACTS = fleet(3, 1, broken=True)


def pages(grafana: str, facts: ClusterFacts = FACTS) -> list[str]:
    findings, host = cluster_findings(facts, (), NOW), well()
    one = (facts.nodes or ())[0].name
    shown = cluster_page(facts, findings, (), NOW, query={"state": "all"}, grafana=grafana)
    told = told_node_page(facts, findings, one, NOW, query={}, grafana=grafana)
    assert told is not None
    return [shown, told, node_page(host, host_findings(host, (), NOW), (), NOW, grafana=grafana)]


def test_a_node_leads_to_its_dashboard_from_its_row_and_from_its_pages() -> None:
    for page in pages(GRAFANA):
        check(page)
        assert "https://grafana.example/team/d/akscert-node?var-cluster=we%20u&amp;var-node=aks-" in page


def test_without_a_grafana_there_is_no_way_to_one() -> None:
    assert [page for page in pages("") if "rafana" in page] == []


@pytest.mark.parametrize(
    ("base", "node", "address"),
    [
        ("https://g", "n1", "https://g/d/akscert-node?var-node=n1"),
        ("http://g:3000/", "n 1&x=<y>", "http://g:3000/d/akscert-node?var-node=n%201%26x%3D%3Cy%3E"),
        ("https://g/sub/?orgId=2&var-cluster=", "n", "https://g/sub/d/akscert-node?orgId=2&var-cluster=&var-node=n"),
        ("https://g/?var-node=other", "n", "https://g/d/akscert-node?var-node=n"),
    ],
)
def test_names_from_outside_are_one_value_of_the_address(base: str, node: str, address: str) -> None:
    assert node_dashboard(base, node) == address


def test_the_dashboard_is_the_shipped_one() -> None:
    shipped = json.loads((ROOT / "dashboards/node.json").read_text(encoding="utf-8"))
    variables = {f"var-{one['name']}" for one in shipped["templating"]["list"]}
    assert node_dashboard("https://g", "n").startswith(f"https://g/d/{shipped['uid']}?")
    assert {"var-node", "var-cluster"} <= variables


@pytest.mark.parametrize(
    "value", ["grafana.example", "ftp://g", "https://user@g", "https://g/#x", "https://g /", "//g"]
)
@pytest.mark.parametrize("command", [Command.NODE, Command.CLUSTER])
def test_an_address_that_is_none_is_refused(value: str, command: Command) -> None:
    with pytest.raises(SettingsError, match="grafana"):
        resolve(command, {"grafana_url": value}, {})
