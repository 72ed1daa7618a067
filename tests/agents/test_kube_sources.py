"""What the API server's answers set going."""

import queue
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from exporter.agents.cluster.kube_sources import KUBE_SOURCES, Intervals, KubeSources
from exporter.agents.cluster.state import ClusterState
from exporter.reason import Source
from exporter.sources.kube.connection import Connection, Kubeconfig
from simulation.api.server import ApiServer, write_kubeconfig
from tests.agents.clusters import CA, NODE, OFTEN, csr, populate, serving


@dataclass
class Asking:
    """The sources of a small cluster, whose work is done in the test's thread."""

    server: ApiServer
    state: ClusterState = field(default_factory=lambda: ClusterState(KUBE_SOURCES))
    told: list[str] = field(default_factory=list)
    """Nodes whose kubelets are to be asked."""
    work: "queue.SimpleQueue[Callable[[], None]]" = field(default_factory=queue.SimpleQueue)

    def answer(self, of: Source) -> float | None:
        """When a source answered last."""
        return next(one.last_success for one in self.state.sources() if one.source is of)

    def until(self, true: Callable[[], bool]) -> None:
        while not true():
            self.work.get(timeout=20)()


@contextmanager
def asking(folder: Path, intervals: Intervals = OFTEN) -> Iterator[Asking]:
    with ApiServer(serving()) as server:
        populate(server)
        one = Asking(server)
        path = write_kubeconfig(folder / "kubeconfig", server.kubeconfig(CA.pem))
        connection = Connection(Kubeconfig(path), timeout=5.0)
        sources = KubeSources(connection, one.state, one.work.put, tuple, intervals)
        sources.on_node_request = one.told.append
        sources.start()
        try:
            yield one
        finally:
            sources.stop()


def test_only_a_nodes_own_request_has_its_kubelet_asked(tmp_path: Path) -> None:
    """Whoever else may ask for a certificate in its name moves no kubelet's turn."""
    with asking(tmp_path) as found:
        found.until(lambda: found.answer(Source.CSRS) is not None)
        requests = "certificatesigningrequests"
        found.server.store.put(requests, csr("a", of="other", username="kubernetes-admin"))
        found.server.store.put(requests, csr("b"))
        found.until(lambda: bool(found.told))
        assert found.told == [NODE]


def test_while_the_cluster_ca_is_the_same_nothing_is_looked_at_before_its_turn(tmp_path: Path) -> None:
    """Else each look at the CAs, once a minute, would list all webhooks and APIServices again."""
    config_maps, webhooks = set[float | None](), set[float | None]()

    def often() -> bool:
        config_maps.add(found.answer(Source.CONFIGMAPS))
        webhooks.add(found.answer(Source.WEBHOOKS))
        return len(config_maps) > 12

    with asking(tmp_path, replace(OFTEN, config_maps=0.02, bundles=3600.0)) as found:
        found.until(often)
    assert len(webhooks - {None}) <= 2, "at the start, and when the CA was read"
