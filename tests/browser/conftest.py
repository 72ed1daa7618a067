"""The pages behind the real server, and one Chromium for all tests."""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest

from exporter.findings.cluster import cluster_findings
from exporter.findings.host import host_findings
from exporter.pages.cluster_page import cluster_page
from exporter.pages.node_page import node_page
from exporter.pages.style import html_document
from exporter.reason import Mode
from exporter.web.document import Reader
from exporter.web.exposition import Payload
from exporter.web.limits import Limits
from exporter.web.server import WebServer
from tests.pages.example import NOW, broken, source, well
from tests.pages.fleet import fleet
from tools.browser import Browser, browser

FLEET = fleet(1000)
SPOILED = '<!doctype html><title>x</title><p style="color: red" onclick="x()">x</p><img src="https://a.example/x.png">'


@dataclass
class Pages:
    """An agent whose page depends on the query's `which`, and is a cluster's without one."""

    mode: Mode = Mode.CLUSTER

    def exposition(self, accept: str, gzip: bool) -> Payload:
        return Payload(b"", "text/plain")

    def at_once(self, accept: str, gzip: bool) -> Payload | None:
        return None

    def unanswered(self) -> tuple[str, ...]:
        return ()

    @property
    def documents(self) -> Mapping[str, Reader]:
        return {"/": lambda _name, query: html_document(self.page(query))}

    def page(self, query: Mapping[str, str]) -> str:
        match query.get("which"):
            case "node":
                kubelet = [source(up=True)]
                return node_page(well(), host_findings(well(), kubelet, NOW), kubelet, NOW)
            case "broken-node":
                kubelet = [source(up=False)]
                return node_page(broken(), host_findings(broken(), kubelet, NOW), kubelet, NOW)
            case "spoiled":
                return SPOILED
            case _:
                return cluster_page(FLEET, cluster_findings(FLEET, (), NOW), (), NOW, server="aks:443", query=query)


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    """The address of the pages."""
    listening = threading.Event()
    where: list[int] = []

    def heard(_address: str, port: int) -> None:
        where.append(port)
        listening.set()

    server = WebServer(Pages(), ("127.0.0.1", 0), None, on_listening=heard, limits=Limits())
    thread = threading.Thread(target=server.run)
    thread.start()
    assert listening.wait(20)
    yield f"http://127.0.0.1:{where[0]}/"
    server.stop()
    thread.join(20)
    assert not thread.is_alive()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """A browser."""
    with browser() as started:
        yield started
