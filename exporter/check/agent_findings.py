"""A cluster agent's document and one's own findings in, both in one list out: each thing once."""

from collections.abc import Iterable, Iterator

from exporter.facts.cluster_document import ClusterDocument, ClusterFinding
from exporter.findings import Finding, Kind, Severity, Step, Subject

__all__ = ["agent_findings"]

_Key = tuple[str, str, str, str | None]
"""Alert, or what is said where there is none; kind and name of the subject; role."""


def agent_findings(document: ClusterDocument, own: Iterable[Finding]) -> Iterator[Finding]:
    """What the agent found and we did not: it asks node agents, kubelets and endpoints, which only it reaches."""
    known: set[_Key] = {(one.alert or one.what, one.subject.kind, one.subject.name, one.role) for one in own}
    for one in document.findings:
        if (one.alert or one.what, one.subject.kind, one.subject.name, one.role) not in known:
            yield _finding(one)


def _finding(one: ClusterFinding) -> Finding:
    kind = Kind(one.subject.kind) if one.subject.kind in set(Kind) else Kind.CLUSTER
    return Finding(
        Severity(one.severity) if one.severity in set(Severity) else Severity.UNKNOWN,
        Subject(kind, one.subject.name),
        one.what,
        tuple(Step(step.text, step.command or "") for step in one.next),
        one.alert or "",
        one.why or "",
        one.node or "",
        one.known_role,
        one.since,
        one.until,
    )
