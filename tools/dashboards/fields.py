"""Panels in, the configuration of their fields out: units, words, thresholds, columns."""

from tools.dashboards.panel import (
    Bars,
    Cell,
    Column,
    Histogram,
    Lines,
    Panel,
    Table,
    Threshold,
    Timeline,
    Unit,
    Word,
)

__all__ = ["custom", "defaults", "overrides", "sorting", "transformations"]

Json = dict[str, object]
NEUTRAL = (Threshold(None, "text"),)


def defaults(panel: Panel) -> Json:
    """The defaults of every field: unit, words, thresholds, colours."""
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


def custom(panel: Panel) -> Json:
    """What is the kind's own among them."""
    match panel:
        case Lines(stacked=True):
            found: Json = {
                "drawStyle": "bars",
                "fillOpacity": 70,
                "lineWidth": 1,
                "stacking": {"mode": "normal", "group": "A"},
            }
        case Lines():
            found = {"drawStyle": "line", "fillOpacity": 0, "lineWidth": 2, "showPoints": "never"}
            if panel.thresholds:
                found |= {"thresholdsStyle": {"mode": "dashed"}}
        case Timeline():
            found = {"fillOpacity": 80, "lineWidth": 1}
        case Table():
            found = {"align": "auto", "cellOptions": {"type": "auto"}, "inspect": False}
        case Histogram():
            found = {"fillOpacity": 70, "lineWidth": 1}
        case _:
            return {}
    return {"custom": found}


def overrides(panel: Panel) -> list[Json]:
    """What some fields have otherwise: columns, series of a name."""
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


def sorting(table: Table) -> Json:
    """How the table is sorted at first."""
    return {"displayName": table.sort, "desc": table.descending}


def transformations(table: Table) -> list[Json]:
    """Labels and values of all queries as columns, in order and under their titles."""
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
