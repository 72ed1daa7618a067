"""Draws the dashboards as docs/images/dashboard-*.png: `python -m tools.grafana.pictures [--minutes 12]`.

From the demo's broken cluster, a real Prometheus that has watched it for so many minutes, and Grafana's own components.
"""

import argparse
import json

from tools.browser import browser
from tools.dashboards.answers import Prometheus
from tools.generated import ROOT
from tools.grafana.drawn import draw
from tools.grafana.fleets import fleets
from tools.grafana.questions import Span, question

IMAGES = ROOT / "docs/images"
MINUTES = 12.0
PICTURES = (
    ("dashboard-fleet", "fleet", ("What is wrong?", "What breaks when?")),
    ("dashboard-fleet-below", "fleet", ("Is rotation on, and does it work?", "Certificate signing requests", "Azure")),
    ("dashboard-node", "node", ("At a glance", "Certificates", "Rotation and its evidence")),
)
"""Name of the picture, dashboard, titles of its rows."""


def draw_all(prometheus: Prometheus, node: str, minutes: float) -> None:
    """All pictures, as of now."""
    chosen = {"cluster": ".*", "pool": ".*", "node": node, "datasource": "prometheus"}
    with browser() as chromium:
        for picture, name, rows in PICTURES:
            dashboard = json.loads((ROOT / "dashboards" / f"{name}.json").read_text(encoding="utf-8"))
            asked = question(dashboard, prometheus, chosen, Span.last(60 * minutes), rows)
            draw(chromium, asked, IMAGES / f"{picture}.png")
            print(f"drew {picture}.png", flush=True)


def main() -> None:
    """Draw them."""
    parser = argparse.ArgumentParser(description="Draws the dashboards.")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="how long Prometheus watches before")
    options = parser.parse_args()
    print(f"the demo's clusters are watched for {options.minutes:g} minutes", flush=True)
    with fleets(options.minutes) as found:
        draw_all(found.broken, found.node, options.minutes)


if __name__ == "__main__":
    main()
