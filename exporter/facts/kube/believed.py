"""A moment that a server's object claims in; the moment that is believed out: never ahead of the later of two clocks.

The clocks are ours and the API server's. What lies ahead of both was written by a clock that was wrong then: a request
from tomorrow would be newer than every real one, and a lease from next year alive until then.
"""

from collections.abc import Hashable

__all__ = ["MARGIN", "Believed", "latest"]

MARGIN = 5.0
"""Seconds that a claim may be ahead without a word: the API server's clock is read off a header of whole seconds."""


def latest(now: float, offset: float | None) -> float:
    """The later of the two clocks: Unix seconds of ours, and how far the API server's is ahead."""
    return now + max(0.0, offset or 0.0)


class Believed:
    """Remembers when a claim from the future was first heard: that moment is believed for as long as it is claimed."""

    def __init__(self) -> None:
        self._ahead: dict[Hashable, tuple[float, float]] = {}

    def time(self, key: Hashable, claimed: float, latest: float) -> float:
        """What is believed of a claim. `key`: whose claim it is."""
        known = self._ahead.get(key)
        if known is not None and known[0] == claimed:
            return known[1]
        if claimed <= latest:
            self._ahead.pop(key, None)
            return claimed
        self._ahead[key] = (claimed, latest)
        return latest

    def ahead(self, key: Hashable) -> float:
        """Seconds by which the claim is ahead of what is believed; 0 within the margin."""
        if (known := self._ahead.get(key)) is None:
            return 0.0
        seconds = known[0] - known[1]
        return seconds if seconds > MARGIN else 0.0

    def forget(self, key: Hashable) -> None:
        """Nobody claims it any more."""
        self._ahead.pop(key, None)
