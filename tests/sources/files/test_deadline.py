"""A look that hangs costs a deadline once, then nothing, and holds one thread."""

import contextlib
import ctypes
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.reason import FileStatus
from exporter.sources.files.host_files import HostFiles

DEADLINE = 1.5


def text(content: bytes) -> str:
    return content.decode()


class Hang:
    """A parser that never ends until it is let go, as a read from a dead disk does."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.begun = 0

    def __call__(self, content: bytes) -> str:
        self.begun += 1
        self.go_on.wait(60)
        return content.decode()


@pytest.fixture
def hang() -> Iterator[Hang]:
    hang = Hang()
    yield hang
    hang.go_on.set()


@pytest.fixture
def files(host: Path) -> HostFiles:
    for name in "abcdefgh":
        (host / "etc" / name).write_text(name)
    return HostFiles(host, deadline=DEADLINE)


def test_a_look_that_hangs_is_a_timeout_and_the_next_one_does_not_wait(files: HostFiles, hang: Hang) -> None:
    begin = time.monotonic()
    first = files.read("/etc/a", hang)
    between = time.monotonic()
    second = files.read("/etc/a", hang)
    end = time.monotonic()
    assert first.status is second.status is FileStatus.TIMEOUT
    assert first.value is second.value is None
    assert [first.detail, second.detail] == ["no answer in time", "an earlier look still hangs"]
    assert between - begin >= DEADLINE
    assert end - between < DEADLINE
    assert hang.begun == 1


def test_scrapes_do_not_pile_up_threads_behind_a_path_that_hangs(files: HostFiles, hang: Hang) -> None:
    wanted = [(f"/etc/{name}", hang if name in "abc" else text) for name in "abcdefgh"]
    files.read_all(wanted)
    threads = threading.active_count()
    for _ in range(20):
        reads = files.read_all(wanted)
        assert [read.status is FileStatus.TIMEOUT for read in reads] == [name in "abc" for name in "abcdefgh"]
    assert threading.active_count() <= threads + 2  # idle ones
    assert hang.begun == 3


def test_every_way_to_look_at_a_path_that_hangs_answers_at_once(files: HostFiles, hang: Hang) -> None:
    files.read("/etc/a", hang)
    begin = time.monotonic()
    assert files.read("/etc/a", text).status is FileStatus.TIMEOUT
    assert files.presence("/etc/a").status is FileStatus.TIMEOUT
    assert files.names("/etc/a") is None
    assert time.monotonic() - begin < DEADLINE


def test_a_path_is_looked_at_again_once_its_former_look_has_ended(files: HostFiles, hang: Hang) -> None:
    assert files.read("/etc/a", hang).status is FileStatus.TIMEOUT
    hang.go_on.set()
    for _ in range(1000):
        if (read := files.read("/etc/a", text)).status is FileStatus.OK:
            break
        time.sleep(0.005)
    assert read.value == "a"


def test_a_batch_takes_one_deadline_however_many_of_its_paths_hang(files: HostFiles, hang: Hang) -> None:
    """And the paths that do not hang are answered, whatever their place among the others."""
    begin = time.monotonic()
    reads = files.read_all([(f"/etc/{name}", text if name in "dg" else hang) for name in "abcdefgh"])
    assert time.monotonic() - begin < 2 * DEADLINE
    assert [read.value for read in reads] == [None, None, None, "d", None, None, "g", None]
    assert {read.status for read in reads if read.value is None} == {FileStatus.TIMEOUT}


def test_one_look_after_the_other_stays_bounded_too(files: HostFiles, hang: Hang) -> None:
    begin = time.monotonic()
    for name in "abcdef":
        assert files.read(f"/etc/{name}", hang).status is FileStatus.TIMEOUT
    assert time.monotonic() - begin < 3 * DEADLINE
    assert files.read("/etc/g", text).value == "g"


def test_two_scrapes_at_once_both_wait_no_longer_than_a_deadline(files: HostFiles, hang: Hang) -> None:
    taken: list[float] = []

    def scrape() -> None:
        begin = time.monotonic()
        files.read_all([(f"/etc/{name}", hang) for name in "abc"])
        taken.append(time.monotonic() - begin)

    threads = [threading.Thread(target=scrape) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 2
    assert max(taken) < 2 * DEADLINE


def test_many_threads_may_ask_at_once(files: HostFiles) -> None:
    wrong: list[object] = []

    def scrape() -> None:
        for _ in range(50):
            reads = files.read_all([(f"/etc/{name}", text) for name in "abcdefgh"])
            wrong.extend(read for read in reads if read.value != read.path[-1])
            wrong.extend(read for read in [files.read("/etc/a", text)] if read.value != "a")

    threads = [threading.Thread(target=scrape) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_no_more_than_a_bounded_number_of_threads_hang(host: Path, hang: Hang) -> None:
    """Even where every one of a thousand paths hangs."""
    wanted = [(f"/etc/{number}", hang) for number in range(1000)]
    for path, _ in wanted:
        (host / path[1:]).write_text(path)
    files = HostFiles(host, deadline=0.05)
    before = threading.active_count()
    for _ in range(100):
        assert {read.status for read in files.read_all(wanted)} == {FileStatus.TIMEOUT}
    assert threading.active_count() - before <= 64


def test_a_process_ends_although_a_look_hangs(host: Path) -> None:
    (host / "etc/a").write_text("a")
    program = """
