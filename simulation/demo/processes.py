"""Real agents as subprocesses: a command line in, a ready server's address out; none is left behind."""

import contextlib
import os
import re
import subprocess
import sys
import threading
import time
import urllib.request
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import urlsplit

__all__ = ["Process", "ProcessError", "StoppedError", "outputs", "stop_all"]

LISTENING = re.compile(r"listening on (http://\S+)$")
LINES_KEPT = 40
REAL = re.compile(r"AKSCERT_|AZURE_|KUBE|NODE_NAME$|HOST_IP$")
"""Environment variables with settings, credentials and places of the user's own."""


class ProcessError(Exception):
    """A process did not do what it must; the message holds what it wrote on standard error."""


class StoppedError(Exception):
    """The order to stop came meanwhile."""


class Process:
    """One server. To be started by the main thread: on Linux the process ends with the thread that started it."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        url: str = "",
        ready: str = "/readyz",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """`url`: where it serves, if that is known beforehand; an agent says it. `ready`: answers 200 once it is.

        `environment` is added to ours, of which nothing reaches it that could lead to a real cluster.
        """
        self.name = name
        self.url = url
        """Where it serves; empty until an agent has said so."""
        self._ready_path = ready
        self._announced = threading.Event()
        self._lines: deque[str] = deque(maxlen=LINES_KEPT)
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and package, or a Prometheus
            [sys.executable, "-m", "simulation.demo.child_process", str(os.getpid()), *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env=_environment(environment),
            # A Ctrl-C at the terminal is for the demo, which then ends the others in order.
            process_group=0,
        )
        self._reader = threading.Thread(target=self._read, name=f"stderr of {name}", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as stream:
            for line in stream:
                self._lines.append(line.rstrip())
                if found := LISTENING.search(line.rstrip()):
                    self.url = found[1]
                    self._announced.set()
        self._announced.set()  # it has ended: nobody need wait any longer

    @property
    def words(self) -> str:
        """The last lines it wrote on standard error."""
        return "\n".join(self._lines) or "(it wrote nothing)"

    @property
    def address(self) -> tuple[str, int]:
        """Host and port where it serves."""
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or 0

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process.poll() is None

    @property
    def process_id(self) -> int:
        """The process's id."""
        return self._process.pid

    def wait_ready(self, timeout: float, stop: threading.Event) -> None:
        """Wait until /readyz answers 200.

        Raises ProcessError when the agent ends, or after so many seconds; StoppedError when `stop` is set.
        """
        until = time.monotonic() + timeout
        while not self._ready():
            if stop.is_set():
                raise StoppedError
            if not self.running:
                self._reader.join()
                raise ProcessError(f"{self.name} ended with status {self._process.wait()}:\n{self.words}")
            if time.monotonic() > until:
                raise ProcessError(f"{self.name} is not ready after {timeout:.0f} s:\n{self.words}")
            # Until it is announced only the process itself can make progress; then it is a matter of its sources.
            self._announced.wait(0.1) if not self.url else stop.wait(0.05)

    def _ready(self) -> bool:
        if not self.url:
            return False
        try:
            self.fetch(self._ready_path)
        except OSError:  # urllib's errors are such too: not listening any more, or 503
            return False
        return True

    def fetch(self, path: str) -> str:
        """The body of a GET. Raises OSError, of which urllib's errors are a kind."""
        with urllib.request.urlopen(f"{self.url}{path}", timeout=10) as answer:  # noqa: S310 - http, by LISTENING
            body: bytes = answer.read()
        return body.decode()

    def ask_to_stop(self) -> None:
        """Send SIGTERM."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()

    def join(self, timeout: float) -> None:
        """Wait for its end, and kill it after so many seconds."""
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()


def outputs(commands: Mapping[str, Sequence[str]], timeout: float = 60.0) -> dict[str, tuple[int, str]]:
    """Exit status and standard output of each of our command lines, run side by side. Raises ProcessError."""
    running = {
        name: subprocess.Popen(  # noqa: S603 - our own interpreter and package
            [sys.executable, "-m", "simulation.demo.child_process", str(os.getpid()), *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=_environment(),
            process_group=0,
        )
        for name, command in commands.items()
    }
    found = {}
    try:
        for name, process in running.items():
            try:
                output, complaints = process.communicate(timeout=timeout)
            except subprocess.TimeoutExpired:
                raise ProcessError(f"{name} does not end within {timeout:.0f} s") from None
            found[name] = (process.returncode, output)
            if complaints.strip():
                raise ProcessError(f"{name} complains:\n{complaints.strip()}")
    finally:
        for process in running.values():
            if process.poll() is None:
                process.kill()
                process.communicate()
    return found


def _environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Ours, of which nothing goes on that could lead to a real cluster."""
    return {name: value for name, value in os.environ.items() if not REAL.match(name)} | dict(more or {})


def stop_all(processes: Iterable[Process], timeout: float = 5.0) -> None:
    """End them side by side; whoever has not ended in time is killed."""
    processes = tuple(processes)
    for process in processes:
        process.ask_to_stop()
    until = time.monotonic() + timeout
    for process in processes:
        process.join(max(0.1, until - time.monotonic()))
