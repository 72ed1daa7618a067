"""What kubelets said of their nodes in, a table of it out: the worst first, and what is alike in one row."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from exporter.check.report import Section
from exporter.facts.kube.node import Node
from exporter.facts.kube.node_view import NodeView
from exporter.findings import Finding, Severity
from exporter.findings.formatting import dated, span
from exporter.reason import Evidence, Role, RotationState

__all__ = ["LONGEST", "kubelets_section"]

LONGEST = 40
"""Rows. Of 5,000 nodes with all kinds of things wrong the worst are shown."""


def kubelets_section(
    views: Iterable[NodeView], nodes: Mapping[str, Node], findings: Iterable[Finding], now: float, note: str = ""
) -> Section:
    """The table. `findings`: those about the cluster; each that is about one node is named in its row by its alert."""
    wrong: dict[str, list[Finding]] = defaultdict(list)
    for one in findings:
        if one.severity is not Severity.INFO:
            wrong[one.node].append(one)  # worst first, as they come
    order = list(Severity)
    groups: dict[tuple[int, tuple[str, ...]], list[NodeView]] = defaultdict(list)
    for view in views:
        found = wrong[view.node]
        place = order.index(found[0].severity) if found else len(order)
        alerts = tuple(dict.fromkeys(one.alert or one.what for one in found))
        groups[place, (_pool(nodes, view), *_rotation(view), *alerts)].append(view)
    shown = sorted(groups.items())
    rows = []
    for (place, (pool, client, serving, *named)), members in shown[:LONGEST]:
        until, remaining = _until(members, now)
        state = str(order[place]) if place < len(order) else "ok"
        rows.append((_named(pool, members), until, remaining, client, serving, state, ", ".join(named) or "-"))
    left = len(shown[LONGEST:])
    more = f"{left} more {'row is' if left == 1 else 'rows are'} not shown, none worse than these." if left else ""
    return Section(
        "Kubelets",
        ("NODE", "CLIENT UNTIL", "LEFT", "CLIENT", "SERVING", "STATE", "WHAT IS WRONG"),
        tuple(rows),
        " ".join(filter(None, (more, note))),
        wrapping=("CLIENT UNTIL", "WHAT IS WRONG"),
    )


def _named(pool: str, members: Sequence[NodeView]) -> str:
    first = min(view.node for view in members)
    if len(members) == 1:
        return first
    return f"{len(members)} nodes of {pool}"


def _pool(nodes: Mapping[str, Node], view: NodeView) -> str:
    return nodes[view.node].agentpool or "-" if view.node in nodes else "-"


def _rotation(view: NodeView) -> tuple[str, str]:
    """Of the client and of the serving certificate, which cannot be seen from here: whether it is configured can."""
    client, serving = view.rotation
    configured = serving.state is RotationState.UNKNOWN and serving.evidence.get(Evidence.KUBELET_CONFIGZ)
    return str(client.state), "configured" if configured else str(serving.state)


def _until(views: Iterable[NodeView], now: float) -> tuple[str, str]:
    """The end of the client certificate, or from the first to the last of them; and how long until the first."""
    client = [one for view in views for one in view.certificates if one.role is Role.KUBELET_CLIENT]
    ends = sorted(one.not_after for one in client)
    lifetime = min((one.not_after - one.not_before for one in client if one.not_before is not None), default=math.inf)
    if not ends:
        return "not told", "-"
    first, last = dated(ends[0], lifetime), dated(ends[-1], lifetime)
    left = span(ends[0] - now) if ends[0] > now else f"ended {span(ends[0] - now)} ago"
    return first if first == last else f"{first} to {last}", left
