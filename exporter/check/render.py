"""A report in, its text out: a table for a terminal, JSON for a program, Markdown for a ticket."""

import io
import json
import os
import re
from typing import TYPE_CHECKING, Any, TextIO, cast

from exporter.check.layout import GAP, broken, widths
from exporter.check.report import Report, Section
from exporter.findings import PUBLIC_RUNBOOKS, Severity, finding_data, runbook_url
from exporter.findings.formatting import utc_time
from exporter.findings.gathered import Gathered, gathered

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["as_json", "as_markdown", "as_table"]

WIDEST = 20_000
"""Columns in a pipe: nothing needs more."""

STYLES = {
    Severity.CRITICAL: "bold red",
    Severity.UNKNOWN: "bold magenta",
    Severity.WARNING: "bold yellow",
    Severity.INFO: "cyan",
}

_TYPED = str.maketrans({"…": "...", "–": "-", "—": "-", "“": '"', "”": '"', "’": "'"})
"""How our own words look where there is only ASCII."""

_ASCII_HEAD = """\
    
    
 -- 
    
    
    
    
    
"""  # noqa: W291, W293 - rich reads a box as a picture, spaces included


def as_json(report: Report) -> str:
    """The report as a JSON object: the document of an agent's /facts, with what only `check` says beside it
    (docs/check.schema.json). It holds no control characters.
    """
    text = json.dumps(
        {
            **_document(report),
            "subject": report.subject,
            "verdict": report.verdict,
            "exit_status": report.exit_status,
            "findings": [finding_data(finding) for finding in report.findings_shown],
            "not_looked_at": [{"what": one.what, "how": one.how} for one in report.not_looked_at],
            "sections": [
                {
                    "title": section.title,
                    "rows": [dict(zip(section.columns, row, strict=True)) for row in section.rows],
                    "note": section.note or None,
                }
                for section in report.sections
            ],
        },
        indent=2,
        ensure_ascii=False,
    )
    return "".join(c if c.isprintable() or c == "\n" else _escape(c) for c in text)


def _document(report: Report) -> dict[str, object]:
    """What an agent's /facts would be, with each node's findings as severe as those that are shown."""
    found = dict(report.document)
    shown = {str(severity) for severity in report.severities_shown}
    nodes = found.get("nodes")
    if isinstance(nodes, list):
        found["nodes"] = [
            {**node, "findings": [one for one in node["findings"] if one["severity"] in shown]} for node in nodes
        ]
    return found


def _escape(character: str) -> str:
    """A character as JSON writes it in ASCII (RFC 8259 §7)."""
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at] << 8 | units[at + 1]:04x}" for at in range(0, len(units), 2))


def as_markdown(report: Report) -> str:
    """The report for a ticket."""
    lines = [f"# {_cell(report.subject)}: {report.headline}", "", f"Looked at {utc_time(report.generated)}.", ""]
    for entry in gathered(report.findings_shown):
        finding = entry.finding
        link = f" ([{finding.alert}]({runbook_url(finding.alert)}))" if finding.alert else ""
        about = f" {_cell(report.about(entry))}" if report.about(entry) else ""
        told = " ".join(_cell(text) for text in (finding.what, finding.why, entry.others_named) if text)
        lines.append(f"* **{finding.severity}**{about}: {told}{link}")
        for number, step in enumerate(finding.next, 1):
            lines.append(f"  {number}. {_cell(step.text)}")
            lines += _fenced(step.command, "     ")
    for section in report.sections:
        if not section.rows and not section.note:
            continue
        lines += ["", f"## {section.title}", ""]
        if section.rows:
            lines.append(f"| {' | '.join(section.columns)} |")
            lines.append(f"|{'---|' * len(section.columns)}")
            lines += [f"| {' | '.join(_cell(cell) for cell in row)} |" for row in section.rows]
        if section.note:
            lines += ["", _cell(section.note)] if section.rows else [_cell(section.note)]
    return "\n".join(lines)


def _fenced(command: str, indent: str) -> list[str]:
    """A command as a block of code, which nothing in it can end: the fence is longer than any run of backticks."""
    if not command:
        return []
    fence = "`" * (1 + max([2, *map(len, re.findall("`+", command))]))
    return [f"{indent}{line}" for line in (f"{fence}sh", *_shown(command).splitlines(), fence)]


