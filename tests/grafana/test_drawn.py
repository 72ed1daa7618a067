"""What Grafana's own components draw at the width of a laptop: everything, in both schemes, nothing off the edge."""

import json
import re
from pathlib import Path

import pytest

from tests.grafana.scenes import SCENES, Scene
from tools.browser import Browser
from tools.grafana.drawn import WIDTH, draw, opened
from tools.grafana.fleets import Fleets
from tools.grafana.questions import Json

MEASURE = """JSON.stringify([...document.querySelectorAll('[data-panel]')].map((panel) => ({
  title: panel.dataset.panel,
  right: panel.getBoundingClientRect().right,
  drawn: panel.querySelectorAll('canvas, svg rect, [role=gridcell]').length + panel.innerText.trim().length,
  heading: (([one]) => one && one.scrollWidth > one.clientWidth)([...panel.querySelectorAll('h2')]),
  tables: [...panel.querySelectorAll('[role=grid]')].map((one) => one.scrollWidth - one.clientWidth),
  cut: [...panel.querySelectorAll('[role=gridcell]')].filter((one) => one.scrollWidth > one.clientWidth + 1)
    .map((one) => one.innerText),
  names: [...panel.querySelectorAll('div:not([role])')].filter((one) => one.scrollWidth > one.clientWidth + 1
    && getComputedStyle(one).textOverflow == 'ellipsis' && !one.closest('[role=grid]')).map((one) => one.innerText),
})))"""

pytestmark = pytest.mark.timeout(300)


def measured(chromium: Browser, asked: Json, *, dark: bool) -> list[Json]:
    found: list[Json] = json.loads(str(opened(chromium, asked, dark=dark).value(MEASURE)))
    return found


@pytest.mark.parametrize("dark", [True, False], ids=["dark", "light"])
@pytest.mark.parametrize("scene", SCENES, ids=str)
def test_every_panel_is_drawn_and_nothing_lies_off_the_edge(
    scene: Scene, dark: bool, observed: Fleets, chromium: Browser
) -> None:
    """E5, E6: no title of a panel or a bar is cut, and no column of a table lies beyond its right edge."""
    asked = scene.question(observed)
    found = measured(chromium, asked, dark=dark)
    assert [one["title"] for one in found] == [
        one["title"] for one in asked["dashboard"]["panels"] if one["type"] != "row"
    ]
    for one in found:
        assert one["drawn"] > len(one["title"]), one["title"]
        assert not one["heading"], f"the title {one['title']} is cut"
        assert one["right"] <= WIDTH
        assert all(over <= 1 for over in one["tables"]), f"columns of {one['title']} lie beyond its edge"
        assert one["names"] == [], f"names in {one['title']} are cut"


@pytest.mark.parametrize(
    "scene", [Scene("fleet", "both"), Scene("fleet", "broken"), Scene("node", "broken", "faulty")], ids=str
)
def test_no_node_serial_or_hash_is_cut(scene: Scene, observed: Fleets, chromium: Browser) -> None:
    """E5, E9: the digits that differ are the last ones."""
    for one in measured(chromium, scene.question(observed), dark=True):
        for text in one["cut"]:
            assert not re.match(r"aks-\w+-\d+-vmss", text), (one["title"], text)
            assert len(text) < 40 or " " in text or "/" in text or "." in text, (one["title"], text)


def test_a_picture_is_what_was_drawn_and_the_same_answers_give_the_same_bytes(
    observed: Fleets, chromium: Browser, tmp_path: Path
) -> None:
    asked, drawn = Scene("fleet", "broken").question(observed), []
    for name in ("once.png", "again.png"):
        draw(chromium, asked, tmp_path / name)
        drawn.append((tmp_path / name).read_bytes())
    assert drawn[0][:8] == b"\x89PNG\r\n\x1a\n"
    assert len(drawn[0]) > 50_000
    assert drawn[0] == drawn[1]
