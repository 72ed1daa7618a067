"""What an agent that is not root may not read."""

import ctypes
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from exporter.reason import FileStatus
from exporter.sources.files.host_files import HostFiles
from exporter.sources.files.root import Root

T = TypeVar("T")
NOBODY = 65534


def as_nobody(ask: Callable[[], T]) -> T:
    """The answer in a thread without root's rights to files: setfsuid(2) counts for one thread and those it starts."""
    if os.getuid() != 0:
        return ask()
    answers: list[T] = []

    def run() -> None:
        ctypes.CDLL(None).setfsuid(NOBODY)
        answers.append(ask())

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return answers[0]


def text(content: bytes) -> str:
    return content.decode()


@pytest.fixture
def locked() -> Iterator[Path]:
    """A host that anybody may enter, with a file and a directory that only root may use."""
    host = Path(tempfile.mkdtemp())  # pytest's own directories are closed to others
    host.chmod(0o755)
    (host / "open").write_text("open")
    (host / "open").chmod(0o644)
    (host / "closed").write_text("secret")
    (host / "closed").chmod(0)
    (host / "link").symlink_to("/closed")
    (host / "into").symlink_to("/directory/file")
    (host / "directory").mkdir()
    (host / "directory/file").write_text("file")
    (host / "directory").chmod(0)
    yield host
    (host / "directory").chmod(0o755)
    shutil.rmtree(host)


@pytest.mark.parametrize("path", ["/closed", "/link", "/directory/file", "/directory/absent", "/into"])
def test_a_file_that_may_not_be_read_is_permission_denied(
    path: str, locked: Path, opener: Callable[[str], Root]
) -> None:
    files = HostFiles(locked, opener=opener)
    read = as_nobody(lambda: files.read(path, text))
    assert (read.status, read.value) == (FileStatus.PERMISSION_DENIED, None)
    assert read.detail == "Permission denied"


def test_the_other_files_are_read_all_the_same(locked: Path, opener: Callable[[str], Root]) -> None:
    files = HostFiles(locked, opener=opener)
    reads = as_nobody(lambda: files.read_all([("/closed", text), ("/open", text), ("/absent", text)]))
    assert [read.status for read in reads] == [FileStatus.PERMISSION_DENIED, FileStatus.OK, FileStatus.NOT_FOUND]


def test_presence_needs_no_right_to_read_but_one_to_enter(locked: Path, opener: Callable[[str], Root]) -> None:
    files = HostFiles(locked, opener=opener)
    assert as_nobody(lambda: files.presence("/closed")).status is FileStatus.OK
    assert as_nobody(lambda: files.presence("/directory/file")).status is FileStatus.PERMISSION_DENIED
    assert as_nobody(lambda: files.presence("/into")).status is FileStatus.PERMISSION_DENIED


def test_a_directory_that_may_not_be_listed_has_no_names(locked: Path, opener: Callable[[str], Root]) -> None:
    files = HostFiles(locked, opener=opener)
    assert as_nobody(lambda: files.names("/directory")) is None


def test_a_device_that_may_not_be_opened_is_still_not_a_file(locked: Path, opener: Callable[[str], Root]) -> None:
    """A FIFO here, which anybody can make: containers may not open the node's devices."""
    os.mkfifo(locked / "fifo", 0)
    files = HostFiles(locked, opener=opener)
    assert as_nobody(lambda: files.read("/fifo", text)).status is FileStatus.NOT_A_FILE


def test_a_cached_answer_does_not_outlive_the_right_to_read(locked: Path, opener: Callable[[str], Root]) -> None:
    files = HostFiles(locked, opener=opener)

    def scrapes() -> list[FileStatus]:
        return [files.read("/open", text).status, files.read("/open", text).status]

    assert as_nobody(scrapes) == [FileStatus.OK] * 2
    (locked / "open").chmod(0)
    assert as_nobody(scrapes) == [FileStatus.PERMISSION_DENIED] * 2
