"""Every answer of HostFiles to the last field: what a look says, what refuses it, what is kept and given back."""

import errno
import fcntl
import os
import stat
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from exporter.facts.certificate import EmptyFileError, NoCertificateError
from exporter.facts.host.read import Look, Parse, Read, Version, Way
from exporter.file_state import file_state
from exporter.reason import FileStatus
from exporter.sources.files import host_files, openat2
from exporter.sources.files.directory import FdDirectory
from exporter.sources.files.host_files import CAP, HostFiles
from exporter.sources.files.prompt import _LOCAL
from exporter.sources.files.resolve import UnresolvedPath
from exporter.sources.files.root import KernelRoot, Root, WalkedRoot
from exporter.sources.parsing.interface import Later, ParserFailure
from tests.sources.conftest import OPENERS
from tests.sources.files.test_deadline_workers import until

OK, ERROR, ABSENT, NO_FILE = FileStatus.OK, FileStatus.ERROR, FileStatus.NOT_FOUND, FileStatus.NOT_A_FILE


def text(content: bytes) -> object:
    return content.decode()


def version(path: Path) -> Version:
    return Version(*file_state(path.stat()))


@pytest.fixture
def node(tmp_path: Path) -> Path:
    (tmp_path / "etc/folder").mkdir(parents=True)
    (tmp_path / "etc/file").write_text("text")
    (tmp_path / "etc/link").symlink_to("/etc/file")
    (tmp_path / "etc/gone").symlink_to("/etc/never")
    os.mkfifo(tmp_path / "etc/fifo")
    for place in ("etc/folder", "etc"):
        os.utime(tmp_path / place, (1, 1))
    return tmp_path


@pytest.mark.parametrize("way", OPENERS)
def test_each_look_has_its_answer_and_nothing_is_left_open(way: str, node: Path) -> None:
    """Of all kinds, in one hand-off."""
    files = HostFiles(node, deadline=30.0, opener=OPENERS[way])
    here = version(node / "etc/file")
    wanted: dict[Look, Read[object]] = {
        Look("/etc/file", text, CAP): Read("/etc/file", OK, "text", here, "/etc/file"),
        Look("/etc/link", text, CAP): Read("/etc/link", OK, "text", here, "/etc/file"),
        Look("C:\\etc\\file", text, CAP): Read("C:\\etc\\file", OK, "text", here, "/etc/file"),
        Look("/etc/file", text, 3): Read("/etc/file", FileStatus.TOO_LARGE, None, here, "", "more than 3 bytes"),
        Look("/etc/file", text, 4): Read("/etc/file", OK, "text", here, "/etc/file"),
        Look("/etc/folder", text, CAP): Read("/etc/folder", NO_FILE, detail="is a directory"),
        Look("/etc/fifo", text, CAP): Read("/etc/fifo", NO_FILE, detail="is a FIFO"),
        Look("/etc/never", text, CAP): Read(
            "/etc/never", ABSENT, None, None, "/etc/never", "/etc/never does not exist"
        ),
        Look("/etc/gone", text, CAP): Read(
            "/etc/gone",
            FileStatus.BROKEN_SYMLINK,
            target="/etc/never",
            detail="leads to /etc/never, which does not exist",
        ),
        Look("/etc/file", Way.PRESENCE): Read("/etc/file", OK, None, here),
        Look("/etc/folder", Way.PRESENCE): Read("/etc/folder", NO_FILE, detail="is a directory"),
        Look("/etc/fifo", Way.PRESENCE): Read("/etc/fifo", NO_FILE, detail="is a FIFO"),
        Look("/etc/folder", Way.NAMES): Read("/etc/folder", OK, ()),
        Look("/etc", Way.NAMES): Read("/etc", OK, ("fifo", "file", "folder", "gone", "link")),
        Look("/etc/file", Way.NAMES): Read("/etc/file", ERROR, detail="Not a directory"),
        Look("", text, CAP): Read("", ERROR, detail="the path is empty"),
        Look("/a\0b", text, CAP): Read("/a\0b", ERROR, detail="the path holds a NUL"),
        Look("/\ud800", text, CAP): Read("/\ud800", ERROR, detail="the path is not text of this system"),
        Look("/" + "a" * 300, text, CAP): Read("/" + "a" * 300, ERROR, detail="File name too long"),
    }
    files.look_all([Look("/etc/file", text, CAP)])
    until(lambda: files._workers._idle == 1)
    before = set(os.listdir("/proc/self/fd"))
    found = dict(zip(wanted, files.look_all(list(wanted)), strict=True))
    # A walk says it of the name, the kernel of the whole.
    other = Look("/etc/file", Way.NAMES)
    assert found.pop(other).status in {ERROR, NO_FILE}
    del wanted[other]
    assert found == wanted
    until(lambda: set(os.listdir("/proc/self/fd")) <= before)  # the thread lets go of the root after it has answered


