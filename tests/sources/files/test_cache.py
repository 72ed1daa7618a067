"""A file is parsed once for each state of it, and no state is missed."""

import gc
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.facts.x509 import EmptyFileError, NoCertificateError
from exporter.reason import FileStatus
from exporter.sources.files.host_files import HostFiles
from exporter.sources.files.root import Root


class Counted:
    """A parser that counts its calls."""

    def __init__(self, error: Exception | None = None) -> None:
        self.calls = 0
        self.error = error

    def __call__(self, content: bytes) -> str:
        self.calls += 1
        if self.error is not None:
            raise self.error
        return content.decode()


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A host whose files changed long enough ago for their versions to be trusted."""
    host = tmp_path_factory.mktemp("settled")
    for name in "abc":
        (host / name).write_text(name)
    (host / "link").symlink_to("a")
    while time.time_ns() - (host / "link").lstat().st_ctime_ns < 2_100_000_000:
        time.sleep(0.05)
    return host


def test_a_file_that_did_not_change_is_parsed_once(settled: Path, opener: Callable[[str], Root]) -> None:
    files, parse = HostFiles(settled, opener=opener), Counted()
    first = files.read("/a", parse)
    assert [files.read("/a", parse) for _ in range(5)] == [first] * 5
    assert parse.calls == 1
    assert first.target == "/a"


def test_each_path_and_each_parser_has_its_own_answer(settled: Path) -> None:
    files, parse, other = HostFiles(settled), Counted(), Counted()
    for _ in range(2):
        assert [read.value for read in files.read_all([("/a", parse), ("/b", parse), ("/link", parse)])] == [
            "a",
            "b",
            "a",
        ]
    assert files.read("/a", other).value == "a"
    assert (parse.calls, other.calls) == (3, 1)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (EmptyFileError("empty"), FileStatus.EMPTY),
        (NoCertificateError("none"), FileStatus.NO_CERTIFICATE),
        (ValueError("one\ntwo"), FileStatus.MALFORMED),
        (RecursionError("deep"), FileStatus.MALFORMED),
    ],
)
def test_a_failed_parse_is_remembered_too(error: Exception, status: FileStatus, settled: Path) -> None:
    files, parse = HostFiles(settled), Counted(error)
    reads = [files.read("/a", parse) for _ in range(3)]
    assert {read.status for read in reads} == {status}
    assert {read.detail for read in reads} == {" ".join(str(error).split())}
    assert reads[0].value is None
    assert reads[0].version is not None
    assert parse.calls == 1


def test_a_parsers_own_fault_is_an_error_that_quotes_nothing(settled: Path) -> None:
    files = HostFiles(settled)
    read = files.read("/a", Counted(KeyError("a secret from the file")))
    assert (read.status, read.detail) == (FileStatus.ERROR, "KeyError while parsing")


def test_a_replaced_file_is_seen_by_the_next_read(settled: Path, tmp_path: Path) -> None:
    (tmp_path / "host").symlink_to(settled)
    files, parse = HostFiles(tmp_path / "host"), Counted()
    assert files.read("/c", parse).value == "c"
    (settled / "new").write_text("d")
    (settled / "new").rename(settled / "c")
    assert files.read("/c", parse).value == "d"


def test_a_link_led_elsewhere_is_seen_by_the_next_read(settled: Path) -> None:
    files, parse = HostFiles(settled), Counted()
    (settled / "led").symlink_to("a")
    assert files.read("/led", parse).value == "a"
    (settled / "led").unlink()
    (settled / "led").symlink_to("b")
    assert files.read("/led", parse).value == "b"


def test_rewriting_a_file_within_one_tick_of_the_clock_is_never_missed(
    host: Path, opener: Callable[[str], Root]
) -> None:
    """Same inode, same size, and often the same mtime and ctime: only distrust of young versions tells them apart."""
    files, parse = HostFiles(host, opener=opener), Counted()
    descriptor = os.open(host / "etc/rewritten", os.O_WRONLY | os.O_CREAT)
    try:
        for number in range(500):
            content = f"{number:06}"
            os.pwrite(descriptor, content.encode(), 0)
            assert files.read("/etc/rewritten", parse).value == content
    finally:
        os.close(descriptor)


def test_a_file_that_changed_a_moment_ago_is_parsed_every_time(host: Path, opener: Callable[[str], Root]) -> None:
    """Where the clock of the file system has ticks, as before Linux 6.13, its version proves nothing yet."""
    files, parse = HostFiles(host, opener=opener), Counted()
    (host / "etc/fresh").write_text("fresh")
    assert [files.read("/etc/fresh", parse).value for _ in range(3)] == ["fresh"] * 3
    assert parse.calls == 3


def test_an_mtime_in_the_future_does_not_keep_a_file_from_being_remembered(settled: Path) -> None:
    """Only the system sets ctime; that decides."""
    files, parse = HostFiles(settled), Counted()
    state = (settled / "b").stat()
    os.utime(settled / "b", (state.st_atime, time.time() + 1e6))
    while time.time_ns() - (settled / "b").stat().st_ctime_ns < 2_100_000_000:
        time.sleep(0.05)
    assert [files.read("/b", parse).value for _ in range(3)] == ["b"] * 3
    assert parse.calls == 1


def test_the_bytes_of_a_file_do_not_outlive_the_parse(settled: Path) -> None:
    """They may hold a private key: once the answer is there, the test's own reference is the last one."""
    (settled / "secret").write_text("secret" * 100)
    kept: list[bytes] = []

    def accept(content: bytes) -> int:
        kept.append(content)
        return len(content)

    def refuse(content: bytes) -> int:
        kept.append(content)
        raise ValueError(f"{len(content)} bytes")

    files = HostFiles(settled)
    assert files.read("/secret", accept).value == 600
    assert files.read("/secret", refuse).status is FileStatus.MALFORMED
    assert files.read("/a", Counted()).value == "a"  # the worker has gone on to something else
    gc.collect()
    free = b"free" * 100
    assert [sys.getrefcount(kept[0]), sys.getrefcount(kept[1])] == [sys.getrefcount([free][0]) - 1] * 2


def test_the_cache_is_bounded(settled: Path) -> None:
    """A parser made anew for each call never meets its answer, and must not fill the memory."""
    files = HostFiles(settled, deadline=30.0)
    parsers = [Counted() for _ in range(5000)]
    files.read_all([("/a", parse) for parse in parsers])
    files.read_all([("/a", parse) for parse in parsers[-4000:]])
    assert {parse.calls for parse in parsers} == {1}
    files.read("/a", parsers[0])
    assert parsers[0].calls == 2
