"""What the sources of a cluster tell in, the facts of the cluster and of the sources out. Owned by one thread."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from exporter.agents.cluster.complaints import Complaints
from exporter.agents.cluster.observed_nodes import ObservedNodes
from exporter.facts.azure.managed_cluster import AzureCluster, AzureFacts
from exporter.facts.azure.provisioning_state import AzureSince
from exporter.facts.azure.serving_rotation import opted_out_nodes
from exporter.facts.certificate import Certificate
from exporter.facts.cluster import ClusterFacts, Endpoint
from exporter.facts.kube.believed import Believed, latest
from exporter.facts.kube.ca_bundle import CaBundle, CaHistory
from exporter.facts.kube.certificates_api import Counted
from exporter.facts.kube.csr import SIGNER_ROLES, Csr
from exporter.facts.kube.csr_ledger import CsrLedger, CsrTotals
from exporter.facts.kube.endpoint import ServedEndpoint, followed
from exporter.facts.kube.endpoint_target import EndpointTarget
from exporter.facts.kube.metadata import ObjectError
from exporter.facts.kube.node import Node
from exporter.facts.kube.node_view import Validity
from exporter.facts.kube.preflight import Preflight
from exporter.facts.kube.workload import WorkloadUse
from exporter.facts.node_observation import NodeObservation
from exporter.facts.source import Failure, SourceFacts, SourceLedger
from exporter.reason import Ca, Lease, Reason, Role, Source

__all__ = ["ClusterState"]

Bundles = list[CaBundle | None] | Failure


class ClusterState:
    """Keeps the last facts of each source, whether it still answers or not."""

    def __init__(self, sources: Iterable[Source]) -> None:
        self._version = 0
        self._sources = {source: SourceLedger(source) for source in sources}
        self._complaints = Complaints(source for source in self._sources if source is not Source.AZURE)
        self._csrs = CsrLedger()
        self._csrs_known = False
        self._nodes: dict[str, Node] | None = None
        self._cas: dict[Ca, tuple[Certificate, ...]] = {}
        self._history = CaHistory()
        self._bundles: dict[str, tuple[CaBundle, ...]] = {}
        self.leases: Mapping[Lease, float] = {}
        """Unix seconds of each lease's renewal, as believed. It is replaced as a whole: any thread may read it."""
        self.leases_ahead: Mapping[Lease, float] = {}
        """Seconds by which a lease claims to have been renewed ahead of both clocks; likewise."""
        self.offset: Callable[[], float | None] = lambda: None
        """Seconds that the API server's clock is ahead of ours; None while that is not known."""
        self._believed = Believed()
        self._endpoints: dict[str, Endpoint] = {}
        self.targets: Mapping[str, tuple[EndpointTarget, ...]] = {}
        """Whom the API server calls, by kind of object. It is replaced as a whole: any thread may read it."""
        self._served: dict[str, ServedEndpoint] = {}
        self._preflight: tuple[Preflight, ...] | None = None
        self._counted: Counted | None = None
        self._workloads: tuple[WorkloadUse, ...] | None = None
        self._created: float | None = None
        self._azure: AzureFacts | None = None
        self._azure_since = AzureSince()
        self.observed = ObservedNodes()

    @property
    def version(self) -> int:
        """Changes with every change of the facts but the leases, which change by themselves."""
        return self._version + self._csrs.version + self.observed.version

    def facts(self) -> ClusterFacts:
        """The cluster, as far as it is known."""
        csrs = self._csrs.totals() if self._csrs_known else None
        return ClusterFacts(
            csrs=csrs,
            nodes=None if self._nodes is None else tuple(self._nodes.values()),
            endpoints=tuple(self._endpoints.values()),
            served=None if Source.ENDPOINTS not in self._sources else tuple(self._served.values()),
            workloads=self._workloads,
            preflight=self._preflight,
            counted=self._counted,
            cas=dict(self._cas),
            former_cas=self._history.former,
            bundles=tuple(bundle for bundles in self._bundles.values() for bundle in bundles),
            leases=self.leases,
            leases_ahead=self.leases_ahead,
            created=self._created,
            azure=self._azure,
            observations=self._observations(csrs),
        )

    def _observations(self, csrs: CsrTotals | None) -> Mapping[str, NodeObservation] | None:
        if not {Source.KUBELETS, Source.NODE_AGENTS} & self._sources.keys():
            return None
        issued: dict[str, dict[Role, Validity]] = {}
        for one in csrs.nodes if csrs else ():
            if one.signer_name in SIGNER_ROLES and one.issued and (found := one.issued.certificate):
                validity = Validity(found.not_before, found.not_after)
                issued.setdefault(one.node, {})[SIGNER_ROLES[one.signer_name]] = validity
        nodes = self._nodes or {}
        pools = self._azure.cluster.pools if self._azure else ()
        opted_out = frozenset(opted_out_nodes(pools, nodes.values()))
        authorities = self._cas.get(Ca.CLUSTER, ())
        return self.observed.observations(nodes, authorities, lambda name: issued.get(name, {}), opted_out)

    def observation_judged(self, source: Source, asked: int, told: int, failure: Failure | None, now: float) -> None:
        """Whether a fleet answers: it does where any of it does, and where there is none of it."""
        if told or not asked:
            self.answered(source, now)
        elif failure is not None:
            self.failed(source, Failure(failure.reason, f"none of {asked} answered: {failure.words}"))

    def sources(self) -> tuple[SourceFacts, ...]:
        """How each source answers."""
        return tuple(ledger.facts() for ledger in self._sources.values())

    def answered(self, source: Source, now: float) -> None:
        """What is known from the source is true at `now`."""
        self._complaints.answered(source)
        self._sources[source].success(now)

    def failed(self, source: Source, *failures: Failure) -> None:
        """The source did not answer: the facts stay."""
        for failure in failures:
            self._sources[source].failure(failure.reason, failure.words)
        self._complaints.failed(source, failures)

    def overdue(self, seconds: float) -> None:
        """The agent has run for so many seconds: a source that was never heard of is down."""
        for ledger in self._sources.values():
            if ledger.facts().up is None:
                self.failed(ledger.source, Failure(Reason.TIMEOUT, f"no answer in the first {seconds:g} s"))

    def csrs_listed(self, csrs: Iterable[Csr], now: float) -> None:
        """All CSRs there are."""
        if not self._csrs_known:
            self._csrs_known = True
            self._version += 1
        self._csrs.begin_list()
        later = latest(now, self.offset())
        for csr in csrs:
            self._csrs.put(csr, now, latest=later)
        self._csrs.end_list(now)
        self.answered(Source.CSRS, now)

    def csr_changed(self, csr: Csr, now: float, *, deleted: bool) -> None:
        """One CSR is so now; with `deleted`, it was so at last."""
        self._csrs.put(csr, now, live=not deleted, latest=latest(now, self.offset()))
        if deleted:
            self._csrs.delete(csr.uid, now)

    def nodes_listed(self, nodes: Iterable[Node], now: float) -> None:
        """All nodes there are."""
        later = latest(now, self.offset())
        former, listed = self._nodes or {}, {node.name: self._dated(node, later) for node in nodes}
        for name in former.keys() - listed.keys():
            self._csrs.forget_node(name)
            self._believed.forget(name)
        self._csrs.know_nodes(listed)
        if self._nodes is None or former != listed:
            self._version += 1
        self._nodes = listed
        self.answered(Source.NODES, now)

    def node_changed(self, node: Node, now: float, *, deleted: bool) -> None:
        """One node is so now, or is gone. Heartbeats come here by the hundred and end here."""
        node = self._dated(node, latest(now, self.offset()))
        nodes = self._nodes if self._nodes is not None else {}
        if deleted:
            if nodes.pop(node.name, None) is not None:
                self._version += 1
                self._csrs.forget_node(node.name)
                self._believed.forget(node.name)
        elif nodes.get(node.name) != node:
            if node.name not in nodes:
                self._csrs.know_node(node.name)
            nodes[node.name] = node
            self._version += 1

    def tidied(self, now: float) -> None:
        """Time has passed: what is known of nodes long gone is dropped."""
        if self._nodes is not None:
            self._csrs.tidy(now)

    def config_maps_read(
        self,
        root: tuple[Certificate, ...] | Failure,
        authentication: Mapping[Ca, tuple[Certificate, ...] | ObjectError] | Failure,
        created: float | Failure,
        now: float,
    ) -> None:
        """The bundle of cluster CAs, the CAs of the API server, and kube-system's creation."""
        failures = [found for found in (root, authentication, created) if isinstance(found, Failure)]
        cas = dict(self._cas)
        if not isinstance(root, Failure):
            cas[Ca.CLUSTER] = root
            self._history.observe(root)
        if not isinstance(authentication, Failure):
            for ca in (Ca.CLIENT, Ca.REQUESTHEADER):
                found = authentication.get(ca)
                if found is None:
                    cas.pop(ca, None)
                elif isinstance(found, ObjectError):
                    failures.append(Failure(Reason.DECODE, str(found)))
                else:
                    cas[ca] = found
        if not isinstance(created, Failure):
            created = self._believed.time(Source.CONFIGMAPS, created, latest(now, self.offset()))
            self._changed(self._created != created)
            self._created = created
        self._changed(self._cas != cas)
        self._cas = cas
        self._outcome(Source.CONFIGMAPS, failures, now)

    def trust_anchors_seen(self, authorities: tuple[Certificate, ...]) -> None:
        """The cluster CAs that this agent itself was given, which change during a rotation too."""
        former = self._history.former
        if Ca.CLUSTER not in self._cas:
            self._history.observe(authorities)
        self._changed(self._history.former != former)

    def leases_read(self, found: Mapping[Lease, float | Failure], now: float) -> None:
        """When each lease was renewed. One that does not exist is an answer: this cluster has no such approver."""
        failures = []
        leases = dict(self.leases)
        later = latest(now, self.offset())
        for lease, renewed in found.items():
            if not isinstance(renewed, Failure):
                leases[lease] = self._believed.time(lease, renewed, later)
            elif renewed.reason is Reason.NOT_FOUND:
                leases.pop(lease, None)
                self._believed.forget(lease)
            else:
                failures.append(renewed)
        self.leases, known = leases, self.leases_ahead
        self.leases_ahead = {lease: ahead for lease in leases if (ahead := self._believed.ahead(lease))}
        self._outcome(Source.LEASES, failures, now)
        for lease, ahead in self.leases_ahead.items():
            words = f"the lease {lease} was renewed {ahead:.0f} s in the future: when it was first seen counts"
            self._sources[Source.LEASES].complaint(Reason.ERROR, words)
            if lease not in known:
                self._complaints.noted(Source.LEASES, words)

    def bundles_read(self, source: Source, found: Mapping[str, Bundles], now: float, *unreadable: Failure) -> None:
        """The caBundles of each kind. `unreadable`: objects that hide no other."""
        for kind, bundles in found.items():
            if not isinstance(bundles, Failure):
                present = tuple(bundle for bundle in bundles if bundle is not None)
                self._changed(self._bundles.get(kind) != present)
                self._bundles[kind] = present
        failures = [bundles for bundles in found.values() if isinstance(bundles, Failure)]
        self._outcome(source, [*failures, *unreadable], now)
        if Source.ENDPOINTS in self._sources:
            self._endpoints_judged(now)

    def endpoints_seen(self, seen: Iterable[Endpoint], now: float) -> None:
        """All addresses of the API server. One that did not answer keeps the certificate it last showed."""
        endpoints: dict[str, Endpoint] = {}
        for one in seen:
            former = self._endpoints.get(one.address)
            kept = one if one.failure is None or former is None else replace(former, failure=one.failure)
            endpoints[one.address] = kept
        self._changed(self._endpoints != endpoints)
        self._endpoints = endpoints
        failures = [one.failure for one in endpoints.values() if one.failure]
        self._outcome(Source.APISERVER, failures, now)
        for one in endpoints.values():
            if one.untrusted is not None and one.failure is None:
                self._sources[Source.APISERVER].complaint(one.untrusted, f"{one.address}: {one.untrusted}")

    def targets_read(self, found: Mapping[str, tuple[EndpointTarget, ...]]) -> None:
        """Whom the API server calls because of the objects of each kind that could be listed."""
        targets = {**self.targets, **found}
        if targets != self.targets:
            self.targets = targets

    def endpoint_told(self, look: ServedEndpoint, now: float) -> None:
        """What came of a look at one. That it did not answer is counted and shown, and no failure of this agent's."""
        key = look.target.key
        served = followed(self._served.get(key), look, now)
        self._changed(self._served.get(key) != served)
        self._served[key] = served
        self.answered(Source.ENDPOINTS, now)
        if look.failure is not None:
            self._sources[Source.ENDPOINTS].complaint(
                look.failure.reason, f"{look.target.address}: {look.failure.words}"
            )

    def endpoint_left(self, key: str) -> None:
        """The API server calls it no more."""
        self._changed(self._served.pop(key, None) is not None)

    def _endpoints_judged(self, now: float) -> None:
        """Whether it is known whom to look at: where there is nobody, that is an answer; where nobody knows, none."""
        lists = [one for one in self.sources() if one.source in {Source.WEBHOOKS, Source.APISERVICES}]
        if any(one.up is None for one in lists):
            return
        unknown = [one for one in lists if one.last_success is None]
        if unknown:
            words = f"whom the API server calls is not known: {unknown[0].last_error}"
            self.failed(Source.ENDPOINTS, Failure(Reason.ERROR, words))
        elif not any(self.targets.values()):
            self.answered(Source.ENDPOINTS, now)

    def workloads_read(self, uses: tuple[WorkloadUse, ...], failures: tuple[Failure, ...], now: float) -> None:
        """Who reads the retired path. What could not be listed hides what was known of it: it stays until it can."""
        if failures and self._workloads is not None:
            uses = tuple(dict.fromkeys((*uses, *self._workloads)))
        if uses or not failures:
            self._changed(self._workloads != uses)
            self._workloads = uses
        self._outcome(Source.WORKLOADS, list(failures), now)

    def preflight_asked(self, found: tuple[Preflight, ...] | Failure, now: float) -> None:
        """Whether the next certificate requests would be approved."""
        if isinstance(found, Failure):
            self.failed(Source.PREFLIGHT, found)
            return
        self._changed(self._preflight != found)
        self._preflight = found
        self.answered(Source.PREFLIGHT, now)

    def certificate_objects_counted(self, found: Counted) -> None:
        """PodCertificateRequests and ClusterTrustBundles. What could not be counted just now is not known."""
        self._changed(self._counted != found)
        self._counted = found

    def azure_read(self, found: AzureCluster | Failure, now: float) -> None:
        """What Resource Manager says."""
        if isinstance(found, Failure):
            self.failed(Source.AZURE, found)
            return
        self._azure_since.observe(found.states, now)
        facts = AzureFacts(found, self._azure_since.since(), self._azure_since.before())
        self._changed(self._azure != facts)
        self._azure = facts
        self.answered(Source.AZURE, now)

    def _dated(self, node: Node, later: float) -> Node:
        created = self._believed.time(node.name, node.created, later)
        return node if created == node.created else replace(node, created=created)

    def _outcome(self, source: Source, failures: list[Failure], now: float) -> None:
        if failures:
            self.failed(source, *failures)
        else:
            self.answered(source, now)

    def _changed(self, changed: bool) -> None:
        self._version += changed
