"""What all agents of a simulated cluster find at full hours in, where that is not what its alerts say then out."""

from collections.abc import Iterable

from exporter.findings import Finding
from tests.judgement.differences import Said, alert_without_finding, finding_without_alert, fired, told
from tests.year.verdict import Firing, notified

__all__ = ["Hourly"]

SLACK = 360.0
"""Seconds: expressions look back for five minutes, and a scrape or a look is a minute old."""


class Hourly:
    """Hears the findings and compares them with the alerts."""

    def __init__(self) -> None:
        self._found: dict[float, set[Said]] = {}

    @property
    def hours(self) -> int:
        """At how many hours something was heard."""
        return len(self._found)

    def hears(self, now: float, findings: tuple[Finding, ...]) -> None:
        """What is found at an hour, in Unix seconds."""
        self._found[now] = told(findings)

    def disagreements(self, every: Iterable[Firing]) -> list[str]:
        """One line for each hour and alert in which they differ. `every`: what fires or is pending, of one cluster."""
        every = list(every)
        heard = notified([one for one in every if not one.pending])
        found = []
        for hour, said in sorted(self._found.items()):
            firing = _labels(one for one in heard if one.begin + SLACK <= hour <= one.end - SLACK)
            active = _labels(one for one in every if one.begin - SLACK <= hour <= one.end + SLACK)
            found += [f"{hour}: fires, and is not found: {one}" for one in alert_without_finding(firing, said)]
            found += [f"{hour}: is found, and does not fire: {one}" for one in finding_without_alert(said, active)]
        return found


def _labels(alerts: Iterable[Firing]) -> set[Said]:
    return fired({"alertname": one.alert, "severity": one.severity, **dict(one.labels)} for one in alerts)
