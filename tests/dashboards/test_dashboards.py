"""The dashboards as files: generated, valid, complete, and speaking of series that exist."""

import json
import re
from typing import Any

import promql_parser
import pytest

from exporter.families.catalogue import catalogue
from exporter.metric import MetricKind
from tests.dashboards.schema import encoded, misfits, parsed
from tools.dashboards import DASHBOARDS, FOLDERS
from tools.dashboards.answers import filled, targets, variable_queries
from tools.dashboards.findings import LABELS, alert_words, chosen, found, number, rules
from tools.dashboards.grafana import as_text, placed
from tools.dashboards.panel import Lines, Row, Table
from tools.generated import ROOT
from tools.rules import groups

Json = dict[str, Any]
CHOSEN = {"cluster": ".*", "pool": ".*", "node": "aks-nodepool1-1-vmss000000", "datasource": "prometheus"}
NAMES = pytest.mark.parametrize("name", sorted(DASHBOARDS))
SCRAPE_LABELS = {"cluster", "instance"}
OWN_LABELS = {
    "agentpool",
    "severity",
    "alertname",
    "about",
    "object",
    "state",
    "reason",
    "role",
    "origin",
    "of",
    "both",
}
"""Labels that a query makes itself or carries over from another series."""
SIGNS = {"green": "✔", "blue": "●◔■", "orange": "▲◔", "red": "✖", "purple": "?"}
ANNOTATION = re.compile(r"\.annotations\.list\[\d+\]\.(step|titleFormat|textFormat|tagKeys|useValueForTime)$")
"""What Grafana's Prometheus data source itself reads of an annotation; the models know what all data sources share."""
ALERT_LABELS = {"alertname", "alertstate", "severity", "node", "cluster", *LABELS}


def content(name: str) -> Json:
    found: Json = json.loads((ROOT / "dashboards" / f"{name}.json").read_text(encoding="utf-8"))
    return found


def selectors(node: object) -> list[promql_parser.VectorSelector]:
    """Every vector selector of a parsed expression."""
    found = [node] if isinstance(node, promql_parser.VectorSelector) else []
    for name in ("expr", "lhs", "rhs", "vector_selector", "param"):
        if (child := getattr(node, name, None)) is not None:
            found += selectors(child)
    args = getattr(node, "args", None)
    for child in args if isinstance(args, list) else getattr(args, "args", None) or []:
        found += selectors(child)
    return found


def expressions(name: str) -> list[tuple[str, str]]:
    """Title and expression of every query, of panels and variables, as Prometheus gets them."""
    found = [(panel["title"], filled(target["expr"], CHOSEN)) for panel, target in targets(content(name))]
    found += [(f"variable {one}", filled(query, CHOSEN)) for one, query in variable_queries(content(name))]
    found += [(one["name"], filled(one["expr"], CHOSEN)) for one in content(name)["annotations"]["list"]]
    return found


def known() -> dict[str, tuple[set[str], dict[str, tuple[str, ...]]]]:
    """Labels and closed word lists of every series there is."""
    found: dict[str, tuple[set[str], dict[str, tuple[str, ...]]]] = {
        "ALERTS": (ALERT_LABELS, {}),
        "ALERTS_FOR_STATE": (ALERT_LABELS, {}),
        "akscert:policy_max_age:seconds": (set(), {}),
    }
    for metric in (metric for metrics in catalogue().values() for metric in metrics):
        suffixes = ("_bucket", "_sum", "_count") if metric.kind is MetricKind.HISTOGRAM else ("",)
        for suffix in suffixes:
            found[metric.name + suffix] = ({*metric.labels, "le"}, dict(metric.words))
    return found


@NAMES
@pytest.mark.parametrize("folder", FOLDERS)
def test_the_files_are_what_the_panels_make(name: str, folder: str) -> None:
    """A user's file and the chart's copy are the same, and nobody edited either by hand."""
    assert (ROOT / folder / f"{name}.json").read_text(encoding="utf-8") == as_text(DASHBOARDS[name])
    assert not (ROOT / folder / f"{name}.json").is_symlink()


@NAMES
def test_a_dashboard_s_config_map_can_be_applied_by_kubectl(name: str) -> None:
    """kubectl apply keeps the whole object in an annotation, of which all together may have 256 KiB."""
    assert len(json.dumps({"data": {f"{name}.json": as_text(DASHBOARDS[name])}})) < 250_000


