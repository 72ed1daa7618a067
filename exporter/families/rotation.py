"""akscert_rotation_*: is rotation on for each kubelet certificate, who says so, and when is the next one due."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from exporter.facts.host.host_facts import HostFacts
from exporter.facts.rotation import DEADLINE as DEADLINE_PART
from exporter.facts.rotation import DUE as DUE_PART
from exporter.metric import Family, Metric, Part, Row, part
from exporter.reason import Evidence, Role, RotationReason, RotationState

if TYPE_CHECKING:
    # What the node agent never uses it never loads.
    from exporter.facts.kube.node_view import NodeView

__all__ = ["evidence_family", "parts", "told_families"]

STATE = Metric(
    "akscert_rotation_state",
    "1, with the state of rotation of a kubelet certificate and the reason. waiting: configured, no certificate yet.",
    ("node", "role", "state", "reason"),
    words={"role": tuple(Role), "state": tuple(RotationState), "reason": tuple(RotationReason)},
)
EVIDENCE = Metric(
    "akscert_rotation_evidence",
    "What one place says about rotation: 1 on, 0 off. Absent where it does not say.",
    ("node", "role", "evidence"),
    words={"role": tuple(Role), "evidence": tuple(Evidence)},
)
DUE = Metric(
    "akscert_rotation_due_timestamp_seconds",
    f"Unix time from which the kubelet may rotate: notBefore and {DUE_PART:.0%} of the lifetime. "
    "Only where rotation is enabled.",
    ("node", "role"),
    words={"role": tuple(Role)},
)
DEADLINE = Metric(
    "akscert_rotation_deadline_timestamp_seconds",
    f"Unix time by which the kubelet has rotated if rotation works: notBefore and {DEADLINE_PART:.0%} of the lifetime. "
    "Only where rotation is enabled.",
    ("node", "role"),
    words={"role": tuple(Role)},
)


def evidence_family(rows: Iterable[Row]) -> Family:
    """Evidence from any agent: rows of (node, role, evidence) and 0 or 1."""
    return EVIDENCE.family(rows)


def told_families(views: "Iterable[NodeView]") -> Iterator[Family]:
    """Samples of nodes without a node agent, as their kubelets told them; evidence apart."""
    views = tuple(views)
    yield STATE.family(
        ((view.node, facts.role, facts.state, facts.reason), 1.0) for view in views for facts in view.rotation
    )
    windows = [(view.node, one.role, one.window) for view in views for one in view.certificates if one.window]
    yield DUE.family(((node, role), window[0]) for node, role, window in windows)
    yield DEADLINE.family(((node, role), window[1]) for node, role, window in windows)


def parts(host: HostFacts) -> Iterator[Part]:
    """Samples of one node."""
    yield part(
        (STATE, (((host.node, facts.role, facts.state, facts.reason), 1.0) for facts in host.rotation)),
        (
            EVIDENCE,
            (
                ((host.node, facts.role, place), float(word))
                for facts in host.rotation
                for place, word in facts.evidence.items()
            ),
        ),
    )
    windows = [(facts.role, window) for facts in host.rotation if (window := host.window(facts.role))]
    yield part(
        (DUE, (((host.node, role), begin) for role, (begin, _) in windows)),
        (DEADLINE, (((host.node, role), end) for role, (_, end) in windows)),
    )
