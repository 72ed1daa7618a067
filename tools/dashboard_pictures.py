"""Draws the dashboards as docs/images/dashboard-*.png: `python -m tools.dashboard_pictures [--prometheus URL]`.

Without a URL it starts the demo's broken fleet, its control plane and a real Prometheus (make tools), and lets them run
for some minutes.
"""

import argparse
import contextlib
import json
import logging
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from simulation.demo.cluster_agent import start_demo_cluster
from simulation.demo.node_agents import Fleet
from simulation.demo.prometheus import prometheus_process, rule_files
from simulation.node.scenarios import SCENARIOS, scenario
from simulation.pki import YEAR, Authority
from tools.dashboards.answers import Prometheus, filled
from tools.drawing.canvas import Canvas, Room
from tools.drawing.kinds import draw_bars, draw_histogram, draw_stat, draw_table, draw_timeline
from tools.drawing.plot import draw_heat, draw_lines
from tools.drawing.values import BORDER, PANEL, WEAK
from tools.generated import ROOT

__all__ = ["draw_all", "draw_dashboard"]

IMAGES = ROOT / "docs/images"
WIDTH, GAP, UNIT, HEAD = 1600, 8, 30, 34
"""Grafana's grid: 24 columns, rows of 30 pixels, gaps of 8; and the height of a panel's title."""
MINUTES = 6.0
UNSEEN, SHOWN = "serving-off-flags", "static-client"
"""The scenario whose agent is stopped, so that there is a blind spot; and the one whose node has its picture drawn."""


def panels_below(dashboard: Mapping[str, Any], headings: tuple[int, int]) -> list[Mapping[str, Any]]:
    """The panels below the headings from the first of these numbers to before the second, with the headings."""
    found, heading = [], -1
    for panel in dashboard["panels"]:
        heading += panel["type"] == "row"
        if headings[0] <= heading < headings[1]:
            found.append(panel)
    return found


def draw_dashboard(
    dashboard: Mapping[str, Any],
    prometheus: Prometheus,
    chosen: Mapping[str, str],
    target: Path,
    headings: tuple[int, int] = (0, 99),
) -> None:
    """The panels below these headings over the last minutes, with the variables at these values."""
    now = time.time()
    start = now - 60 * MINUTES
    panels = panels_below(dashboard, headings)
    first = panels[0]["gridPos"]["y"]
    lines = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels) - first
    canvas = Canvas(WIDTH, int(lines * (UNIT + GAP) + 56))
    canvas.text(GAP + 4, 26, dashboard["title"], size=20, bold=True)
    values = [f"{name}: {'All' if value == '.*' else value}" for name, value in chosen.items()]
    canvas.text(WIDTH - GAP - 4, 26, "   ".join(values), size=13, color=WEAK, align="right")
    for panel in panels:
        grid = panel["gridPos"]
        column = (WIDTH - GAP) / 24
        room = (
            GAP + grid["x"] * column,
            52 + (grid["y"] - first) * (UNIT + GAP),
            grid["w"] * column - GAP,
            grid["h"] * (UNIT + GAP) - GAP,
        )
        if panel["type"] == "row":
            canvas.text(room[0] + 4, room[1] + room[3] / 2, f"⌄ {panel['title']}", size=16, bold=True)
            continue
        canvas.box(room, PANEL, edge=BORDER, round_by=4)
        canvas.text(room[0] + 12, room[1] + HEAD / 2, panel["title"], size=14, bold=True, room=room[2] - 24)
        inside = (room[0] + 10, room[1] + HEAD, room[2] - 20, room[3] - HEAD - 8)
        _draw_panel(canvas, inside, panel, prometheus, chosen, start, now)
    canvas.save(target)


def _draw_panel(
    canvas: Canvas,
    room: Room,
    panel: Mapping[str, Any],
    prometheus: Prometheus,
    chosen: Mapping[str, str],
    start: float,
    now: float,
) -> None:
    step = max((now - start) / min(panel.get("maxDataPoints", 120), 120), 5)
    answers = []
    for target in panel["targets"]:
        expression = filled(target["expr"], chosen, step=step)
        instant = target["instant"]
        answers.append(
            prometheus.instant(expression, now) if instant else prometheus.over(expression, start, now, step)
        )
    match panel["type"]:
        case "stat":
            draw_stat(canvas, room, panel, answers, now)
        case "bargauge":
            draw_bars(canvas, room, panel, answers, now)
        case "table":
            draw_table(canvas, room, panel, answers, now)
        case "state-timeline":
            draw_timeline(canvas, room, panel, answers, start, now)
        case "timeseries":
            draw_lines(canvas, room, panel, answers, start, now)
        case "heatmap":
            draw_heat(canvas, room, panel, answers, start, now)
        case "histogram":
            draw_histogram(canvas, room, panel, answers)
        case kind:
            raise ValueError(f"{panel['title']}: nobody knows how to draw a {kind}")


@contextlib.contextmanager
def broken_fleet() -> Iterator[Prometheus]:
    """A Prometheus that has watched the demo's fleet for some minutes, one agent gone meanwhile."""
    now, stop = time.time(), threading.Event()
    with (
        tempfile.TemporaryDirectory() as folder,
        Fleet(Path(folder).resolve(), now, Authority.cluster(now - 3 * YEAR)) as fleet,
    ):
        fleet.start(SCENARIOS, stop)
        control = start_demo_cluster(fleet, stop)
        jobs = {"node-agents": [member.agent for member in fleet.members], "cluster-agent": [control.agent]}
        addresses = {job: [agent.url.removeprefix("http://") for agent in agents] for job, agents in jobs.items()}
        process = prometheus_process(fleet.folder / "prometheus", addresses, rule_files())
        if process is None:
            raise SystemExit("Prometheus is not installed (make tools)")
        fleet.own(process)
        process.wait_ready(60, stop)
        control.go_on()
        stop.wait(60 * MINUTES / 2)
        unseen = next(member for member in fleet.members if member.node.scenario.name == UNSEEN)
        unseen.agent.ask_to_stop()
        stop.wait(60 * MINUTES / 2)
        yield Prometheus(process.url)


def draw_all(prometheus: Prometheus) -> None:
    """Both dashboards, the fleet's in two pictures."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    every = {"cluster": ".*", "pool": ".*"}
    node = {**every, "node": scenario(SHOWN).node_name}
    for name, chosen, picture, headings in (
        ("fleet", every, "dashboard-fleet", (0, 3)),
        ("fleet", every, "dashboard-fleet-below", (3, 99)),
        ("node", node, "dashboard-node", (0, 99)),
    ):
        dashboard = json.loads((ROOT / "dashboards" / f"{name}.json").read_text(encoding="utf-8"))
        draw_dashboard(dashboard, prometheus, chosen, IMAGES / f"{picture}.png", headings)


def main() -> None:
    """Draw them."""
    parser = argparse.ArgumentParser(description="Draws the dashboards.")
    parser.add_argument("--prometheus", help="URL of one that knows a fleet")
    options = parser.parse_args()
    if options.prometheus:
        draw_all(Prometheus(options.prometheus))
        return
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # the simulated servers lose clients in all ways
    with broken_fleet() as prometheus:
        draw_all(prometheus)


if __name__ == "__main__":
    main()
