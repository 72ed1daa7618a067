"""Healthy fleets over a year: every shipped rule, evaluated by a real Prometheus, and nothing above info."""

from pathlib import Path

import pytest

from tests.year.fleets import LIFETIMES, Fleet, windows
from tests.year.recording import END_OF_FILE, record
from tests.year.verdict import Store, notified

pytestmark = pytest.mark.timeout(600)  # a busy machine


@pytest.mark.parametrize("days", LIFETIMES, ids=lambda days: f"{days}-days")
def test_healthy_fleets_notify_nobody_in_a_year(days: int, tmp_path: Path) -> None:
    """Two clusters in one Prometheus, whose nodes have the same names: one upgraded every week and one never."""
    fleets = (Fleet(days, weekly=True), Fleet(days, weekly=False))
    chosen = windows(fleets)
    recording = tmp_path / "year.om"
    with recording.open("w") as out:
        for fleet in fleets:
            record(fleet.world(), chosen, out, recorded={})
        out.write(END_OF_FILE)
    with Store(tmp_path, recording) as store:
        firings = list(store.firings(chosen))
    recording.unlink()
    assert notified(firings) == []
    # It was awake: both clusters told of their rotation, and something was held back by it.
    rotations = [one for one in firings if one.alert == "AksCertClusterRotationRunning"]
    assert {dict(one.labels)["cluster"] for one in rotations} == {fleet.name for fleet in fleets}
    assert {one.severity for one in firings} >= {"info", "warning", "critical"}
