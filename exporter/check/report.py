"""Findings and tables in, a report and its exit status out (the monitoring plugins' convention)."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from exporter.findings import Finding, Severity, worst_first

__all__ = ["EXIT_STATUS", "Report", "Section", "report"]

EXIT_STATUS = {Severity.CRITICAL: 2, Severity.BLIND: 3, Severity.WARNING: 1, Severity.INFO: 0}
"""0 well, 1 warning, 2 critical, 3 could not look."""


@dataclass(frozen=True, slots=True)
class Section:
    """One table of the report."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    """A sentence below the table, or instead of one."""
    wrapping: tuple[str, ...] = ()
    """The columns that may wrap on a narrow terminal; the others hold short words and dates."""


@dataclass(frozen=True, slots=True)
class Report:
    """Everything `check` says about one subject."""

    subject: str
    generated: float
    """Unix seconds."""
    findings: tuple[Finding, ...]
    sections: tuple[Section, ...]

    @property
    def worst(self) -> Severity | None:
        """The worst severity; None where nothing was found. Could not look ranks above a warning."""
        return self.findings[0].severity if self.findings else None

    def about(self, finding: Finding) -> str:
        """What a finding is about, where that is not what the whole report is about."""
        return "" if self.subject.endswith(f" {finding.subject}") else finding.subject

    @property
    def headline(self) -> str:
        """The verdict, how many findings there are, and of which severities where those are not all the verdict's."""
        count = len(self.findings)
        if not count:
            return self.verdict
        counts = Counter(one.severity for one in self.findings)
        each = ", ".join(f"{counts[one]} {one}" for one in Severity if counts[one])
        apart = f" ({each})" if set(counts) != {self.verdict} else ""
        return f"{self.verdict}: {count} finding{'' if count == 1 else 's'}{apart}"

    @property
    def exit_status(self) -> int:
        """The process's exit status."""
        return EXIT_STATUS[self.worst] if self.worst else 0

    @property
    def verdict(self) -> str:
        """One word for the whole: `well`, `warning`, `critical` or `could not look`."""
        return str(self.worst) if self.exit_status and self.worst else "well"


def report(subject: str, generated: float, findings: Iterable[Finding], sections: Iterable[Section]) -> Report:
    """A report with its findings worst first."""
    return Report(subject, generated, worst_first(tuple(findings)), tuple(sections))
