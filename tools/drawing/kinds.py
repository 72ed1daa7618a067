"""Each kind of panel, drawn into its room: the panel's JSON and the answers to its queries in, pixels out."""

import datetime as dt
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from tools.dashboards.answers import Answer, Series
from tools.drawing.canvas import Canvas, Room, text_width
from tools.drawing.frame import Field, fields_of, table
from tools.drawing.values import BACKGROUND, BORDER, COLORS, PALETTE, TEXT, WEAK, shown

__all__ = [
    "clock",
    "draw_bars",
    "draw_histogram",
    "draw_nothing",
    "draw_stat",
    "draw_table",
    "draw_timeline",
    "every",
    "legend",
]

Json = Mapping[str, Any]
LINE = 32.0
"""Height of a table's line."""


def named(series: Series, target: Json) -> str:
    """The series' name by the query's legend; labels that are not there leave no gap."""
    text = str(target["legendFormat"])
    if text == "__auto":
        text = " ".join(f"{{{{{name}}}}}" for name in series.labels)
    for name in (*series.labels, "cluster", "agentpool"):
        text = text.replace(f"{{{{{name}}}}}", series.labels.get(name, ""))
    return " ".join(text.split())


def every(panel: Json, answers: Sequence[Answer]) -> list[tuple[str, Series]]:
    """All series with their names."""
    pairs = zip(panel["targets"], answers, strict=True)
    return [(named(series, target), series) for target, answer in pairs for series in answer.series]


def draw_nothing(canvas: Canvas, room: Room, panel: Json) -> None:
    """What the panel says where nothing was found."""
    x, y, width, height = room
    canvas.text(
        x + width / 2,
        y + height / 2,
        panel["fieldConfig"]["defaults"]["noValue"],
        color=WEAK,
        align="center",
        room=width,
    )


def draw_stat(canvas: Canvas, room: Room, panel: Json, answers: Sequence[Answer], now: float) -> None:
    """Big values, side by side."""
    x, y, width, height = room
    found = every(panel, answers)
    if not found:
        draw_nothing(canvas, room, panel)
        return
    options, field = panel["options"], panel["fieldConfig"]["defaults"]
    both = options["textMode"] == "value_and_name" or (options["textMode"] == "auto" and len(found) > 1)
    each = width / len(found)
    for place, (name, series) in enumerate(found):
        text, color = (name, TEXT) if options["textMode"] == "name" else shown(series.last, field, now)
        filled = options["colorMode"] == "background"
        left, middle = x + place * each, y + height / 2
        if filled:
            canvas.box((left + 2, y, each - 4, height), color, round_by=3)
        size = min(height * (0.34 if both else 0.46), 40.0)
        while size > 12 and text_width(text, size, bold=True) > each - 16:
            size -= 1
        ink = BACKGROUND if filled else color
        canvas.text(
            left + each / 2,
            middle + (height * 0.16 if both else 0),
            text,
            color=ink,
            size=size,
            align="center",
            bold=True,
        )
        if both:
            canvas.text(
                left + each / 2,
                middle - height * 0.24,
                name,
                color=BACKGROUND if filled else TEXT,
                room=each - 8,
                align="center",
            )


def draw_bars(canvas: Canvas, room: Room, panel: Json, answers: Sequence[Answer], now: float) -> None:
    """A horizontal bar for each series, its name on the left and its value on the right."""
    x, y, width, height = room
    found = every(panel, answers)
    if not found:
        draw_nothing(canvas, room, panel)
        return
    field = panel["fieldConfig"]["defaults"]
    most = field.get("max") or max(series.last for _, series in found) or 1
    each = min(height / len(found), 34.0)
    names = min(max(text_width(name, 12) for name, _ in found) + 10, width * 0.5)
    for place, (name, series) in enumerate(found):
        text, color = shown(series.last, field, now)
        top, bar = y + place * each, width - names - 62
        canvas.text(x + names - 8, top + each / 2, name, size=12, align="right", room=names - 8)
        canvas.box((x + names, top + 3, bar, each - 6), BORDER)
        canvas.box((x + names, top + 3, max(bar * min(series.last / most, 1), 2), each - 6), color)
        canvas.text(x + width, top + each / 2, text, color=color, size=13, align="right", bold=True)


