"""The cluster agent: one API server and Azure in, metrics and a page about the whole cluster out."""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from prometheus_client import PlatformCollector, ProcessCollector

from exporter import logs
from exporter.agents import memory
from exporter.agents.cluster.apiserver_probe import Address, authorities, shown
from exporter.agents.cluster.azure_look import AzureLook
from exporter.agents.cluster.certificates_api import CertificatesApiLooks
from exporter.agents.cluster.endpoint_looks import EndpointLooks, Looking, resolved
from exporter.agents.cluster.kube_sources import KUBE_SOURCES, Intervals, KubeSources
from exporter.agents.cluster.node_looks import KubeletLooks, NodeAgentLooks, Observing
from exporter.agents.cluster.preflight import PreflightLooks
from exporter.agents.cluster.state import ClusterState
from exporter.agents.cluster.workloads import WorkloadLooks
from exporter.agents.revision import revision
from exporter.agents.state_thread import StateThread
from exporter.documents.cluster_document import cluster_document
from exporter.documents.encoding import encoded
from exporter.facts.azure.resource_id import ResourceId, managed_cluster_id
from exporter.facts.cluster import ClusterFacts
from exporter.facts.source import SourceFacts
from exporter.families import cluster_agent as families
from exporter.findings.cluster import cluster_findings
from exporter.metric import Family, Part
from exporter.pages.cluster_page import cluster_page
from exporter.pages.findings_list import OWN_RUNBOOKS
from exporter.pages.runbook_page import runbook_document
from exporter.pages.style import html_document
from exporter.pages.told_node_page import told_node_page
from exporter.reason import Ca, Mode, Source
from exporter.settings import Settings, SettingsError
from exporter.sources.azure.access import azure_wanted, next_look
from exporter.sources.kube.connection import Connection, Kubeconfig, ServiceAccount
from exporter.sources.kube.failure import ApiError
from exporter.web.cache import CachedExposition
from exporter.web.document import Document, Reader
from exporter.web.exposition import Payload
from exporter.web.server import WebServer

if TYPE_CHECKING:
    # The Azure SDK costs 30 MiB: it is imported where Azure is asked for.
    from exporter.sources.azure.managed_cluster import AzureSource

__all__ = ["ClusterAgent", "agent_over", "cluster_agent", "kube_connection", "run"]

log = logging.getLogger(__name__)

Looks = KubeletLooks | NodeAgentLooks | EndpointLooks | WorkloadLooks | PreflightLooks | CertificatesApiLooks
"""What is looked at beside the Kubernetes API's own objects and Azure."""


