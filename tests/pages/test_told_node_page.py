"""A node's page as the cluster agent serves it: by its node agent's word, by its kubelet's, and by nobody's."""

import json
import zlib
from dataclasses import replace

from exporter.documents.node_document import node_document
from exporter.facts.cluster import ClusterFacts, NodeObservation
from exporter.facts.host.host_facts import HostFacts
from exporter.facts.node_document import NodeDocument
from exporter.facts.node_document import node_document as read_document
from exporter.facts.source import Failure
from exporter.findings.cluster import cluster_findings
from exporter.findings.host import host_findings
from exporter.pages.told_node_page import told_node_page
from exporter.reason import Observer, Reason
from tests.pages.document import check, read
from tests.pages.example import NODE, NOW, broken, source, well
from tests.pages.fleet import fleet

ATTACK = "<script>alert(1)</script>"
WORDS = {"role", "path", "status", "origin", "reason", "shown", "subject", "usable"}


def cluster(observation: NodeObservation | None) -> ClusterFacts:
    node = replace((fleet(1, 1).nodes or ())[0], name=NODE)
    return ClusterFacts(nodes=(node,), observations=None if observation is None else {NODE: observation})


def told(host: HostFacts) -> NodeObservation:
    findings = host_findings(host, [source(up=True)], NOW)
    document = read_document(json.dumps(node_document(host, findings, NOW)).encode())
    return NodeObservation(Observer.NODE_AGENT, document)


def page(facts: ClusterFacts, name: str = NODE) -> str | None:
    return told_node_page(facts, cluster_findings(facts, (), NOW), name, NOW, query={})


def text(facts: ClusterFacts) -> list[str]:
    html = page(facts)
    assert html is not None
    check(html)
    return read(html).text


def test_it_shows_what_the_node_agent_told() -> None:
    words = text(cluster(told(broken())))
    for expected in (
        "the agent on the node",
        "Kubelet client certificate",
        "Overdue for rotation by 22 days.",
        "on, overdue since 2026-11-02",
        "permission denied",
        "AksCertRotationOverdue",
        "the kubelet's configuration",
    ):
        assert expected in words, expected
    assert "All is ok" in text(cluster(told(well())))


def test_a_node_that_nobody_tells_about_is_not_looked_at() -> None:
    """A8."""
    silent = NodeObservation(Observer.NOBODY, silent=Failure(Reason.TIMEOUT, "no answer within 10 s"))
    for observation in (None, silent):
        words = text(cluster(observation))
        assert "All is ok" not in words
        assert "Not looked at: nobody tells about them." in words
    assert "no answer within 10 s" in words


def test_there_is_no_page_of_a_node_that_is_not_there() -> None:
    assert page(cluster(None), "other") is None
    assert page(ClusterFacts()) is None


def test_a_document_of_an_unknown_form_is_no_page_and_no_trace() -> None:
    for content in (b"{}", b"[]", b"{", b'{"node":"a","looked_at":1,"certificates":[{}]}'):
        observation = NodeObservation(Observer.NODE_AGENT, NodeDocument(NODE, (), (), zlib.compress(content)))
        assert "the agent on the node" in text(cluster(observation))


def test_what_an_agent_tells_is_text_and_never_markup() -> None:
    observation = told(broken())
    assert observation.document is not None
    content = json.loads(observation.document.content)
    for one in (*content["certificates"], *content["files"], *content["rotation"]):
        one |= {
            key: ATTACK
            for key in ("role", "path", "status", "origin", "reason", "shown", "subject", "usable")
            if key in one
        }
    for one in content["rotation"]:
        one["evidence"] = {ATTACK: True}
    document = replace(observation.document, packed=zlib.compress(json.dumps(content).encode()))
    html = page(cluster(replace(observation, document=document)))
    assert html is not None
    check(html)
    assert html.count("<script") == 1
    assert sum(ATTACK in part for part in read(html).text) >= 5
