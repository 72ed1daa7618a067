"""A cluster agent that asks a simulated API server, and its exposition as samples."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from exporter.agents.cluster.agent import ClusterAgent
from exporter.agents.cluster.endpoint_looks import Looking
from exporter.agents.cluster.kube_sources import Intervals
from exporter.agents.cluster.node_looks import Observing
from exporter.agents.cluster.state import ClusterState
from exporter.facts.azure.resource_id import ResourceId
from exporter.facts.source import SourceFacts
from exporter.reason import Source
from exporter.sources.azure.managed_cluster import AzureSource
from exporter.sources.kube.connection import Connection, Kubeconfig
from simulation.api import objects
from simulation.api.objects import CsrOrder
from simulation.api.server import ApiServer, write_kubeconfig
from simulation.csr_answer import SERVING_SIGNER, Answer
from simulation.pki import DAY, YEAR, Authority, Credential, certificate_request

NOW = float(int(time.time()))
CA, NEXT_CA = Authority.cluster(NOW - 3 * YEAR), Authority.cluster(NOW - DAY, number=1)
AGGREGATOR = Authority("aggregator-ca", NOW - YEAR, NOW + 9 * YEAR, number=2)
NODE = "aks-nodepool1-12345678-vmss000000"
MARK = "aks-mark-12345678-vmss000000"
LABELS = {
    "kubernetes.azure.com/agentpool": "nodepool1",
    "kubernetes.azure.com/kubelet-serving-ca": "cluster",
    "kubernetes.azure.com/node-image-version": "AKSUbuntu-2204gen2containerd-202607.13.0",
    "kubernetes.azure.com/os-sku": "Ubuntu",
}
OFTEN = Intervals(
    config_maps=0.1,
    leases=0.1,
    bundles=0.1,
    apiserver=0.1,
    watch=30.0,
    probe_timeout=2.0,
    backoff=0.02,
    workloads=0.1,
    preflight=0.1,
)

Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def serving(authority: Authority = CA, *names: str) -> Credential:
    return authority.apiserver(names or ("127.0.0.1", "localhost"), NOW - 60)


def node(
    name: str = NODE,
    *,
    ready: bool = True,
    version: str = "v1.33.2",
    labels: dict[str, str] | None = None,
    kubelet: tuple[str, int] = objects.NO_KUBELET,
) -> dict[str, object]:
    """A Node of AKS."""
    return objects.node_object(
        name,
        LABELS if labels is None else labels,
        NOW - DAY,
        ready=ready,
        windows=False,
        version=version,
        kubelet=kubelet,
    )


def csr(
    name: str,
    answer: Answer = Answer.PENDING,
    *,
    of: str = NODE,
    signer: str = SERVING_SIGNER,
    username: str = "",
    created: float = NOW,
    uid: str = "",
) -> dict[str, object]:
    """A request of a node. Without `uid` it is the name's, so that it can be put again with another answer."""
    order = CsrOrder(
        name=name, node=of, signer_name=signer, username=username or f"system:node:{of}", created=created, answer=answer
    )
    certificate = CA.kubelet_serving(of, created).certificate_pem if answer is Answer.ISSUED else b""
    found = objects.csr_object(order, certificate_request(of, names=(of, "10.224.0.4")), certificate)
    found["metadata"]["uid"] = uid or f"uid-{name}"
    return found


def populate(server: ApiServer) -> None:
    """A small healthy cluster."""
    store = server.store
    store.put("nodes", node())
    store.put("namespaces", objects.namespace("kube-system", NOW - 3 * YEAR))
    store.put("configmaps", objects.root_ca_config("kube-system", CA.pem))
    store.put("configmaps", objects.authentication_config(CA.pem, AGGREGATOR.pem))
    renew(server)
    store.put("validatingwebhookconfigurations", objects.webhooks("policy", CA.pem))
    store.put("mutatingwebhookconfigurations", objects.webhooks("injector", AGGREGATOR.pem))
    store.put("apiservices", objects.api_service("metrics.k8s.io", "v1beta1", CA.pem))
    store.put("apiservices", objects.api_service("apps", "v1"))


