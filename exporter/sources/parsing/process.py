"""A child process that parses: started, asked one thing at a time under a deadline, and ended when it is idle."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time

from exporter.sources.parsing.record import ANSWER, REQUEST, mapping
from exporter.thread import begin

__all__ = ["CODE", "Died", "ParserProcess", "Slow"]

LARGEST_ANSWER = 16 << 20
"""Bytes. The certificates of a file of 1 MiB, each with what it says in words, take a third of it."""
IDLE = 10.0
"""Seconds without a request after which it is ended."""
START = 10.0
"""Seconds from its start to its first word: 0.1 where nobody else wants the processor."""
ENDS = 1.0
"""Seconds to end by itself before it is killed."""

CODE = "import sys; sys.path[:] = sys.argv[1:]; from exporter.sources.parsing.child import main; main()"


class Died(Exception):
    """It ended without an answer, or gave one that is none."""

    def __init__(self, words: str, status: int | None = None) -> None:
        """`status`: as subprocess.Popen.returncode, None where it has not ended."""
        super().__init__(words)
        self.status = status


class Slow(Exception):
    """There was no answer in time."""


class ParserProcess:
    """One child. Not thread-safe, except that it ends itself when it is idle.

    It is a new interpreter and not a fork: it holds nothing of the agent's memory, and the agent has none of its.
    """

    def __init__(self, code: str = CODE, idle: float = IDLE) -> None:
        """Start it. Raises OSError where that cannot be done, Died or Slow where it does not get as far as its seal,
        and ValueError where its first word is no object.

        `code`: the Python that it runs, with the module search path as its arguments; `idle`: as IDLE.
        """
        nothing = os.open(os.devnull, os.O_RDONLY)  # a sealed agent may not open it for writing
        ours, theirs = socket.socketpair()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the same interpreter, with nothing from outside
                # -I and -S: neither the environment nor the working directory nor site decides what it runs.
                [sys.executable, "-I", "-S", "-B", "-c", code, *map(os.path.abspath, sys.path)],
                stdin=theirs.fileno(),
                stdout=nothing,
                stderr=nothing,
                env={},
                cwd="/",
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
            os.close(nothing)
        self._socket = ours
        self._used, self._idle = time.monotonic(), idle
        self._lock = threading.Lock()
        self._ended = threading.Event()
        first = self._answer(time.monotonic() + START)
        try:
            self.sealed = mapping(first)
            """How far the child says that it sealed itself."""
        except ValueError:
            self._kill()
            raise
        try:
            begin(threading.Thread(target=self._attend, name="parser", daemon=True))
        except OSError:  # the child itself may have been the last one allowed
            self._kill()
            raise

    def ask(self, kind: bytes, body: bytes, patience: float) -> bytes | None:
        """The answer to one request, within `patience` seconds; None where it had been ended before. Raises Died, Slow.

        After Died and Slow it is gone.
        """
        with self._lock:
            if self._ended.is_set():
                return None
            deadline = time.monotonic() + patience
            with contextlib.suppress(OSError):  # what became of it is met again by whoever waits for its answer
                self._socket.settimeout(patience)
                self._socket.sendall(REQUEST.pack(kind, len(body)) + body)
            answer = self._answer(deadline)
            self._used = time.monotonic()
            return answer

    def close(self) -> None:
        """End it."""
        with self._lock:
            self._kill()

    def kill(self) -> None:
        """End it at once, whatever it does. From any thread."""
        self._process.kill()

    def wait_until_ended(self) -> None:
        """Wait for its end, whoever brings it about."""
        self._ended.wait()

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def _answer(self, deadline: float) -> bytes:
        length = int.from_bytes(self._received(ANSWER.size, deadline), "big")
        if length > LARGEST_ANSWER:
            self._kill(0)
            raise Died("gave an answer that is too large")
        return self._received(length, deadline)

    def _received(self, length: int, deadline: float) -> bytes:
        found = bytearray()
        while len(found) < length:
            left = deadline - time.monotonic()
            try:
                if left <= 0:
                    raise TimeoutError
                self._socket.settimeout(left)
                piece = self._socket.recv(min(length - len(found), 1 << 20))
            except TimeoutError:
                self._kill(0)
                raise Slow from None
            except OSError:
                piece = b""
            if not piece:
                raise Died(*self._kill())
            found += piece
        return bytes(found)

    def _kill(self, patience: float = ENDS) -> tuple[str, int | None]:
        """Let it end within `patience` seconds or kill it; in words how it ended, and its status."""
        self._ended.set()
        with contextlib.suppress(OSError):
            self._socket.close()
        try:
            status = self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return "did not answer and did not end", self._process.wait()
        return (f"ended by signal {-status}" if status < 0 else f"ended with status {status}"), status

    def _attend(self) -> None:
        """End it when nobody has asked for a while."""
        while not self._ended.wait(max(self._used + self._idle - time.monotonic(), 0.01)):
            with self._lock:
                if time.monotonic() - self._used >= self._idle:
                    self._kill()
