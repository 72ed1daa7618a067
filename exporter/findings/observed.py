"""What node agents and kubelets told about their nodes in; every node's own findings, in one voice for each, out.

A node agent's findings are passed on in its own words. Of a node without one, its kubelet's word is judged here, by the
same limits; and a node that nobody tells about is a finding itself.
"""

from collections import defaultdict
from collections.abc import Iterator
from shlex import quote

from exporter.facts.cluster import ClusterFacts, NodeObservation
from exporter.facts.kube.node_view import NodeView, ToldCertificate
from exporter.facts.node_document import NodeDocument
from exporter.findings import Finding, Kind, Severity, Step, Subject
from exporter.findings.azure import place_of
from exporter.findings.commands import Machine, filled
from exporter.findings.compared import compared_findings, machine_of
from exporter.findings.formatting import names_listed
from exporter.findings.kubelet_certificate import (
    DatedCertificate,
    about,
    date_findings,
    rotation_off,
    rotation_waiting,
)
from exporter.findings.limits import SETTLING
from exporter.findings.wording import ROLE_WORDS
from exporter.reason import KubeletStatus, Observer, RotationState

__all__ = ["observed_findings"]

SHOWN = 3
_OURS = "app.kubernetes.io/name=aks-cert-exporter"
_RIGHTS = "kubectl auth can-i get nodes/metrics"


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
        elif observed.view is not None and observed.view.report.told:
            yield from _seen(observed.view, machines[name], now)
    yield from compared_findings(cluster, machines, now)
    yield from _unseen(cluster, now, everybody_asked=everybody_asked)


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
        dated = DatedCertificate(one.role, name, one.not_before, one.not_after, one.rotation, deadline)
        yield from date_findings(this, dated, now, bootstraps=True)
        yield from _fitness(one, this)
    for facts in view.rotation:
        if facts.state is RotationState.DISABLED:
            yield rotation_off(this, facts)
        elif facts.state is RotationState.WAITING:
            yield rotation_waiting(this, facts)


def _fitness(one: ToldCertificate, this: Machine) -> Iterator[Finding]:
    """A certificate on the port that is signed by another CA, where rotation by the cluster is on."""
    if one.issued_by_cluster_ca is False and one.rotation == "enabled":
        yield about(
            this,
            Severity.CRITICAL,
            "AksCertUnusable",
            f"The {ROLE_WORDS[one.role]} was not signed by the cluster CA.",
            this.replace,
            role=one.role,
        )


def _unseen(cluster: ClusterFacts, now: float, *, everybody_asked: bool) -> Iterator[Finding]:
    observations = cluster.observations or {}
    settled = {node.name for node in cluster.nodes or () if everybody_asked and now - node.created > SETTLING}
    for name, one in sorted(observations.items()):
        if one.by is not Observer.NOBODY or not (name in settled or _asked(one)):
            continue
        yield Finding(
            Severity.UNKNOWN,
            Subject(Kind.NODE, name),
            "Nobody tells about this node's certificates: no node agent answers there, and its kubelet neither.",
            (
                Step("See whether the node agent runs there.", f"kubectl get pods -A -o wide -l {_OURS}"),
                Step("See whether the node is ready.", f"kubectl describe node {quote(name)}"),
            ),
            "AksCertNodeNotObserved",
            _why_silent(one),
            node=name,
        )
    silent: dict[KubeletStatus, list[str]] = defaultdict(list)
    for name, one in observations.items():
        report = one.view.report if one.view is not None else None
        if one.by is Observer.KUBELET and report is not None and report.client_certificate is None:
            silent[report.status].append(name)
    for status, names in silent.items():
        yield _of_many(
            sorted(names),
            f"Nothing is known of the client certificates of {{nodes}}: {_SILENT.get(status, 'it does not tell')}.",
            (Step("Run node agents there, or grant the rights that the chart's ClusterRole lists.", _RIGHTS),),
            "",
        )


_SILENT = {
    KubeletStatus.UNTRUSTED: "the kubelet's serving certificate does not verify, so no credential was sent",
    KubeletStatus.UNAUTHORIZED: "the kubelet does not accept the agent's credentials",
    KubeletStatus.FORBIDDEN: "the agent has no right to the kubelet's metrics",
    KubeletStatus.TLS_ERROR: "the kubelet serves no certificate, so no credential was sent",
}


def _asked(observed: NodeObservation) -> bool:
    """Whether anybody was asked yet: right after the start nobody was."""
    return observed.view is not None or observed.silent is not None


def _why_silent(observed: NodeObservation) -> str:
    """What came of asking, as far as anybody was asked."""
    report = observed.view.report if observed.view is not None else None
    said = (
        f"Its node agent: {observed.silent.words}." if observed.silent is not None else "",
        f"Its kubelet: {report.detail or report.status}." if report is not None else "",
    )
    return " ".join(words for words in said if words)


def _of_many(names: list[str], what: str, steps: tuple[Step, ...], alert: str) -> Finding:
    shown = names_listed([*names[:SHOWN], f"{len(names) - SHOWN} more nodes"] if len(names) > SHOWN else names)
    subject = Subject(Kind.NODE, names[0] if len(names) == 1 else f"{len(names)} nodes")
    node = names[0] if len(names) == 1 else ""
    return Finding(Severity.UNKNOWN, subject, what.format(nodes=shown), steps, alert, "", node)
