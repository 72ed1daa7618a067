"""How long an absence is asked about before it is believed; and that a root, once asked, leaves nothing open."""

import errno
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.reason import FileStatus
from exporter.sources.files.directory import Directory, FdDirectory
from exporter.sources.files.resolve import UnresolvedPath
from exporter.sources.files.root import Root, WalkedRoot, _explanation, _may_pass, patiently
from tests.sources.conftest import OPENERS

SECOND = 1_000_000_000
ABSENT = FileStatus.NOT_FOUND


def fault(age: float | None = 0.0, *, swapping: bool = False) -> UnresolvedPath:
    """An absence in a directory that changed so many seconds ago; None: nobody knows when."""
    changed = 0 if age is None else time.time_ns() - int(age * SECOND)
    return UnresolvedPath(ABSENT, "words", "/x", changed_ns=changed, swapping=swapping)


FRESH = fault(0.0)


@pytest.mark.parametrize(
    ("now", "before", "may"),
    [
        (lambda: fault(3), None, False),
        (lambda: fault(None), None, False),
        (lambda: fault(-3), None, False),
        (lambda: fault(3, swapping=True), None, False),
        (lambda: fault(1), None, True),
        (lambda: fault(-1), None, True),
        (lambda: fault(1, swapping=True), None, True),
        (lambda: FRESH, FRESH, False),
        (lambda: fault(0.5), FRESH, True),
        (lambda: UnresolvedPath(ABSENT, "", "", changed_ns=FRESH.changed_ns, swapping=True), FRESH, True),
        (lambda: FRESH, UnresolvedPath(ABSENT, "", "", changed_ns=FRESH.changed_ns, swapping=True), True),
    ],
)
def test_an_absence_may_pass_where_its_directory_has_only_just_changed(
    now: Callable[[], UnresolvedPath], before: UnresolvedPath | None, may: bool
) -> None:
    """Within two seconds; again only where it changed since it was asked, or where a kubelet swaps that name."""
    FRESH.changed_ns = time.time_ns()
    if before is not None and before is not FRESH:
        before.changed_ns = FRESH.changed_ns
    assert _may_pass(now(), before) is may


def late(seconds: float, *, swapping: bool = False) -> Callable[[], UnresolvedPath]:
    """An absence that whoever asked gets to know of late: the machine is busy."""

    def answer() -> UnresolvedPath:
        time.sleep(seconds)
        return fault(swapping=swapping)

    return answer


class Asked:
    """Answers in the order given, and counts."""

    def __init__(self, *answers: Callable[[], UnresolvedPath] | str) -> None:
        self.answers = list(answers)
        self.times = 0

    def __call__(self, root: Root, path: str) -> str:
        self.times += 1
        said = self.answers[min(self.times, len(self.answers)) - 1]
        if isinstance(said, str):
            return said
        raise said()


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return WalkedRoot.by_path(str(tmp_path))


@pytest.mark.parametrize(
    ("answers", "times"),
    [
        (["x"], 1),
        ([fault, "x"], 2),
        ([lambda: fault(swapping=True), lambda: fault(swapping=True), "x"], 3),
        ([lambda: fault(swapping=True), fault, "x"], 3),
        ([late(0.15), "x"], 2),
        ([late(1.05, swapping=True), fault, "x"], 3),
    ],
)
def test_what_comes_back_is_found(answers: list[Callable[[], UnresolvedPath] | str], times: int, root: Root) -> None:
    asked = Asked(*answers)
    assert (patiently(root, "/x", asked), asked.times) == ("x", times)


def test_what_is_old_is_believed_at_once(root: Root) -> None:
    asked = Asked(lambda: fault(10))
    with pytest.raises(UnresolvedPath):
        patiently(root, "/x", asked)
    assert asked.times == 1