class ClusterAgent:
    """Follows one cluster from start() to stop()."""

    mode = Mode.CLUSTER

    def __init__(
        self,
        connection: Connection,
        *,
        addresses: tuple[Address, ...] = (),
        azure: "AzureSource | None" = None,
        azure_id: ResourceId | None = None,
        in_pod: bool = False,
        intervals: Intervals | None = None,
        observing: Observing | None = None,
        looking: Looking | None = None,
        workloads: bool = False,
        preflight: bool = False,
        settle: float = 0.2,
        clock: Callable[[], float] = time.time,
        runbooks: str = "",
        grafana: str = "",
    ) -> None:
        """`addresses` of the API server to look at; none: the one that is talked to and those that Azure names.
        `azure_id` is the cluster to ask Azure about; None: the one that the nodes belong to. `in_pod`: the connection
        is the Pod's own. `observing`: whether and how node agents and kubelets are asked. `looking`: whether and how
        what the API server calls is looked at. `workloads`: whether those that read a retired path are looked for.
        `preflight`: whether the API server is asked if the next certificate requests would be approved. `runbooks`: the
        base of links to them; empty: its own. `grafana`: where it is; empty: there is none. Raises SettingsError.
        """
        self._runbooks, self._grafana = runbooks, grafana
        self._connection, self._wanted, self._clock = connection, addresses, clock
        observing, looking = observing or Observing(), looking or Looking()
        asked_for = (*((Source.WORKLOADS,) if workloads else ()), *((Source.PREFLIGHT,) if preflight else ()))
        azure_sources = (Source.AZURE,) if azure is not None else ()
        self._state = ClusterState((*KUBE_SOURCES, *azure_sources, *observing.sources, *looking.sources, *asked_for))
        self._published_version, self._publication = -1, 0
        self._shown: frozenset[str] = frozenset()
        self._published = ClusterFacts()
        self._cache = CachedExposition(self._steady, self._settled, self._fresh)
        self._owner = StateThread("facts", self._changed, self._publish, settle=settle, idle=self._tidy)
        self._kube = KubeSources(
            connection,
            self._state,
            self._owner.post,
            self._addresses,
            intervals or Intervals(),
            in_pod=in_pod,
            conversions=looking.enabled,
            clock=clock,
        )
        self._looks: tuple[Looks, ...] = self._node_looks(observing)
        if looking.enabled:
            self._looks += (EndpointLooks(self._state, self._owner.post, looking, clock),)
        if workloads:
            every = (intervals or Intervals()).workloads
            self._looks += (WorkloadLooks(connection, self._state, self._owner.post, every, clock),)
        often = intervals or Intervals()
        if preflight:
            self._looks += (
                PreflightLooks(
                    connection, self._state, self._owner.post, lambda: self._published, often.preflight, clock
                ),
            )
        self._looks += (CertificatesApiLooks(connection, self._state, self._owner.post, often.bundles, clock),)
        self._azure: AzureLook | None = None
        if azure is not None:
            self._azure = AzureLook(
                azure,
                azure_id,
                self._provider_id,
                self._state,
                self._owner,
                clock,
                pause=partial(next_look, steady=often.azure, operating=often.azure_operating),
                without_nodes=often.azure_without_nodes,
            )
        first_answer = (intervals or Intervals()).first_answer
        overdue = partial(self._owner.post, partial(self._state.overdue, first_answer))
        self._overdue = threading.Timer(first_answer, overdue)
        self._overdue.daemon = True
        # Without a registry: these two are collected together with everything else.
        self._process, self._platform = ProcessCollector(registry=None), PlatformCollector(registry=None)

    def start(self) -> None:
        """Begin to look."""
        self._overdue.start()
        self._owner.start()
        self._kube.start()
        for looks in self._looks:
            looks.start()
        if self._azure is not None:
            self._azure.start()

    def stop(self) -> None:
        """End every thread."""
        self._overdue.cancel()
        if self._azure is not None:
            self._azure.stop()
        for looks in self._looks:
            looks.stop()
        self._kube.stop()
        self._owner.stop()

    def _node_looks(self, observing: Observing) -> tuple[KubeletLooks | NodeAgentLooks, ...]:
        found: list[KubeletLooks | NodeAgentLooks] = []
        if observing.kubelets:
            kubelets = KubeletLooks(
                self._connection,
                self._state,
                self._owner.post,
                lambda: self._published.nodes,
                lambda: self._published.cas.get(Ca.CLUSTER) or authorities(self._connection),
                observing,
                self._clock,
            )
            self._kube.on_node_request = kubelets.soon
            found.append(kubelets)
        if observing.service is not None:
            found.append(NodeAgentLooks(self._connection, self._state, self._owner.post, observing, self._clock))
        return tuple(found)

    @property
    def server(self) -> str:
        """HOST:PORT of the API server that is asked."""
        return shown(self._connection.server)

    @property
    def facts(self) -> ClusterFacts:
        """The cluster now."""
        offset = self._connection.clock_offset
        return replace(
            self._published, leases=self._state.leases, leases_ahead=self._state.leases_ahead, clock_offset=offset
        )

    def sources(self) -> tuple[SourceFacts, ...]:
        """How each source answers."""
        return self._state.sources()

    def exposition(self, accept: str, gzip: bool) -> Payload:
        """The scrape for a client with this Accept header."""
        return self._cache.payload(accept, gzipped=gzip)

    def at_once(self, accept: str, gzip: bool) -> Payload | None:
        """Never: to put together 2 MiB takes longer than the probes should wait."""
        return None

    def unanswered(self) -> tuple[str, ...]:
        """Sources without a first answer, and those whose first answer a scrape does not show yet."""
        waiting = self._changed()
        return tuple(
            facts.source
            for facts in self.sources()
            if facts.up is None or (facts.up and waiting and facts.source not in self._shown)
        )

    @property
    def documents(self) -> Mapping[str, Reader]:
        """What it says beside its metrics, by path."""
        return {
            "/": self._page,
            "/facts": self._document,
            "/nodes/": self._node,
            "/runbooks/": self._runbook,
        }

    def _page(self, _name: str, query: Mapping[str, str]) -> Document:
        return html_document(self.page(query))

    def _document(self, _name: str, _query: Mapping[str, str]) -> Document:
        now = self._clock()
        facts, sources = self.facts, self.sources()
        findings = cluster_findings(facts, sources, now)
        runbooks = self._runbooks or f"/{OWN_RUNBOOKS}"
        return encoded(cluster_document(facts, findings, sources, now, name=self.server, runbooks=runbooks))

    def _node(self, name: str, query: Mapping[str, str]) -> Document | None:
        now = self._clock()
        facts = self.facts
        findings = cluster_findings(facts, (), now)
        page = told_node_page(facts, findings, name, now, query=query, runbooks=self._runbooks, grafana=self._grafana)
        return html_document(page) if page is not None else None

    def _runbook(self, name: str, _query: Mapping[str, str]) -> Document | None:
        return runbook_document(name, self._clock())

    def page(self, query: Mapping[str, str]) -> str:
        """The cluster's page; `query` filters its nodes."""
        now = self._clock()
        facts, sources = self.facts, self.sources()
        findings = cluster_findings(facts, sources, now)
        runbooks = self._runbooks or OWN_RUNBOOKS
        links = {"runbooks": runbooks, "grafana": self._grafana}
        return cluster_page(facts, findings, sources, now, server=self.server, query=query, **links)

    def _changed(self) -> bool:
        return self._state.version != self._published_version

    def _tidy(self) -> None:
        self._state.tidied(self._clock())
        memory.collect()

    def _publish(self) -> None:
        version = self._state.version
        answered = frozenset(facts.source for facts in self.sources() if facts.up)
        self._published, self._publication = self._state.facts(), self._publication + 1
        self._cache.refresh()
        self._published_version, self._shown = version, answered

    def _addresses(self) -> tuple[Address, ...]:
        if self._wanted:
            return self._wanted
        known = self._published.azure
        return tuple(dict.fromkeys((self._connection.server, *(known.cluster.addresses if known else ()))))

    def _provider_id(self) -> str | None:
        """That of any node of Azure's; of any node where none is; None while no node is known."""
        nodes = self._published.nodes or ()
        found = [node.provider_id for node in nodes if node.provider_id]
        return next((one for one in found if one.startswith("azure:")), found[0] if found else None)

    def _steady(self) -> tuple[Part, ...]:
        published = self._published
        return (Part(self._publication, lambda: families.steady(published)),)

    def _settled(self) -> Part:
        sources = self.sources()
        key = tuple((facts.up, tuple(facts.errors.values())) for facts in sources)
        return Part(key, lambda: chain(families.settled(sources, revision()), self._platform.collect()))

    def _fresh(self) -> Iterator[Family]:
        return chain(families.fresh(self.facts, self.sources()), self._process.collect())


