"""Which tests are for a planted fault: those that run its line, the most particular first.

What coverage.py measured with a context for each test says which they are (`make mutants` measures it first). A line
that runs at import is tried with the tests that run a line which names what it gives a value, else with those of any
line of its module, or of the modules that import it; one that only processes run, which tests start and which have no
contexts, with the tests that speak of its module most.
"""

import ast
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import coverage

from tools.generated import ROOT
from tools.mutants.code import TOP, room_of
from tools.mutants.mutant import Located, function, module

__all__ = ["MOST", "SLOW", "Selection"]

MOST = 200
"""Tests for one fault in a running process: what none of so many notices counts as unnoticed."""
OWN = 15
"""A constant's tests that go by its lines, then as many of the file named after its module: few can be tried."""
SLOW = 0.5
"""Seconds beyond which a test is tried last."""


@dataclass(slots=True)
class Selection:
    """The tests that run a line, from a coverage data file."""

    data: coverage.CoverageData
    _lines: dict[str, dict[int, list[str]]] = field(default_factory=dict)
    _imported: dict[str, set[int]] = field(default_factory=dict)
    _runs: Counter[str] = field(default_factory=Counter)
    _functions: set[str] = field(default_factory=set)
    _unmeasured: list[str] | None = None
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
            for file in _tests("tests"):
                names = re.findall(r"^(?:async )?def (test_\w+)", _text(file), re.MULTILINE)
                self._functions |= {f"{file}::{name}" for name in names}
        return self._functions

    def lines(self, name: str) -> Mapping[int, list[str]]:
        """Line to tests, of one file of the project."""
        if name not in self._lines:
            measured = next((file for file in self.data.measured_files() if file.endswith(f"/{name}")), "")
            contexts = self.data.contexts_by_lineno(measured) if measured else {}
            self._imported[name] = {line for line, found in contexts.items() if "" in found}
            self._lines[name] = {
                line: sorted(
                    {test for context in found if function(test := context.split("|", 1)[0]) in self._present()}
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
        found = measured = ran or self._of_name(one) or self._of_module(one.file)
        if not measured:
            for importer in _importers(one.file):
                found = [*found, *self._of_module(importer)]
        room = _beginning(one.mutant.room)
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
            speaking = _speaking(one.file)
            own = [test for test in speaking if f"/test_{stem}.py::" in test][:OWN]
            first_of_all = chosen[: MOST // 3] if measured else []
            chosen = list(dict.fromkeys([*first_of_all[:OWN], *own, *first_of_all, *speaking, *chosen]))
        elif len(chosen) < OWN:  # a test that failed when the lines were measured is not among theirs
            quick = [test for test in chosen if test not in self._slow]
            chosen = list(dict.fromkeys([*quick, *_speaking(one.file)[:OWN], *chosen]))
        chosen = list(dict.fromkeys([*chosen[: MOST // 10], *self._new(one), *chosen]))
        chosen = [test for test in chosen if test.startswith("tests/") and test != first][:MOST]
        return [first, *chosen] if function(first) in self._present() else chosen

    def _new(self, one: Located) -> list[str]:
        """The test functions of its room that were written since the lines were measured, of files that name it."""
        if self._unmeasured is None:
            self._unmeasured = sorted(self._present() - {function(test) for test in self._runs})
        stem = Path(one.file).stem
        return [
            test
            for test in self._unmeasured
            if test.startswith(_beginning(one.mutant.room)) and stem in _text(test.split("::")[0])
        ]

    def imported(self, one: Located) -> bool:
        """Whether the line runs at import, or while tests are collected."""
        self.lines(one.file)
        return one.line in self._imported[one.file]

    def _of_name(self, one: Located) -> list[str]:
        """Of a constant or a field, which has its value at import: the tests of the lines that name it."""
        name = _named(one.file, one.line)
        word = re.compile(rf"\b{re.escape(name)}\b")
        return [
            test
            for file in (one.file, *_importers(one.file))
            for line, text in enumerate(_text(file).splitlines(), 1)
            if name and word.search(text)
            for test in self.lines(file).get(line, ())
        ]

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


def _beginning(room: str) -> str:
    """What the paths of a room's tests begin with."""
    return "tests/test_" if room == TOP else f"tests/{room}/"


def _tests(folder: str) -> list[str]:
    """The files of tests below a folder."""
    return [file.relative_to(ROOT).as_posix() for file in (ROOT / folder).rglob("test_*.py")]


@cache
def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@cache
def _assignments(name: str) -> tuple[tuple[int, int, str], ...]:
    """First and last line of each assignment at the top of a module or of a class, and the name it gives a value."""
    tree = ast.parse(_text(name))
    bodies = [tree.body, *(node.body for node in ast.walk(tree) if isinstance(node, ast.ClassDef))]
    found = []
    for node in (node for body in bodies for node in body):
        target: ast.expr | None = node.target if isinstance(node, ast.AnnAssign) else None
        if isinstance(node, ast.Assign):
            target = node.targets[0]
        if isinstance(target, ast.Name):
            found.append((node.lineno, node.end_lineno or node.lineno, target.id))
    return tuple(found)


def _named(name: str, line: int) -> str:
    return next((target for first, last, target in _assignments(name) if first <= line <= last), "")


@cache
def _speaking(name: str) -> tuple[str, ...]:
    """The tests of a module's room, and of its importers' rooms, that have the words of its name: those named after it
    go first, then those with most of its words, then those whose file has them most often.
    """
    rooms = {room_of(file.removeprefix("exporter/")) for file in (name, *_importers(name))}
    stem = Path(name).stem
    words = [re.compile(rf"(?<![a-z]){word}") for word in stem.split("_")]
    found = []
    for room in rooms:
        for file in (one for one in _tests("tests") if one.startswith(_beginning(room))):
            whole = _text(file)
            often = sum(len(word.findall(whole)) for word in words)
            for body in re.split(r"^(?=(?:async )?def |@)", whole, flags=re.MULTILINE):
                if often and (test := re.match(r"(?:async )?def (test_\w+)", body)):
                    said = sum(bool(word.search(body)) for word in words)
                    place = f"{file}::{test[1]}"
                    found.append((stem not in place, -said, -often, place))
    return tuple(place for *_, place in sorted(found))


@cache
def _importers(name: str) -> tuple[str, ...]:
    """The modules of the program that import one."""
    dotted = f"exporter.{module(name)}"
    parent, _, last = dotted.rpartition(".")
    pattern = re.compile(
        rf"^\s*(from {re.escape(dotted)} import|from {re.escape(parent)} import .*\b{last}\b)", re.MULTILINE
    )
    files = (file.relative_to(ROOT).as_posix() for file in sorted((ROOT / "exporter").rglob("*.py")))
    return tuple(file for file in files if pattern.search(_text(file)))
