"""A node's page as the cluster agent serves it: by its node agent's word, by its kubelet's, and by nobody's."""

import json
import re
import zlib
from dataclasses import replace

import msgspec
import pytest

from exporter.documents.node_document import node_document
from exporter.facts.cluster import ClusterFacts
from exporter.facts.host.host_facts import HostFacts
from exporter.facts.kube.kubelet_metrics import KubeletConfig
from exporter.facts.kube.kubelet_report import KubeletReport
from exporter.facts.kube.node_view import node_view
from exporter.facts.node_document import NodeDocument
from exporter.facts.node_document import node_document as read_document
from exporter.facts.node_observation import NodeObservation
from exporter.facts.source import Failure
from exporter.facts.told_node import SaidCertificate
from exporter.facts.usability import Usability
from exporter.facts.x509 import certificates
from exporter.findings.cluster import cluster_findings
from exporter.findings.host import host_findings
from exporter.pages.told_node_page import _said_card, told_node_page
from exporter.reason import KubeletStatus, Observer, Origin, Reason, Role, Rotation
from simulation.pki import DAY
from tests.pages.document import check, read
from tests.pages.example import CA, NODE, NOW, broken, source, well
from tests.pages.fleet import fleet

NEVER = SaidCertificate("kubelet-client", "file", NOW - DAY, NOW + DAY)
ATTACK = "<script>alert(1)</script>"
WORDS = {"role", "path", "status", "origin", "reason", "shown", "subject", "usable"}


def cluster(observation: NodeObservation | None) -> ClusterFacts:
    node = replace((fleet(1, 1).nodes or ())[0], name=NODE, serving_rotation=Rotation.ENABLED)
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


def test_what_a_kubelet_tells_is_shown_and_no_more_than_that() -> None:
    """Only until when its client certificate lasts: no beginning is made up, and unread files are mentioned."""
    client = CA.kubelet_client(NODE, NOW - 100 * DAY)
    serving = CA.kubelet_serving(NODE, NOW - 100 * DAY)
    report = KubeletReport(
        NODE,
        KubeletStatus.OK,
        served=certificates(serving.certificate_pem),
        config=KubeletConfig(True, True, "", True),
        client_certificate=True,
        client_not_after=client.not_after,
    )
    view = node_view(report, certificates(CA.pem), {}, addresses=(NODE, "10.224.0.4"))
    words = text(cluster(NodeObservation(Observer.KUBELET, view=view)))
    assert "Its kubelet was asked, its files were not read, and nothing needs to be done." in words
    assert "in 265 days" in words
    assert words.count("not before") == 1  # the serving certificate's
    assert words.count("on") >= 2
    ended = replace(report, client_not_after=NOW - 60)
    html = page(cluster(NodeObservation(Observer.KUBELET, view=node_view(ended, certificates(CA.pem), {}))))
    assert html is not None
    row = re.search(r'(?s)<th scope="row" role="rowheader">kubelet client certificate</th>.*?</tr>', html)
    assert row is not None
    assert "badge critical" in row[0]


def test_on_is_not_green_beside_a_certificate_that_cannot_be_used() -> None:
    """B12."""
    host = replace(well(), usability={(Role.KUBELET_CLIENT, Origin.FILE): Usability.ANOTHER_NODE})
    html = page(cluster(told(host)))
    assert html is not None
    row = re.search(r'(?s)<th scope="row" role="rowheader">kubelet client certificate</th>.*?</tr>', html)
    assert row is not None
    assert "badge critical" in row[0]
    assert "no: another_node" in read(html).text


@pytest.mark.parametrize(("due", "deadline"), [(NOW, None), (None, NOW)])
def test_half_a_window_is_none(due: float | None, deadline: float | None) -> None:
    """As an agent of another version might tell it."""
    assert _said_card(msgspec.structs.replace(NEVER, due=due, deadline=deadline), NOW) == _said_card(NEVER, NOW)