@NAMES
def test_every_key_is_one_that_grafana_knows(name: str) -> None:
    """Grafana's models drop what they do not know: nothing is dropped."""
    again = json.loads(encoded(parsed(content(name))))
    assert [one for one in lost(content(name), again, "dashboard") if not ANNOTATION.search(one)] == []


@NAMES
def test_every_value_has_the_type_that_grafana_declares(name: str) -> None:
    dashboard = parsed(content(name))
    assert list(misfits(dashboard, type(dashboard), "dashboard")) == []


def lost(before: Any, after: Any, where: str) -> list[str]:
    """Keys and values that are not there any more."""
    if isinstance(before, dict) and isinstance(after, dict):
        return [
            line
            for key, value in before.items()
            for line in (lost(value, after[key], f"{where}.{key}") if key in after else [f"{where}.{key}"])
        ]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = enumerate(zip(before, after, strict=True))
        return [line for number, (one, other) in pairs for line in lost(one, other, f"{where}[{number}]")]
    return [] if before == after else [f"{where}: {before!r} became {after!r}"]


def test_a_word_that_grafana_does_not_know_would_be_noticed() -> None:
    """The two tests above can fail: one of each kind of mistake."""
    wrong = content("fleet")
    panel = next(panel for panel in wrong["panels"] if panel["type"] == "stat")
    panel["options"]["colourMode"] = "value"
    panel["gridPos"]["x"] = "left"
    panel["options"]["colorMode"] = "rainbow"
    panel["fieldConfig"]["defaults"]["thresholds"]["mode"] = "relative"
    dashboard = parsed(wrong)
    gone = [line for line in lost(wrong, json.loads(encoded(dashboard)), "d") if not ANNOTATION.search(line)]
    assert [line.rpartition(".")[2] for line in gone] == ["colourMode"]
    found = " ".join(misfits(dashboard, type(dashboard), "d"))
    assert "'left'" in found
    assert "'rainbow'" in found
    assert "'relative'" in found


def test_ids_and_uids_are_unique() -> None:
    uids = [content(name)["uid"] for name in DASHBOARDS]
    assert len(set(uids)) == len(uids)
    for name in DASHBOARDS:
        panels = content(name)["panels"]
        assert len({panel["id"] for panel in panels}) == len(panels)
        titles = [panel["title"] for panel in panels]
        assert len(set(titles)) == len(titles)
        for panel in panels:
            letters = [target["refId"] for target in panel.get("targets", ())]
            assert len(set(letters)) == len(letters)


@NAMES
def test_panels_stand_side_by_side_and_do_not_overlap(name: str) -> None:
    taken: set[tuple[int, int]] = set()
    for _, x, y, width, height in placed(DASHBOARDS[name].rows):
        cells = {(column, line) for column in range(x, x + width) for line in range(y, y + height)}
        assert x + width <= 24
        assert not cells & taken
        taken |= cells
    lines = max(line for _, line in taken) + 1
    holes = {(column, line) for column in range(24) for line in range(lines)} - taken
    assert not holes


@NAMES
def test_every_variable_in_use_is_defined_and_every_defined_one_is_in_use(name: str) -> None:
    text = (ROOT / "dashboards" / f"{name}.json").read_text(encoding="utf-8")
    used = {found[0] or found[1] for found in re.findall(r"\$(?:\{([a-z]\w*)|([a-z]\w*))", text)}
    defined = {variable["name"] for variable in content(name)["templating"]["list"]}
    assert used == defined


@NAMES
def test_every_query_asks_for_the_chosen_clusters_alone_and_lives_without_the_label(name: str) -> None:
    """allValue .* also matches series that have no cluster label."""
    variables = {variable["name"]: variable for variable in content(name)["templating"]["list"]}
    assert variables["cluster"]["allValue"] == ".*"
    assert variables["pool"]["allValue"] == ".*"
    for panel, target in targets(content(name)):
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}, "queries take the panel's"
        assert "datasource" not in target
        for selector in selectors(promql_parser.parse(filled(target["expr"], CHOSEN | {"cluster": "chosen"}))):
            if str(selector.name).startswith("akscert:"):
                continue  # a setting, the same for all clusters
            matchers = {(one.name, str(one.op), one.value) for one in selector.matchers.matchers}
            assert ("cluster", "MatchOp.Re", "chosen") in matchers, (panel["title"], selector)


