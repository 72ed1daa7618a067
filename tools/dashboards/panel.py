"""Panels as data: what a panel asks, how it is to be read and what to do about it. No Grafana in here."""

from dataclasses import dataclass, field
from enum import StrEnum

__all__ = [
    "RUNBOOKS",
    "Bars",
    "Cell",
    "Column",
    "Dashboard",
    "Event",
    "Heat",
    "Histogram",
    "Lines",
    "Panel",
    "Query",
    "Row",
    "Stat",
    "Table",
    "Threshold",
    "Timeline",
    "Unit",
    "Variable",
    "Word",
]
RUNBOOKS = "https://github.com/aks-cert-exporter/aks-cert-exporter/blob/main/docs/runbooks"
"""Where each alert has its page."""


class Unit(StrEnum):
    """Grafana's ids of the units in use. Points in time are milliseconds there, so queries multiply by 1000."""

    NONE = "none"
    COUNT = "short"
    PERCENT = "percent"
    SECONDS = "s"
    FROM_NOW = "dateTimeFromNow"
    DATE = "dateTimeAsIso"
    DAY = "time:YYYY-MM-DD"
    WEEKS = "suffix:weeks"


class Cell(StrEnum):
    """How a table's cell shows its value beside the text: Grafana's ids."""

    PLAIN = "auto"
    TEXT = "color-text"
    BAR = "gauge"


@dataclass(frozen=True, slots=True)
class Threshold:
    """From this value on (None: from the beginning) a value has this colour."""

    value: float | None
    color: str


@dataclass(frozen=True, slots=True)
class Word:
    """What to write for a value, and in which colour. The words carry the meaning, the colour repeats it."""

    value: str
    text: str
    color: str


@dataclass(frozen=True, slots=True)
class Query:
    """One expression. `legend` as Grafana's: {{label}} stands for the label's value."""

    expression: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A table's column. `source`: a label's name, or the letter of the query whose value it is."""

    source: str
    title: str
    unit: Unit = Unit.NONE
    cell: Cell = Cell.PLAIN
    words: tuple[Word, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    width: int = 0
    """In pixels; 0: what the others leave, and at least 150, or `least`."""
    least: int = 0
    link: str = ""
    """URL; ${__value.raw} stands for the cell's value."""
    link_title: str = ""
    number: bool = False
    """Whether a label's text is a number, to be sorted and written as one."""
    hidden: bool = False
    """There for a link to name it, not to be seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """What every kind of panel has. Width in Grafana's 24 columns, height in its rows of 30 pixels."""

    title: str
    description: str
    """What it answers, and what to do about it."""
    queries: tuple[Query, ...]
    width: int
    height: int = 8
    runbooks: tuple[str, ...] = ()
    """Alerts whose runbooks the panel links to."""
    unit: Unit = Unit.NONE
    words: tuple[Word, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    empty: str = "no data"
    """What to read where a query gives nothing."""
    decimals: int | None = None
    points: int = 0
    """At most so many points of time; 0: one for each pixel."""
    step: str = ""
    """At least so long from point to point, such as 5m: what happens less often than it is scraped needs a window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stat(Panel):
    """Big values, one for each series, with the series' name where there are several."""

    label: str = ""
    """Write the value of this label instead of the series' own."""
    filled: bool = True
    """Whether the colour fills the tile; else it is the text's."""
    total: str = ""
    """Add the values of all queries up to one of this name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars(Panel):
    """One horizontal bar for each series."""

    maximum: float | None = None
    above: bool = False
    """Names above the bars, where there is little room beside them."""
    others: tuple[tuple[str, tuple[Threshold, ...]], ...] = ()
    """Thresholds of the series whose names match a regular expression."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines(Panel):
    """Values over time."""

    stacked: bool = False
    """Bars on top of one another instead of lines."""
    filled: bool = False
    """Areas on top of one another instead of lines."""
    maximum: float | None = None
    tints: tuple[tuple[str, str], ...] = ()
    """A regular expression of series' names, and the colour that all such series have."""
    shade: str = ""
    """A colour of whose shades all series are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline(Panel):
    """States over time, one band for each series; `words` names the states."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heat(Panel):
    """A histogram's buckets over time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram(Panel):
    """How many series have a value of about so much now."""

    bucket: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Table(Panel):
    """One line for each series, or for each set of series that agree in their labels."""

    columns: tuple[Column, ...]
    sort: str
    """The title of the column to sort by, the smallest first."""
    descending: bool = False
    gathered: str = ""
    """The label that says which column the value of a series is in: queries share columns then."""


@dataclass(frozen=True, slots=True)
class Row:
    """A heading, and the panels below it from left to right, wrapping where the width is used up."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A choice above the dashboard. `query`: Prometheus's label_values(…) or query_result(…)."""

    name: str
    label: str
    query: str
    regex: str = ""
    several: bool = True
    """Whether several can be chosen, and all."""


@dataclass(frozen=True, slots=True)
class Event:
    """What is marked on every panel over time. The value is the moment in milliseconds where `moment`, else not 0."""

    title: str
    text: str
    """What to read: {{label}} stands for the label's value."""
    expression: str
    color: str
    moment: bool = False
    step: str = "1m"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """One dashboard."""

    uid: str
    title: str
    description: str
    variables: tuple[Variable, ...]
    rows: tuple[Row, ...]
    events: tuple[Event, ...] = ()
    time_from: str = "now-24h"
    tags: tuple[str, ...] = field(default=("aks-cert-exporter", "aks", "certificates"))

    @property
    def panels(self) -> tuple[Panel, ...]:
        """All panels of all rows."""
        return tuple(panel for row in self.rows for panel in row.panels)
