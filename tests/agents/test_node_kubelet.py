"""What the node agent and `check` say of the kubelet: its port, the CA it trusts, its settings."""

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.agents.node.agent import NodeAgent, node_agent
from exporter.agents.node.kubelet_probe import KubeletProbe
from exporter.check.command import look_at_host
from exporter.check.render import as_json
from exporter.facts.host.paths import path_table
from exporter.presets import preset
from exporter.reason import FileStatus, Reason
from exporter.settings import Command, resolve
from exporter.sources.files.host_files import HostFiles
from exporter.sources.files.root import KernelRoot, Root
from simulation.node.kubelet import SimulatedKubelets
from simulation.pki import Authority
from tests.agents.nodes import CA, NOW, agent_of, series, simulated, status, values

MATCHES = "akscert_certificate_served_matches_file"


def checked(root: Path, environment: dict[str, str], **flags: str) -> tuple[int, str]:
    """`check --host-root`: exit status, and everything that it says, as JSON."""
    settings = resolve(Command.CHECK, {"host_root": str(root), "node_name": "aks-1", **flags}, environment)
    seen = look_at_host(settings)
    return seen.exit_status, as_json(seen)


def test_without_an_address_it_is_said_that_the_port_was_not_looked_at(tmp_path: Path) -> None:
    """A7: nobody chose that, so it is not ok; in the metrics the source is one that does not answer."""
    node = simulated(tmp_path)
    exit_status, said = checked(node.root, {})
    assert exit_status == 3
    assert "not looked at" in said
    assert "HOST_IP is not set" in said
    agent = node_agent(resolve(Command.NODE, {"host_root": str(node.root), "node_name": "aks-1"}, {}))
    assert agent.unanswered() == ()
    assert values(series(agent), "akscert_source_up", source="kubelet") == [0.0]
    assert "not looked at" in agent.page({})


def test_a_look_that_was_left_out_on_purpose_is_listed_too(tmp_path: Path) -> None:
    """A7: with an empty address; it is no fault then."""
    node = simulated(tmp_path)
    exit_status, said = checked(node.root, {"HOST_IP": "127.0.0.1"}, kubelet_address="")
    assert exit_status == 0
    assert "not looked at" in said
    agent = agent_of(node.root)
    assert values(series(agent), "akscert_source_up") == []
    assert "not looked at" in agent.page({})
    assert "not asked yet" not in agent.page({})


def test_a_kubelet_without_a_usable_certificate_is_no_dead_kubelet(tmp_path: Path) -> None:
    """G1: it ends the handshake with TLS alert 80; approving its request heals it, reimaging does not."""
    node = simulated(tmp_path)
    with SimulatedKubelets() as kubelets:
        address = kubelets.start(None, CA).address
        agent = agent_of(node.root, kubelet=address)
        assert agent.wire is not None
        agent.wire.look()
        found = series(agent)
        _, said = checked(node.root, {}, kubelet_address=f"{address[0]}:{address[1]}")
    assert values(found, "akscert_source_errors_total", reason=Reason.NO_CERTIFICATE) == [1.0]
    assert agent.sources()[0].last_reason is Reason.NO_CERTIFICATE
    (finding,) = [one for one in json.loads(said)["findings"] if one["alert"] == "AksCertSourceDown"]
    assert "serves no certificate" in finding["what"]
    commands = " ".join(step["command"] or "" for step in finding["next"])
    assert "kubectl get csr" in commands
    assert "nodepool" not in commands


def test_what_is_no_longer_served_is_absent(tmp_path: Path) -> None:
    """G2: a look that sees nothing ends the former word, on the very next scrape."""
    node = simulated(tmp_path)
    with SimulatedKubelets() as kubelets:
        kubelet = kubelets.start(node.serving, CA)
        agent = agent_of(node.root, kubelet=kubelet.address)
        assert agent.wire is not None
        agent.wire.look()
        assert values(series(agent), MATCHES) == [1.0]
        kubelet.swap(None)
        agent.wire.look()
        found = series(agent)
    assert values(found, MATCHES) == []
    assert values(found, "akscert_rotation_evidence", role="kubelet-serving", evidence="wire") == []
    assert values(found, "akscert_certificate_not_after_timestamp_seconds", origin="wire") == []
    assert values(found, "akscert_rotation_state", role="kubelet-serving", state="enabled") == [1.0]


