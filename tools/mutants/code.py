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
from xml.etree import ElementTree

import coverage

from tools.generated import ROOT
from tools.mutants.mutant import Located, Mutant, module
from tools.mutants.python import planted

__all__ = ["ROOMS", "SECONDS", "SLOW", "Bench", "Selection", "files", "mutants", "of_file"]

ROOMS = ("facts", "findings", "families", "sources", "web", "check", "agents")
MOST = 200
"""Tests for one fault in a running process: what none of so many notices counts as unnoticed."""
FUNCTIONS = 30
"""Test functions for one that takes an import."""
SECONDS = 45.0
"""For all of them, and a third of it in a running process: what none notices by then counts as unnoticed."""
SLOW = 0.5
"""Seconds beyond which a test is tried last."""


def files(room: str) -> list[str]:
    """The modules of a package, by their paths below the root."""
    return sorted(file.relative_to(ROOT).as_posix() for file in (ROOT / "exporter" / room).rglob("*.py"))


def mutants(room: str) -> list[Located]:
    """Every planted fault of a package."""
    return [each for file in files(room) for each in of_file(file)]


def of_file(name: str) -> Iterator[Located]:
    """Every planted fault of a file, by its path below the root."""
    room = name.split("/")[1]
    for one in planted((ROOT / name).read_text(encoding="utf-8")):
        place = f"{module(name)}.{one.function}" if one.function else module(name)
        yield Located(Mutant(room, place, one.what, one.source), name, one.line)


@dataclass(slots=True)
class Selection:
    """The tests that run a line, from a coverage data file."""

    data: coverage.CoverageData
    _lines: dict[str, dict[int, list[str]]] = field(default_factory=dict)
    _imported: dict[str, set[int]] = field(default_factory=dict)
    _runs: Counter[str] = field(default_factory=Counter)
    _functions: set[str] = field(default_factory=set)
    _slow: frozenset[str] = frozenset()

    @classmethod
    def read(cls, file: Path) -> "Selection":
        """Of a file that `pytest --cov=exporter --cov-context=test` wrote, and of what `--junitxml` did beside it."""
        data = coverage.CoverageData(str(file))
        data.read()
        selection = cls(data, _slow=_slow(file.with_name(f"{file.name}.xml")))
        for measured in sorted(data.measured_files()):
            for tests in selection.lines(f"exporter/{measured.rpartition('/exporter/')[2]}").values():
                selection._runs.update(tests)
        return selection

    def _present(self) -> set[str]:
        """The test functions that there are now, each as its file and name."""
        if not self._functions:
            for file in (ROOT / "tests").rglob("test_*.py"):
                names = re.findall(r"^(?:async )?def (test_\w+)", file.read_text(encoding="utf-8"), re.MULTILINE)
                self._functions |= {f"{file.relative_to(ROOT).as_posix()}::{name}" for name in names}
        return self._functions

    def lines(self, name: str) -> Mapping[int, list[str]]:
        """Line to tests, of one file of the project."""
        if name not in self._lines:
            measured = next((file for file in self.data.measured_files() if file.endswith(f"/{name}")), "")
            contexts = self.data.contexts_by_lineno(measured) if measured else {}
            self._imported[name] = {line for line, found in contexts.items() if "" in found}
            self._lines[name] = {
                line: sorted(
                    {test for context in found if _function(test := context.split("|", 1)[0]) in self._present()}
                )
                for line, found in contexts.items()
            }
        return self._lines[name]

    def tests(self, one: Located, first: str = "") -> list[str]:
        """The tests for a fault: those of its line, at most MOST.

        By how few lines they run: a test that runs little is about what it runs. The lines of one that is not named
        after the module count twice, as do those of another room's. One that waits for something goes last, and one
        that is known to notice first.
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
            key=lambda test: (
                test in self._slow,
                self._runs[test] * (1 + (stem not in test)) * (1 + (not test.startswith(room))),
                test,
            ),
        )
        if not ran:
            first_of_all = chosen[: MOST // 3] if measured else []
            chosen = list(dict.fromkeys([*first_of_all, *_speaking(one.file), *chosen]))
        chosen = list(dict.fromkeys([*chosen[: MOST // 10], *self._new(one), *chosen]))
        chosen = [test for test in chosen if test.startswith("tests/") and test != first][:MOST]
        return [first, *chosen] if _function(first) in self._present() else chosen

    def _new(self, one: Located) -> list[str]:
        """The test functions of its room that were written since the lines were measured, of files that name it."""
        known = {_function(test) for test in self._runs}
        stem = Path(one.file).stem
        return [
            test
            for test in sorted(self._present() - known)
            if test.startswith(f"tests/{one.mutant.room}/") and stem in _text(test.split("::")[0])
        ]

    def imported(self, one: Located) -> bool:
        """Whether the line runs at import, or while tests are collected."""
        self.lines(one.file)
        return one.line in self._imported[one.file]

    def _of_module(self, name: str) -> list[str]:
        return sorted({test for tests in self.lines(name).values() for test in tests})


def _slow(report: Path) -> frozenset[str]:
    """The tests that took more than SLOW seconds, from JUnit's report; none where there is no report."""
    if not report.exists():
        return frozenset()
    return frozenset(
        f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name')}"
        for case in ElementTree.parse(report).iter("testcase")  # noqa: S314 - of our own making
        if float(case.get("time", 0)) > SLOW
    )


@cache
def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


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
            for body in re.split(r"^(?=(?:async )?def |@)", whole, flags=re.MULTILINE):
                if often and (test := re.match(r"(?:async )?def (test_\w+)", body)):
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


def _function(test: str) -> str:
    """The function of a test: its name without its parameters."""
    return test.split("[", 1)[0]


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
        return self._noticing("cold", one, list(dict.fromkeys(map(_function, tests)))[:FUNCTIONS], seconds) or ""

    def _noticing(self, kind: str, one: Located, tests: list[str], seconds: float) -> str | None:
        left = [test for test in tests if test not in self._failing]
        while left and (killer := self._first(kind, one.file, one.mutant.planted, left, seconds)) != "":
            test = next((each for each in (killer, _function(killer or "")) if each in left), None)
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
