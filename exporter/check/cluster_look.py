"""A kubeconfig or a Pod's service account in, a report on its cluster out: `check` from a laptop."""

import math
import os
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

from exporter.agents.cluster.apiserver_probe import authorities, look_at_endpoint, shown
from exporter.agents.cluster.azure_look import read_azure
from exporter.agents.cluster.endpoint_looks import resolved
from exporter.agents.cluster.kube_sources import KUBE_SOURCES, Intervals, KubeSources
from exporter.agents.cluster.preflight import ask_preflight
from exporter.agents.cluster.state import ClusterState
from exporter.agents.cluster.workloads import read_workloads
from exporter.check.cluster_report import Seen, cluster_report
from exporter.check.kubelet_look import look_at_kubelets
from exporter.check.progress import progress
from exporter.check.report import Report
from exporter.check.together import seconds_left, together
from exporter.facts.azure.resource_id import managed_cluster_id
from exporter.facts.cluster import Endpoint
from exporter.facts.kube.endpoint_target import EndpointTarget
from exporter.facts.kube.kubeconfig_choice import Choice
from exporter.facts.kube.kubeconfig_entries import KubeconfigError
from exporter.facts.source import Failure
from exporter.reason import Ca, Reason, Source
from exporter.settings import Settings, SettingsError
from exporter.sources.azure.access import azure_wanted
from exporter.sources.endpoints.look import look
from exporter.sources.kube.cluster_agent import AgentSaid, read_cluster_agent
from exporter.sources.kube.connection import Connection, Kubeconfig, ServiceAccount
from exporter.sources.kube.failure import ApiError
from exporter.sources.kube.kubeconfig import KubeconfigView, Paths, default_kubeconfig, read_kubeconfig, view
from exporter.sources.tls import probe

__all__ = ["look_at_cluster"]

PATIENCE = 90.0
"""Seconds for everything, where --timeout is empty."""
ENDPOINTS_PATIENCE, MOST_ENDPOINTS, AT_ONCE = 30.0, 1000, 16
"""Seconds for all that the API server calls, how many of those at most, and how many at the same time."""
DEFINITIONS = {"verb": "list", "group": "apiextensions.k8s.io", "resource": "customresourcedefinitions"}
HANDSHAKE = 10.0
"""Seconds for a look at what is served."""
ENDPOINT = 5.0
"""The same of something that the API server calls."""
AZURE, AZURE_PARTS = 30.0, 2
"""Seconds for a login and a look at Azure, and how many of them there are at the most."""
TELLING = 1.0
"""Seconds that are kept to print what was told by then."""
NO_POD = "no --kubeconfig, no KUBECONFIG, no ~/.kube/config, and this is no Pod"
_LOGGED_IN = frozenset(KUBE_SOURCES) - {Source.APISERVER}
"""What only somebody with credentials can ask."""


def look_at_cluster(
    settings: Settings, account: ServiceAccount | None = None, *, handshake: float = HANDSHAKE
) -> Report:
    """The report. Whatever cannot be asked is a finding of it. Raises SettingsError where there is nobody to ask.

    `account`: who asks where there is no kubeconfig, without one the Pod's own. `handshake`: see HANDSHAKE.
    """
    deadline = time.monotonic() + (settings.timeout or PATIENCE)
    paths: Paths | None = settings.kubeconfig or default_kubeconfig()
    with progress() as tell:
        choice, found = _read_by(paths, settings.context, deadline, tell) if paths is not None else (None, None)
        look = _Look(settings, paths, choice, found, deadline, tell, account or ServiceAccount(), handshake)
        look.run()
    return cluster_report(look.seen, time.time(), max_age=settings.max_age, kubelets=settings.kubelets)


def _read_by(
    paths: Paths, context: str, deadline: float, tell: Callable[[Sequence[str]], None]
) -> tuple[Choice, KubeconfigView]:
    """What `_read` has, by a deadline: a home directory may be on a server that hangs, a file a pipe that nobody fills.

    Raises SettingsError.
    """
    outcome: list[tuple[Choice, KubeconfigView] | Exception] = []

    def read() -> None:
        try:
            outcome.append(_read(paths, context))
        except Exception as error:  # noqa: BLE001 - whoever waits is told
            outcome.append(error)

    failures = together({"the kubeconfig": read}, deadline, tell)
    found = outcome[0] if outcome else SettingsError(f"kubeconfig {paths}: {failures['the kubeconfig'].words}")
    if isinstance(found, Exception):
        raise found
    return found


def _read(paths: Paths, context: str) -> tuple[Choice, KubeconfigView]:
    try:
        choice = read_kubeconfig(paths, context)
    except KubeconfigError as error:
        raise SettingsError(str(error)) from None
    found = view(choice)
    if isinstance(found, Failure):
        raise SettingsError(f"kubeconfig {paths}: {found.words}")
    return choice, found


