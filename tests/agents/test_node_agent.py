"""The node agent (agents/node/agent.py) as its settings make it, what it says, and what it asks its kubelet's port."""

import json
import logging
import socket
from pathlib import Path

import pytest

from exporter.agents.node.agent import NodeAgent, node_agent
from exporter.agents.node.kubelet_probe import PERIOD, TIMEOUT, KubeletProbe
from exporter.facts.certificate import Certificate
from exporter.facts.host.host_facts import Served
from exporter.facts.source import SourceFacts
from exporter.facts.x509 import certificates
from exporter.reason import FileStatus, Mode, Reason, Source
from exporter.settings import Command, SettingsError, resolve
from exporter.sources.parsing.in_process import InProcess
from exporter.sources.parsing.interface import ParserFailure
from simulation.node.kubelet import SimulatedKubelets
from simulation.node.scenarios import scenario
from simulation.node.simulated_node import build
from tests.agents import nodes
from tests.agents.nodes import agent_of, simulated
from tests.check.known import NOW


def made(root: Path, *, environment: dict[str, str] | None = None, **flags: str) -> NodeAgent:
    return node_agent(resolve(Command.NODE, {"host_root": str(root), **flags}, environment or {}))


@pytest.mark.parametrize(
    ("root", "name", "named"), [("/", "", True), ("/", "a", True), (".", "", False), (".", "a", True)]
)
def test_below_another_root_this_machines_name_says_nothing(root: str, name: str, named: bool, tmp_path: Path) -> None:
    at = Path("/") if root == "/" else tmp_path
    agent = agent_of(at, name=name, runbooks_url="https://r.example", grafana_url="https://g.example")
    assert (agent.named, agent.node) == (named, name or socket.gethostname())
    assert (agent._runbooks, agent._grafana) == ("https://r.example", "https://g.example")
    assert (agent.mode, list(agent.documents)) == (Mode.NODE, ["/", "/facts", "/runbooks/"])


UNSET = "HOST_IP is not set, and no kubelet address is given"


@pytest.mark.parametrize(
    ("flags", "environment", "up", "words", "why"),
    [
        ({}, {}, False, f"not looked at: {UNSET}", UNSET),
        ({"kubelet_address": ""}, {}, None, "", "the kubelet's address is set to nothing"),
        ({"kubelet_address": ""}, {"HOST_IP": "127.0.0.1"}, None, "", "the kubelet's address is set to nothing"),
        ({}, {"HOST_IP": "127.0.0.1"}, None, "", ""),
        ({"kubelet_address": "127.0.0.1:7"}, {}, None, "", ""),
    ],
)
def test_a_port_that_is_not_looked_at_is_a_source_that_says_why(
    flags: dict[str, str], environment: dict[str, str], up: bool | None, words: str, why: str, tmp_path: Path
) -> None:
    agent = made(tmp_path, environment=environment, **flags)
    (facts,) = agent.sources()
    assert (facts.source, facts.up, facts.last_error, facts.skipped) == (Source.KUBELET, up, words, why)
    assert agent.unanswered() == (() if why else (Source.KUBELET,))
    assert (agent.wire is None) is bool(why)
    if agent.wire is not None:
        assert agent.wire.host == "127.0.0.1"
        agent.wire.look()  # a failure is an answer
        assert agent.unanswered() == ()


@pytest.mark.parametrize(
    ("name", "preset", "path"),
    [
        ("healthy", "auto", "/etc/kubernetes/certs/ca.crt"),
        ("windows-healthy", "auto", "C:\\k\\ca.crt"),
        ("healthy", "aks-windows", "C:\\k\\ca.crt"),
        ("windows-healthy", "aks-linux", "/etc/kubernetes/certs/ca.crt"),
    ],
)
def test_the_table_of_paths_is_the_one_that_fits_or_is_wanted(
    name: str, preset: str, path: str, tmp_path: Path
) -> None:
    root = build(scenario(name), tmp_path / "host", nodes.NOW, nodes.CA).root
    agent = made(root, kubelet_address="", paths_preset=preset)
    found = {one.path: one.status for one in agent.look().files}
    assert found[path] is (FileStatus.OK if preset == "auto" else FileStatus.NOT_FOUND)


def test_certificates_count_among_the_files_that_tell_which_table_fits(tmp_path: Path) -> None:
    (tmp_path / "k").mkdir()
    (tmp_path / "k" / "ca.crt").write_bytes(nodes.CA.pem)
    found = {one.path: one.status for one in made(tmp_path, kubelet_address="").look().files}
    assert found["C:\\k\\ca.crt"] is FileStatus.OK


