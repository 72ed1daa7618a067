"""What was measured, in results.json, and what no test can notice, in equivalents.yaml, both beside this module."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from tools.mutants.mutant import module

__all__ = ["EQUIVALENTS", "RESULTS", "Equivalent", "Measured", "equivalents", "excused", "read", "unnoticed", "write"]

RESULTS = Path(__file__).parent / "results.json"
EQUIVALENTS = Path(__file__).parent / "equivalents.yaml"


@dataclass(frozen=True, slots=True)
class Measured:
    """What became of a room's faults."""

    room: str
    present: int
    """Faults that can be planted there."""
    tried: Mapping[str, tuple[str, str]]
    """By the fault's name its file and the test that noticed, empty where none did."""


@dataclass(frozen=True, slots=True)
class Equivalent:
    """Faults that change nothing anybody could see, and why."""

    reason: str
    room: str
    names: frozenset[str]


def read(file: Path = RESULTS) -> dict[str, Measured]:
    """By room. In the file the faults of a place are below the test that noticed them, by what their names add."""
    content = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return {
        room: Measured(
            room,
            row["present"],
            {
                f"{_begin(place)}{rest}": (place, test)
                for place, noticed in row["tried"].items()
                for test, names in noticed.items()
                for rest in names
            },
        )
        for room, row in content.items()
    }


def write(measured: Iterable[Measured], file: Path = RESULTS) -> None:
    """Keep rooms' measurements beside those of the others."""
    kept = read(file) | {one.room: one for one in measured}
    content: dict[str, dict[str, object]] = {}
    for room, one in sorted(kept.items()):
        tried: dict[str, dict[str, list[str]]] = {}
        for name, (place, test) in sorted(one.tried.items(), key=lambda item: (item[1], item[0])):
            tried.setdefault(place, {}).setdefault(test, []).append(name.removeprefix(_begin(place)))
        content[room] = {"present": one.present, "tried": tried}
    file.write_text(json.dumps(content, indent=0, ensure_ascii=False) + "\n", encoding="utf-8")


def _begin(file: str) -> str:
    """What the names of a module's faults begin with; nothing for those of rules and chart."""
    return module(file) if file.startswith("exporter/") else ""


@cache
def equivalents() -> tuple[Equivalent, ...]:
    """Every entry of the list."""
    return tuple(
        Equivalent(one["reason"], one["room"], frozenset(one["mutants"]))
        for one in yaml.safe_load(EQUIVALENTS.read_text(encoding="utf-8")) or ()
    )


def excused(room: str) -> frozenset[str]:
    """The names that the list has for a room."""
    return frozenset(name for one in equivalents() if one.room == room for name in one.names)


def unnoticed(measured: Measured) -> list[str]:
    """What was tried, is not in the list, and no test noticed."""
    left = excused(measured.room)
    return sorted(name for name, (_, killer) in measured.tried.items() if not killer and name not in left)
