"""A thread in; it runs, or an OSError says that there can be none."""

import errno
import os
import threading

__all__ = ["begin"]


def begin(thread: threading.Thread) -> None:
    """Start it. Raises OSError at the limit of processes, be it the system's or the container's (pids.max)."""
    try:
        thread.start()
    except RuntimeError:
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN)) from None
