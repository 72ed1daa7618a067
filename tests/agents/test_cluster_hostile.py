"""The cluster agent and servers that mean ill: it goes on, and says of every source that it could not look."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from exporter.agents.cluster.agent import ClusterAgent
from exporter.agents.cluster.kube_sources import KUBE_SOURCES
from exporter.sources.kube.connection import Connection
from simulation.api.server import ApiServer
from tests.agents.clusters import OFTEN, Cluster, cluster, csr, populate
from tests.sources.hostile import Answer, Hostile, dripped, http


def drip(target: str) -> Iterator[bytes | float]:
    yield b"HTTP/1.1 200 OK\r\n"
    for number in count():
        yield from dripped(f"X-{number}: 1\r\n".encode(), 0.1)


def html(target: str) -> Iterator[bytes | float]:
    yield http(b"<html>sign in</html>", "Content-Type: text/html")


@contextlib.contextmanager
def facing(answer: Answer, folder: Path) -> Iterator[Cluster]:
    """An agent that asks a hostile server."""
    with Hostile(answer) as server:
        connection: Connection = server.connection(folder, 2.0)
        agent = ClusterAgent(connection, intervals=replace(OFTEN, first_answer=0.5), settle=0.01)
        agent.start()
        try:
            yield Cluster(None, agent, folder)  # type: ignore[arg-type]
        finally:
            agent.stop()


@pytest.mark.parametrize("answer", [drip, html])
def test_every_source_is_down_by_its_deadline(answer: Answer, tmp_path: Path) -> None:
    """A11: also where nothing ever answered."""
    with facing(answer, tmp_path) as found:
        for source in KUBE_SOURCES:
            found.until_value(0.0, "akscert_source_up", source=source)
        assert found.agent.unanswered() == ()


class Broken:
    """A clock of ours that breaks: nobody foresaw that."""

    def __init__(self) -> None:
        self.works = True

    def __call__(self) -> float:
        if not self.works:
            raise OverflowError("date value out of range")
        return 1_800_000_000.0


def bugs(found: Cluster, source: str) -> bool:
    return found.values("akscert_source_errors_total", source=source, reason="bug")[0] > 0


def test_an_exception_nobody_foresaw_is_the_sources_failure(tmp_path: Path) -> None:
    """A10: it is told as `bug`, every look goes on, and the facts stay."""
    clock = Broken()

    def prepare(server: ApiServer) -> None:
        populate(server)
        server.store.put("certificatesigningrequests", csr("csr-1"))

    with cluster(tmp_path, prepare=prepare, clock=clock) as found:
        found.until_ready()
        clock.works = False
        found.server.sever()
        for source in KUBE_SOURCES:
            found.until_value(0.0, "akscert_source_up", source=source)
            found.until(partial(bugs, found, source), f"a bug of {source}")
        assert found.values("akscert_node_ready") == [1.0]
        clock.works = True
        for source in KUBE_SOURCES:
            found.until_value(1.0, "akscert_source_up", source=source)
