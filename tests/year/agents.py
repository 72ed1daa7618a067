"""A Pod of a simulated cluster in, the families of each scrape out: the real facts, state and families of the agents.

What the agents look at over the network is put in its place at the intervals of the agents themselves.
"""

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache

from exporter.agents.cluster.endpoint_looks import Looking
from exporter.agents.cluster.kube_sources import KUBE_SOURCES, Intervals
from exporter.agents.cluster.state import ClusterState
from exporter.agents.node import kubelet_probe
from exporter.agents.periodic import pause
from exporter.facts.cluster import ClusterFacts, Endpoint
from exporter.facts.kube.ca_bundle import CaBundle
from exporter.facts.kube.csr import Csr
from exporter.facts.kube.endpoint_target import EndpointTarget
from exporter.facts.kube.node import Node
from exporter.facts.node_document import NodeDocument, ToldRotation
from exporter.facts.rotation import DEADLINE, DUE
from exporter.facts.source import Failure, SourceFacts, SourceLedger
from exporter.families import cluster_agent, node_agent, source
from exporter.findings import Finding
from exporter.findings.cluster import cluster_findings
from exporter.findings.host import host_findings
from exporter.metric import Family
from exporter.reason import Ca, Lease, Mode, Reason, Role, Source
from exporter.sources.azure.access import next_look
from tests.year.disk import Disk
from tests.year.endpoints import seen
from tests.year.kubelet import KUBELETS, asked
from tests.year.leaves import Leaf
from tests.year.machine import ADDRESS, Pod
from tests.year.world import World

__all__ = ["ClusterAgent", "Look", "NodeAgent"]

Look = tuple[float, Callable[[float], float]]
"""When the next look is due, and the look: it says how long after it the next one is."""

DOWN = Failure(Reason.REFUSED, "connection refused")
UNTRUSTED = Failure(Reason.CERTIFICATE_UNTRUSTED, "certificate verify failed")


def _uncounted(sources: Iterable[SourceFacts]) -> Iterator[SourceFacts]:
    """Without the two hundred error counters, which no rule reads and which would be most of the work."""
    return (replace(one, errors={}) for one in sources)


@cache
def _document(disk: Disk) -> NodeDocument:
    """What its node agent says of the node, as far as the cluster agent concludes anything from it."""
    found = [(Role.KUBELET_CLIENT, None if disk.client_static else disk.client)]
    found.append((Role.KUBELET_SERVING, disk.serving if disk.serving_rotation else None))
    rotation = tuple(
        ToldRotation(role, "enabled", leaf.at(DUE), leaf.at(DEADLINE)) if leaf else ToldRotation(role, "unknown")
        for role, leaf in found
    )
    return NodeDocument(disk.name, (), rotation, b"")


class NodeAgent:
    """What exporter.agents.node.agent does, on a simulated disk and kubelet_probe."""

    def __init__(self, pod: Pod, draw: random.Random) -> None:
        self._machine = pod.machine
        self._ledger = SourceLedger(Source.KUBELET)
        self._served: tuple[Leaf | None, Leaf | None] = (None, None)
        self._told: Leaf | None = None
        self._phase = draw.uniform(0, kubelet_probe.PERIOD)

    def looks(self, now: float) -> Iterator[Look]:
        """The kubelet's port, at once and then every minute."""
        self.look(now)
        yield now + self._phase, self.look

    def look(self, now: float) -> float:
        served = self._machine.served
        self._served = (served, self._machine.disk.serving)
        if served is None:
            self._ledger.failure(Reason.REFUSED)
        else:
            self._ledger.success(now)
        return kubelet_probe.PERIOD

    def scraped(self) -> bool:
        """Whether the wire is to be looked at again, because the file has changed."""
        changed = self._machine.disk.serving != self._told
        self._told = self._machine.disk.serving
        return changed

    def state(self) -> tuple[Disk, Leaf | None, Leaf | None]:
        """What the steady families depend on."""
        return self._machine.disk, *self._served

    def steady(self) -> Iterator[Family]:
        """What changes when the state does."""
        disk, served, installed = self.state()
        for part in node_agent.steady(disk.facts(served, installed)):
            yield from part.families()

    def fresh(self) -> Iterator[Family]:
        """What changes with every look."""
        sources = tuple(_uncounted((self._ledger.facts(),)))
        yield from node_agent.settled(self._machine.name, sources, "unknown")
        yield from node_agent.fresh(self._machine.name, sources)

    def findings(self, now: float) -> tuple[Finding, ...]:
        """What its page says."""
        disk, served, installed = self.state()
        return host_findings(disk.facts(served, installed), (self._ledger.facts(),), now)


