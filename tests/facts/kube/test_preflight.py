"""What is asked about the nodes' next requests, as kube-controller-manager would ask it."""

import pytest

from exporter.facts.kube.csr import CLIENT_SIGNER, SERVING_SIGNER
from exporter.facts.kube.csr_ledger import CsrTotals
from exporter.facts.kube.node import Node
from exporter.facts.kube.preflight import MOST_POOLS, questions
from exporter.reason import CsrCondition, CsrOutcome, PreflightStep, Requestor, Rotation


def node(name: str, pool: str) -> Node:
    return Node(name, pool, "v1.33.2", "", "linux", "", "", Rotation.ENABLED, 0.0, True, "", "")


def test_each_pool_is_asked_about_once_and_so_are_nodes_to_come() -> None:
    """By the first of its nodes; each whether it may ask, and whether that would be approved."""
    found = questions([node("b2", "b"), node("a1", "a"), node("b1", "b")], None)
    assert [(one.requestor, one.agentpool, one.step, one.user) for one in found] == [
        (Requestor.NODE, "a", PreflightStep.REQUEST, "system:node:a1"),
        (Requestor.NODE, "a", PreflightStep.APPROVAL, "system:node:a1"),
        (Requestor.NODE, "b", PreflightStep.REQUEST, "system:node:b1"),
        (Requestor.NODE, "b", PreflightStep.APPROVAL, "system:node:b1"),
        (Requestor.BOOTSTRAP, "", PreflightStep.REQUEST, "system:bootstrap:preflight"),
        (Requestor.BOOTSTRAP, "", PreflightStep.APPROVAL, "system:bootstrap:preflight"),
    ]


def test_a_review_is_written_as_the_controller_writes_it() -> None:
    asked, approved, *_, joins, joined = questions([node("a1", "a")], None)
    attributes = {
        "group": "certificates.k8s.io",
        "resource": "certificatesigningrequests",
        "verb": "create",
        "version": "*",
    }
    nodes, bootstrappers = ([group, "system:authenticated"] for group in ("system:nodes", "system:bootstrappers"))
    assert asked.spec == {"user": "system:node:a1", "groups": nodes, "resourceAttributes": attributes}
    assert approved.spec["resourceAttributes"] == {**attributes, "subresource": "selfnodeclient"}
    assert joins.spec == {
        "user": "system:bootstrap:preflight",
        "groups": bootstrappers,
        "resourceAttributes": attributes,
    }
    assert joined.spec["resourceAttributes"] == {**attributes, "subresource": "nodeclient"}


@pytest.mark.parametrize(
    ("signer", "requestors", "asked"),
    [
        (CLIENT_SIGNER, (), True),
        (CLIENT_SIGNER, (Requestor.AKS_SERVICE,), False),
        (SERVING_SIGNER, (Requestor.AKS_SERVICE,), True),
        (CLIENT_SIGNER, (Requestor.AKS_SERVICE, Requestor.BOOTSTRAP), True),
        (CLIENT_SIGNER, (Requestor.NODE,), True),
    ],
)
def test_nodes_that_aks_asks_for_itself_are_not_asked_about(
    signer: str, requestors: tuple[Requestor, ...], asked: bool
) -> None:
    """Secure TLS bootstrapping: as long as no bootstrap token was seen. Whether the requests wait or have ended."""
    waiting = {(signer, one, CsrCondition.PENDING): 1 for one in requestors}
    ended = {(signer, one, CsrOutcome.ISSUED): 1 for one in requestors}
    none = {(signer, one, CsrOutcome.ISSUED): 0 for one in Requestor}
    for csrs in (CsrTotals(waiting, none, {}, ()), CsrTotals({}, ended, {}, ())):
        assert any(one.requestor is Requestor.BOOTSTRAP for one in questions((), csrs)) is asked


def test_no_more_pools_are_asked_about_than_aks_has() -> None:
    nodes = [node(f"n{number:03}", f"p{number:03}") for number in range(MOST_POOLS + 5)]
    pools = [one.agentpool for one in questions(nodes, None) if one.requestor is Requestor.NODE]
    assert len(pools) == 2 * MOST_POOLS == 200
    assert pools[-1] == "p099"
