"""The node agent: one node's files and its kubelet's port in, metrics and a page out. It never asks Kubernetes."""

import itertools
import logging
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from prometheus_client import PlatformCollector, ProcessCollector

from exporter import logs, presets
from exporter.agents import memory
from exporter.agents.node import confinement
from exporter.agents.node.kubelet_probe import KubeletProbe
from exporter.agents.revision import revision
from exporter.facts.certificate import Certificate
from exporter.facts.host.host_facts import HostFacts, Served, host_facts
from exporter.facts.host.host_reads import HostReads, without
from exporter.facts.host.paths import PathTable, path_table
from exporter.facts.host.read import Look, Way
from exporter.facts.sandbox import Sandbox
from exporter.facts.signature import SignedBy, signed_by
from exporter.facts.source import SourceFacts, skipped
from exporter.families import node_agent as emitted
from exporter.metric import Family, Part
from exporter.reason import FileStatus, Mode, Origin, Role, Source
from exporter.settings import Settings, SettingsError
from exporter.sources.files.host_files import HostFiles
from exporter.sources.files.host_reader import HostReader
from exporter.sources.parsing.interface import ParserFailure, Parsing
from exporter.sources.parsing.sealed import SealedParsing
from exporter.web.cache import CachedExposition
from exporter.web.document import Document, Reader
from exporter.web.exposition import Payload
from exporter.web.server import WebServer

__all__ = ["NodeAgent", "node_agent", "run"]

log = logging.getLogger(__name__)


class _Seen(NamedTuple):
    """What was concluded last, and from what."""

    reads: HostReads
    served: Served | None
    host: HostFacts


class NodeAgent:
    """Looks at one node whenever it is asked."""

    mode = Mode.NODE

    def __init__(
        self,
        node: str,
        files: HostFiles,
        table: PathTable,
        kubelet: tuple[str, int] | SourceFacts,
        clock: Callable[[], float] = time.time,
        *,
        named: bool,
        runbooks: str = "",
        grafana: str = "",
        sealed: Sandbox | None = None,
        parsing: Parsing | None = None,
    ) -> None:
        """`kubelet`: where the kubelet serves, or why that is not looked at. `named`: `node` is known as its name.

        `runbooks`: the base of links to runbooks; empty: its own. `grafana`: where it is; empty: there is none.
        `sealed`: how far this process is. `parsing`: what parses certificates, without one this process.
        """
        self.node = node
        self._reader = HostReader(files, table, parsing)
        self._signed: SignedBy = parsing.signed_by if parsing is not None else signed_by
        self.wire = None if isinstance(kubelet, SourceFacts) else KubeletProbe(kubelet, self._installed, clock, parsing)
        self._skipped = (kubelet,) if isinstance(kubelet, SourceFacts) else ()
        self.named = named
        self._addresses = (self.wire.host,) if self.wire else ()
        self._clock = clock
        self._runbooks, self._grafana, self._sealed = runbooks, grafana, sealed
        # Without a registry: these two are collected together with everything else.
        self._process, self._platform = ProcessCollector(registry=None), PlatformCollector(registry=None)
        self._seen: _Seen | None = None
        self._shown: HostFacts | None = None
        self._cache = CachedExposition(self._steady, self._settled, self._fresh)
        self._lock = threading.Lock()
        self._looks = itertools.count()
        self._newest = -1

    def look(self) -> HostFacts:
        """The node now. Reads every file; a hung disk costs a bounded time.

        While no file and nothing on the port has changed, it is the very same object.
        """
        host = self._host(self.wire.served() if self.wire else None)
        if self.wire:
            self.wire.installed(_serving_file(host))
        return host

    def _host(self, served: Served | None) -> HostFacts:
        reads, seen = self._reader.read(), self._seen
        if seen is None or seen.reads is not reads or seen.served != served:
            host, sound = self._derived(reads, served)
            if not sound:  # derived again at the next look
                return host
            seen = self._seen = _Seen(reads, served, host)
        return seen.host

    def _derived(self, reads: HostReads, served: Served | None) -> tuple[HostFacts, bool]:
        """What follows, and whether nothing had to be left out: a certificate whose signature nothing could verify is
        told as one that cannot be read.
        """
        sound = True
        while True:
            try:
                host = host_facts(self.node, reads, served, self._addresses, named=self.named, signed=self._signed)
            except ParserFailure as failure:
                assert failure.certificate is not None
                fewer = without(reads, failure.certificate, failure.status, str(failure))
                if fewer == reads:
                    if served is None:
                        raise
                    served = None
                reads, sound = fewer, False
            else:
                return host, sound

    def _installed(self) -> Certificate | None:
        served = self.wire.served() if self.wire else None
        return _serving_file(self._host(served))

    def sources(self) -> tuple[SourceFacts, ...]:
        """What the agent asks beside files, and what it would ask."""
        return (self.wire.facts(),) if self.wire else self._skipped

    def exposition(self, accept: str, gzip: bool) -> Payload:
        """The scrape for a client with this Accept header. Every file is looked at; what is as it was is not rendered
        again.
        """
        number = next(self._looks)
        host = self.look()
        with self._lock:
            # Of two scrapes at once the one that began its look last knows better.
            if number > self._newest:
                self._newest = number
                if host is not self._shown:
                    self._shown = host
                    self._cache.refresh()
        return self._cache.payload(accept, gzipped=gzip)

    def at_once(self, accept: str, gzip: bool) -> Payload | None:
        """The same scrape where every file can be compared without waiting, and nothing has changed."""
        reads, seen = self._reader.read_at_once(), self._seen
        if reads is None or seen is None or seen.reads is not reads or seen.host is not self._shown:
            return None
        if (self.wire.served() if self.wire else None) != seen.served or not self._cache.ready(accept):
            return None
        return self._cache.payload(accept, gzipped=gzip)

    def _steady(self) -> Iterator[Part]:
        assert self._shown is not None  # nothing is rendered before the first look
        return emitted.steady(self._shown, self._sealed)

    def _settled(self) -> Part:
        sources = self.sources()
        key = tuple((facts.up, tuple(facts.errors.values())) for facts in sources)
        return Part(
            key, lambda: itertools.chain(emitted.settled(self.node, sources, revision()), self._platform.collect())
        )

    def _fresh(self) -> Iterator[Family]:
        return itertools.chain(emitted.fresh(self.node, self.sources()), self._process.collect())

    def unanswered(self) -> tuple[str, ...]:
        """Sources without a first answer."""
        return tuple(facts.source for facts in self.sources() if facts.up is None and not facts.skipped)

    @property
    def documents(self) -> Mapping[str, Reader]:
        """What it says beside its metrics, by path."""
        return {"/": self._page, "/facts": self._facts, "/runbooks/": self._runbook}

    # The modules of each document are imported by the first who opens it: most agents serve nothing but scrapes.

    def _page(self, _name: str, query: Mapping[str, str]) -> Document:
        from exporter.pages.style import html_document

        return html_document(self.page(query))

    def _facts(self, _name: str, _query: Mapping[str, str]) -> Document:
        from exporter.documents.encoding import encoded
        from exporter.documents.node_document import node_document
        from exporter.findings.host import host_findings
        from exporter.pages.findings_list import OWN_RUNBOOKS

        now, host = self._clock(), self.look()
        findings = host_findings(host, self.sources(), now)
        return encoded(node_document(host, findings, now, runbooks=self._runbooks or f"/{OWN_RUNBOOKS}"))

    def _runbook(self, name: str, _query: Mapping[str, str]) -> Document | None:
        from exporter.pages.runbook_page import runbook_document

        return runbook_document(name, self._clock())

    def page(self, query: Mapping[str, str]) -> str:
        """The node's page."""
        from exporter.findings.host import host_findings
        from exporter.pages.findings_list import OWN_RUNBOOKS
        from exporter.pages.node_page import node_page

        now = self._clock()
        host = self.look()
        sources = self.sources()
        findings = host_findings(host, sources, now)
        links = {"runbooks": self._runbooks or OWN_RUNBOOKS, "grafana": self._grafana}
        return node_page(host, findings, sources, now, query=query, **links)


