"""How long before its impact each failure was told: measured in a run, and kept in lead_times.json for the docs."""

import fcntl
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = ["FILE", "Told", "kept", "write"]

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


def write(order: Sequence[str], name: str, what: str, hurts: str, told: tuple[Told, ...]) -> None:
    """Keep one failure's, among those that are in the order. Several processes may do so at once."""
    with FILE.open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        rows = json.loads(file.read() or "{}")
        rows[name] = {"what": what, "hurts": hurts, "told": [asdict(one) for one in told]}
        file.truncate(0)
        file.write(json.dumps({key: rows[key] for key in order if key in rows}, indent=1, ensure_ascii=False) + "\n")
