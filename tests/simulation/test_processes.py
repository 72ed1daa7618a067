"""An agent that starts is found at its address; one that does not is named with its own words; none stays behind."""

import sys
import threading

import pytest

from simulation.demo.processes import Process, ProcessError, StoppedError, outputs, stop_all


def test_an_agent_that_does_not_start_is_named_with_what_it_wrote() -> None:
    agent = Process("the agent of node-1", ["node", "--host-root", "/nowhere/at/all"])
    with pytest.raises(ProcessError, match=r"(?s)agent of node-1 ended with status 2:.*--host-root.*not a directory"):
        agent.wait_ready(30, threading.Event())
    assert not agent.running
    stop_all([agent])


def test_the_order_to_stop_ends_the_waiting() -> None:
    agent = Process("the agent of node-1", ["metrics"])
    stop = threading.Event()
    stop.set()
    try:
        with pytest.raises(StoppedError):
            agent.wait_ready(30, stop)
    finally:
        stop_all([agent])
    assert not agent.running


def test_nothing_of_the_users_own_cluster_reaches_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the demo's agents would look at a real cluster, with real credentials."""
    for name in ("KUBECONFIG", "AZURE_CLIENT_ID", "AKSCERT_HOST_ROOT", "NODE_NAME", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.setenv(name, "the user's own")
    printing = "import os, sys; print(sorted(os.environ.values()), file=sys.stderr)"
    process = Process("a process", ["other", sys.executable, "-c", printing], environment={"X": "the demo's"})
    process.join(30)
    assert "the demo's" in process.words
    assert "the user's own" not in process.words


def test_commands_run_side_by_side_and_give_status_and_output() -> None:
    found = outputs({"first": ["metrics", "--format", "json"], "second": ["metrics"]})
    assert [status for status, _ in found.values()] == [0, 0]
    assert found["first"][1].startswith(("[", "{"))
    assert "akscert_" in found["second"][1]


def test_a_command_that_complains_is_named_with_its_words() -> None:
    with pytest.raises(ProcessError, match=r"(?s)check complains:.*no/such: no such file"):
        outputs({"check": ["check", "--kubeconfig", "no/such"]})