import sys, threading
from pathlib import Path
from exporter.sources.files.host_files import HostFiles
print(HostFiles(Path(sys.argv[1]), deadline=0.1).read("/etc/a", lambda content: threading.Event().wait()).status)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(host)], capture_output=True, text=True, timeout=30, check=True
    )
    assert (done.stdout, done.stderr) == ("timeout\n", "")


def _mounted_dead_disk(place: Path) -> int:
    """Mount a FUSE file system whose server, we, never answers. Returns the server's descriptor."""
    libc = ctypes.CDLL(None, use_errno=True)
    server = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    options = f"fd={server},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()}"
    if libc.mount(b"dead", os.fsencode(place), b"fuse", 0, options.encode()):
        os.close(server)
        raise OSError(ctypes.get_errno(), "mount")
    return server


@contextlib.contextmanager
def _dead_disk(place: Path) -> Iterator[bool]:
    """Whether the place is now a disk that never answers; a machine may not let us mount one."""
    try:
        server = _mounted_dead_disk(place)
    except OSError:
        yield False
        return
    try:
        yield True
    finally:
        os.close(server)  # which aborts every request: the hung threads end
        ctypes.CDLL(None).umount2(os.fsencode(place), 2)


def test_a_disk_that_never_answers_is_a_timeout_and_leaves_the_other_files_alone(host: Path) -> None:
    """On a machine that lets no file system be mounted the directory is empty, and its files are not found."""
    (host / "etc/a").write_text("a")
    (host / "mnt/dead").mkdir(parents=True)
    files = HostFiles(host, deadline=DEADLINE)
    with _dead_disk(host / "mnt/dead") as dead:
        expected = FileStatus.TIMEOUT if dead else FileStatus.NOT_FOUND
        begin = time.monotonic()
        reads = files.read_all([("/mnt/dead/ca.crt", text), ("/etc/a", text), ("/mnt/dead/x", text)])
        assert [read.status for read in reads] == [expected, FileStatus.OK, expected]
        assert files.presence("/mnt/dead/ca.crt").status is expected
        assert (files.names("/mnt/dead") is None) == dead
        assert time.monotonic() - begin < 2.5 * DEADLINE


def test_a_root_that_never_answers_is_a_timeout_of_every_file(host: Path) -> None:
    (host / "mnt/dead").mkdir(parents=True)
    with _dead_disk(host / "mnt/dead") as dead:
        files = HostFiles(host / "mnt/dead", deadline=DEADLINE)
        for _ in range(3):
            reads = files.read_all([("/etc/ca.crt", text), ("/etc/a", text)])
            assert {read.status for read in reads} == {FileStatus.TIMEOUT if dead else FileStatus.NOT_FOUND}
