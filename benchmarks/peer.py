"""The node agent beside another exporter, on the same tree, asked in turn, each in a memory cgroup of its own."""

import argparse
import statistics
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks.cgroup import cgroup
from benchmarks.node import Process, agent, get, one_changed, row, settled, swapped, timed
from simulation.node.simulated_node import SimulatedNode
from simulation.pki import Authority

ROTATIONS, RARE = 10, 20
IDLE = 12.0
"""Seconds after which the agent's child has ended."""

Pair = tuple[Process, Process]


def peer(node: SimulatedNode, authority: Authority, kubelet: str, options: argparse.Namespace) -> None:
    """`options`: peer, peer_url, peer_arguments and scrapes as on the command line of `benchmarks.node`."""
    name = Path(options.peer).name
    arguments = [options.peer, *(argument.format(root=node.root) for argument in options.peer_arguments)]
    settled(node.root)
    with cgroup("ours") as mine, cgroup("theirs") as other:
        begin = time.perf_counter()
        theirs = Process(other.command(arguments), options.peer_url)
        started = first_answer(theirs) - begin
        try:
            with agent(node.root, kubelet=kubelet, around=mine.command) as ours:
                pair = ours, theirs
                time.sleep(3)  # whatever they do at their start
                in_turn(pair, name, options.scrapes, 0.0)
                in_turn(pair, name, RARE, 1.1)  # beyond the second for which ours shares an answer among scrapes
                unchanged = timed(partial(get, ours.connect()), 200)
                changed = one_changed(node, authority, partial(get, ours.connect()))
                row("ours, one certificate changed", changed, unchanged)
                for number in range(ROTATIONS):
                    swapped(node, authority, number)
                    get(ours.connect())
                time.sleep(IDLE)
                get(ours.connect())
                print(f"after {options.scrapes} scrapes and {ROTATIONS} rotations:")
                compared("resident", ours.resident, theirs.resident)
                compared("peak of the whole cgroup", mine.peak, other.peak)
                print(f"        from start to first scrape: ours {ours.ready:.2f} s, {name} {started:.2f} s")
        finally:
            theirs.stop()


def first_answer(process: Process) -> float:
    """The moment (time.perf_counter) of its first scrape."""
    while True:
        try:
            get(process.connect())
        except OSError as error:
            if process.process.poll() is not None:
                raise SystemExit(f"the other exporter ended: {error}") from error
            time.sleep(0.005)
        else:
            return time.perf_counter()


def in_turn(pair: Pair, name: str, scrapes: int, pause: float) -> None:
    """Ratios of p50, p99 and processor time over that many scrapes of each, with that pause (seconds) before each."""
    connections = [process.connect() for process in pair]
    found: tuple[list[float], list[float]] = ([], [])
    for connection in connections:
        get(connection)
    used = [process.processor for process in pair]
    for _ in range(scrapes):
        time.sleep(pause)
        for connection, times in zip(connections, found, strict=True):
            times.extend(timed(partial(get, connection), 1))
    words = f", {pause:g} s after the last" if pause else ""
    row(f"ours{words}", found[0], found[1])
    row(f"{name}{words}", found[1])
    print(f"{_p99(found[0]) / _p99(found[1]):6.2f}x  the same at p99")
    if not pause:
        cost = [(process.processor - before) / scrapes for process, before in zip(pair, used, strict=True)]
        print(f"{cost[0] / cost[1]:6.2f}x  processor time a scrape: ours {cost[0]:.2f} ms, {name} {cost[1]:.2f} ms")


def compared(what: str, ours: float, theirs: float) -> None:
    """One line in MiB."""
    print(f"{ours / theirs:6.2f}x  {what}: ours {ours:.1f} MiB, theirs {theirs:.1f} MiB")


def _p99(found: Sequence[float]) -> float:
    return statistics.quantiles(found, n=100)[98]
