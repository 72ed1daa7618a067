"""Text in, standard output out: quiet where nobody reads on, one line where it cannot be written."""

import contextlib
import io
import os
import sys
from typing import TextIO

from exporter.logs import printable

__all__ = ["OutputError", "complain", "settle", "standard_output", "write_out"]


class OutputError(Exception):
    """What was to be printed cannot be. The message is one line."""


def write_out(text: str) -> bool:
    """Print the text. Raises OutputError; a reader that has gone, such as `head`, is no error. Whether one is there."""
    stream = standard_output()
    try:
        stream.write(text if text.endswith("\n") else f"{text}\n")
        stream.flush()
    except BrokenPipeError:
        _abandon()
        return False
    except (OSError, ValueError) as error:
        _abandon()
        raise OutputError(f"standard output: {getattr(error, 'strerror', None) or error}") from None
    return True


def standard_output() -> TextIO:
    """Where to print. Raises OutputError where it is closed; characters that it cannot take are escaped."""
    stream: TextIO | None = sys.stdout
    if stream is None or stream.closed:
        raise OutputError("standard output is closed")
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    return stream


def settle() -> None:
    """What is still to be printed, by argparse for one, goes out now. Raises OutputError."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _abandon()
    except (OSError, ValueError) as error:
        _abandon()
        raise OutputError(f"standard output: {getattr(error, 'strerror', None) or error}") from None


def complain(line: str) -> None:
    """One line on standard error, if there is one: what it quotes, such as a file's name, ends it no earlier."""
    if sys.stderr is None:
        return
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"{printable(line)}\n")
        sys.stderr.flush()


def _abandon() -> None:
    """Nothing more goes out, and Python does not try again when it ends."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
