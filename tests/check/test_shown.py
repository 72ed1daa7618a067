"""How much of a report is shown: by severity, and findings only."""

from exporter.check.report import Report
from exporter.findings import Finding, Kind, Severity, Step, Subject
from tests.check.golden import reports

FINDINGS = tuple(
    Finding(severity, Subject(Kind.NODE, severity.value), "It is so.", (Step("Look."),)) for severity in Severity
)


def shown(least: Severity, *, quiet: bool = False, findings: tuple[Finding, ...] = FINDINGS) -> Report:
    whole = reports()["node"]
    assert whole.sections
    seen = Report(whole.subject, whole.generated, findings, whole.sections)
    return seen.shown(least, quiet=quiet)


def test_quiet_is_findings_only_and_nothing_where_there_are_none() -> None:
    assert shown(Severity.INFO, quiet=True).sections == ()
    assert shown(Severity.INFO, quiet=True).told
    assert shown(Severity.INFO).sections != ()
    assert not shown(Severity.INFO, quiet=True, findings=()).told
    assert shown(Severity.INFO, findings=()).told


def test_what_is_less_severe_is_left_out_and_what_could_not_be_looked_at_never() -> None:
    names = {least: {one.severity for one in shown(least).findings_shown} for least in Severity}
    assert names == {
        Severity.CRITICAL: {Severity.CRITICAL, Severity.UNKNOWN},
        Severity.UNKNOWN: {Severity.CRITICAL, Severity.UNKNOWN},
        Severity.WARNING: {Severity.CRITICAL, Severity.UNKNOWN, Severity.WARNING},
        Severity.INFO: set(Severity),
    }
    assert shown(Severity.CRITICAL).findings == FINDINGS  # they count all the same
