"""What Grafana's own packages compute of the dashboards, from real answers: empty, healthy, broken, two clusters."""

import re
from collections.abc import Callable, Iterator
from functools import cache

import pytest

from tests.grafana.scenes import SCENES, Scene
from tools.dashboards.findings import alert_words
from tools.grafana.computed import GENERATIONS, computed
from tools.grafana.fleets import Fleets
from tools.grafana.questions import Json

GREENS = {"#73BF69", "#56A64B", "#37872D", "#96D98D", "#C8F2C2", "#19730E"}
REDS = {"#F2495C", "#E02F44", "#C4162A"}
ORANGES = {"#FF9830", "#FF780A", "#FA6400", "#FFB357", "#FFCB7D"}
SIGNS = "✔●◔▲✖■?"
TABLES_OF_NOTHING = ("–", "")

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(params=GENERATIONS, ids=[f"grafana-{one}" for one in GENERATIONS])
def generation(request: pytest.FixtureRequest) -> int:
    found: int = request.param
    return found


@pytest.fixture(scope="session")
def shown(observed: Fleets) -> Callable[[Scene, int], dict[str, Json]]:
    """What a scene's panels show, each asked and computed once."""
    return cache(lambda scene, generation: computed(scene.question(observed), generation))


@pytest.fixture
def panels(scene: Scene, generation: int, shown: Callable[[Scene, int], dict[str, Json]]) -> dict[str, Json]:
    return shown(scene, generation)


def colored(panel: Json) -> Iterator[tuple[str, str]]:
    """Each text of a panel with its colour."""
    for tile in panel.get("tiles", ()):
        yield tile["text"], tile["color"]
    for line in panel.get("lines", ()):
        for cell, column in zip(line, panel["columns"], strict=True):
            if column["cell"] == "color-text":
                yield cell["text"], cell["color"]
    for row in panel.get("bands", ()):
        for band in row["bands"]:
            yield band["text"], band["color"]
    for series in panel.get("series", ()):
        if series["mode"] == "fixed":
            yield series["name"], series["color"]


def shades(panel: Json) -> set[str]:
    return {color for _, color in colored(panel)}


def cells(panel: Json, column: str) -> list[Json]:
    number = [one["name"] for one in panel["columns"]].index(column)
    return [line[number] for line in panel["lines"]]


every_scene = pytest.mark.parametrize("scene", SCENES, ids=str)


@every_scene
def test_grafana_knows_every_transformation_matcher_unit_and_option(panels: dict[str, Json]) -> None:
    assert {title: panel["strangers"] for title, panel in panels.items() if panel["strangers"]} == {}


@every_scene
def test_no_empty_cell_shows_a_sentence(panels: dict[str, Json]) -> None:
    """E2: what a table says where it has no lines is not in the cells that have no value."""
    for title, panel in panels.items():
        assert "several" not in panel, f"{title}: its queries do not become one table"
        for line in panel.get("lines", ()):
            for cell, column in zip(line, panel["columns"], strict=True):
                if cell["value"] in (None, ""):
                    assert cell["text"] in TABLES_OF_NOTHING, (title, column["name"])
                assert len(cell["text"].split()) < 12, (title, cell)


@every_scene
def test_every_state_has_its_word_its_sign_and_its_colour(panels: dict[str, Json]) -> None:
    """E1, E8: state timelines show the words, not the ranges of thresholds; no number stands for a state."""
    for title, panel in panels.items():
        for row in panel.get("bands", ()):
            for band in row["bands"]:
                assert band["text"][0] in SIGNS, (title, row["name"], band)
                assert "∞" not in band["text"]
        for column in panel.get("columns", ()):
            if (
                column["name"] in ("severity", "rotation", "state", "trust", "now", "kubelet")
                and column["cell"] != "auto"
            ):
                for cell in cells(panel, column["name"]):
                    assert cell["text"] == "–" or cell["text"][:1] in SIGNS, (title, cell)
                    assert cell["color"] not in ("", "#ccccdc") or cell["text"] in TABLES_OF_NOTHING, (title, cell)


@every_scene
def test_green_is_only_what_is_said_to_be_well(panels: dict[str, Json]) -> None:
    """E3, E8: nothing green without the sign of what is ok, a hundred per cent, or a number of nodes or requests."""
    for title, panel in panels.items():
        for text, color in colored(panel):
            if color in GREENS:
                well = (
                    text[0] == "✔"
                    or text in ("0", "100%", "enabled", "issued")
                    or re.match(r"[\d.]+ (s|ms|mins?|µs)$", text)
                )
                assert well or title == "Who tells about how many nodes", (title, text)
            if text.startswith("?"):
                assert color == "#B877D9", (title, text)


@pytest.mark.parametrize("scene", [one for one in SCENES if one.fleet == "empty"], ids=str)
def test_an_empty_prometheus_is_not_all_clear(panels: dict[str, Json]) -> None:
    """E3, E4: where nobody reports nothing is green, and every panel says that it is not known."""
    for title, panel in panels.items():
        assert not shades(panel) & GREENS, title
        if panel["empty"] is not None:
            assert panel["empty"].startswith("?"), title
        elif "lines" in panel:
            words = [cell["text"] for line in panel["lines"] for cell in line]
            assert any(text.startswith("?") or text == "▲ warning" for text in words), title
        else:
            assert title == "Alerts firing", title
    told = {text for panel in panels.values() for text, _ in colored(panel)}
    assert told & {"▲ warning", "? not known"}, "what is wrong is that no agent reports"


