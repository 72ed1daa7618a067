"""What a simulated cluster is made of: nodes, the agents' Pods, who watches, and how requests are answered."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from exporter.facts.azure.managed_cluster import AzureCluster, AzurePool
from exporter.facts.kube.csr import Csr
from exporter.facts.kube.node import Node
from exporter.reason import KubeletStatus, Mode
from tests.year.disk import Disk
from tests.year.leaves import Leaf

__all__ = ["ADDRESS", "FOREVER", "Answer", "Kubelet", "Machine", "Pod", "Watcher", "azure_cluster"]

FOREVER = float("inf")
ADDRESS = "contoso-dns-1a2b3c4d.hcp.westeurope.azmk8s.io:443"


class Answer(StrEnum):
    """What becomes of a request."""

    ISSUE = "issue"
    NONE = "none"
    APPROVE = "approve"
    """And no more."""
    DENY = "deny"
    FAIL = "fail"


@dataclass
class Kubelet:
    """How a node's kubelet answers whoever asks it."""

    clock: float = 0.0
    """Seconds that it is ahead."""
    rotates: bool = True
    """rotateCertificates, as it runs."""
    tells: bool = True
    """Whether it has the metric of its client certificate's TTL."""
    negative: bool = False
    """Whether that goes below zero instead of to +Inf."""
    refuses: KubeletStatus | None = None
    """What a request with our token comes to instead of an answer."""
    stopped: bool = False


@dataclass
class Machine:
    """A node: its disk, its kubelet and the API server's object of it."""

    disk: Disk
    pool: str
    created: float
    joined: bool = False
    """Whether there is a Node object."""
    on: bool = True
    """Whether the VM runs."""
    ready: bool = True
    served: Leaf | None = None
    """None: no handshake with the kubelet's port succeeds."""
    holds_old: bool = False
    """A kubelet that goes on serving what it has in memory."""
    mute: bool = False
    """A kubelet that does not ask for a new certificate."""
    label: bool = True
    """Whether the Node object says that the serving certificate rotates."""
    virtual: bool = False
    """A virtual kubelet's node: there is no machine."""
    kubelet: Kubelet = field(default_factory=Kubelet)

    @property
    def name(self) -> str:
        return self.disk.name


@dataclass(eq=False)
class Pod:
    """One agent's Pod: the target of a scrape."""

    name: str
    mode: Mode
    instance: str
    machine: Machine
    started: float
    ended: float = FOREVER
    deaf: list[tuple[float, float]] = field(default_factory=list)
    """While it is not reached by scrapes."""


class Watcher(Protocol):
    """Who is told of what the API server's watches tell."""

    def csr_changed(self, csr: Csr, now: float, *, deleted: bool) -> None: ...

    def node_changed(self, node: Node, *, deleted: bool) -> None: ...


def azure_cluster(name: str) -> AzureCluster:
    """As ARM describes a healthy cluster with one node pool."""
    pool = AzurePool(
        name="nodepool1",
        type="VirtualMachineScaleSets",
        os="Linux",
        os_sku="Ubuntu",
        mode="System",
        kubernetes_version="1.33.4",
        node_image_version="AKSUbuntu-2204gen2containerd-202501.12.0",
        image_date=None,
        provisioning_state="Succeeded",
        power_state="Running",
        opted_out=False,
        opt_out_tag="",
        error="",
    )
    return AzureCluster(
        name=name,
        resource_group="contoso",
        location="westeurope",
        kubernetes_version="1.33.4",
        rbac=True,
        fqdn=ADDRESS.split(":", maxsplit=1)[0],
        private_fqdn="",
        node_resource_group="MC_contoso",
        local_accounts=True,
        provisioning_state="Succeeded",
        power_state="Running",
        error="",
        pools=(pool,),
    )
