"""A cluster's facts and findings in, the state of each of its nodes out, worst first; "not looked at" is a state."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from exporter.facts.cluster import ClusterFacts
from exporter.facts.kube.node import Node
from exporter.facts.kube.node_requests import NodeRequests
from exporter.findings import Finding, Severity
from exporter.findings.cluster import certificate_words, serving_off_reason
from exporter.findings.formatting import span, utc_time, when
from exporter.findings.limits import REJECTED, csr_pending
from exporter.findings.wording import NOT_LOOKED_AT, OK
from exporter.reason import CsrOutcome, Observer, Role, Rotation

__all__ = ["NodeStatus", "State", "Trouble", "node_statuses"]


class State(StrEnum):
    """What may be the matter with a node; a node may have several. The worst come first."""

    WAITING = "waiting"
    REFUSED = "refused"
    CERTIFICATE = "certificate"
    """What its node agent or its kubelet tells is a finding."""
    NOT_READY = "not-ready"
    UNKNOWN = "unknown"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is the matter with a node."""

    severity: Severity
    state: State
    what: str
    """A few words, with since when and why."""
    since: float = 0.0
    """Unix seconds, for the order among the like."""


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """One node."""

    name: str
    node: Node | None
    """None: it asks for its first certificate, and the cluster has no Node object of it."""
    troubles: tuple[Trouble, ...]
    """Worst first."""
    observed_by: Observer = Observer.NOBODY
    """Who tells about its certificates."""

    @property
    def pool(self) -> str:
        """The node pool; empty where there is none or where it is not known yet."""
        return self.node.agentpool if self.node else ""

    @property
    def word(self) -> str:
        """`critical`, `unknown`, `warning`, NOT_LOOKED_AT or `ok`: a node that nobody looked at is never ok."""
        worst = self.troubles[0].severity if self.troubles else None
        if worst not in {None, Severity.INFO}:
            return str(worst)
        return NOT_LOOKED_AT if self.observed_by is Observer.NOBODY else OK


UNSEEN = "AksCertNodeNotObserved"
_TOLD_OTHERWISE = frozenset({"AksCertCsrPending", "AksCertCsrRejected", UNSEEN})
"""Alerts about a node whose certificate requests say the same, or its state: NOT_LOOKED_AT."""


def node_statuses(cluster: ClusterFacts, now: float, findings: Iterable[Finding] = ()) -> tuple[NodeStatus, ...]:
    """Every node that is known, also of those that have asked for a certificate and are not there yet.

    `findings`: those about the cluster; each that is about one node is a trouble of it.
    """
    troubles: dict[str, list[Trouble]] = {}
    for asked in cluster.csrs.nodes if cluster.csrs else ():
        if found := [*_requests(asked, now)]:
            troubles.setdefault(asked.node, []).extend(found)
    nodes = {node.name: node for node in cluster.nodes or ()}
    for node in nodes.values():
        if found := [*_node(node)]:
            troubles.setdefault(node.name, []).extend(found)
    observations = cluster.observations or {}
    for one in findings:
        if one.node not in nodes or _label_says(one, nodes[one.node]):
            continue
        by = observations[one.node].by if one.node in observations else Observer.NOBODY
        # A kubelet may answer and say nothing of its client certificate: that is no NOT_LOOKED_AT.
        if one.alert not in _TOLD_OTHERWISE or (one.alert == UNSEEN and by is not Observer.NOBODY):
            told = Trouble(one.severity, State.CERTIFICATE, one.what, one.since or one.until or 0.0)
            troubles.setdefault(one.node, []).append(told)
    found_all = (
        NodeStatus(
            name,
            nodes.get(name),
            tuple(sorted(troubles.get(name, ()), key=_order)),
            observations[name].by if name in observations else Observer.NOBODY,
        )
        for name in dict.fromkeys([*nodes, *troubles])
    )
    return tuple(sorted(found_all, key=_urgency))


def _label_says(one: Finding, node: Node) -> bool:
    """Whether the node's label says the same, that its serving certificate is not rotated."""
    off = one.alert == "AksCertRotationDisabled" and one.role is Role.KUBELET_SERVING
    return off and node.serving_rotation is Rotation.DISABLED


def _requests(one: NodeRequests, now: float) -> Iterator[Trouble]:
    what = certificate_words(one.signer_name)
    if one.pending_since is not None:
        waited = now - one.pending_since
        severity = csr_pending(one.pending_since, now) or Severity.INFO
        state = "approved, not issued" if one.approved else "no answer"
        more = f", like {one.pending_objects - 1} more" if one.pending_objects > 1 else ""
        name = f": {one.pending_name}, {state}{more}" if one.pending_name else ""
        yield Trouble(
            severity,
            State.WAITING,
            f"{span(waited)} for its {what} (since {utc_time(one.pending_since)}){name}",
            one.pending_since,
        )
    if one.rejected is not None and now - one.rejected.at < REJECTED:
        verb = "denied" if one.rejected.outcome is CsrOutcome.DENIED else "failed"
        yield Trouble(
            Severity.WARNING,
            State.REFUSED,
            f"its {what}: {one.rejected.name} {verb} {when(one.rejected.at, now)}",
            one.rejected.at,
        )


def _node(node: Node) -> Iterator[Trouble]:
    if node.ready is not True:
        said = "the kubelet has not said yet" if node.ready is None else "its Ready condition is false or unknown"
        yield Trouble(Severity.WARNING, State.NOT_READY, said)
    if node.serving_rotation is Rotation.DISABLED:
        yield Trouble(Severity.INFO, State.OFF, serving_off_reason(node))
    elif node.serving_rotation is Rotation.UNKNOWN:
        yield Trouble(Severity.INFO, State.UNKNOWN, "AKS does not label it")


_SEVERITIES, _STATES = list(Severity), list(State)


def _order(trouble: Trouble) -> tuple[int, int, float]:
    return _SEVERITIES.index(trouble.severity), _STATES.index(trouble.state), trouble.since


def _urgency(one: NodeStatus) -> tuple[int, int, float, str]:
    worst = _order(one.troubles[0]) if one.troubles else (len(_SEVERITIES), int(one.word == OK), 0.0)
    return *worst, one.name
