"""Healthy fleets over a year: every shipped rule, evaluated by a real Prometheus, and nothing above info."""

from pathlib import Path

import pytest

from tests.year.fleets import FLEETS, Fleet
from tests.year.recording import record
from tests.year.verdict import Store, notified


@pytest.mark.parametrize("fleet", FLEETS, ids=lambda fleet: fleet.name)
def test_a_healthy_fleet_notifies_nobody_in_a_year(fleet: Fleet, tmp_path: Path) -> None:
    windows = fleet.windows()
    recording = tmp_path / "year.om"
    with recording.open("w") as out:
        record(fleet.world(), windows, out, recorded={})
    with Store(tmp_path, recording) as store:
        firings = list(store.firings(windows))
    recording.unlink()
    assert notified(firings) == []
