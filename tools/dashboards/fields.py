"""Panels in, the configuration of their fields out: units, words, thresholds, columns."""

import re

from tools.dashboards.panel import (
    Bars,
    Cell,
    Column,
    Histogram,
    Lines,
    Panel,
    Stat,
    Table,
    Threshold,
    Timeline,
    Unit,
    Word,
)
from tools.dashboards.words import SERIES, UNKNOWN

__all__ = ["custom", "defaults", "overrides", "sorting", "total", "transformations"]

Json = dict[str, object]
NEUTRAL = (Threshold(None, "text"),)
BAR = "#6E9FFF"
"""How much of a lifetime is over is neither good nor bad."""


def defaults(panel: Panel) -> Json:
    """The defaults of every field: unit, words, thresholds, colours."""
    nothing = (Word("", panel.empty, UNKNOWN if panel.empty.startswith("?") else "text"),)
    content: Json = {
        "unit": panel.unit,
        "noValue": panel.empty,
        "mappings": _mappings(panel.words, nothing if isinstance(panel, Stat | Bars) else ()),
        "thresholds": _thresholds(panel.thresholds or NEUTRAL),
        "color": _color(panel),
    }
    if panel.decimals is not None:
        content["decimals"] = panel.decimals
    if panel.unit is Unit.PERCENT or isinstance(panel, Bars):
        content["min"] = 0  # else the shortest bar would be none at all
    if isinstance(panel, Bars | Lines) and panel.maximum is not None:
        content["max"] = panel.maximum
    return content


def _color(panel: Panel) -> Json:
    match panel:
        case Lines(shade=shade) if shade:
            return {"mode": "shades", "fixedColor": shade}
        case Lines(thresholds=()) | Histogram():
            return {"mode": "palette-classic"}
        case Timeline():
            # By thresholds Grafana would merge equal values into the thresholds' ranges and lose the words.
            return {"mode": "fixed", "fixedColor": "text"}
        case _:
            return {"mode": "thresholds"}


def custom(panel: Panel) -> Json:
    """What is the kind's own among them."""
    match panel:
        case Lines(stacked=True) | Lines(filled=True):
            bars = panel.stacked
            found: Json = {
                "drawStyle": "bars" if bars else "line",
                "fillOpacity": 70,
                "lineWidth": 1,
                "showPoints": "never",
                "stacking": {"mode": "normal", "group": "A"},
                "axisSoftMin": 0,
                "axisSoftMax": 4,
                **({} if bars else {"lineInterpolation": "stepAfter"}),
            }
        case Lines():
            found = {"drawStyle": "line", "fillOpacity": 0, "lineWidth": 2, "showPoints": "never"}
            if panel.thresholds:
                found |= {"thresholdsStyle": {"mode": "dashed"}, "gradientMode": "scheme"}
        case Timeline():
            found = {"fillOpacity": 80, "lineWidth": 1}
        case Table():
            found = {"align": "left", "cellOptions": {"type": "auto"}, "inspect": True}
        case Histogram():
            found = {"fillOpacity": 70, "lineWidth": 1}
        case _:
            return {}
    return {"custom": found}


def overrides(panel: Panel) -> list[Json]:
    """What some fields have otherwise: columns, series of a name."""
    match panel:
        case Table():
            # What the table says where it has no lines must not be in each of its empty cells.
            blank = _matching("/.*/", [{"id": "noValue", "value": ""}])
            return [
                blank,
                *(_named(column.title, _properties(column)) for column in panel.columns if _properties(column)),
            ]
        case Histogram():
            colors = {word.value: word.color for word in SERIES}
            return [
                {
                    "matcher": {"id": "byFrameRefID", "options": chr(ord("A") + number)},
                    "properties": [
                        {"id": "displayName", "value": query.legend},
                        *([_fixed(colors[query.legend])] if query.legend in colors else []),
                    ],
                }
                for number, query in enumerate(panel.queries)
            ]
        case Bars():
            return [
                _matching(f"/{pattern}/", [{"id": "thresholds", "value": _thresholds(thresholds)}])
                for pattern, thresholds in panel.others
            ]
        case Lines():
            named = [_named(word.value, [_fixed(word.color)]) for word in panel.words]
            return [*named, *(_matching(f"/{pattern}/", [_fixed(color)]) for pattern, color in panel.tints)]
        case _:
            return []


def _named(name: str, properties: list[Json]) -> Json:
    return {"matcher": {"id": "byName", "options": name}, "properties": properties}


def _matching(pattern: str, properties: list[Json]) -> Json:
    return {"matcher": {"id": "byRegexp", "options": pattern}, "properties": properties}


