"""A node agent on a simulated node, and its exposition as samples."""

import time
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from exporter.agents.node.agent import NodeAgent, node_agent
from exporter.settings import Command, resolve
from exporter.sources.parsing.interface import Parsing
from simulation.node.scenarios import scenario
from simulation.node.simulated_node import SimulatedNode, build
from simulation.pki import YEAR, Authority

NOW = float(int(time.time()))
CA = Authority.cluster(NOW - 3 * YEAR)

Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def simulated(tmp_path: Path, name: str = "healthy") -> SimulatedNode:
    """A node of the demo's table below `tmp_path`."""
    return build(scenario(name), tmp_path / "host", NOW, CA, name="aks-1")


def agent_of(
    root: Path,
    *,
    name: str = "aks-1",
    kubelet: tuple[str, int] | None = None,
    parsing: Parsing | None = None,
    **settings: str,
) -> NodeAgent:
    """The agent that a command line would make; without `parsing` it parses in this process."""
    address = f"{kubelet[0]}:{kubelet[1]}" if kubelet else ""
    flags = {"host_root": str(root), "node_name": name, "kubelet_address": address, **settings}
    return node_agent(resolve(Command.NODE, flags, {}), parsing=parsing)


def text(agent: NodeAgent) -> str:
    """One scrape in Prometheus's text format."""
    return agent.exposition("", False).body.decode()


def series(agent: NodeAgent) -> Series:
    """One scrape, parsed: it must be well-formed, and no series may be there twice."""
    found: Series = {}
    for family in text_string_to_metric_families(text(agent)):
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in found, f"twice: {key}"
            found[key] = sample.value
    return found


def values(found: Series, metric: str, **labels: str) -> list[float]:
    """The values of the series of a metric that have these labels."""
    wanted = set(labels.items())
    return [value for (name, has), value in found.items() if name == metric and wanted <= set(has)]


def status(agent: NodeAgent, path: str) -> str:
    """The status of one file."""
    found = [dict(labels) for name, labels in series(agent) if name == "akscert_file_status"]
    (of_path,) = [labels for labels in found if labels["path"] == path]
    return of_path["status"]
