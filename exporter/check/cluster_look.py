"""A kubeconfig or a Pod's service account in, a report on its cluster out: `check` from a laptop."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar

from exporter.agents.cluster.apiserver_probe import authorities, look_at_endpoint, shown
from exporter.agents.cluster.azure_look import read_azure
from exporter.agents.cluster.kube_sources import KUBE_SOURCES, Intervals, KubeSources
from exporter.agents.cluster.state import ClusterState
from exporter.check.azure import azure_sections
from exporter.check.cluster import certificate_row, cluster_sections
from exporter.check.progress import progress
from exporter.check.report import Report, Section, report
from exporter.facts.azure.managed_cluster import AzureCluster
from exporter.facts.azure.resource_id import managed_cluster_id
from exporter.facts.chain import distrust
from exporter.facts.cluster import ClusterFacts, Endpoint
from exporter.facts.kube.csr import Csr
from exporter.facts.source import Failure
from exporter.facts.x509 import Certificate
from exporter.findings import Finding
from exporter.findings.cluster import cluster_findings
from exporter.findings.control_plane import lifetime_class
from exporter.findings.kubeconfig import kubeconfig_findings
from exporter.reason import Ca, Reason, Source
from exporter.settings import Settings, SettingsError
from exporter.sources.azure.access import azure_wanted
from exporter.sources.kube.connection import Connection, Kubeconfig, ServiceAccount
from exporter.sources.kube.failure import ApiError
from exporter.sources.kube.kubeconfig import KubeconfigView, default_kubeconfig, read_kubeconfig
from exporter.sources.tls import probe

__all__ = ["look_at_cluster"]

T = TypeVar("T")

PATIENCE = 90.0
"""Seconds for everything. What has not answered by then has not answered."""


def look_at_cluster(settings: Settings) -> Report:
    """The report. Whatever cannot be asked is a finding of it. Raises SettingsError where there is nobody to ask."""
    path = str(settings.kubeconfig or default_kubeconfig())
    view = read_kubeconfig(path, settings.context) if path else None
    if isinstance(view, Failure):
        raise SettingsError(view.words)
    state = ClusterState((*KUBE_SOURCES, Source.AZURE))
    with progress() as tell:
        look = _Look(settings, path, view, state, tell)
        look.run()
    return look.report()


class _Look:
    """One look: everything at once, each in a thread, none waited for longer than PATIENCE."""

    def __init__(
        self,
        settings: Settings,
        path: str,
        view: KubeconfigView | None,
        state: ClusterState,
        tell: Callable[[list[str]], None],
    ) -> None:
        self._settings, self._path, self._view, self._state, self._tell = settings, path, view, state, tell
        self._lock = threading.Lock()
        self._csrs: list[Csr] | None = None
        self._endpoint: Endpoint | None = None
        self._chain: tuple[Certificate, ...] = ()
        self._azure: AzureCluster | Failure | None = None
        self._offset: float | None = None
        self._server: tuple[str, int] | None = view.server if view else None

    def run(self) -> None:
        """Ask everybody."""
        deadline = time.monotonic() + PATIENCE
        self._together({"apiserver": self._probe} if self._server else {}, deadline)
        connection = self._connected()
        if connection is None:
            self._ask_azure(None, deadline)
            return
        kube = KubeSources(
            connection, self._state, self._post, lambda: (connection.server,), Intervals(), in_pod=self._view is None
        )

        def requests() -> None:
            found = kube.look_at_csrs()
            self._csrs = found if isinstance(found, list) else None

        self._together(
            {
                "csrs": requests,
                "nodes": kube.look_at_nodes,
                "configmaps": kube.look_at_config_maps,
                "leases": kube.look_at_leases,
                "webhooks": kube.look_at_webhooks,
                "apiservices": kube.look_at_api_services,
            },
            deadline,
        )
        self._offset = connection.clock_offset
        if self._view is None:
            self._server = connection.server
            with self._lock:
                trust = self._state.facts().cas.get(Ca.CLUSTER) or authorities(connection)
            self._endpoint = look_at_endpoint(connection.server, connection, trust or None, 10.0)
        connection.close()
        with self._lock:
            nodes = self._state.facts().nodes or ()
        self._ask_azure(next((one.provider_id for one in nodes if one.provider_id), None), deadline)

    def report(self) -> Report:
        """What it came to."""
        now = time.time()
        with self._lock:
            self._state.endpoints_seen([self._judged(now)] if self._endpoint else (), now)
            facts = replace(self._state.facts(), clock_offset=self._offset)
            sources = tuple(one for one in self._state.sources() if one.up is not None)
        findings: list[Finding] = list(cluster_findings(facts, sources, now))
        sections: list[Section] = []
        if self._view is not None:
            findings.extend(self._kubeconfig_findings(self._view, facts, now))
            sections.append(_kubeconfig_section(self._view, now))
        sections.extend(cluster_sections(facts, self._csrs, sources, now))
        sections.extend(azure_sections(self._azure))
        name = self._view.context if self._view else "of this Pod"
        at = f" at {shown(self._server)}" if self._server else ""
        return report(f"cluster {name}{at}", now, findings, sections)

    def _judged(self, now: float) -> Endpoint:
        """The address by the CA that clients in the cluster use. By the kubeconfig's it is judged apart."""
        assert self._endpoint is not None
        trust = self._state.facts().cas.get(Ca.CLUSTER)
        if self._view is None or not self._chain or not trust:
            return self._endpoint
        against = distrust(self._chain, trust, self._view.server_name, now)
        return replace(self._endpoint, trusted=against is None, untrusted=against)

    def _kubeconfig_findings(self, view: KubeconfigView, facts: ClusterFacts, now: float) -> Iterator[Finding]:
        against: Reason | None = None
        if self._chain and view.authorities:
            against = distrust(self._chain, view.authorities, view.server_name, now)
        trusted = view.authorities
        if trusted and set(trusted) <= set(facts.cas.get(Ca.CLUSTER, ())):
            trusted = None  # what is to be said of the cluster's CA is said already
        served = self._chain[0] if self._chain else None
        max_age = self._settings.max_age
        yield from kubeconfig_findings(view.context, trusted, view.client, against, served, now, max_age=max_age)

    def _probe(self) -> None:
        assert self._view is not None
        assert self._server is not None
        seen = probe(self._server, server_name=self._view.server_name, timeout=10.0)
        if isinstance(seen, Failure):
            self._endpoint = Endpoint(shown(self._server), None, None, failure=seen)
        else:
            self._chain = seen.chain
            self._endpoint = Endpoint(shown(self._server), seen.chain[0], None, between=seen.chain[1:])

    def _connected(self) -> Connection | None:
        try:
            if self._view is None:
                return Connection(ServiceAccount())
            return Connection(Kubeconfig(self._path, self._settings.context or None), timeout=15.0)
        except ApiError as error:
            if self._view is None:
                raise SettingsError("no --kubeconfig, no KUBECONFIG, no ~/.kube/config, and this is no Pod") from None
            for source in KUBE_SOURCES:
                if source is not Source.APISERVER:
                    self._state.failed(source, error.failure)
            return None

    def _ask_azure(self, provider_id: str | None, deadline: float) -> None:
        settings = self._settings
        if not azure_wanted(settings.azure_enabled, settings.azure_resource_id, os.environ):
            return
        from exporter.sources.azure.managed_cluster import AzureSource

        wanted = managed_cluster_id(settings.azure_resource_id) if settings.azure_resource_id else None

        self._azure = Failure(Reason.TIMEOUT, "no answer in time")  # until there is one

        def ask() -> None:
            source = AzureSource(settings.azure_endpoint, whole=PATIENCE / 3)  # a login, and two looks at the most
            found, _ = read_azure(source, wanted, provider_id)
            unknown = Failure(Reason.NOT_FOUND, "no node is known that leads to the cluster: give --azure.resource-id")
            answer = unknown if found is None else found
            self._azure = answer
            self._post(lambda: self._state.azure_read(answer, time.time()))
            source.close()

        self._together({"azure": ask}, deadline)

    def _together(self, looks: dict[str, Callable[[], object]], deadline: float) -> None:
        threads = {name: threading.Thread(target=look, name=name, daemon=True) for name, look in looks.items()}
        for thread in threads.values():
            thread.start()
        while time.monotonic() < deadline and (waiting := [name for name, one in threads.items() if one.is_alive()]):
            self._tell(waiting)
            threads[waiting[0]].join(0.1)
        for name, thread in threads.items():
            if thread.is_alive():
                late = Failure(Reason.TIMEOUT, f"no answer within {PATIENCE:g} s")
                self._post(lambda name=name, late=late: self._state.failed(Source(name), late))  # type: ignore[misc]

    def _post(self, work: Callable[[], None]) -> None:
        with self._lock:
            work()


def _kubeconfig_section(view: KubeconfigView, now: float) -> Section:
    rows = [certificate_row("CA it trusts", one, now, lifetime_class(one)) for one in view.authorities or ()]
    rows += [certificate_row("client certificate", one, now, "by hand alone") for one in view.client[:1]]
    notes = [f"Context {view.context}, cluster {view.kubeconfig.cluster}, user {view.kubeconfig.user}."]
    if not view.client:
        notes.append(f"No client certificate: the user has {view.kubeconfig.credential.replace('_', ' ')}.")
    if view.authorities is None:
        notes.append("No CA: those of this machine are trusted.")
    if view.unreadable:
        notes.append(f"Could not be read: {view.unreadable}.")
    return Section(
        "Kubeconfig",
        ("WHAT", "SUBJECT", "FROM", "UNTIL", "LEFT", "NOTE"),
        tuple(rows),
        " ".join(notes),
        wrapping=("WHAT", "SUBJECT", "NOTE"),
    )
