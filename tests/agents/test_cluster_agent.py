"""The cluster agent (cluster/agent.py) as its settings make it, and what it says before any thread runs."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import pytest

from exporter.agents.cluster import agent as cluster_module
from exporter.agents.cluster.agent import ClusterAgent, agent_over, cluster_agent, kube_connection
from exporter.agents.cluster.azure_look import AzureLook
from exporter.agents.cluster.certificates_api import CertificatesApiLooks
from exporter.agents.cluster.endpoint_looks import EndpointLooks, Looking
from exporter.agents.cluster.kube_sources import KUBE_SOURCES, Intervals
from exporter.agents.cluster.node_looks import KubeletLooks, NodeAgentLooks, Observing
from exporter.agents.cluster.preflight import PreflightLooks
from exporter.agents.cluster.workloads import WorkloadLooks
from exporter.facts.azure.managed_cluster import AzureFacts, azure_cluster
from exporter.facts.cluster import ClusterFacts
from exporter.facts.kube.node import Node
from exporter.facts.x509 import certificates
from exporter.reason import Ca, Lease, Mode, Rotation, Source
from exporter.settings import Command, SettingsError, resolve
from exporter.sources.kube.connection import Connection, Kubeconfig
from simulation.api.server import ApiServer, write_kubeconfig
from simulation.azure.bodies import managed_cluster
from simulation.demo.azure_courses import CLUSTER
from tests.agents.clusters import CA, NEXT_CA, populate, serving
from tests.check.known import NOW
from tests.web.test_tls import comes


@pytest.fixture(scope="module")
def server() -> Iterator[ApiServer]:
    with ApiServer(serving()) as found:
        populate(found)
        yield found


@pytest.fixture
def path(server: ApiServer, tmp_path: Path) -> Path:
    return write_kubeconfig(tmp_path / "kubeconfig", server.kubeconfig(CA.pem))


@pytest.fixture
def connection(path: Path) -> Iterator[Connection]:
    with closing(Connection(Kubeconfig(path), timeout=5.0)) as found:
        yield found


@pytest.fixture(autouse=True)
def outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of any Pod, and without an identity."""
    for name in ("KUBERNETES_SERVICE_HOST", "AZURE_FEDERATED_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)


def of_settings(path: Path, **flags: object) -> ClusterAgent:
    return cluster_agent(resolve(Command.CLUSTER, {"kubeconfig": str(path), **flags}, {}))


def kinds(agent: ClusterAgent) -> list[type]:
    return [type(one) for one in agent._looks]


def test_by_itself_it_looks_at_kubelets_and_endpoints(path: Path) -> None:
    agent = of_settings(path)
    assert kinds(agent) == [KubeletLooks, EndpointLooks, CertificatesApiLooks]
    assert [one.source for one in agent.sources()] == [*KUBE_SOURCES, Source.KUBELETS, Source.ENDPOINTS]
    kubelets, endpoints, _ = agent._looks
    assert isinstance(kubelets, KubeletLooks)
    assert isinstance(endpoints, EndpointLooks)
    assert (kubelets._port, kubelets._poll._interval, endpoints._poll._interval) == (10250, 300.0, 600.0)
    assert (agent._kube._in_pod, agent._kube._conversions) == (False, True)
    assert (agent._azure, agent._wanted, agent._runbooks, agent._grafana) == (None, (), "", "")
    assert agent.mode is Mode.CLUSTER
    assert not hasattr(cluster_module, "AzureSource")  # which costs 30 MiB


def test_each_setting_goes_where_it_belongs(path: Path, tmp_path: Path) -> None:
    (tmp_path / "client.yml").write_text("scheme: http\n")
    agent = of_settings(
        path,
        apiserver_address=["10.0.0.1:443", "10.0.0.2:444"],
        azure_resource_id=CLUSTER.path,
        endpoints_resolve=["security/policy=127.0.0.1:8443"],
        workloads_enabled="true",
        preflight_enabled="true",
        kubelets_interval="7m",
        kubelets_port="7",
        node_agents_service="monitoring/agents",
        node_agents_client_config=str(tmp_path / "client.yml"),
        runbooks_url="https://runbooks.example/",
        grafana_url="https://grafana.example",
    )
    assert kinds(agent) == [
        KubeletLooks,
        NodeAgentLooks,
        EndpointLooks,
        WorkloadLooks,
        PreflightLooks,
        CertificatesApiLooks,
    ]
    more = (Source.AZURE, Source.KUBELETS, Source.NODE_AGENTS, Source.ENDPOINTS, Source.WORKLOADS, Source.PREFLIGHT)
    assert [one.source for one in agent.sources()] == [*KUBE_SOURCES, *more]
    kubelets, agents, endpoints, *_ = agent._looks
    assert isinstance(kubelets, KubeletLooks)
    assert isinstance(agents, NodeAgentLooks)
    assert isinstance(endpoints, EndpointLooks)
    assert (kubelets._port, kubelets._poll._interval) == (7, 420.0)
    assert (agents._service, agents._file) == ("agents", tmp_path / "client.yml")
    assert "/namespaces/monitoring/" in agents._path
    assert endpoints._looking.resolve("security", "policy", 443) == ("127.0.0.1", 8443)
    assert agent._addresses() == (("10.0.0.1", 443), ("10.0.0.2", 444))
    assert (agent._runbooks, agent._grafana) == ("https://runbooks.example", "https://grafana.example")
    assert agent._kube.on_node_request == kubelets.soon
    assert agent._azure is not None
    assert agent._azure._wanted == CLUSTER


def test_an_interval_that_is_set_to_nothing_is_the_usual_one(path: Path) -> None:
    kubelets, *_ = of_settings(path, kubelets_interval="")._looks
    assert isinstance(kubelets, KubeletLooks)
    assert kubelets._poll._interval == 300.0


def test_without_a_kubeconfig_the_connection_is_the_pods_own(connection: Connection) -> None:
    assert agent_over(connection, resolve(Command.CLUSTER, {}, {}))._kube._in_pod


def test_until_the_cas_of_the_cluster_are_read_kubelets_are_held_to_those_of_the_connection(
    connection: Connection,
) -> None:
    agent = ClusterAgent(connection, observing=Observing(kubelets=True))
    kubelets, *_ = agent._looks
    assert isinstance(kubelets, KubeletLooks)
    assert kubelets._asker._authorities() == certificates(CA.pem)
    agent._published = ClusterFacts(cas={Ca.CLUSTER: certificates(NEXT_CA.pem)})
    assert kubelets._asker._authorities() == certificates(NEXT_CA.pem)


def test_what_is_not_wanted_is_not_looked_at(path: Path) -> None:
    agent = of_settings(path, kubelets_enabled="false", endpoints_enabled="false", azure_enabled="true")
    assert kinds(agent) == [CertificatesApiLooks]
    assert not agent._kube._conversions
    assert agent._azure is not None
    assert agent._azure._wanted is None


def test_without_credentials_there_is_no_agent(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError) as raised:
        kube_connection(resolve(Command.CLUSTER, {}, {}))
    assert str(raised.value) == "--kubeconfig: not given, and this is no Pod"
    with pytest.raises(SettingsError, match="nosuch"):
        kube_connection(resolve(Command.CLUSTER, {"kubeconfig": str(path), "context": "nosuch"}, {}))
    with pytest.raises(SettingsError, match="no such file"):
        kube_connection(resolve(Command.CLUSTER, {"kubeconfig": str(tmp_path / "none")}, {}))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    with pytest.raises(SettingsError, match="service account"):
        kube_connection(resolve(Command.CLUSTER, {}, {}))
    settings = resolve(Command.CLUSTER, {"kubeconfig": str(path), "context": "simulated"}, {})
    with closing(kube_connection(settings)) as one:
        assert one.server[0] == "127.0.0.1"


EVERYTHING = Intervals(
    config_maps=1.0,
    leases=2.0,
    bundles=3.0,
    apiserver=4.0,
    workloads=5.0,
    preflight=6.0,
    watch=7.0,
    backoff=0.4,
    azure=8.0,
    azure_operating=9.0,
    first_answer=10.0,
    azure_without_nodes=11.0,
)


class Azure:
    """Nobody that is asked."""

    asked_to_wait = None

    def close(self) -> None:
        """Nothing to close."""


def test_so_often_it_looks_as_it_is_told(connection: Connection) -> None:
    agent = ClusterAgent(
        connection,
        azure=Azure(),  # type: ignore[arg-type]
        intervals=EVERYTHING,
        workloads=True,
        preflight=True,
        settle=0.5,
    )
    kube = agent._kube
    assert [look._interval for look in kube._looks] == [1.0, 2.0, 3.0, 3.0, 4.0]
    assert [type(one) for one in agent._looks] == [WorkloadLooks, PreflightLooks, CertificatesApiLooks]
    assert [one._look._interval for one in agent._looks] == [5.0, 6.0, 3.0]  # type: ignore[union-attr]
    assert isinstance(agent._azure, AzureLook)
    assert agent._azure._without_nodes == 11.0
    assert agent._azure._pause.keywords == {"steady": 8.0, "operating": 9.0}  # type: ignore[attr-defined]
    assert agent._overdue.interval == 10.0
    assert agent._overdue.daemon
    assert agent._owner._settle == 0.5
    usual = ClusterAgent(connection, workloads=True, preflight=True)
    assert [one._look._interval for one in usual._looks] == [600.0, 300.0, 300.0]  # type: ignore[union-attr]
    assert (usual._overdue.interval, usual._owner._settle) == (60.0, 0.2)
    least = ClusterAgent(connection)
    assert (kinds(least), least._kube._in_pod, least._kube._conversions) == ([CertificatesApiLooks], False, False)


def node(name: str, provider_id: str) -> Node:
    return Node(name, "p", "v1.33.2", "", "linux", "", "cluster", Rotation.ENABLED, NOW, True, provider_id, "")


@pytest.mark.parametrize(
    ("ids", "found"),
    [
        (None, None),
        ((), None),
        (("", ""), None),
        (("kind://a", "kind://b"), "kind://a"),
        (("", "kind://a", "azure:///x", "azure:///y"), "azure:///x"),
    ],
)
def test_a_node_of_azures_leads_to_the_cluster(
    ids: tuple[str, ...] | None, found: str | None, connection: Connection
) -> None:
    agent = ClusterAgent(connection)
    nodes = None if ids is None else tuple(node(str(number), one) for number, one in enumerate(ids))
    agent._published = ClusterFacts(nodes=nodes)
    assert agent._provider_id() == found


def test_the_server_that_is_asked_and_those_that_azure_names_are_looked_at(connection: Connection) -> None:
    agent = ClusterAgent(connection)
    here = connection.server
    assert agent._addresses() == (here,)
    azure = azure_cluster(managed_cluster(CLUSTER, (), fqdn="aks1.invalid"), CLUSTER)
    agent._published = ClusterFacts(azure=AzureFacts(azure))
    assert agent._addresses() == (here, ("aks1.invalid", 443))
    assert ClusterAgent(connection, addresses=(("a", 1),))._addresses() == (("a", 1),)
    assert agent.server == f"127.0.0.1:{here[1]}"


def test_until_a_scrape_shows_an_answer_its_source_is_waited_for(connection: Connection) -> None:
    agent = ClusterAgent(connection, clock=lambda: NOW)
    assert agent.unanswered() == KUBE_SOURCES
    agent._state.nodes_listed([], NOW)
    agent._state.answered(Source.LEASES, NOW)
    assert agent.unanswered() == KUBE_SOURCES
    agent._publish()
    rest = tuple(one for one in KUBE_SOURCES if one not in {Source.NODES, Source.LEASES})
    assert agent.unanswered() == rest
    agent._state.answered(Source.CSRS, NOW)
    assert agent.unanswered() == tuple(one for one in rest if one is not Source.CSRS)
    agent._state.nodes_listed([node("a", "")], NOW)
    agent._state.answered(Source.WEBHOOKS, NOW)
    assert agent.unanswered() == tuple(one for one in rest)
    agent._publish()
    assert Source.WEBHOOKS not in agent.unanswered()
    assert agent.at_once("", True) is None


def test_what_changes_by_itself_is_shown_as_it_is_now(connection: Connection) -> None:
    """Leases and clocks; all else as it was published."""
    agent = ClusterAgent(connection, clock=lambda: NOW)
    agent._state.leases_read({Lease.KUBE_CONTROLLER_MANAGER: NOW - 5}, NOW)
    agent._state.nodes_listed([], NOW)
    connection.clock_offset = 3.0
    facts = agent.facts
    assert facts == replace(ClusterFacts(), leases={Lease.KUBE_CONTROLLER_MANAGER: NOW - 5}, clock_offset=3.0)
    agent._publish()
    assert agent.facts.nodes == ()
    agent._state.leases_read({Lease.KUBE_CONTROLLER_MANAGER: NOW + 105}, NOW)
    assert set(agent.facts.leases_ahead.values()) == {102.0}


def test_a_scrape_tells_of_the_cluster_first_and_of_the_process_last(connection: Connection) -> None:
    scrape = ClusterAgent(connection).exposition("", False).body.decode()
    families = re.findall(r"^# TYPE ([a-z]+)_", scrape, re.MULTILINE)
    assert [subject for subject, _ in groupby(families)] == ["akscert", "python", "akscert", "process"]


def body(agent: ClusterAgent, path: str, name: str = "", query: dict[str, str] | None = None) -> str:
    document = agent.documents[path](name, query or {})
    assert document is not None
    return document.body.decode() if isinstance(document.body, bytes) else str(document.body)


def test_its_documents_are_a_page_facts_nodes_and_runbooks(connection: Connection) -> None:
    agent = ClusterAgent(connection, clock=lambda: NOW)
    agent._state.nodes_listed([node("aks-1", ""), node("aks-2", "")], NOW)
    agent._state.failed(Source.LEASES)
    agent._publish()
    assert list(agent.documents) == ["/", "/facts", "/nodes/", "/runbooks/"]
    facts = json.loads(body(agent, "/facts"))
    assert (facts["cluster"], facts["looked_at"]) == (agent.server, NOW)
    assert [one["source"] for one in facts["sources"]] == list(KUBE_SOURCES)
    assert "aks-1" in body(agent, "/nodes/", "aks-1")
    assert agent.documents["/nodes/"]("nosuch", {}) is None
    assert "AksCertExpired" in body(agent, "/runbooks/", "AksCertExpired")
    assert agent.documents["/runbooks/"]("nosuch", {}) is None
    page = body(agent, "/")
    assert page == agent.page({})
    assert agent.server in page
    other = {"q": "aks-2"}
    assert body(agent, "/", query=other) == agent.page(other)


def test_links_lead_to_the_runbooks_and_the_grafana_that_are_set(connection: Connection) -> None:
    def pages(**links: str) -> tuple[str, str, str]:
        agent = ClusterAgent(connection, clock=lambda: NOW, **links)  # type: ignore[arg-type]
        agent._state.nodes_listed([replace(node("aks-1", ""), serving_rotation=Rotation.DISABLED)], NOW)
        for which in KUBE_SOURCES:
            agent._state.answered(which, NOW)
        agent._publish()
        return body(agent, "/"), body(agent, "/facts"), body(agent, "/nodes/", "aks-1")

    page, facts, own = pages()
    assert '"/runbooks/AksCertRotationDisabled"' in facts
    assert 'href="runbooks/AksCertRotationDisabled' in page
    page, facts, own = pages(runbooks="https://r.example/", grafana="https://g.example")
    for text in (page, facts):
        assert "https://r.example/AksCertRotationDisabled" in text
    for text in (page, own):
        assert '"https://g.example/d/akscert-node?var-node=aks-1"' in text


def test_every_part_is_started_and_stopped(connection: Connection) -> None:
    observing = Observing(kubelets=True, service=("monitoring", "agents"))
    before = set(threading.enumerate())
    agent = ClusterAgent(
        connection,
        azure=Azure(),  # type: ignore[arg-type]
        observing=observing,
        looking=Looking(True),
        workloads=True,
        preflight=True,
        settle=0.0,
    )
    agent.start()
    threads = set(threading.enumerate()) - before
    assert {thread.name for thread in threads - {agent._overdue}} >= {
        *("facts", "config maps", "leases", "webhooks", "apiservices", "apiserver", "azure", "certificates API"),
        *("kubelets", "kubelets judged", "endpoint slices", "node agents", "node agents judged", "endpoints"),
        *("workloads", "preflight"),
    }
    assert all(thread.daemon for thread in threads)
    assert agent._overdue in threads
    assert comes(lambda: all(one.up is not None for one in agent.sources() if one.source in KUBE_SOURCES))
    agent.stop()
    assert comes(lambda: not any(thread.is_alive() for thread in threads))
