"""Who tells about each node and what: the last word of kubelets and node agents, and when it counts no more."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from exporter.agents.cluster.observed_nodes import LASTING, ObservedNodes
from exporter.facts.certificate import Certificate
from exporter.facts.kube.kubelet_report import KubeletReport
from exporter.facts.kube.node import Node
from exporter.facts.kube.node import node as node_facts
from exporter.facts.kube.node_view import NodeView, Validity, node_view
from exporter.facts.node_document import NodeDocument, node_document
from exporter.facts.source import Failure
from exporter.facts.usability import Usability
from exporter.facts.x509 import certificates
from exporter.reason import KubeletStatus, Observer, Origin, Reason, Role, Rotation, RotationReason
from simulation.pki import SERVER, self_signed_linux
from tests.agents import clusters
from tests.agents.clusters import CA, NODE, node

NOW = 1_800_000_000.0
NODES: dict[str, Node] = {NODE: node_facts(json.dumps(node()).encode())}
TOLD = KubeletReport(NODE, KubeletStatus.OK, client_certificate=True, client_not_after=NOW + 1e6)
REFUSED = Failure(Reason.REFUSED, "connection refused")


def document(name: str = NODE, looked_at: float = NOW) -> NodeDocument:
    body = {"schema": 1, "agent": "node", "node": name, "looked_at": looked_at, "findings": []}
    return node_document(json.dumps(body).encode())


def observer(observed: ObservedNodes) -> Observer:
    return observed.observations(NODES, (), lambda _: {}, frozenset())[NODE].by


def test_a_node_agent_speaks_before_the_kubelet_and_the_kubelet_before_nobody() -> None:
    observed = ObservedNodes()
    assert observer(observed) is Observer.NOBODY
    observed.kubelet_told(KubeletReport(NODE, KubeletStatus.REFUSED, "refused"), NOW)
    assert observer(observed) is Observer.NOBODY
    observed.kubelet_told(TOLD, NOW)
    assert observer(observed) is Observer.KUBELET
    observed.agent_told(document(), NOW)
    assert observer(observed) is Observer.NODE_AGENT
    observed.agent_left(NODE)
    assert observer(observed) is Observer.KUBELET
    observed.kubelet_left(NODE)
    assert observer(observed) is Observer.NOBODY


def test_an_agents_last_word_counts_for_three_minutes_of_silence() -> None:
    observed = ObservedNodes()
    observed.agent_told(document(), NOW)
    observed.agent_silent(NODE, REFUSED, NOW + LASTING)
    assert observer(observed) is Observer.NODE_AGENT
    observed.agent_silent(NODE, REFUSED, NOW + LASTING + 1)
    assert observer(observed) is Observer.NOBODY
    assert LASTING == 180.0
    found = observed.observations(NODES, (), lambda _: {}, frozenset())[NODE]
    assert found.document is None
    assert found.silent == REFUSED


def test_the_version_changes_with_what_would_be_said_and_with_nothing_else() -> None:
    observed = ObservedNodes()
    versions = [observed.version]

    def changed() -> bool:
        versions.append(observed.version)
        assert versions[-1] - versions[-2] in {0, 1}
        return versions[-1] != versions[-2]

    same = document()
    observed.agent_told(same, NOW)
    assert changed()
    observed.agent_told(same, NOW + 60)
    assert not changed()
    observed.agent_told(document(looked_at=NOW + 120), NOW + 120)
    assert changed()
    observed.agent_silent(NODE, REFUSED, NOW + 180)
    assert changed()
    observed.agent_silent(NODE, REFUSED, NOW + 181)
    assert not changed()
    observed.agent_silent(NODE, Failure(Reason.TIMEOUT, "late"), NOW + 182)
    assert changed()
    observed.agent_told(same, NOW + 183)
    assert changed()
    observed.agent_told(same, NOW + 184)
    assert not changed()
    observed.kubelet_told(TOLD, NOW)
    assert changed()
    observed.kubelet_told(TOLD, NOW + 1)
    assert not changed()
    observed.agent_silent(NODE, REFUSED, NOW + 184 + LASTING)
    assert changed()
    observed.agent_silent(NODE, REFUSED, NOW + 185 + LASTING)
    assert changed()  # its last word counts no more
    for left in (observed.kubelet_left, observed.agent_left):
        left(NODE)
        assert changed()
        left(NODE)
        assert not changed()


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (KubeletStatus.REFUSED, Reason.REFUSED),
        (KubeletStatus.TIMEOUT, Reason.TIMEOUT),
        (KubeletStatus.TLS_ERROR, Reason.TLS_ALERT),
        (KubeletStatus.UNTRUSTED, Reason.CERTIFICATE_UNTRUSTED),
        (KubeletStatus.UNAUTHORIZED, Reason.UNAUTHORIZED),
        (KubeletStatus.FORBIDDEN, Reason.FORBIDDEN),
        (KubeletStatus.ERROR, Reason.ERROR),
    ],
)
def test_a_kubelet_that_told_nothing_has_its_reason(status: KubeletStatus, reason: Reason) -> None:
    observed = ObservedNodes()
    observed.kubelet_told(TOLD, NOW)
    assert observed.kubelet_failures() == (1, 1, None)
    observed.kubelet_told(KubeletReport("other", status, "its words"), NOW)
    assert observed.kubelet_failures() == (2, 1, Failure(reason, "other: its words"))
    observed.kubelet_told(KubeletReport("other", status), NOW)
    assert observed.kubelet_failures() == (2, 1, Failure(reason, f"other: {status}"))
    observed.kubelet_left("other")
    assert observed.kubelet_failures() == (1, 1, None)


def test_node_agents_that_are_silent_are_counted_among_those_that_were_asked() -> None:
    observed = ObservedNodes()
    assert observed.agent_failures() == (0, 0, None)
    observed.agent_told(document("a"), NOW)
    observed.agent_told(document("b"), NOW)
    observed.agent_silent("b", REFUSED, NOW + 1)
    observed.agent_silent("c", REFUSED, NOW + 1)
    assert observed.agent_failures() == (3, 2, Failure(Reason.REFUSED, "b: connection refused"))
    observed.agent_told(document("b"), NOW + 2)
    assert observed.agent_failures() == (3, 2, Failure(Reason.REFUSED, "c: connection refused"))
    observed.agent_left("c")
    assert observed.agent_failures() == (2, 2, None)


SERVED = certificates(CA.kubelet_serving(NODE, clusters.NOW).certificate_pem)
SEEN = KubeletReport(NODE, KubeletStatus.OK, served=SERVED, client_certificate=True, client_not_after=NOW + 1e6)
ROOTS = certificates(CA.pem)
AT = replace(NODES[NODE], addresses=("10.224.0.4",), serving_rotation=Rotation.UNKNOWN)
ISSUED = {Role.KUBELET_CLIENT: Validity(NOW - 1e6, NOW + 1e6)}


def view(
    observed: ObservedNodes,
    node: Node = AT,
    authorities: tuple[Certificate, ...] = ROOTS,
    issued: Mapping[Role, Validity] = ISSUED,
    opted_out: frozenset[str] = frozenset(),
) -> NodeView | None:
    return observed.observations({NODE: node}, authorities, lambda _: issued, opted_out)[NODE].view


def test_a_view_is_made_of_all_that_is_known_of_the_node_and_only_once() -> None:
    """A signature costs a tenth of a millisecond, and a fleet may have 5,000."""
    observed = ObservedNodes()
    assert view(observed) is None
    observed.kubelet_told(SEEN, NOW)
    first = view(observed)
    assert first == node_view(SEEN, ROOTS, ISSUED, addresses=AT.addresses, opted_out=False, labelled=False)
    assert view(observed) is first
    observed.kubelet_told(TOLD, NOW)
    assert view(observed) == node_view(TOLD, ROOTS, ISSUED, addresses=AT.addresses)
    observed.kubelet_left(NODE)
    assert observed._views == {}
    assert view(observed) is None


LABELLED = replace(AT, serving_rotation=Rotation.ENABLED)
ELSEWHERE = replace(AT, addresses=("10.224.0.9",))


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"node": LABELLED}, node_view(SEEN, ROOTS, ISSUED, addresses=AT.addresses, labelled=True)),
        ({"node": ELSEWHERE}, node_view(SEEN, ROOTS, ISSUED, addresses=ELSEWHERE.addresses)),
        ({"authorities": ()}, node_view(SEEN, (), ISSUED, addresses=AT.addresses)),
        ({"issued": {}}, node_view(SEEN, ROOTS, {}, addresses=AT.addresses)),
        ({"opted_out": frozenset({NODE})}, node_view(SEEN, ROOTS, ISSUED, addresses=AT.addresses, opted_out=True)),
    ],
)
def test_whatever_it_was_made_of_changes_it_is_made_anew(changed: Mapping[str, Any], expected: NodeView) -> None:
    observed = ObservedNodes()
    observed.kubelet_told(SEEN, NOW)
    first = view(observed)
    other = view(observed, **changed)
    assert other == expected
    assert other is not first
    assert view(observed, **changed) is other


def test_a_certificate_for_an_address_of_the_node_is_its_own() -> None:
    """A kubelet's certificate may name no host, and Azure gives a node its address."""
    served = certificates(CA.issue("kubelet", NOW - 1, NOW + 1e6, names=AT.addresses, usages=(SERVER,)).certificate_pem)
    observed = ObservedNodes()
    observed.kubelet_told(replace(SEEN, served=served), NOW)
    for at, reason in ((AT, Usability.OK), (ELSEWHERE, Usability.ANOTHER_NODE)):
        found = view(observed, at)
        assert found is not None
        assert [one.usability for one in found.certificates if one.origin is Origin.WIRE] == [reason]


def test_a_pool_that_opted_out_is_why_its_kubelet_signs_its_certificate_itself() -> None:
    own = certificates(self_signed_linux(NODE, clusters.NOW).certificate_pem)
    observed = ObservedNodes()
    observed.kubelet_told(replace(SEEN, served=own), NOW)
    for nodes, reason in ((frozenset(), RotationReason.SELF_SIGNED), (frozenset({NODE}), RotationReason.OPTED_OUT)):
        found = view(observed, opted_out=nodes)
        assert found is not None
        assert found.rotation[1].reason is reason


def test_a_virtual_node_hides_no_other() -> None:
    nodes = {"virtual": replace(AT, name="virtual", virtual=True), NODE: AT}
    observed = ObservedNodes()
    observed.agent_told(document(), NOW)
    found = observed.observations(nodes, (), lambda _: {}, frozenset())
    assert list(found) == [NODE]
    assert found[NODE].document == document()
