"""A report in, its text out: a table for a terminal, JSON for a program, Markdown for a ticket."""

import json
from typing import TextIO

from exporter.check.report import Report, Section
from exporter.findings import Finding, Severity
from exporter.findings.moment import moment

__all__ = ["as_json", "as_markdown", "print_table"]

STYLES = {
    Severity.CRITICAL: "bold red",
    Severity.BLIND: "bold magenta",
    Severity.WARNING: "bold yellow",
    Severity.INFO: "cyan",
}

_ASCII_HEAD = """\
    
    
 -- 
    
    
    
    
    
"""  # noqa: W291, W293 - rich reads a box as a picture, spaces included


def as_json(report: Report) -> str:
    """The report as a JSON object; docs/check.schema.json is its schema."""
    return json.dumps(
        {
            "schema": 1,
            "subject": report.subject,
            "generated": moment(report.generated),
            "generated_timestamp_seconds": report.generated,
            "verdict": report.verdict,
            "exit_status": report.exit_status,
            "findings": [
                {
                    "severity": finding.severity,
                    "subject": finding.subject,
                    "what": finding.what,
                    "next_step": finding.next_step,
                    "alert": finding.alert or None,
                    "runbook_url": finding.runbook_url or None,
                }
                for finding in report.findings
            ],
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


def as_markdown(report: Report) -> str:
    """The report for a ticket."""
    lines = [f"# {_cell(report.subject)}: {report.headline}", "", f"Looked at {moment(report.generated)}.", ""]
    for finding in report.findings:
        link = f" ([{finding.alert}]({finding.runbook_url}))" if finding.alert else ""
        lines.append(f"* **{finding.severity}** {_cell(finding.subject)}: {_cell(finding.what)}{link}")
        lines.append(f"  Next: {_cell(finding.next_step)}")
    for section in report.sections:
        lines += ["", f"## {section.title}", ""]
        if section.rows:
            lines.append(f"| {' | '.join(section.columns)} |")
            lines.append(f"|{'---|' * len(section.columns)}")
            lines += [f"| {' | '.join(_cell(cell) for cell in row)} |" for row in section.rows]
        if section.note:
            lines += ["", section.note] if section.rows else [section.note]
    return "\n".join(lines)


def _cell(text: str) -> str:
    """Text that cannot end a cell, a line or become markup."""
    escaped = "".join(f"\\{c}" if c in "\\`*_[]<>|" else c for c in text)
    return " ".join(escaped.split())


def print_table(report: Report, stream: TextIO) -> None:
    """Print the report for a person: coloured on a terminal, plain in a pipe, as wide as the terminal."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=stream, highlight=False, emoji=False, markup=False)
    unicode = (console.encoding or "ascii").lower().startswith("utf")
    mark = {True: "●", False: "*"}[unicode]

    def line(finding: Finding) -> Text:
        text = Text(f"{mark} {finding.severity}", STYLES[finding.severity])
        return text.append(f"  {finding.subject}", "bold")

    console.print(Text(report.subject, "bold"), Text(f"looked at {moment(report.generated)}", "dim"))
    style = STYLES[report.worst] if report.worst and report.exit_status else "bold green"
    console.print(Text(report.headline, style))
    for finding in report.findings:
        console.print()
        console.print(line(finding))
        console.print(_plain(finding.what, unicode), soft_wrap=False)
        console.print(Text(f"Next: {_plain(finding.next_step, unicode)}", "dim"))

    def table(section: Section) -> Table:
        plain = [tuple(_plain(cell, unicode) for cell in row) for row in section.rows]
        drawn = Table(
            box=box.SIMPLE_HEAD if unicode else box.Box(_ASCII_HEAD, ascii=True),
            show_edge=False,
            padding=(0, 1, 0, 0),
            header_style="bold",
        )
        for column, cells in zip(section.columns, zip(*plain, strict=True), strict=True):
            wraps = column in section.wrapping
            # A word is broken only where it alone is wider than a third of an 80-column terminal: a path.
            longest = max(
                len(part) for cell in (column, *cells) for part in (cell.split() if wraps else [cell]) or [""]
            )
            least = min(longest, 27) if wraps else longest
            drawn.add_column(column, overflow="fold", no_wrap=not wraps, min_width=least)
        for row in plain:
            drawn.add_row(*(Text(cell) for cell in row))
        return drawn

    for section in report.sections:
        if not section.rows and not section.note:
            continue
        console.print()
        console.print(Text(section.title, "bold underline"))
        if section.rows:
            drawn = table(section)
            # Wider than the terminal rather than cut: what is cut off nobody can read.
            least = sum(column.min_width or 0 for column in drawn.columns) + 2 * len(drawn.columns)
            console.print(drawn, width=max(console.width, least), crop=False)
        if section.note:
            console.print(Text(_plain(section.note, unicode), "dim"))


def _plain(text: str, unicode: bool) -> str:
    """Text without control characters, and in ASCII where the stream takes no more."""
    cleaned = "".join(c if c.isprintable() else "?" for c in text)
    return cleaned if unicode else cleaned.encode("ascii", "replace").decode()
