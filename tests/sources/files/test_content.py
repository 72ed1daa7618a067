"""An open file's bytes and the state they belong to, whatever becomes of it meanwhile."""

import os
import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from types import FrameType

import pytest

from exporter.file_state import file_state
from exporter.sources.files import content
from exporter.sources.files.content import read_content


@pytest.fixture
def file(tmp_path: Path) -> Iterator[int]:
    """A file of six bytes that is new."""
    (tmp_path / "file").write_bytes(b"abcdef")
    descriptor = os.open(tmp_path / "file", os.O_RDWR)
    yield descriptor
    os.close(descriptor)


def test_a_state_is_where_a_file_is_and_how_it_was_last_changed(file: int) -> None:
    found = os.fstat(file)
    assert file_state(found) == (found.st_dev, found.st_ino, 6, found.st_mtime_ns, found.st_ctime_ns)


@pytest.mark.parametrize(
    ("cap", "bytes_"), [(100, b"abcdef"), (6, b"abcdef"), (5, b"abcdef"), (4, b"abcde"), (0, b"a")]
)
def test_one_byte_more_than_the_cap_is_read(cap: int, bytes_: bytes, file: int) -> None:
    state = file_state(os.fstat(file))
    assert read_content(file, state, cap) == (bytes_, state, False)


@pytest.mark.parametrize("size", [0, 3, 6, 7, 1000])
def test_the_end_is_where_the_bytes_end_whatever_the_size_says(size: int, file: int) -> None:
    """In /proc it says 0."""
    assert content._bytes(file, size, 1000) == b"abcdef"


def test_a_large_file_is_read_in_pieces(file: int) -> None:
    whole = os.urandom(300_000)
    os.pwrite(file, whole, 0)
    assert content._bytes(file, 0, 1 << 20) == whole
    os.lseek(file, 0, os.SEEK_SET)
    assert content._bytes(file, 0, 200_000) == whole[:200_001]


def test_a_file_that_was_changed_since_it_was_looked_at_is_read_again(file: int) -> None:
    """From its beginning, and with the state that the bytes belong to."""
    before = file_state(os.fstat(file))
    os.pwrite(file, b"ghijklm", 0)
    state = file_state(os.fstat(file))
    assert state != before
    assert read_content(file, before, 100) == (b"ghijklm", state, False)


SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("ctime", "mtime", "racy"),
    [
        (-3 * SECOND, -3 * SECOND, False),
        (-2 * SECOND, -2 * SECOND, False),
        (-2 * SECOND + 1, -9 * SECOND, True),
        (1, -9 * SECOND, True),
        (-9 * SECOND, -2 * SECOND + 1, True),
        (-9 * SECOND, -2 * SECOND, False),
        (-9 * SECOND, 0, True),
        (-9 * SECOND, 1, False),
        (-9 * SECOND, 9 * SECOND, False),
    ],
)
def test_a_state_of_the_last_two_seconds_may_not_be_trusted(ctime: int, mtime: int, racy: bool) -> None:
    """By ctime, which cannot be set; by an mtime only where it is not of the future."""
    now = time.time_ns()
    assert content._racy((1, 2, 3, now + mtime, now + ctime), now) is racy


def test_a_state_that_has_settled_is_trusted(file: int) -> None:
    """Three times at most it is asked whether it stays the same."""
    here = "/usr/lib/os-release" if os.path.exists("/usr/lib/os-release") else os.__file__
    descriptor = os.open(here, os.O_RDONLY)
    try:
        state = file_state(os.fstat(descriptor))
        found, after, settled = read_content(descriptor, state, 1 << 20)
    finally:
        os.close(descriptor)
    assert (found, after, settled) == (Path(here).read_bytes(), state, True)


def test_a_file_that_never_stays_the_same_is_given_up_after_three_readings(file: int) -> None:
    """Its last bytes and state are told, and not trusted. It is written whenever it is about to be read; whoever writes
    it is given a moment in between.
    """
    readings, pauses = count(1), list[object]()

    def write(_frame: FrameType, event: str, called: object) -> None:
        if event == "c_call" and called is os.read:
            os.utime(file, (now := next(readings), now))
        elif event == "c_call" and called is time.sleep:
            pauses.append(called)

    state = file_state(os.fstat(file))
    sys.setprofile(write)
    try:
        found = read_content(file, state, 100)
    finally:
        sys.setprofile(None)
    assert found == (b"abcdef", file_state(os.fstat(file)), False)
    assert found[1][3] == 6 * SECOND, "read to its end three times"
    assert len(pauses) == 2


def test_a_file_that_says_less_than_it_holds_is_read_to_the_byte_beyond_the_cap(file: int) -> None:
    assert content._bytes(file, 3, 4) == b"abcde"