def test_what_is_asked_for_by_name_is_the_same(node: Path) -> None:
    files = HostFiles(node, deadline=30.0)
    assert files.read("/etc/file", text) == files.look_all([Look("/etc/file", text, CAP)])[0]
    assert files.read("/etc/file", text, cap=3).status is FileStatus.TOO_LARGE
    assert files.read_all([("/etc/file", text), ("/etc/link", text)], cap=3) == [
        files.read("/etc/file", text, cap=3),
        files.read("/etc/link", text, cap=3),
    ]
    assert files.presence("/etc/file") == files.look_all([Look("/etc/file", Way.PRESENCE)])[0]
    assert (files.names("/etc/folder"), files.names("/never")) == ((), None)
    (node / "large").write_bytes(b"x" * (CAP + 1))
    assert files.read("/large", text).detail == "more than 1048576 bytes"
    os.truncate(node / "large", CAP)
    assert files.read("/large", text).status is OK


def test_a_file_that_is_larger_than_it_says_is_too_large_as_well() -> None:
    """As those of proc(5) are, which say that they are empty."""
    files = HostFiles(Path("/"), deadline=30.0)
    with open("/proc/version", "rb") as held:  # or the kernel may forget it, and make it anew
        here = Version(*file_state(os.fstat(held.fileno())))
        whole = len(held.read())
        assert [files.read("/proc/version", len, cap=cap) for cap in (0, whole - 1, whole)] == [
            Read("/proc/version", FileStatus.TOO_LARGE, None, here, detail="more than 0 bytes"),
            Read("/proc/version", FileStatus.TOO_LARGE, None, here, detail=f"more than {whole - 1} bytes"),
            Read("/proc/version", OK, whole, here, "/proc/version"),
        ]


def test_ten_thousand_names_are_told_and_no_more() -> None:
    class Many(WalkedRoot):
        def names(self, path: str) -> list[str]:
            return [f"{number:05}" for number in range(10_001, 0, -1)]

    found = HostFiles(Path("/"), deadline=30.0, opener=Many.by_descriptor).names("/")
    assert found == tuple(f"{number:05}" for number in range(1, 10_001))


@pytest.mark.parametrize(
    ("error", "status", "detail"),
    [
        (EmptyFileError("nothing\nthere"), FileStatus.EMPTY, "nothing there"),
        (NoCertificateError("none"), FileStatus.NO_CERTIFICATE, "none"),
        (ValueError("x" * 300), FileStatus.MALFORMED, "x" * 200),
        (RecursionError("deep"), FileStatus.MALFORMED, "deep"),
        (LookupError("secret"), ERROR, "LookupError while parsing"),
        (MemoryError("secret"), ERROR, "MemoryError while parsing"),
    ],
)
def test_what_a_parser_raises_is_a_status_in_one_line(
    error: Exception, status: FileStatus, detail: str, node: Path
) -> None:
    """In this process and in another."""

    def raises() -> object:
        raise error

    def now(_content: bytes) -> object:
        raise error

    def later(_content: bytes) -> object:
        return Later(raises)

    files = HostFiles(node, deadline=30.0)
    here = version(node / "etc/file")
    wanted: Read[object] = Read("/etc/link", status, None, here, "/etc/file", detail)
    assert [files.read("/etc/link", one) for one in (now, later)] == [wanted, wanted]


