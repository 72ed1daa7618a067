"""A host root and a node's paths in, descriptors and what lies there out: by the kernel's path walk, or by ours."""

import errno
import os
import stat
import time
from collections.abc import Callable
from typing import Protocol, TypeVar

from exporter.reason import FileStatus
from exporter.sources.files.directory import Directory, FdDirectory, PathDirectory
from exporter.sources.files.openat2 import open_beneath
from exporter.sources.files.resolve import UnresolvedPath, last_change, walk

__all__ = ["KernelRoot", "Root", "WalkedRoot", "patiently"]

T = TypeVar("T")

_LED_ASTRAY = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EXDEV})
_FRESH_NS = 2_000_000_000
_SWAP_SECONDS, _SWAP_PAUSE = 1.0, 0.001
_CHANGE_SECONDS, _CHANGE_PAUSE = 0.1, 0.005  # longer than the tick that stamps a change: 4 ms at CONFIG_HZ=250


class Root(Protocol):
    """An open host root. Paths come from `host_path`; methods raise UnresolvedPath or OSError."""

    directory: Directory

    def open(self, path: str, flags: int) -> int:
        """A descriptor of what the path leads to."""

    def stat(self, path: str) -> os.stat_result:
        """What the path leads to, without opening it for reading."""

    def names(self, path: str) -> list[str]:
        """What a directory holds."""

    def close(self) -> None:
        """Give the descriptor back."""


class KernelRoot:
    """openat2 with RESOLVE_IN_ROOT: one call, no race, nothing escapes."""

    def __init__(self, directory: FdDirectory) -> None:
        self.descriptor = directory.descriptor
        self.directory: Directory = directory

    @classmethod
    def by_descriptor(cls, root: str) -> Root:
        """Where `openat2.supported`."""
        return cls(FdDirectory.at(root))

    def open(self, path: str, flags: int) -> int:
        """Never through a link of /proc."""
        return open_beneath(self.descriptor, path, flags)

    def stat(self, path: str) -> os.stat_result:
        """By O_PATH, which touches nothing."""
        found = self.open(path, os.O_PATH)
        try:
            return os.fstat(found)
        finally:
            os.close(found)

    def names(self, path: str) -> list[str]:
        """In no order."""
        found = self.open(path, os.O_DIRECTORY)
        try:
            return os.listdir(found)
        finally:
            os.close(found)

    def close(self) -> None:
        """Once."""
        self.directory.close()


class WalkedRoot:
    """The same by `walk`, for other systems, older kernels and system call filters."""

    def __init__(self, directory: Directory) -> None:
        self.directory = directory

    @classmethod
    def by_descriptor(cls, root: str) -> Root:
        """Where directories can be held open."""
        return cls(FdDirectory.at(root))

    @classmethod
    def by_path(cls, root: str) -> Root:
        """On Windows."""
        return cls(PathDirectory.at(root))

    def open(self, path: str, flags: int) -> int:
        """At the place `walk` finds."""
        return self._at(path, lambda directory, name: directory.open(name, flags))

    def stat(self, path: str) -> os.stat_result:
        """By lstat, since the last name is no link."""
        found = self._at(path, lambda directory, name: directory.stat(name))
        if stat.S_ISLNK(found.st_mode):  # it was none a moment ago
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
        return found

    def names(self, path: str) -> list[str]:
        """In no order."""
        return self._at(path, lambda directory, name: directory.names(name))

    def _at(self, path: str, ask: Callable[[Directory, str], T]) -> T:
        place = walk(self.directory, path)
        try:
            return ask(place.directory, place.name)
        finally:
            place.close()

    def close(self) -> None:
        """Once."""
        self.directory.close()


def patiently(root: Root, path: str, ask: Callable[[Root, str], T]) -> T:
    """What `ask` says of the path, asked again while its absence may be a swap's. Raises UnresolvedPath or OSError.

    A kubelet removes its current link before it renames the new one. In between the directory has only just changed
    and holds the new link; that can last as long as the kubelet waits for a processor, so it is given a second. Any
    other absence is believed once the directory is seen unchanged: at once where its last change is two seconds old, so
    that files which are never there cost no waiting. Time counts up to a question's begin: we may wait for a processor,
    too, and what was there all the while must not be absent for it.
    """
    begin = time.monotonic()
    before: UnresolvedPath | None = None
    while True:
        waited = time.monotonic() - begin
        try:
            return ask(root, path)
        except UnresolvedPath as error:
            fault = error
        except OSError as error:
            if error.errno not in _LED_ASTRAY:
                raise
            fault = _explanation(root.directory, path, error)
        swapped = before is not None and before.swapping and not fault.swapping  # it has ended since it was asked
        over = waited > (_SWAP_SECONDS if fault.swapping else _CHANGE_SECONDS) and not swapped
        if over or not _may_pass(fault, before):
            raise fault
        before = fault
        time.sleep(_SWAP_PAUSE if fault.swapping else _CHANGE_PAUSE)


def _may_pass(fault: UnresolvedPath, before: UnresolvedPath | None) -> bool:
    if abs(time.time_ns() - fault.changed_ns) > _FRESH_NS:
        return False
    return fault.swapping or before is None or before.swapping or fault.changed_ns != before.changed_ns


def _explanation(directory: Directory, path: str, error: OSError) -> UnresolvedPath:
    """Why the kernel did not get there. The walk opens only directories, and reads links as text."""
    try:
        place = walk(directory, path)
    except UnresolvedPath as fault:
        return fault
    changed_ns, _ = last_change(place.directory, place.name)
    place.close()
    if error.errno == errno.ENOENT:
        return UnresolvedPath(
            FileStatus.ERROR, "changed while it was looked at", place.target, changed_ns=time.time_ns()
        )
    if error.errno == errno.ENOTDIR:
        return UnresolvedPath(FileStatus.ERROR, "is not a directory", place.target, changed_ns=changed_ns)
    detail = "leads through a link of /proc, which is not followed"
    return UnresolvedPath(FileStatus.BROKEN_SYMLINK, detail, place.target, changed_ns=changed_ns)
