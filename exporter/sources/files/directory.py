"""One directory below the host root: names in, what lies under them out, with no link followed."""

import errno
import os
import stat
from typing import Protocol, Self

from exporter.sources.files.flags import flags

__all__ = ["Directory", "FdDirectory", "PathDirectory", "host_path"]

_WINDOWS = os.name == "nt"
_NOFOLLOW, _DIRECTORY, _BINARY = flags("O_NOFOLLOW"), flags("O_DIRECTORY"), flags("O_BINARY")


def host_path(path: str) -> str:
    r"""A node's path with `/` as separator and without a drive: `C:\k\ca.crt` is `/k/ca.crt`.

    What begins with `/` is a POSIX path, where a backslash is a character like any other.
    """
    if path.startswith("/"):
        return path
    path = path.replace("\\", "/")
    path = path.removeprefix("//?/")  # the prefix of long Windows paths
    return path[2:] if path[1:2] == ":" and path[:1].isalpha() else path


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

    _FLAGS = flags("O_PATH|O_DIRECTORY|O_NOFOLLOW")

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
        found = self.open(name, _DIRECTORY)
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
