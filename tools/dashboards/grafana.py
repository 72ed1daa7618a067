"""Panels in, Grafana's dashboard JSON out (schema version 38: that of Grafana 10.0, which later ones migrate)."""

import json
import re
from collections.abc import Iterator
from functools import partial

from tools.dashboards.fields import custom, defaults, overrides, sorting, total, transformations
from tools.dashboards.panel import (
    RUNBOOKS,
    Bars,
    Dashboard,
    Event,
    Heat,
    Histogram,
    Lines,
    Panel,
    Query,
    Row,
    Stat,
    Table,
    Timeline,
    Variable,
)

__all__ = ["as_text", "placed"]

Json = dict[str, object]

SCHEMA_VERSION = 38
COLUMNS = 24
LETTERS = 26
"""Queries have the names A to Z in Grafana, then AA and so on."""
DATA_SOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}
TAG = "aks-cert-exporter"
INSTANT = (Stat, Bars, Table, Histogram)
"""Kinds that show one moment; the others ask over the dashboard's time range."""


def as_text(dashboard: Dashboard) -> str:
    """The file's content, a line for each panel: kubectl apply keeps all of it in an annotation of at most 256 KiB."""
    content = _dashboard(dashboard)
    panels = content.pop("panels")
    assert isinstance(panels, list)
    written = partial(json.dumps, ensure_ascii=False, separators=(",", ":"))
    lines = ",\n".join(written(one) for one in panels)
    return f'{written(content)[:-1]},"panels":[\n{lines}\n]}}\n'


def placed(rows: tuple[Row, ...]) -> Iterator[tuple[Row | Panel, int, int, int, int]]:
    """Every heading and panel with its x, y, width and height on the grid."""
    y = 0
    for row in rows:
        yield row, 0, y, COLUMNS, 1
        y += 1
        x = height = 0
        for panel in row.panels:
            if x + panel.width > COLUMNS:
                x, y, height = 0, y + height, 0
            yield panel, x, y, panel.width, panel.height
            x, height = x + panel.width, max(height, panel.height)
        y += height


def _dashboard(dashboard: Dashboard) -> Json:
    panels = []
    for number, (one, x, y, width, height) in enumerate(placed(dashboard.rows), start=1):
        content = _heading(one) if isinstance(one, Row) else _panel(one)
        panels.append({"id": number, "gridPos": {"h": height, "w": width, "x": x, "y": y}, **content})
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.description,
        "tags": list(dashboard.tags),
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "timezone": "browser",
        "refresh": "1m",
        "time": {"from": dashboard.time_from, "to": "now"},
        "annotations": {"list": [_event(one) for one in dashboard.events]},
        "links": [
            {
                "title": "AKS certificates",
                "type": "dashboards",
                "tags": [TAG],
                "asDropdown": False,
                "includeVars": True,
                "keepTime": True,
                "targetBlank": False,
                "icon": "external link",
                "tooltip": "",
                "url": "",
            }
        ],
        "templating": {"list": [_data_source(), *(_variable(one) for one in dashboard.variables)]},
        "panels": panels,
    }


def _event(event: Event) -> Json:
    return {
        "name": event.title,
        "datasource": DATA_SOURCE,
        "enable": True,
        "hide": False,
        "iconColor": event.color,
        "expr": event.expression,
        "step": event.step,
        "titleFormat": event.text,
        "textFormat": "",
        "tagKeys": "",
        "useValueForTime": "on" if event.moment else False,
    }


def _data_source() -> Json:
    return {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "refresh": 1,
        "regex": "",
        "hide": 0,
        "includeAll": False,
        "multi": False,
        "current": {},
        "options": [],
        "skipUrlSync": False,
    }


def _variable(variable: Variable) -> Json:
    everything: Json = {"text": ["All"], "value": ["$__all"], "selected": True}
    return {
        "name": variable.name,
        "label": variable.label,
        "type": "query",
        "datasource": DATA_SOURCE,
        "query": {"query": variable.query, "refId": f"Variable-{variable.name}", "qryType": 5},
        "regex": variable.regex,
        "refresh": 2,
        "sort": 1,
        "hide": 0,
        "includeAll": variable.several,
        "multi": variable.several,
        # Also matches series without the label, which a regular expression of the values would not.
        **({"allValue": ".*"} if variable.several else {}),
        "current": everything if variable.several else {},
        "options": [],
        "skipUrlSync": False,
    }


def _heading(row: Row) -> Json:
    return {"type": "row", "title": row.title, "collapsed": False, "panels": []}


