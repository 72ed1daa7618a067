"""Tries planted faults, one after another, in a copy of the project: python -m tools.mutants.worker cold | warm.

Reads a JSON object a line: the file, its text with the fault, the tests to run, the seconds they may take. Writes one a
line: the test that failed first, how pytest ended where the fault ended it, nothing where no test failed in that time.
Each trial is a fork of this process.

* cold: third-party packages are imported, the project is not. A trial collects the tests' files with the fault there.
* warm: every test is collected. A trial changes the functions that the fault is in, and runs tests at once: hundreds
  take the time that the other takes for one file. Answers `null` for what takes an import (tools.mutants.running).
"""

import contextlib
import functools
import gc
import json
import os
import resource
import select
import shutil
import signal
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TextIO

import pytest

from tools.mutants import running
from tools.mutants.mutant import function

__all__: list[str] = []

MEMORY = 6 * 1024**3

_HEAVY = (
    "hypothesis",
    "cryptography.x509",
    "kubernetes.client",
    "yaml",
    "msgspec",
    "h11",
    "rich.table",
    "bcrypt",
    "urllib3",
)
_FLAGS = (
    *("-q", "-n0", "--no-header", "-p", "no:cacheprovider", "--timeout=6"),
    *("-o", "addopts=--import-mode=importlib -p no:cloudcoil"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),  # of what is imported here before
)
Answer = Callable[[bytes], int]
Prepared = Callable[[dict[str, Any]], Callable[[Answer], int] | None]
"""A trial in; out what to run in its fork, or nothing where it cannot be planted here."""


class _First:
    """Notes the first test that fails."""

    def __init__(self) -> None:
        self.name = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Called by pytest for each phase of each test."""
        if report.failed and not self.name:
            self.name = report.nodeid

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Called by pytest for each file."""
        if report.failed and not self.name:
            self.name = report.nodeid


class _Warm(_First):
    """Instead of running all tests, runs those that standard input names."""

    def __init__(self, served: Callable[[Prepared], None]) -> None:
        super().__init__()
        self._served = served
        self._items: dict[str, list[pytest.Item]] = defaultdict(list)
        self._caches: list[Any] = []

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Called by pytest when everything is collected."""
        for item in session.items:
            self._items[item.nodeid].append(item)
            if function(item.nodeid) != item.nodeid:
                self._items[function(item.nodeid)].append(item)
        functions = running.live(Path("exporter").resolve())
        self._caches = running.caches()
        gc.freeze()
        _keep_nothing_compiled()
        self._served(lambda trial: self._prepared(trial, functions))
        return True

    def _prepared(self, trial: dict[str, Any], functions: running.Live) -> Callable[[Answer], int] | None:
        file = Path(trial["file"]).resolve()
        sound = file.read_text(encoding="utf-8")
        changes = [] if trial["source"] == sound else running.changes(file, sound, trial["source"], functions)
        if changes is None:
            return None
        items = list(dict.fromkeys(item for test in trial["tests"] for item in self._items.get(test, ())))
        return lambda answer: self._run(changes, items, answer)

    def _run(self, changes: Sequence[running.Change], items: Sequence[pytest.Item], answer: Answer) -> int:
        for one, code in changes:
            one.__code__ = code
        for cache in self._caches:
            cache.cache_clear()
        for item, following in zip(items, [*items[1:], None], strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if self.name:
                answer(self.name.encode())
                break
        return 0


def _cold(trial: dict[str, Any]) -> Callable[[Answer], int]:
    def run(answer: Answer) -> int:
        first = _First()
        code = int(pytest.main([*trial["tests"], "-x", *_FLAGS], plugins=[first]))
        # 1 is failed tests; 2 and 4 are what files come to that cannot be imported.
        if code in {1, 2, 4}:
            answer((first.name or f"exit {code}").encode())
        return 0 if code in {0, 1, 2, 4} else code

    return run


def _serve(asked: TextIO, answers: int, prepared: Prepared) -> None:
    """Try what is asked for until it ends."""
    for line in asked:
        trial = json.loads(line)
        run = prepared(trial)
        killer = None if run is None else _with_fault(Path(trial["file"]), trial["source"], run, trial["seconds"])
        os.write(answers, json.dumps({"killer": killer}).encode() + b"\n")


def _with_fault(file: Path, source: str, run: Callable[[Answer], int], seconds: float) -> str:
    """Processes that a test starts read the file: the fault is in it while the tests run."""
    kept = file.read_bytes()
    for compiled in (file.parent / "__pycache__").glob(f"{file.stem}.*.pyc"):
        compiled.unlink()
    try:
        file.write_text(source, encoding="utf-8")
        return _tried(run, seconds)
    finally:
        file.write_bytes(kept)


def _tried(run: Callable[[Answer], int], seconds: float) -> str:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        code = 9
        try:
            os.setsid()
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))  # a loop that never ends may collect for ever
            _silence((0, 1, 2))
            code = run(lambda told: os.write(writing, told))
        finally:
            os._exit(code)
    os.close(writing)
    ended, said = time.monotonic() + seconds, b""
    while (left := ended - time.monotonic()) > 0:
        if select.select([reading], [], [], left)[0]:
            said += (more := os.read(reading, 65536))
            if not more:
                break
    os.close(reading)
    killed = left <= 0
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    for left_over in Path(tempfile.gettempdir()).glob("pytest-of-*"):
        shutil.rmtree(left_over, ignore_errors=True)
    ended_with = os.waitstatus_to_exitcode(status)
    if not said and not killed and ended_with not in {0, -signal.SIGKILL}:
        return f"exit {ended_with}"  # the fault ended pytest itself
    return said.decode()


def _keep_nothing_compiled() -> None:
    """From here on, what is imported may have the fault in it."""
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"


def _silence(descriptors: Iterable[int]) -> None:
    silent = os.open(os.devnull, os.O_RDWR)
    for descriptor in descriptors:
        os.dup2(silent, descriptor)


def main(kind: str) -> None:
    """Serve, cold or warm, until standard input ends."""
    # pytest takes what is at 0, 1 and 2 for its tests.
    served = functools.partial(_serve, os.fdopen(os.dup(0)), os.dup(1))
    _silence((0, 1))
    if kind == "warm":
        slow = [f"--ignore=tests/{name}" for name in SLOW]
        pytest.main(["tests", *slow, *_FLAGS], plugins=[_Warm(served)])
        return
    for name in _HEAVY:
        with contextlib.suppress(ImportError):
            __import__(name)
    _keep_nothing_compiled()
    served(_cold)


SLOW = ("apiserver", "browser", "chart", "e2e", "fuzz", "grafana", "image", "judgement", "mutants", "rules", "year")
"""Their tests start servers and browsers, or are about what is not code: a fault of the code is not tried with them."""

if __name__ == "__main__":
    main(sys.argv[1])
