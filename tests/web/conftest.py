"""An agent that says what a test wants, and the real server around it."""

import http.client
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family

from exporter.reason import Mode
from exporter.web.document import Document, Reader
from exporter.web.exposition import Payload, payload
from exporter.web.limits import Limits
from exporter.web.server import WebServer

PATIENCE = 60
"""Seconds for an answer: many tests share a machine."""


def families() -> list[Family]:
    gauge = GaugeMetricFamily("akscert_example_timestamp_seconds", "An example.", labels=("node",), unit="seconds")
    gauge.add_metric(["näme"], 1.5)
    counter = CounterMetricFamily("akscert_example_errors", "Errors.", labels=())
    counter.add_metric([], 3)
    return [gauge, counter]


@dataclass
class SmallAgent:
    """Two families, a page, and whatever else a test sets."""

    mode: Mode = Mode.NODE
    silent: tuple[str, ...] = ()
    before: Callable[[], object] = lambda: None
    document: str = "<!doctype html><title>page</title>"
    queries: list[Mapping[str, str]] = field(default_factory=list)

    def exposition(self, accept: str, gzip: bool) -> Payload:
        self.before()
        return payload(families(), accept, gzipped=gzip)

    def at_once(self, accept: str, gzip: bool) -> Payload | None:
        return None

    def unanswered(self) -> tuple[str, ...]:
        return self.silent

    @property
    def documents(self) -> Mapping[str, Reader]:
        return {"/": self.page, "/facts": self.facts, "/runbooks/": self.runbook}

    def page(self, name: str, query: Mapping[str, str]) -> Document:
        self.before()
        self.queries.append(query)
        return Document(self.document.encode(), "text/html; charset=utf-8", headers=(("x-frame-options", "DENY"),))

    def facts(self, name: str, query: Mapping[str, str]) -> Document:
        return Document(b'{"looked_at": 1}\n', "application/json", etag="abc")

    def runbook(self, name: str, query: Mapping[str, str]) -> Document | None:
        return Document(f"<h1>{name}</h1>".encode(), "text/html; charset=utf-8") if name in {"", "A b"} else None


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass
class Running:
    """A server that listens on `port`."""

    server: WebServer
    host: str
    port: int
    thread: threading.Thread = field(default_factory=threading.Thread)
    """In which it runs."""

    def stop(self) -> None:
        """Tell it to stop, and wait until it has."""
        self.server.stop()
        self.thread.join(20)
        assert not self.thread.is_alive()

    def ask(
        self,
        path: str,
        method: str = "GET",
        tls: ssl.SSLContext | None = None,
        body: bytes | None = None,
        **headers: str,
    ) -> Answer:
        """One request on a connection of its own. Header names are given with underscores."""
        if tls is None:
            connection = http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE)
        else:
            connection = http.client.HTTPSConnection("localhost", self.port, timeout=PATIENCE, context=tls)
        try:
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body=body, headers=names)
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()


Serve = Callable[..., Running]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start servers that end with the test; an in-process server has no signals and is told to stop."""
    started: list[Running] = []

    def start(
        agent: SmallAgent | None = None,
        web_config: Path | None = None,
        *,
        host: str = "127.0.0.1",
        limits: Limits | None = None,
    ) -> Running:
        listening = threading.Event()
        where: list[tuple[str, int]] = []

        def heard(address: str, port: int) -> None:
            where.append((address, port))
            listening.set()

        server = WebServer(
            agent or SmallAgent(), (host, 0), web_config, on_listening=heard, limits=limits or Limits(look=0.05)
        )
        thread = threading.Thread(target=server.run)
        started.append(running := Running(server, host, 0, thread))
        thread.start()
        assert listening.wait(20)
        running.host, running.port = where[0]
        return running

    yield start
    for running in started:
        running.stop()
