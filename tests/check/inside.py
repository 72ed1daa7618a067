"""`check` in this process: with arguments, an environment and streams of its own, and all that it changes put back."""

import contextlib
import io
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping

from exporter.cli import main

__all__ = ["UNSET", "run"]

UNSET = ("AKSCERT_", "KUBE", "AZURE_", "HOST_IP", "COLUMNS")
"""How the names of variables begin that change what `check` does."""


def run(arguments: list[str], environment: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    """The exit status and what was printed. `environment`: beside that of the tests, without what is UNSET."""
    encoding = environment.get("PYTHONIOENCODING", "utf-8")
    streams = [io.TextIOWrapper(io.BytesIO(), encoding, newline="") for _ in range(2)]
    with _environment(environment), _logging(), contextlib.ExitStack() as redirected:
        redirected.enter_context(contextlib.redirect_stdout(streams[0]))
        redirected.enter_context(contextlib.redirect_stderr(streams[1]))
        try:
            status: object = main(arguments)
        except SystemExit as end:
            status = end.code
    assert isinstance(status, int)
    for stream in streams:
        stream.seek(0)
    return subprocess.CompletedProcess(arguments, status, *(stream.read() for stream in streams))


@contextlib.contextmanager
def _environment(given: Mapping[str, str]) -> Iterator[None]:
    former = dict(os.environ)
    try:
        for name in former:
            if name.startswith(UNSET):
                del os.environ[name]
        os.environ.update(given)
        yield
    finally:
        os.environ.clear()
        os.environ.update(former)


@contextlib.contextmanager
def _logging() -> Iterator[None]:
    root, hooks = logging.getLogger(), (threading.excepthook, sys.unraisablehook)
    handlers, level, raising = list(root.handlers), root.level, logging.raiseExceptions
    try:
        yield
    finally:
        root.handlers[:], logging.raiseExceptions = handlers, raising
        threading.excepthook, sys.unraisablehook = hooks
        root.setLevel(level)
        logging.captureWarnings(False)
