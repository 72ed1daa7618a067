"""Facts in, what is wrong out: in words, with the next step. Pure; shared by the page and `check`."""

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["RUNBOOKS", "Finding", "Severity", "worst_first"]

RUNBOOKS = "https://github.com/aks-cert-exporter/aks-cert-exporter/blob/main/docs/runbooks"
"""Where the runbooks of the alerts stand; a page's name is the alert's."""


class Severity(StrEnum):
    """How bad. BLIND: could not look, which is never hidden behind anything that is well."""

    CRITICAL = "critical"
    BLIND = "could not look"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be."""

    severity: Severity
    subject: str
    """What it is about: a node's name, an address, a CSR."""
    what: str
    """One sentence with the date or the cause in it."""
    next_step: str
    """What to do or type next."""
    alert: str = ""
    """The alert of the rules that says the same, if there is one."""

    @property
    def runbook_url(self) -> str:
        """The alert's page, or nothing."""
        return f"{RUNBOOKS}/{self.alert}.md" if self.alert else ""


_ORDER = list(Severity)


def worst_first(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """By severity, then by subject."""
    return tuple(sorted(findings, key=lambda finding: (_ORDER.index(finding.severity), finding.subject)))
