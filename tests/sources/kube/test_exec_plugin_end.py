"""How a credential plugin ends: by itself, when its time is over, or with whoever started it."""

import atexit
import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest

from exporter.facts.kube.kubeconfig_entries import KubeconfigError
from exporter.sources.kube.exec_plugin import (
    _end,
    _output,
)
from tests.sources.forked import forked
from tests.sources.kube.plugins import NAME, TOKEN, ended, plugin, printing, ran


@pytest.mark.parametrize(
    ("complaint", "words"),
    [
        ("", "did not end within 1 s"),
        ('echo enter ABC >&2; : >"$1"; ', "did not end within 1 s. It said last: enter ABC"),
    ],
)
def test_one_that_does_not_end_is_ended_with_all_that_it_started(tmp_path: Path, complaint: str, words: str) -> None:
    """C4: what it started is in its process group, and would wait for ever."""
    pids = tmp_path / "pids"
    script = f'{complaint}sleep 600 & echo $! $$ >"$2"; wait'
    with pytest.raises(KubeconfigError) as raised:
        ran(plugin(script, str(tmp_path / "said"), str(pids)), patience=1.0)
    assert str(raised.value) == f"{NAME} {words}"
    for pid in map(int, pids.read_text().split()):
        assert ended(pid)


def test_a_child_that_is_left_behind_keeps_nobody_waiting() -> None:
    """It holds the pipes open after the plugin has ended."""
    began = time.monotonic()
    assert ran(plugin('printf %s "$1"; sleep 3 & ', TOKEN), patience=0.2).token == "abc"
    assert time.monotonic() - began < 2.0


EXITS = """
import sys, threading, time
from pathlib import Path
from exporter.facts.kube.kubeconfig_entries import Cluster, ExecPlugin
from exporter.sources.kube.exec_plugin import run_plugin

script, file, answer = sys.argv[1:]
plugin = ExecPlugin("/bin/sh", ("-c", script, "sh", file, answer), (), "client.authentication.k8s.io/v1", "", False, "")
if "&" in script:
    run_plugin(plugin, Cluster(), "", 0.2)
else:
    threading.Thread(target=run_plugin, args=(plugin, Cluster(), "", 60.0), daemon=True).start()
    while not Path(file).exists() or not Path(file).read_text():
        time.sleep(0.005)
"""


def exited(folder: Path, script: str) -> int:
    """What a program's plugin wrote to its file; the program exits then, and there is nobody to ask."""
    file = folder / "file"
    command = [sys.executable, "-c", EXITS, script, str(file), TOKEN]
    subprocess.run(command, check=True, timeout=15, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return int(file.read_text())


def test_a_program_that_exits_ends_its_plugin(tmp_path: Path) -> None:
    """With what that started."""
    started = """sh -c 'echo $$ >"$1"; exec sleep 600' sh "$1"; true"""
    assert ended(exited(tmp_path, started))


def slow_to_know(frame: FrameType, event: str, _argument: object) -> None:
    """A profiler: whoever starts a process gets to know of it late."""
    if event == "return" and frame.f_code is subprocess.Popen.__init__.__code__:
        time.sleep(0.3)


@pytest.mark.parametrize("profiler", [None, slow_to_know])
def test_its_group_ends_with_whoever_exits_meanwhile(
    tmp_path: Path, profiler: Callable[[FrameType, str, object], None] | None
) -> None:
    """In a fork, which does what a program does at its exit; be it in the middle of the plugin's start."""
    file = tmp_path / "file"
    one = plugin("""sh -c 'echo $$ >"$1"; exec sleep 600' sh "$1"; true""", str(file))

    def work() -> object:
        atexit._clear()
        threading.setprofile(profiler)
        threading.Thread(target=ran, args=(one,), daemon=True).start()
        while not file.exists() or not file.read_text():
            time.sleep(0.001)
        atexit._run_exitfuncs()
        return int(file.read_text())

    pid = forked(work)
    assert isinstance(pid, int)
    assert ended(pid)


def test_a_program_exits_whatever_its_plugin_left_behind(tmp_path: Path) -> None:
    os.kill(exited(tmp_path, 'sleep 20 & printf %s "$2"; echo $! >"$1"'), signal.SIGKILL)


def test_one_that_has_ended_is_not_remembered() -> None:
    """A credential is had anew every hour or so, for weeks."""
    before = [id(one) for one in gc.get_objects() if isinstance(one, subprocess.Popen)]
    assert printing(TOKEN).token == "abc"
    with pytest.raises(KubeconfigError):
        ran(plugin("exec sleep 600"), patience=0.0)
    gc.collect()
    assert [one for one in gc.get_objects() if isinstance(one, subprocess.Popen) and id(one) not in before] == []


def test_whoever_is_interrupted_meanwhile_ends_it() -> None:
    """Ctrl+C, say: the plugin is not left behind."""

    class Interrupted(subprocess.Popen[bytes]):
        waits: tuple[float | None, ...] = ()

        def wait(self, timeout: float | None = None) -> int:
            self.waits += (timeout,)
            if len(self.waits) == 1:
                raise KeyboardInterrupt
            return super().wait(timeout)

    process = Interrupted(["sleep", "600"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    with pytest.raises(KeyboardInterrupt):
        _output(process, "sleep", 20.0, whole_group=True)
    assert (process.returncode, process.waits) == (-signal.SIGKILL, (20.0, 1))


def test_one_that_has_ended_already_is_ended_without_a_word() -> None:
    for whole_group in (True, False):
        with subprocess.Popen(["true"], start_new_session=True) as process:
            process.wait()
            _end(process, whole_group=whole_group)
            assert process.returncode == 0
