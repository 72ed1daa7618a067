"""An agent of the demo ends with the demo, and cannot read what a mode forbids, whoever runs it."""

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from simulation.demo.child_process import end_with

OBEY = "from simulation.demo.child_process import obey_modes; obey_modes(); open({path!r}).read()"


def outcome(path: Path) -> tuple[int, str]:
    """Exit status and complaints of a process that gave up its rights and then reads the path."""
    command = [sys.executable, "-c", OBEY.format(path=str(path))]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return done.returncode, done.stderr


PARENT = """
import os, subprocess, sys, time
child = subprocess.Popen(
    [sys.executable, "-c",
     f"from simulation.demo.child_process import end_with; end_with({os.getpid()}); print('tied', flush=True); "
     "import time; time.sleep(60)"],
    stdout=subprocess.PIPE, text=True,
)
assert child.stdout.readline() == "tied\\n"
print(child.pid, flush=True)
time.sleep(60)
"""


def test_also_root_may_not_read_a_file_of_mode_0000(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x")
    secret.chmod(0)
    status, complaints = outcome(secret)
    assert status == 1
    assert "PermissionError" in complaints


def test_what_the_owner_may_read_stays_readable(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.write_text("x")
    own.chmod(0o600)
    assert outcome(own) == (0, "")


def test_a_process_whose_parent_has_gone_ends_at_once() -> None:
    with pytest.raises(SystemExit):
        end_with(os.getpid())


def test_a_process_ends_when_its_parent_is_killed() -> None:
    """Killed, the parent can tell nobody: the kernel does."""
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        waiting = os.pidfd_open(child)
        parent.kill()
    try:
        ended, _, _ = select.select([waiting], [], [], 20)
        assert ended, "the child outlived its parent"
    finally:
        os.close(waiting)