def cluster_agent(settings: Settings) -> ClusterAgent:
    """The agent that the settings describe, not yet looking. Raises SettingsError."""
    return agent_over(kube_connection(settings), settings)


def agent_over(connection: Connection, settings: Settings) -> ClusterAgent:
    """The same over a connection that is there already."""
    source = azure_id = None
    if azure_wanted(settings.azure_enabled, settings.azure_resource_id, os.environ):
        from exporter.sources.azure.managed_cluster import AzureSource

        source = AzureSource(settings.azure_endpoint)
        azure_id = managed_cluster_id(settings.azure_resource_id) if settings.azure_resource_id else None
    return ClusterAgent(
        connection,
        addresses=settings.apiserver_address,
        azure=source,
        azure_id=azure_id,
        in_pod=settings.kubeconfig is None,
        looking=Looking(settings.endpoints_enabled == "true", resolved(dict(settings.endpoints_resolve))),
        workloads=settings.workloads_enabled == "true",
        preflight=settings.preflight_enabled == "true",
        observing=Observing(
            kubelets=settings.kubelets_enabled == "true",
            kubelet_interval=settings.kubelets_interval or 300.0,
            kubelet_port=settings.kubelets_port,
            service=settings.node_agents_service,
            client_config=settings.node_agents_client_config,
        ),
        runbooks=settings.runbooks_url,
        grafana=settings.grafana_url,
    )


def kube_connection(settings: Settings) -> Connection:
    """The connection that the settings describe. SettingsError: there are no credentials."""
    path = settings.kubeconfig
    if path is None and "KUBERNETES_SERVICE_HOST" not in os.environ:
        raise SettingsError("--kubeconfig: not given, and this is no Pod")
    try:
        return Connection(Kubeconfig(path, settings.context) if path else ServiceAccount())
    except ApiError as error:
        raise SettingsError(error.failure.words) from None


def run(settings: Settings) -> int:
    """Serve until told to stop."""
    logs.configure(settings.log_level, settings.log_format)
    agent = cluster_agent(settings)
    server = WebServer(agent, settings.web_listen_address, settings.web_config_file)
    memory.settle()
    memory.collect_seldom()
    # A thread that decodes or renders gives way after 5 ms by default, and one answer needs its turn a dozen times.
    sys.setswitchinterval(0.0005)
    log.info("cluster agent of %s", agent.server)
    agent.start()
    # The threads are daemons and hold nothing that must be put away: they end with the process, at once.
    return server.run()
