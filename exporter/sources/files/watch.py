"""What a look at many paths rests on, and whether all of it is as it was: few system calls a path, and no answer made.

A file is as it was while the path leads to the same state of the same file; a directory's names are while its own state
is; and what was not there is not there while the last directory above it that is there is as it was.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping

from exporter.facts.host.read import Look, Read, Version, Way
from exporter.file_state import State, file_state
from exporter.reason import FileStatus
from exporter.sources.files.directory import host_path
from exporter.sources.files.flags import flags
from exporter.sources.files.openat2 import open_encoded

__all__ = ["Mark", "as_marked", "directory", "holding", "marks"]

Mark = tuple[bytes, State]
"""A host path and the state of what it leads to."""

SETTLED_NS = 2_000_000_000
"""A state this old is another one after the next change, however coarse the file system's clock."""
_OPEN = flags("O_PATH")


def as_marked(root: int, wanted: Iterable[Mark], opened: Callable[[int, bytes, int], int] = open_encoded) -> bool:
    """Whether every path still leads to the state it was marked with; no where one cannot be opened.

    `root`: descriptor of the host root. `opened`: opens a path below a root with some flags.
    """
    try:
        for path, state in wanted:
            found = opened(root, path, _OPEN)
            try:
                if file_state(os.fstat(found)) != state:
                    return False
            finally:
                os.close(found)
    except OSError:
        return False
    return True


def holding(root: int, wanted: Iterable[Mark]) -> frozenset[Mark]:
    """Those of the marks that still hold."""
    return frozenset(mark for mark in dict.fromkeys(wanted) if as_marked(root, (mark,)))


def directory(root: int, look: Look, read: Read[object]) -> Mark | None:
    """The directory that the answer to a look rests on, to be marked before the same is asked again.

    None where it rests on no directory, and where that one changed so recently that its state says nothing.
    """
    if look.way is Way.NAMES and read.status is FileStatus.OK:
        places: Iterable[str] = (host_path(look.path),)
    elif read.status is FileStatus.NOT_FOUND:
        places = _above(host_path(look.path))
    else:
        return None
    found = next(((place, state) for place in places if (state := _state(root, place)) is not None), None)
    if found is None or time.time_ns() - max(found[1][3], found[1][4]) < SETTLED_NS:
        return None
    return os.fsencode(found[0]), found[1]


def marks(
    answers: Mapping[Look, Read[object]], above: Mapping[Look, Mark], settled: Mapping[Look, State]
) -> dict[Look, Mark]:
    """What answers rest on, without those that cannot be told to hold without looking again.

    `above`: the directories, marked before these answers were given, which had the same status before; `settled`:
    states whose bytes are known.
    """
    found: dict[Look, Mark] = {}
    for look, read in answers.items():
        if look in above:
            found[look] = above[look]
        elif look.way is Way.PRESENCE and read.status is FileStatus.OK and read.version is not None:
            found[look] = os.fsencode(host_path(look.path)), _version(read.version)
        elif look in settled:
            found[look] = os.fsencode(host_path(look.path)), settled[look]
    return found


def _above(path: str) -> Iterator[str]:
    """The directories that the path names, the nearest first."""
    path = path.rstrip("/")
    while path:
        path = path.rpartition("/")[0].rstrip("/")
        yield path or "/"


def _state(root: int, path: str) -> State | None:
    try:
        found = open_encoded(root, os.fsencode(path), _OPEN)
    except OSError:
        return None
    try:
        return file_state(os.fstat(found))
    finally:
        os.close(found)


def _version(version: Version) -> State:
    return version.device, version.inode, version.size, version.mtime_ns, version.ctime_ns
