"""Looks and a deadline in; each look made in a thread of its own, and why some did not come to an end, out."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence

from exporter.facts.source import Failure
from exporter.reason import Reason
from exporter.sources.bug import bug
from exporter.thread import begin

__all__ = ["seconds_left", "together"]

LEAST = 0.1
"""Seconds for a look that begins at its deadline."""


def seconds_left(deadline: float, *, most: float, parts: int = 1) -> float:
    """Seconds for one look, or for each of its parts: those that are left to `deadline` (time.monotonic), or `most`."""
    return min(most, max(LEAST, deadline - time.monotonic()) / parts)


def together(
    looks: Mapping[str, Callable[[], object]], deadline: float, tell: Callable[[Sequence[str]], None]
) -> dict[str, Failure]:
    """Make all looks at once, until `deadline` (time.monotonic) and no longer; `tell` hears who is waited for.

    What is returned are the failures by name: of a look that has not ended, and of one that ended in an exception.
    """
    failures: dict[str, Failure] = {}

    def guarded(name: str, look: Callable[[], object]) -> None:
        try:
            look()
        except Exception as error:  # noqa: BLE001 - whatever it is, the look ends in an answer
            failures[name] = bug(name, error)

    threads = {
        name: threading.Thread(target=guarded, args=(name, look), name=name, daemon=True)
        for name, look in looks.items()
    }
    for name, thread in threads.items():
        try:
            begin(thread)
        except OSError:  # what has begun goes on
            failures[name] = Failure(Reason.ERROR, "no thread can be started")
    while waiting := [name for name, thread in threads.items() if thread.is_alive()]:
        left = deadline - time.monotonic()
        if left <= 0:
            break
        tell(waiting)
        threads[waiting[0]].join(min(0.1, left))
    late = {name: Failure(Reason.TIMEOUT, "no answer in time") for name, one in threads.items() if one.is_alive()}
    return {**late, **failures}
