"""What a process inherits from whoever started it: signals, limits, streams."""

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from simulation.api.server import write_kubeconfig
from tests.web.test_tls import comes

PYTHON = (sys.executable, "-m", "exporter")


def run(*arguments: str, before: Callable[[], object]) -> subprocess.CompletedProcess[str]:
    """`before`: what the parent did."""
    return subprocess.run(
        [*PYTHON, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        preexec_fn=before,
    )


def kubeconfig(folder: Path, user: dict[str, object]) -> Path:
    """Of a cluster where nobody is."""
    content = {
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    return write_kubeconfig(folder / "config", content)


def files(most: int) -> Callable[[], object]:
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def unhandled() -> None:
    """What a shell gives."""


def blocked() -> None:
    """A supervisor that waits for its signals by sigwait blocks them, and so do its children."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


@pytest.mark.parametrize("before", [unhandled, blocked])
@pytest.mark.parametrize("command", ["node", "cluster"])
def test_a_server_ends_in_order_from_its_first_moment_on(
    command: str, before: Callable[[], None], tmp_path: Path
) -> None:
    """C8's neighbour: as a container's first process it would not even hear a SIGTERM that it does not handle."""
    os.mkfifo(slow := tmp_path / "settings.yaml")
    with subprocess.Popen(
        [*PYTHON, command, "--config.file", str(slow)],
        stderr=subprocess.PIPE,
        preexec_fn=before,  # noqa: PLW1509 - one thread
    ) as started:
        try:
            assert comes(lambda: _read(slow) or started.poll() is not None)
            started.terminate()
            assert started.wait(20) == 0
            assert started.stderr is not None
            assert started.stderr.read() == b""
        finally:
            started.kill()


def _read(fifo: Path) -> bool:
    """Whether somebody waits for what it says; it is held open and says nothing."""
    try:
        os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return False
    return True


def test_a_kubeconfig_that_never_comes_is_waited_for_no_longer_than_the_look(tmp_path: Path) -> None:
    """C4: `--timeout` is over everything."""
    os.mkfifo(path := tmp_path / "config")
    ended = run("check", "--kubeconfig", str(path), "--timeout", "1s", before=unhandled)
    assert (ended.returncode, ended.stdout) == (3, "")
    assert ended.stderr == f"aks-cert-exporter: kubeconfig {path}: no answer in time\n"


def test_a_plugin_that_fails_is_seen_where_ended_children_are_ignored(tmp_path: Path) -> None:
    """C4: a parent that ignores SIGCHLD makes every child seem to end with 0."""
    (plugin := tmp_path / "plugin").write_text("#!/bin/sh\necho no login today >&2\nexit 3\n")
    plugin.chmod(0o700)
    run_it = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin), "interactiveMode": "Never"}
    path = kubeconfig(tmp_path, {"exec": run_it})
    ended = run("check", "--kubeconfig", str(path), before=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
    assert (ended.returncode, ended.stderr) == (3, "")
    assert "exec: plugin ended with status 3: no login today" in " ".join(ended.stdout.split())


def test_an_agent_that_has_too_few_descriptors_says_so_in_lines_like_all_others(tmp_path: Path) -> None:
    """The event loop that cannot be made, and what Python says of the half of it that there is."""
    ended = run(
        *("node", "--host-root", str(tmp_path), "--kubelet-address", "", "--log.format", "json"),
        *("--web.listen-address", "127.0.0.1:0"),
        before=files(6),
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    told = [json.loads(line) for line in ended.stderr.splitlines()]
    (end,) = (line for line in told if line["level"] == "critical")
    assert end["message"] == "the node agent ends: Too many open files"


@pytest.mark.parametrize(
    ("command", "status", "told"),
    [
        ("check", 3, "aks-cert-exporter: Too many open files"),
        ("cluster", 1, " CRITICAL exporter.cli: the cluster agent ends: Too many open files | OSError: "),
    ],
)
def test_a_lack_of_the_system_s_is_no_bug(command: str, status: int, told: str) -> None:
    """And of a look no verdict."""
    script = (
        "import resource, sys\n"
        "from exporter.cli import main, parser\n"
        "parser()\n"  # what it needs is there already
        "resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))\n"
        f"sys.exit(main(['{command}']))\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (status, "")
    (line,) = ended.stderr.splitlines()
    assert told in line


@pytest.mark.parametrize("command", ["node", "check"])
def test_a_usage_error_is_nothing_for_standard_output(command: str) -> None:
    """C5: not even where standard error is closed; and what it quotes steers no terminal."""
    line = ["bash", "-c", '"$@" 2>&-', "bash", *PYTHON, command, "--nosuch"]
    ended = subprocess.run(line, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (3 if command == "check" else 2, "")
    shown = run(command, "\x1b[2J", before=unhandled).stderr
    assert shown.endswith("error: unrecognized arguments: \\x1b[2J\n")
    assert shown.startswith(f"usage: aks-cert-exporter {command} ")


INTERRUPTED = """
import sys

class Finder:
    def find_spec(self, name, *_):
        if name == "exporter.cli":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Finder())
import exporter.__main__ as entry
sys.exit(getattr(entry, sys.argv[1])())
"""


@pytest.mark.parametrize("entry", ["main", "kubectl_plugin", "kubectl_completion"])
def test_an_interruption_is_one_from_the_first_moment_on(entry: str) -> None:
    """While the program is still being imported."""
    ended = subprocess.run([sys.executable, "-c", INTERRUPTED, entry], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")


@pytest.mark.parametrize(("redirected", "why"), [(">/dev/full", ": No space left on device"), (">&-", " is closed")])
def test_a_completion_that_cannot_be_printed_is_one_line(redirected: str, why: str) -> None:
    """C5."""
    script = "import sys; from exporter.__main__ import kubectl_completion; sys.exit(kubectl_completion())"
    line = ["bash", "-c", f'"$@" {redirected}', "bash", sys.executable, "-c", script, "check"]
    ended = subprocess.run(line, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (3, "")
    assert ended.stderr == f"aks-cert-exporter: standard output{why}\n"


IMPATIENT = """
import atexit, os, signal, sys
from exporter.__main__ import main
sys.argv[1:] = ["node", "--host-root", "/nonexistent"]
atexit.register(os.kill, os.getpid(), signal.SIGTERM)
sys.exit(main())
"""


def test_a_second_sigterm_does_not_interrupt_the_end() -> None:
    ended = subprocess.run([sys.executable, "-c", IMPATIENT], capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert ended.stderr.startswith("aks-cert-exporter: --host-root: not a directory")
    assert ended.stderr.count("\n") == 1