def test_files_that_tell_of_a_kubelet_count_as_well_and_most_of_them_decide(tmp_path: Path) -> None:
    """Linux, which is named first, has one of its files there, a certificate."""
    for path in ("etc/kubernetes/certs/ca.crt", "k/config", "k/kubeclusterconfig.json"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(nodes.CA.pem)
    found = {one.path for one in made(tmp_path, kubelet_address="").look().files}
    assert "C:\\k\\ca.crt" in found


def test_where_nothing_is_there_the_paths_are_linuxs(tmp_path: Path) -> None:
    assert "/etc/kubernetes/certs/ca.crt" in {one.path for one in made(tmp_path, kubelet_address="").look().files}


def test_what_seldom_changes_is_told_of_the_sources_first_and_of_the_process_last(tmp_path: Path) -> None:
    names = [family.name for family in agent_of(tmp_path)._settled().families()]
    assert names == ["akscert_source_up", "akscert_source_errors", "akscert_build_info", "python_info"]


@pytest.mark.parametrize("preset", ["auto", "aks-linux"])
def test_paths_that_cannot_be_are_one_line(preset: str, tmp_path: Path) -> None:
    file = tmp_path / "config.yml"
    file.write_text("paths: {nosuch: [/a]}\n")
    with pytest.raises(SettingsError) as raised:
        made(tmp_path, kubelet_address="", config_file=str(file), paths_preset=preset)
    assert str(raised.value).startswith(f"{file}: paths: ")


def body(agent: NodeAgent, path: str, name: str = "") -> str:
    document = agent.documents[path](name, {})
    assert document is not None
    return document.body.decode() if isinstance(document.body, bytes) else str(document.body)


def test_its_documents_are_a_page_facts_and_runbooks(tmp_path: Path) -> None:
    root = build(scenario("static-client"), tmp_path / "host", nodes.NOW, nodes.CA, name="aks-1").root
    agent = agent_of(root)
    facts = json.loads(body(agent, "/facts"))
    assert (facts["agent"], facts["node"]) == ("node", "aks-1")
    assert facts["looked_at"] == pytest.approx(nodes.NOW, abs=3600)
    alert = next(one["alert"] for one in facts["findings"] if one["alert"])
    assert f'"/runbooks/{alert}"' in body(agent, "/facts")
    assert f'href="runbooks/{alert}' in body(agent, "/")
    assert alert in body(agent, "/runbooks/", alert)
    assert agent.documents["/runbooks/"]("nosuch", {}) is None
    assert 'http-equiv="refresh"' in body(agent, "/")
    still = agent.documents["/"]("", {"refresh": "0"})
    assert still is not None
    assert 'http-equiv="refresh"' not in str(still.body)
    other = agent_of(root, runbooks_url="https://r.example")
    for path in ("/", "/facts"):
        assert f"https://r.example/{alert}" in body(other, path)


def test_a_certificate_that_nothing_could_verify_is_left_out_and_looked_at_again(tmp_path: Path) -> None:
    """The node is told as far as it can be, and all of it once the parser is well again."""
    node = simulated(tmp_path)
    failing = [True]

    class Parsing(InProcess):
        def signed_by(self, child: Certificate, authority: Certificate) -> bool:  # type: ignore[override]
            if failing and child.subject.startswith("CN=system:node:"):
                raise ParserFailure(FileStatus.TIMEOUT, "it took too long", child)
            return super().signed_by(child, authority)

    agent = agent_of(node.root, parsing=Parsing())
    first = agent.look()
    statuses = {one.path: (one.status, one.detail) for one in first.files}
    client = "/var/lib/kubelet/pki/kubelet-client-current.pem"
    assert statuses[client] == (FileStatus.TIMEOUT, "it took too long")
    assert agent.look() is not first
    failing.clear()
    second = agent.look()
    assert {one.path: one.status for one in second.files}[client] is FileStatus.OK
    assert agent.look() is second


def test_a_served_certificate_that_nothing_could_verify_is_not_seen(tmp_path: Path) -> None:
    node = simulated(tmp_path)
    other = nodes.CA.kubelet_serving("aks-1", nodes.NOW - 86400)
    (leaf,) = certificates(other.certificate_pem)

    class Parsing(InProcess):
        def signed_by(self, child: Certificate, authority: Certificate) -> bool:  # type: ignore[override]
            if child == leaf:
                raise ParserFailure(FileStatus.TIMEOUT, "it took too long", child)
            return super().signed_by(child, authority)

    with SimulatedKubelets() as kubelets:
        agent = agent_of(node.root, kubelet=kubelets.start(other, nodes.CA).address, parsing=Parsing())
        assert agent.wire is not None
        agent.wire.look()
    assert agent.wire.served() is not None
    assert [one.origin for one in agent.look().certificates if one.origin == "wire"] == []


def test_what_nothing_could_verify_and_no_file_holds_is_no_reason_to_try_for_ever(tmp_path: Path) -> None:
    (stranger,) = certificates(nodes.CA.kubelet_serving("aks-2", nodes.NOW).certificate_pem)

    class Parsing(InProcess):
        def signed_by(self, child: Certificate, authority: Certificate) -> bool:  # type: ignore[override]
            raise ParserFailure(FileStatus.TIMEOUT, "it took too long", stranger)

    agent = agent_of(simulated(tmp_path).root, parsing=Parsing())
    with pytest.raises(ParserFailure):
        agent.look()


def probe(address: tuple[str, int], **options: object) -> KubeletProbe:
    return KubeletProbe(address, lambda: None, lambda: NOW, **options)  # type: ignore[arg-type]


def told(wire: KubeletProbe) -> tuple[bool | None, float | None, Reason | None]:
    facts: SourceFacts = wire.facts()
    return facts.up, facts.last_success, facts.last_reason


def test_what_a_kubelet_serves_is_seen_and_what_it_serves_no_more_is_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its silence is one line of the log, and its return another."""
    caplog.set_level(logging.INFO)
    node = simulated(tmp_path)
    (leaf,) = certificates(node.serving.certificate_pem) if node.serving else ()
    assert (PERIOD, TIMEOUT) == (60.0, 5.0)
    with SimulatedKubelets() as kubelets:
        address = kubelets.start(node.serving, nodes.CA).address
        wire = KubeletProbe(address, lambda: leaf, lambda: NOW)
        assert (wire.served(), told(wire)) == (None, (None, None, None))
        for _ in range(2):
            wire.look()
        seen = wire.served()
        assert seen is not None
        assert seen == Served(seen.chain, leaf)
        assert seen.chain[0] == leaf
        assert told(wire) == (True, NOW, None)
        assert caplog.messages == []
    for _ in range(2):
        wire.look()
    assert wire.served() is None
    assert told(wire) == (False, NOW, Reason.REFUSED)
    place = f"kubelet {address[0]}:{address[1]}"
    assert [one.rpartition(":")[0] for one in caplog.messages] == [f"{place}: refused"]


def test_one_that_answers_again_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    node = simulated(tmp_path)
    failing = [True]

    class Parsing(InProcess):
        def served_chain(self, chain: object) -> tuple[Certificate, ...]:
            if failing:
                raise ParserFailure(FileStatus.MALFORMED, "it is odd")
            return super().served_chain(chain)  # type: ignore[arg-type]

    with SimulatedKubelets() as kubelets:
        address = kubelets.start(node.serving, nodes.CA).address
        wire = probe(address, parsing=Parsing())
        wire.look()
        assert told(wire) == (False, None, Reason.CERTIFICATE_MALFORMED)
        assert wire.facts().last_error == "it is odd"
        failing.clear()
        wire.look()
    assert told(wire) == (True, NOW, None)
    assert caplog.messages == [
        f"kubelet {address[0]}:{address[1]}: certificate_malformed: it is odd",
        f"kubelet {address[0]}:{address[1]} answers again",
    ]


def test_a_parser_that_takes_too_long_is_a_timeout(tmp_path: Path) -> None:
    node = simulated(tmp_path)

    class Parsing(InProcess):
        def served_chain(self, chain: object) -> tuple[Certificate, ...]:
            raise ParserFailure(FileStatus.TIMEOUT, "late")

    with SimulatedKubelets() as kubelets:
        wire = probe(kubelets.start(node.serving, nodes.CA).address, parsing=Parsing())
        wire.look()
    assert (told(wire), wire.facts().last_error) == ((False, None, Reason.TIMEOUT), "late")


def test_another_file_on_the_disk_has_the_port_looked_at_at_once(tmp_path: Path) -> None:
    wire = probe(("127.0.0.1", 1))
    (leaf,) = certificates(nodes.CA.kubelet_serving("a", nodes.NOW).certificate_pem)

    def woken() -> bool:
        was = wire._wake.is_set()
        wire._wake.clear()
        return was

    expected = [False, True, False, True, False]
    for certificate, wakes in zip((None, leaf, leaf, None, None), expected, strict=True):
        wire.installed(certificate)
        assert woken() is wakes


def test_each_look_tells_the_port_which_certificate_lies_on_the_disk(tmp_path: Path) -> None:
    node = simulated(tmp_path)
    agent = agent_of(node.root, kubelet=("127.0.0.1", 1))
    assert node.serving is not None
    wire = agent.wire
    assert wire is not None

    def told_() -> tuple[object, object]:
        agent.look()
        return wire._told, wire._installed()

    leaf = certificates(node.serving.certificate_pem)[0]
    assert told_() == (leaf, leaf)
    assert wire._wake.is_set()
    (node.root / "var/lib/kubelet/pki/kubelet-server-current.pem").unlink()
    assert told_() == (None, None)
