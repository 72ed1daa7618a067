"""Tries planted faults, one after another, in a copy of the project: python -m tools.mutants.worker, run there.

Reads a JSON object a line: the file, its text with the fault, the tests to run. Writes one a line: the test that failed
first, how pytest ended where the fault ended it, or nothing where no test failed in the time given. What tests import
again and again is imported once, here; each trial is a fork of this process.
"""

import contextlib
import json
import os
import resource
import select
import signal
import sys
import time
from pathlib import Path

import pytest

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
    *("-x", "-q", "-n0", "--no-header", "-p", "no:cacheprovider", "--timeout=30"),
    *("-o", "addopts=--import-mode=importlib -p no:cloudcoil"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),  # of what is imported here before
)


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


def _run(tests: list[str], answer: int) -> None:
    """In the fork: run the tests, tell the first that failed."""
    os.setsid()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))  # a loop that never ends may collect for ever
    silent = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(silent, descriptor)
    first = _First()
    code = pytest.main([*tests, *_FLAGS], plugins=[first])
    # 1 is failed tests; 2 and 4 are what files come to that cannot be imported.
    os.write(answer, (first.name or f"exit {int(code)}").encode() if code in {1, 2, 4} else b"")
    os._exit(0 if code in {0, 1, 2, 4} else int(code))


def _tried(tests: list[str], seconds: float) -> str:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            _run(tests, writing)
        finally:
            os._exit(9)
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
    ended_with = os.waitstatus_to_exitcode(status)
    if not said and not killed and ended_with not in {0, -signal.SIGKILL}:
        return f"exit {ended_with}"  # the fault ended pytest itself
    return said.decode()


def main() -> None:
    """Try what standard input names until it ends."""
    for name in _HEAVY:
        with contextlib.suppress(ImportError):
            __import__(name)
    sys.dont_write_bytecode = True
    for line in sys.stdin:
        trial = json.loads(line)
        file = Path(trial["file"])
        kept = file.read_bytes()
        for compiled in (file.parent / "__pycache__").glob(f"{file.stem}.*.pyc"):
            compiled.unlink()
        try:
            file.write_text(trial["source"], encoding="utf-8")
            began = time.monotonic()
            killer = _tried(trial["tests"], trial["seconds"])
        finally:
            file.write_bytes(kept)
        print(json.dumps({"killer": killer, "seconds": round(time.monotonic() - began, 1)}), flush=True)


if __name__ == "__main__":
    main()
