"""The demo: a simulated AKS fleet on this machine, real agents run against it, and a table of what they say."""

import io
import logging
import shlex
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from rich.console import Console

from simulation.api.activity import RENEWAL_SECONDS
from simulation.demo.azure_courses import AzureVerdict, azure_verdicts
from simulation.demo.cluster_agent import DemoCluster, start_demo_cluster
from simulation.demo.cluster_checks import ClusterCheck
from simulation.demo.node_agents import Fleet, Verdict, settled_verdicts
from simulation.demo.processes import Process, ProcessError, StoppedError
from simulation.demo.prometheus import alerts_page, prometheus_process, rule_files
from simulation.demo.summary import azure_table, cluster_check_table, summary
from simulation.node.agentless import AGENTLESS
from simulation.node.scenarios import SCENARIOS
from simulation.pki import YEAR, Authority

__all__ = ["run"]

WATCH_SECONDS = 1.0
PROMETHEUS_SECONDS = 30.0
PIPED_COLUMNS = 160
"""The table's width where no terminal says what it has."""

STARTING = (
    "This is a simulation: invented nodes with real certificates in a temporary folder, simulated kubelets on real "
    "TLS ports, a simulated API server and Resource Manager. Real are the agents: one process for each node, one for "
    "the cluster."
)


def run(*, once: bool) -> int:
    """Run the demo until told to stop. With `once` print the table and return 1 unless it is right in every row."""
    # Clients of the simulated servers come and go in all ways, and asyncio has a line about some.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a mark that the terminal's encoding lacks is no reason to end
    console = Console()
    if not console.is_terminal:
        console = Console(width=PIPED_COLUMNS)
    try:
        with (
            _orders() as stop,
            tempfile.TemporaryDirectory(prefix="aks-cert-exporter-demo-") as folder,
            Fleet(Path(folder).resolve(), now := time.time(), Authority.cluster(now - 3 * YEAR)) as fleet,
        ):
            return _shown(console, fleet, stop, once=once)
    except ProcessError as error:
        console.print(str(error), style="red", markup=False, highlight=False)
        return 1
    except StoppedError:
        console.print("Stopped: every process has ended and the folder is gone.")
        return 1 if once else 0


def _shown(console: Console, fleet: Fleet, stop: threading.Event, *, once: bool) -> int:
    console.print(STARTING)
    began = time.monotonic()
    with console.status(f"starting {len(SCENARIOS)} node agents"):
        fleet.start(SCENARIOS, stop)
        fleet.add_agentless(AGENTLESS)
        try:
            found = settled_verdicts(fleet.members, stop)
        except OSError as error:
            raise ProcessError(f"an agent does not answer: {error}") from None
        console.print(summary(found, console.width))
    with console.status("starting the cluster agent, and rotating the cluster CA under it"):
        control = start_demo_cluster(fleet, stop)
        said = control.judged(stop)
        console.print(cluster_check_table(said))
    with console.status("going through what Azure may say of a cluster"):
        courses = azure_verdicts(fleet.folder / "courses", time.time())
        console.print(azure_table(courses))
    right = _count(console, found, said, courses, time.monotonic() - began)
    if once:
        return 0 if right else 1
    prometheus = _prometheus(console, control, stop)
    _print_addresses(console, control, prometheus)
    processes = [control.agent, *(member.agent for member in fleet.members)]
    while not stop.wait(WATCH_SECONDS):
        for process in (*processes, *([prometheus] if prometheus else [])):
            if not process.running:
                raise ProcessError(f"{process.name} has ended:\n{process.words}")
    raise StoppedError


def _prometheus(console: Console, control: DemoCluster, stop: threading.Event) -> Process | None:
    """A Prometheus with the chart's rules, where there are both. One that does not start is no reason to end."""
    if not (rules := rule_files()):
        return None
    fleet = control.fleet
    jobs = {"node-agents": [member.agent for member in fleet.members], "cluster-agent": [control.agent]}
    addresses = {job: [agent.url.removeprefix("http://") for agent in agents] for job, agents in jobs.items()}
    process = prometheus_process(fleet.folder / "prometheus", addresses, rules)
    if process is not None:
        fleet.own(process)
        try:
            process.wait_ready(PROMETHEUS_SECONDS, stop)
        except ProcessError as error:
            console.print(f"Without Prometheus: {error}", style="yellow", markup=False, highlight=False)
            return None
    return process


def _count(
    console: Console,
    found: tuple[Verdict, ...],
    said: tuple[ClusterCheck, ...],
    courses: tuple[AzureVerdict, ...],
    took: float,
) -> bool:
    nodes = sum(not verdict.mismatches for verdict in found)
    claims = sum(claim.right for claim in said)
    azure = sum(verdict.right for verdict in courses)
    console.print(
        f"Named rightly: {nodes} of {len(found)} nodes, {claims} of {len(said)} facts of the control plane, "
        f"{azure} of {len(courses)} courses in Azure; after {took:.1f} s."
    )
    return nodes == len(found) and claims == len(said) and azure == len(courses)


def _print_addresses(console: Console, control: DemoCluster, prometheus: Process | None) -> None:
    first = control.fleet.members[0].agent.url
    lively = control.go_on()
    overdue = next(one for one in control.fleet.members if one.node.scenario.name == "overdue")
    program = shlex.join([sys.executable, "-m", "exporter"])
    console.print(
        f"The cluster agent's page is {control.agent.url}/ and its metrics are at {control.agent.url}/metrics.\n"
        f"Each node agent has its own at the address in the table: {first}/ and {first}/metrics.\n"
        f"From now on {lively} renews its certificates every {RENEWAL_SECONDS:.0f} seconds.\n"
        "To try in another terminal:\n"
        f"  {program} check --kubeconfig {control.kubeconfig}\n"
        f"  {program} check --kubeconfig {control.old_kubeconfig}\n"
        f"  {program} check --host-root {overdue.node.root} --node-name {overdue.node.name}",
        soft_wrap=True,
    )
    if prometheus is not None:
        console.print(f"Prometheus has the chart's rules; the alerts: {alerts_page(prometheus)}")
    console.print("Ctrl-C ends the demo and removes everything.")


@contextmanager
def _orders() -> Iterator[threading.Event]:
    """An event that SIGTERM and Ctrl-C set. They interrupt nothing, so that no process is lost between two lines."""
    stop = threading.Event()

    def order(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    former = {one: signal.signal(one, order) for one in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for one, handler in former.items():
            signal.signal(one, handler)
