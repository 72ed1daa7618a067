"""Values in, accessible HTML out: the parts that the pages of both agents are made of. Everything is escaped."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from markupsafe import Markup, escape

from exporter.findings import Severity

__all__ = [
    "NOTHING",
    "SEVERITY_TONE",
    "SHAPES",
    "Column",
    "Tone",
    "badge",
    "card",
    "code",
    "folded_table",
    "icon",
    "join",
    "key_values",
    "section",
    "table",
]

Cell = str | Markup


class Tone(StrEnum):
    """What a thing amounts to; each has a colour and, so that nobody needs to see colours, a shape."""

    OK = "ok"
    INFO = "info"
    WARNING = "warning"
    BLIND = "blind"
    CRITICAL = "critical"
    QUIET = "quiet"


SEVERITY_TONE = {
    Severity.CRITICAL: Tone.CRITICAL,
    Severity.UNKNOWN: Tone.BLIND,
    Severity.WARNING: Tone.WARNING,
    Severity.INFO: Tone.INFO,
}

SHAPES = {
    Tone.OK: Markup('<circle cx="8" cy="8" r="7.5"/><path class="mark" d="M4.6 8.3l2.4 2.4 4.5-5"/>'),
    Tone.INFO: Markup('<circle cx="8" cy="8" r="7.5"/><path class="mark" d="M8 7.4v4M8 4.5v.1"/>'),
    Tone.WARNING: Markup(
        '<path d="M8 .9a1 1 0 0 1 .9.5l6.6 11.9a1.1 1.1 0 0 1-1 1.6h-13a1.1 1.1 0 0 1-1-1.6L7.1 1.4a1 1 0 0 1 .9-.5z"/>'
        '<path class="mark" d="M8 5.6v3.7M8 12v.1"/>'
    ),
    Tone.BLIND: Markup(
        '<rect x=".5" y=".5" width="15" height="15" rx="3.5"/>'
        '<path class="mark" d="M5.8 6.2a2.2 2.2 0 1 1 3.4 1.8c-.8.5-1.2.9-1.2 1.7M8 12v.1"/>'
    ),
    Tone.CRITICAL: Markup(
        '<path d="M5 .5h6L15.5 5v6L11 15.5H5L.5 11V5z"/><path class="mark" d="M8 4.2v4.4M8 11.6v.1"/>'
    ),
    Tone.QUIET: Markup('<circle cx="8" cy="8" r="4"/>'),
}

FIRST = 12
"""Rows that are to be seen at once of a table that may have hundreds."""

NOTHING = Markup('<span class="none">—</span>')
"""A cell without a value."""


def icon(tone: Tone) -> Markup:
    """The shape of a tone. Hidden from screen readers: a word is always beside it."""
    return Markup('<svg class="icon" viewBox="0 0 16 16" aria-hidden="true">{}</svg>').format(SHAPES[tone])


def badge(tone: Tone, word: Cell) -> Markup:
    """A word with its shape and colour."""
    return Markup('<span class="badge {}">{}{}</span>').format(tone, icon(tone), word)


def code(text: str) -> Markup:
    """A path, a fingerprint, a name that is typed."""
    return Markup("<code>{}</code>").format(text)


def join(parts: Iterable[Cell]) -> Markup:
    """Parts one after the other."""
    return Markup("\n").join(escape(part) for part in parts)


def section(name: str, heading: str, *body: Markup, lead: Cell = "") -> Markup:
    """A part of the page. `name` is its fragment: `#name` leads there."""
    told = Markup('<p class="lead">{}</p>\n').format(lead) if lead else ""
    return Markup(
        '<section aria-labelledby="{name}">\n<h2 id="{name}">{heading}</h2>\n{lead}{body}\n</section>'
    ).format(name=name, heading=heading, lead=told, body=join(body))


def card(*body: Markup) -> Markup:
    """A framed panel."""
    return Markup('<div class="card panel">{}</div>').format(join(body))


def key_values(pairs: Iterable[tuple[str, Cell]]) -> Markup:
    """Names and values; a pair with an empty value is left out."""
    rows = (Markup("<dt>{}</dt><dd>{}</dd>").format(key, value) for key, value in pairs if value)
    return Markup('<dl class="facts">\n{}\n</dl>').format(join(rows))


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; on a narrow screen `label` comes before its cells, unless it is empty."""

    heading: str
    label: str = ""


def table(
    caption: str,
    columns: Sequence[Column],
    rows: Iterable[Sequence[Cell]],
    *,
    titled: bool = False,
    compact: bool = False,
) -> Markup:
    """A table whose first column names the row. On a narrow screen each row becomes a block of its own.

    `titled`: the caption is to be seen, for a section with more than one table; else only heard. `compact`: of short
    cells, which on a narrow screen are beside one another.

    The roles keep it a table for screen readers even then: `display: block` would take that away.
    """
    head = Markup("").join(
        Markup('<th scope="col" role="columnheader">{}</th>').format(column.heading) for column in columns
    )
    body = []
    for first, *rest in rows:
        cells = [Markup('<th scope="row" role="rowheader">{}</th>').format(first)]
        for column, cell in zip(columns[1:], rest, strict=True):
            label = Markup(' data-label="{}"').format(column.label) if column.label else ""
            cells.append(Markup('<td role="cell"{}>{}</td>').format(label, cell or NOTHING))
        body.append(Markup('<tr role="row">{}</tr>').format(Markup("").join(cells)))
    return Markup(
        '<div class="card scroll" tabindex="0" role="region" aria-label="{caption}">\n'
        '<table class="stacks{compact}" role="table">'
        '<caption class="{seen}">{caption}</caption>\n<thead role="rowgroup"><tr role="row">{head}</tr></thead>\n'
        '<tbody role="rowgroup">\n{body}\n</tbody></table>\n</div>'
    ).format(
        compact=" compact" if compact else "",
        caption=caption,
        seen="title" if titled else "unseen",
        head=head,
        body=join(body),
    )


def folded_table(
    caption: str,
    columns: Sequence[Column],
    rows: Sequence[Sequence[Cell]],
    rest: str,
    *,
    titled: bool = False,
    compact: bool = False,
) -> Markup:
    """A table of which the first FIRST rows are to be seen and the others on demand, under `N more` and `rest`."""
    first = table(caption, columns, rows[:FIRST], titled=titled, compact=compact)
    if not (others := rows[FIRST:]):
        return first
    return Markup('{}\n<details class="more"><summary>{} more {}</summary>\n{}</details>').format(
        first, len(others), rest, table(f"{caption}: {len(others)} more", columns, others, compact=compact)
    )
