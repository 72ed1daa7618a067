"""A value and a field's configuration in, Grafana's text and colour for it out."""

import datetime as dt
import math
from collections.abc import Mapping
from typing import Any

__all__ = ["BACKGROUND", "BORDER", "COLORS", "PALETTE", "PANEL", "TEXT", "WEAK", "colored", "shown"]

Json = Mapping[str, Any]

BACKGROUND, PANEL, BORDER, TEXT, WEAK = "#111217", "#181b1f", "#2c3038", "#d5d5e0", "#9293a0"
COLORS = {
    "green": "#73bf69",
    "yellow": "#f2cc0c",
    "orange": "#ff9830",
    "red": "#f2495c",
    "blue": "#5794f2",
    "purple": "#b877d9",
    "text": TEXT,
}
PALETTE = ("#73bf69", "#f2cc0c", "#5794f2", "#ff9830", "#f2495c", "#b877d9", "#8ab8ff", "#ffa6b0")
SPANS = (("years", 365.25 * 86400), ("months", 30.44 * 86400), ("weeks", 7 * 86400), ("days", 86400.0))
SHORT_SPANS = (("hours", 3600.0), ("mins", 60.0), ("s", 1.0))


def shown(value: float | str, field: Json, now: float) -> tuple[str, str]:
    """Text and colour. `field`: fieldConfig.defaults with a column's overrides laid over them."""
    word = _word(value, field)
    if word is not None:
        return str(word["text"]), COLORS[word["color"]]
    if isinstance(value, str):
        return value, TEXT
    return _text(value, field, now), colored(value, field)


def colored(value: float, field: Json) -> str:
    """The colour of the threshold that the value has reached."""
    color = "text"
    for step in field.get("thresholds", {}).get("steps", ()):
        if step["value"] is None or value >= step["value"]:
            color = step["color"]
    return COLORS[color]


def _word(value: float | str, field: Json) -> Json | None:
    key = value if isinstance(value, str) else f"{value:g}"
    for mapping in field.get("mappings", ()):
        if key in mapping["options"]:
            found: Json = mapping["options"][key]
            return found
    return None


def _text(value: float, field: Json, now: float) -> str:
    decimals = field.get("decimals")
    if math.isnan(value):
        return "NaN"
    match field.get("unit"):
        case "percent":
            return f"{value:.{1 if decimals is None else decimals}f}%"
        case "s":
            return _span(value, 1 if decimals is None else decimals)
        case "dateTimeAsIso":
            return f"{dt.datetime.fromtimestamp(value / 1000, dt.UTC):%Y-%m-%d %H:%M}"
        case "dateTimeFromNow":
            away = value / 1000 - now
            return f"in {_span(away, 0)}" if away > 0 else f"{_span(-away, 0)} ago"
        case _:
            return f"{value:.{decimals}f}" if decimals is not None else f"{value:.4g}"


def _span(seconds: float, decimals: int) -> str:
    if seconds < 0:
        return f"-{_span(-seconds, decimals)}"
    for name, size in (*SPANS, *SHORT_SPANS):
        if seconds >= size:
            number = f"{seconds / size:.{decimals}f}"
            return f"{number} {name.rstrip('s') if number == '1' and name != 's' else name}"
    return f"{seconds:.{2 if seconds < 0.1 else 1}f} s"
