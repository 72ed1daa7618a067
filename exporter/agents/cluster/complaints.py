"""Failures and answers of the sources in, lines of the log out: each failure once, an outage of the API server once.

While the API server cannot be reached every one of its sources fails, each with words that change from try to try:
refused, reset, for a moment forbidden, expired. That is one event.
"""

import logging
from collections.abc import Iterable

from exporter.facts.source import UNREACHED, Failure
from exporter.reason import Reason, Source

__all__ = ["Complaints"]

log = logging.getLogger(__name__)

PATIENCE = 6
"""So many other failures of one source in a row, and they are no part of the outage: a server that starts refuses what
it will allow a second later.
"""
OTHERS = 20
"""So many answers of other sources, and it is no outage of the server."""


class Complaints:
    """What the log was told. Owned by one thread."""

    def __init__(self, of_one_server: Iterable[Source]) -> None:
        """`of_one_server`: the sources that fail together."""
        self._together = frozenset(of_one_server)
        self._said: dict[Source, str] = {}
        self._hit: dict[Source, tuple[int, str]] = {}
        """Those that an outage has hit and that have not answered since; how often in a row with other reasons, and
        the words."""
        self._others: int  # answers of others since it began
        self._expired: dict[Source, int] = {}  # how often in a row a list's or watch's position had run out

    def failed(self, source: Source, failures: tuple[Failure, ...]) -> None:
        """The source did not answer."""
        words = "; ".join(f"{failure.reason}: {failure.words}" for failure in failures)
        if self._said.get(source) == words:  # once, and not at every try
            return
        if all(failure.reason is Reason.EXPIRED for failure in failures):
            self._expired[source] = self._expired.get(source, 0) + 1
            if self._expired[source] < PATIENCE:  # no trouble: a new list follows, and brings everything
                return
        if source in self._together and self._part_of_outage(source, failures, words):
            return
        self._hit.pop(source, None)
        self._said[source] = words
        log.warning("%s: %s", source, words)

    def noted(self, source: Source, words: str) -> None:
        """The source answered, and something about the answer is wrong."""
        log.warning("%s: %s", source, words)

    def answered(self, source: Source) -> None:
        """The source answers."""
        self._expired.pop(source, None)
        if self._said.pop(source, None) is not None:
            log.info("%s: answers again", source)
        if self._hit.pop(source, None) is not None:
            if not self._hit:
                log.info("the API server answers again")
        elif self._hit and source in self._together:
            self._others += 1
            if self._others >= OTHERS:
                for one, (_, words) in self._hit.items():
                    self._said[one] = words
                    log.warning("%s: %s", one, words)
                self._hit.clear()

    def _part_of_outage(self, source: Source, failures: tuple[Failure, ...], words: str) -> bool:
        lost = all(failure.reason in UNREACHED for failure in failures)
        if lost and not self._hit and source not in self._said:
            self._hit, self._others = {source: (0, words)}, 0
            log.warning("the API server does not answer: %s (%s first)", words, source)
            return True
        if not self._hit or not (lost or source in self._hit):
            return False
        count = 0 if lost else self._hit[source][0] + 1
        self._hit[source] = (count, words)
        return count < PATIENCE