class _Look:
    """One look: everything at once, each in a thread, none waited for beyond the deadline."""

    def __init__(
        self,
        settings: Settings,
        paths: Paths | None,
        choice: Choice | None,
        found: KubeconfigView | None,
        deadline: float,
        tell: Callable[[Sequence[str]], None],
        account: ServiceAccount,
        handshake: float,
    ) -> None:
        self._settings, self._paths, self._choice, self._view = settings, paths, choice, found
        self._deadline, self._told_by, self._tell = deadline, deadline - TELLING, tell
        self._account, self._handshake = account, handshake
        places = dict(settings.endpoints_resolve)
        self._resolve, self._inside = resolved(places), paths is None or bool(places)
        inside = (Source.ENDPOINTS,) if self._inside else ()
        self._state = ClusterState(
            (*KUBE_SOURCES, *inside, Source.AZURE, Source.KUBELETS, Source.WORKLOADS, Source.PREFLIGHT)
        )
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._nobody = ""
        """Why there is nobody to ask, where there is not."""
        self._seen = Seen(found, self._state, server=found.address if found else None)

    @property
    def seen(self) -> Seen:
        """What it came to. What is still on its way changes nothing any more."""
        with self._lock:
            return self._seen.closed()

    def run(self) -> None:
        """Ask everybody. SettingsError where there is nobody to ask."""
        looks: dict[str, Callable[[], object]] = {"login": self._connect}
        if self._view is not None and self._view.tls:
            looks[Source.APISERVER] = self._probe
        failures = self._together(looks)
        if self._nobody:
            raise SettingsError(self._nobody)
        if late := failures.get(Source.APISERVER):
            assert self._seen.server is not None  # that of the kubeconfig: without one nothing is looked at yet
            self._seen.endpoint = Endpoint(shown(self._seen.server), None, None, failure=late)
        connection = self._connection
        silent = self._seen.endpoint.failure if self._seen.endpoint else None
        if connection is None:
            if late := failures.get("login"):  # else what went wrong has been told
                self._not_asked(late)
        elif silent is not None and silent.reason is Reason.TIMEOUT:
            self._not_asked(silent)  # a dozen questions would each wait as long for a handshake
            connection.close()
        else:
            self._ask(connection)
        with self._lock:
            nodes = self._state.facts().nodes or ()
        self._ask_azure(next((one.provider_id for one in nodes if one.provider_id), None))

    def _connect(self) -> None:
        """The credentials, for which a plugin may ask a person. ApiError is its failure."""
        try:
            if self._paths is None:
                self._connection = Connection(self._account)
                return
            patience = seconds_left(self._told_by, most=math.inf)  # to tell what the plugin said last
            credentials = Kubeconfig(self._paths, self._settings.context, chosen=self._choice, patience=patience)
            self._connection = Connection(credentials, timeout=15.0)
        except ApiError as error:
            if self._paths is None:
                self._nobody = error.failure.words if self._account.there else NO_POD
            self._not_asked(error.failure)

    def _not_asked(self, failure: Failure) -> None:
        with self._lock:
            for one in self._state.sources():
                if one.source in _LOGGED_IN:
                    self._state.failed(one.source, failure)

    def _probe(self) -> None:
        assert self._view is not None
        address = self._view.address
        timeout = seconds_left(self._deadline, most=self._handshake)
        seen = probe(address, server_name=self._view.server_name, timeout=timeout, proxy=self._view.proxy)
        with self._lock:
            if isinstance(seen, Failure):
                self._seen.endpoint = Endpoint(shown(address), None, None, failure=seen)
            else:
                self._seen.chain = seen.chain
                self._seen.endpoint = Endpoint(shown(address), seen.chain[0], None, between=seen.chain[1:])

    def _ask(self, connection: Connection) -> None:
        kube = KubeSources(
            connection,
            self._state,
            self._post,
            lambda: (connection.server,),
            Intervals(),
            conversions=self._inside and connection.may(**DEFINITIONS) is True,
        )

        def requests() -> None:
            found = kube.look_at_csrs()
            self._seen.csrs = found if isinstance(found, list) else None

        looks: dict[str, Callable[[], object]] = {
            Source.CSRS: requests,
            Source.NODES: kube.look_at_nodes,
            Source.CONFIGMAPS: kube.look_at_config_maps,
            Source.LEASES: kube.look_at_leases,
            Source.WEBHOOKS: kube.look_at_webhooks,
            Source.APISERVICES: kube.look_at_api_services,
            Source.WORKLOADS: lambda: self._look_at_workloads(connection),
        }
        self._look_with(looks)
        if self._settings.preflight:
            self._look_with({Source.PREFLIGHT: lambda: self._ask_preflight(connection)})
        self._seen.offset = connection.clock_offset
        if self._view is None:
            self._together({Source.APISERVER: lambda: self._probe_from_pod(connection)})
        if self._inside:
            self._look_at_endpoints()
        self._ask_nodes(connection)
        connection.close()

    def _ask_nodes(self, connection: Connection) -> None:
        """The cluster agent, if there is one, and the kubelets that it does not tell about."""
        with self._lock:
            if not any(one.up for one in self._state.sources()):
                return  # the API server answered nothing: it would not answer this

        def agent() -> None:
            said = read_cluster_agent(connection)
            with self._lock:
                self._seen.agent = said

        if failure := self._together({"the cluster agent": agent}).get("the cluster agent"):
            self._seen.agent = failure
        wanted, said = self._settings.kubelets, self._seen.agent
        if wanted == "false":
            return
        told = said.document.observed if isinstance(said, AgentSaid) and wanted == "auto" else frozenset()
        with self._lock:
            known = self._state.facts().nodes or ()
            nodes = [one.name for one in known if one.name not in told and not one.virtual]
        if not nodes:
            return
        found = look_at_kubelets(connection, nodes, self._told_by, self._tell, everybody=wanted == "true")
        with self._lock:
            self._seen.kubelets = found
            if wanted == "true" or not found.unreachable:
                now = time.time()
                for one in found.reports:
                    self._state.observed.kubelet_told(one, now)

    def _look_at_workloads(self, connection: Connection) -> None:
        """Where the user may list them. Who may not has asked for nothing that fails: it is said what was not seen."""
        uses, failures = read_workloads(connection)
        with self._lock:
            self._seen.workloads_unseen = failures[0] if failures else None
            if uses or not failures:
                self._state.workloads_read(uses, (), time.time())

    def _ask_preflight(self, connection: Connection) -> None:
        """Only where it is asked for: to create a review takes a right that few have."""
        with self._lock:
            facts = self._state.facts()
        found = ask_preflight(connection, facts.nodes or (), facts.csrs)
        self._post(lambda: self._state.preflight_asked(found, time.time()))

    def _look_at_endpoints(self) -> None:
        """What the API server calls, which only the cluster's own network reaches. What does not answer in time is
        listed as not seen, like what cannot be reached from here.
        """
        with self._lock:
            targets = [one for found in self._state.targets.values() for one in found][:MOST_ENDPOINTS]
        deadline = min(self._deadline, time.monotonic() + ENDPOINTS_PATIENCE)

        def see(target: EndpointTarget) -> None:
            found = look(target, self._resolve, seconds_left(deadline, most=ENDPOINT), time.time)
            self._post(lambda: self._state.endpoint_told(found, time.time()))

        def few(mine: list[EndpointTarget]) -> None:
            for target in mine:
                if time.monotonic() < deadline:
                    see(target)

        parts = {f"endpoints {number + 1}": targets[number::AT_ONCE] for number in range(min(AT_ONCE, len(targets)))}
        together({name: partial(few, part) for name, part in parts.items()}, deadline, self._tell)
        with self._lock:
            known = sum(len(found) for found in self._state.targets.values())
            served = self._state.facts().served
            assert served is not None  # it is a source of ours
            self._seen.endpoints_left = known - len(served)

    def _probe_from_pod(self, connection: Connection) -> None:
        with self._lock:
            trust = self._state.facts().cas.get(Ca.CLUSTER) or authorities(connection)
        found = look_at_endpoint(connection.server, connection, trust or None, self._handshake)
        with self._lock:
            self._seen.server, self._seen.endpoint = connection.server, found

    def _ask_azure(self, provider_id: str | None) -> None:
        settings = self._settings
        if not azure_wanted(settings.azure_enabled, settings.azure_resource_id, os.environ):
            return
        from exporter.sources.azure.managed_cluster import AzureSource

        wanted = managed_cluster_id(settings.azure_resource_id) if settings.azure_resource_id else None

        def ask() -> None:
            whole = seconds_left(self._deadline, most=AZURE, parts=AZURE_PARTS)
            source = AzureSource(settings.azure_endpoint, whole=whole)
            found, _ = read_azure(source, wanted, provider_id)
            unknown = Failure(Reason.NOT_FOUND, "no node is known that leads to the cluster: give --azure.resource-id")
            answer = unknown if found is None else found
            with self._lock:
                self._seen.azure = answer
                self._state.azure_read(answer, time.time())
            source.close()

        for failure in self._look_with({Source.AZURE: ask}).values():
            self._seen.azure = failure

    def _look_with(self, looks: dict[str, Callable[[], object]]) -> dict[str, Failure]:
        """Look by sources; what went wrong is theirs."""
        failures = self._together(looks)
        for name, failure in failures.items():
            self._post(lambda name=name, failure=failure: self._state.failed(Source(name), failure))  # type: ignore[misc]
        return failures

    def _together(self, looks: dict[str, Callable[[], object]]) -> dict[str, Failure]:
        return together(looks, self._deadline, self._tell)

    def _post(self, work: Callable[[], None]) -> None:
        with self._lock:
            work()
