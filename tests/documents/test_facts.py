"""The documents of /facts, against their published schemas and on facts of every kind."""

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from exporter.documents.cluster_document import cluster_document
from exporter.documents.encoding import encoded
from exporter.documents.node_document import node_document
from exporter.facts.azure.managed_cluster import AzureFacts, azure_cluster
from exporter.facts.cluster import ClusterFacts
from exporter.facts.host.host_facts import HostFacts
from exporter.facts.node_observation import NodeObservation
from exporter.findings.cluster import cluster_findings
from exporter.findings.host import host_findings
from exporter.reason import CsrOutcome, Observer, Role, RotationState
from simulation.azure.bodies import agent_pool, managed_cluster
from tests.pages.example import NODE, NOW, broken, source, well
from tests.pages.fleet import fleet
from tests.pages.test_azure_section import CLUSTER

DOCS = Path(__file__).parents[2] / "docs"
NODE_KEYS = ["schema", "agent", "node", "looked_at", "certificates", "files", "rotation", "bootstrap", "findings"]
CLUSTER_KEYS = [
    *("schema", "agent", "cluster", "looked_at", "nodes", "control_plane", "csrs", "endpoints", "azure", "sources"),
    *("preflight", "certificate_objects", "findings"),
]
FINDING_KEYS = {"alert", "severity", "subject", "node", "role", "since", "until", "what", "why", "next"}

AZURE = azure_cluster(managed_cluster(CLUSTER, [agent_pool("nodepool1", power="Stopped")]), CLUSTER)


def validator(name: str) -> Draft202012Validator:
    schema = json.loads((DOCS / name).read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


NODE_SCHEMA, CLUSTER_SCHEMA = validator("node-facts.schema.json"), validator("cluster-facts.schema.json")


def of_node(host: HostFacts, now: float = NOW) -> dict[str, object]:
    return node_document(host, host_findings(host, [source(up=False)], now), now)


def of_cluster(cluster: ClusterFacts, now: float = NOW) -> dict[str, object]:
    sources = [source(up=True), source(up=False), source(up=None)]
    return cluster_document(cluster, cluster_findings(cluster, sources, now), sources, now, name="aks:443")


@pytest.mark.parametrize("days", [0, 20, 40, 4000])
@pytest.mark.parametrize("host", [well(), broken(), replace(broken(), leftovers={}, bootstrap_kubeconfig_present=None)])
def test_a_nodes_document_is_as_its_schema_says(host: HostFacts, days: int) -> None:
    found = json.loads(encoded(of_node(host, NOW + days * 86400)).body)
    NODE_SCHEMA.validate(found)
    assert sorted(found) == sorted(NODE_KEYS)
    assert found["node"] == NODE
    assert {key for one in found["findings"] for key in FINDING_KEYS - one.keys()} == set()


@pytest.mark.parametrize(
    "cluster",
    [
        ClusterFacts(),
        fleet(30),
        fleet(30, broken=True),
        replace(fleet(3), azure=AzureFacts(AZURE), clock_offset=-0.5),
    ],
    ids=["nothing-known", "fleet", "broken", "azure"],
)
def test_a_clusters_document_is_as_its_schema_says(cluster: ClusterFacts) -> None:
    found = json.loads(encoded(of_cluster(cluster)).body)
    CLUSTER_SCHEMA.validate(found)
    assert sorted(found) == sorted(CLUSTER_KEYS)
    nodes = cluster.nodes or ()
    assert [one["node"] for one in found["nodes"]] == [one.name for one in nodes]
    assert {one["observed_by"] for one in found["nodes"]} <= {"nobody"}
    told = list(chain.from_iterable(one["findings"] for one in found["nodes"]))
    assert all(one in found["findings"] for one in told)
    names = {one.name for one in nodes}
    assert len(told) == sum(one["node"] in names for one in found["findings"])


def test_who_tells_about_a_node_is_told() -> None:
    cluster = fleet(3)
    names = [one.name for one in cluster.nodes or ()]
    observations = {
        names[0]: NodeObservation(Observer.NODE_AGENT),
        names[1]: NodeObservation(Observer.KUBELET),
        names[2]: NodeObservation(Observer.NOBODY),
    }
    found = cluster_document(replace(cluster, observations=observations), (), (), NOW)
    CLUSTER_SCHEMA.validate(found)
    assert isinstance(found["nodes"], list)
    assert [one["observed_by"] for one in found["nodes"]] == ["node_agent", "kubelet", "nobody"]


def test_numbers_are_numbers_and_times_unix_seconds() -> None:
    found = json.loads(encoded(of_node(well())).body)
    client = found["certificates"][0]
    assert client["not_after"] - client["not_before"] == pytest.approx(365 * 86400, abs=86400)
    assert client["due"] < client["deadline"] < client["not_after"]
    assert client["issued_by_cluster_ca"] is True
    assert found["looked_at"] == NOW
    assert found["rotation"][0]["evidence"] == {"file": True, "kubeconfig": True, "kubelet_config": True}


def test_overdue_is_a_state_that_is_shown_and_critical_where_the_findings_say_so() -> None:
    """B12: one judgement for the state, the certificate and the finding."""
    found = json.loads(encoded(of_node(broken(), NOW + 10 * 86400)).body)
    client = next(one for one in found["rotation"] if one["role"] == "kubelet-client")
    assert (client["state"], client["shown"], client["severity"]) == ("enabled", "overdue", "critical")
    certificate = found["certificates"][0]
    assert certificate["severity"] == "critical"
    assert any(one["role"] == "kubelet-client" and one["severity"] == "critical" for one in found["findings"])


def test_the_tag_covers_everything_but_when_it_was_looked_at() -> None:
    host = well()
    first, again = encoded(of_node(host, NOW)), encoded(of_node(host, NOW + 1))
    assert first.etag == again.etag
    assert first.body != again.body
    other = encoded(of_node(replace(host, bootstrap_kubeconfig_present=None)))
    assert other.etag != first.etag
    cluster = fleet(9)
    moved = replace(cluster, leases={lease: at + 30 for lease, at in cluster.leases.items()}, clock_offset=0.5)
    assert encoded(of_cluster(replace(cluster, clock_offset=-0.4))).etag == encoded(of_cluster(moved)).etag


def words(schema: object, *path: str) -> set[object]:
    for key in path:
        assert isinstance(schema, dict)
        schema = schema[key]
    assert isinstance(schema, list)
    return set(schema)


def test_the_schemas_know_every_word() -> None:
    """A word that is new in the code would not validate for whoever uses the schema."""
    node, cluster = NODE_SCHEMA.schema, CLUSTER_SCHEMA.schema

    def of(kind: str, field: str) -> Iterator[str]:
        yield from ("properties", kind, "items", "properties", field, "enum")

    assert words(node, *of("certificates", "role")) == {role for role in Role if role.value != "evidence"}
    assert words(node, *of("files", "role")) == set(Role) | {"evidence"}
    assert words(node, *of("rotation", "state")) == set(RotationState)
    requests = ("properties", "nodes", "items", "properties", "requests", "items", "properties", "rejected")
    outcomes = words(cluster, *requests, "properties", "outcome", "enum")
    assert outcomes == {CsrOutcome.DENIED, CsrOutcome.FAILED}
