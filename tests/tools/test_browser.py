"""The browser ends with whoever started it, however that ends."""

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

from tools.generated import ROOT

PARENT = """
import sys, time
from tools.browser import browser
with browser():
    print("started", flush=True)
    time.sleep(60)
"""


def test_a_killed_parent_leaves_no_browser_behind(tmp_path: Path) -> None:
    """The fake browser writes its number, and waits as a real one does."""
    fake = tmp_path / "chromium"
    fake.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/number\nexec sleep 60\n")
    fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    command = [sys.executable, "-c", PARENT]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        assert parent.stdout.readline() == "started\n"
        until = time.monotonic() + 30
        while not (tmp_path / "number").exists() or not (tmp_path / "number").read_text().strip():
            assert time.monotonic() < until, "the browser has not started"
        number = int((tmp_path / "number").read_text())
        os.kill(number, 0)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        while _alive(number):
            assert time.monotonic() < until, "the browser is still there"


def _alive(number: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
