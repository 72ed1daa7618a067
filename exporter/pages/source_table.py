"""How each source answers in, the table that says so out; and a mark where what the page shows is old."""

from collections.abc import Iterable, Iterator

from markupsafe import Markup

from exporter.facts.source import SourceFacts
from exporter.findings.limits import STALE
from exporter.pages.page import Column, Tone, badge, table
from exporter.pages.time_element import time_element

__all__ = ["old_facts", "source_table"]


def old_facts(sources: Iterable[SourceFacts], now: float) -> Iterator[Markup]:
    """A notice where what the page shows was true some time ago: of sources that have stopped answering."""
    old = [one for one in sources if one.up is False and one.last_success and now - one.last_success > STALE]
    if old:
        named = (Markup("{} ({})").format(one.source.value, time_element(one.last_success or 0.0, now)) for one in old)
        told = Markup(", ").join(named)
        yield Markup('<p class="card notice old"><b>Old facts:</b> these sources last answered: {}.</p>').format(told)


def source_table(sources: Iterable[SourceFacts], now: float) -> Markup:
    """The table. `now` in Unix seconds."""
    states = {True: (Tone.OK, "answers"), False: (Tone.BLIND, "does not answer"), None: (Tone.BLIND, "not asked yet")}
    return table(
        "Places outside this process that are asked",
        (
            Column("Source"),
            Column("State"),
            Column("Last answer", "Last answer"),
            Column("Failures", "Failures"),
            Column("Last error", "Last error"),
        ),
        (
            (
                source.source.value,
                badge(Tone.BLIND, "not looked at") if source.skipped else badge(*states[source.up]),
                time_element(source.last_success, now) if source.last_success is not None else "never",
                str(sum(source.errors.values())),
                source.skipped or source.last_error,
            )
            for source in sources
        ),
    )
