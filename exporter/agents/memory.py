"""Tells the C library and the garbage collector how a small, long-lived process is to be served."""

import ctypes
import gc
import sys
from collections.abc import Callable

__all__ = ["collect", "collect_seldom", "settle"]

# <malloc.h>
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
KIB = 1024
NEVER = 1_000_000
"""Collections of the middle generation before one of everything by itself."""


def settle(load: Callable[[None], ctypes.CDLL] = ctypes.CDLL, system: str = sys.platform) -> None:
    """Call once, when everything is imported and before the threads start. Where it is not glibc there is less to do.

    By itself glibc gives each thread an arena and raises its thresholds with the largest block it ever freed, so that
    what was needed once is kept for good: 3 MiB of a node agent's 45. `load` gives the process's own libraries.
    """
    gc.collect()
    gc.freeze()  # what is there now stays: it need not be looked at in every collection
    if system != "linux":
        return
    library = load(None)
    if hasattr(library, "mallopt") and hasattr(library, "gnu_get_libc_version"):
        library.mallopt(M_ARENA_MAX, 1)
        library.mallopt(M_MMAP_THRESHOLD, 128 * KIB)
        library.mallopt(M_TRIM_THRESHOLD, 128 * KIB)
        library.malloc_trim(0)


def collect_seldom() -> None:
    """Leave collections of everything to `collect`. Young objects are collected as ever.

    The facts of 5,000 nodes and 10,000 CSRs take 20 to 35 ms to go through. Nothing else runs then, no probe either;
    a list or a rendering would set that off again and again and find nothing, for what they make has no cycles.
    """
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, NEVER)


def collect() -> None:
    """Collect everything, at a moment of one's own choice: cycles that outlived the young generations."""
    gc.collect()
