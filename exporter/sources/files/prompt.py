"""Whether all of it is as it was, asked without waiting for a disk or a server: for the thread that serves everybody.

Paths are resolved from the kernel's caches or not at all (RESOLVE_CACHED), and only file systems whose files tell their
state from memory are asked: a file server or a FUSE daemon that hangs is met in another thread, under a deadline. What
is mounted later is noticed first.
"""

import contextlib
import os
import select
import threading
from collections.abc import Sequence

from exporter.sources.files.flags import flags
from exporter.sources.files.openat2 import file_system, open_cached, open_encoded
from exporter.sources.files.watch import Mark, as_marked

__all__ = ["Prompt"]

# <linux/magic.h>
_LOCAL = frozenset(
    {
        0xEF53,  # ext2, ext3, ext4
        0x58465342,  # XFS
        0x9123683E,  # Btrfs
        0x01021994,  # tmpfs
        0x858458F6,  # ramfs
        0x794C7630,  # overlay
        0xF2F52010,  # F2FS
        0x73717368,  # SquashFS
        0xE0F5E1E2,  # EROFS
    }
)
_OPEN = flags("O_PATH")


class Prompt:
    """Compares the states of paths below a root at once. Thread-safe: scrapes at once ask for leave at once."""

    def __init__(self, root: str, mounts: str = "/proc/self/mountinfo") -> None:
        """`mounts`: the kernel's table of mounts, which tells when it has changed (proc(5))."""
        self._root, self._mounts = os.fsencode(root), mounts
        self._table: int | None = None
        self._opening = threading.Lock()

    def allows(self, root: int, marks: Sequence[Mark]) -> bool:
        """Whether all of these are in local file systems, so that `as_marked` may be asked. May wait for a disk.

        `root`: descriptor of the root. Raises OSError.
        """
        if not hasattr(select, "poll"):
            return False
        with self._opening:
            if self._table is None:
                self._table = os.open(self._mounts, os.O_RDONLY)
        _changed(self._table)  # what is mounted from now on is mounted later
        if file_system(root) not in _LOCAL:
            return False
        for path, _ in marks:
            found = open_encoded(root, path, _OPEN)
            try:
                if file_system(found) not in _LOCAL:
                    return False
            finally:
                os.close(found)
        return True

    def as_marked(self, marks: Sequence[Mark]) -> bool:
        """Whether every path leads to the state it was marked with; no where that cannot be told at once."""
        if self._table is None or _changed(self._table):
            return False
        with contextlib.suppress(OSError):
            root = open_cached(None, self._root, _OPEN)
            try:
                return as_marked(root, marks, open_cached)
            finally:
                os.close(root)
        return False


def _changed(table: int) -> bool:
    """Whether something was mounted or taken away since this was asked last: the open table knows when that was.

    By a poll object of its own each time: one may not be asked by two threads at once.
    """
    asked = select.poll()
    asked.register(table, select.POLLPRI | select.POLLERR)
    return bool(asked.poll(0))
