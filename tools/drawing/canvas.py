"""A picture in pixels, from its top left corner: boxes, lines and text that is cut off where its room ends."""

import io
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont
from matplotlib.ft2font import FT2Font
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch, Rectangle
from PIL import Image

from tools.drawing.values import BACKGROUND, TEXT

__all__ = ["Canvas", "Room", "text_width"]

Room = tuple[float, float, float, float]
"""x, y, width, height."""

DOTS = 100
COLORS_KEPT = 160


@lru_cache
def _font(bold: bool) -> FT2Font:
    return FT2Font(findfont(FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal")))


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Pixels that the text takes at this size in pixels."""
    font = _font(bold)
    font.set_size(size, 72)
    font.set_text(text)
    return float(font.get_width_height()[0]) / 64


class Canvas:
    """Draws onto one figure."""

    def __init__(self, width: int, height: int) -> None:
        self._figure = Figure(figsize=(width / DOTS, height / DOTS), dpi=DOTS, facecolor=BACKGROUND)
        FigureCanvasAgg(self._figure)
        self._axes = self._figure.add_axes((0, 0, 1, 1))
        self._axes.set_xlim(0, width)
        self._axes.set_ylim(height, 0)
        self._axes.axis("off")

    def box(self, room: Room, color: str, *, edge: str = "none", round_by: float = 0, alpha: float = 1) -> None:
        """A filled rectangle."""
        x, y, width, height = room
        if round_by:
            shape = f"round,pad=0,rounding_size={round_by}"
            self._axes.add_patch(
                FancyBboxPatch((x, y), width, height, boxstyle=shape, fc=color, ec=edge, lw=0.8, alpha=alpha)
            )
        else:
            self._axes.add_patch(Rectangle((x, y), width, height, fc=color, ec=edge, lw=0.8, alpha=alpha))

    def line(
        self, xs: Sequence[float], ys: Sequence[float], color: str, *, width: float = 1, dashed: bool = False
    ) -> None:
        """Points joined by a line."""
        self._axes.add_line(Line2D(xs, ys, color=color, linewidth=width * 72 / DOTS, linestyle="--" if dashed else "-"))

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        color: str = TEXT,
        size: float = 13,
        room: float = 0,
        align: str = "left",
        bold: bool = False,
    ) -> None:
        """One line of text, its middle at this height. `room`: pixels after which it is cut off."""
        shown = text
        while room and len(shown) > 1 and text_width(shown, size, bold=bold) > room:
            shown = shown[:-2] + "…" if shown.endswith("…") else shown[:-1] + "…"
        self._axes.text(
            x,
            y,
            shown.replace("$", r"\$"),
            color=color,
            fontsize=size * 72 / DOTS,
            ha=align,
            va="center_baseline",
            family="DejaVu Sans",
            weight="bold" if bold else "normal",
        )

    def save(self, target: Path) -> None:
        """As a PNG with few colours, which is a third of the size."""
        buffer = io.BytesIO()
        self._figure.savefig(buffer, format="png", dpi=DOTS)
        with Image.open(buffer) as picture:
            few = picture.convert("RGB").quantize(COLORS_KEPT, dither=Image.Dither.NONE)
            few.save(target, optimize=True)
