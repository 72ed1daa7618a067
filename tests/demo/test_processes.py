"""An agent that starts is found at its address; one that does not is named with its own words; none stays behind."""

import threading

import pytest

from exporter.demo.processes import Process, ProcessError, StoppedError, stop_all


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
