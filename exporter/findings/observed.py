"""What node agents and kubelets told about their nodes in; every node's own findings, in one voice for each, out.

A node agent's findings are passed on in its own words. Of a node without one, its kubelet's word is judged here, by the
same limits; and a node that nobody tells about is a finding itself.
"""

from collections.abc import Iterator

from exporter.facts.cluster import ClusterFacts
from exporter.facts.kube.node_view import NodeView, ToldCertificate
from exporter.facts.node_document import NodeDocument
from exporter.facts.usability import Usability
from exporter.findings import Finding, Kind, Severity, Step, Subject
from exporter.findings.azure import place_of
from exporter.findings.commands import Machine, filled
from exporter.findings.compared import compared_findings, machine_of
from exporter.findings.kubelet_certificate import (
    DatedCertificate,
    about,
    date_findings,
    rotation_off,
    rotation_waiting,
)
from exporter.findings.unobserved import unobserved_findings
from exporter.findings.wording import ROLE_WORDS, USABILITY_WORDS
from exporter.reason import Rotation, RotationState

__all__ = ["observed_findings"]


def observed_findings(cluster: ClusterFacts, now: float, *, everybody_asked: bool = False) -> Iterator[Finding]:
    """The findings about all nodes, in no order. `now` in Unix seconds.

    `everybody_asked`: node agents and kubelets had their first turn, so that a node without any word is a finding.
    """
    nodes = {node.name: node for node in cluster.nodes or ()}
    place = place_of(cluster.azure)
    observations = cluster.observations or {}
    machines = {name: machine_of(name, nodes.get(name), place) for name in observations}
    for name, observed in observations.items():
        if observed.document is not None:
            yield from _told(observed.document, machines[name])
        elif observed.view is not None:
            yield from _seen(observed.view, machines[name], now)
    yield from compared_findings(cluster, machines, now)
    yield from unobserved_findings(cluster, now, everybody_asked=everybody_asked)


def _told(document: NodeDocument, this: Machine) -> Iterator[Finding]:
    """In the node agent's words; what it could not know of Azure is filled in."""
    for one in document.findings:
        kind = Kind(one.subject.kind) if one.subject.kind in set(Kind) else Kind.NODE
        severity = Severity(one.severity) if one.severity in set(Severity) else Severity.UNKNOWN
        yield Finding(
            severity,
            Subject(kind, one.subject.name or document.node),
            one.what,
            tuple(filled(Step(step.text, step.command or ""), this.names) for step in one.next),
            one.alert or "",
            one.why or "",
            document.node,
            one.known_role,
            one.since,
            one.until,
        )


def _seen(view: NodeView, this: Machine, now: float) -> Iterator[Finding]:
    for one in view.certificates:
        deadline = one.window[1] if one.window else None
        name = ROLE_WORDS[one.role]
        dated = DatedCertificate(one.role, name, one.not_before, one.not_after, one.rotation, deadline, one.alike)
        yield from date_findings(this, dated, now, bootstraps=True)
        yield from _fitness(one, this)
    for facts in view.rotation:
        if facts.state is RotationState.DISABLED:
            yield rotation_off(this, facts)
        elif facts.state is RotationState.WAITING:
            yield rotation_waiting(this, facts)


def _fitness(one: ToldCertificate, this: Machine) -> Iterator[Finding]:
    """A certificate on the port that is another node's, or signed by another CA where rotation by the cluster is on."""
    if one.usability is not None and one.usability is not Usability.OK:
        wrong = USABILITY_WORDS[one.usability]
    elif one.issued_by_cluster_ca is False and one.rotation is Rotation.ENABLED:
        wrong = "was not signed by the cluster CA"
    else:
        return
    yield about(
        this,
        Severity.CRITICAL,
        "AksCertUnusable",
        f"The {ROLE_WORDS[one.role]} {wrong}.",
        this.replace,
        why="kubectl logs, exec and metrics fail for this node.",
        role=one.role,
    )