def test_a_failure_of_the_other_process_is_told_and_not_kept(tmp_path: Path) -> None:
    """What it says is kept as what this one says; only of files that have settled."""
    here = "/usr/lib/os-release" if os.path.exists("/usr/lib/os-release") else os.__file__
    said: list[object] = [ParserFailure(FileStatus.TIMEOUT, "no\nanswer"), "parsed", "again"]

    def value() -> object:
        found = said.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    def later(_content: bytes) -> object:
        return Later(value)

    files = HostFiles(Path("/"), deadline=30.0)
    first, second, third = (files.read(here, later) for _ in range(3))
    whole = version(Path(here))
    assert (first.status, first.value, first.detail, first.version) == (FileStatus.TIMEOUT, None, "no answer", whole)
    assert first.target == second.target == os.path.realpath(here)
    assert (second.status, second.value, third is second, said) == (OK, "parsed", True, ["again"])
    (tmp_path / "new").write_text("x")
    new = HostFiles(tmp_path, deadline=30.0)
    said[:] = ["one", "two"]
    assert [new.read("/new", later).value for _ in range(2)] == ["one", "two"]


class Refusing:
    """A root in which opening is refused, and perhaps asking, too."""

    def __init__(self, number: int, state: os.stat_result | Exception) -> None:
        self.number, self.state = number, state

    def stat(self, path: str) -> os.stat_result:
        if isinstance(self.state, Exception):
            raise self.state
        return self.state


def of_kind(kind: int) -> os.stat_result:
    return os.stat_result((kind, 0, 0, 0, 0, 0, 0, 0, 0, 0))


DENIED = FileStatus.PERMISSION_DENIED
FILE, FOLDER, DEVICE = of_kind(stat.S_IFREG), of_kind(stat.S_IFDIR), of_kind(stat.S_IFCHR)


@pytest.mark.parametrize(
    ("number", "state", "said"),
    [
        (errno.EACCES, FILE, (DENIED, "Permission denied")),
        (errno.EPERM, FILE, (DENIED, "Operation not permitted")),
        (errno.EACCES, DEVICE, (NO_FILE, "is a device")),
        (errno.EPERM, FOLDER, (NO_FILE, "is a directory")),
        (errno.ENXIO, of_kind(stat.S_IFSOCK), (NO_FILE, "is a socket")),
        (errno.ENODEV, of_kind(stat.S_IFBLK), (NO_FILE, "is a device")),
        (errno.ENXIO, FILE, (ERROR, "No such device or address")),
        (errno.EACCES, PermissionError(errno.EACCES, "x"), (DENIED, "Permission denied")),
        (errno.EACCES, UnresolvedPath(ABSENT, "x", "x"), (DENIED, "Permission denied")),
        (errno.EIO, DEVICE, (ERROR, "Input/output error")),
    ],
)
def test_what_refuses_is_told_by_what_it_is(
    number: int, state: os.stat_result | Exception, said: tuple[FileStatus, str]
) -> None:
    """A device that a container may not open is a device before all else."""
    root: Root = Refusing(number, state)  # type: ignore[assignment]
    found = host_files._refusal(root, "/x", OSError(number, os.strerror(number)))
    assert found == Read("/x", said[0], detail=said[1])