def _panel(panel: Panel) -> Json:
    content: Json = {
        "title": panel.title,
        "description": panel.description,
        "datasource": DATA_SOURCE,
        "targets": [_target(panel, number, query) for number, query in enumerate(panel.queries)],
        "links": [
            {"title": f"Runbook {alert}", "url": f"{RUNBOOKS}/{alert}.md", "targetBlank": True}
            for alert in panel.runbooks
        ],
        "fieldConfig": {
            "defaults": defaults(panel) | custom(panel),
            "overrides": overrides(panel),
        },
    }
    if panel.points:
        content["maxDataPoints"] = panel.points
    if panel.step:
        content["interval"] = panel.step
    match panel:
        case Stat():
            options = _reduced(label=panel.label) | {
                "colorMode": "background" if panel.filled and (panel.thresholds or panel.words) else "value",
                "graphMode": "none",
                "justifyMode": "auto",
                "textMode": "value_and_name" if len(panel.queries) > 1 and not panel.total else "auto",
            }
            added = {"transformations": total(panel.total)} if panel.total else {}
            return content | {"type": "stat", "options": options} | added
        case Bars():
            options = _reduced("horizontal") | {
                "displayMode": "basic",
                "valueMode": "color",
                "namePlacement": "top" if panel.above else "left",
                "showUnfilled": True,
                "sizing": "manual",  # few bars would fill the panel, with letters that leave no room for their names
                "minVizHeight": 16,
                "maxVizHeight": 48 if panel.above else 30,
                "minVizWidth": 8,
                "text": {"titleSize": 14, "valueSize": 16},
            }
            return content | {"type": "bargauge", "options": options}
        case Lines():
            legend = {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []}
            options = {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}}
            return content | {"type": "timeseries", "options": options}
        case Timeline():
            options = {
                "showValue": "auto",
                "mergeValues": True,
                "rowHeight": 0.8,
                "alignValue": "left",
                "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
                "tooltip": {"mode": "single", "sort": "none"},
            }
            return content | {"type": "state-timeline", "options": options}
        case Heat():
            return content | {"type": "heatmap", "options": _heat(panel)}
        case Histogram():
            legend = {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []}
            return content | {
                "type": "histogram",
                "options": {"bucketSize": panel.bucket, "bucketOffset": 0, "combine": False, "legend": legend},
            }
        case Table():
            return content | {
                "type": "table",
                "options": {"showHeader": True, "cellHeight": "sm", "sortBy": [sorting(panel)]},
                "transformations": transformations(panel),
            }
        case _:
            raise TypeError(f"{panel.title}: no such kind of panel")


def _target(panel: Panel, number: int, query: Query) -> Json:
    instant = isinstance(panel, INSTANT)
    gathered = isinstance(panel, Table) and bool(panel.gathered)
    table = isinstance(panel, Histogram) or (isinstance(panel, Table) and not gathered)
    table = table or (isinstance(panel, Stat) and bool(panel.label))
    return {
        "refId": chr(ord("A") + number) if number < LETTERS else f"A{chr(ord('A') + number - LETTERS)}",
        "expr": _quoted(query.expression),
        **({} if isinstance(panel, Table) else {"legendFormat": query.legend or "__auto"}),
        "format": "table" if table else "heatmap" if isinstance(panel, Heat) else "time_series",
        "instant": instant,
        **({} if instant else {"range": True}),
    }


def _quoted(expression: str) -> str:
    """With the quotes that JSON need not escape, let alone JSON in JSON; no blank after a comma or around an operator.

    What is wrong is asked in many kilobytes, and an object that kubectl applies has no more than 256.
    """
    pieces = re.split(r'("(?:[^"\\]|\\.)*")', expression)
    tight = (
        piece if number % 2 else re.sub(r" ([=!<>]=|[-+*/<>]) ", r"\1", piece.replace(", ", ","))
        for number, piece in enumerate(pieces)
    )
    return re.sub(r'"([^"\'\\]*)"', r"'\1'", "".join(tight))


def _reduced(orientation: str = "auto", label: str = "") -> Json:
    fields = f"/^{label}$/" if label else ""
    return {
        "orientation": orientation,
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": fields, "values": bool(label)},
    }


def _heat(panel: Panel) -> Json:
    return {
        "calculate": False,
        "cellGap": 1,
        "color": {
            "mode": "scheme",
            "scheme": "Oranges",
            "fill": "dark-orange",
            "scale": "exponential",
            "exponent": 0.5,
            "steps": 64,
            "reverse": False,
        },
        "exemplars": {"color": "rgba(255,0,255,0.7)"},
        "filterValues": {"le": 1e-9},
        "legend": {"show": True},
        "rowsFrame": {"layout": "auto"},
        "tooltip": {"mode": "single", "yHistogram": False, "showColorScale": False},
        "yAxis": {"axisPlacement": "left", "unit": panel.unit, "reverse": False},
    }
