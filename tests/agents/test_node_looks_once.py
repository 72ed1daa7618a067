"""Single steps of the looks at nodes (node_looks): whom they would ask, whom they found, what they make of silence."""

import asyncio
import json
import logging
import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from exporter.agents.cluster.kube_sources import KUBE_SOURCES
from exporter.agents.cluster.node_looks import KubeletLooks, NodeAgentLooks, Observing
from exporter.agents.cluster.state import ClusterState
from exporter.facts.kube.endpoint_slice import PodAddress
from exporter.facts.kube.kubelet_report import KubeletReport
from exporter.facts.kube.node import Node
from exporter.facts.node_document import node_document
from exporter.facts.source import Failure
from exporter.reason import KubeletStatus, Reason, Rotation, Source
from exporter.settings import SettingsError
from exporter.sources.kube.connection import Connection
from exporter.sources.kubelets.ask import Kubelet
from exporter.sources.node_agents.ask import Said
from simulation.api import objects
from simulation.api.server import ApiServer, Fault, FaultKind
from simulation.node.kubelet import SimulatedKubelets
from tests.agents import clusters
from tests.agents.clusters import CA, connected, source_facts
from tests.agents.test_cluster_nodes import Facts, document, node_agent
from tests.agents.test_node_looks import unused
from tests.check.known import NOW

SERVICE = ("monitoring", "agents")


def test_so_often_is_asked_where_nobody_says_how_often() -> None:
    assert Observing() == Observing(
        kubelets=False,
        kubelet_interval=300.0,
        kubelet_port=10250,
        kubelet_timeout=10.0,
        kubelet_apart=15.0,
        service=None,
        client_config=None,
        agent_interval=60.0,
        agent_timeout=10.0,
        slices_interval=30.0,
        judged=10.0,
    )


@pytest.mark.parametrize(
    ("kubelets", "service", "sources"),
    [
        (False, None, ()),
        (True, None, (Source.KUBELETS,)),
        (False, SERVICE, (Source.NODE_AGENTS,)),
        (True, SERVICE, (Source.KUBELETS, Source.NODE_AGENTS)),
    ],
)
def test_who_is_asked_is_a_source(kubelets: bool, service: tuple[str, str] | None, sources: tuple[Source, ...]) -> None:
    assert Observing(kubelets=kubelets, service=service).sources == sources


def node(name: str, *addresses: str, port: int = 0, virtual: bool = False) -> Node:
    return Node(
        name, "p", "v1.33.2", "", "linux", "", "", Rotation.ENABLED, NOW, True, "", "", addresses, port, virtual
    )


@dataclass
class Kubelets:
    """Looks that were not started, over nodes as a test sets them."""

    connection: Connection
    nodes: tuple[Node, ...] | None = None

    def __post_init__(self) -> None:
        self.state = ClusterState((*KUBE_SOURCES, Source.KUBELETS))
        self.looks = KubeletLooks(
            self.connection,
            self.state,
            lambda work: work(),
            lambda: self.nodes,
            tuple,
            Observing(kubelets=True, kubelet_port=7, kubelet_timeout=0.5),
            lambda: NOW,
        )

    def outcome(self) -> tuple[bool | None, float | None, str]:
        facts = source_facts(self.state, Source.KUBELETS)
        return facts.up, facts.last_success, facts.last_error


@pytest.fixture
def kubelets(tmp_path: Path) -> Iterator[Kubelets]:
    with closing(unused(tmp_path)) as connection:
        yield Kubelets(connection)


def test_the_kubelets_of_nodes_with_an_address_are_asked_at_their_port_or_the_usual_one(kubelets: Kubelets) -> None:
    assert kubelets.looks._fleet() == {}
    kubelets.nodes = (node("a", "10.0.0.1", "a.internal"), node("b", "10.0.0.2", port=9), node("c"))
    kubelets.nodes += (node("d", "10.0.0.3", virtual=True),)
    first = kubelets.looks._fleet()
    assert first == {
        "a": Kubelet("a", "10.0.0.1", 7, ("10.0.0.1", "a.internal")),
        "b": Kubelet("b", "10.0.0.2", 9, ("10.0.0.2",)),
    }
    kubelets.nodes = tuple(replace(one, ready=False) for one in kubelets.nodes)
    assert kubelets.looks._fleet() is first  # whoever asks them need not go through them again
    kubelets.nodes = kubelets.nodes[:1]
    assert list(kubelets.looks._fleet()) == ["a"]
    kubelets.nodes = None
    assert kubelets.looks._fleet() == {}


