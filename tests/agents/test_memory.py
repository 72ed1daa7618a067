"""What a long-lived process asks of the garbage collector."""

import gc
import subprocess
import sys
import weakref
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from exporter.agents import memory

PROGRAM = """
import gc
from exporter.agents import memory

class Node:
    pass

memory.settle()
memory.collect_seldom()
full = gc.get_stats()[2]["collections"]
kept = [[number] for number in range(300_000)]
assert gc.get_stats()[2]["collections"] == full, "everything was collected"
for _ in range(5_000):
    one = Node()
    one.itself = one
assert sum(isinstance(each, Node) for each in gc.get_objects()) < 5_000, "young cycles stay"
memory.collect()
assert sum(isinstance(each, Node) for each in gc.get_objects()) == 1, "old cycles stay"
"""


def test_everything_is_collected_when_asked_alone_and_young_cycles_as_ever() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture(autouse=True)
def usual() -> Iterator[None]:
    """The collector as it was."""
    thresholds = gc.get_threshold()
    gc.disable()
    yield
    gc.enable()
    gc.unfreeze()
    gc.set_threshold(*thresholds)


class Cycle:
    """Only the collector frees it."""

    def __init__(self) -> None:
        self.itself = self


def lost() -> "weakref.ref[Cycle]":
    return weakref.ref(Cycle())


class Library:
    """The C library, which writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[int, ...]] = []

    def mallopt(self, option: int, value: int) -> None:
        self.told.append((option, value))

    def malloc_trim(self, pad: int) -> None:
        self.told.append((pad,))


class Glibc(Library):
    """It has a version of its own."""

    def gnu_get_libc_version(self) -> bytes:
        return b"2.41"


# <malloc.h>: M_ARENA_MAX is -8, M_MMAP_THRESHOLD -3, M_TRIM_THRESHOLD -1.
TOLD = [(-8, 1), (-3, 131072), (-1, 131072), (0,)]


@pytest.mark.parametrize(
    ("library", "system", "told"),
    [
        (Glibc(), "linux", TOLD),
        (Library(), "linux", []),
        (Glibc(), "win32", []),
        (SimpleNamespace(told=[]), "linux", []),
        (SimpleNamespace(told=[], gnu_get_libc_version=bytes), "linux", []),
    ],
)
def test_glibc_is_told_to_keep_nothing_that_was_needed_once(
    library: Library, system: str, told: list[tuple[int, ...]]
) -> None:
    """musl has another allocator; what is there by then is no garbage, and is looked at no more."""
    cycle = lost()
    memory.settle(lambda _: library, system)  # type: ignore[arg-type, return-value]
    assert library.told == told
    assert cycle() is None
    assert gc.get_freeze_count() > 1000


def test_all_is_collected_seldom_by_itself_and_at_once_where_that_is_asked_for() -> None:
    young, middle, _ = gc.get_threshold()
    memory.collect_seldom()
    assert gc.get_threshold() == (young, middle, 1_000_000)
    cycle = lost()
    memory.collect()
    assert cycle() is None
