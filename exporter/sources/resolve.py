"""A root directory and a host path in, the place it leads to out, or the reason why it leads nowhere.

The kernel's path walk (path_resolution(7)), component by component, with no link followed by anything but this code:
absolute links start at the root, `..` stops there, 40 links at most. It stands in where openat2 is missing and, because
it knows which link led astray, explains where openat2 only says ENOENT or ELOOP.
"""

import errno
import os
import stat
from dataclasses import dataclass
from typing import Protocol, Self

from exporter.reason import FileStatus

__all__ = ["Directory", "FdDirectory", "PathDirectory", "Place", "Unresolved", "host_path", "last_change", "walk"]

_LINKS = 40  # MAXSYMLINKS of include/linux/namei.h
_WINDOWS = os.name == "nt"
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_BINARY = getattr(os, "O_BINARY", 0)


def host_path(path: str) -> str:
    r"""A node's path with `/` as separator and without a drive: `C:\k\ca.crt` is `/k/ca.crt`.

    What begins with `/` is a POSIX path, where a backslash is a character like any other.
    """
    if path.startswith("/"):
        return path
    path = path.replace("\\", "/")
    path = path.removeprefix("//?/")  # the prefix of long Windows paths
    return path[2:] if path[1:2] == ":" and path[:1].isalpha() else path


class Unresolved(Exception):
    """The path leads nowhere: the status that says why, in words, and the host path where it would have led."""

    def __init__(
        self, status: FileStatus, detail: str, target: str, *, changed_ns: int = 0, swapping: bool = False
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.target = target
        self.changed_ns = changed_ns
        """When the directory that lacks the name last changed, Unix time in nanoseconds; 0 where that says nothing."""
        self.swapping = swapping
        """A kubelet is between removing the link of that name and renaming the new one."""


class Directory(Protocol):
    """One real directory under the root. Every method but `close` may raise OSError, and none follows a link."""

    def child(self, name: str) -> Self:
        """A directory in this one; ENOTDIR or ELOOP where it is something else."""

    def link(self, name: str) -> str:
        """The text of a link; EINVAL where it is something else."""

    def open(self, name: str, flags: int) -> int:
        """A descriptor of something that is no link."""

    def stat(self, name: str) -> os.stat_result:
        """What lies under a name, be it a link."""

    def names(self, name: str) -> list[str]:
        """What a directory in this one holds."""

    def close(self) -> None:
        """Give the descriptor back, if there is one."""


class FdDirectory:
    """A directory by its descriptor: what is renamed or replaced above it cannot mislead the walk."""

    _FLAGS = getattr(os, "O_PATH", 0) | getattr(os, "O_DIRECTORY", 0) | _NOFOLLOW

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    @classmethod
    def at(cls, root: str) -> Self:
        """The root directory itself, whose own path may hold links."""
        return cls(os.open(root, cls._FLAGS & ~_NOFOLLOW))

    def child(self, name: str) -> Self:
        """One level down."""
        return type(self)(os.open(name, self._FLAGS, dir_fd=self.descriptor))

    def link(self, name: str) -> str:
        """By readlink(2)."""
        return os.readlink(name, dir_fd=self.descriptor)

    def open(self, name: str, flags: int) -> int:
        """Never through a link."""
        return os.open(name, flags | _NOFOLLOW, dir_fd=self.descriptor)

    def stat(self, name: str) -> os.stat_result:
        """Of the link itself, if it is one."""
        return os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)

    def names(self, name: str) -> list[str]:
        """In no order."""
        found = self.open(name, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0))
        try:
            return os.listdir(found)
        finally:
            os.close(found)

    def close(self) -> None:
        """Once."""
        os.close(self.descriptor)


class PathDirectory:
    """A directory by its path, for Windows, which cannot hold one open: a rename during the walk can mislead it."""

    def __init__(self, path: str) -> None:
        self.path = path

    @classmethod
    def at(cls, root: str) -> Self:
        """The root directory itself."""
        return cls._checked(os.path.realpath(root))

    @classmethod
    def _checked(cls, path: str) -> Self:
        if not stat.S_ISDIR(os.lstat(path).st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
        return cls(path)

    def child(self, name: str) -> Self:
        """One level down."""
        return self._checked(os.path.join(self.path, name))

    def link(self, name: str) -> str:
        """By readlink(2)."""
        text = os.path.join(self.path, name)
        if not stat.S_ISLNK(os.lstat(text).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), text)
        return host_path(os.readlink(text)) if _WINDOWS else os.readlink(text)

    def open(self, name: str, flags: int) -> int:
        """Never through a link."""
        return os.open(os.path.join(self.path, name), flags | _NOFOLLOW | _BINARY)

    def stat(self, name: str) -> os.stat_result:
        """Of the link itself, if it is one."""
        return os.lstat(os.path.join(self.path, name))

    def names(self, name: str) -> list[str]:
        """In no order."""
        return os.listdir(os.path.join(self.path, name))

    def close(self) -> None:
        """There is nothing to give back."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a path leads: a real directory and a name in it that is no link. To be closed after use."""

    directory: Directory
    name: str
    """`.` for the directory itself."""
    target: str
    """Host path without links."""
    root: Directory

    def close(self) -> None:
        """Give the directory's descriptor back; the root's belongs to the caller of `walk`."""
        if self.directory is not self.root:
            self.directory.close()


