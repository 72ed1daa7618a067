"""What lies beneath a host root: what the kernel said is explained, and no descriptor is left behind."""

import errno
import os
from pathlib import Path

import pytest

from exporter.reason import FileStatus
from exporter.sources.files import openat2
from exporter.sources.files.resolve import UnresolvedPath
from exporter.sources.files.root import Root, WalkedRoot, patiently

THROUGH_PROC = (FileStatus.BROKEN_SYMLINK, "leads through a link of /proc, which is not followed")


@pytest.fixture
def root(tmp_path: Path) -> Root:
    """A host with one file."""
    (tmp_path / "file").write_bytes(b"")
    os.utime(tmp_path, (1, 1))
    return WalkedRoot.by_descriptor(str(tmp_path))


def refused(root: Root, number: int) -> UnresolvedPath:
    """What is said of a file that the walk finds and the kernel did not."""

    def ask(_: Root, path: str) -> None:
        raise OSError(number, os.strerror(number), path)

    try:
        with pytest.raises(UnresolvedPath) as raised:
            patiently(root, "/file", ask)
    finally:
        root.close()
    return raised.value


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOENT, (FileStatus.ERROR, "changed while it was looked at")),
        (errno.ENOTDIR, (FileStatus.ERROR, "is not a directory")),
        (errno.ELOOP, THROUGH_PROC),
        (errno.EXDEV, THROUGH_PROC),
    ],
)
def test_what_only_the_kernel_did_not_find_is_explained(root: Root, number: int, said: tuple[FileStatus, str]) -> None:
    """EXDEV is its word for a walk that a rename led out of the root."""
    fault = refused(root, number)
    assert (fault.status, fault.detail, fault.target) == (*said, "/file")


def test_what_is_no_matter_of_paths_is_said_as_it_is(root: Root) -> None:
    def ask(_: Root, path: str) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    try:
        with pytest.raises(PermissionError):
            patiently(root, "/file", ask)
    finally:
        root.close()


needs_openat2 = pytest.mark.skipif(not openat2.supported(), reason="this system has no openat2")


@needs_openat2
def test_to_ask_whether_there_is_openat2_leaves_nothing_open() -> None:
    before = set(os.listdir("/proc/self/fd"))
    for _ in range(3):
        assert openat2.supported()
    assert set(os.listdir("/proc/self/fd")) <= before


@needs_openat2
def test_of_what_is_not_open_no_file_system_is_told() -> None:
    with pytest.raises(OSError, match="Bad file descriptor") as raised:
        openat2.file_system(-1)
    assert raised.value.errno == errno.EBADF