def node_agent(settings: Settings, sealed: Sandbox | None = None, parsing: Parsing | None = None) -> NodeAgent:
    """The agent that the settings describe, not yet looking at the wire. Raises SettingsError.

    `parsing`: what parses certificates, without one this process.
    """
    files = HostFiles(settings.host_root)
    table = _table(settings, files)
    kubelet = settings.kubelet_address or _no_kubelet(on_purpose="kubelet_address" in settings.explicit)
    # Below any other root this machine's name says nothing about the node.
    named = bool(settings.node_name) or settings.host_root == Path("/")
    name = settings.node_name or socket.gethostname()
    # `check` has no such settings, and serves nothing.
    return NodeAgent(
        name,
        files,
        table,
        kubelet,
        named=named,
        runbooks=getattr(settings, "runbooks_url", ""),
        grafana=getattr(settings, "grafana_url", ""),
        sealed=sealed,
        parsing=parsing,
    )


def _no_kubelet(*, on_purpose: bool) -> SourceFacts:
    """The kubelet's port as a source that is not looked at."""
    if on_purpose:
        return skipped(Source.KUBELET, "the kubelet's address is set to nothing", on_purpose=True)
    return skipped(Source.KUBELET, "HOST_IP is not set, and no kubelet address is given", on_purpose=False)


def _serving_file(host: HostFacts) -> Certificate | None:
    seen = host.certificate(Role.KUBELET_SERVING, Origin.FILE)
    return seen.certificate if seen else None


def _table(settings: Settings, files: HostFiles) -> PathTable:
    """The preset that was asked for; `auto`: the one that has more of its files there, Linux where that is even."""
    try:
        if settings.paths_preset != "auto":
            return path_table(presets.preset(settings.paths_preset), settings.paths)
        tables = [path_table(presets.preset(name), settings.paths) for name in presets.PRESETS]
    except ValueError as error:
        raise SettingsError(f"{settings.config_file}: paths: {error}") from None
    return max(tables, key=lambda table: _there(files, table))


def _there(files: HostFiles, table: PathTable) -> int:
    paths = {*table.evidence.values(), *(candidate.path for candidate in table.candidates if candidate.path)}
    return sum(read.status is FileStatus.OK for read in files.look_all([Look(path, Way.PRESENCE) for path in paths]))


def run(settings: Settings) -> int:
    """Serve until told to stop."""
    logs.configure(settings.log_level, settings.log_format)
    sealed = confinement.confine(settings)  # before the first thread: a seal does not hold for older ones
    with _parsing() as parsing:
        return _serve(settings, sealed, node_agent(settings, sealed, parsing))


def _serve(settings: Settings, sealed: Sandbox, agent: NodeAgent) -> int:
    server = WebServer(agent, settings.web_listen_address, settings.web_config_file)
    memory.settle()
    confinement.tell(sealed)
    log.info("node agent of %s looks below %s", agent.node, settings.host_root)
    if agent.wire:
        agent.wire.start()
    # Its thread is a daemon and holds nothing that must be put away: it ends with the process, at once.
    return server.run()


@contextmanager
def _parsing(system: str = sys.platform) -> Iterator[SealedParsing | None]:
    """A sealed child where the system can seal one; on Windows this process."""
    if system != "linux":
        yield None
        return
    with closing(SealedParsing()) as parsing:
        yield parsing
