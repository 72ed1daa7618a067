"""What the node agent emits, held to what is declared."""

import re
import subprocess
import sys
from pathlib import Path

from exporter.agents.node.agent import NodeAgent
from exporter.facts.sandbox import FilesystemSeal, NetworkSeal, Sandbox, Seccomp
from exporter.families import node_agent
from exporter.families.catalogue import catalogue, emitters
from exporter.metric import Family
from exporter.reason import Mode
from simulation.node.kubelet import SimulatedKubelets
from tests.agents.nodes import CA, agent_of, simulated, text

SUBJECTS = ("bootstrap", "build", "certificate", "file", "rotation", "sandbox", "source")
SEALED = Sandbox(7, FilesystemSeal.SEALED, NetworkSeal.TCP, Seccomp.FILTER)


def name(family: Family) -> str:
    """As it is declared: the client library takes `_total` off a counter's."""
    return f"{family.name}_total" if family.type == "counter" else str(family.name)


def emitted(agent: NodeAgent) -> list[str]:
    """The families with samples of one scrape, the process's own apart."""
    families = node_agent.families(agent.look(), agent.sources(), "abc", SEALED)
    return [name(family) for family in families if family.samples]


def test_every_declared_metric_is_emitted_and_every_emitted_one_is_declared(tmp_path: Path) -> None:
    """By a healthy node of the demo, each family once."""
    node = simulated(tmp_path)
    with SimulatedKubelets() as kubelets:
        agent = agent_of(node.root, kubelet=kubelets.start(node.serving, CA).address)
        assert agent.wire is not None
        agent.wire.look()
        found = emitted(agent)
        scraped = set(re.findall(r"^# TYPE (akscert_\w+)", text(agent), re.MULTILINE)) | {"akscert_sandbox_info"}
    assert len(found) == len(set(found))
    assert set(found) == {metric.name for subject in SUBJECTS for metric in catalogue()[subject]} == scraped


def test_the_reference_says_who_emits_what(tmp_path: Path) -> None:
    """Every metric has an agent, and the node agent's are those that it emits."""
    agents = emitters()
    assert all(agents.values())
    of_node = {metric for metric, modes in agents.items() if Mode.NODE in modes}
    families = node_agent.families(agent_of(tmp_path).look(), (), "")
    assert of_node == {name(family) for family in families}
    assert agents["akscert_file_status"] == (Mode.NODE,)
    assert agents["akscert_csr_objects"] == (Mode.CLUSTER,)
    assert agents["akscert_rotation_evidence"] == (Mode.NODE, Mode.CLUSTER)


def test_a_scrape_has_its_families_in_one_order(tmp_path: Path) -> None:
    """Whatever is known of the node: a person compares two scrapes line by line."""
    assert [name(family) for family in node_agent.families(agent_of(tmp_path).look(), (), "")] == [
        "akscert_certificate_not_after_timestamp_seconds",
        "akscert_certificate_not_before_timestamp_seconds",
        "akscert_certificate_info",
        "akscert_certificate_issued_by_cluster_ca",
        "akscert_certificate_usable",
        "akscert_certificate_served_matches_file",
        "akscert_file_status",
        "akscert_file_leftovers",
        "akscert_rotation_state",
        "akscert_rotation_evidence",
        "akscert_rotation_due_timestamp_seconds",
        "akscert_rotation_deadline_timestamp_seconds",
        "akscert_bootstrap_info",
        "akscert_bootstrap_kubeconfig_present",
        "akscert_sandbox_info",
        "akscert_source_up",
        "akscert_source_errors_total",
        "akscert_build_info",
        "akscert_source_last_success_timestamp_seconds",
    ]


def test_the_rotation_and_the_certificates_of_a_node_load_nothing_of_the_clusters() -> None:
    """A node agent has little memory, on every node."""
    program = "import sys, exporter.families.node_agent; print('exporter.facts.kube.node_view' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"
