"""A file's status or its path in; out: what changes when the file does."""

import os
from pathlib import Path

__all__ = ["PathState", "State", "file_state", "path_state"]

State = tuple[int, int, int, int, int]
"""Device, inode, size, and mtime and ctime in nanoseconds. ctime is the system's: nobody can set it."""
PathState = State | tuple[int | None]
"""Of a path: its file's State, or the number of the error where there is none to be had."""


def file_state(state: os.stat_result) -> State:
    """The State of a file by its status."""
    return state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns


def path_state(path: Path) -> PathState:
    """That of the file at a path, through links: Kubernetes swaps the directory that a Secret's files lead to."""
    try:
        return file_state(path.stat())
    except OSError as error:
        return (error.errno,)
