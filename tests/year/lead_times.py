"""How long before its impact each failure was told: measured in a run, and kept in lead_times.json for the docs."""

import fcntl
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = ["FILE", "Told", "differences", "kept", "write"]

FILE = Path(__file__).parent / "lead_times.json"


@dataclass(frozen=True, slots=True)
class Told:
    """One alert of one failure."""

    alert: str
    severity: str
    after: float
    """Seconds from when it broke to when it fired first."""
    before: float | None
    """Seconds from then to the impact, negative where that came first; None where nobody knows when it hurts."""


def kept() -> dict[str, tuple[Told, ...]]:
    """By the failure's name: those of the last update."""
    return {name: tuple(Told(**one) for one in row["told"]) for name, row in json.loads(FILE.read_text()).items()}


def differences(failure: str, documented: Sequence[Told], found: Sequence[Told], tolerance: float) -> Iterator[str]:
    """Each alert that fired where none is documented, or not, or at another time: `… fired 12 days too early in X`."""
    expected = {(one.alert, one.severity): one for one in documented}
    seen = {(one.alert, one.severity): one for one in found}
    for alert, severity in sorted({*expected, *seen}):
        name = f"{alert} ({severity})"
        if (alert, severity) not in seen:
            yield f"{name} never fired in {failure}"
        elif (alert, severity) not in expected:
            yield f"{name} fired {_span(seen[alert, severity].after)} after the beginning of {failure}, undocumented"
        else:
            late = seen[alert, severity].after - expected[alert, severity].after
            if abs(late) > tolerance:
                yield f"{name} fired {_span(abs(late))} too {'late' if late > 0 else 'early'} in {failure}"
            before = expected[alert, severity].before, seen[alert, severity].before
            if (before[0] is None) != (before[1] is None):
                yield f"{name} in {failure}: when it hurts was known, and is not, or the other way round"
            elif before[0] is not None and before[1] is not None and abs(before[0] - before[1]) > tolerance:
                yield f"{name} fired {_span(before[1])} before {failure} hurts, not {_span(before[0])}"


def _span(seconds: float) -> str:
    for unit, size in (("days", 86400), ("hours", 3600)):
        if abs(seconds) >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 60:.0f} minutes"


def write(order: Sequence[str], name: str, what: str, hurts: str, told: tuple[Told, ...]) -> None:
    """Keep one failure's, among those that are in the order. Several processes may do so at once."""
    with FILE.open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        rows = json.loads(file.read() or "{}")
        rows[name] = {"what": what, "hurts": hurts, "told": [asdict(one) for one in told]}
        file.truncate(0)
        file.write(json.dumps({key: rows[key] for key in order if key in rows}, indent=1, ensure_ascii=False) + "\n")
