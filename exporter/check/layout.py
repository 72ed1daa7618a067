"""A table's cells and a width in, cells broken into lines out: at spaces, else after a separator, never in a date."""

import itertools
import re
from collections.abc import Sequence

__all__ = ["GAP", "broken", "widths"]

GAP = 2
"""Columns of the terminal between two of the table."""
UNBROKEN = 27
"""A part longer than that is broken where it is: two thirds of an 80-column terminal are others'."""

_KEPT = re.compile(r"\d{4}-\d\d-\d\d|\d\d:\d\d")
_BREAK = re.compile(r"(?<=[/:,_\-@])(?=[^\s/:,_\-@])|(?<=\.)(?=[a-z])|(?<=[a-z])(?=[A-Z])")
"""After a separator, in a host name (a version is not one), and between the words of a kind."""


def widths(columns: Sequence[Sequence[str]], wrapping: Sequence[bool], terminal: int) -> list[int]:
    """How wide each column is. Wider together than the terminal where what may not be broken needs it.

    `columns` are the cells of each, its heading included.
    """
    natural = [max(len(cell) for cell in cells) for cells in columns]
    least = [
        max(len(part) for cell in cells for word in cell.split() or [""] for part in _parts(word, UNBROKEN))
        if wraps
        else width
        for cells, wraps, width in zip(columns, wrapping, natural, strict=True)
    ]
    found = list(natural)
    available = terminal - GAP * (len(columns) - 1)
    while sum(found) > available and (
        reducible := [place for place, width in enumerate(found) if width > least[place]]
    ):
        found[max(reducible, key=lambda place: found[place])] -= 1
    return found


def broken(cell: str, width: int) -> str:
    """The cell in lines of at most this width."""
    lines = [""]
    for word in cell.split(" "):
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if len(joined) <= width:
            lines[-1] = joined
            continue
        if lines[-1]:
            lines.append("")
        for piece in _parts(word, width):
            if len(lines[-1]) + len(piece) > width:
                lines.append("")
            lines[-1] += piece
    return "\n".join(lines)


def _parts(word: str, most: int) -> list[str]:
    """A word in pieces, each of at most so many characters."""
    kept = [match.span() for match in _KEPT.finditer(word)]
    places = [match.start() for match in _BREAK.finditer(word)]
    breaks = [0, *(place for place in places if not any(a < place < b for a, b in kept)), len(word)]
    pieces = [word[start:end] for start, end in itertools.pairwise(breaks)]
    return [piece[at : at + most] for piece in pieces for at in range(0, max(len(piece), 1), most)]
