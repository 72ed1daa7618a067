"""Who is being waited for in, a line that says so out: on a terminal's standard error, and nowhere else."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

__all__ = ["progress"]


@contextmanager
def progress() -> Iterator[Callable[[Sequence[str]], None]]:
    """Call it with the names of those that have not answered yet. The line is gone at the end."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console

    with Console(stderr=True).status("Looking…") as status:
        yield lambda waiting: status.update(f"Waiting for {', '.join(waiting)}…")
