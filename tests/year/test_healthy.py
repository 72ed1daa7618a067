"""Healthy fleets over a year: every shipped rule, evaluated by a real Prometheus, and nothing above info."""

from pathlib import Path

import pytest

from tests.judgement.hourly import Hourly
from tests.year.fleets import BEGIN, LIFETIMES, Fleet, windows
from tests.year.recording import END_OF_FILE, record
from tests.year.verdict import Store, notified

AGENTLESS = (1, 45, 365)
"""Days: so few that nothing may be late, few, and what AKS gives."""
pytestmark = pytest.mark.timeout(600)  # a busy machine


@pytest.mark.parametrize("days", LIFETIMES, ids=lambda days: f"{days}-days")
def test_healthy_fleets_notify_nobody_in_a_year(days: int, tmp_path: Path) -> None:
    """Two clusters in one Prometheus, whose nodes have the same names: one upgraded every week and one never."""
    _notify_nobody((Fleet(days, weekly=True), Fleet(days, weekly=False)), tmp_path)


@pytest.mark.parametrize("days", AGENTLESS, ids=lambda days: f"{days}-days")
def test_healthy_fleets_without_node_agents_notify_nobody_in_a_year(days: int, tmp_path: Path) -> None:
    """Linux and Windows nodes that the cluster agent asks itself, with clocks of their own, and a virtual node."""
    _notify_nobody((Fleet(days, weekly=True, automatic=True), Fleet(days, weekly=False, automatic=True)), tmp_path)


def _notify_nobody(fleets: tuple[Fleet, Fleet], tmp_path: Path) -> None:
    chosen = windows(fleets)
    recording = tmp_path / "year.om"
    hourly = {fleet.name: Hourly() for fleet in fleets}
    with recording.open("w") as out:
        for fleet in fleets:
            record(fleet.world(), chosen, out, recorded={}, hears=hourly[fleet.name].hears)
        out.write(END_OF_FILE)
    with Store(tmp_path, recording) as store:
        every = list(store.everything(chosen))
    firings = [one for one in every if not one.pending]
    recording.unlink()
    for name, heard in hourly.items():
        assert heard.hours > 10
        assert heard.disagreements([one for one in every if dict(one.labels).get("cluster") == name]) == []
    assert [one.told(BEGIN) for one in notified(firings)] == []
    # It was awake: both clusters told of their rotation, and something was held back by it.
    rotations = [one for one in firings if one.alert == "AksCertClusterRotationRunning"]
    assert {dict(one.labels)["cluster"] for one in rotations} == {fleet.name for fleet in fleets}
    assert {one.severity for one in firings} >= {"info", "warning", "critical"}
