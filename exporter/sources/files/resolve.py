"""A root directory and a host path in, the place it leads to out, or the reason why it leads nowhere.

The kernel's path walk (path_resolution(7)), component by component, with no link followed by anything but this code:
absolute links start at the root, `..` stops there, 40 links at most. It takes over where openat2 is missing and, as it
knows which link led astray, explains where openat2 only says ENOENT or ELOOP.
"""

import errno
import os
from dataclasses import dataclass

from exporter.reason import FileStatus
from exporter.sources.files.directory import Directory

__all__ = ["FoundPlace", "UnresolvedPath", "last_change", "walk"]

_LINKS = 40  # MAXSYMLINKS of include/linux/namei.h


class UnresolvedPath(Exception):
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


@dataclass(frozen=True, slots=True)
class FoundPlace:
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
    """The real directories between the root and where the walk is."""

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


def walk(root: Directory, path: str) -> FoundPlace:
    """The place a host path leads to. Raises UnresolvedPath where there is none, OSError where it cannot be looked at.

    Of the last name it is only known that it is there and no link.
    """
    trail = _Trail(root)
    try:
        return _walk(trail, path)
    except BaseException:
        trail.leave()
        raise


def _walk(trail: _Trail, path: str) -> FoundPlace:
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
                return FoundPlace(trail.here, name, "/" + "/".join([*trail.names, name]), trail.root)
            if error.errno not in {errno.EINVAL, errno.ENOENT, errno.ENOTDIR}:
                raise
            what = "is not a directory" if error.errno == errno.EINVAL else "does not exist"
            outside |= linked and absolute and not trail.names
            raise _nowhere(trail, name, pending, linked, outside, what) from None
        links += 1
        if links > _LINKS:
            raise UnresolvedPath(FileStatus.BROKEN_SYMLINK, f"more than {_LINKS} links, the last to {text}", text)
        absolute = text.startswith("/")
        if absolute:
            trail.to_root()
        pending += [(part, True) for part in reversed(text.split("/"))]
    return FoundPlace(trail.here, ".", "/" + "/".join(trail.names), trail.root)


def _nowhere(
    trail: _Trail, name: str, pending: list[tuple[str, bool]], linked: bool, outside: bool, what: str
) -> UnresolvedPath:
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
    return UnresolvedPath(status, detail, target, changed_ns=changed_ns, swapping=swapping)


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