@pytest.mark.parametrize(("swapping", "least", "most"), [(False, 0.1, 22), (True, 1.0, 1002)])
def test_what_never_comes_back_is_given_up(swapping: bool, least: float, most: int, root: Root) -> None:
    """In a directory that changes all the time after a tenth of a second; a second where a kubelet seems to swap it.
    It is asked every five milliseconds, or every one.
    """
    asked = Asked(lambda: fault(swapping=swapping))
    began = time.monotonic()
    with pytest.raises(UnresolvedPath, match="words"):
        patiently(root, "/x", asked)
    took = time.monotonic() - began
    assert least <= took < least + 5
    assert 1 < asked.times <= most


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.ENAMETOOLONG])
def test_what_is_no_absence_is_raised_as_it_is(number: int, root: Root) -> None:
    def ask(_root: Root, _path: str) -> None:
        raise OSError(number, os.strerror(number))

    with pytest.raises(OSError, match=os.strerror(number)):
        patiently(root, "/x", ask)


def descriptors() -> set[str]:
    return set(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOENT, (FileStatus.ERROR, "changed while it was looked at")),
        (errno.ENOTDIR, (FileStatus.ERROR, "is not a directory")),
        (errno.ELOOP, (FileStatus.BROKEN_SYMLINK, "leads through a link of /proc, which is not followed")),
    ],
)
def test_an_explanation_is_of_the_place_and_leaves_nothing_open(
    number: int, said: tuple[FileStatus, str], tmp_path: Path
) -> None:
    """What has changed meanwhile counts as changed now, the others as their directory did."""
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/file").write_text("")
    os.utime(tmp_path / "a/b", ns=(1, 12345))
    here: Directory = FdDirectory.at(str(tmp_path))
    before = descriptors()
    found = _explanation(here, "/a/../a/b/file", OSError(number, "x"))
    assert (found.status, found.detail, found.target, found.swapping) == (*said, "/a/b/file", False)
    if number == errno.ENOENT:
        assert abs(time.time_ns() - found.changed_ns) < 60 * SECOND
    else:
        assert found.changed_ns == 12345
    other = _explanation(here, "/never", OSError(number, "x"))
    assert (other.status, other.detail) == (ABSENT, "/never does not exist")
    assert descriptors() == before
    here.close()


@pytest.mark.parametrize("way", OPENERS)
def test_each_root_says_the_same_and_leaves_nothing_open(way: str, tmp_path: Path) -> None:
    """Its own path may be a link."""
    (tmp_path / "host/etc").mkdir(parents=True)
    (tmp_path / "host/etc/file").write_text("text")
    (tmp_path / "host/link").symlink_to("/etc")
    (tmp_path / "root").symlink_to("host")
    before = descriptors()
    root = OPENERS[way](str(tmp_path / "root"))
    opened = root.open("/link/file", os.O_RDONLY)
    assert os.read(opened, 10) == b"text"
    os.close(opened)
    assert root.stat("/link/file").st_size == 4
    assert stat.S_ISDIR(root.stat("/link").st_mode)
    assert sorted(root.names("/")) == ["etc", "link"]
    assert (root.names("/link"), root.names("/etc/")) == (["file"], ["file"])
    asked: list[Callable[[str], object]] = [lambda path: root.open(path, os.O_RDONLY), root.stat, root.names]
    for ask in asked:
        with pytest.raises((OSError, UnresolvedPath)):
            ask("/etc/never")
        with pytest.raises((OSError, UnresolvedPath)):
            ask("/etc/file/x")
    os.mkfifo(tmp_path / "host/fifo")  # which nobody writes to: it is not waited for
    for place in ("/etc/file", "/fifo"):
        with pytest.raises(NotADirectoryError):
            root.names(place)
    root.close()
    assert descriptors() == before


class Swapped(FdDirectory):
    """A directory in which a file becomes a link between two looks."""

    def stat(self, name: str) -> os.stat_result:
        os.unlink(name, dir_fd=self.descriptor)
        os.symlink("other", name, dir_fd=self.descriptor)
        return super().stat(name)


def test_what_has_become_a_link_meanwhile_is_not_told_of(tmp_path: Path) -> None:
    """It was none a moment ago."""
    (tmp_path / "file").write_text("")
    root = WalkedRoot(Swapped.at(str(tmp_path)))
    with pytest.raises(OSError, match="Too many levels") as raised:
        root.stat("/file")
    assert (raised.value.errno, raised.value.strerror, raised.value.filename) == (
        errno.ELOOP,
        os.strerror(errno.ELOOP),
        "/file",
    )
    root.close()
