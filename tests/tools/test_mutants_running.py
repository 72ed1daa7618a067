"""Planting a fault in a process that runs: only where that comes to the same as an import."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from exporter.facts.signature import signed_by
from tools.generated import ROOT
from tools.mutants import running, worker

MODULE = '''
"""Docs."""
import functools

LIMIT = 3


def above(number, limit=LIMIT):
    return number > limit


@functools.cache
def cached(number):
    return [each for each in range(number) if each > 1]


def holding(number):
    def inner():
        return number + 1

    return inner


held = holding(4)


class Thing:
    word = "one"

    @property
    def twice(self):
        return self.word * 2


def early():
    return 1


EARLY = early()
'''
Module = tuple[Path, ModuleType]


@pytest.fixture
def module(tmp_path: Path) -> Module:
    """A file, and the module that it was imported as."""
    file = tmp_path / "planted_module.py"
    file.write_text(MODULE, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("planted_module", file)
    assert spec
    assert spec.loader
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return file, made


def planted(module: Module, old: str, new: str) -> bool:
    """Plant what a replacement makes of the file, in the running module; whether that can be done."""
    file, _ = module
    changes = running.changes(file, MODULE, MODULE.replace(old, new), running.live(file.parent))
    for function, code in changes or ():
        function.__code__ = code
    return changes is not None


@pytest.mark.parametrize(
    ("old", "new", "call", "result"),
    [
        ("number > limit", "number >= limit", lambda made: made.above(3), True),
        ("each > 1", "each > 0", lambda made: made.cached.__wrapped__(3), [1, 2]),
        ("self.word * 2", "self.word * 3", lambda made: made.Thing().twice, "oneoneone"),
        ("number + 1", "number - 1", lambda made: made.holding(4)(), 3),
        ("number + 1", "number - 1", lambda made: made.held(), 3),
        (
            "def above(number, limit=LIMIT):\n    return number > limit",
            "def above(number, limit=LIMIT): return None",
            lambda made: made.above(4),
            None,
        ),
    ],
)
def test_the_body_of_a_function_is_changed_wherever_it_is_held(
    module: Module, old: str, new: str, call: Callable[[ModuleType], object], result: object
) -> None:
    assert planted(module, old, new)
    assert call(module[1]) == result


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("LIMIT = 3", "LIMIT = 4"),
        ("limit=LIMIT", "limit=None"),
        ('word = "one"', 'word = "two"'),
        ("@functools.cache\n", ""),
        ("number + 1", "2"),  # holds nothing of the outer function any more: what was made at import cannot be that
        ("class Thing:", "class Other:"),
    ],
)
def test_what_an_import_does_is_not_planted(module: Module, old: str, new: str) -> None:
    assert old in MODULE
    assert not planted(module, old, new)


def test_nothing_to_change_is_nothing_that_can_be_planted(module: Module) -> None:
    assert not planted(module, "number > limit", "number > limit")


def test_a_function_that_nobody_holds_is_not_planted(module: Module) -> None:
    file, _ = module
    assert running.changes(file, MODULE, MODULE.replace("number > limit", "number < limit"), {}) is None


def test_the_tests_that_are_not_tried_are_those_that_have_a_lane_of_their_own_or_are_about_no_code() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (lanes,) = re.findall(r"^SLOW := (.*)$", makefile, re.MULTILINE)
    assert {f"tests/{name}" for name in worker.SLOW} == {*lanes.split(), "tests/rules", "tests/chart"}


def test_the_caches_of_the_project_are_found_and_no_others() -> None:
    kept = running.caches()
    assert signed_by in kept
    assert all(str(one.__module__).startswith(("exporter", "simulation", "tests")) for one in kept)


PROJECT = {
    "exporter/__init__.py": "",
    "exporter/sums.py": "LIMIT = 2\n\n\ndef above(number):\n    return number > LIMIT\n",
    "tests/test_sums.py": """
import subprocess, sys

from exporter.sums import above


def test_above():
    assert above(3)


def test_in_a_process():
    called = "from exporter.sums import above; print(above(2))"
    said = subprocess.run([sys.executable, "-c", called], capture_output=True)
    assert said.stdout == b"False\\n"
""",
    "pyproject.toml": "[tool.pytest.ini_options]\n",
}


TRIALS: dict[str, list[tuple[str, str, str | None]]] = {
    "warm": [
        ("number > LIMIT", "number < LIMIT", "tests/test_sums.py::test_above"),
        ("number > LIMIT", "number >= LIMIT", "tests/test_sums.py::test_in_a_process"),
        ("number > LIMIT", "LIMIT < number", ""),
        ("LIMIT = 2", "LIMIT = 4", None),
        ("nothing that is there", "", ""),
    ],
    "cold": [
        ("LIMIT = 2", "LIMIT = 4", "tests/test_sums.py::test_above"),
        ("LIMIT = 2", "LIMIT = 2.5", ""),
        ("LIMIT = 2", "1 / 0", "tests/test_sums.py"),
    ],
}


@pytest.mark.parametrize("kind", TRIALS)
def test_a_worker_says_which_test_notices(tmp_path: Path, kind: str) -> None:
    """And leaves the file as it was."""
    for name, text in PROJECT.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    tests = ["tests/test_sums.py::test_above", "tests/test_sums.py::test_in_a_process"]
    source = PROJECT["exporter/sums.py"]
    trials = [
        {"file": "exporter/sums.py", "source": source.replace(old, new), "tests": tests, "seconds": 30}
        for old, new, _ in TRIALS[kind]
    ]
    said = subprocess.run(
        [sys.executable, "-m", "tools.mutants.worker", kind],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}", "TMPDIR": str(tmp_path)},
        input="".join(json.dumps(trial) + "\n" for trial in trials),
        capture_output=True,
        text=True,
        check=True,
    )
    found = [json.loads(line)["killer"] for line in said.stdout.splitlines()]
    assert found == [killer for *_, killer in TRIALS[kind]]
    assert (tmp_path / "exporter/sums.py").read_text(encoding="utf-8") == source
