"""Whose kubelets are asked, and when it is said whether they answer."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from exporter.agents.cluster.apiserver_probe import authorities
from exporter.agents.cluster.kube_sources import KUBE_SOURCES
from exporter.agents.cluster.node_looks import KubeletLooks, Observing
from exporter.agents.cluster.state import ClusterState
from exporter.facts.kube.node import Node
from exporter.reason import Rotation, Source
from exporter.sources.kube.connection import Connection, Kubeconfig
from simulation.api.server import write_kubeconfig
from simulation.node.kubelet import SimulatedKubelets
from tests.agents.clusters import CA, NOW, source_facts
from tests.web.test_tls import comes

OFTEN = Observing(kubelets=True, kubelet_interval=0.05, kubelet_timeout=2.0, judged=0.01)


class Fleet:
    """Nodes as a test sets them, and what is known of their kubelets."""

    def __init__(self, nodes: tuple[Node, ...] | None) -> None:
        self.nodes = nodes
        self.state = ClusterState((*KUBE_SOURCES, Source.KUBELETS))
        self.posted = 0

    def post(self, work: Callable[[], None]) -> None:
        work()
        self.posted += 1

    def up(self) -> bool | None:
        facts = source_facts(self.state, Source.KUBELETS)
        return facts.up

    def asked(self) -> int:
        return self.state.observed.kubelet_failures()[0]


def unused(folder: Path) -> Connection:
    """A connection over which nothing is asked, without CAs of its own."""
    context = {"name": "x", "context": {"cluster": "c", "user": ""}}
    clusters = [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}]
    content = {"clusters": clusters, "contexts": [context], "current-context": "x"}
    return Connection(Kubeconfig(write_kubeconfig(folder / "kubeconfig", content)))


@contextmanager
def asking(folder: Path, nodes: tuple[Node, ...] | None) -> Iterator[Fleet]:
    fleet = Fleet(nodes)
    looks = KubeletLooks(unused(folder), fleet.state, fleet.post, lambda: fleet.nodes, tuple, OFTEN, time.time)
    looks.start()
    try:
        yield fleet
    finally:
        looks.stop()


def node(name: str, *addresses: str, port: int = 1, virtual: bool = False) -> Node:
    return Node(
        name, "p", "v1.33.2", "", "linux", "", "", Rotation.ENABLED, NOW, True, "", "", addresses, port, virtual
    )


def test_as_long_as_nobody_knows_the_nodes_nobody_says_that_their_kubelets_answer(tmp_path: Path) -> None:
    """Before the first list there seem to be none, and of none all would answer."""
    with asking(tmp_path, None) as fleet:
        assert comes(lambda: fleet.posted >= 3)
        assert fleet.up() is None
        fleet.nodes = ()
        assert comes(lambda: fleet.up() is True)


def test_only_nodes_with_an_address_and_a_kubelet_are_asked(tmp_path: Path) -> None:
    with SimulatedKubelets() as kubelets:
        host, port = kubelets.start(CA.kubelet_serving("a", NOW), CA).address
        nodes = (node("none"), node("virtual", host, port=port, virtual=True), node("a", host, port=port))
        with asking(tmp_path, nodes) as fleet:
            assert comes(lambda: fleet.asked() > 0)
            told = fleet.posted
            assert comes(lambda: fleet.posted > told + 10)
            assert fleet.asked() == 1


def test_a_connection_without_cas_of_its_own_has_none(tmp_path: Path) -> None:
    assert authorities(unused(tmp_path)) == ()
