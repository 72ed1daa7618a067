"""What Azure says of a cluster, in each state that matters: what findings are kept for."""

from collections.abc import Iterable, Iterator

from exporter.facts.azure.managed_cluster import AzureFacts
from exporter.facts.azure.provisioning_state import StateClass
from exporter.facts.kube.node import Node
from exporter.facts.opt_out_tag import TAG
from exporter.facts.source import Failure
from exporter.findings import Finding
from exporter.findings.azure import azure_findings, azure_unanswered
from exporter.reason import Reason
from simulation.azure.bodies import agent_pool
from tests.findings.test_azure import NOW, SNAPSHOT, a_node, facts

__all__ = ["azure_states"]

HOUR = 3600.0
ROTATING = ("RotatingClusterCertificates", "Certificate Rotating", "ReconcilingClusterCertificates")
OTHERS = ("Succeeded", "Upgrading", "RotatingServiceAccountSigningKeysInternal")


def azure_states() -> Iterator[tuple[str, Iterable[Finding]]]:
    """The findings of each."""
    for name, known, nodes in (*_operations(), *_pools(), *_serving()):
        yield name, azure_findings(known, nodes, NOW)
    for reason in Reason:
        yield f"Azure does not answer: {reason}", (azure_unanswered(Failure(reason, "it said so")),)


def _operations() -> Iterator[tuple[str, AzureFacts, list[Node]]]:
    for state in ROTATING:
        for name, age in (("20 minutes", HOUR / 3), ("an hour", HOUR), ("an hour and a second", HOUR + 1)):
            yield f"{state} for {name}", facts(state=state, since=NOW - age), []
    for state in OTHERS:
        yield state, facts(state=state, since=NOW - HOUR / 2), []
    for state in ("Failed", "Canceled"):
        for before in (None, *StateClass):
            after = f"{state} after {before or 'nobody knows what'}"
            yield after, facts(state=state, since=NOW - HOUR / 2, before=before), []
        yield f"{state} with words", facts(state=state, failure=("QuotaExceeded", "No cores.")), []
    yield "stopped with its pool", facts(agent_pool("p", power="Stopped"), power="Stopped"), []
    yield "without RBAC", facts(rbac=False), [a_node("n", "p", serving=False)]


def _pools() -> Iterator[tuple[str, AzureFacts, list[Node]]]:
    yield "a pool is stopped", facts(agent_pool("p", power="Stopped"), agent_pool("q")), []
    for state in ("Failed", "Canceled", "Upgrading"):
        known = facts(agent_pool("p", state=state), agent_pool("q"))
        yield f"a pool is {state}", known, []
        for before in (StateClass.RECONCILING_CERTIFICATES, StateClass.UPGRADING):
            former = AzureFacts(known.cluster, known.since, {("agentpool", "p"): before})
            yield f"a pool is {state} after {before}", former, []


def _serving() -> Iterator[tuple[str, AzureFacts, list[Node]]]:
    on, off = a_node("n1", "p", serving=True), a_node("n2", "p", serving=False)
    old = "AKSUbuntu-2204gen2containerd-202412.04.0"
    made = agent_pool("p", snapshot=SNAPSHOT)
    for name, known in (
        ("nothing is in the way", facts(agent_pool("p"))),
        ("the pool is tagged", facts(agent_pool("p", tags={TAG: "true"}))),
        ("the pool bears a tag like it", facts(agent_pool("p", tags={f"x-{TAG}": "untrue"}))),
        ("the pool's tags cannot be read", facts({**agent_pool("p"), "tags": "unreadable"})),
        ("the pool is old", facts(agent_pool("p", version="1.26.3"))),
        ("the pool is of 1.27", facts(agent_pool("p", version="1.27.0"))),
        ("the pool's snapshot is old", facts(made, image=old)),
        ("the pool's snapshot is new", facts(made, image="AKSUbuntu-2204gen2containerd-202501.12.0")),
        ("the pool's snapshot is of no date", facts(made, image="golden")),
        ("the pool's snapshot is forbidden", facts(made, snapshot=Failure(Reason.FORBIDDEN, "it may not"))),
        ("all of it", facts(agent_pool("p", tags={TAG: "true"}, version="1.26.3", snapshot=SNAPSHOT), image=old)),
    ):
        for nodes, words in (([], "no node"), ([on], "on"), ([off], "off"), ([on, off], "on and off")):
            yield f"{name}, its nodes: {words}", known, nodes