@NAMES
def test_queries_speak_of_series_labels_and_words_that_exist(name: str) -> None:
    wrong = []
    for title, expression in expressions(name):
        grouped = re.findall(r"(?:by|on|group_left|group_right) \(([^)]*)\)", expression)
        grouping = set(re.findall(r"\w+", " ".join(grouped)))
        labels: set[str] = set()
        for selector in selectors(promql_parser.parse(expression)):
            if selector.name not in known():
                wrong.append(f"{title}: no series {selector.name}")
                continue
            has, words = known()[selector.name]
            labels |= has
            for matcher in selector.matchers.matchers:
                if matcher.name not in has | SCRAPE_LABELS:
                    wrong.append(f"{title}: {selector.name} has no label {matcher.name}")
                allowed = set(words.get(matcher.name, matcher.value.split("|"))) | {".*"}
                if strange := set(matcher.value.split("|")) - allowed:
                    wrong.append(f"{title}: {selector.name} has no {matcher.name} {sorted(strange)}")
        if strange := grouping - labels - SCRAPE_LABELS - OWN_LABELS:
            wrong.append(f"{title}: groups by {sorted(strange)}, which none of its series has")
    assert wrong == []


@NAMES
def test_a_join_never_depends_on_a_label_that_the_scrape_adds(name: str) -> None:
    """Both agents speak of the same node with different instance, pod and job. Only a kubelet's answer goes by the
    target that asked it, since the series has no node.
    """
    for title, expression in expressions(name):
        for joined in re.findall(r"\bon \(([^)]*)\)", expression):
            strange = set(re.findall(r"\w+", joined)) & {"pod", "job", "namespace", "endpoint", "container"}
            assert not strange, title
            if "instance" in joined:
                assert "akscert_source_up" in expression or "akscert_build_info" in expression, title


@NAMES
def test_every_column_of_a_table_is_a_label_or_a_value_of_its_queries(name: str) -> None:
    for panel in DASHBOARDS[name].panels:
        if not isinstance(panel, Table):
            continue
        letters = {chr(ord("A") + number) for number in range(len(panel.queries))}
        assert panel.sort in {column.title for column in panel.columns}
        for column in panel.columns:
            if column.source in letters:
                continue
            assert any(re.search(rf"\b{column.source}\b", query.expression) for query in panel.queries), column


@NAMES
def test_every_panel_says_what_it_answers_and_what_to_do(name: str) -> None:
    alerts = {rule.alert for group in groups() for rule in group.rules}
    for panel in DASHBOARDS[name].panels:
        assert len(panel.description) > 80, panel.title
        assert panel.description.endswith("."), panel.title
        assert panel.empty
        assert set(panel.runbooks) <= alerts
    for panel in content(name)["panels"]:
        for link in panel.get("links", ()):
            path = link["url"].split("/blob/main/")[1]
            assert (ROOT / path).is_file(), path


@NAMES
def test_what_is_marked_over_time_is_of_the_chosen_clusters_and_names_its_own_labels(name: str) -> None:
    """E10: rotations of the cluster's certificates, upgrades and gaps; on the node's dashboard its own rotations."""
    titles = ["Rotation of the cluster's certificates", "Upgrades", "No agent reports"]
    marked = content(name)["annotations"]["list"]
    assert [one["name"] for one in marked] == (titles if name == "fleet" else ["Rotations", *titles])
    for one in marked:
        for selector in selectors(promql_parser.parse(filled(one["expr"], CHOSEN | {"cluster": "chosen"}))):
            matchers = {(matcher.name, matcher.value) for matcher in selector.matchers.matchers}
            assert ("cluster", "chosen") in matchers, one["name"]
        for label in re.findall(r"{{(\w+)}}", one["titleFormat"]):
            assert re.search(rf"by \([^)]*\b{label}\b", one["expr"]), (one["name"], label)


def test_dashboards_lead_to_one_another() -> None:
    for name in DASHBOARDS:
        (link,) = content(name)["links"]
        assert set(link["tags"]) <= set(content(name)["tags"])
        assert link["includeVars"]
    text = (ROOT / "dashboards/fleet.json").read_text(encoding="utf-8")
    assert f"/d/{DASHBOARDS['node'].uid}?" in text


