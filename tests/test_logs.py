"""Log lines: one for each record, in UTC, and nobody can forge one."""

import contextlib
import io
import json
import logging
import os
import re
import select
import sys
import threading
import warnings
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.logs import JsonFormatter, TextFormatter, configure, printable


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """What `configure` sends lines to; the logging of the test run is put back."""
    root, hooks = logging.getLogger(), (threading.excepthook, sys.unraisablehook)
    handlers, level, raising = list(root.handlers), root.level, logging.raiseExceptions
    yield io.StringIO()
    root.handlers[:], root.level, logging.raiseExceptions = handlers, level, raising
    threading.excepthook, sys.unraisablehook = hooks
    root.setLevel(level)
    logging.captureWarnings(False)


def test_a_text_line_has_time_level_logger_and_message(stream: io.StringIO) -> None:
    configure("info", "text", stream)
    logging.getLogger("exporter.web.server").info("listening on %s", "http://127.0.0.1:1")
    logging.getLogger("exporter.web.server").debug("not this")
    form = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO exporter\.web\.server: listening on http://127\.0\.0\.1:1\n"
    assert re.fullmatch(form, stream.getvalue())


def test_clients_that_have_gone_fill_no_log(stream: io.StringIO) -> None:
    configure("debug", "text", stream)
    for level in (logging.DEBUG, logging.WARNING, logging.ERROR):
        logging.getLogger("asyncio").log(level, "socket.send() raised exception.")
    logging.getLogger("asyncio.x").warning("not this")
    assert re.findall("Z ([A-Z]+ [a-z.]+):", stream.getvalue()) == [
        "DEBUG asyncio",
        "ERROR asyncio",
        "WARNING asyncio.x",
    ]


def test_a_json_line_has_time_level_logger_and_message(stream: io.StringIO) -> None:
    configure("debug", "json", stream)
    logging.getLogger("exporter.x").debug("näme")
    fields = json.loads(stream.getvalue())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", fields.pop("time"))
    assert fields == {"level": "debug", "logger": "exporter.x", "message": "näme"}


@pytest.mark.parametrize("form", ["text", "json"])
def test_an_exception_stays_on_one_line(stream: io.StringIO, form: str) -> None:
    configure("info", form, stream)
    try:
        raise ValueError("two\nlines")
    except ValueError:
        logging.getLogger("exporter.x").exception("it failed")
    line = stream.getvalue()
    assert line.count("\n") == 1
    assert "it failed" in line
    assert r"ValueError: two\nlines [" in line
    assert "test_logs.py:" in line


def test_a_moment_is_utc() -> None:
    record = logging.LogRecord("a", logging.INFO, "", 0, "m", None, None)
    record.created, record.msecs = 0.25, 250.0
    assert TextFormatter().format(record) == "1970-01-01T00:00:00.250Z INFO a: m"


@pytest.mark.parametrize(
    "forged",
    [
        "a\n2026-01-01T00:00:00.000Z INFO x: y",
        "a\r\nb",
        "a\x1b[2Jb",
        "a\x85b",
        "a\u2028b",
        "a\u202eb",
        "a\x00b",
        "\x7f",
    ],
)
def test_a_message_cannot_forge_a_line_or_steer_a_terminal(stream: io.StringIO, forged: str) -> None:
    for form in ("text", "json"):
        configure("info", form, stream)
        logging.getLogger("x").warning("seen: %s", forged)
    lines = stream.getvalue().split("\n")
    assert len(lines) == 3
    assert all(line.isprintable() for line in lines)
    assert json.loads(lines[1])["message"] == f"seen: {forged}"


@given(st.text())
def test_any_text_is_printable_and_nothing_readable_is_lost(text: str) -> None:
    shown = printable(text)
    assert len(shown.splitlines()) <= 1
    assert not re.search("[\x00-\x1f\x7f-\x9f]", shown)
    assert shown == text or not text.isprintable()


@given(st.text())
def test_any_message_is_one_json_line(message: str) -> None:
    record = logging.LogRecord("a", logging.INFO, "", 0, message, (), None)
    line = JsonFormatter().format(record)
    assert line.isascii()
    assert len(line.splitlines()) == 1
    assert json.loads(line)["message"] == message


def test_warnings_and_the_end_of_a_thread_are_records(stream: io.StringIO) -> None:
    configure("info", "text", stream)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        logging.captureWarnings(True)
        warnings.warn("a warning", stacklevel=1)

    def fail() -> None:
        raise RuntimeError("gone")

    thread = threading.Thread(target=fail, name="watch-csrs")
    thread.start()
    thread.join()
    lines = stream.getvalue().splitlines()
    assert len(lines) == 2
    assert "WARNING py.warnings: " in lines[0]
    assert "ERROR exporter.logs: thread watch-csrs ended | RuntimeError: gone [" in lines[1]


def test_an_error_that_nobody_can_be_told_of_is_a_record(stream: io.StringIO) -> None:
    class Half:
        def __del__(self) -> None:
            raise AttributeError("no such half")

    configure("info", "text", stream)
    Half()
    (line,) = stream.getvalue().splitlines()
    assert "ERROR exporter.logs: a destructor failed | AttributeError: no such half [" in line


@pytest.mark.skipif(not hasattr(select, "poll"), reason="Windows")
@pytest.mark.usefixtures("stream")
def test_lines_that_nobody_reads_are_lost_and_hold_nobody_up() -> None:
    """A runtime that hangs would take the scrapes with it, and keep the process from its end."""
    reader, writer = os.pipe()
    with open(reader, "rb", buffering=0) as read, open(writer, "w", encoding="utf-8") as full:
        os.set_blocking(writer, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(writer, b"x" * 512)
        os.set_blocking(writer, True)
        configure("info", "text", full)

        def log() -> None:
            for number in range(50):
                logging.getLogger("x").info("line %d", number)

        thread = threading.Thread(target=log, daemon=True)
        thread.start()
        thread.join(20)
        waits = thread.is_alive()
        read.read(1 << 20)
        assert not waits
        logging.getLogger("x").info("again")
        lost, line = read.read(1 << 20).decode().splitlines()
        assert lost.endswith("WARNING exporter.logs: 50 lines before this one were lost: nobody read them")
        assert line.endswith("INFO x: again")
        logging.getLogger("x").info("and again")
        assert read.read(1 << 20).count(b"\n") == 1


def test_a_stream_that_is_closed_loses_lines_and_nothing_else(
    stream: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    configure("info", "text", stream)
    stream.close()
    logging.getLogger("x").error("nobody hears this")
    assert capsys.readouterr().err == ""
