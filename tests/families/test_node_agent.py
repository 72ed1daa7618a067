"""What the node agent emits, held to what is declared."""

import re
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
