"""Nodes without a node agent in, what the cluster agent says of each beside what is true out."""

import json
from collections.abc import Iterable, Iterator

from exporter.reason import Role, RotationReason, RotationState
from simulation.demo.cluster_checks import ClusterCheck, Series
from simulation.node.scenarios import State
from simulation.node.simulated_node import SimulatedNode

__all__ = ["agentless_checks"]


def agentless_checks(nodes: Iterable[SimulatedNode], found: Series, facts: str) -> Iterator[ClusterCheck]:
    """One for each node: rotation of both certificates by the series, findings by /facts."""
    states: dict[tuple[str, str], State] = {}
    for name, labels in found:
        if name == "akscert_rotation_state":
            said = dict(labels)
            state = RotationState(said["state"]), RotationReason(said["reason"])
            states[said["node"], said["role"]] = state
    alerts: dict[str, set[str]] = {}
    for one in json.loads(facts)["findings"]:
        if one["node"]:
            alerts.setdefault(one["node"], set()).add(one["alert"])
    for node in nodes:
        expected = node.expected
        truth = _words(expected.client, expected.serving, expected.alerts)
        client, serving = (states.get((node.name, role)) for role in (Role.KUBELET_CLIENT, Role.KUBELET_SERVING))
        named = {alert for alert in alerts.get(node.name, set()) if alert}
        yield ClusterCheck(f"{node.name}: {node.scenario.sentence}", truth, _words(client, serving, named))


def _words(client: State | None, serving: State | None, alerts: Iterable[str]) -> str:
    return f"client {_state(client)}, serving {_state(serving)}; {', '.join(sorted(alerts)) or 'no finding'}"


def _state(state: State | None) -> str:
    return "(no word)" if state is None else "/".join(state)
