"""Every query of the dashboards against a real Prometheus that holds a day of 1,000 nodes, one in five of them broken.

    python -m benchmarks.dashboards [--nodes 1000] [--hours 24] [--runs 5] [--slowest 15]

The series are those of the demo's real agents, one for each scenario, repeated under other names: a node in a hundred
has each fault, far more than any fleet has. The cluster agent is one that knows all the nodes. What panels show over
time has a sample each minute, what they show of this moment has the last ten minutes. Of some runs the best one and the
median one are told, and the processor time of the median one, user and system: others who keep the machine busy add to
the first two and hardly to the third, so that it is what the budget is for.
"""

import argparse
import json
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from simulation.demo.cluster_agent import start_demo_cluster
from simulation.demo.node_agents import Fleet, Member
from simulation.demo.processes import Process, stop_all
from simulation.node.scenarios import SCENARIOS
from simulation.pki import DAY, YEAR, Authority
from tools.dashboards import DASHBOARDS
from tools.dashboards.answers import Prometheus, filled, step_of, targets, variable_queries
from tools.generated import ROOT

BUDGET_MS = 200
SCRAPE_SECONDS = 60
RECENT_SECONDS = 600
PANEL_POINTS = 800
"""About the pixels of half a wide screen, for panels that set no limit of their own."""
OVER_TIME = (
    "akscert_rotation_state",
    "akscert_certificate_not_before_timestamp_seconds",
    "akscert_node_info",
    "akscert_csr_completed",
    "akscert_csr_issue_duration_seconds",
    "akscert_azure",
)
"""What the fleet's panels show over time. Of the node that is looked at, everything is there over time."""

OF_NODE_AGENTS = (
    "akscert_certificate_",
    "akscert_rotation_state",
    "akscert_rotation_due_",
    "akscert_rotation_deadline_",
)
"""What a cluster agent tells only of nodes that have no node agent; here each has one."""

Samples = list[Sample]


def samples(exposition: str) -> Samples:
    """What an agent exposes of its own."""
    families = text_string_to_metric_families(exposition)
    return [one for family in families for one in family.samples if one.name.startswith("akscert_")]


