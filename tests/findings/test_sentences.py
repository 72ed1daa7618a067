"""Every finding that the demo's nodes and a broken fleet lead to can be read at three in the morning."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.agents.node.agent import node_agent
from exporter.facts.cluster import ClusterFacts
from exporter.facts.source import Failure
from exporter.findings import Finding
from exporter.findings.cluster import cluster_findings
from exporter.findings.host import host_findings
from exporter.findings.node_status import node_statuses
from exporter.reason import Reason
from exporter.settings import Command, resolve
from simulation.node.scenarios import SCENARIOS
from simulation.node.simulated_node import build
from simulation.pki import DAY, YEAR, Authority
from tests.pages.example import NOW
from tests.pages.fleet import fleet

FLEETS = {"a few": fleet(60, 4), "many": fleet(900, 3), "all": fleet(40, 40, broken=True), "one": fleet(1, broken=True)}


def faults(text: str) -> list[str]:
    """What makes a sentence stumble."""
    words = re.findall(r"[\w-]+", re.sub(r"/\S+", "path", text.lower()))
    fours = [tuple(words[at : at + 4]) for at in range(len(words) - 3)]
    found = [f"twice: {' '.join(four)}" for four in set(fours) if fours.count(four) > 1]
    found += [f"{match[0]!r}" for match in re.finditer(r"\b1 (nodes|days|hours|findings|requests|more nodes)\b", text)]
    found += [f"{match[0]!r}" for match in re.finditer(r"\.\.(?!\.)|  |: ?:|\bNone\b|\{|\(\)", text)]
    return found


def whole(found: Finding) -> Iterator[str]:
    for text in (found.what, *filter(None, [found.why]), *(step.text for step in found.next)):
        if not re.fullmatch(r"[A-Z/\d].*[^.]\.|[a-z]+ .*[^.]\.", text, re.DOTALL):
            yield f"not a sentence: {text}"
        yield from (f"{fault} in: {text}" for fault in faults(text))


@pytest.mark.parametrize("name", [one.name for one in SCENARIOS])
def test_what_is_said_of_a_node(name: str, tmp_path: Path) -> None:
    """Of each scenario, with an old policy too."""
    (chosen,) = [one for one in SCENARIOS if one.name == name]
    node = build(chosen, tmp_path / "host", NOW, Authority.cluster(NOW - 3 * YEAR))
    flags = {"host_root": str(node.root), "node_name": node.name, "kubelet_address": ""}
    host = node_agent(resolve(Command.CHECK, flags, {})).look()
    for late in (0, 200 * DAY, 400 * DAY):
        found = host_findings(host, (), NOW + late, max_age=90 * DAY)
        assert [fault for one in found for fault in whole(one)] == []


@pytest.mark.parametrize("cluster", FLEETS.values(), ids=FLEETS)
def test_what_is_said_of_a_cluster_and_its_nodes(cluster: ClusterFacts) -> None:
    """However many there are."""
    found = cluster_findings(cluster, (), NOW)
    assert len(found) > 1
    assert [fault for one in found for fault in whole(one)] == []
    troubles = [trouble.what for one in node_statuses(cluster, NOW) for trouble in one.troubles]
    assert {fault for text in troubles for fault in faults(text)} == set()


def test_a_failure_brings_no_full_stop_of_its_own() -> None:
    """Python's ssl module and credential plugins end their words with one: a sentence ended in two."""
    assert Failure(Reason.ERROR, "not valid for '127.0.0.1'. ").words == "not valid for '127.0.0.1'"