def test_an_error_without_the_systems_words_has_its_own() -> None:
    root: Root = Refusing(0, FILE)  # type: ignore[assignment]
    assert host_files._refusal(root, "/x", OSError("of\nmine")) == Read("/x", ERROR, detail="of mine")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (UnresolvedPath(ABSENT, "not\nthere", "/t"), Read("/x", ABSENT, target="/t", detail="not there")),
        (OSError(errno.EIO, "Input/output error"), Read("/x", ERROR, detail="Input/output error")),
        (MemoryError(), Read("/x", ERROR, detail="MemoryError while looking")),
        (UnicodeEncodeError("utf-8", "x", 0, 1, "x"), Read("/x", ERROR, detail="the path is not text of this system")),
    ],
)
def test_whatever_ends_a_look_is_its_answer(error: Exception, said: Read[object]) -> None:
    def look(_root: Root, number: int) -> Read[object]:
        assert number == 7
        raise error

    root: Root = Refusing(0, FILE)  # type: ignore[assignment]
    assert host_files._answer(root, "/x", look, 7) == said


def test_what_has_no_answer_says_why() -> None:
    assert host_files._late("/x", True) == Read("/x", FileStatus.TIMEOUT, detail="an earlier look still hangs")
    assert host_files._late("/x", False) == Read("/x", FileStatus.TIMEOUT, detail="no answer in time")
    assert host_files._failed("/x", None) == Read("/x", ERROR, detail="the look was broken off")


def test_a_root_that_is_not_there_is_the_answer_to_everything(tmp_path: Path) -> None:
    """None of its marks holds; and nothing can be told at once."""
    files = HostFiles(tmp_path / "never", deadline=30.0)
    detail = f"the host root {tmp_path}/never: No such file or directory"
    assert files.read_all([("/a", text), ("/b", text)]) == [Read(one, ERROR, detail=detail) for one in ("/a", "/b")]
    assert files.holding([(b"/", (0, 0, 0, 0, 0))]) == frozenset()
    assert files.prompt([]) is None
    assert files._quick._hung == set(), "that was told, and not waited for"
    assert files.as_marked_at_once([]) is False


@pytest.mark.skipif(not openat2.supported(), reason="this system has no openat2")
def test_marks_are_only_where_the_kernel_walks(node: Path) -> None:
    """By openat2; what is walked here is asked again each time."""
    wanted = [Look("/etc/file", Way.PRESENCE), Look("/etc/never", Way.PRESENCE), Look("/etc/file", text, CAP)]
    walked = HostFiles(node, deadline=30.0, opener=WalkedRoot.by_descriptor)
    known = dict(zip(wanted, walked.look_all(wanted), strict=True))
    assert walked.look_again(wanted, known) == (known, {})
    mark = b"/etc/file", file_state((node / "etc/file").stat())
    assert (walked.holding([mark]), walked.prompt([])) == (frozenset(), None)
    place = os.open(node, os.O_PATH)
    local = openat2.file_system(place) in _LOCAL
    os.close(place)
    files = HostFiles(node, deadline=30.0)
    before = set(os.listdir("/proc/self/fd"))
    assert files.look_again(wanted, known) == (known, {wanted[0]: mark}), "the directory has only just changed"
    assert files.holding([mark, (b"/never", mark[1])]) == {mark}
    assert [files.prompt([mark]), files.prompt([])] == [local, local]
    until(lambda: len(set(os.listdir("/proc/self/fd")) - before) <= 1)  # the table of mounts
    assert host_files._opener() == KernelRoot.by_descriptor


@pytest.mark.skipif(not openat2.supported(), reason="this system has no openat2")
def test_what_was_not_there_before_either_rests_on_its_directory(tmp_path: Path) -> None:
    """And bytes that are known on the state of their file."""
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    while time.time_ns() - max(tmp_path.stat().st_ctime_ns, (tmp_path / "folder").stat().st_ctime_ns) < 2_050_000_000:
        time.sleep(0.05)
    absent, listed, parsed = Look("/never", text, CAP), Look("/folder", Way.NAMES), Look("/file", text, CAP)
    files = HostFiles(tmp_path, deadline=30.0)
    wanted = [absent, listed, parsed]
    known = dict(zip(wanted, files.look_all(wanted), strict=True))
    above = b"/", file_state(tmp_path.stat())
    names = b"/folder", file_state((tmp_path / "folder").stat())
    file = b"/file", file_state((tmp_path / "file").stat())
    assert files.look_again(wanted, known) == (known, {absent: above, listed: names, parsed: file})
    before: dict[Look, Read[object]] = {**known, absent: Read("/never", OK), listed: Read("/folder", ABSENT)}
    assert files.look_again(wanted, before) == (known, {parsed: file}), "their status is another one"
    small = Look("/file", text, 0)
    too_large = files.look_all([small])[0]
    assert files.look_again([small], {small: too_large}) == ({small: too_large}, {}), "its bytes are not known"


