"""How each source answers in, the table that says so out."""

from collections.abc import Iterable

from markupsafe import Markup

from exporter.facts.source import SourceFacts
from exporter.findings.formatting import span
from exporter.pages.page import Column, Tone, badge, table

__all__ = ["source_table"]


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
                f"{span(now - source.last_success)} ago" if source.last_success is not None else "never",
                str(sum(source.errors.values())),
                source.skipped or source.last_error,
            )
            for source in sources
        ),
    )
