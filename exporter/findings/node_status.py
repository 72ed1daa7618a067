"""A cluster's facts in, how each of its nodes stands out: waiting, refused, not ready, rotation off; worst first."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from exporter.facts.cluster import ClusterFacts
from exporter.facts.kube.node import Node
from exporter.facts.kube.node_requests import NodeRequests
from exporter.findings import Severity
from exporter.findings.cluster import certificate_words, serving_off_reason
from exporter.findings.formatting import span, utc_time, when
from exporter.findings.limits import REJECTED, csr_pending
from exporter.reason import CsrOutcome, Rotation

__all__ = ["NodeStatus", "State", "Trouble", "node_statuses"]


class State(StrEnum):
    """What may be the matter with a node; a node may have several. The worst stand first."""

    WAITING = "waiting"
    REFUSED = "refused"
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
    """Worst first; empty: it is ok, as far as the cluster tells."""

    @property
    def pool(self) -> str:
        """The node pool; empty where there is none or where it is not known yet."""
        return self.node.agentpool if self.node else ""


def node_statuses(cluster: ClusterFacts, now: float) -> tuple[NodeStatus, ...]:
    """Every node that is known, also of those that have asked for a certificate and are not there yet."""
    troubles: dict[str, list[Trouble]] = {}
    for one in cluster.csrs.nodes if cluster.csrs else ():
        if found := [*_requests(one, now)]:
            troubles.setdefault(one.node, []).extend(found)
    nodes = {node.name: node for node in cluster.nodes or ()}
    for node in nodes.values():
        if found := [*_node(node)]:
            troubles.setdefault(node.name, []).extend(found)
    names = dict.fromkeys([*nodes, *troubles])
    found_all = (NodeStatus(name, nodes.get(name), tuple(sorted(troubles.get(name, ()), key=_order))) for name in names)
    return tuple(sorted(found_all, key=_urgency))


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
    worst = _order(one.troubles[0]) if one.troubles else (len(_SEVERITIES), 0, 0.0)
    return *worst, one.name
