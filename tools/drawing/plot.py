"""Panels with an axis of time, drawn into their room: lines, stacked bars and the heat map of a histogram."""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

from tools.dashboards.answers import Answer, Series
from tools.drawing.canvas import Canvas, Room
from tools.drawing.frame import fields_of
from tools.drawing.kinds import clock, draw_nothing, every, legend
from tools.drawing.values import BORDER, COLORS, PALETTE, WEAK, shown

__all__ = ["draw_heat", "draw_lines"]

Json = Mapping[str, Any]
HEAT = ("#23262d", "#4a2f1c", "#7a4519", "#b35f14", "#e8801a", "#ffb357", "#ffe0b0")
AXIS, FOOT = 62, 40


def draw_lines(canvas: Canvas, room: Room, panel: Json, answers: Sequence[Answer], start: float, now: float) -> None:
    """Lines, or bars on top of one another."""
    found = every(panel, answers)
    if not found:
        draw_nothing(canvas, room, panel)
        return
    field = panel["fieldConfig"]["defaults"]
    stacked = field["custom"]["drawStyle"] == "bars"
    most = max((value for _, series in found for _, value in series.points), default=1) or 1
    if stacked:
        most = max(sum(_at(series, moment) for _, series in found) for moment in _moments(found)) or 1
    most = float(field.get("max", 0)) or (_whole(most) if field["unit"] in ("short", "none") else most * 1.1)
    _draw_axes(canvas, room, field, most, start, now)
    x, y, width, height = room
    left, right, bottom = x + AXIS, x + width, y + height - FOOT

    def across(moment: float) -> float:
        return left + (moment - start) / (now - start) * (right - left)

    def up(value: float) -> float:
        return bottom - min(value, most) / most * (bottom - y)

    for step in field["thresholds"]["steps"][1:]:
        canvas.line((left, right), (up(step["value"]),) * 2, COLORS[step["color"]], dashed=True)
    colors = [_color(panel, name, number) for number, (name, _) in enumerate(found)]
    if stacked:
        moments = _moments(found)
        step = min((b - a for a, b in itertools.pairwise(moments)), default=60.0)
        wide = max(across(start + step) - left - 1, 1.0)
        for moment in moments:
            base = 0.0
            for (_, series), color in zip(found, colors, strict=True):
                value = _at(series, moment)
                if value:
                    top = up(base + value)
                    canvas.box((min(across(moment), right - wide), top, wide, up(base) - top), color, alpha=0.75)
                base += value
    else:
        for (_, series), color in zip(found, colors, strict=True):
            points = [(across(moment), up(value)) for moment, value in series.points]
            canvas.line([point[0] for point in points], [point[1] for point in points], color, width=2)
    entries = [(name, color) for (name, _), color in zip(found, colors, strict=True)]
    legend(canvas, (left, y + height - 16, right - left, 16), entries)


def _whole(most: float) -> float:
    """A round number above, so that a quarter of it is one too."""
    step = 10.0 ** math.floor(math.log10(max(most, 4) / 4))
    return 4.0 * step * math.ceil(most / 4 / step)


def _color(panel: Json, name: str, number: int) -> str:
    chosen = fields_of(panel, name).config.get("color", {}).get("fixedColor", "")
    return COLORS[chosen] if chosen in COLORS else PALETTE[number % len(PALETTE)]


def _moments(found: Sequence[tuple[str, Series]]) -> list[float]:
    return sorted({moment for _, series in found for moment, _ in series.points})


def _at(series: Series, moment: float) -> float:
    return dict(series.points).get(moment, 0.0)


def _draw_axes(canvas: Canvas, room: Room, field: Json, most: float, start: float, now: float) -> None:
    x, y, width, height = room
    left, bottom = x + AXIS, y + height - FOOT
    for part in range(5):
        level = bottom - (bottom - y) * part / 4
        canvas.line((left, x + width), (level, level), BORDER)
        text, _ = shown(most * part / 4, {**field, "mappings": [], "decimals": 0 if most >= 4 else 1}, now)
        canvas.text(left - 8, level, text, color=WEAK, size=11, align="right")
    _draw_clock(canvas, left, x + width, bottom + 12, start, now)


def _draw_clock(canvas: Canvas, left: float, right: float, y: float, start: float, now: float) -> None:
    parts = 4 if right - left > 360 else 2
    for part in range(parts + 1):
        align = "left" if part == 0 else "right" if part == parts else "center"
        moment = start + (now - start) * part / parts
        canvas.text(left + (right - left) * part / parts, y, clock(moment), color=WEAK, size=11, align=align)


def draw_heat(canvas: Canvas, room: Room, panel: Json, answers: Sequence[Answer], start: float, now: float) -> None:
    """A row for each bucket, the warmer the more."""
    found = sorted(
        ((float(series.labels["le"]), series) for answer in answers for series in answer.series),
        key=lambda one: one[0],
    )
    if not found:
        draw_nothing(canvas, room, panel)
        return
    x, y, width, height = room
    left, right, bottom = x + AXIS + 12, x + width, y + height - 22
    each = (bottom - y) / len(found)
    moments = sorted({moment for _, series in found for moment, _ in series.points})
    step = min((b - a for a, b in itertools.pairwise(moments)), default=60.0)
    wide = step / (now - start) * (right - left)
    counts = []
    for place, (_, series) in enumerate(found):
        below = found[place - 1][1] if place else None
        counts.append([_at(series, moment) - (_at(below, moment) if below else 0) for moment in moments])
    most = max(map(max, counts)) or 1
    for place, (bound, _) in enumerate(found):
        top = bottom - (place + 1) * each
        text = "more" if math.isinf(bound) else shown(bound, {"unit": "s", "decimals": 0}, now)[0]
        canvas.text(left - 8, top + each / 2, text, color=WEAK, size=10, align="right")
        for moment, count in zip(moments, counts[place], strict=True):
            warmth = HEAT[min(math.ceil((max(count, 0) / most) ** 0.5 * (len(HEAT) - 1)), len(HEAT) - 1)]
            at = left + (moment - start) / (now - start) * (right - left)
            canvas.box((min(at, right - wide), top + 0.5, wide - 0.5, each - 1), warmth)
    _draw_clock(canvas, left, right, bottom + 12, start, now)
