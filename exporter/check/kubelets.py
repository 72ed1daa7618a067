"""What kubelets said of their nodes in, a table of it out: the worst first, and what is alike in one row."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from exporter.check.report import Section
from exporter.facts.kube.node import Node
from exporter.facts.kube.node_view import NodeView
from exporter.findings import Finding, Severity
from exporter.findings.formatting import date, span
from exporter.reason import Role

__all__ = ["LONGEST", "kubelets_section"]

LONGEST = 40
"""Rows of nodes with something wrong; of 5,000 the worst are shown."""


def kubelets_section(
    views: Iterable[NodeView], nodes: Mapping[str, Node], findings: Iterable[Finding], now: float, note: str = ""
) -> Section:
    """The table. `findings`: those about the cluster; each that is about one node stands in its row."""
    wrong: dict[str, list[Finding]] = defaultdict(list)
    for one in findings:
        if one.node and one.severity is not Severity.INFO:
            wrong[one.node].append(one)  # worst first, as they come
    alike: dict[tuple[str, str, str], list[NodeView]] = defaultdict(list)
    troubled = []
    for view in views:
        if view.node in wrong:
            troubled.append(view)
        else:
            alike[(_pool(nodes, view), *_rotation(view))].append(view)
    order = list(Severity)
    troubled.sort(key=lambda view: (order.index(wrong[view.node][0].severity), view.node))
    rows: list[tuple[str, ...]] = [
        (
            view.node,
            _until((view,), now),
            *_rotation(view),
            str(wrong[view.node][0].severity),
            " ".join(one.what for one in wrong[view.node]),
        )
        for view in troubled[:LONGEST]
    ]
    for (pool, *rotation), members in sorted(alike.items()):
        who = members[0].node if len(members) == 1 else f"{len(members)} nodes of {pool}"
        rows.append((who, _until(members, now), *rotation, "ok", "-"))
    more = f"{len(troubled) - LONGEST} more have something wrong, none of it worse." if troubled[LONGEST:] else ""
    return Section(
        "Kubelets",
        ("NODE", "CLIENT CERTIFICATE UNTIL", "CLIENT ROTATION", "SERVING ROTATION", "STATE", "WHAT IS WRONG"),
        tuple(rows),
        " ".join(filter(None, (more, note))),
        wrapping=("CLIENT CERTIFICATE UNTIL", "WHAT IS WRONG"),
    )


def _pool(nodes: Mapping[str, Node], view: NodeView) -> str:
    return nodes[view.node].agentpool or "-" if view.node in nodes else "-"


def _rotation(view: NodeView) -> tuple[str, str]:
    client, serving = view.rotation
    return str(client.state), str(serving.state)


def _until(views: Iterable[NodeView], now: float) -> str:
    """The end of the client certificate, or from the first to the last of them."""
    client = [one for view in views for one in view.certificates if one.role is Role.KUBELET_CLIENT]
    ends = sorted(one.not_after for one in client)
    if not ends:
        return "not told"
    left = f"{span(ends[0] - now)} left" if ends[0] > now else f"ended {span(ends[0] - now)} ago"
    first, last = date(ends[0]), date(ends[-1])
    return f"{first} ({left})" if first == last else f"{first} to {last}"