def expositions(count: int, folder: Path, now: float) -> tuple[list[tuple[Member, Samples]], Samples]:
    """Real agents' series: of so many nodes, each with its samples, and of the cluster agent that knows them all."""
    with Fleet(folder, now, Authority.cluster(now - 3 * YEAR)) as fleet:
        stop = threading.Event()
        fleet.start(SCENARIOS, stop)
        real = list(fleet.members)
        said = [samples(member.agent.fetch("/metrics")) for member in real]
        every = []
        kinds = list(zip(real, said, strict=True))
        for number in range(count):
            member, found = kinds[number // 5 % len(kinds) if number % 5 == 0 else 0]
            scenario = member.node.scenario
            name = f"aks-{scenario.pool}-26535897-vmss{number:06d}"
            node = replace(member.node, name=name, scenario=replace(scenario, node_name=name))
            every.append((replace(member, node=node), found))
        fleet.members[:] = [member for member, _ in every]
        control = start_demo_cluster(fleet, stop)
        while True:
            found = samples(control.agent.fetch("/metrics"))
            known = sum(one.name == "akscert_node_info" for one in found)
            left_behind = sum(one.value for one in found if one.name == "akscert_ca_bundle_outdated")
            if known == sum(member.node.scenario.joined for member, _ in every) and left_behind:
                break  # it has seen the rotation of the cluster CA, too
            stop.wait(0.5)
        fleet.members[:] = real
        return every, found


def lines(one: Sample, labels: Mapping[str, str], value: float, moments: Sequence[str]) -> str:
    """The sample at each of the moments, in OpenMetrics."""
    written = ",".join(f"{name}={json.dumps(text, ensure_ascii=False)}" for name, text in labels.items())
    start = f"{one.name}{{{written}}} {value!r} "
    return "".join([f"{start}{moment}\n" for moment in moments])


def write(nodes: list[tuple[Member, Samples]], cluster: Samples, target: Path, now: float, hours: float) -> int:
    """An OpenMetrics file with all of it. Returns the number of series."""
    recent = [f"{now - ago:.0f}" for ago in range(RECENT_SECONDS, -1, -SCRAPE_SECONDS)]
    long = [f"{now - ago:.0f}" for ago in range(int(hours * 3600), -1, -SCRAPE_SECONDS)]
    draw = random.Random(7)
    families: dict[str, list[str]] = {}
    count = 0

    def put(one: Sample, scrape: Mapping[str, str], changed: Mapping[str, str], shift: float, *, whole: bool) -> None:
        nonlocal count
        count += 1
        value = one.value + (shift if one.name.endswith("_timestamp_seconds") else 0)
        moments = long if whole or one.name.startswith(OVER_TIME) else recent
        families.setdefault(one.name, []).append(lines(one, {**scrape, **one.labels, **changed}, value, moments))

    for number, (member, found) in enumerate(nodes):
        pod = {"instance": f"10.224.{number // 250}.{number % 250}:9964", "pod": f"node-{number}", "job": "node"}
        shift = draw.uniform(-DAY / 2, DAY / 2)
        for one in found:
            changed = {"node": member.node.name} if "node" in one.labels else {}
            put(one, {**pod, "cluster": "contoso"}, changed, shift, whole=not number)
    pod = {"instance": "10.224.9.9:9964", "pod": "cluster-0", "job": "cluster", "cluster": "contoso"}
    for one in cluster:
        if one.name.startswith(OF_NODE_AGENTS):
            continue  # of nodes whose agents, by the names that they were given here, it could not find
        told = {"by": "node_agent"} if one.name == "akscert_node_observed" else {}
        put(one, pod, told, 0, whole=False)
    with target.open("w", encoding="utf-8") as file:
        for name, blocks in families.items():
            file.write(f"# TYPE {name} unknown\n")
            file.writelines(blocks)
        file.write("# EOF\n")
    return count


Figures = tuple[float, float, float, int, str]
"""Processor time of the median run, then the time of the best and of the median run, all in milliseconds; number of
series; title."""


def processor_ms(process: Process) -> float:
    """Processor time that the threads of the process have taken (proc(5), schedstat: nanoseconds first)."""
    threads = Path(f"/proc/{process.process_id}/task").glob("*/schedstat")
    return sum(int(one.read_text(encoding="ascii").split()[0]) for one in threads) / 1e6


def timed(process: Process, now: float, hours: float, runs: int) -> Iterator[Figures]:
    """Figures of each query."""
    prometheus = Prometheus(process.url)
    node = f"aks-{SCENARIOS[0].pool}-26535897-vmss000000"
    chosen = {"cluster": ".*", "pool": ".*", "node": node}
    for name in DASHBOARDS:
        dashboard = json.loads((ROOT / "dashboards" / f"{name}.json").read_text(encoding="utf-8"))
        asked = [(panel["title"], target["expr"], target["instant"], panel) for panel, target in targets(dashboard)]
        asked += [(f"variable {title}", query, True, {}) for title, query in variable_queries(dashboard)]
        for title, query, instant, panel in asked:
            step = step_of(panel, hours * 3600, PANEL_POINTS)
            expression = filled(query, chosen, step=step, span=hours * 3600)
            took, spent, series = [], [], 0
            for _ in range(runs):
                before = processor_ms(process)
                if instant:
                    answer = prometheus.instant(expression, now)
                else:
                    answer = prometheus.over(expression, now - hours * 3600, now, step)
                spent.append(processor_ms(process) - before)
                took.append(1000 * answer.took)
                series = len(answer.series)
            told = f"{name}: {title}{'' if instant else ' (over time)'}"
            yield statistics.median(spent), min(took), statistics.median(took), series, told


def main() -> int:
    """0, or 1 where a query exceeds the budget."""
    parser = argparse.ArgumentParser(description="Times every query of the dashboards.")
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--hours", type=float, default=24)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--slowest", type=int, default=15)
    parser.add_argument("--keep", type=Path, help="write the figures of all queries to this file, too")
    options = parser.parse_args()
    now = float(int(time.time()) // 60 * 60)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name).resolve()
        nodes, cluster = expositions(options.nodes, folder / "fleet", now)
        count = write(nodes, cluster, folder / "metrics.om", now, options.hours)
        print(f"{options.nodes} nodes, {count} series, {(folder / 'metrics.om').stat().st_size / 1e6:.0f} MB as text")
        command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=64h"]
        subprocess.run([*command, "metrics.om", "data"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        (folder / "metrics.om").unlink()
        process = stored(folder)
        try:
            found = sorted(timed(process, now, options.hours, options.runs), reverse=True)
        finally:
            stop_all((process,))
    rows = [f"{cpu:9.1f} {best:8.1f} {median:8.1f} {series:7d}  {title}" for cpu, best, median, series, title in found]
    print(f"{len(rows)} queries; the dearest, in milliseconds:\nprocessor     best   median  series")
    print("\n".join(rows[: options.slowest]))
    if options.keep:
        options.keep.write_text("\n".join(rows) + "\n", encoding="utf-8")
    worst, title = found[0][0], found[0][-1]
    print(f"the dearest takes {worst:.0f} of {BUDGET_MS} ms of processor time: {title}")
    return int(worst > BUDGET_MS)


def stored(folder: Path) -> Process:
    """A Prometheus on the blocks below `folder`, which scrapes nothing."""
    (folder / "prometheus.yaml").write_text("scrape_configs: []\n", encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    command = [f"--config.file={folder / 'prometheus.yaml'}", f"--storage.tsdb.path={folder / 'data'}"]
    command += [f"--web.listen-address={address}", "--storage.tsdb.retention.time=10y", "--log.level=warn"]
    process = Process("Prometheus", ["other", "prometheus", *command], url=f"http://{address}", ready="/-/ready")
    process.wait_ready(120, threading.Event())
    return process


if __name__ == "__main__":
    sys.exit(main())