def test_only_a_look_made_since_the_file_changed_is_compared_with_it(tmp_path: Path) -> None:
    """G3: between a rotation and the next look nothing is said, and never 0."""
    node = simulated(tmp_path)
    current = node.root / "var/lib/kubelet/pki/kubelet-server-current.pem"
    with SimulatedKubelets() as kubelets:
        kubelet = kubelets.start(node.serving, CA)
        agent = agent_of(node.root, kubelet=kubelet.address)
        assert agent.wire is not None
        agent.wire.look()
        assert values(series(agent), MATCHES) == [1.0]
        renewed = CA.kubelet_serving("aks-1", NOW)
        kubelet.swap(renewed)
        current.unlink()
        current.write_bytes(renewed.pem)
        assert values(series(agent), MATCHES) == []
        agent.wire.look()
        assert values(series(agent), MATCHES) == [1.0]
        kubelet.swap(node.serving)
        agent.wire.look()
        assert values(series(agent), MATCHES) == [0.0]


def kubeconfig(root: Path, change: Callable[[str], str]) -> None:
    """Write the kubelet's kubeconfig anew."""
    path = root / "var/lib/kubelet/kubeconfig"
    path.write_text(change(path.read_text()))


ISSUED = "akscert_certificate_issued_by_cluster_ca"
USUAL_CA = "certificate-authority: /etc/kubernetes/certs/ca.crt"


def test_the_ca_that_counts_is_the_one_that_the_kubeconfig_names(tmp_path: Path) -> None:
    """A5: the file that it names is absent, and no other file is judged in its place."""
    node = simulated(tmp_path)
    kubeconfig(node.root, lambda text: text.replace("/etc/kubernetes/certs/ca.crt", "/etc/kubernetes/certs/own.crt"))
    agent = agent_of(node.root)
    found = series(agent)
    assert status(agent, "/etc/kubernetes/certs/own.crt") == "not_found"
    assert values(found, ISSUED) == []
    assert values(found, "akscert_certificate_not_after_timestamp_seconds", role="cluster-ca") == []


def test_a_relative_path_in_a_kubeconfig_counts_from_its_directory(tmp_path: Path) -> None:
    """A5: as in client-go."""
    node = simulated(tmp_path)
    (node.root / "var/lib/kubelet/own.crt").write_bytes(Authority.cluster(NOW - 1, number=1).pem)
    kubeconfig(node.root, lambda text: text.replace("/etc/kubernetes/certs/ca.crt", "own.crt"))
    agent = agent_of(node.root)
    assert status(agent, "/var/lib/kubelet/own.crt") == "ok"
    assert values(series(agent), ISSUED, role="kubelet-client") == [0.0]


def test_another_ca_inside_the_kubeconfig_is_the_one_that_counts(tmp_path: Path) -> None:
    """A5: data takes precedence over a path, and over the file in its usual place."""
    node = simulated(tmp_path)
    data = base64.b64encode(Authority.cluster(NOW - 1, number=1).pem).decode()
    kubeconfig(node.root, lambda text: text.replace(USUAL_CA, f"{USUAL_CA}\n    certificate-authority-data: {data}"))
    agent = agent_of(node.root)
    assert values(series(agent), ISSUED, role="kubelet-client") == [0.0]
    assert status(agent, "/etc/kubernetes/certs/ca.crt") == "ok"