def _fixed(color: str) -> Json:
    return {"id": "color", "value": {"mode": "fixed", "fixedColor": color}}


def _properties(column: Column) -> list[Json]:
    properties: list[Json] = []
    if column.hidden:
        # Grafana's tables of before and since 12.2 know different words for it.
        return [
            {"id": "custom.hidden", "value": True},
            {"id": "custom.hideFrom", "value": {"viz": True, "legend": False, "tooltip": False}},
        ]
    if column.unit is not Unit.NONE:
        properties.append({"id": "unit", "value": column.unit})
    if column.words:
        properties.append({"id": "mappings", "value": _mappings(column.words)})
    if column.thresholds:
        properties.append({"id": "thresholds", "value": _thresholds(column.thresholds)})
    if column.cell is Cell.BAR:
        properties.append({"id": "custom.cellOptions", "value": {"type": "gauge", "mode": "basic"}})
        properties += [{"id": "min", "value": 0}, {"id": "max", "value": 100}, {"id": "decimals", "value": 0}]
        properties.append(_fixed(BAR))
    elif column.cell is not Cell.PLAIN:
        properties.append({"id": "custom.cellOptions", "value": {"type": column.cell}})
    if column.width:
        properties.append({"id": "custom.width", "value": column.width})
    if column.least:
        properties.append({"id": "custom.minWidth", "value": column.least})
    if column.link:
        link: Json = {"title": column.link_title, "url": column.link, "targetBlank": False}
        properties.append({"id": "links", "value": [link]})
    return properties


def _thresholds(thresholds: tuple[Threshold, ...]) -> Json:
    return {"mode": "absolute", "steps": [{"value": one.value, "color": one.color} for one in thresholds]}


def _mappings(words: tuple[Word, ...], nothing: tuple[Word, ...] = ()) -> list[Json]:
    """Values to words; `nothing`: the word for no value at all.

    A value that ends in * stands for all that begin so, 1..5 for a range, NaN for itself.
    """
    exact: dict[str, Json] = {}
    found: list[Json] = []
    for number, word in enumerate((*words, *nothing)):
        result = _result(word, number)
        low, range_sign, high = word.value.partition("..")
        if word in nothing:
            found.append({"type": "special", "options": {"match": "null", "result": result}})
        elif word.value == "NaN":
            found.append({"type": "special", "options": {"match": "nan", "result": result}})
        elif word.value.endswith("*"):
            pattern = f"/^{re.escape(word.value[:-1])}.*/"
            found.append({"type": "regex", "options": {"pattern": pattern, "result": result}})
        elif range_sign:
            found.append({"type": "range", "options": {"from": float(low), "to": float(high), "result": result}})
        else:
            exact[word.value] = result
    return [{"type": "value", "options": exact}, *found] if exact else found


def _result(word: Word, index: int) -> Json:
    return {"color": word.color, "index": index, **({"text": word.text} if word.text else {})}


def sorting(table: Table) -> Json:
    """How the table is sorted at first."""
    return {"displayName": table.sort, "desc": table.descending}


def transformations(table: Table) -> list[Json]:
    """Labels and values of all queries as columns, in order and under their titles."""
    several = len(table.queries) > 1
    if table.gathered:
        return [
            {"id": "labelsToFields", "options": {"mode": "columns", "valueLabel": table.gathered}},
            {"id": "merge", "options": {}},
            *_arranged({column.source: column.title for column in table.columns}),
        ]
    names = {column.source: column.title for column in table.columns}
    fields = {_field_name(source, several): title for source, title in names.items()}
    if several and "A" in names:
        fields["Value"] = names["A"]  # so the field is called where no other query gave anything
    merged: list[Json] = [{"id": "merge", "options": {}}] if several else []
    numbers = [column.source for column in table.columns if column.number]
    conversions = [{"targetField": name, "destinationType": "number"} for name in numbers]
    converted: list[Json] = [{"id": "convertFieldType", "options": {"conversions": conversions}}] if numbers else []
    return [*merged, *converted, *_arranged(fields)]


def total(name: str) -> list[Json]:
    """The values of all queries, added up."""
    return [
        {"id": "joinByField", "options": {"byField": "Time", "mode": "outer"}},
        {
            "id": "calculateField",
            "options": {"mode": "reduceRow", "reduce": {"reducer": "sum"}, "replaceFields": True, "alias": name},
        },
    ]


def _arranged(fields: dict[str, str]) -> list[Json]:
    """These fields under these titles, in this order, and no other."""
    return [
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
