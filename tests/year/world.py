"""One simulated cluster: a name and a beginning in; as its clock goes on, nodes, requests, certificates and Pods out.

What is simulated is what the agents would look at: it knows no metric and no alert. The name is the seed of all draws.
"""

import heapq
import itertools
import random
from collections.abc import Callable
from dataclasses import replace

from exporter.facts.kube.csr import CLIENT_SIGNER, SERVING_SIGNER, Csr
from exporter.facts.kube.node import Node
from exporter.reason import CsrCondition, Lease, Mode, Requestor, Role, Rotation
from simulation.pki import DAY, YEAR
from tests.year.disk import Disk
from tests.year.endpoints import Called
from tests.year.leaves import Ca, Kind, Leaf
from tests.year.machine import ADDRESS, FOREVER, Answer, Kubelet, Machine, Pod, Watcher, azure_cluster

__all__ = ["AGENTLESS", "HOUR", "MINUTE", "World"]

MINUTE, HOUR = 60.0, 3600.0
RETRY = 15 * MINUTE
"""A kubelet that has no answer asks again (client-go, util/certificate/certificate_manager.go)."""
REFUSED_RETRY = 10 * MINUTE
AGENTLESS = frozenset({"auto", "winauto", "virtual"})
"""Node pools without node agents: the cluster agent asks their kubelets."""
SIGNERS = {Role.KUBELET_CLIENT: CLIENT_SIGNER, Role.KUBELET_SERVING: SERVING_SIGNER}


