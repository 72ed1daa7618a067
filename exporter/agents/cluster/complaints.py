"""Failures and answers of the sources in, lines of the log out: each failure once, an outage of the API server once.

While the API server cannot be reached every one of its sources fails, each with words that change from try to try:
refused, reset, for a moment forbidden, expired. That is one event.
"""

import logging
from collections.abc import Iterable

from exporter.facts.source import Failure
from exporter.reason import Reason, Source

__all__ = ["Complaints"]

log = logging.getLogger(__name__)

UNREACHED = frozenset(
    {
        Reason.DNS,
        Reason.REFUSED,
        Reason.UNREACHABLE,
        Reason.RESET,
        Reason.TIMEOUT,
        Reason.TLS_ALERT,
        Reason.TLS_PROTOCOL,
        Reason.SERVER_ERROR,
    }
)
PATIENCE = 6
"""So many other failures of one source in a row, and they are no part of the outage: a server that starts refuses what
it will allow a second later.
"""


class Complaints:
    """What the log was told. Owned by one thread."""

    def __init__(self, of_one_server: Iterable[Source]) -> None:
        """`of_one_server`: the sources that fail together."""
        self._together = frozenset(of_one_server)
        self._said: dict[Source, str] = {}
        self._outage = False
        self._hit: dict[Source, int] = {}
        """Those that failed in the outage and have not answered since; how often in a row with other reasons."""

    def failed(self, source: Source, failures: tuple[Failure, ...]) -> None:
        """The source did not answer."""
        words = "; ".join(f"{failure.reason}: {failure.words}" for failure in failures)
        if self._said.get(source) == words:  # once, and not at every try
            return
        if source in self._together and self._part_of_outage(source, failures, words):
            return
        self._said[source] = words
        log.warning("%s: %s", source, words)

    def answered(self, source: Source) -> None:
        """The source answers."""
        if self._outage and source in self._together:
            self._outage = False
            log.info("the API server answers again")
        self._hit.pop(source, None)
        if source in self._said:
            del self._said[source]
            log.info("%s: answers again", source)

    def _part_of_outage(self, source: Source, failures: tuple[Failure, ...], words: str) -> bool:
        lost = all(failure.reason in UNREACHED for failure in failures)
        if lost and not self._outage and source not in self._said and source not in self._hit:
            self._outage = True
            self._hit = {source: 0}
            log.warning("the API server does not answer: %s (%s first)", words, source)
            return True
        if lost and not self._outage:  # others were answered meanwhile: it is this one's own trouble
            return False
        if not self._outage and source not in self._hit:
            return False
        self._hit[source] = 0 if lost else self._hit.get(source, 0) + 1
        return self._hit[source] < PATIENCE
