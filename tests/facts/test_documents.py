"""What another agent says of itself, read back; whatever it is, one line says what is wrong with it."""

import json

import pytest

from exporter.facts.cluster_document import cluster_document
from exporter.facts.node_document import node_document
from exporter.facts.told_node import said_node

DEEP = b"[" * 100_000
JUNK = (
    b"",
    b"{",
    b"[]",
    b"null",
    b"\xff\xfe",
    DEEP,
    b'{"schema":1,"agent":' + DEEP,
    b'{"schema":"1","agent":"cluster"}',
)
CLUSTER = {"schema": 1, "agent": "cluster", "looked_at": 5.0}
NODE = {"schema": 1, "agent": "node", "node": "n1", "looked_at": 5.0, "findings": []}


@pytest.mark.parametrize("body", [*JUNK, json.dumps(NODE).encode()])
def test_what_is_no_cluster_agents_is_refused_in_one_line(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"\Anot a cluster agent's facts: [^\n]{1,200}\Z"):
        cluster_document(body)


@pytest.mark.parametrize("body", [*JUNK, json.dumps({**NODE, "agent": "cluster"}).encode()])
def test_what_is_no_node_agents_is_refused_in_one_line(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"\Anot a node agent's facts: [^\n]{1,200}\Z"):
        node_document(body)


@pytest.mark.parametrize("body", JUNK)
def test_a_page_about_such_a_node_has_nothing_to_show(body: bytes) -> None:
    assert said_node(body) is None


def test_a_document_of_a_thin_agent_is_read() -> None:
    """Fields that are missing are empty."""
    found = cluster_document(json.dumps(CLUSTER).encode())
    assert (found.schema, found.looked_at, found.findings, found.observed) == (1, 5.0, (), frozenset())
    assert not found.looks_at("csrs")
    nodes = [{"node": "a"}, {"node": "b", "observed_by": "kubelet"}, {"node": "c", "observed_by": "nobody"}]
    found = cluster_document(json.dumps({**CLUSTER, "nodes": nodes, "sources": [{"source": "csrs"}]}).encode())
    assert found.observed == {"b"}
    assert [found.looks_at(name) for name in ("csrs", "nodes")] == [True, False]
    thin = said_node(b'{"node":"n1","looked_at":5}')
    assert thin is not None
    assert (thin.node, thin.certificates, thin.files, thin.rotation) == ("n1", (), (), ())


def test_of_a_nodes_certificates_the_cluster_cas_are_kept() -> None:
    """With every member of the bundle; of another role none."""
    certificates = [
        {"role": "cluster-ca", "fingerprint_sha256": "a", "bundle": [{"fingerprint_sha256": "b"}]},
        {"role": "kubelet-client", "fingerprint_sha256": "c"},
    ]
    body = json.dumps({**NODE, "certificates": certificates}).encode()
    found = node_document(body)
    assert (found.node, found.content) == ("n1", body)
    assert set(found.authorities) == {"a", "b"}
