"""Each failure that the series can show, broken at a drawn moment: the right alerts, no others, and in time."""

import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.judgement.hourly import Hourly
from tests.year import lead_times
from tests.year.failure import Failure
from tests.year.failures import FAILURES
from tests.year.lead_times import Told
from tests.year.recording import END_OF_FILE, record
from tests.year.verdict import Firing, Store, notified

TOLERANCE = 600
"""Seconds by which a run may differ from the one in the documentation."""
GROUP_WAIT = 60
"""Seconds, as docs/alerts.md has it."""
UPDATE = "YEAR_UPDATE"
"""Set by `make test-year YEAR_UPDATE=yes`: keep what was measured, for the documentation."""
pytestmark = pytest.mark.timeout(600)  # a busy machine
NAMES = [failure.name for failure in FAILURES]


def told(firings: Iterable[Firing], broken: float, impact: float | None) -> tuple[Told, ...]:
    """The first of each alert and severity, in the order in which they came."""
    first: dict[tuple[str, str], Firing] = {}
    for one in sorted(firings, key=lambda one: (one.begin, one.alert, one.severity)):
        first.setdefault((one.alert, one.severity), one)
    # One that fired when its window began is not known to the minute.
    cut = [f"{one.alert} ({one.severity})" for one in first.values() if one.cut]
    assert not cut, f"fired before the windows that are looked at: {cut}"
    return tuple(
        Told(one.alert, one.severity, one.begin - broken, None if impact is None else impact - one.begin)
        for one in first.values()
    )


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.name)
def test_a_failure_is_told_by_its_alerts_and_no_others_as_early_as_documented(failure: Failure, tmp_path: Path) -> None:
    broken, impact, windows = failure.story()
    recording, hourly = tmp_path / "year.om", Hourly()
    with recording.open("w") as out:
        record(failure.world(), windows, out, recorded=failure.recorded, hears=hourly.hears)
        out.write(END_OF_FILE)
    with Store(tmp_path, recording) as store:
        every = list(store.everything(windows))
    firings = [one for one in every if not one.pending]
    recording.unlink()
    assert hourly.disagreements(every) == []
    info = [one for one in firings if one.severity == "info"]
    found = told([*notified(firings, GROUP_WAIT), *info], broken, impact)
    fired = {(one.alert, one.severity) for one in found}
    assert fired == failure.alerts, (
        f"{failure.name}: unexpected {fired - failure.alerts}, missing {failure.alerts - fired}"
    )
    if UPDATE in os.environ:
        lead_times.write(NAMES, failure.name, failure.what, failure.hurts, found)
    documented = lead_times.kept()[failure.name]
    assert list(lead_times.differences(failure.name, documented, found, TOLERANCE)) == []
    assert [(one.alert, one.severity) for one in found] == [(one.alert, one.severity) for one in documented]


def test_the_documented_failures_are_those_that_are_tried() -> None:
    assert list(lead_times.kept()) == NAMES


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.name)
def test_what_has_a_moment_of_impact_is_told_before_it(failure: Failure) -> None:
    """But what hurts from its first minute, and what sleeps until then."""
    before = [one.before for one in lead_times.kept()[failure.name] if one.before is not None]
    if failure.impact and failure.name not in {
        "serving-never-requested",
        "api-server-untrusted",
        "webhook-left-behind",
        "webhook-misfit",
        "agentless-foreign-ca",
    }:
        assert max(before) > 3600
