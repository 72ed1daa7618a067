"""What a look at many paths rests on, and whether all of it is as it was: few system calls a path, and no answer made.

A file is as it was while the path leads to the same state of the same file; a directory's names are while its own state
is; and what was not there is not there while the last directory above it that is there is as it was.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping

from exporter.facts.host.read import Look, Read, Version, Way
from exporter.reason import FileStatus
from exporter.sources.files.content import State, file_state
from exporter.sources.files.directory import host_path
from exporter.sources.files.openat2 import open_encoded

__all__ = ["Mark", "as_marked", "directories", "marks"]

Mark = tuple[bytes, State]
"""A host path and the state of what it leads to."""

SETTLED_NS = 2_000_000_000
"""A state this old is another one after the next change, however coarse the file system's clock."""
_OPEN = getattr(os, "O_PATH", 0) | getattr(os, "O_CLOEXEC", 0)


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


def directories(root: int, answers: Mapping[Look, Read[object]]) -> dict[Look, Mark] | None:
    """The directories that answers rest on, to be marked before the same is asked again.

    None where one of them changed so recently that its state says nothing.
    """
    found: dict[Look, Mark] = {}
    known: dict[str, State | None] = {}
    for look, read in answers.items():
        if look.way is Way.NAMES and read.status is FileStatus.OK:
            places: Iterable[str] = (host_path(look.path),)
        elif read.status is FileStatus.NOT_FOUND:
            places = _above(host_path(look.path))
        else:
            continue
        for place in places:
            if place not in known:
                known[place] = _state(root, place)
            if (state := known[place]) is not None:
                break
        else:
            return None
        if time.time_ns() - max(state[3], state[4]) < SETTLED_NS:
            return None
        found[look] = (os.fsencode(place), state)
    return found


def marks(
    answers: Mapping[Look, Read[object]], above: Mapping[Look, Mark], settled: Mapping[Look, State]
) -> tuple[Mark, ...] | None:
    """What these answers rest on; None where they cannot be told to hold without looking again.

    `above`: the directories, marked before these answers were given; `settled`: states whose bytes are known.
    """
    found: dict[Mark, None] = {}
    for look, read in answers.items():
        if look in above:
            found[above[look]] = None
        elif look.way is Way.PRESENCE and read.status is FileStatus.OK and read.version is not None:
            found[os.fsencode(host_path(look.path)), _version(read.version)] = None
        elif look in settled:
            found[os.fsencode(host_path(look.path)), settled[look]] = None
        else:
            return None
    return tuple(found)


def _above(path: str) -> Iterator[str]:
    """The directories that the path names, the nearest first."""
    while path not in {"", "/"}:
        path = path.rstrip("/").rpartition("/")[0] or "/"
        yield path


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