def test_kubelets_are_asked_with_what_is_known_and_told_as_often_as_is_wanted(kubelets: Kubelets) -> None:
    """The CAs that must have signed theirs, our token, and a bound of time."""
    asker, poll, judge = kubelets.looks._asker, kubelets.looks._poll, kubelets.looks._judge
    assert (asker._authorities(), asker._token(), asker._clock(), asker._timeout) == ((), "", NOW, 0.5)
    assert (poll._interval, poll._apart, judge._interval) == (300.0, 15.0, 10.0)
    assert (poll._members, poll._ask, poll._left) == (
        kubelets.looks._fleet,
        kubelets.looks._look,
        kubelets.looks._left,
    )
    assert (poll._thread.name, judge._look) == ("kubelets", kubelets.looks._judged)
    kubelets.looks.soon("a")
    assert poll._wanted == {"a"}
    kubelets.looks.start()
    assert (poll._thread.is_alive(), judge._thread.is_alive()) == (True, True)
    kubelets.looks.stop()
    assert (poll._thread.is_alive(), judge._thread.is_alive()) == (False, False)


@pytest.mark.parametrize(
    ("nodes", "told", "expected"),
    [
        (None, (), (None, None, "")),
        ((), (), (True, NOW, "")),
        (("a",), (), (None, None, "")),
        (("a",), (KubeletStatus.REFUSED,), (False, None, "none of 1 answered: 0: refused")),
        (("a",), (KubeletStatus.REFUSED, KubeletStatus.OK), (True, NOW, "")),
        (None, (KubeletStatus.REFUSED,), (None, None, "")),
    ],
)
def test_whether_kubelets_answer_is_said_once_any_was_asked_or_there_are_none(
    nodes: tuple[str, ...] | None,
    told: tuple[KubeletStatus, ...],
    expected: tuple[bool | None, float | None, str],
    kubelets: Kubelets,
) -> None:
    kubelets.nodes = None if nodes is None else tuple(node(name, "10.0.0.1") for name in nodes)
    kubelets.looks._fleet()
    for number, status in enumerate(told):
        known = True if status is KubeletStatus.OK else None
        kubelets.state.observed.kubelet_told(KubeletReport(str(number), status, client_certificate=known), NOW)
    assert kubelets.looks._judged() is True
    assert kubelets.outcome() == expected


def test_what_a_kubelet_said_is_told_and_forgotten_when_it_leaves(kubelets: Kubelets) -> None:
    assert asyncio.run(kubelets.looks._look(Kubelet("a", "127.0.0.1", 1))) is False
    asked, told, failure = kubelets.state.observed.kubelet_failures()
    assert (asked, told) == (1, 0)
    assert failure is not None
    assert failure.reason is Reason.REFUSED
    with SimulatedKubelets() as simulated:
        address = simulated.start(CA.kubelet_serving("a", clusters.NOW), CA).address
        assert asyncio.run(kubelets.looks._look(Kubelet("a", *address))) is True
    assert kubelets.state.observed.kubelet_failures() == (1, 1, None)
    kubelets.looks._left("a")
    assert kubelets.state.observed.kubelet_failures() == (0, 0, None)


@dataclass
class Agents:
    """Looks at node agents that were not started."""

    server: ApiServer
    connection: Connection
    config: Path | None = None

    def __post_init__(self) -> None:
        self.state = ClusterState((*KUBE_SOURCES, Source.NODE_AGENTS))
        observing = Observing(service=SERVICE, client_config=self.config, agent_timeout=0.5)
        self.looks = NodeAgentLooks(self.connection, self.state, lambda work: work(), observing, lambda: NOW)

    def put(self, name: str, address: str, service: str = "agents", namespace: str = "monitoring") -> None:
        self.server.store.put("endpointslices", objects.endpoint_slice(namespace, service, name, address, 9964))

    def outcome(self) -> tuple[bool | None, float | None, str]:
        facts = source_facts(self.state, Source.NODE_AGENTS)
        return facts.up, facts.last_success, facts.last_error


@pytest.fixture
def agents(tmp_path: Path) -> Iterator[Agents]:
    with connected(tmp_path) as (server, connection):
        yield Agents(server, connection)


def test_the_node_agents_are_those_behind_their_service(agents: Agents) -> None:
    agents.put("a", "10.0.0.1")
    agents.put("b", "10.0.0.2", service="other")
    agents.put("c", "10.0.0.3", namespace="other")
    assert agents.looks.look_at_slices() is True
    first = agents.looks._members
    assert first == {"a": PodAddress("a", "10.0.0.1", 9964)}
    assert agents.looks.look_at_slices()
    assert agents.looks._members is first
    agents.server.faults.add(Fault(FaultKind.STATUS, status=403), resource="endpointslices", times=None)
    assert agents.looks.look_at_slices() is False
    assert agents.looks._members is first
    up, last, words = agents.outcome()
    assert (up, last) == (False, None)
    assert "403" in words


DOCUMENT = node_document(b'{"schema": 1, "agent": "node", "node": "a", "looked_at": 1.0, "findings": []}')
SILENT = Failure(Reason.TIMEOUT, "late")


