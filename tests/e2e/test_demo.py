"""`make demo` as a person runs it: it names every node rightly, and leaves nothing behind."""

import re
import socket
import subprocess
from pathlib import Path

import pytest

from simulation.demo.azure_courses import COURSES
from simulation.node.scenarios import SCENARIOS
from tests.simulation.test_command import DEMO, environment


def refuses(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with socket.socket() as attempt:
        return attempt.connect_ex((host, int(port))) != 0


@pytest.mark.timeout(240)  # two dozen processes on two cores that others may share
def test_demo_once_names_every_node_rightly_and_cleans_up(tmp_path: Path) -> None:
    done = subprocess.run(
        [*DEMO, "--once"], check=False, capture_output=True, text=True, env=environment(tmp_path), timeout=200
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "This is a simulation" in done.stdout
    count = re.search(
        r"Named rightly: (\d+) of (\d+) nodes, (\d+) of (\d+) facts of the control plane, (\d+) of (\d+) courses",
        done.stdout,
    )
    assert count is not None
    named, nodes, right, facts, concluded, courses = map(int, count.groups())
    assert named == nodes == len(SCENARIOS)
    assert right == facts >= 16
    assert concluded == courses == len(COURSES)
    assert done.stdout.count("✓") == nodes + facts + courses
    addresses = re.findall(r"http://(127\.0\.0\.1:\d+)/", done.stdout)
    assert len(addresses) == nodes
    assert all(refuses(address) for address in addresses)
    assert list(tmp_path.iterdir()) == []
