"""The line that says who is being waited for: on a terminal's standard error, and never in what is piped on."""

import contextlib
import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from exporter.check.progress import progress
from simulation.node.scenarios import scenario
from simulation.node.simulated_node import build
from simulation.pki import Authority
from tests.pages.example import NOW


def test_the_line_is_for_a_terminal_alone(tmp_path: Path) -> None:
    """And gone at the end: the report goes to standard output, whole."""
    root = build(scenario("healthy"), tmp_path / "host", NOW, Authority.cluster(NOW)).root
    command = [sys.executable, "-m", "exporter", "check", "--host-root", str(root), "--node-name", "a"]
    command += ["--kubelet-address", "127.0.0.1:1", "--output", "json"]
    piped = subprocess.run(command, capture_output=True, check=False)
    assert piped.stderr == b""
    terminal, other = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color"}
    shown = subprocess.run(command, stdout=subprocess.PIPE, stderr=other, env=environment, check=False)
    os.close(other)
    told = os.read(terminal, 65536)
    os.close(terminal)
    assert b"Waiting for the" in told
    assert told.rstrip().endswith(b"\x1b[2K"), "the line is taken back"
    assert shown.returncode == piped.returncode
    assert shown.stdout.count(b"\n") == piped.stdout.count(b"\n")


@pytest.mark.parametrize(("waiting", "words"), [((), " Looking…"), (("a", "b"), " Waiting for a, b…")])
def test_what_is_waited_for_is_said_on_standard_error_and_taken_back(
    waiting: tuple[str, ...], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    terminal, other = pty.openpty()
    with (
        open(other, "w") as standard_error,
        contextlib.redirect_stderr(standard_error),
        contextlib.redirect_stdout(io.StringIO()) as standard_output,
        progress() as tell,
    ):
        if waiting:
            tell(waiting)
    told = b""
    with contextlib.suppress(OSError):  # its end, where nobody writes any more
        while part := os.read(terminal, 65536):
            told += part
    os.close(terminal)
    assert words in told.decode()
    assert told.rstrip().endswith(b"\x1b[2K")
    assert standard_output.getvalue() == ""


@pytest.mark.parametrize("error", [None, io.StringIO()])
def test_where_nobody_looks_nothing_is_said(error: io.StringIO | None) -> None:
    """As under pythonw, which has no standard error at all."""
    with (
        contextlib.redirect_stderr(error),
        contextlib.redirect_stdout(io.StringIO()) as standard_output,
        progress() as tell,
    ):
        tell(["a"])
    assert standard_output.getvalue() == ""
    assert error is None or error.getvalue() == ""