@contextlib.contextmanager
def connected(directory: Path) -> Iterator[tuple[ApiServer, Connection]]:
    """A populated cluster's API server, and a connection to it by a kubeconfig in a directory."""
    with ApiServer(serving()) as server:
        populate(server)
        path = write_kubeconfig(directory / "kubeconfig", server.kubeconfig(CA.pem))
        with contextlib.closing(Connection(Kubeconfig(path), timeout=5.0)) as connection:
            yield server, connection


def source_facts(state: ClusterState, which: Source) -> SourceFacts:
    """What is known of one of the sources."""
    (facts,) = [one for one in state.sources() if one.source is which]
    return facts


def renew(server: ApiServer, moment: float | None = None) -> None:
    """Whoever approves and signs shows that it lives: now, which may be minutes after these tests began."""
    for name in ("kube-controller-manager", "kubelet-serving-csr-approver"):
        server.store.put("leases", objects.lease(name, time.time() if moment is None else moment))


@dataclass
class Cluster:
    """The server and the agent that asks it."""

    server: ApiServer
    agent: ClusterAgent
    kubeconfig: Path
    marks: int = 0
    _tick: threading.Event = field(default_factory=threading.Event)

    def text(self) -> str:
        """One scrape in Prometheus's text format."""
        return self.agent.exposition("", False).body.decode()

    def series(self) -> Series:
        """One scrape, parsed: it must be well-formed, and no series may be there twice."""
        found: Series = {}
        for family in text_string_to_metric_families(self.text()):
            for sample in family.samples:
                key = (sample.name, tuple(sorted(sample.labels.items())))
                assert key not in found, f"twice: {key}"
                found[key] = sample.value
        return found

    def values(self, metric: str, **labels: str) -> list[float]:
        """The values of the series of a metric that have these labels."""
        wanted = set(labels.items())
        return [value for (name, has), value in self.series().items() if name == metric and wanted <= set(has)]

    def until(self, true: Callable[[], object], what: str = "") -> None:
        """Wait for what the agent is to find out; half a minute is a failure, on a busy machine too."""
        deadline = time.monotonic() + 30
        while not true():
            assert time.monotonic() < deadline, f"not within 30 s: {what}\n{self.text()}"
            self._tick.wait(0.02)

    def until_value(self, expected: float, metric: str, **labels: str) -> None:
        """Wait for one series to have a value."""
        self.until(lambda: self.values(metric, **labels) == [expected], f"{metric} {labels} {expected}")

    def until_ready(self) -> None:
        """Wait for the first answer of every source, and for the count of certificate objects, which is none."""
        self.until(lambda: not self.agent.unanswered() and self.agent.facts.counted is not None, "ready")

    def until_told(self) -> None:
        """Wait until everything that has happened is in the exposition: a mark goes the same way and comes out."""
        self.marks += 1
        version = f"v0.0.{self.marks}"
        self.server.store.put("nodes", node(MARK, version=version))
        self.until(lambda: self.values("akscert_node_info", node=MARK, kubelet_version=version), "mark")


@contextlib.contextmanager
def cluster(
    folder: Path,
    *,
    prepare: Callable[[ApiServer], None] = populate,
    credential: Credential | None = None,
    authority: Authority = CA,
    addresses: tuple[tuple[str, int], ...] = (),
    intervals: Intervals = OFTEN,
    azure: AzureSource | None = None,
    azure_id: ResourceId | None = None,
    clock: Callable[[], float] = time.time,
    observing: Observing | None = None,
    looking: Looking | None = None,
    workloads: bool = False,
    preflight: bool = False,
    token: str = "",
    settle: float = 0.01,
) -> Iterator[Cluster]:
    """The agent of a kubeconfig that trusts `authority`, started, and stopped at the end."""
    with ApiServer(credential or serving()) as server:
        prepare(server)
        path = write_kubeconfig(folder / "kubeconfig", server.kubeconfig(authority.pem, token=token))
        connection = Connection(Kubeconfig(path), timeout=5.0)
        agent = ClusterAgent(
            connection,
            addresses=addresses,
            azure=azure,
            azure_id=azure_id,
            intervals=intervals,
            observing=observing,
            looking=looking,
            workloads=workloads,
            preflight=preflight,
            settle=settle,
            clock=clock,
        )
        agent.start()
        try:
            yield Cluster(server, agent, path)
        finally:
            agent.stop()
