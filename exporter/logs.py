"""Log records in, lines on standard error out: one line each, UTC, as text or JSON, and nobody can forge one."""

import json
import logging
import re
import select
import sys
import threading
import time
from typing import TextIO

__all__ = ["JsonFormatter", "TextFormatter", "configure", "printable"]

# C0 and C1 controls, the line and paragraph separators, and the marks that turn the reading direction.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """The text with every character escaped that could end a line, move the cursor or hide other characters."""
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


class TextFormatter(logging.Formatter):
    """`2026-11-24T09:10:11.123Z INFO exporter.web.server: listening on http://127.0.0.1:9964`."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, a traceback folded into it."""
        message = " | ".join(part for part in (record.getMessage(), _error(record)) if part)
        return printable(f"{_utc_time(record)} {record.levelname} {record.name}: {message}")


class JsonFormatter(logging.Formatter):
    """An object on one line with the fields time, level, logger and message, and error where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """One line of ASCII."""
        fields = {
            "time": _utc_time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if error := _error(record):
            fields["error"] = error
        return json.dumps(fields)


PATIENCE = 0.2
"""Seconds that whoever reads the lines may take before they are lost."""


class _Lines(logging.StreamHandler[TextIO]):
    """Loses a line rather than wait for good for whoever does not read: each thread logs, also those that answer."""

    lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        if not self._taken():
            self.lost += 1
            return
        if self.lost:
            words, self.lost = f"{self.lost} lines before this one were lost: nobody read them", 0
            super().emit(logging.LogRecord(__name__, logging.WARNING, __file__, 0, words, (), None))
        super().emit(record)

    def _taken(self) -> bool:
        """Whether a line can be written without waiting; of a pipe it is, where there is room for 4 KiB (pipe(7))."""
        if not hasattr(select, "poll"):  # Windows
            return True
        try:
            asked = select.poll()
            asked.register(self.stream, select.POLLOUT)
            return bool(asked.poll(0 if self.lost else PATIENCE * 1000))
        except (OSError, TypeError, ValueError):  # no file, or none any more: what becomes of it is met by writing
            return True


def configure(level: str, form: str, stream: TextIO | None = None) -> None:
    """Send all records of `level` and worse to standard error, in `form`: `text` or `json`.

    Warnings of Python, and errors that end a thread or that nobody can be told of, become records too, so that no line
    has another form.
    """
    handler = _Lines(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    handler.addFilter(_worth_a_line)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # A record that cannot be written, as on a closed pipe, is lost: to say so would need the same pipe.
    logging.raiseExceptions = False
    logging.captureWarnings(True)
    threading.excepthook = _thread_ended
    sys.unraisablehook = _untold


def _worth_a_line(record: logging.LogRecord) -> bool:
    # asyncio warns of every piece that is written to a client that has gone: whoever goes could fill a disk.
    return record.name != "asyncio" or record.levelno != logging.WARNING


def _thread_ended(arguments: threading.ExceptHookArgs) -> None:
    if arguments.exc_value is None or arguments.exc_type is SystemExit:
        return
    name = arguments.thread.name if arguments.thread else "?"
    trace = (arguments.exc_type, arguments.exc_value, arguments.exc_traceback)
    logging.getLogger(__name__).error("thread %s ended", name, exc_info=trace)


def _untold(found: "sys.UnraisableHookArgs") -> None:
    """An error in a destructor, such as that of an event loop for which there was no descriptor."""
    if found.exc_value is not None:
        trace = (found.exc_type, found.exc_value, found.exc_traceback)
        logging.getLogger(__name__).error("%s", found.err_msg or "a destructor failed", exc_info=trace)


def _utc_time(record: logging.LogRecord) -> str:
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{int(record.msecs):03d}Z"


def _error(record: logging.LogRecord) -> str:
    """What was raised and where: the message first, then file and line of each frame, innermost last."""
    if not record.exc_info or record.exc_info[1] is None:
        return ""
    _, error, trace = record.exc_info
    frames = []
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append(f"{code.co_filename}:{trace.tb_lineno}:{code.co_name}")
        trace = trace.tb_next
    return f"{type(error).__name__}: {error} [{' > '.join(frames)}]"