class World:
    """`advance` moves the clock. Times are Unix seconds."""

    def __init__(
        self,
        name: str,
        begin: float,
        *,
        days: float,
        nodes: int = 2,
        old: bool = False,
        ca_years: float = 30,
        pool: str = "nodepool1",
    ) -> None:
        """`days`: the lifetime of kubelet certificates. `old`: nodes were made long before the beginning, so that
        their certificates are at any point of their lifetime. `pool`: where they are; in AGENTLESS nobody runs agents.
        """
        self.name, self.now, self.days = name, begin, days
        self.asks_kubelets = pool in AGENTLESS
        """Whether the cluster agent asks kubelets instead of node agents."""
        self.random = random.Random(name)
        self.moments: list[tuple[str, float]] = []
        """What happened, as a kind, and when."""
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._count = itertools.count()
        self.created = begin - 3 * YEAR
        self.ca = Ca(0, self.created - 600, self.created + ca_years * YEAR)
        self.root_ca = self.ca
        """What kube-root-ca.crt holds."""
        self.webhook_ca = self.ca
        self.requestheader_ca = Ca(50, self.created, self.created + 10 * YEAR)
        self.api_days = 730.0
        self.api = Leaf(
            Kind.APISERVER, ADDRESS.split(":", maxsplit=1)[0], self.ca, begin - 100 * DAY, begin + 630 * DAY
        )
        self.api_up = True
        self.clock_offset = 0.05
        self.answers: dict[str, Answer] = {CLIENT_SIGNER: Answer.ISSUE, SERVING_SIGNER: Answer.ISSUE}
        self.silent_leases: dict[Lease, float] = {}
        """Since when nobody renews them."""
        self.called: dict[str, Called] = {}
        """What the API server calls, by name."""
        self.forgotten: set[str] = set()
        """Of these, what nobody renews any more."""
        self.machines: dict[str, Machine] = {}
        self.csrs: dict[str, Csr] = {}
        self.pods: list[Pod] = []
        self.watchers: list[Watcher] = []
        self.azure = azure_cluster(name)
        self.azure_answers = True
        self.azure_asked = True
        """Whether the cluster agent is told to ask Azure at all."""
        self.latest: set[str] = set()
        """Nodes that draw the latest moment a kubelet can."""
        for number in range(nodes):
            gone = self.random.uniform(0, 0.69) * days * DAY if old else 0.0
            self.add_node(f"aks-nodepool1-vmss{number:06}", pool, begin - gone)
        self._start_cluster_agent(next(iter(self.machines.values())))

    # The clock

    def at(self, moment: float, action: Callable[[], None]) -> None:
        """Do this then. What lies in the past is done at once when the clock moves."""
        heapq.heappush(self._queue, (moment, next(self._count), action))

    def happens(self, kind: str, moment: float, action: Callable[[], None]) -> None:
        """The same, for what is worth looking at closely."""
        self.moments.append((kind, moment))
        self.at(moment, action)

    def note(self, kind: str, moment: float | None = None) -> None:
        """Worth looking at closely."""
        self.moments.append((kind, self.now if moment is None else moment))

    def advance(self, until: float) -> None:
        """Everything up to then happens."""
        while self._queue and self._queue[0][0] <= until:
            moment, _, action = heapq.heappop(self._queue)
            self.now = max(self.now, moment)
            action()
        self.now = max(self.now, until)

    # Nodes

    def add_node(self, name: str, pool: str, since: float, disk: Disk | None = None) -> Machine:
        """A VM that has its certificates since then: from before the clock's present, or it boots now."""
        machine = Machine(disk or Disk(name, self.ca), pool, since)
        self.machines[name] = machine
        if since < self.now or disk is not None:
            self._install(
                machine, Role.KUBELET_CLIENT, machine.disk.client or self.leaf(machine, Role.KUBELET_CLIENT, since)
            )
            self._install(
                machine, Role.KUBELET_SERVING, machine.disk.serving or self.leaf(machine, Role.KUBELET_SERVING, since)
            )
            self._join(machine)
            self.start_node_agent(machine, self.now)
        else:
            self._boot(machine)
        return machine

    def add_virtual_node(self, name: str) -> None:
        """A Node object behind which there is no machine."""
        machine = Machine(Disk(name, self.ca), "virtual", self.now, joined=True, virtual=True)
        self.machines[name] = machine
        self._tell(machine)

    def boot(
        self, name: str, pool: str, *, windows: bool = False, asks_for_serving: bool = True, clock: float = 0.0
    ) -> None:
        """A VM is made, or made anew under the same name, as by a node image upgrade. `clock`: as Kubelet.clock."""
        disk = Disk(name, self.ca, copy=self.api, windows=windows)
        machine = Machine(disk, pool, self.now, kubelet=Kubelet(clock))
        self.machines[name] = machine
        self._boot(machine, asks_for_serving=asks_for_serving)

    def _boot(self, machine: Machine, *, asks_for_serving: bool = True) -> None:
        begin = self.now
        machine.disk = replace(machine.disk, copy=machine.disk.copy or self.api)
        self.request(machine, Role.KUBELET_CLIENT, Requestor.BOOTSTRAP)
        self.at(begin + 6, lambda: self._join(machine))
        if asks_for_serving:
            self.at(begin + 9, lambda: self.request(machine, Role.KUBELET_SERVING))
        self.at(begin + 45, lambda: self.start_node_agent(machine, self.now))

    def _join(self, machine: Machine) -> None:
        if self.machines.get(machine.name) is machine:
            machine.joined = True
            self._tell(machine)

    def remove(self, machine: Machine) -> None:
        """The Node object is deleted and the VM is gone."""
        self.stop_node_agent(machine)
        if self.machines.get(machine.name) is machine:
            del self.machines[machine.name]
            for watcher in self.watchers:
                watcher.node_changed(self.node(machine), deleted=True)
        machine.on = False
        for pod in self.pods:
            if pod.mode is Mode.CLUSTER and pod.machine is machine and pod.ended == FOREVER:
                self.restart_cluster_agent(pause=100.0)

    def _tell(self, machine: Machine) -> None:
        if machine.joined:
            for watcher in self.watchers:
                watcher.node_changed(self.node(machine), deleted=False)

    def change(self, machine: Machine, disk: Disk | None = None, *, ready: bool | None = None) -> None:
        """Another disk, another condition."""
        machine.disk = disk or machine.disk
        machine.ready = machine.ready if ready is None else ready
        self._tell(machine)

    def node(self, machine: Machine) -> Node:
        """The API server's object."""
        windows = machine.disk.windows
        rotates = machine.label and machine.disk.serving_rotation is True and not machine.virtual
        return Node(
            name=machine.name,
            agentpool=machine.pool,
            kubelet_version="v1.25.0-vk-azure-aci-1.6.1" if machine.virtual else "v1.33.4",
            node_image_version="AKSUbuntu-2204gen2containerd-202501.12.0",
            os="windows" if windows else "linux",
            os_sku="Windows2022" if windows else "Ubuntu",
            kubelet_serving_ca="cluster" if rotates else "",
            serving_rotation=Rotation.UNKNOWN if machine.virtual else _rotation(rotates=rotates),
            created=machine.created,
            ready=machine.ready,
            provider_id=f"azure:///subscriptions/s/resourceGroups/mc/virtualMachineScaleSets/v/{machine.name}",
            node_resource_group="MC_contoso",
            addresses=(machine.name,),
            virtual=machine.virtual,
        )

    @property
    def nodes(self) -> list[Node]:
        """All Node objects."""
        return [self.node(machine) for machine in self.machines.values() if machine.joined]

    # Certificates

    def leaf(self, machine: Machine, role: Role, issued: float) -> Leaf:
        """As kube-controller-manager signs it: backdated by five minutes, never beyond the CA's own end."""
        kind = Kind.CLIENT if role is Role.KUBELET_CLIENT else Kind.SERVING
        not_before = float(int(issued)) - 300
        return Leaf(kind, machine.name, self.ca, not_before, min(not_before + self.days * DAY, self.ca.not_after))

    def _install(self, machine: Machine, role: Role, leaf: Leaf) -> None:
        if role is Role.KUBELET_CLIENT:
            machine.disk = replace(machine.disk, client=leaf)
        else:
            machine.disk = replace(machine.disk, serving=leaf)
            machine.served = machine.served if machine.holds_old else leaf
        if leaf.kind in {Kind.CLIENT, Kind.SERVING} and not (
            role is Role.KUBELET_CLIENT and machine.disk.client_static
        ):
            self.plan(machine, role)
        self.at(leaf.not_after + 1, lambda: self._lapse(machine, role, leaf))

    def plan(self, machine: Machine, role: Role) -> None:
        """The kubelet draws when it will rotate, as after every rotation and every start of its process."""
        leaf = self.installed(machine, role)
        if leaf is None:
            return
        part = 0.8999 if machine.name in self.latest else self.random.uniform(0.7, 0.9)
        moment = max(leaf.at(part), self.now)

        def rotate() -> None:
            if self.machines.get(machine.name) is machine and machine.on and self.installed(machine, role) is leaf:
                self.note(f"{'latest ' if machine.name in self.latest else ''}rotation of {role}")
                if not machine.mute:
                    self.request(machine, role)

        self.at(moment, rotate)

    @staticmethod
    def installed(machine: Machine, role: Role) -> Leaf | None:
        """What lies on the disk."""
        return machine.disk.client if role is Role.KUBELET_CLIENT else machine.disk.serving

    def stop(self, machine: Machine) -> None:
        """The VM is deallocated; its Node object stays."""
        machine.on = False
        self.stop_node_agent(machine)
        self.change(machine, ready=False)

    def start(self, machine: Machine) -> None:
        """It runs again: with what lies on its disk, or with nothing where that has ended."""
        machine.on = True
        client = machine.disk.client
        valid = client is not None and client.not_after > self.now
        machine.served = machine.disk.serving if valid else None
        self.change(machine, ready=valid)
        self.start_node_agent(machine, self.now + 45)
        if not machine.mute:
            for role in (Role.KUBELET_CLIENT, Role.KUBELET_SERVING):
                self.plan(machine, role)

    def _lapse(self, machine: Machine, role: Role, leaf: Leaf) -> None:
        """A kubelet that cannot log in exits, again and again."""
        if self.machines.get(machine.name) is machine and self.installed(machine, role) is leaf:
            self.note(f"end of {role}")
        if role is Role.KUBELET_CLIENT and machine.disk.client is leaf and machine.on:
            machine.served = None
            self.change(machine, ready=False)

    # Requests

    def request(self, machine: Machine, role: Role, requestor: Requestor = Requestor.NODE) -> None:
        """The kubelet asks, and asks again until it has a certificate that was issued after this."""
        present = self.installed(machine, role)
        if self.machines.get(machine.name) is not machine or not machine.on or not self.api_up:
            if machine.on and not self.api_up:
                self.at(self.now + 5 * MINUTE, lambda: self.request(machine, role, requestor))
            return
        client = machine.disk.client
        if requestor is Requestor.NODE and (client is None or client.not_after < self.now):
            return
        name = f"csr-{machine.name[-6:]}-{next(self._count)}"
        user = f"system:node:{machine.name}" if requestor is Requestor.NODE else "system:bootstrap:abc123"
        csr = Csr(name, name, SIGNERS[role], user, requestor, machine.name, CsrCondition.PENDING, self.now)
        self._put(csr)
        answer = self.answers[csr.signer_name]

        def again() -> None:
            if self.installed(machine, role) is present:
                self.request(machine, role, requestor)

        if answer is not Answer.NONE:
            self.at(self.now + self.random.uniform(0.5, 3), lambda: self._answer(csr, machine, role, answer))
        if answer is not Answer.ISSUE:
            retry = REFUSED_RETRY if answer in {Answer.DENY, Answer.FAIL} else RETRY
            self.at(self.now + retry * self.random.uniform(1, 1.1), again)
        kept = 24 * HOUR if answer is Answer.NONE else HOUR
        self.at(self.now + kept, lambda: self._delete(csr.uid))

    def _answer(self, csr: Csr, machine: Machine, role: Role, answer: Answer) -> None:
        conditions = {
            Answer.ISSUE: CsrCondition.ISSUED,
            Answer.APPROVE: CsrCondition.APPROVED,
            Answer.DENY: CsrCondition.DENIED,
            Answer.FAIL: CsrCondition.FAILED,
        }
        if csr.uid not in self.csrs:
            return
        self._put(replace(csr, condition=conditions[answer], answered=self.now))
        if (
            answer is Answer.ISSUE
            and self.machines.get(machine.name) is machine
            and self.ca.not_after > self.now + HOUR
        ):
            leaf = self.leaf(machine, role, self.now)
            self.at(self.now + 0.5, lambda: self._install(machine, role, leaf))

    def _put(self, csr: Csr) -> None:
        self.csrs[csr.uid] = csr
        for watcher in self.watchers:
            watcher.csr_changed(csr, self.now, deleted=False)

    def _delete(self, uid: str) -> None:
        if csr := self.csrs.pop(uid, None):
            for watcher in self.watchers:
                watcher.csr_changed(csr, self.now, deleted=True)

    def lease(self, lease: Lease) -> float:
        """When it was last renewed: every few seconds, while somebody is there."""
        return self.silent_leases.get(lease, self.now - 2)

    # Agents

    def start_node_agent(self, machine: Machine, moment: float) -> None:
        """The DaemonSet puts its Pod there."""
        if self.machines.get(machine.name) is machine and machine.on and machine.pool not in AGENTLESS:
            number = next(self._count)
            instance = f"10.244.{number // 250 % 250}.{number % 250}:9964"
            self.pods.append(Pod(f"node-{number:05x}", Mode.NODE, instance, machine, moment))

    def stop_node_agent(self, machine: Machine) -> None:
        """The Pod ends."""
        for pod in self.pods:
            if pod.mode is Mode.NODE and pod.machine is machine and pod.ended == FOREVER:
                pod.ended = self.now

    def restart_node_agent(self, machine: Machine, pause: float = 40.0) -> None:
        """Another Pod takes the place of the first after so many seconds."""
        self.stop_node_agent(machine)
        self.at(self.now + pause, lambda: self.start_node_agent(machine, self.now))

    def _start_cluster_agent(self, machine: Machine) -> None:
        number = next(self._count)
        instance = f"10.245.{number // 250 % 250}.{number % 250}:9964"
        self.pods.append(Pod(f"cluster-{number:05x}", Mode.CLUSTER, instance, machine, self.now))

    def restart_cluster_agent(self, pause: float = 25.0) -> None:
        """The Deployment's one Pod is replaced, on a node that is there."""
        for pod in self.pods:
            if pod.mode is Mode.CLUSTER and pod.ended == FOREVER:
                pod.ended = self.now
        self.at(self.now + pause, self._place_cluster_agent)

    def _place_cluster_agent(self) -> None:
        present = [machine for machine in self.machines.values() if not machine.virtual]
        ready = [machine for machine in present if machine.joined and machine.disk.ca == self.ca]
        if ready:
            self._start_cluster_agent(ready[0])
        else:
            self.at(self.now + 30, self._place_cluster_agent)

    # Azure

    def say(self, state: str) -> None:
        """ARM's word for the cluster and its pool."""
        pools = tuple(replace(pool, provisioning_state=state) for pool in self.azure.pools)
        self.azure = replace(self.azure, provisioning_state=state, pools=pools)


def _rotation(*, rotates: bool) -> Rotation:
    return Rotation.ENABLED if rotates else Rotation.DISABLED
