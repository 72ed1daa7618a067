"""The Kubernetes API's answers in, work for the owner of the cluster's state out: two watches and regular looks."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from exporter.agents.cluster.apiserver_probe import Address, authorities, look_at_endpoint
from exporter.agents.cluster.ca_bundles import Found, api_service_bundles, webhook_bundles
from exporter.agents.cluster.state import ClusterState
from exporter.agents.periodic import Periodic
from exporter.facts.certificate import Certificate
from exporter.facts.kube.config_map_ca import authentication_cas, root_ca
from exporter.facts.kube.csr import Csr, csr
from exporter.facts.kube.lease import lease_renewed
from exporter.facts.kube.metadata import created
from exporter.facts.kube.node import Node, node
from exporter.facts.kube.reader import Change, Reader
from exporter.facts.source import Failure
from exporter.reason import Lease, Source
from exporter.sources.azure.access import OPERATING, STEADY
from exporter.sources.bug import bug
from exporter.sources.kube import resource
from exporter.sources.kube.connection import Connection
from exporter.sources.kube.listing import Listing
from exporter.sources.kube.resource import Resource
from exporter.sources.kube.watch import Backoff, Watcher

__all__ = ["KUBE_SOURCES", "Intervals", "KubeSources"]

F = TypeVar("F")
Post = Callable[[Callable[[], None]], None]

KUBE_SOURCES = (
    Source.CSRS,
    Source.NODES,
    Source.CONFIGMAPS,
    Source.LEASES,
    Source.WEBHOOKS,
    Source.APISERVICES,
    Source.APISERVER,
)


@dataclass(frozen=True, slots=True)
class Intervals:
    """Seconds between two looks."""

    config_maps: float = 60.0
    leases: float = 30.0
    bundles: float = 300.0
    apiserver: float = 60.0
    workloads: float = 600.0
    preflight: float = 300.0
    watch: float = 300.0
    """How long a watch lasts at least."""
    probe_timeout: float = 5.0
    """How long a look at one address of the API server may take."""
    backoff: float = 0.8
    """From a watch's first failure to the next try; it grows from there."""
    azure: float = STEADY
    azure_operating: float = OPERATING
    """While Azure works on the cluster."""
    first_answer: float = 60.0
    """After so long a source that was never heard of is down."""
    azure_without_nodes: float = 5.0
    """While it takes a node to find out which cluster this is, and none is known yet."""


@dataclass(slots=True)
class _Sink(Generic[F]):
    """Passes on what a watcher tells, as work for the owner."""

    post: Callable[[Source, Callable[[], None]], None]
    state: ClusterState
    source: Source
    on_list: Callable[[list[F], float], None]
    on_change: Callable[[Change, F, float], None]
    on_recovery: Callable[[], None]
    failing: bool = False

    def listed(self, items: list[F], now: float) -> None:
        self.post(self.source, lambda: self.on_list(items, now))
        self._recovered()

    def changed(self, change: Change, item: F, now: float) -> None:
        self.post(self.source, lambda: self.on_change(change, item, now))

    def answered(self, now: float) -> None:
        self.post(self.source, lambda: self.state.answered(self.source, now))
        self._recovered()

    def failed(self, failure: Failure) -> None:
        self.failing = True
        self.post(self.source, lambda: self.state.failed(self.source, failure))

    def _recovered(self) -> None:
        if self.failing:
            self.failing = False
            self.on_recovery()