def draw_table(canvas: Canvas, room: Room, panel: Json, answers: Sequence[Answer], now: float) -> None:
    """Column titles, and as many lines as there is room for."""
    x, y, width, height = room
    cells = table(panel, answers)
    if not cells.lines:
        draw_nothing(canvas, room, panel)
        return
    widths = _widths(cells.fields, width)
    all_fit = (len(cells.lines) + 1) * LINE <= height
    fits = int((height - LINE - (0 if all_fit else 8)) // LINE)
    left = x
    for field, wide in zip(cells.fields, widths, strict=True):
        canvas.text(left + 8, y + LINE / 2, field.title, color="#6e9fff", size=12, room=wide - 10, bold=True)
        left += wide
    for number, line in enumerate(cells.lines[:fits]):
        top, left = y + (number + 1) * LINE, x
        canvas.line((x, x + width), (top, top), BORDER)
        for field, wide in zip(cells.fields, widths, strict=True):
            if field.title in line:
                _draw_cell(canvas, (left, top, wide, LINE), line[field.title], field, now)
            left += wide
    if len(cells.lines) > fits:
        canvas.text(
            x + width,
            y + height,
            f"{len(cells.lines) - fits} more below",
            color=WEAK,
            size=11,
            align="right",
        )


def _draw_cell(canvas: Canvas, room: Room, value: float | str, field: Field, now: float) -> None:
    x, y, width, height = room
    text, color = shown(value, field.config, now)
    if field.cell == "gauge" and not isinstance(value, str):
        bar = width - 78
        canvas.box((x + 8, y + 8, bar, height - 16), BORDER)
        canvas.box((x + 8, y + 8, max(bar * min(max(value, 0) / 100, 1), 2), height - 16), color)
        canvas.text(x + width - 10, y + height / 2, text, color=color, size=12, align="right")
        return
    tinted = color if field.cell == "color-text" else TEXT
    if field.config.get("links"):
        tinted = "#8ab8ff"
    canvas.text(x + 8, y + height / 2, text, color=tinted, size=12, room=width - 12)


def _widths(fields: Sequence[Field], width: float) -> list[float]:
    fixed = sum(field.width for field in fields)
    free = sum(not field.width for field in fields)
    spare = (width - fixed) / free if free else 0
    scale = 1.0 if free else width / fixed
    if free and spare < 90:  # as Grafana: no column is narrower than it can be read, all give way
        spare = 90
        scale = (width - 90 * free) / fixed
    return [field.width * scale if field.width else spare for field in fields]


def draw_timeline(canvas: Canvas, room: Room, panel: Json, answers: Sequence[Answer], start: float, now: float) -> None:
    """A band for each series, a piece for each state."""
    x, y, width, height = room
    found = every(panel, answers)
    if not found:
        draw_nothing(canvas, room, panel)
        return
    field = panel["fieldConfig"]["defaults"]
    tints = [
        (re.compile(one["matcher"]["options"].strip("/")), COLORS[one["properties"][0]["value"]["fixedColor"]])
        for one in panel["fieldConfig"]["overrides"]
    ]
    names = min(max(text_width(name, 12) for name, _ in found) + 12, width * 0.42)
    each = min((height - 24) / len(found), 40.0)
    for place, (name, series) in enumerate(found):
        top = y + place * each
        canvas.text(x + names - 10, top + each / 2, name, size=12, align="right", room=names - 10)
        for begin, end, value in _pieces(series, now):
            left, right = (x + names + (moment - start) / (now - start) * (width - names) for moment in (begin, end))
            text, color = shown(value, field, now)
            color = next((tint for pattern, tint in tints if pattern.search(name)), color)
            canvas.box((left, top + each * 0.1, right - left, each * 0.8), color, alpha=0.8)
            if right - left > text_width(text, 12) + 12 and each > 16:
                canvas.text(left + 6, top + each / 2, text, color=BACKGROUND, size=12)
    for word in range(5):
        moment = start + (now - start) * word / 4
        left = x + names + (width - names) * word / 4
        canvas.text(
            left, y + height - 8, clock(moment), color=WEAK, size=11, align=("left", *["center"] * 3, "right")[word]
        )


def _pieces(series: Series, now: float) -> list[tuple[float, float, float]]:
    pieces: list[tuple[float, float, float]] = []
    step = min((b[0] - a[0] for a, b in zip(series.points, series.points[1:], strict=False)), default=60.0)
    for moment, value in series.points:
        end = min(moment + step, now)
        if pieces and pieces[-1][2] == value and moment <= pieces[-1][1] + 0.5:
            pieces[-1] = (pieces[-1][0], end, value)
        else:
            pieces.append((moment, end, value))
    return pieces


def clock(moment: float) -> str:
    """The time of day, for an axis."""
    return f"{dt.datetime.fromtimestamp(moment, dt.UTC):%H:%M:%S}"


def draw_histogram(canvas: Canvas, room: Room, panel: Json, answers: Sequence[Answer]) -> None:
    """How many series of each query fall into each bucket."""
    x, y, width, height = room
    size = float(panel["options"]["bucketSize"])
    values = [[series.last for series in answer.series] for answer in answers]
    if not any(values):
        draw_nothing(canvas, room, panel)
        return
    low = math.floor(min(map(min, filter(None, values))) / size)
    high = math.floor(max(map(max, filter(None, values))) / size) + 1
    counts = [
        [sum(math.floor(value / size) == bucket for value in one) for bucket in range(low, high)] for one in values
    ]
    most = max(map(max, counts))
    left, bottom = x + 34, y + height - 44
    across = (width - 34) / (high - low)
    for part in range(3):
        level = bottom - (bottom - y) * part / 2
        canvas.line((left, x + width), (level, level), BORDER)
        canvas.text(left - 8, level, f"{most * part / 2:g}", color=WEAK, size=11, align="right")
    for number, one in enumerate(counts):
        bar = across * 0.9 / len(counts)
        for bucket, count in enumerate(one):
            tall = (bottom - y) * count / most
            room_of_bar = (left + bucket * across + across * 0.05 + number * bar, bottom - tall, bar, tall)
            canvas.box(room_of_bar, PALETTE[number], alpha=0.75)
    unit = "%" if panel["fieldConfig"]["defaults"]["unit"] == "percent" else ""
    every_other = max(1, math.ceil(46 / across))
    for bucket in range(0, high - low + 1, every_other):
        canvas.text(
            left + bucket * across, bottom + 12, f"{(low + bucket) * size:g}{unit}", color=WEAK, size=11, align="center"
        )
    names = [fields_of(panel, chr(ord("A") + number)).config["displayName"] for number in range(len(answers))]
    legend(canvas, (x, y + height - 16, width, 16), [(name, PALETTE[number]) for number, name in enumerate(names)])


def legend(canvas: Canvas, room: Room, entries: Sequence[tuple[str, str]]) -> None:
    """Names with their colours, in one line."""
    x, y, width, height = room
    left = x + 4
    for name, color in entries:
        wide = text_width(name, 11) + 34
        if left + wide > x + width:
            canvas.text(left, y + height / 2, "…", color=WEAK, size=11)
            return
        canvas.box((left, y + height / 2 - 2, 14, 4), color)
        canvas.text(left + 19, y + height / 2, name, color=WEAK, size=11)
        left += wide
