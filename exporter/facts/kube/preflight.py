"""Nodes in, the questions that kube-controller-manager would ask about their next requests out; and the answers.

The controller that approves kubelets' client certificates asks the API server, by a SubjectAccessReview, whether
whoever sent the request may create `certificatesigningrequests/selfnodeclient` (a node, for itself) or `…/nodeclient`
(a node that bootstraps), and does not answer where not (pkg/controller/certificates/approver/sarapprove.go).
The same review asked today shows a binding that is gone, months before the next renewal. Who approves serving
certificates is AKS's own: of them only whether a node may ask can be told.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from exporter.facts.kube.csr import CLIENT_SIGNER
from exporter.facts.kube.csr_ledger import CsrTotals
from exporter.facts.kube.node import Node
from exporter.reason import PreflightStep, Requestor

__all__ = ["Preflight", "Question", "questions"]

GROUP, PLURAL = "certificates.k8s.io", "certificatesigningrequests"
MOST_POOLS = 100
"""AKS has no more node pools in a cluster."""


@dataclass(frozen=True, slots=True)
class Question:
    """One review."""

    requestor: Requestor
    agentpool: str
    """Empty: of nodes that do not exist yet."""
    step: PreflightStep
    user: str
    groups: tuple[str, ...]
    subresource: str = ""

    @property
    def spec(self) -> dict[str, object]:
        """The spec of the SubjectAccessReview, as the controller writes it."""
        attributes = {"group": GROUP, "resource": PLURAL, "verb": "create", "version": "*"}
        if self.subresource:
            attributes["subresource"] = self.subresource
        return {"user": self.user, "groups": list(self.groups), "resourceAttributes": attributes}


@dataclass(frozen=True, slots=True)
class Preflight:
    """The answer to one question."""

    question: Question
    allowed: bool


def questions(nodes: Iterable[Node], csrs: CsrTotals | None) -> tuple[Question, ...]:
    """Of each node pool, about one of its nodes: all of them are of one group. And of nodes that are still to come,
    unless AKS asks for those itself (secure TLS bootstrapping).
    """
    first: dict[str, str] = {}
    for node in sorted(nodes, key=lambda one: one.name):
        if node.agentpool not in first and len(first) < MOST_POOLS:
            first[node.agentpool] = node.name
    found = [
        one
        for pool, node in sorted(first.items())
        for one in _both(Requestor.NODE, pool, f"system:node:{node}", "system:nodes", "selfnodeclient")
    ]
    if not _bootstrapped_by_aks(csrs):
        found += _both(Requestor.BOOTSTRAP, "", "system:bootstrap:preflight", "system:bootstrappers", "nodeclient")
    return tuple(found)


def _both(requestor: Requestor, pool: str, user: str, group: str, subresource: str) -> list[Question]:
    groups = (group, "system:authenticated")
    return [
        Question(requestor, pool, PreflightStep.REQUEST, user, groups),
        Question(requestor, pool, PreflightStep.APPROVAL, user, groups, subresource),
    ]


def _bootstrapped_by_aks(csrs: CsrTotals | None) -> bool:
    """Whether AKS's own service was seen to ask for nodes, and no bootstrap token was."""
    counted = [*csrs.objects.items(), *csrs.completed.items()] if csrs else []
    seen = {requestor for (signer, requestor, _), count in counted if signer == CLIENT_SIGNER and count}
    return Requestor.AKS_SERVICE in seen and Requestor.BOOTSTRAP not in seen