def test_the_answers_that_were_asked_for_last_are_kept(tmp_path: Path) -> None:
    """Four thousand and ninety-six; what is asked for again is the newest."""
    files = HostFiles(tmp_path, deadline=30.0)
    parsers: list[Parse[object]] = [partial(bytes.hex, sep=str(number)) for number in range(4097)]
    read: Read[object] = Read("/x", OK, "x")
    state = (1, 2, 3, 4, 5)
    for parse in parsers[:4096]:
        files._keep("/x", parse, state, read)
    assert files._cached("/x", parsers[0], state) is read
    files._keep("/x", parsers[1], state, read)
    files._keep("/x", parsers[4096], state, read)
    kept: Callable[[int], bool] = lambda number: files._cached("/x", parsers[number], state) is not None  # noqa: E731
    assert [kept(number) for number in (0, 1, 2, 3, 4096)] == [True, True, False, True, True]
    files._keep("/x", parsers[3], state, read)
    assert len(files._cache) == 4096
    assert files._cached("/x", parsers[0], (1, 2, 3, 4, 6)) is None


def test_a_target_is_told_while_the_path_leads_to_the_same_file(node: Path) -> None:
    root = WalkedRoot.by_descriptor(str(node))
    before = set(os.listdir("/proc/self/fd"))
    state, other = file_state((node / "etc/file").stat()), file_state((node / "etc/folder").stat())
    assert host_files._target(root, "/etc/link", state) == "/etc/file"
    assert [host_files._target(root, path, one) for path, one in (("/etc/link", other), ("/etc/gone", state))] == [
        "",
        "",
    ]
    assert set(os.listdir("/proc/self/fd")) == before
    root.close()


def test_a_path_whose_former_look_hangs_is_told_of_at_once(node: Path) -> None:
    files = HostFiles(node, deadline=30.0)
    files._workers._hung.add("/etc/file")
    late: Read[None] = Read("/etc/file", FileStatus.TIMEOUT, detail="an earlier look still hangs")
    assert files.presence("/etc/file") == late
    assert files.presence("/etc/folder").status is NO_FILE


class Vanishing(FdDirectory):
    """A directory whose files go before they are asked for their state."""

    def stat(self, name: str) -> os.stat_result:
        os.unlink(name, dir_fd=self.descriptor)
        return super().stat(name)


def test_what_has_gone_meanwhile_has_no_target(node: Path) -> None:
    root = WalkedRoot(Vanishing.at(str(node)))
    state = file_state((node / "etc/file").stat())
    assert host_files._target(root, "/etc/file", state) == ""
    assert not (node / "etc/file").exists()
    root.close()


@pytest.mark.skipif(not openat2.supported(), reason="this system has no openat2")
def test_to_compare_states_nothing_is_read(node: Path) -> None:
    """Neither a right to read the root is needed, nor does a disk have to be waited for."""
    found = HostFiles(node, deadline=30.0)._quickly(lambda root: fcntl.fcntl(root, fcntl.F_GETFL))
    assert found is not None
    assert found & (os.O_PATH | os.O_DIRECTORY) == os.O_PATH | os.O_DIRECTORY


def test_to_compare_states_takes_an_eighth_of_the_deadline_at_most(node: Path) -> None:
    files = HostFiles(node, deadline=8.0)
    assert (files._workers._deadline, files._quick._deadline) == (8.0, 1.0)
    assert HostFiles(node)._workers._deadline == 2.0