class _Trail:
    """The real directories between the root and where the walk stands."""

    def __init__(self, root: Directory) -> None:
        self.root = root
        self.here = root
        self.names: list[str] = []

    def down(self, name: str) -> None:
        below = self.here.child(name)
        self.leave()
        self.here = below
        self.names.append(name)

    def enters(self, name: str) -> bool:
        """Go down where the name is a real directory; where it is not, something else will say what it is."""
        try:
            self.down(name)
        except OSError as error:
            if error.errno not in {errno.ENOTDIR, errno.ELOOP, errno.ENOENT}:
                raise
            return False
        return True

    def up(self) -> None:
        # Not by opening `..`: a directory that was moved meanwhile would lead out of the root.
        names = self.names[:-1]
        self.to_root()
        for name in names:
            self.down(name)

    def to_root(self) -> None:
        self.leave()
        self.here = self.root
        self.names = []

    def leave(self) -> None:
        if self.here is not self.root:
            self.here.close()


def walk(root: Directory, path: str) -> Place:
    """The place a host path leads to. Raises Unresolved where there is none, OSError where it cannot be looked at.

    Of the last name it is only known that it is there and no link.
    """
    trail = _Trail(root)
    try:
        return _walk(trail, path)
    except BaseException:
        trail.leave()
        raise


def _walk(trail: _Trail, path: str) -> Place:
    pending = [(name, False) for name in reversed(path.split("/"))]  # a name, and whether a link brought it in
    links = 0
    absolute = outside = False
    while pending:
        name, linked = pending.pop()
        if name in {"", "."}:
            continue
        if name == "..":
            outside |= linked and not trail.names
            trail.up()
            continue
        if pending and trail.enters(name):  # what most names are, and cheaper than asking whether it is a link
            continue
        try:
            text = trail.here.link(name)
        except OSError as error:
            if error.errno == errno.EINVAL and not pending:
                return Place(trail.here, name, "/" + "/".join([*trail.names, name]), trail.root)
            if error.errno not in {errno.EINVAL, errno.ENOENT, errno.ENOTDIR}:
                raise
            what = "is not a directory" if error.errno == errno.EINVAL else "does not exist"
            outside |= linked and absolute and not trail.names
            raise _nowhere(trail, name, pending, linked, outside, what) from None
        links += 1
        if links > _LINKS:
            raise Unresolved(FileStatus.BROKEN_SYMLINK, f"more than {_LINKS} links, the last to {text}", text)
        absolute = text.startswith("/")
        if absolute:
            trail.to_root()
        pending += [(part, True) for part in reversed(text.split("/"))]
    return Place(trail.here, ".", "/" + "/".join(trail.names), trail.root)


def _nowhere(
    trail: _Trail, name: str, pending: list[tuple[str, bool]], linked: bool, outside: bool, what: str
) -> Unresolved:
    missing = "/" + "/".join([*trail.names, name])
    rest = [part for part, _ in reversed(pending) if part not in {"", "."}]
    target = "/".join([missing, *rest])
    changed_ns, swapping = last_change(trail.here, name)
    if outside and not _is_machine_root(trail.root):
        status, detail = FileStatus.OUTSIDE_ROOT, f"leads to {target}, outside the host root"
    elif linked:
        status = FileStatus.BROKEN_SYMLINK
        detail = f"leads to {target}, {'which' if missing == target else f'but {missing}'} {what}"
    else:
        status, detail = FileStatus.NOT_FOUND, f"{missing} {what}"
    return Unresolved(status, detail, target, changed_ns=changed_ns, swapping=swapping)


def last_change(directory: Directory, name: str) -> tuple[int, bool]:
    """When a directory last changed (Unix time in nanoseconds, 0: unknown), and whether a kubelet swaps that name."""
    # updateSymlink of k8s.io/client-go/util/certificate/certificate_store.go makes the link `…-updated.pem`, removes
    # `…-current.pem`, and renames the one to the other.
    try:
        changed_ns = directory.stat(".").st_mtime_ns
    except OSError:
        return 0, False
    stem = name.removesuffix("-current.pem")
    try:
        return changed_ns, stem != name and bool(directory.stat(f"{stem}-updated.pem"))
    except OSError:
        return changed_ns, False


def _is_machine_root(root: Directory) -> bool:
    # There `..` stops for everybody, and what is not in it is nowhere.
    try:
        return os.path.samestat(root.stat("."), os.stat("/"))
    except OSError:
        return False