@pytest.mark.parametrize("scene", [one for one in SCENES if "healthy" in str(one) or "fabrikam" in str(one)], ids=str)
def test_a_healthy_cluster_has_nothing_red_or_orange(panels: dict[str, Json]) -> None:
    for title, panel in panels.items():
        assert not shades(panel) & (REDS | ORANGES), (title, list(colored(panel)))
        assert panel["empty"] is None or not panel["empty"].startswith("? no agent"), title
    for title in ("What is wrong now", "What is wrong with it"):
        if title in panels:
            assert panels[title]["empty"].startswith("✔"), panels[title].get("lines")


@pytest.mark.parametrize("scene", [Scene("node", "broken", "unseen")], ids=str)
def test_of_a_node_without_an_agent_it_is_said_that_nobody_tells(panels: dict[str, Json]) -> None:
    """E: readable for a node without an agent: what is wrong is that nobody looks; what the cluster knows is there."""
    wrong = panels["What is wrong with it"]
    assert "Node not observed" in [cell["text"] for cell in cells(wrong, "what is wrong")]
    for title in ("Client certificate", "Serving certificate"):
        assert panels[title]["tiles"][0]["text"].startswith("?")
    assert panels["What the cluster knows of it"]["lines"]


@pytest.mark.parametrize("scene", [Scene("fleet", "broken"), Scene("fleet", "both")], ids=str)
def test_what_is_wrong_is_complete_and_leads_on(panels: dict[str, Json], scene: Scene, observed: Fleets) -> None:
    """E5, E10: severity, node, what, date, since and the runbook; the node's own cluster goes along."""
    table = panels["What is wrong now"]
    columns = [one["name"] for one in table["columns"]]
    wanted = ["severity", "node", "what is wrong", "about", "date", "since", "of"]
    assert columns == (wanted if scene.fleet == "broken" else ["severity", "cluster", *wanted[1:]])
    spoken = {word.text: word.value for word in alert_words()}
    for cell in cells(table, "what is wrong"):
        assert [link.rpartition("/")[2] for link in cell["links"]] == [f"{spoken[cell['text']]}.md"]
    severities = [cell["value"] for cell in cells(table, "severity")]
    assert {"1-critical", "2-warning"} <= set(severities)
    for line in table["lines"]:
        named = dict(zip(columns, line, strict=True))
        if named["node"]["value"]:
            (link,) = named["node"]["links"]
            cluster = named["cluster"]["value"] if "cluster" in named else "$__all"
            assert f"var-cluster={cluster}&var-node={named['node']['value']}&" in link
    assert sum(1 for cell in cells(table, "since") if cell["text"].endswith("ago")) > len(severities) / 2
    tiles = {title: panels[title]["tiles"][0]["value"] for title in ("Critical now", "Warnings now")}
    listed = {"Critical now": severities.count("1-critical"), "Warnings now": severities.count("2-warning")}
    assert all(abs(tiles[title] - listed[title]) <= 1 for title in tiles), (tiles, listed)


@pytest.mark.parametrize("scene", [Scene("fleet", "broken")], ids=str)
def test_a_certificate_past_its_end_or_deadline_is_not_said_to_be_enabled(panels: dict[str, Json]) -> None:
    """E8: "-2 days" has expired beside it, 99 % of a lifetime overdue, and neither is green."""
    table = panels["What ends next, of what nothing is going to renew"]
    columns = [one["name"] for one in table["columns"]]
    seen = set()
    for line in table["lines"]:
        named = dict(zip(columns, line, strict=True))
        if named["role"]["value"] == "kubelet-client" and named["lifetime over"]["value"] > 90:
            word = named["rotation"]["text"]
            seen.add(word)
            assert word == ("✖ expired" if named["time left"]["value"] < 0 else "▲ overdue")
        assert named["lifetime over"]["color"] not in GREENS
    assert seen == {"✖ expired", "▲ overdue"}


@pytest.mark.parametrize("scene", [Scene("fleet", "broken"), Scene("node", "broken", "faulty")], ids=str)
def test_whatever_may_be_cut_can_be_seen_whole(panels: dict[str, Json]) -> None:
    """E5, E9: names, hashes and serials have a cell view, or a column that is wide enough for them."""
    for title, panel in panels.items():
        for column in panel.get("columns", ()):
            assert column["inspect"], (title, column["name"])
            if column["name"] == "node":
                assert column["width"] >= 300
    if "Identities" in panels:
        widths = {one["name"]: one["width"] for one in panels["Identities"]["columns"]}
        assert widths["serial number"] >= 350


@pytest.mark.parametrize("scene", [Scene("fleet", "broken"), Scene("fleet", "both")], ids=str)
def test_every_node_is_in_a_pool_or_in_one_that_is_not_known(panels: dict[str, Json]) -> None:
    for title in ("Why: states and reasons", "Certificate files that cannot be read"):
        assert all(cell["value"] for cell in cells(panels[title], "pool")), title
