"""Recorded windows in, what would have been notified out: a real Prometheus evaluates, `for` and inhibition follow.

Every expression is asked as a range query, a step a minute, over each window with its lead. `for` is then what
Prometheus makes of it (rules/alerting.go): an alert is pending from the first evaluation that yields its labels, fires
once it has been there for so long without a gap, and ends with the first evaluation that does not. This is the same
result as letting the rules run, for a small part of the time, since no rule reads what another one writes.
"""

import http.client
import json
import re
import subprocess
import threading
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from simulation.demo.processes import Process, stop_all
from tests.e2e.stack import free_port
from tests.year.recording import LEAD, SCRAPE, Window
from tools.rules import Rule, groups, inhibitions, seconds

__all__ = ["Firing", "Store", "holds", "notified", "stretches"]

RULES = tuple(rule for group in groups() for rule in group.rules)
INHIBITIONS = inhibitions()
Labels = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Firing:
    """One alert, from its first firing evaluation of a window to its last."""

    alert: str
    severity: str
    labels: Labels
    begin: float
    end: float
    cut: bool = False
    """Whether it fired already when the window's verdicts began."""
    pending: bool = False
    """Whether it only was about to."""

    def told(self, since: float) -> str:
        """For a person: `AksCertX (warning) fired on day 12 for 3 hours: cluster=…`, by days since a moment."""
        what = ", ".join(
            f"{name}={value}" for name, value in sorted(self.labels) if name not in {"alertname", "severity"}
        )
        day, hours = (self.begin - since) / 86400, (self.end - self.begin) / 3600
        return f"{self.alert} ({self.severity}) fired on day {day:.1f} for {hours:.1f} hours: {what}"


class Store:
    """A context manager: a Prometheus over a file of OpenMetrics, whose blocks lie below `folder`."""

    def __init__(self, folder: Path, recording: Path) -> None:
        data = folder / "data"
        # One block for all: promtool reads the whole file once for each.
        promtool = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "--quiet", "--max-block-duration=40000h"]
        made = subprocess.run([*promtool, str(recording), str(data)], capture_output=True, text=True, check=False)
        assert made.returncode == 0, made.stdout + made.stderr
        (folder / "prometheus.yml").write_text("{}")
        address = f"127.0.0.1:{free_port()}"
        self._process = Process(
            "Prometheus",
            [
                "other",
                "prometheus",
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={data}",
                "--storage.tsdb.retention.time=100y",
                # An instant selector sees one scrape: what a target no longer exposes, or a scrape that failed, is gone
                # at once, as with staleness markers.
                f"--query.lookback-delta={SCRAPE}s",
                f"--web.listen-address={address}",
                "--log.level=warn",
            ],
            url=f"http://{address}",
            ready="/-/ready",
        )
        self._connection = http.client.HTTPConnection(address, timeout=60)

    def __enter__(self) -> Self:
        self._process.wait_ready(30, threading.Event())
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._connection.close()
        stop_all((self._process,))

    def firings(self, windows: Iterable[Window]) -> Iterator[Firing]:
        """Everything that fires within the verdicts of the windows."""
        return (one for one in self.everything(windows) if not one.pending)

    def everything(self, windows: Iterable[Window]) -> Iterator[Firing]:
        """The same, and what is pending: each from the first evaluation that yields it."""
        for one in windows:
            for rule in RULES:
                yield from self._of_rule(rule, one)

    def _of_rule(self, rule: Rule, one: Window) -> Iterator[Firing]:
        hold = seconds(rule.hold)
        for series in self._range(rule.expression, one.begin - LEAD, one.end):
            labels = frozenset((name, value) for name, value in series["metric"].items() if name != "__name__")
            labels |= {("alertname", rule.alert), ("severity", rule.severity)}
            for begin, end in stretches([float(moment) for moment, _ in series["values"]]):
                yield Firing(rule.alert, rule.severity, labels, begin, end, pending=True)
                if max(begin + hold, one.begin) <= end:
                    first = max(begin + hold, one.begin)
                    yield Firing(rule.alert, rule.severity, labels, first, end, begin + hold < one.begin)

    def _range(self, expression: str, begin: float, end: float) -> list[dict[str, Any]]:
        question = {"query": expression, "start": begin, "end": end, "step": SCRAPE}
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        self._connection.request("POST", "/api/v1/query_range", urllib.parse.urlencode(question), headers)
        answer = json.loads(self._connection.getresponse().read())
        assert answer["status"] == "success", f"{answer['error']}\n{expression}"  # many-to-many, and such
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found


def stretches(moments: list[float]) -> Iterator[tuple[float, float]]:
    """First and last of each run of evaluations without a gap."""
    begin = last = moments[0]
    for moment in moments[1:]:
        if moment - last > SCRAPE:
            yield begin, last
            begin = moment
        last = moment
    yield begin, last


def notified(firings: Iterable[Firing], wait: int = 0) -> list[Firing]:
    """What the shipped inhibition rules let through, minute by minute; info never is notified.

    What is held back again within `wait` seconds is not told, as by a route's group_wait.
    """
    firings = list(firings)
    found = []
    for one in firings:
        if one.severity == "info":
            continue
        holding = [
            other for other in firings if other.begin <= one.end and one.begin <= other.end and holds(other, one)
        ]
        minutes = range(int(one.begin), int(one.end) + 1, SCRAPE)
        free = [float(at) for at in minutes if not any(other.begin <= at <= other.end for other in holding)]
        if free:
            for begin, end in stretches(free):
                if end - begin < wait:
                    continue
                found.append(replace(one, begin=begin, end=end, cut=one.cut and begin == one.begin))
    return found


def holds(source: Firing, target: Firing) -> bool:
    """Whether the one holds back the other while both fire."""
    above, below = dict(source.labels), dict(target.labels)
    for rule in INHIBITIONS:
        if not _match(rule.source, above) or not _match(rule.target, below):
            continue
        # Alertmanager: what matches both sides is not held back by what matches both sides (inhibit/inhibit.go).
        if _match(rule.source, below) and _match(rule.target, above):
            continue
        if all(above.get(label, "") == below.get(label, "") for label in rule.equal):
            return True
    return False


def _match(matchers: Iterable[str], labels: Mapping[str, str]) -> bool:
    for matcher in matchers:
        parts = re.fullmatch(r'(\w+)(=~|!~|!=|=)"(.*)"', matcher)
        assert parts, matcher
        found = labels.get(parts[1], "")
        same = re.fullmatch(parts[3], found) is not None if "~" in parts[2] else found == parts[3]
        if same is parts[2].startswith("!"):
            return False
    return True
