"""What came of looking at one file: its status and, if it could be read, what it says."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Generic, NamedTuple, TypeVar

from exporter.reason import FileStatus

__all__ = ["Look", "Parse", "Read", "Version", "Way"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Parse = Callable[[bytes], T]


class Way(Enum):
    """How to look at a path without reading it."""

    PRESENCE = auto()
    """Whether there is a regular file, which is never opened: for what holds only secrets."""
    NAMES = auto()
    """The names in a directory, sorted, ten thousand at most."""


class Look(NamedTuple):
    """A path, and what to do there."""

    path: str
    way: Parse[object] | Way
    """What makes a value of the bytes, best a named function, or the way to look without reading."""
    cap: int = 0
    """Bytes; a larger file is not read. Of no matter where nothing is read."""


@dataclass(frozen=True, slots=True)
class Version:
    """Which file, and which state of it: equal versions hold equal bytes once they are old enough (see HostFiles)."""

    device: int
    inode: int
    size: int
    """Bytes."""
    mtime_ns: int
    """Unix time in nanoseconds, as is ctime_ns."""
    ctime_ns: int


@dataclass(frozen=True, slots=True)
class Read(Generic[T_co]):
    """What became of looking at one path."""

    path: str
    """As it was asked for: a path on the host."""
    status: FileStatus
    value: T_co | None = None
    """What the parser made of the bytes; only with OK."""
    version: Version | None = None
    """Of the file that was opened."""
    target: str = ""
    """Host path of the file, links followed; of a link that leads nowhere, where it would have led."""
    detail: str = ""
    """One line for a person, empty with OK."""
