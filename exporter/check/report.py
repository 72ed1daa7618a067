"""Findings and tables in, a report and its exit status out (the monitoring plugins' convention)."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from exporter.findings import Finding, Severity, worst_first
from exporter.findings.gathered import Gathered

__all__ = ["EXIT_STATUS", "NotLookedAt", "Report", "Section", "report"]

EXIT_STATUS = {Severity.CRITICAL: 2, Severity.UNKNOWN: 3, Severity.WARNING: 1, Severity.INFO: 0}
"""0 ok, 1 warning, 2 critical, 3 unknown."""


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
class NotLookedAt:
    """Something that the report says nothing about."""

    what: str
    how: str
    """How it can be looked at."""


@dataclass(frozen=True, slots=True)
class Report:
    """Everything `check` says about one subject."""

    subject: str
    generated: float
    """Unix seconds."""
    findings: tuple[Finding, ...]
    sections: tuple[Section, ...]
    not_looked_at: tuple[NotLookedAt, ...] = ()
    document: Mapping[str, object] = field(default_factory=dict)
    """What an agent's /facts would be."""
    least: Severity = Severity.INFO
    """Findings less severe than that count, and are not shown."""
    quiet: bool = False
    """Findings only."""

    def shown(self, least: Severity, *, quiet: bool) -> "Report":
        """The same report, of which less is shown."""
        return replace(self, least=least, quiet=quiet, sections=() if quiet else self.sections)

    @property
    def findings_shown(self) -> tuple[Finding, ...]:
        """Those that are severe enough."""
        severe = self.severities_shown
        return tuple(one for one in self.findings if one.severity in severe)

    @property
    def severities_shown(self) -> frozenset[Severity]:
        """What could not be looked at is always shown."""
        order = list(Severity)
        return frozenset({Severity.UNKNOWN, *order[: order.index(self.least) + 1]})

    @property
    def told(self) -> bool:
        """Whether there is anything to be shown."""
        return not self.quiet or bool(self.findings_shown)

    @property
    def worst(self) -> Severity | None:
        """The worst severity; None where nothing was found. Unknown ranks above a warning."""
        return self.findings[0].severity if self.findings else None

    def about(self, entry: Gathered) -> str:
        """What an entry is about, where that is not what the whole report is about."""
        return "" if self.subject.endswith(f" {entry.about}") else entry.about

    @property
    def headline(self) -> str:
        """The verdict, how many findings there are, and of which severities where those are not all the verdict's."""
        count = len(self.findings)
        if not count:
            return self.verdict
        counts = Counter(one.severity for one in self.findings)
        each = ", ".join(f"{counts[one]} {one}" for one in Severity if counts[one])
        apart = f" ({each})" if set(counts) != {self.verdict} else ""
        hidden = count - len(self.findings_shown)
        less = f", {hidden} less severe not shown" if hidden else ""
        return f"{self.verdict}: {count} finding{'' if count == 1 else 's'}{apart}{less}"

    @property
    def exit_status(self) -> int:
        """The process's exit status."""
        return EXIT_STATUS[self.worst] if self.worst else 0

    @property
    def verdict(self) -> str:
        """One word for the whole: `ok`, `warning`, `critical` or `unknown`."""
        return str(self.worst) if self.exit_status else "ok"


def report(
    subject: str,
    generated: float,
    findings: Iterable[Finding],
    sections: Iterable[Section],
    not_looked_at: tuple[NotLookedAt, ...] = (),
    document: Mapping[str, object] | None = None,
) -> Report:
    """A report with its findings worst first, and what was not looked at as its last table."""
    last = Section(
        "Not looked at",
        ("WHAT", "TO LOOK AT IT"),
        tuple((one.what, one.how) for one in not_looked_at),
        wrapping=("WHAT", "TO LOOK AT IT"),
    )
    shown = (*sections, last) if not_looked_at else tuple(sections)
    return Report(subject, generated, worst_first(tuple(findings)), shown, not_looked_at, document or {})
