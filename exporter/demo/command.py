"""`demo`: a simulated AKS fleet on this machine, real agents run against it, and a table of what they say."""

import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from rich.console import Console

from exporter.demo.fleet import Fleet, Verdict, verdicts
from exporter.demo.pki import YEAR, Authority
from exporter.demo.processes import Process, ProcessError, StoppedError
from exporter.demo.prometheus import prometheus_process, rule_files
from exporter.demo.scenarios import SCENARIOS
from exporter.demo.summary import summary
from exporter.settings import Settings

__all__ = ["run"]

WATCH_SECONDS = 1.0
PROMETHEUS_SECONDS = 30.0
PIPED_COLUMNS = 160
"""The table's width where no terminal says what it has."""

STARTING = (
    "This is a simulation: invented nodes with real certificates in a temporary folder, simulated kubelets on real "
    "TLS ports, and the real node agent, one process for each node."
)


def run(settings: Settings) -> int:
    """Run the demo until told to stop. With --once print the table and return 1 unless it is right in every row."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=PIPED_COLUMNS)
    try:
        with (
            _orders() as stop,
            tempfile.TemporaryDirectory(prefix="aks-cert-exporter-demo-") as folder,
            Fleet(Path(folder).resolve(), now := time.time(), Authority.cluster(now - 3 * YEAR)) as fleet,
        ):
            return _shown(console, fleet, stop, once=settings.once)
    except ProcessError as error:
        console.print(str(error), style="red", markup=False, highlight=False)
        return 1
    except StoppedError:
        console.print("Stopped: every process has ended and the folder is gone.")
        return 1 if settings.once else 0


def _shown(console: Console, fleet: Fleet, stop: threading.Event, *, once: bool) -> int:
    console.print(STARTING)
    began = time.monotonic()
    with console.status(f"starting {len(SCENARIOS)} node agents"):
        fleet.start(SCENARIOS, stop)
        try:
            found = verdicts(fleet.members)
        except OSError as error:
            raise ProcessError(f"an agent does not answer: {error}") from None
    took = time.monotonic() - began
    console.print(summary(found))
    right = _count(console, found, took)
    if once:
        return 0 if right else 1
    prometheus = _prometheus(fleet, stop)
    _print_addresses(console, fleet, prometheus)
    processes = [member.agent for member in fleet.members]
    while not stop.wait(WATCH_SECONDS):
        for process in (*processes, *([prometheus] if prometheus else [])):
            if not process.running:
                raise ProcessError(f"{process.name} has ended:\n{process.words}")
    raise StoppedError


def _prometheus(fleet: Fleet, stop: threading.Event) -> Process | None:
    """A Prometheus with the chart's rules, where there are both."""
    if not (rules := rule_files()):
        return None
    agents = [member.agent.url.removeprefix("http://") for member in fleet.members]
    process = prometheus_process(fleet.folder / "prometheus", {"node-agents": agents}, rules)
    if process is not None:
        fleet.own(process)
        process.wait_ready(PROMETHEUS_SECONDS, stop)
    return process


def _count(console: Console, found: tuple[Verdict, ...], took: float) -> bool:
    wrong = [verdict for verdict in found if verdict.mismatches]
    console.print(f"{len(found) - len(wrong)} of {len(found)} nodes named rightly; ready in {took:.1f} s.")
    return not wrong


def _print_addresses(console: Console, fleet: Fleet, prometheus: Process | None) -> None:
    first = fleet.members[0].agent.url
    console.print(
        f"Each agent has a page at its address in the table, and metrics below it: {first}/ and {first}/metrics."
    )
    if prometheus is not None:
        console.print(f"Prometheus has the chart's rules; the alerts: {prometheus.url}/alerts")
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
