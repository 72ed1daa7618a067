"""The cluster half of the running demo: a fleet in, its control plane and one real cluster agent out."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from simulation.api.activity import RenewingNode
from simulation.api.called import CalledServices
from simulation.api.control_plane import NODE_AGENTS, SimulatedCluster
from simulation.azure.managed_cluster import SimulatedAzure
from simulation.demo.agentless_checks import agentless_checks
from simulation.demo.cluster_checks import ClusterCheck, cluster_checks, command_checks, series
from simulation.demo.node_agents import START_SECONDS, Fleet
from simulation.demo.processes import Process, ProcessError, StoppedError, outputs
from simulation.node.simulated_node import SimulatedNode

__all__ = ["DemoCluster", "start_demo_cluster"]

LIVELY = "healthy"
"""The scenario whose kubelet renews its certificates while the demo goes on."""
REFUSED = "expiring"
"""The one whose requests are denied meanwhile."""
SETTLE_SECONDS = 90.0
"""The agent looks at some things every minute; the rest it learns at once."""


@dataclass(frozen=True, slots=True)
class DemoCluster:
    """The simulated control plane, and the agent that looks at it."""

    fleet: Fleet
    cluster: SimulatedCluster
    agent: Process
    kubeconfig: Path
    old_kubeconfig: Path
    """One that still has the CA of before the rotation."""

    def judged(self, stop: threading.Event) -> tuple[ClusterCheck, ...]:
        """What the agent says, once it is right in everything or has had its time. Raises as Process does."""
        agentless = [one.node for one in self.fleet.agentless]
        nodes = [*(member.node for member in self.fleet.members), *agentless]
        until = time.monotonic() + SETTLE_SECONDS
        while True:
            try:
                samples = series(self.agent.fetch("/metrics"))
                found = (
                    *cluster_checks(self.cluster, nodes, samples, self.agent.fetch("/")),
                    *agentless_checks(agentless, samples, self.agent.fetch("/facts")),
                )
            except OSError as error:
                raise ProcessError(f"{self.agent.name} does not answer: {error}\n{self.agent.words}") from None
            if all(claim.right for claim in found) or time.monotonic() > until:
                return (*found, *self._checked(nodes))
            if stop.wait(0.5):
                raise StoppedError

    def _checked(self, nodes: Sequence[SimulatedNode]) -> tuple[ClusterCheck, ClusterCheck]:
        """What `check` says, run as a person does."""
        commands = {
            f"check with {path.name}": ["check", "--kubeconfig", str(path), "--output", "json"]
            for path in (self.kubeconfig, self.old_kubeconfig)
        }
        present, former = outputs(commands).values()
        return command_checks(nodes, present, former)

    def go_on(self) -> str:
        """Let things happen in the cluster. Returns the name of the node that renews its certificates."""
        members = {member.node.scenario.name: member for member in self.fleet.members}
        lively = members[LIVELY]
        assert lively.kubelet is not None
        self.cluster.go_on(RenewingNode(lively.node, lively.kubelet), refused=members[REFUSED].node.name)
        return lively.node.name


def start_demo_cluster(fleet: Fleet, stop: threading.Event) -> DemoCluster:
    """Start the control plane and the cluster agent; when it is ready, rotate the cluster CA, half."""
    nodes = [*(member.node for member in fleet.members), *(one.node for one in fleet.agentless)]
    kubelets = {member.node.name: member.kubelet.address for member in fleet.members if member.kubelet}
    kubelets |= {one.node.name: one.address for one in fleet.agentless}
    cluster = fleet.enter(SimulatedCluster(nodes, fleet.now, fleet.authority, kubelets))
    cluster.serve_node_agents({member.node.name: member.agent.address for member in fleet.members})
    called = fleet.enter(CalledServices(cluster.server.store, fleet.now, fleet.authority))
    azure = fleet.enter(SimulatedAzure(fleet.folder / "azure", nodes))
    kubeconfig, old = cluster.write_kubeconfig(fleet.folder), cluster.write_old_kubeconfig(fleet.folder)
    arguments = ["cluster", "--kubeconfig", str(kubeconfig)]
    arguments += ["--azure.enabled", "true", "--azure.endpoint", azure.endpoint]
    arguments += ["--node-agents.service", "/".join(NODE_AGENTS), "--kubelets.interval", "20s"]
    arguments += ["--web.listen-address", "127.0.0.1:0", "--workloads.enabled", "true", *called.flags]
    for address in cluster.addresses:
        arguments += ["--apiserver-address", address]
    agent = Process("the cluster agent", arguments, environment=azure.environment)
    fleet.own(agent)
    agent.wait_ready(START_SECONDS, stop)
    cluster.serve_cluster_agent(agent.url)
    cluster.rotate()
    return DemoCluster(fleet, cluster, agent, kubeconfig, old)