@pytest.mark.parametrize(
    ("listed", "members", "told", "silent", "expected"),
    [
        (False, False, False, False, (None, None, "")),
        (True, False, False, False, (True, NOW, "")),
        (True, True, False, False, (None, None, "")),
        (True, True, False, True, (False, None, "none of 1 answered: a: late")),
        (True, True, True, False, (True, NOW, "")),
        (True, False, True, False, (True, NOW, "")),
        (False, True, True, False, (None, None, "")),
    ],
)
def test_whether_node_agents_answer_is_said_once_they_are_listed(
    listed: bool,
    members: bool,
    told: bool,
    silent: bool,
    expected: tuple[bool | None, float | None, str],
    agents: Agents,
) -> None:
    if members:
        agents.put("a", "10.0.0.1")
    if listed or members:
        agents.looks.look_at_slices()
    agents.looks._listed = listed
    if told:
        agents.state.observed.agent_told(DOCUMENT, NOW)
    if silent:
        agents.state.observed.agent_silent("a", SILENT, NOW)
    assert agents.looks._judged() is True
    assert agents.outcome() == expected


def test_what_an_agent_said_is_kept_until_it_leaves(agents: Agents) -> None:
    """Its silence is told with its reason."""
    agents.looks._said["a"] = Said(DOCUMENT, "tag")
    assert asyncio.run(agents.looks._look(PodAddress("a", "127.0.0.1", 1))) is False
    asked, told, failure = agents.state.observed.agent_failures()
    assert (asked, told) == (1, 0)
    assert failure is not None
    assert failure.reason is Reason.REFUSED
    assert agents.looks._said == {"a": Said(DOCUMENT, "tag")}
    with node_agent(Facts(document("a"))) as address:
        assert asyncio.run(agents.looks._look(PodAddress("a", *address))) is True
    assert agents.state.observed.agent_failures() == (1, 1, None)
    assert agents.looks._said["a"].document.findings[0].what == "It is so."
    agents.looks._left("a")
    agents.looks._left("a")
    assert agents.looks._said == {}
    assert agents.state.observed.agent_failures() == (0, 0, None)


def test_a_client_configuration_is_read_again_when_it_changes(
    agents: Agents, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One that is half written is complained of once, and what is in hand is used until it is whole."""
    caplog.set_level(logging.WARNING)
    file = tmp_path / "client.yml"

    def write(name: str, moment: int) -> None:
        file.write_text(json.dumps({"scheme": "https", "tls_config": {"server_name": name, "ca_file": "ca.pem"}}))
        os.utime(file, ns=(moment, moment))

    def server_name() -> str | None:
        looks.look_at_slices()
        return looks._access.server_name

    (tmp_path / "ca.pem").write_bytes(CA.pem)
    write("one", 1)
    looks = replace(agents, config=file).looks
    assert server_name() == "one"
    before = file.stat()
    write("won", 1)  # in place, as long as before, and dated back
    after = file.stat()
    assert (after.st_ino, after.st_size, after.st_mtime_ns) == (before.st_ino, before.st_size, before.st_mtime_ns)
    assert server_name() == "won"
    first = looks._access
    assert (server_name(), looks._access is first) == ("won", True)
    write("two", 2)
    assert server_name() == "two"
    file.rename(tmp_path / "former")
    write("of the same moment", 2)
    assert server_name() == "of the same moment"
    write("two", 1)
    assert server_name() == "two"
    assert caplog.messages == []
    file.write_text("scheme: [")
    assert [server_name(), server_name()] == ["two", "two"]
    assert len(caplog.messages) == 1
    file.write_text("scheme: gopher")
    assert server_name() == "two"
    assert caplog.messages[1:] == [f"{file}: scheme: not one of http, https"]
    file.unlink()
    assert server_name() == "two"
    assert caplog.messages[2:] == [f"{file}: No such file or directory"]
    write("three", 3)
    assert server_name() == "three"
    assert looks._complaint == ""
    with pytest.raises(SettingsError):
        replace(agents, config=tmp_path / "none")


def test_agents_are_looked_for_and_asked_as_often_as_is_wanted(agents: Agents) -> None:
    poll, slices, judge = agents.looks._poll, agents.looks._slices, agents.looks._judge
    assert (poll._interval, slices._interval, judge._interval) == (60.0, 30.0, 10.0)
    assert (poll._ask, poll._left, poll._members()) == (agents.looks._look, agents.looks._left, {})
    assert (slices._look, judge._look) == (agents.looks.look_at_slices, agents.looks._judged)
    agents.looks.start()
    threads = [part._thread for part in (poll, slices, judge)]
    assert [thread.is_alive() for thread in threads] == [True] * 3
    agents.looks.stop()
    assert [thread.is_alive() for thread in threads] == [False] * 3