class ClusterAgent:
    """What exporter.agents.cluster.agent and kube_sources do, on a simulated API server and ARM."""

    def __init__(self, world: World, pod: Pod, draw: random.Random) -> None:
        self._world, self._pod, self._draw = world, pod, draw
        self._every = Intervals()
        called = (Source.ENDPOINTS,) if world.called else ()
        asked = (*KUBE_SOURCES, Source.KUBELETS if world.asks_kubelets else Source.NODE_AGENTS, *called)
        self._due: dict[str, float] = {}
        self._authorities = pod.machine.disk.ca.bundle
        self._state = ClusterState((*asked, Source.AZURE) if world.azure_asked else asked)
        self._anchors = pod.machine.disk.ca
        self._listed = False
        self._reached = False
        self._failures: dict[Source, int] = {}
        self._state.offset = lambda: world.clock_offset if self._reached else None
        world.watchers.append(self)

    def close(self) -> None:
        self._world.watchers.remove(self)

    def looks(self, now: float) -> Iterator[Look]:
        """Each at once, and then in its own time."""
        every: list[Callable[[float], float]] = [self.watch, self._config_maps, self._leases, self._bundles]
        every += [self._endpoints, self._kubelets if self._world.asks_kubelets else self._node_agents]
        if self._world.called:
            every.append(self._called)
        if self._world.azure_asked:
            every.append(self._azure)
        for look in every:
            yield now + look(now), look

    def csr_changed(self, found: Csr, now: float, *, deleted: bool) -> None:
        if self._listed:
            self._state.csr_changed(found, now, deleted=deleted)
            self._state.answered(Source.CSRS, now)
            if found.node in self._due:
                self._due[found.node] = min(self._due[found.node], now + 2)

    def node_changed(self, found: Node, *, deleted: bool) -> None:
        if self._listed:
            self._state.node_changed(found, self._world.now, deleted=deleted)

    @property
    def version(self) -> int:
        """Changes when the steady families do."""
        return self._state.version

    def steady(self) -> Iterator[Family]:
        """What changes when the version does."""
        yield from cluster_agent.steady(self._facts())
        yield from cluster_agent.settled((), "unknown")

    def fresh(self) -> Iterator[Family]:
        """What changes with every look."""
        sources = tuple(_uncounted(self._state.sources()))
        yield from cluster_agent.fresh(self._facts(), sources)
        yield from source.outcomes(sources)

    def findings(self, now: float) -> tuple[Finding, ...]:
        """What its page says."""
        return cluster_findings(self._facts(), self._state.sources(), now)

    def _facts(self) -> ClusterFacts:
        offset = self._world.clock_offset if self._reached else None
        return replace(self._state.facts(), leases=self._state.leases, clock_offset=offset)

    def _failure(self) -> Failure | None:
        """Why the API server cannot be asked. A mounted CA follows its node's, which follows no rotation."""
        if not self._world.api_up:
            return DOWN
        if self._world.api.ca != self._anchors:
            return UNTRUSTED
        if self._world.api.not_after < self._world.now:
            return Failure(Reason.CERTIFICATE_EXPIRED, "certificate has expired")
        self._reached = True
        return None

    def _next(self, which: Source, interval: float, failure: Failure | None) -> float:
        count = self._failures[which] = 0 if failure is None else self._failures.get(which, 0) + 1
        return pause(interval, count)

    def watch(self, now: float) -> float:
        """Lists and watches."""
        failure = self._failure()
        for which in (Source.CSRS, Source.NODES):
            if failure is not None:
                self._state.failed(which, failure)
            elif self._listed:
                self._state.answered(which, now)
        if failure is None and not self._listed:
            self._state.csrs_listed(self._world.csrs.values(), now)
            self._state.nodes_listed(self._world.nodes, now)
        self._listed = failure is None
        self._state.tidied(now)
        return self._next(Source.NODES, 60.0, failure)  # a bookmark comes about every minute

    def _config_maps(self, now: float) -> float:
        failure = self._failure()
        world = self._world
        self._authorities = self._authorities if failure else world.root_ca.bundle
        self._state.config_maps_read(
            failure or world.root_ca.bundle,
            failure or {Ca.CLIENT: world.ca.bundle, Ca.REQUESTHEADER: world.requestheader_ca.bundle},
            failure or world.created,
            now,
        )
        return self._next(Source.CONFIGMAPS, self._every.config_maps, failure)

    def _leases(self, now: float) -> float:
        failure = self._failure()
        self._state.leases_read({lease: failure or self._world.lease(lease) for lease in Lease}, now)
        return self._next(Source.LEASES, self._every.leases, failure)

    def _bundles(self, now: float) -> float:
        failure, bundle = self._failure(), self._world.webhook_ca.bundle
        kind = "ValidatingWebhookConfiguration"
        webhooks: list[CaBundle | None] = [CaBundle(kind, "aks-node-validating-webhook", bundle)]
        services: list[CaBundle | None] = [CaBundle("APIService", "v1beta1.metrics.k8s.io", bundle)]
        self._state.bundles_read(Source.WEBHOOKS, {kind: failure or webhooks}, now)
        self._state.bundles_read(Source.APISERVICES, {"APIService": failure or services}, now)
        return self._next(Source.WEBHOOKS, self._every.bundles, failure)

    def _endpoints(self, now: float) -> float:
        world = self._world
        if world.api_up:
            served = world.api.chain[0]
            untrusted = None
            if world.api.ca != self._anchors:
                untrusted = Reason.CERTIFICATE_UNTRUSTED
            elif world.api.not_after < now:
                untrusted = Reason.CERTIFICATE_EXPIRED
            endpoint = Endpoint(ADDRESS, served, untrusted is None, untrusted)
        else:
            endpoint = Endpoint(ADDRESS, None, None, failure=DOWN)
        self._state.trust_anchors_seen(self._anchors.bundle)
        self._state.endpoints_seen([endpoint], now)
        return self._next(Source.APISERVER, self._every.apiserver, endpoint.failure)

    def _called(self, now: float) -> float:
        """A handshake with each."""
        called = self._world.called.values()
        targets: dict[str, tuple[EndpointTarget, ...]] = {}
        for one in called:
            targets[one.target.kind] = (*targets.get(one.target.kind, ()), one.target)
        self._state.targets_read(targets)
        for one in called:
            self._state.endpoint_told(seen(one, now), now)
        return Looking().interval

    def _node_agents(self, now: float) -> float:
        """Each is asked every minute for what it says of its node."""
        there = {pod.machine.name: pod for pod in self._world.pods if pod.mode is Mode.NODE and pod.ended > now}
        observed = self._state.observed
        for node in self._world.nodes:
            pod = there.get(node.name)
            if pod is None:
                observed.agent_left(node.name)
            elif pod.machine.on and now >= pod.started:
                observed.agent_told(_document(pod.machine.disk), now)
            else:
                observed.agent_silent(node.name, DOWN, now)
        self._state.observation_judged(Source.NODE_AGENTS, len(there), len(there), None, now)
        return 60.0

    def _kubelets(self, now: float) -> float:
        """Each kubelet every five minutes or so, and again soon where it does not answer or its requests change."""
        observed, world = self._state.observed, self._world
        nodes = {node.name for node in world.nodes if not node.virtual} if self._listed else set(self._due)
        for gone in self._due.keys() - nodes:
            del self._due[gone]
            observed.kubelet_left(gone)
        for name in nodes:
            machine = world.machines.get(name)
            if machine is None or self._due.get(name, now) > now:
                continue
            report = asked(machine, self._authorities, now)
            observed.kubelet_told(report, now)
            self._due[name] = now + (KUBELETS if report.told else 60) * self._draw.uniform(0.9, 1.1)
        self._state.observation_judged(Source.KUBELETS, *observed.kubelet_failures(), now)
        return 15.0

    def _azure(self, now: float) -> float:
        if self._world.azure_answers:
            self._state.azure_read(self._world.azure, now)
        else:
            self._state.azure_read(Failure(Reason.FORBIDDEN, "AuthorizationFailed"), now)
        return next_look(self._world.azure, None, self._draw.random())