@pytest.mark.parametrize(
    ("usual", "instead", "words"),
    [
        (USUAL_CA, "insecure-skip-tls-verify: true", "insecure-skip-tls-verify"),
        ("server: https://", "server: http://", "plain http://"),
        ("server: https://", "server: HTTP://", "plain http://"),
        (USUAL_CA, "tls-server-name: kubernetes", "names no CA"),
        (USUAL_CA, 'certificate-authority: ""', "names no CA"),
    ],
)
def test_a_kubelet_that_cannot_tell_the_api_server_is_a_finding(
    tmp_path: Path, usual: str, instead: str, words: str
) -> None:
    """A5: it verifies nothing, or has no CA of its own; whose CA signed what says nothing then."""
    node = simulated(tmp_path)
    kubeconfig(node.root, lambda text: text.replace(usual, instead))
    assert values(series(agent_of(node.root)), ISSUED) == []
    exit_status, said = checked(node.root, {}, kubelet_address="")
    assert exit_status == 1
    assert words in said


@pytest.mark.parametrize("content", ["", "{", "kind: Config\nclusters: []\ncontexts: []\n"])
def test_a_kubeconfig_that_cannot_be_read_names_no_ca(tmp_path: Path, content: str) -> None:
    """A5: it is there, so that it would name one."""
    node = simulated(tmp_path)
    kubeconfig(node.root, lambda _: content)
    found = series(agent_of(node.root))
    assert values(found, ISSUED) == []
    assert values(found, "akscert_certificate_not_after_timestamp_seconds", role="cluster-ca") != []


def test_settings_that_no_kubelet_starts_with_are_told(tmp_path: Path) -> None:
    """A6: the configuration has no word, and `check` says why."""
    node = simulated(tmp_path)
    (node.root / "etc/default/kubelet").write_text("OTHER=--rotate-certificates=false\nKUBELET_FLAGS=$OTHER\n")
    assert values(series(agent_of(node.root)), "akscert_rotation_evidence", evidence="kubelet_config") == []
    exit_status, said = checked(node.root, {}, kubelet_address="")
    assert exit_status == 3
    assert "a variable in the flags has no value" in said


class Exhausted(KernelRoot):
    """A root where one file's look runs out of memory as often as it is told."""

    times = 0

    def open(self, path: str, flags: int) -> int:
        if path.endswith("ca.crt") and type(self).times:
            type(self).times -= 1
            raise MemoryError
        return super().open(path, flags)


def test_an_exception_in_one_look_is_that_files_answer_and_not_for_ever(tmp_path: Path) -> None:
    """A12: its status is error, the other files are told, and the next scrape looks again."""
    node = simulated(tmp_path)
    Exhausted.times = 1
    files = HostFiles(node.root, opener=Exhausted.by_descriptor)
    agent = NodeAgent("aks-1", files, path_table(preset("aks-linux")), agent_of(node.root).sources()[0], named=True)
    assert status(agent, "/etc/kubernetes/certs/ca.crt") == FileStatus.ERROR
    assert status(agent, "/etc/kubernetes/certs/ca.crt") == FileStatus.OK


def test_a_root_that_cannot_be_opened_by_a_bug_is_an_error_of_every_file(tmp_path: Path) -> None:
    """A12: whatever is raised, and once it works again, all is told."""
    node = simulated(tmp_path)
    failures = [RuntimeError("a bug")]

    def opener(root: str) -> Root:
        if failures:
            raise failures[0]
        return KernelRoot.by_descriptor(root)

    agent = NodeAgent(
        "aks-1",
        HostFiles(node.root, opener=opener),
        path_table(preset("aks-linux")),
        agent_of(node.root).sources()[0],
        named=True,
    )
    found = series(agent)
    assert {dict(labels)["status"] for name, labels in found if name == "akscert_file_status"} == {"error"}
    failures.clear()
    assert status(agent, "/etc/kubernetes/certs/ca.crt") == "ok"


def test_a_bug_in_a_look_at_the_port_is_that_sources_failure(tmp_path: Path) -> None:
    """A10: the look ends in an answer, and the next one is taken."""
    node = simulated(tmp_path)
    failures = [RuntimeError("a bug")]

    def installed() -> None:
        if failures:
            raise failures[0]

    with SimulatedKubelets() as kubelets:
        wire = KubeletProbe(kubelets.start(node.serving, CA).address, installed)
        wire.look()
        assert (wire.facts().up, wire.facts().last_reason) == (False, Reason.BUG)
        failures.clear()
        wire.look()
        assert wire.facts().up is True