def _shown(text: str) -> str:
    """Text in one line, in which what moves the cursor or hides others is escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def _cell(text: str) -> str:
    """Text that cannot end a cell, a line or become markup."""
    spaced = " ".join(text.split())
    return "".join(f"\\{c}" if c in "\\`*_[]<>|" else c for c in _shown(spaced))


def as_table(report: Report, stream: TextIO) -> str:
    """The report for a person, as it fits a stream: on a terminal coloured and as wide as that; in a pipe plain, and
    as wide as its tables need, but where COLUMNS says how wide.
    """
    from rich.console import Console
    from rich.style import Style
    from rich.text import Text

    meant = Console(file=stream)
    bounded = meant.is_terminal or "COLUMNS" in os.environ
    text = io.StringIO()
    console = Console(
        file=text,
        color_system=cast("Any", meant.color_system),  # a str there, one of a few words here
        legacy_windows=meant.legacy_windows,
        width=meant.width if bounded else WIDEST,
    )
    unicode = meant.encoding.startswith("utf")
    mark = {True: "●", False: "*"}[unicode]

    def line(entry: Gathered) -> Text:
        finding = entry.finding
        text = Text(f"{mark} {finding.severity}", STYLES[finding.severity])
        if about := report.about(entry):
            text.append(f"  {_plain(about, unicode)}", "bold")
        # A terminal that can follow links has one to the runbook here.
        return text.append("  ").append(
            finding.alert, Style(link=runbook_url(finding.alert) if finding.alert else None)
        )

    console.print(Text(_plain(report.subject, unicode), "bold"))
    console.print(Text(f"Looked at {utc_time(report.generated)}."))
    style = STYLES[Severity(report.verdict)] if report.exit_status else "bold green"
    console.print(Text(report.headline, style))
    for entry in gathered(report.findings_shown):
        console.print()
        console.print(line(entry))
        for told in filter(None, (entry.finding.what, entry.finding.why, entry.others_named)):
            console.print(Text(_plain(told, unicode)))
        for number, step in enumerate(entry.finding.next, 1):
            console.print(Text.assemble((f"{number}. ", "bold"), _plain(step.text, unicode)))
            if step.command:
                # In one line, however narrow: a command that is broken cannot be pasted.
                console.print(Text(f"   {_plain(step.command, unicode)}", "green"), soft_wrap=True)
    if any(finding.alert for finding in report.findings_shown):
        console.print()
        console.print(Text(f"Runbooks: {PUBLIC_RUNBOOKS}", "dim"))
    for section in report.sections:
        if not section.rows and not section.note:
            continue
        console.print()
        console.print(Text(section.title, "bold underline"))
        if section.rows:
            _print_rows(console, section, unicode)
        if section.note:
            console.print(Text(_plain(section.note, unicode), "dim"))
    return "".join(f"{each.rstrip()}\n" for each in text.getvalue().splitlines())


def _print_rows(console: "Console", section: Section, unicode: bool) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    plain = [tuple(_plain(cell, unicode) for cell in row) for row in section.rows]
    columns = list(zip(section.columns, *plain, strict=True))
    wide = widths(columns, [column in section.wrapping for column in section.columns], console.width)
    drawn = Table(
        box=box.SIMPLE_HEAD if unicode else box.Box(_ASCII_HEAD),
        show_edge=False,
        pad_edge=False,
        padding=(0, GAP - 1, 0, 0),  # and the box's own
    )
    for column, width in zip(section.columns, wide, strict=True):
        # Letters that take two columns of the terminal are too wide for it: folded, nothing of them is cut off.
        drawn.add_column(Text(broken(column, width)), overflow="fold", width=width)
    for row in plain:
        drawn.add_row(*(Text(broken(cell, width)) for cell, width in zip(row, wide, strict=True)))
    # Wider than the terminal rather than cut: what is cut off nobody can read.
    terminal, console.width = console.width, max(console.width, sum(wide) + GAP * len(wide))
    console.print(drawn)
    console.width = terminal


def _plain(text: str, unicode: bool) -> str:
    """Text without control characters, and in ASCII where the stream takes no more."""
    cleaned = _shown(text)
    return cleaned if unicode else cleaned.translate(_TYPED).encode("ascii", "replace").decode()
