"""The simulated fleet, running: nodes on disk, their kubelets' ports and one real node agent for each."""

import os
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from simulation.api.control_plane import AGENT_TOKEN
from simulation.demo.node_checks import ToldState, mismatches, strangers, told_state
from simulation.demo.processes import Process, StoppedError, stop_all
from simulation.node.build_options import Damage
from simulation.node.kubelet import SimulatedKubelet, SimulatedKubelets
from simulation.node.kubelet_api import settings_of
from simulation.node.scenarios import Scenario
from simulation.node.simulated_node import SimulatedNode, build
from simulation.pki import Authority

__all__ = ["Agentless", "Fleet", "Member", "Verdict", "settled_verdicts", "verdicts"]

T = TypeVar("T")

START_SECONDS = 60.0
SETTLE_SECONDS = 75.0
MISMATCH = "AksCertClusterCaMismatch"


@dataclass(frozen=True, slots=True)
class Member:
    """One node of the running fleet."""

    node: SimulatedNode
    kubelet: SimulatedKubelet | None
    agent: Process


@dataclass(frozen=True, slots=True)
class Agentless:
    """One node without a node agent."""

    node: SimulatedNode
    address: tuple[str, int]
    """Where its kubelet listens, or where nothing does."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one node's agent says of it, and where it is wrong."""

    member: Member
    said: ToldState
    fleet_alerts: frozenset[str]
    mismatches: tuple[str, ...]


class Fleet:
    """A context manager: what it starts has ended when it does."""

    def __init__(self, folder: Path, now: float, authority: Authority) -> None:
        self.members: list[Member] = []
        self.agentless: list[Agentless] = []
        self.folder, self.now, self.authority = folder, now, authority
        self._others: list[Process] = []
        self._stack = ExitStack()
        self._kubelets = SimulatedKubelets()

    def __enter__(self) -> Self:
        self._stack.enter_context(self._kubelets)
        self._stack.callback(lambda: stop_all((*self._others, *(member.agent for member in self.members))))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def start(self, scenarios: Iterable[Scenario], stop: threading.Event) -> None:
        """Build the nodes, start their agents, wait until all are ready. Raises ProcessError or StoppedError."""
        starting: deque[Process] = deque()
        for scenario in scenarios:
            if len(starting) >= 2 * (os.cpu_count() or 1):
                starting.popleft().wait_ready(START_SECONDS, stop)
            starting.append(self._start_one(scenario).agent)
        for agent in starting:
            agent.wait_ready(START_SECONDS, stop)

    def add_agentless(self, scenarios: Iterable[Scenario]) -> None:
        """Build nodes without a node agent."""
        for scenario in scenarios:
            node, kubelet = self._node(scenario)
            reachable = kubelet is not None and scenario.reachable
            address = kubelet.address if kubelet is not None and reachable else self._kubelets.silent_address()
            self.agentless.append(Agentless(node, address))

    def own(self, process: Process) -> None:
        """End this process too at the end."""
        self._others.append(process)

    def enter(self, context: AbstractContextManager[T]) -> T:
        """Close this too at the end."""
        return self._stack.enter_context(context)

    def _start_one(self, scenario: Scenario) -> Member:
        node, kubelet = self._node(scenario)
        host, port = kubelet.address if kubelet else self._kubelets.silent_address()
        arguments = ["node", "--node-name", node.name, "--host-root", str(node.root)]
        arguments += ["--kubelet-address", f"{host}:{port}", "--web.listen-address", "127.0.0.1:0"]
        if scenario.options.client_damage is Damage.UNREADABLE:
            arguments.insert(0, "obey-modes")
        member = Member(node, kubelet, Process(f"the agent of {node.name}", arguments))
        self.members.append(member)
        return member

    def _node(self, scenario: Scenario) -> tuple[SimulatedNode, SimulatedKubelet | None]:
        node = build(scenario, self.folder / scenario.node_name, self.now, self.authority)
        kubelet = self._kubelets.start(node.serving, node.authority) if node.listening else None
        if kubelet is not None:
            kubelet.api.rights = {AGENT_TOKEN: frozenset({"metrics", "configz"})}
            kubelet.api.settings = settings_of(node)
            kubelet.api.client_not_after = node.client.not_after if node.client else None
            kubelet.api.server_not_after = node.serving.not_after if node.serving else None
            kubelet.api.client_renew_errors = scenario.client_renew_errors
        return node, kubelet


def settled_verdicts(members: Sequence[Member], stop: threading.Event) -> tuple[Verdict, ...]:
    """The verdicts once all are right, or the last ones. Raises OSError as `verdicts`, and StoppedError.

    On a busy machine a handshake may take an agent too long; it looks again within a minute.
    """
    until = time.monotonic() + SETTLE_SECONDS
    while True:
        found = verdicts(members)
        if not any(verdict.mismatches for verdict in found) or time.monotonic() > until:
            return found
        if stop.wait(1):
            raise StoppedError


def verdicts(members: Iterable[Member]) -> tuple[Verdict, ...]:
    """Scrape every agent and judge what it says. Raises OSError when one does not answer."""
    said = [(member, told_state(member.agent.fetch("/metrics"), member.agent.fetch("/"))) for member in members]
    strange = strangers(words for _, words in said)
    found = []
    for member, words in said:
        fleet_alerts = frozenset({MISMATCH}) if words.authorities and words.authorities <= strange else frozenset()
        wrong = mismatches(member.node.expected, words, fleet_alerts)
        found.append(Verdict(member, words, fleet_alerts, wrong))
    return tuple(found)
