"""Azure's side of the demo: courses of a simulated cluster in, what is concluded from each out.

The looks are real: the real SDK over TLS to the simulated Resource Manager. Only the clock between them is invented,
since nobody wants to wait an hour for a rotation to count as stuck.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from exporter.facts.azure.managed_cluster import AzureFacts
from exporter.facts.azure.provisioning_state import AzureSince
from exporter.facts.azure.resource_id import ResourceId
from exporter.facts.kube.node import SERVING_LABEL, Node, node
from exporter.facts.source import Failure
from exporter.findings import Finding
from exporter.findings.azure import azure_findings, azure_unanswered
from exporter.sources.azure.managed_cluster import AzureSource
from simulation.api.objects import node_object
from simulation.azure import bodies
from simulation.azure.bodies import JSON, agent_pool, managed_cluster
from simulation.azure.faults import FAULTS
from simulation.azure.resource_manager import Route
from simulation.azure.site import ArmSite
from simulation.node.build_options import OPT_OUT

__all__ = ["CLUSTER", "COURSES", "AzureVerdict", "Course", "Look", "azure_verdicts"]

CLUSTER = ResourceId("00000000-0000-0000-0000-000000000000", "contoso", "managedClusters", "aks1")
SNAPSHOT = ResourceId(CLUSTER.subscription, "contoso-images", "snapshots", "golden")
OLD_IMAGE = "AKSUbuntu-2204gen2containerd-202412.04.0"

RUNNING, STUCK = "AksCertClusterRotationRunning", "AksCertClusterRotationStuck"
MISSED, TAGGED = "AksCertNodePoolMissedRotation", "AksCertServingOptOutTag"
CONFLICT, DOWN = "AksCertRotationEvidenceConflict", "AksCertSourceDown"


@dataclass(frozen=True, slots=True)
class Look:
    """What Azure says at one look."""

    minutes_ago: float
    state: str = "Succeeded"
    power: str = "Running"
    failure: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What happens to one cluster, and the alerts that findings about it must name."""

    name: str
    sentence: str
    looks: tuple[Look, ...] = (Look(0),)
    pools: tuple[JSON, ...] = (agent_pool("nodepool1", mode="System"),)
    nodes: tuple[tuple[str, str, bool], ...] = (("aks-nodepool1-26535897-vmss000000", "nodepool1", True),)
    """Name, node pool, and whether it has the label of serving rotation."""
    faults: Mapping[Route, str] = field(default_factory=dict)
    alerts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class AzureVerdict:
    """What was concluded from a course."""

    course: Course
    findings: tuple[Finding, ...]

    @property
    def alerts(self) -> frozenset[str]:
        """The alerts that the findings name."""
        return frozenset(finding.alert for finding in self.findings if finding.alert)

    @property
    def right(self) -> bool:
        """Whether they are the ones they must be."""
        return self.alerts == self.course.alerts


ROTATING = "RotatingClusterCertificates"
COURSES: tuple[Course, ...] = (
    Course(name="at-rest", sentence="well: nothing goes on, every node rotates its serving certificate"),
    Course(
        name="rotating",
        sentence="az aks rotate-certs began 12 minutes ago",
        looks=(Look(17), Look(12, ROTATING), Look(0, ROTATING)),
        alerts=frozenset({RUNNING}),
    ),
    Course(
        name="stuck",
        sentence="az aks rotate-certs has not ended for an hour and a half",
        looks=(Look(100), Look(95, ROTATING), Look(0, ROTATING)),
        alerts=frozenset({STUCK}),
    ),
    Course(
        name="failed",
        sentence="az aks rotate-certs failed ten minutes ago",
        looks=(
            Look(40, ROTATING),
            Look(10, "Failed", failure=("VMExtensionProvisioningTimeout", "A node did not come back in time.")),
        ),
        alerts=frozenset({STUCK}),
    ),
    Course(
        name="stopped",
        sentence="the cluster is stopped: a rotation now would pass its nodes by",
        looks=(Look(0, power="Stopped"),),
        alerts=frozenset({MISSED}),
    ),
    Course(
        name="pool-stopped",
        sentence="one node pool is stopped",
        pools=(agent_pool("nodepool1", mode="System"), agent_pool("batch", power="Stopped")),
        alerts=frozenset({MISSED}),
    ),
    Course(
        name="tag-and-nodes-disagree",
        sentence="the node pool has the opt-out tag; one of its two nodes was made before",
        pools=(agent_pool("optout", tags=OPT_OUT),),
        nodes=(
            ("aks-optout-26535897-vmss000000", "optout", False),
            ("aks-optout-26535897-vmss000001", "optout", True),
        ),
        alerts=frozenset({TAGGED, CONFLICT}),
    ),
    Course(
        name="old-snapshot",
        sentence="the node pool was made from a snapshot too old for serving rotation",
        pools=(agent_pool("golden", snapshot=SNAPSHOT),),
        nodes=(("aks-golden-26535897-vmss000000", "golden", False),),
    ),
    Course(
        name="forbidden",
        sentence="the agent's identity may not read the cluster",
        faults={Route.CLUSTER: "forbidden"},
        alerts=frozenset({DOWN}),
    ),
)


def azure_verdicts(folder: Path, now: float) -> tuple[AzureVerdict, ...]:
    """Go through every course and say what is concluded at `now` (Unix seconds)."""
    site = ArmSite(folder)
    with site.arm:
        site.arm.put(bodies.snapshot(SNAPSHOT, OLD_IMAGE))
        return tuple(AzureVerdict(course, _findings(site, course, now)) for course in COURSES)


def _findings(site: ArmSite, course: Course, now: float) -> tuple[Finding, ...]:
    source, ledger = AzureSource(site.arm.endpoint, site.environment), AzureSince()
    site.arm.faults = {route: FAULTS[name] for route, name in course.faults.items()}
    found: tuple[Finding, ...] = ()
    try:
        for look in course.looks:
            site.arm.put(
                managed_cluster(CLUSTER, course.pools, state=look.state, power=look.power, failure=look.failure)
            )
            answer = source.read_cluster(CLUSTER)
            if isinstance(answer, Failure):
                found = (azure_unanswered(answer),)
                continue
            ledger.observe(answer.states, now - 60 * look.minutes_ago)
            facts = AzureFacts(answer, ledger.since(), ledger.before())
            found = azure_findings(facts, [_node(*one, now=now) for one in course.nodes], now)
    finally:
        source.close()
    return found


def _node(name: str, pool: str, rotates: bool, *, now: float) -> Node:
    labels = {"kubernetes.azure.com/agentpool": pool, **({SERVING_LABEL: "cluster"} if rotates else {})}
    found = node_object(name, labels, now, ready=True, windows=False, version="v1.33.5")
    return node(json.dumps(found).encode())
