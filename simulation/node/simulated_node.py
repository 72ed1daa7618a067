"""A simulated node: a scenario, a directory and a moment in, the node's tree and what it serves out."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from simulation.node.build_options import Client, OperatingSystem, Serving
from simulation.node.file_tree import NodeTree
from simulation.node.linux import write_linux
from simulation.node.scenarios import Expected, Scenario
from simulation.node.windows import write_windows
from simulation.pki import YEAR, Authority, Credential

__all__ = ["SimulatedNode", "build", "former_authority"]


@dataclass(frozen=True, slots=True)
class SimulatedNode:
    """A node on disk, and what its kubelet does on its port."""

    name: str
    root: Path
    """To be given as --host-root."""
    scenario: Scenario
    built: float
    """Unix seconds of the moment that the scenario's ages count back from."""
    labels: Mapping[str, str]
    """The Kubernetes labels AKS gives the node."""
    authority: Authority
    """The cluster CA the node knows."""
    client: Credential | None
    """The client certificate that was issued last, be its file damaged or not; None before the first."""
    installed: Credential | None
    """The serving certificate on disk, None before the first."""
    serving: Credential | None
    """The certificate on the kubelet's port. None while there is none: every handshake ends in an alert."""
    listening: bool
    """Whether the kubelet listens at all: it does so only once it has a client certificate."""

    @property
    def expected(self) -> Expected:
        """What an agent must conclude."""
        return self.scenario.expected


@cache
def former_authority(now: float) -> Authority:
    """The cluster CA before `az aks rotate-certs`: the same name, another key. One CA per moment."""
    return Authority.cluster(now - 7 * YEAR, number=1)


def build(scenario: Scenario, root: Path, now: float, authority: Authority, *, name: str = "") -> SimulatedNode:
    """Write a scenario's node below `root`, a directory that need not be there yet. `now` in Unix seconds."""
    options = scenario.options
    name = name or scenario.node_name
    labels = _labels(scenario)
    if options.former_authority:
        authority = former_authority(now)
    root.mkdir(parents=True, exist_ok=True)
    write = write_windows if options.system is OperatingSystem.WINDOWS else write_linux
    client, installed = write(NodeTree(root), options, name, labels, now, authority)
    serving = installed
    if options.serves_previous:
        serving = authority.kubelet_serving(name, now - 0.8 * YEAR)
    return SimulatedNode(
        name=name,
        root=root,
        scenario=scenario,
        built=now,
        labels=labels,
        authority=authority,
        client=client,
        installed=installed,
        serving=serving,
        listening=options.client is not Client.PENDING,
    )


def _labels(scenario: Scenario) -> dict[str, str]:
    options = scenario.options
    windows = options.system is OperatingSystem.WINDOWS
    labels = {
        "agentpool": scenario.pool,
        "kubernetes.azure.com/agentpool": scenario.pool,
        "kubernetes.azure.com/cluster": "MC_contoso_aks1_westeurope",
        "kubernetes.azure.com/mode": "system" if scenario.pool == "nodepool1" else "user",
        "kubernetes.azure.com/node-image-version": scenario.image,
        "kubernetes.azure.com/os-sku": "Windows2022" if windows else "Ubuntu",
        "kubernetes.azure.com/role": "agent",
    }
    if options.serving in {Serving.ROTATED, Serving.PENDING}:
        labels["kubernetes.azure.com/kubelet-serving-ca"] = "cluster"
    return labels
