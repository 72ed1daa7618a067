"""An exception that nobody foresaw is told by its type and its place, and never by its words."""

import logging

import pytest

from exporter.facts.source import Failure
from exporter.reason import Reason
from exporter.sources.bug import bug


def raised() -> Exception:
    try:
        raise LookupError("what was read")
    except LookupError as error:
        return error


def test_a_bug_is_a_failure_with_the_line_it_came_from(caplog: pytest.LogCaptureFixture) -> None:
    """Its trace is in the log, for whoever asks for it."""
    caplog.set_level(logging.DEBUG, logger="exporter")
    error = raised()
    assert error.__traceback__
    line = error.__traceback__.tb_lineno
    words = f"a bug in this program: LookupError at test_bug.py:{line}; the log level debug shows the trace to report"
    assert bug("Azure", error) == Failure(Reason.BUG, words)
    (record,) = caplog.records
    assert (record.levelname, record.getMessage(), record.exc_info and record.exc_info[1]) == (
        "DEBUG",
        f"Azure: {words}",
        error,
    )


def test_one_that_was_never_raised_has_no_line() -> None:
    words = "a bug in this program: ValueError; the log level debug shows the trace to report"
    assert bug("x", ValueError("secret")) == Failure(Reason.BUG, words)
