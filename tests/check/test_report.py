"""A report: its findings worst first, its last table, its headline and exit status."""

import pytest

from exporter.check.report import EXIT_STATUS, NotLookedAt, Report, Section, report
from exporter.findings import Finding, Kind, Severity, Subject
from exporter.findings.gathered import gathered

CRITICAL, UNKNOWN, WARNING, INFO = Severity.CRITICAL, Severity.UNKNOWN, Severity.WARNING, Severity.INFO


def finding(severity: Severity, name: str = "aks-1") -> Finding:
    return Finding(severity, Subject(Kind.NODE, name), "So it is.", ())


def of(*severities: Severity) -> Report:
    return report("node aks-1", 1.0, map(finding, severities), ())


def test_a_report_is_its_parts_and_what_was_not_looked_at_is_its_last_table() -> None:
    table = Section("T", ("A",), (("a",),))
    apart = (NotLookedAt("x", "do x"), NotLookedAt("y", "do y"))
    found = report("node a", 1.0, iter([finding(INFO), finding(CRITICAL)]), iter([table]), apart, {"a": 1})
    columns = ("WHAT", "TO LOOK AT IT")
    last = Section("Not looked at", columns, (("x", "do x"), ("y", "do y")), "", columns)
    shown = (finding(CRITICAL), finding(INFO))
    assert found == Report("node a", 1.0, shown, (table, last), apart, {"a": 1}, INFO, quiet=False)
    bare = report("node a", 1.0, (), [table])
    assert bare == Report("node a", 1.0, (), (table,), (), {}, INFO, quiet=False)
    assert Report("node a", 1.0, (), (table,)) == bare


@pytest.mark.parametrize(
    ("severities", "status", "verdict", "headline"),
    [
        ((), 0, "ok", "ok"),
        ((INFO,), 0, "ok", "ok: 1 finding (1 info)"),
        ((INFO, INFO), 0, "ok", "ok: 2 findings (2 info)"),
        ((WARNING,), 1, "warning", "warning: 1 finding"),
        ((WARNING, INFO), 1, "warning", "warning: 2 findings (1 warning, 1 info)"),
        ((CRITICAL, CRITICAL), 2, "critical", "critical: 2 findings"),
        ((UNKNOWN,), 3, "unknown", "unknown: 1 finding"),
        (
            (WARNING, UNKNOWN, WARNING, INFO),
            3,
            "unknown",
            "unknown: 4 findings (1 unknown, 2 warning, 1 info)",
        ),
    ],
)
def test_the_worst_finding_is_the_verdict_and_the_exit_status(
    severities: tuple[Severity, ...], status: int, verdict: str, headline: str
) -> None:
    found = of(*severities)
    assert (found.exit_status, found.verdict, found.headline) == (status, verdict, headline)
    assert EXIT_STATUS == {CRITICAL: 2, UNKNOWN: 3, WARNING: 1, INFO: 0}


def test_what_is_not_shown_counts_all_the_same() -> None:
    found = of(CRITICAL, UNKNOWN, WARNING, INFO, INFO).shown(WARNING, quiet=False)
    each = "1 critical, 1 unknown, 1 warning, 2 info"
    assert found.headline == f"critical: 5 findings ({each}), 2 less severe not shown"
    assert [one.severity for one in found.findings_shown] == [CRITICAL, UNKNOWN, WARNING]
    assert (found.worst, of().worst) == (CRITICAL, None)


@pytest.mark.parametrize(
    ("severities", "least", "quiet", "told"),
    [
        ((), INFO, False, True),
        ((), INFO, True, False),
        ((WARNING,), INFO, True, True),
        ((WARNING,), CRITICAL, True, False),
        ((WARNING,), CRITICAL, False, True),
        ((UNKNOWN,), CRITICAL, True, True),
    ],
)
def test_whether_anything_is_to_be_shown(
    severities: tuple[Severity, ...], least: Severity, quiet: bool, told: bool
) -> None:
    whole = report("node a", 1.0, map(finding, severities), [Section("T", (), (), "note")])
    found = whole.shown(least, quiet=quiet)
    assert (found.told, found.least, found.quiet) == (told, least, quiet)
    assert found.sections == (() if quiet else whole.sections)


@pytest.mark.parametrize(("subject", "about"), [("node aks-1", ""), ("node aks-11", "aks-1"), ("aks-1", "aks-1")])
def test_what_the_report_is_about_is_said_once(subject: str, about: str) -> None:
    (entry,) = gathered((finding(WARNING),))
    assert report(subject, 1.0, (), ()).about(entry) == about
