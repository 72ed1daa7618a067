"""Who tells about each node in; the nodes out about which nobody tells, or not about all that matters."""

from collections.abc import Iterator
from shlex import quote

from exporter.facts.cluster import ClusterFacts
from exporter.facts.node_observation import NodeObservation
from exporter.findings import Finding, Kind, Severity, Step, Subject
from exporter.findings.formatting import names_listed
from exporter.findings.limits import SETTLING
from exporter.reason import KubeletStatus, Observer, Role, RotationState

__all__ = ["unobserved_findings"]

SHOWN = 3
_OURS = "app.kubernetes.io/name=aks-cert-exporter"
_RIGHTS = "kubectl auth can-i get nodes/metrics"


def unobserved_findings(cluster: ClusterFacts, now: float, *, everybody_asked: bool) -> Iterator[Finding]:
    """The findings. `now` in Unix seconds; `everybody_asked`: as for all findings about nodes."""
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
    waiting: list[str] = []
    for name, one in sorted(observations.items()):
        if one.by is not Observer.KUBELET or one.view is None or one.view.client_known:
            continue
        if one.view.rotation[1].state is RotationState.WAITING:
            waiting.append(name)
            continue
        yield Finding(
            Severity.UNKNOWN,
            Subject(Kind.NODE, name),
            f"Nothing is known of this node's client certificate: {_SILENT.get(one.view.report.status, _UNTOLD)}.",
            _TELLING,
            "AksCertNodeNotObserved",
            _why_silent(one) if one.view.report.detail else "",
            node=name,
            role=Role.KUBELET_CLIENT,
        )
    if waiting:
        what = f"Nothing is known of the client certificates of {{nodes}}: {_SILENT[KubeletStatus.TLS_ERROR]}."
        yield _of_many(waiting, what, _TELLING)


_TELLING = (Step("Run node agents there, or grant the rights that the chart's ClusterRole lists.", _RIGHTS),)
_UNTOLD = "it does not tell"
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


def _of_many(names: list[str], what: str, steps: tuple[Step, ...]) -> Finding:
    shown = names_listed([*names[:SHOWN], f"{len(names) - SHOWN} more nodes"] if len(names) > SHOWN else names)
    subject = Subject(Kind.NODE, names[0] if len(names) == 1 else f"{len(names)} nodes")
    node = names[0] if len(names) == 1 else ""
    return Finding(Severity.UNKNOWN, subject, what.format(nodes=shown), steps, node=node)
