"""openat2(2) itself: what it opens below a root, what it refuses, and how often it is asked."""

import errno
import os
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from exporter.sources.files import openat2
from exporter.sources.files.openat2 import file_system, open_beneath, open_cached, open_encoded, supported
from tests.sources.forked import forked, refusing

pytestmark = pytest.mark.skipif(not supported(), reason="this system has no openat2")

OPENAT2 = 437


@pytest.fixture
def root(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "host/etc").mkdir(parents=True)
    (tmp_path / "host/etc/file").write_text("inside")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/file").write_text("outside")
    (tmp_path / "host/absolute").symlink_to("/etc/file")
    (tmp_path / "host/up").symlink_to("../../../etc/file")
    descriptor = os.open(tmp_path / "host", os.O_PATH)
    yield descriptor
    os.close(descriptor)


@pytest.mark.parametrize("path", ["/etc/file", "etc/file", "/absolute", "/up", "/../etc/file"])
def test_the_root_is_the_root(path: str, root: int) -> None:
    """Of absolute paths and links, and of whatever goes up."""
    for found in (
        open_beneath(root, path, os.O_RDONLY),
        open_encoded(root, path.encode(), os.O_RDONLY),
        open_cached(root, path.encode(), os.O_RDONLY),
    ):
        assert os.read(found, 100) == b"inside"
        assert not os.get_inheritable(found)
        os.close(found)


def test_the_first_descriptor_is_one_like_any_other(root: int) -> None:
    """It is free where a process has no standard input."""

    def work(way: Callable[[int, bytes, int], int]) -> object:
        os.close(0)
        return way(root, b"/etc/file", os.O_RDONLY)

    ways = open_encoded, open_cached
    here = [way(root, b"/etc/file", os.O_RDONLY) for way in ways]
    assert min(here) > 0, "it is taken"
    for found in here:
        os.close(found)
    assert [forked(partial(work, way)) for way in ways] == [0, 0]


@pytest.mark.parametrize("way", [open_encoded, open_cached])
@pytest.mark.parametrize(("path", "number"), [(b"/never", errno.ENOENT), (b"/etc/file/x", errno.ENOTDIR)])
def test_what_cannot_be_opened_is_an_error_with_its_path(
    way: Callable[[int, bytes, int], int], path: bytes, number: int, root: int
) -> None:
    """From its caches the kernel may not be able to say."""
    with pytest.raises(OSError) as raised:
        way(root, path, os.O_RDONLY)
    assert raised.value.errno in {number, errno.EAGAIN if way is open_cached else number}
    assert (raised.value.strerror, raised.value.filename) == (os.strerror(raised.value.errno or 0), path)


def test_no_link_of_proc_is_followed(root: int) -> None:
    """It would lead past every root: with a root, and without one."""
    proc = os.open("/proc", os.O_PATH)
    link = f"self/fd/{root}".encode()
    try:
        for attempt in (
            partial(open_encoded, proc, link, os.O_RDONLY),
            partial(open_cached, proc, link, os.O_RDONLY),
            partial(open_cached, None, b"/proc/" + link, os.O_RDONLY),
        ):
            with pytest.raises(OSError, match=r"Too many levels|temporarily unavailable"):
                attempt()
    finally:
        os.close(proc)


def test_without_a_root_a_path_is_this_processs_own(tmp_path: Path) -> None:
    """From where it works, unless it begins at its root."""
    (tmp_path / "own").write_text("own")

    def work() -> object:
        os.chdir(tmp_path)
        found = [open_cached(None, path, os.O_RDONLY) for path in (str(tmp_path / "own").encode(), b"own")]
        return [os.read(one, 10).decode() for one in found]

    assert forked(work) == ["own", "own"]


def test_what_the_kernel_has_not_cached_is_not_waited_for(tmp_path: Path) -> None:
    """A name that nobody has asked for yet: it would have to look at the directory."""
    with pytest.raises(OSError, match=r"No such file|temporarily unavailable") as raised:
        open_cached(None, str(tmp_path / "never").encode(), os.O_RDONLY)
    assert raised.value.errno in {errno.EAGAIN, errno.ENOENT}
    assert [openat2._cached(0, within).resolve for within in (0x10, 0)] == [0x32, 0x22]
    assert openat2._how(0).resolve == 0x12


@pytest.mark.parametrize("error", [errno.EPERM, errno.ENOSYS, errno.EAGAIN, errno.EINTR])
def test_a_filter_that_refuses_it_means_that_there_is_none(error: int, tmp_path: Path) -> None:
    """Older container runtimes say EPERM; one that says EAGAIN for ever is asked twenty times."""

    root = os.open(tmp_path, os.O_PATH)
    with pytest.raises(FileNotFoundError):
        open_encoded(root, b"/x", 0)

    def work() -> object:
        refusing({OPENAT2: error})
        said, took = [], []
        for attempt in (
            partial(open_encoded, root, b"/x", 0),
            partial(open_cached, root, b"/x", 0),
            partial(open_cached, None, b"/x", 0),
        ):
            began = time.monotonic()
            try:
                attempt()
            except OSError as refused:
                said.append((refused.errno, refused.strerror))
            took.append(time.monotonic() - began)
        waited = took[0] >= 0.0001 * sum(range(20))
        return [supported(), said, waited, max(took[1:]) < 0.9]

    again = error in {errno.EAGAIN, errno.EINTR}
    found = forked(work)
    assert isinstance(found, list)
    assert found[:2] == [False, [[error, os.strerror(error)]] * 3]
    assert found[2] or not again
    assert found[3]
    os.close(root)


def test_another_system_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert supported() is False


def test_where_not_even_the_root_may_be_opened_there_is_none() -> None:
    """openat(2) of x86-64 and arm64."""

    def work() -> object:
        refusing({257: errno.EACCES, 56: errno.EACCES})
        return supported()

    assert forked(work) is False


def test_the_type_of_a_file_system_is_the_kernels_number() -> None:
    proc = os.open("/proc", os.O_PATH)
    try:
        assert file_system(proc) == 0x9FA0  # PROC_SUPER_MAGIC
    finally:
        os.close(proc)
    with pytest.raises(OSError, match="Bad file descriptor") as raised:
        file_system(-1)
    assert raised.value.errno == errno.EBADF