class KubeSources:
    """Everything asked of one API server."""

    def __init__(
        self,
        connection: Connection,
        state: ClusterState,
        post: Post,
        addresses: Callable[[], tuple[Address, ...]],
        intervals: Intervals,
        *,
        in_pod: bool = False,
        conversions: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`post` hands work to the state's owner. `addresses` are those of the API server to look at. `in_pod`: the
        connection trusts what the kubelet mounts, as all clients in the cluster do; a kubeconfig may trust others.
        """
        self._connection, self._state, self._post = connection, state, post
        self._addresses, self._intervals, self._clock = addresses, intervals, clock
        self._in_pod, self._conversions = in_pod, conversions
        self._root: tuple[Certificate, ...] = ()
        self.on_node_request: Callable[[str], None] = lambda _: None
        """Told of a node whose certificate request changed."""
        watch_csrs: Watcher[Csr] = self._watcher(
            resource.CERTIFICATE_SIGNING_REQUESTS, csr, Source.CSRS, state.csrs_listed, self._csr_changed
        )
        watch_nodes: Watcher[Node] = self._watcher(
            resource.NODES, node, Source.NODES, state.nodes_listed, self._node_changed
        )
        self._of_config_maps = Periodic("config maps", intervals.config_maps, self.look_at_config_maps)
        self._of_trust = (
            Periodic("webhooks", intervals.bundles, self.look_at_webhooks),
            Periodic("apiservices", intervals.bundles, self.look_at_api_services),
            Periodic("apiserver", intervals.apiserver, self.look_at_endpoints),
        )
        leases = Periodic("leases", intervals.leases, self.look_at_leases)
        self._looks = (self._of_config_maps, leases, *self._of_trust)
        self._watches = (watch_csrs, watch_nodes)
        self._parts: tuple[Watcher[Csr] | Watcher[Node] | Periodic, ...] = (*self._watches, *self._looks)
        connection.on_other_authorities = self._authorities_changed
        state.offset = lambda: connection.clock_offset

    def start(self) -> None:
        """Begin to ask."""
        for part in self._parts:
            part.start()

    def stop(self) -> None:
        """End: what waits is cut short."""
        for part in self._parts:
            part.stop()
        self._connection.close()

    def look_at_csrs(self) -> list[Csr] | Failure:
        """All CSRs, once; start() watches them."""
        return self._listed(resource.CERTIFICATE_SIGNING_REQUESTS, csr, self._state.csrs_listed)

    def look_at_nodes(self) -> list[Node] | Failure:
        """All nodes, likewise."""
        return self._listed(resource.NODES, node, self._state.nodes_listed)

    def look_at_config_maps(self) -> bool:
        """The CAs and the cluster's age. This and the other looks say whether all of it went well."""
        return self._surviving(Source.CONFIGMAPS, self._config_maps)

    def look_at_leases(self) -> bool:
        """Whether anybody is there to approve and sign."""
        return self._surviving(Source.LEASES, self._leases)

    def look_at_webhooks(self) -> bool:
        """The caBundles of webhooks: those of admission, and of conversion where that is wanted."""
        return self._surviving(
            Source.WEBHOOKS,
            lambda: self._bundles(Source.WEBHOOKS, webhook_bundles(self._connection, conversions=self._conversions)),
        )

    def look_at_api_services(self) -> bool:
        """The caBundles of APIServices."""
        return self._surviving(
            Source.APISERVICES, lambda: self._bundles(Source.APISERVICES, api_service_bundles(self._connection))
        )

    def look_at_endpoints(self) -> bool:
        """What the API server serves at each of its addresses."""
        return self._surviving(Source.APISERVER, self._endpoints)

    def _config_maps(self) -> bool:
        get = self._connection.get
        root = get(resource.ROOT_CA.object_path(*resource.ROOT_CA.names), root_ca)
        authentication = get(resource.AUTHENTICATION.object_path(*resource.AUTHENTICATION.names), authentication_cas)
        creation = get(resource.KUBE_SYSTEM.object_path(*resource.KUBE_SYSTEM.names), created)
        if not isinstance(root, Failure) and root != self._root:
            self._root = root
            self._trust_changed()
        now = self._clock()
        self._tell(Source.CONFIGMAPS, lambda: self._state.config_maps_read(root, authentication, creation, now))
        return not any(isinstance(found, Failure) for found in (root, authentication, creation))

    def _leases(self) -> bool:
        found = {lease: self._connection.get(resource.LEASES.object_path(lease), lease_renewed) for lease in Lease}
        now = self._clock()
        self._tell(Source.LEASES, lambda: self._state.leases_read(found, now))
        return not all(isinstance(renewed, Failure) for renewed in found.values())

    def _bundles(self, source: Source, found: Found) -> bool:
        now = self._clock()
        lists = {kind: one for kind, one in found.items() if isinstance(one, Listing)}
        unreadable = [failure for one in lists.values() for failure in one.unreadable.values()]
        bundles = {
            kind: one if isinstance(one, Failure) else [called.bundle for called in one] for kind, one in found.items()
        }
        targets = {kind: tuple(target for called in one for target in called.targets) for kind, one in lists.items()}

        def tell() -> None:
            self._state.targets_read(targets)
            self._state.bundles_read(source, bundles, now, *unreadable)

        self._tell(source, tell)
        return not any(isinstance(one, Failure) for one in found.values())

    def _endpoints(self) -> bool:
        anchors = authorities(self._connection)
        trust = ((anchors or self._root) if self._in_pod else (self._root or anchors)) or None
        timeout = self._intervals.probe_timeout
        seen = {address: look_at_endpoint(address, self._connection, trust, timeout) for address in self._addresses()}
        now = self._clock()

        def tell() -> None:
            self._state.trust_anchors_seen(anchors)
            self._state.endpoints_seen(seen.values(), now)

        self._tell(Source.APISERVER, tell)
        asked = seen.get(self._connection.server)
        if asked is not None and asked.failure is not None:
            for watch in self._watches:  # a server that was stopped leaves its connections open, and silent
                watch.doubt()
        return not any(one.failure for one in seen.values())

    def _authorities_changed(self) -> None:
        self._of_config_maps.again()
        self._trust_changed()

    def _trust_changed(self) -> None:
        """During `az aks rotate-certs` what is served and who trusts it changes in the same minutes."""
        for look in self._of_trust:
            look.again()

    def _recovered(self) -> None:
        """The API server answers again: whatever failed meanwhile need not wait for its turn."""
        for look in self._looks:
            look.retry()

    def _tell(self, source: Source, work: Callable[[], None]) -> None:
        """Post work that makes facts of the source's answer; an exception there is the source's failure, too."""

        def surviving() -> None:
            try:
                work()
            except Exception as error:  # noqa: BLE001 - a source always answers
                self._state.failed(source, bug(source, error))

        self._post(surviving)

    def _surviving(self, source: Source, look: Callable[[], bool]) -> bool:
        try:
            return look()
        except Exception as error:  # noqa: BLE001 - a source always answers
            failure = bug(source, error)
            self._post(lambda: self._state.failed(source, failure))
            return False

    def _watcher(
        self,
        what: Resource,
        read: Reader[F],
        source: Source,
        on_list: Callable[[list[F], float], None],
        on_change: Callable[[Change, F, float], None],
    ) -> Watcher[F]:
        sink = _Sink(self._tell, self._state, source, on_list, on_change, self._recovered)
        return Watcher(
            self._connection,
            what,
            read,
            sink,
            watch_seconds=self._intervals.watch,
            clock=self._clock,
            backoff=Backoff(first=self._intervals.backoff, largest=max(30.0 * self._intervals.backoff / 0.8, 0.1)),
        )

    def _listed(self, what: Resource, read: Reader[F], on_list: Callable[[list[F], float], None]) -> list[F] | Failure:
        found: Listing[F] | Failure
        try:
            found = self._connection.list_all(what.path, read)
        except Exception as error:  # noqa: BLE001 - a source always answers
            found = bug(what.source, error)
        now = self._clock()

        def tell() -> None:
            if isinstance(found, Failure):
                self._state.failed(what.source, found)
                return
            on_list(found, now)
            if found.unreadable:
                self._state.failed(what.source, *found.unreadable.values())

        self._tell(what.source, tell)
        return found

    def _csr_changed(self, change: Change, item: Csr, now: float) -> None:
        self._state.csr_changed(item, now, deleted=change is Change.DELETED)
        if item.node:  # none is known of what anybody else than a node asked for
            self.on_node_request(item.node)

    def _node_changed(self, change: Change, item: Node, now: float) -> None:
        self._state.node_changed(item, now, deleted=change is Change.DELETED)
