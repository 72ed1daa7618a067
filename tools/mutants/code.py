"""Faults planted in the code, each tried with the tests that run its line: python -m tools.mutants code …

Which test runs which line is what coverage.py measured with a context for each test (`make mutants` measures it first).
A line that runs at import is tried with the tests that run any line of its module, or of the modules that import it;
one that only processes run, which tests start and which have no contexts, with the tests that speak of its module most.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import coverage

from tools.generated import ROOT
from tools.mutants.mutant import Located, Mutant
from tools.mutants.python import planted

__all__ = ["ROOMS", "SECONDS", "Bench", "Selection", "mutants", "of_file"]

ROOMS = ("facts", "findings", "families", "sources", "web", "check", "agents")
MOST = 60
"""Test functions for one fault: what none of so many notices counts as unnoticed."""
SECONDS = 90.0
"""For all of them: what none of them notices by then counts as unnoticed."""


def mutants(room: str) -> list[Located]:
    """Every planted fault of a package."""
    files = sorted((ROOT / "exporter" / room).rglob("*.py"))
    return [each for file in files for each in of_file(file.relative_to(ROOT).as_posix())]


def of_file(name: str) -> Iterator[Located]:
    """Every planted fault of a file, by its path below the root."""
    file, room = ROOT / name, name.split("/")[1]
    module = name.removesuffix(".py").removeprefix("exporter/").replace("/", ".").removesuffix(".__init__")
    for one in planted(file.read_text(encoding="utf-8")):
        place = f"{module}.{one.function}" if one.function else module
        yield Located(Mutant(room, place, one.what, one.source), name, one.line)


@dataclass(slots=True)
class Selection:
    """The tests that run a line, from a coverage data file."""

    data: coverage.CoverageData
    _lines: dict[str, dict[int, list[str]]] = field(default_factory=dict)
    _runs: Counter[str] = field(default_factory=Counter)
    _functions: set[str] = field(default_factory=set)

    @classmethod
    def read(cls, file: Path) -> "Selection":
        """Of a file that `pytest --cov=exporter --cov-context=test` wrote."""
        data = coverage.CoverageData(str(file))
        data.read()
        selection = cls(data)
        for measured in sorted(data.measured_files()):
            for tests in selection.lines(f"exporter/{measured.rpartition('/exporter/')[2]}").values():
                selection._runs.update(tests)
        return selection

    def _present(self) -> set[str]:
        """The test functions that there are now, each as its file and name."""
        if not self._functions:
            for file in (ROOT / "tests").rglob("test_*.py"):
                names = re.findall(r"^def (test_\w+)", file.read_text(encoding="utf-8"), re.MULTILINE)
                self._functions |= {f"{file.relative_to(ROOT).as_posix()}::{name}" for name in names}
        return self._functions

    def lines(self, name: str) -> Mapping[int, list[str]]:
        """Line to tests, of one file of the project."""
        if name not in self._lines:
            measured = next((file for file in self.data.measured_files() if file.endswith(f"/{name}")), "")
            contexts = self.data.contexts_by_lineno(measured) if measured else {}
            self._lines[name] = {
                line: sorted(
                    {context.split("|", 1)[0].split("[", 1)[0] for context in found if context} & self._present()
                )
                for line, found in contexts.items()
            }
        return self._lines[name]

    def tests(self, one: Located, first: str = "") -> list[str]:
        """The tests for a fault: those of its line, at most MOST.

        By how few lines they run: a test that runs little is about what it runs, and is quick. The lines of one that is
        not named after the module count twice, as do those of another room's. One that is known to notice goes first.
        """
        ran = self.lines(one.file).get(one.line)
        found = measured = ran or self._of_module(one.file)
        if not measured:
            for importer in _importers(one.file):
                found = [*found, *self._of_module(importer)]
        room = f"tests/{one.mutant.room}/"
        stem = Path(one.file).stem
        chosen = sorted(
            set(found),
            key=lambda test: (self._runs[test] * (1 + (stem not in test)) * (1 + (not test.startswith(room))), test),
        )
        if not ran:
            first_of_all = chosen[: MOST // 3] if measured else []
            chosen = list(dict.fromkeys([*first_of_all, *_speaking(one.file), *chosen]))
        known = first.split("[", 1)[0]
        chosen = [test for test in chosen if test.startswith("tests/") and test != known][:MOST]
        return [known, *chosen] if known in self._present() else chosen

    def _of_module(self, name: str) -> list[str]:
        return sorted({test for tests in self.lines(name).values() for test in tests})


@cache
def _speaking(name: str) -> tuple[str, ...]:
    """The tests of a module's room, and of its importers' rooms, that have the words of its name: those named after it
    go first, then those with most of its words, then those whose file has them most often.
    """
    rooms = {file.split("/")[1] for file in (name, *_importers(name))}
    stem = Path(name).stem
    words = [re.compile(rf"(?<![a-z]){word}") for word in stem.split("_")]
    found = []
    for room in rooms:
        for file in (ROOT / "tests" / room).rglob("test_*.py"):
            whole = file.read_text(encoding="utf-8")
            often = sum(len(word.findall(whole)) for word in words)
            for body in re.split(r"^(?=def |@)", whole, flags=re.MULTILINE):
                if often and (test := re.match(r"def (test_\w+)", body)):
                    said = sum(bool(word.search(body)) for word in words)
                    place = f"{file.relative_to(ROOT).as_posix()}::{test[1]}"
                    found.append((stem not in place, -said, -often, place))
    return tuple(place for *_, place in sorted(found))


@cache
def _importers(name: str) -> tuple[str, ...]:
    """The modules of the program that import one."""
    module = name.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
    parent, _, last = module.rpartition(".")
    pattern = re.compile(
        rf"^\s*(from {re.escape(module)} import|from {re.escape(parent)} import .*\b{last}\b)", re.MULTILINE
    )
    return tuple(
        file.relative_to(ROOT).as_posix()
        for file in sorted((ROOT / "exporter").rglob("*.py"))
        if pattern.search(file.read_text(encoding="utf-8"))
    )


class Bench:
    """A copy of the project with a worker in it, in which faults are tried one after another."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._passing: set[str] = set()
        self._failing: set[str] = set()
        listed = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True, text=True
        )
        for name in listed.stdout.splitlines():
            if (ROOT / name).is_file():
                (directory / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, directory / name)
        environment = {**os.environ, "PYTHONPATH": str(directory), "CI": "true"}
        # What pytest makes of the tests' files is kept, so that no trial has to make it again.
        for prepared in (("compileall", "-q", "exporter", "simulation"), ("pytest", "-q", "-n0", "--collect-only")):
            command = [sys.executable, "-m", *prepared]
            subprocess.run(command, cwd=directory, env=environment, check=True, capture_output=True)
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
        self._worker = subprocess.Popen(
            [sys.executable, "-m", "tools.mutants.worker"],
            cwd=directory,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def caught(self, one: Located, tests: list[str], seconds: float = SECONDS) -> str:
        """The test that notices, or nothing where none does. Files or functions, in the order given.

        A test that fails without the fault as well notices nothing.
        """
        left = [test for test in tests if test not in self._failing]
        while left and (killer := self._first(one.file, one.mutant.planted, left, seconds)):
            test = killer.split("[", 1)[0]
            if test not in left or self._passes(one.file, test):
                return killer
            left = [each for each in left if each != test]
        return ""

    def _passes(self, file: str, test: str) -> bool:
        if test not in self._passing:
            same = (self._directory / file).read_text(encoding="utf-8")
            (self._failing if self._first(file, same, [test], SECONDS) else self._passing).add(test)
        return test in self._passing

    def _first(self, file: str, source: str, tests: list[str], seconds: float) -> str:
        """The first test that fails with this text of a file."""
        assert self._worker.stdin
        assert self._worker.stdout
        trial = {"file": file, "source": source, "tests": tests, "seconds": seconds}
        self._worker.stdin.write(json.dumps(trial) + "\n")
        self._worker.stdin.flush()
        killer: str = json.loads(self._worker.stdout.readline())["killer"]
        return killer

    def close(self) -> None:
        """End the worker."""
        assert self._worker.stdin
        assert self._worker.stdout
        self._worker.stdin.close()
        self._worker.wait()
        self._worker.stdout.close()
