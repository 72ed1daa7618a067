"""Panels in, Grafana's dashboard JSON out (schema version 38: that of Grafana 10.0, which later ones migrate)."""

import json
from collections.abc import Iterator

from tools.dashboards.panel import (
    Bars,
    Cell,
    Column,
    Dashboard,
    Heat,
    Histogram,
    Lines,
    Panel,
    Query,
    Row,
    Stat,
    Table,
    Threshold,
    Timeline,
    Unit,
    Variable,
    Word,
)

__all__ = ["RUNBOOKS", "as_text", "placed"]

Json = dict[str, object]

SCHEMA_VERSION = 38
COLUMNS = 24
DATA_SOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}
RUNBOOKS = "https://github.com/aks-cert-exporter/aks-cert-exporter/blob/main/docs/runbooks"
TAG = "aks-cert-exporter"
NEUTRAL = (Threshold(None, "text"),)
INSTANT = (Stat, Bars, Table, Histogram)
"""Kinds that show one moment; the others ask over the dashboard's time range."""


def as_text(dashboard: Dashboard) -> str:
    """The file's content."""
    return json.dumps(_dashboard(dashboard), indent=2, ensure_ascii=False) + "\n"


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
        "annotations": {"list": []},
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
            "defaults": _field(panel) | _custom(panel),
            "overrides": _overrides(panel),
        },
    }
    if panel.points:
        content["maxDataPoints"] = panel.points
    match panel:
        case Stat():
            options = _reduced() | {
                "colorMode": "background" if panel.filled and (panel.thresholds or panel.words) else "value",
                "graphMode": "none",
                "justifyMode": "auto",
                "textMode": "name" if panel.named else "value_and_name" if len(panel.queries) > 1 else "auto",
            }
            return content | {"type": "stat", "options": options}
        case Bars():
            options = _reduced() | {
                "displayMode": "basic",
                "valueMode": "color",
                "namePlacement": "auto",
                "showUnfilled": True,
                "minVizHeight": 16,
                "minVizWidth": 8,
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
                "options": {"showHeader": True, "cellHeight": "sm", "sortBy": [_sorting(panel)]},
                "transformations": _transformations(panel),
            }
        case _:
            raise TypeError(f"{panel.title}: no such kind of panel")


def _target(panel: Panel, number: int, query: Query) -> Json:
    instant = isinstance(panel, INSTANT)
    table = isinstance(panel, Table | Histogram)
    return {
        "refId": chr(ord("A") + number),
        "datasource": DATA_SOURCE,
        "editorMode": "code",
        "expr": query.expression,
        "legendFormat": query.legend or "__auto",
        "format": "table" if table else "heatmap" if isinstance(panel, Heat) else "time_series",
        "instant": instant,
        "range": not instant,
        "exemplar": False,
    }


def _reduced() -> Json:
    return {"orientation": "auto", "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}}


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


def _field(panel: Panel) -> Json:
    content: Json = {
        "unit": panel.unit,
        "noValue": panel.empty,
        "mappings": _mappings(panel.words),
        "thresholds": _thresholds(panel.thresholds or NEUTRAL),
        "color": {"mode": "palette-classic" if isinstance(panel, Lines | Histogram) else "thresholds"},
    }
    if panel.decimals is not None:
        content["decimals"] = panel.decimals
    if panel.unit is Unit.PERCENT:
        content["min"] = 0
    if isinstance(panel, Bars | Lines) and panel.maximum is not None:
        content["max"] = panel.maximum
    return content


def _custom(panel: Panel) -> Json:
    match panel:
        case Lines(stacked=True):
            custom: Json = {
                "drawStyle": "bars",
                "fillOpacity": 70,
                "lineWidth": 1,
                "stacking": {"mode": "normal", "group": "A"},
            }
        case Lines():
            custom = {"drawStyle": "line", "fillOpacity": 0, "lineWidth": 2, "showPoints": "never"}
            if panel.thresholds:
                custom |= {"thresholdsStyle": {"mode": "dashed"}}
        case Timeline():
            custom = {"fillOpacity": 80, "lineWidth": 1}
        case Table():
            custom = {"align": "auto", "cellOptions": {"type": "auto"}, "inspect": False}
        case Histogram():
            custom = {"fillOpacity": 70, "lineWidth": 1}
        case _:
            return {}
    return {"custom": custom}


def _overrides(panel: Panel) -> list[Json]:
    match panel:
        case Table():
            return [_override(column.title, _properties(column)) for column in panel.columns if _properties(column)]
        case Histogram():
            return [
                {
                    "matcher": {"id": "byFrameRefID", "options": chr(ord("A") + number)},
                    "properties": [{"id": "displayName", "value": query.legend}],
                }
                for number, query in enumerate(panel.queries)
            ]
        case Timeline():
            return [
                {
                    "matcher": {"id": "byRegexp", "options": f"/\\b{word}\\b/"},
                    "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": color}}],
                }
                for word, color in panel.tints
            ]
        case Lines():
            return [
                _override(word.value, [{"id": "color", "value": {"mode": "fixed", "fixedColor": word.color}}])
                for word in panel.words
            ]
        case _:
            return []


def _override(name: str, properties: list[Json]) -> Json:
    return {"matcher": {"id": "byName", "options": name}, "properties": properties}


def _properties(column: Column) -> list[Json]:
    properties: list[Json] = []
    if column.unit is not Unit.NONE:
        properties.append({"id": "unit", "value": column.unit})
    if column.words:
        properties.append({"id": "mappings", "value": _mappings(column.words)})
    if column.thresholds:
        properties.append({"id": "thresholds", "value": _thresholds(column.thresholds)})
    if column.cell is Cell.BAR:
        properties.append({"id": "custom.cellOptions", "value": {"type": "gauge", "mode": "basic"}})
        properties += [{"id": "min", "value": 0}, {"id": "max", "value": 100}, {"id": "decimals", "value": 0}]
    elif column.cell is not Cell.PLAIN:
        properties.append({"id": "custom.cellOptions", "value": {"type": column.cell}})
    if column.width:
        properties.append({"id": "custom.width", "value": column.width})
    if column.link:
        link: Json = {"title": column.link_title, "url": column.link, "targetBlank": False}
        properties.append({"id": "links", "value": [link]})
    return properties


def _thresholds(thresholds: tuple[Threshold, ...]) -> Json:
    return {"mode": "absolute", "steps": [{"value": one.value, "color": one.color} for one in thresholds]}


def _mappings(words: tuple[Word, ...]) -> list[Json]:
    if not words:
        return []
    options = {word.value: {"text": word.text, "color": word.color, "index": n} for n, word in enumerate(words)}
    return [{"type": "value", "options": options}]


def _sorting(table: Table) -> Json:
    return {"displayName": table.sort, "desc": table.descending}


def _transformations(table: Table) -> list[Json]:
    several = len(table.queries) > 1
    names = {column.source: column.title for column in table.columns}
    fields = {_field_name(source, several): title for source, title in names.items()}
    if several and "A" in names:
        fields["Value"] = names["A"]  # so the field is called where no other query gave anything
    merged: list[Json] = [{"id": "merge", "options": {}}] if several else []
    return [
        *merged,
        {"id": "filterFieldsByName", "options": {"include": {"names": list(fields)}}},
        {
            "id": "organize",
            "options": {
                "indexByName": {name: place for place, name in enumerate(fields)},
                "renameByName": {name: title for name, title in fields.items() if name != title},
                "excludeByName": {},
            },
        },
    ]


def _field_name(source: str, several: bool) -> str:
    if not (len(source) == 1 and source.isupper()):
        return source
    return f"Value #{source}" if several else "Value"
