"""The pictures: values written as Grafana writes them, tables put together as it does, every panel drawn."""

import json
import threading
import urllib.parse
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tools.dashboard_pictures import GAP, UNIT, WIDTH, draw_dashboard, panels_below
from tools.dashboards import DASHBOARDS
from tools.dashboards.answers import Answer, Prometheus, Series, filled
from tools.drawing.canvas import text_width
from tools.drawing.frame import table
from tools.drawing.values import COLORS, shown
from tools.generated import ROOT

Json = dict[str, Any]
NOW = 1_800_000_000.0
DAY = 86400


def content(name: str) -> Json:
    found: Json = json.loads((ROOT / "dashboards" / f"{name}.json").read_text(encoding="utf-8"))
    return found


def panel(title: str, name: str = "fleet") -> Json:
    found: Json = next(one for one in content(name)["panels"] if one["title"] == title)
    return found


def answer(*series: tuple[dict[str, str], float]) -> Answer:
    return Answer(tuple(Series(labels, ((NOW, value),)) for labels, value in series), 0.0)


@pytest.mark.parametrize(
    ("value", "field", "text"),
    [
        (99.96, {"unit": "percent"}, "100.0%"),
        (66.6667, {"unit": "percent", "decimals": 0}, "67%"),
        (4.0, {"unit": "s"}, "4.0 s"),
        (90.0, {"unit": "s", "decimals": 1}, "1.5 mins"),
        (-2.0 * DAY, {"unit": "s"}, "-2.0 days"),
        (400.0 * DAY, {"unit": "s"}, "1.1 years"),
        (60.0, {"unit": "s", "decimals": 0}, "1 min"),
        (1000 * (NOW + 3 * DAY), {"unit": "dateTimeFromNow"}, "in 3 days"),
        (1000 * (NOW - 120), {"unit": "dateTimeFromNow"}, "2 mins ago"),
        (1000 * NOW, {"unit": "dateTimeAsIso"}, "2027-01-15 08:00"),
        (3.0, {"unit": "short"}, "3"),
        ("kubelet-client", {"unit": "none"}, "kubelet-client"),
    ],
)
def test_a_value_is_written_in_its_unit(value: float | str, field: Json, text: str) -> None:
    assert shown(value, field, NOW)[0] == text


def test_a_word_stands_in_a_value_s_place_and_a_threshold_gives_a_colour() -> None:
    state = panel("API servers")["fieldConfig"]["overrides"]
    trust = next(one for one in state if one["matcher"]["options"] == "trust")
    field = {one["id"]: one["value"] for one in trust["properties"]}
    assert shown(0, field, NOW) == ("✖ not trusted", COLORS["red"])
    assert shown(1, field, NOW) == ("✔ trusted", COLORS["green"])
    steps = {"thresholds": {"steps": [{"value": None, "color": "green"}, {"value": 80, "color": "orange"}]}}
    assert [shown(value, steps, NOW)[1] for value in (79.9, 80.0)] == [COLORS["green"], COLORS["orange"]]


def test_lines_of_a_table_are_merged_by_their_labels_and_sorted() -> None:
    first = {"node": "aks-1", "role": "kubelet-client", "state": "disabled"}
    second = {"object": "cluster", "role": "CA"}
    cells = table(
        panel("What ends next, of what nothing is going to renew"),
        [
            answer((first, 1000 * NOW), (second, 1000 * NOW)),
            answer((second, 50.0), (first, 60.0)),
            answer((first, 99.0)),
        ],
    )
    titles = [field.title for field in cells.fields]
    assert titles == ["node", "or what else", "role", "rotation", "ends", "time left", "lifetime over"]
    assert [line["time left"] for line in cells.lines] == [50.0, 60.0]
    assert "lifetime over" not in cells.lines[0]
    assert cells.lines[1]["lifetime over"] == 99.0


def test_variables_are_filled_in_and_nothing_else_is_touched() -> None:
    query = 'label_replace(a{cluster=~"$cluster", node="${node}"}, "x", "$1", "y", "(.+)")'
    assert filled(query, {"cluster": ".*", "node": "n"}) == (
        'label_replace(a{cluster=~".*", node="n"}, "x", "$1", "y", "(.+)")'
    )
    with pytest.raises(KeyError):
        filled("a{b=~'$pool'}", {})


class Answers(BaseHTTPRequestHandler):
    """Says the same to each question, with every label that a panel may want to name."""

    labels = ("node", "role", "state", "reason", "agentpool", "severity", "status", "address", "le", "outcome", "lease")

    def do_POST(self) -> None:
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        labels = {label: f"{label} of it" for label in self.labels} | {"le": "10"}
        ranged = self.path.endswith("_range")
        start = float(form["start" if ranged else "time"][0])
        points = [[start + 60 * number, f"{number + 1}"] for number in range(5)]
        one = {"metric": labels, "values": points} if ranged else {"metric": labels, "value": points[0]}
        body = json.dumps({"data": {"result": [one] if self.server.filled else []}}).encode()  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the test speaks."""


@pytest.fixture(params=[True, False], ids=["data", "no-data"])
def server(request: pytest.FixtureRequest) -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        server.filled = request.param  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("name", sorted(DASHBOARDS))
def test_a_dashboard_is_drawn_with_and_without_data(name: str, server: ThreadingHTTPServer, tmp_path: Path) -> None:
    """Every kind of panel; a character that the font lacks would be an error."""
    prometheus = Prometheus(f"http://127.0.0.1:{server.server_port}")
    target = tmp_path / "picture.png"
    draw_dashboard(content(name), prometheus, {"cluster": ".*", "pool": ".*", "node": "aks-1"}, target)
    lines = max(one["gridPos"]["y"] + one["gridPos"]["h"] for one in content(name)["panels"])
    with Image.open(target) as picture:
        assert picture.size == (WIDTH, lines * (UNIT + GAP) + 56)
        assert len(picture.convert("RGB").getcolors(1 << 20) or ()) > 20
    assert target.stat().st_size < 400_000


def test_a_part_of_a_dashboard_is_its_headings_and_all_below_them() -> None:
    every = content("fleet")["panels"]
    parts = [panels_below(content("fleet"), headings) for headings in ((0, 3), (3, 99))]
    assert [*parts[0], *parts[1]] == every
    assert all(part[0]["type"] == "row" for part in parts)


def test_the_width_of_a_text_grows_with_the_text_and_with_its_size() -> None:
    assert 0 < text_width("ab", 12) < text_width("abc", 12) < text_width("abc", 14) < text_width("abc", 14, bold=True)
