"""The demo's whole cluster, running: nodes, control plane, simulated Azure and every real agent."""

import os
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from exporter.facts.azure.resource_id import ResourceId, managed_cluster_id
from simulation.api.cluster_objects import LEASES
from simulation.api.control_plane import SimulatedCluster
from simulation.api.objects import lease
from simulation.azure.bodies import agent_pool, managed_cluster
from simulation.azure.site import ArmSite
from simulation.demo.node_agents import Fleet, Member
from simulation.demo.processes import Process, stop_all
from simulation.node.scenarios import SCENARIOS
from simulation.pki import YEAR, Authority
from tests.e2e.stack import Target, free_port

__all__ = ["RESOURCE_ID", "WholeCluster"]

RESOURCE_ID = (
    "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/contoso"
    "/providers/Microsoft.ContainerService/managedClusters/aks1"
)
OPT_OUT = {"aks-disable-kubelet-serving-certificate-rotation": "true"}


class WholeCluster:
    """A context manager: what it starts has ended when it does."""

    def __init__(self, folder: Path, state: str) -> None:
        """`state`: the provisioning state that Azure has from the start."""
        now = time.time()
        authority = Authority.cluster(now - 3 * YEAR)
        self._stack = ExitStack()
        self.fleet = self._stack.enter_context(Fleet(folder / "nodes", now, authority))
        self.fleet.start(SCENARIOS, threading.Event())
        nodes = [member.node for member in self.fleet.members]
        self.control_plane = self._stack.enter_context(SimulatedCluster(nodes, now, authority))
        self._kubeconfig = self.control_plane.write_kubeconfig(folder)
        self.azure = ArmSite(folder / "azure")
        self._stack.enter_context(self.azure.arm)
        self.provisioning(state)
        self._listen = f"127.0.0.1:{free_port()}"  # the same after a restart, as the target is static
        self.agent: Process | None = None
        self._stack.callback(self.stop_agent)
        self.start_agent()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def provisioning(self, state: str) -> None:
        """What Azure says of the cluster from now on."""
        cluster = managed_cluster_id(RESOURCE_ID)
        assert isinstance(cluster, ResourceId)
        pools = [
            agent_pool("nodepool1", mode="System"),
            agent_pool("older"),
            agent_pool("legacy"),
            agent_pool("optout", tags=OPT_OUT),
            agent_pool("win", os="Windows"),
        ]
        self.azure.arm.put(managed_cluster(cluster, pools, state=state))

    def leases(self, age: float = 0) -> None:
        """Signers and approvers showed themselves so many seconds ago."""
        self.control_plane.server.store.put_all("leases", [lease(name, time.time() - age) for name in LEASES])

    def start_agent(self) -> None:
        """The cluster agent, with workload identity's environment."""
        environment = [f"{name}={value}" for name, value in self.azure.environment.items()]
        addresses = [word for address in self.control_plane.addresses for word in ("--apiserver-address", address)]
        self.agent = Process(
            "the cluster agent",
            [
                *("other", "env", *environment, sys.executable, "-m", "exporter", "cluster"),
                *("--kubeconfig", str(self._kubeconfig), *addresses, "--web.listen-address", self._listen),
                *("--azure.enabled", "true", "--azure.resource-id", RESOURCE_ID),
                *("--azure.endpoint", self.azure.arm.endpoint),
            ],
        )
        self.agent.wait_ready(60, threading.Event())

    def stop_agent(self) -> None:
        """End it, as an eviction would."""
        if self.agent is not None:
            stop_all([self.agent])

    def member(self, scenario: str) -> Member:
        """The node of a scenario."""
        return next(one for one in self.fleet.members if one.node.scenario.name == scenario)

    @property
    def targets(self) -> tuple[Target, ...]:
        """Every agent, as a scrape configuration would find it."""
        nodes = [
            Target(member.agent.url.removeprefix("http://"), "aks-cert-exporter-node", f"node-agent-{number}")
            for number, member in enumerate(self.fleet.members)
        ]
        return (*nodes, Target(self._listen, "aks-cert-exporter-cluster", f"cluster-agent-{os.getpid()}"))
