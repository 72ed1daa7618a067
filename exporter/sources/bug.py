"""An exception that nobody foresaw in, the failure of the source that was asked out: told everywhere, and survived."""

import logging
import traceback

from exporter.facts.source import Failure
from exporter.reason import Reason

__all__ = ["bug"]

_log = logging.getLogger(__name__)


def bug(what: str, error: Exception) -> Failure:
    """The failure, with the exception's type and the line it came from: its own words may quote what was read."""
    frames = traceback.extract_tb(error.__traceback__)
    at = f" at {frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else ""
    words = f"a bug in this program: {type(error).__name__}{at}; the log level debug shows the trace to report"
    _log.debug("%s: %s", what, words, exc_info=error)
    return Failure(Reason.BUG, words)
