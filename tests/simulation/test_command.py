"""The demo obeys the order to stop, and leaves nothing behind however it ends."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from exporter.reason import RotationReason, RotationState
from simulation.api.control_plane import SimulatedCluster
from simulation.demo.cluster_checks import cluster_checks, series
from simulation.demo.node_agents import Fleet, verdicts
from simulation.demo.processes import ProcessError
from simulation.demo.summary import summary
from simulation.node.scenarios import Expected, scenario
from simulation.node.simulated_node import build
from simulation.pki import YEAR, Authority

DEMO = [sys.executable, "-m", "simulation"]
NOW = time.time()  # real agents look at the clock
AUTHORITY = Authority.cluster(NOW - 3 * YEAR)


def environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "TMPDIR": str(folder), "NO_COLOR": "1"}


@pytest.mark.parametrize("order", [signal.SIGTERM, signal.SIGINT])
def test_the_order_to_stop_is_obeyed_while_the_agents_start(tmp_path: Path, order: signal.Signals) -> None:
    with subprocess.Popen(DEMO, stdout=subprocess.PIPE, text=True, env=environment(tmp_path)) as demo:
        assert demo.stdout is not None
        assert "This is a simulation" in demo.stdout.readline()
        demo.send_signal(order)
        rest = demo.stdout.read()
        assert demo.wait(30) == 0
    assert "Stopped: every process has ended and the folder is gone." in rest
    assert list(tmp_path.iterdir()) == []


def test_an_agent_that_does_not_start_ends_the_others_too(tmp_path: Path) -> None:
    well = scenario("healthy")
    refused = replace(well, node_name="a name with a control \x01 character")
    with (
        pytest.raises(ProcessError, match=r"(?s)ended with status 2:.*holds a control character"),
        Fleet(tmp_path, NOW, AUTHORITY) as fleet,
    ):
        fleet.start((well, refused), threading.Event())
    assert [member.agent.running for member in fleet.members] == [False, False]


def test_a_cluster_agent_that_says_something_else_is_named_wrong(tmp_path: Path) -> None:
    """ClusterCheck by claim: here the agent has seen nothing but one address, which it trusts."""
    nodes = (build(scenario("waiting-serving"), tmp_path / "node", NOW, AUTHORITY),)
    with SimulatedCluster(nodes, NOW, AUTHORITY) as cluster:
        trusted = f'akscert_apiserver_trusted{{address="{cluster.addresses[0]}"}} 1\n'
        found = cluster_checks(cluster, nodes, series(trusted), "AksCertCsrPending")
        assert [claim.subject for claim in found if claim.right] == [
            f"API server at {cluster.addresses[0]}",
            "nodes whose label has serving rotation disabled",
            "nodes that are not ready",
            "denied requests",
            "requests to kube-apiserver-client-kubelet",
            "nodes whose pool's tag has serving rotation off",
        ]
        said = {claim.subject: claim.said for claim in found}
    assert said[f"API server at {cluster.addresses[1]}"] == "(no word)"
    assert said[f"{nodes[0].name}: kubelet-serving request"] == "none"
    assert said["nodes whose label has serving rotation enabled"] == f"0, and differently: {nodes[0].name}"
    assert said["findings"] == "AksCertCsrPending"


def test_a_node_that_is_not_as_it_was_said_to_be_is_named_wrong(tmp_path: Path) -> None:
    """The table's last column can fail: here the truth is another than the scenario says."""
    overdue = scenario("overdue")
    mistaken = replace(
        overdue, expected=Expected(client=(RotationState.DISABLED, RotationReason.STATIC), alerts=frozenset({"X"}))
    )
    with Fleet(tmp_path, NOW, AUTHORITY) as fleet:
        fleet.start((mistaken,), threading.Event())
        (verdict,) = verdicts(fleet.members)
    assert verdict.mismatches == (
        "client rotation: enabled/rotating, but it is disabled/static",
        "findings: AksCertRotationOverdue, but it is X",
    )
    for width in (80, 160):
        shown = io.StringIO()
        Console(width=width, file=shown, color_system=None).print(summary((verdict,), width))
        assert all(len(line) <= width for line in shown.getvalue().splitlines())
        assert all(words in shown.getvalue() for words in (overdue.node_name, "✗", "WRONG findings"))
