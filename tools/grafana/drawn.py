"""A question in, a PNG out: drawn by `@grafana/ui` in headless Chromium."""

import json
import tempfile
import time
from pathlib import Path

from tools.browser import Browser, Tab
from tools.grafana.packages import bundles
from tools.grafana.questions import Json

__all__ = ["WIDTH", "draw", "opened"]

WIDTH = 1268
"""Pixels: what a laptop's screen of 1,280 leaves beside a scroll bar."""
TOP, LINE = 80, 38
"""Pixels of the heading, and of a line of the grid; as in source/grid.jsx."""
PATIENCE = 60.0

PAGE = """<!doctype html><html><head><meta charset="utf-8"><title>drawing</title><style>body {{ margin: 0 }}</style>
<link rel="stylesheet" href="file://{bundles}/draw.css">
</head><body><div id="root"></div>
<script>window.Date = class extends Date {{
  constructor(...given) {{ super(...(given.length ? given : [{now}])) }}
  static now() {{ return {now} }}
}};
window.__grafana_public_path__ = "file://{bundles}/public/"; window.asked = {asked};</script><script src="file://{bundles}/draw.js"></script></body></html>"""


def opened(browser: Browser, asked: Json, *, dark: bool = True, width: int = WIDTH, scale: float = 1.0) -> Tab:
    """A tab in which all panels are drawn. Raises RuntimeError with the page's words where that fails."""
    question = json.dumps(asked | {"dark": dark, "width": width}).replace("</", "<\\/")
    height = TOP + LINE * max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in asked["dashboard"]["panels"])
    tab = browser.tab(width, height, dark=dark, scale=scale)  # as high as all of it: tables draw what is to be seen
    with tempfile.TemporaryDirectory(prefix="drawing-") as folder:
        page = Path(folder) / "page.html"
        page.write_text(PAGE.format(bundles=bundles(), asked=question, now=asked["range"]["to"]), encoding="utf-8")
        tab.open(page.as_uri())
        until = time.monotonic() + PATIENCE
        while (title := str(tab.value("document.title"))) == "drawing" and time.monotonic() < until:
            tab.value("new Promise((resolve) => setTimeout(resolve, 100))")
    if title != "drawn":
        raise RuntimeError(title)
    return tab


def draw(
    browser: Browser, asked: Json, target: Path, *, dark: bool = True, width: int = WIDTH, scale: float = 1.0
) -> None:
    """The panels as `target`, from top to bottom."""
    opened(browser, asked, dark=dark, width=width, scale=scale).picture(target)
