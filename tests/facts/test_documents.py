"""What another agent says of itself, read back; whatever it is, one line says what is wrong with it."""

import json
import zlib

import msgspec
import pytest

from exporter.facts.cluster_document import ClusterFinding, NodeSeen, cluster_document
from exporter.facts.node_document import NodeDocument, ToldFinding, ToldRotation, ToldStep, node_document
from exporter.facts.told_node import SaidCertificate, SaidFile, SaidNode, SaidRotation, said_node
from exporter.reason import Role

DEEP = b"[" * 100_000
JUNK = (
    b"",
    b"{",
    b"[]",
    b"null",
    b"\xff\xfe",
    DEEP,
    b'{"schema":1,"agent":' + DEEP,
    b'{"schema":1,"unknown":' + DEEP,
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


FINDING = {
    "severity": "warning",
    "what": "it ends",
    "alert": "AksCertX",
    "subject": {"kind": "Node", "name": "n1"},
    "role": "kubelet-client",
    "since": 1.0,
    "until": 2.0,
    "why": "so",
    "next": [{"text": "look", "command": "kubectl"}, {}],
    "new": "unknown here",
}


def test_a_finding_is_read_whole_and_may_be_thin() -> None:
    whole = node_document(json.dumps({**NODE, "findings": [FINDING, {"severity": "info", "what": "x"}]}).encode())
    first, thin = whole.findings
    steps = (ToldStep("look", "kubectl"), ToldStep("", None))
    assert (first.severity, first.what, first.alert, first.why) == ("warning", "it ends", "AksCertX", "so")
    assert (first.subject.kind, first.subject.name, first.role) == ("Node", "n1", "kubelet-client")
    assert (first.since, first.until, first.next) == (1.0, 2.0, steps)
    assert thin == ToldFinding("info", "x")
    assert (thin.alert, thin.subject.kind, thin.subject.name, thin.role) == (None, "", "", None)
    assert (thin.since, thin.until, thin.why, thin.next) == (None, None, None, ())


@pytest.mark.parametrize(
    ("role", "known"),
    [("kubelet-client", Role.KUBELET_CLIENT), ("cluster-ca", Role.CLUSTER_CA), ("of-next-year", None), (None, None)],
)
def test_a_role_is_one_that_is_known_here(role: str | None, known: Role | None) -> None:
    assert ToldFinding("info", "x", role=role).known_role is known


def test_rotation_is_read_whole_and_may_be_thin() -> None:
    told = {"role": "kubelet-client", "state": "enabled", "due": 1.0, "deadline": 2.0, "evidence": {"file": True}}
    found = node_document(json.dumps({**NODE, "rotation": [told, {"role": "a", "state": "b"}]}).encode())
    assert found.rotation == (
        ToldRotation("kubelet-client", "enabled", 1.0, 2.0, {"file": True}),
        ToldRotation("a", "b", None, None, {}),
    )


def test_a_node_is_equal_to_itself_but_for_the_time_of_the_look() -> None:
    bare = node_document(json.dumps(NODE).encode())
    assert bare == NodeDocument("n1", (), (), bare.packed, frozenset())
    assert bare == NodeDocument("n1", (), (), bare.packed)
    certificates = [{"role": "cluster-ca"}, {"role": "kubelet-client", "fingerprint_sha256": "c"}]
    assert node_document(json.dumps({**NODE, "certificates": certificates}).encode()).authorities == frozenset({""})
    held = [{"role": "cluster-ca", "fingerprint_sha256": "a"}]
    one, other = (node_document(json.dumps({**NODE, "node": name, "certificates": held}).encode()) for name in "ab")
    assert one.authorities is other.authorities
    assert zlib.decompress(one.packed) == one.content
    assert len(node_document(json.dumps({**NODE, "more": "x" * 9999}).encode()).packed) < 200


def test_what_is_wrong_with_a_document_is_told_in_few_words() -> None:
    for read, kind in ((cluster_document, "cluster"), (node_document, "node")):
        other = {**NODE, "agent": "x" * 50}
        with pytest.raises(ValueError, match=rf"\Anot a {kind} agent's facts: agent is 'x{{40}}'\Z"):
            read(json.dumps(other).encode())
        with pytest.raises(ValueError, match=rf"\Anot a {kind} agent's facts: Object missing required field `agent`\Z"):
            read(b'{"schema":1}')


def test_a_cluster_is_read_whole_and_may_be_thin() -> None:
    body = {
        **CLUSTER,
        "findings": [{**FINDING, "node": "n1"}, {"severity": "info", "what": "x"}],
        "nodes": [{"node": "a", "observed_by": "kubelet"}, {"node": "b"}],
        "sources": [{"source": "csrs", "up": True}, {"source": "nodes"}],
    }
    found = cluster_document(json.dumps(body).encode())
    assert (found.schema, found.agent, found.looked_at) == (1, "cluster", 5.0)
    assert [(one.severity, one.node) for one in found.findings] == [("warning", "n1"), ("info", None)]
    assert found.findings[1] == ClusterFinding("info", "x")
    assert found.nodes == (NodeSeen("a", "kubelet"), NodeSeen("b", "nobody"))
    assert found.observed == frozenset({"a"})
    assert [found.looks_at(name) for name in ("csrs", "nodes", "x")] == [True, True, False]


def test_the_page_of_a_node_has_every_field_and_may_be_thin() -> None:
    certificate = SaidCertificate(
        "kubelet-client", "file", 1.0, 2.0, "/p", "CN=a", "CN=ca", "1f", "aa", 1.7, 1.9, "ok", "warning"
    )
    file = SaidFile("cluster-ca", "/ca", "ok", "fine", "info")
    rotation = SaidRotation("kubelet-client", "enabled", "overdue", "rotating", {"file": True}, 1.9, "critical")
    whole = SaidNode("n1", 5.0, (certificate,), (file,), (rotation,))
    assert said_node(msgspec.json.encode(whole)) == whole
    thin = {
        "node": "n1",
        "looked_at": 5,
        "certificates": [{"role": "a", "origin": "b", "not_before": 1, "not_after": 2}],
        "files": [{"role": "a", "path": "b", "status": "c"}],
        "rotation": [{"role": "a", "state": "b"}],
    }
    assert said_node(json.dumps(thin).encode()) == SaidNode(
        "n1",
        5.0,
        (SaidCertificate("a", "b", 1.0, 2.0, None, None, None, "", "", None, None, None, None),),
        (SaidFile("a", "b", "c", None, None),),
        (SaidRotation("a", "b", "", "", {}, None, None),),
    )
