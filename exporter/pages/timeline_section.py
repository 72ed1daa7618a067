"""What comes within a year in, a strip of twelve months and a list with the nearest first out."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from markupsafe import Markup

from exporter.findings.formatting import dated
from exporter.findings.timeline import YEAR, Event, coming
from exporter.pages.page import Column, Tone, badge, folded_table, join, section
from exporter.pages.time_element import time_element

__all__ = ["timeline_section"]


def timeline_section(events: Iterable[Event], now: float) -> Markup:
    """The section; empty where nothing comes. `now` in Unix seconds."""
    found = coming(events, now)
    if not found:
        return Markup()
    kinds = {True: badge(Tone.WARNING, "breaks"), False: badge(Tone.INFO, "by itself")}
    rows = [(_when(one, now), kinds[one.breaks], one.what, one.about) for one in found]
    listed = folded_table(
        "What comes within a year",
        (Column("When"), Column("Kind"), Column("What"), Column("About", "About")),
        rows,
        "later ones",
    )
    lead = "The coming 12 months: rotations that are due, and ends that nothing averts."
    return section("timeline", "What breaks when", _strip(found, now), listed, lead=lead)


def _when(one: Event, now: float) -> Markup:
    if one.until is None:
        return Markup("{} <br>{}").format(dated(one.at, one.at - now), time_element(one.at, now))
    begins = time_element(one.at, now) if one.at > now else Markup("now, until {}").format(time_element(one.until, now))
    length = 3 * (one.until - one.at)  # a day is enough for dates to tell the two apart
    return Markup("{} to {} <br>{}").format(dated(one.at, length), dated(one.until, length), begins)


def _part(timestamp: float, now: float) -> float:
    """Where it lies, from 0 to 100."""
    return min(max((timestamp - now) / YEAR * 100, 0.0), 100.0)


def _strip(events: Iterable[Event], now: float) -> Markup:
    """The same as a picture, for an overview; the list says it in words."""
    marks = []
    for one in sorted(events, key=lambda one: one.breaks):
        start = _part(one.at, now)
        if one.until is not None:
            width = max(_part(one.until, now) - start, 0.4)
            marks.append(
                Markup('<rect class="window" x="{:.2f}%" y="12" width="{:.2f}%" height="10"/>').format(start, width)
            )
        else:
            tone = Tone.WARNING if one.breaks else Tone.INFO
            marks.append(Markup('<circle class="mark {}" cx="{:.2f}%" cy="17" r="5"/>').format(tone, start))
    month = Markup(
        '<line class="month" x1="{0:.2f}%" x2="{0:.2f}%" y1="6" y2="28"/><text x="{0:.2f}%" dx="4" y="40">{1}</text>'
    )
    months = join(month.format(_part(timestamp, now), words) for timestamp, words in _months(now))
    return Markup(
        '<div class="card panel strip"><svg aria-hidden="true">'
        '<rect class="track" x="0" y="12" width="100%" height="10" rx="3"/>{}{}</svg></div>'
    ).format(months, join(marks))


def _months(now: float) -> Iterator[tuple[float, str]]:
    """The first of each coming month, and its name; with the year in January."""
    day = datetime.fromtimestamp(now, UTC)
    for later in range(1, 13):
        year, month = divmod(day.month - 1 + later, 12)
        first = datetime(day.year + year, month + 1, 1, tzinfo=UTC)
        if first.timestamp() <= now + YEAR - 15 * 86400:
            yield first.timestamp(), first.strftime("%Y" if first.month == 1 else "%b")
