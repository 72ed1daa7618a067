"""Faults planted in the code, and a bench on which they are tried."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tools.generated import ROOT
from tools.mutants.mutant import Located, Mutant, function, module
from tools.mutants.python import planted

__all__ = ["ROOMS", "SECONDS", "TOP", "Bench", "files", "mutants", "of_file", "room_of"]

TOP = "exporter"
"""The room of the modules that are in no package of exporter/."""
ROOMS = (
    *("facts", "findings", "families", "sources", "web", "documents", "pages", "check", "agents", "presets"),
    TOP,
)
FUNCTIONS = 30
"""Test functions for one that takes an import."""
SECONDS = 45.0
"""For all of them, and a third of it in a running process: what none notices by then counts as unnoticed."""


def files(room: str) -> list[str]:
    """The modules of a room, by their paths below the root."""
    exporter = ROOT / "exporter"
    found = exporter.glob("*.py") if room == TOP else (exporter / room).rglob("*.py")
    return sorted(file.relative_to(ROOT).as_posix() for file in found)


def room_of(place: str) -> str:
    """The room of a module, or of a package's part, by its path below exporter/."""
    room, _, below = place.partition("/")
    return room if below or not room.endswith(".py") else TOP


def mutants(room: str) -> list[Located]:
    """Every planted fault of a room."""
    return [each for file in files(room) for each in of_file(file)]


def of_file(name: str) -> Iterator[Located]:
    """Every planted fault of a file, by its path below the root."""
    room = room_of(name.removeprefix("exporter/"))
    for one in planted((ROOT / name).read_text(encoding="utf-8")):
        place = f"{module(name)}.{one.function}" if one.function else module(name)
        yield Located(Mutant(room, place, one.what, one.source), name, one.line)


class Bench:
    """A copy of the project with two workers in it, in which faults are tried one after another."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory / "project"
        self._passing: set[str] = set()
        self._failing: set[str] = set()
        listed = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True, text=True
        )
        for name in listed.stdout.splitlines():
            if (ROOT / name).is_file():
                (self._directory / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self._directory / name)
        temporary = directory / "t"
        temporary.mkdir()
        self._environment = {
            **os.environ,
            "PYTHONPATH": str(self._directory),
            "CI": "true",
            "TMPDIR": str(temporary),
        }
        self._workers: dict[str, subprocess.Popen[str]] = {}

    def caught(self, one: Located, tests: list[str], seconds: float = SECONDS, *, imported: bool = False) -> str:
        """The test that notices, or nothing where none does. Tests, functions, or files, in the order given.

        In a running process where that does. In one that imports the module where it does not, or where the line runs
        at import as well. A test that fails without the fault too notices nothing.
        """
        warm = self._noticing("warm", one, tests, min(seconds, SECONDS / 3)) if one.file.endswith(".py") else None
        if warm or (warm is not None and not imported):
            return warm
        return self._noticing("cold", one, list(dict.fromkeys(map(function, tests)))[:FUNCTIONS], seconds) or ""

    def _noticing(self, kind: str, one: Located, tests: list[str], seconds: float) -> str | None:
        left = [test for test in tests if test not in self._failing]
        while left and (killer := self._first(kind, one.file, one.mutant.planted, left, seconds)) != "":
            test = next((each for each in (killer, function(killer or "")) if each in left), None)
            if test is None or self._passes(kind, one.file, test):
                return killer
            left = [each for each in left if each != test]
        return ""

    def _passes(self, kind: str, file: str, test: str) -> bool:
        if test not in self._passing:
            same = (self._directory / file).read_text(encoding="utf-8")
            (self._failing if self._first(kind, file, same, [test], SECONDS) else self._passing).add(test)
        return test in self._passing

    def _first(self, kind: str, file: str, source: str, tests: list[str], seconds: float) -> str | None:
        """The first test that fails with this text of a file; nothing where the worker cannot plant it."""
        worker = self._workers.get(kind) or self._workers.setdefault(kind, self._started(kind))
        assert worker.stdin
        assert worker.stdout
        trial = {"file": file, "source": source, "tests": tests, "seconds": seconds}
        worker.stdin.write(json.dumps(trial) + "\n")
        worker.stdin.flush()
        killer: str | None = json.loads(worker.stdout.readline())["killer"]
        return killer

    def _started(self, kind: str) -> subprocess.Popen[str]:
        if kind == "cold":  # what is made of the files is kept, so that no trial has to make it again
            for prepared in (("compileall", "-q", "exporter", "simulation"), ("pytest", "-q", "-n0", "--collect-only")):
                command = [sys.executable, "-m", *prepared]
                subprocess.run(command, cwd=self._directory, env=self._environment, check=True, capture_output=True)
        return subprocess.Popen(
            [sys.executable, "-m", "tools.mutants.worker", kind],
            cwd=self._directory,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def close(self) -> None:
        """End the workers."""
        for worker in self._workers.values():
            assert worker.stdin
            assert worker.stdout
            worker.stdin.close()
            worker.wait()
            worker.stdout.close()