def test_colour_is_never_all_that_tells_a_word() -> None:
    """E8: a colour is a severity, the same everywhere, and the word's sign says it too. Legends name their series."""
    for name in DASHBOARDS:
        for panel in DASHBOARDS[name].panels:
            lists = [] if isinstance(panel, Lines) else [panel.words]
            if isinstance(panel, Table):
                lists += [column.words for column in panel.columns]
            for word in (word for words in lists for word in words if word.text):
                severity = re.sub(r"^(light|dark)-", "", word.color)
                assert severity == "text" or word.text[0] in SIGNS[severity], (panel.title, word)


def test_no_threshold_begins_with_green_where_the_value_may_be_unknown() -> None:
    """E3: of a value that is not there Grafana takes the first threshold, unless there is a mapping for null."""
    for name in DASHBOARDS:
        for panel in content(name)["panels"]:
            if panel["type"] in ("stat", "bargauge"):
                mappings = panel["fieldConfig"]["defaults"]["mappings"]
                (nothing,) = [one["options"]["result"] for one in mappings if one["type"] == "special"]
                assert (nothing["color"] == "purple") == nothing["text"].startswith("?"), panel["title"]
                assert nothing["color"] in ("purple", "text")


def test_windows_follow_the_range_that_is_looked_at() -> None:
    """E7: what happened is counted in each step of time, however long it is. A lookback of the rules' own is theirs."""
    for name in DASHBOARDS:
        for panel, target in targets(content(name)):
            if not target["instant"]:
                assert not re.findall(r"\[\d+\w+\]", target["expr"]), panel["title"]
                if "$__interval" in target["expr"]:
                    assert panel["interval"] == "5m", "several scrapes fit into a step"


def test_what_is_wrong_is_asked_by_the_rules_own_expressions() -> None:
    """Every rule, under its own name and severity, with nothing changed but the choice of clusters."""
    asked = [query.expression for query in found("date")]
    for rule in rules():
        narrowed = chosen(rule.expression)
        asked_of_all = narrowed.replace('{cluster=~"$cluster", ', "{").replace('{cluster=~"$cluster"}', "")
        assert asked_of_all == re.sub(r"(?<=\() | (?=\))", "", " ".join(rule.expression.split())), rule.alert
        (query,) = (one for one in asked if f"(({narrowed})" in one or f"(({narrowed}) unless" in one)
        assert f'"alertname", "{rule.alert}"' in query
        assert f'"severity", "{["", "critical", "warning", "info"].index(rule.severity)}-{rule.severity}"' in query
        if rule.severity in ("critical", "warning"):
            assert any(f"(({narrowed})" in one.expression for one in number(rule.severity))
    assert {word.value for word in alert_words()} == {rule.alert for rule in rules()}
    assert {rule.alert for rule in rules()} == {rule.alert for group in groups() for rule in group.rules}


def test_a_rule_is_narrowed_to_the_chosen_clusters_and_its_labels_are_shown() -> None:
    """E: the table is made from whatever rules there are: selectors get a matcher, texts stay as they are."""
    assert chosen('max by (node) (akscert_a{b="akscert_c"}) or akscert_a[5m]') == (
        'max by (node) (akscert_a{cluster=~"$cluster", b="akscert_c"}) or akscert_a{cluster=~"$cluster"}[5m]'
    )
    assert chosen("akscert_node_ready == akscert_csr_untracked", node=True) == (
        'akscert_node_ready{cluster=~"$cluster", node=~"$node"} == akscert_csr_untracked{cluster=~"$cluster"}'
    )
    for label in ("role", "reason", "path", "source", "mode", "lease", "signer_name", "kind", "name", "agentpool"):
        assert label in LABELS


def test_rows_have_headings_and_panels() -> None:
    for name in DASHBOARDS:
        for row in DASHBOARDS[name].rows:
            assert isinstance(row, Row)
            assert row.panels
        kinds = {panel["type"] for panel in content(name)["panels"]}
        assert kinds <= {"row", "stat", "table", "timeseries", "state-timeline", "bargauge", "heatmap", "histogram"}
