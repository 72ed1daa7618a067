"""One directory, by its descriptor and by its path: neither follows a link, and each says what lies there."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.sources.files.directory import Directory, FdDirectory, PathDirectory, host_path


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/a/b", "/a/b"),
        ("/a\\b", "/a\\b"),
        ("C:\\k\\ca.crt", "/k/ca.crt"),
        ("c:/k/ca.crt", "/k/ca.crt"),
        ("\\\\?\\C:\\k\\ca.crt", "/k/ca.crt"),
        ("\\\\.\\pipe", "//./pipe"),
        ("\\k\\a", "/k/a"),
        ("1:\\k", "1:/k"),
        ("CC:\\k", "CC:/k"),
        ("a\\b", "a/b"),
        ("C:", ""),
        ("", ""),
    ],
)
def test_a_path_of_the_node_has_slashes_and_no_drive(path: str, found: str) -> None:
    assert host_path(path) == found


@pytest.fixture(params=[FdDirectory.at, PathDirectory.at], ids=["descriptor", "path"])
def at(request: pytest.FixtureRequest) -> Callable[[str], Directory]:
    opened: Callable[[str], Directory] = request.param
    return opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "here/below").mkdir(parents=True)
    (tmp_path / "here/file").write_text("text")
    (tmp_path / "here/below/one").write_text("")
    (tmp_path / "here/link").symlink_to("below")
    (tmp_path / "here/odd").symlink_to("C:\\odd")
    (tmp_path / "here/to-file").symlink_to("file")
    (tmp_path / "root").symlink_to("here")
    return tmp_path


def refusal(attempt: Callable[[], object]) -> str:
    with pytest.raises(OSError) as raised:
        attempt()
    return errno.errorcode[raised.value.errno or 0]


def test_what_lies_there_is_told_and_no_link_followed(at: Callable[[str], Directory], folder: Path) -> None:
    """But for the root's own."""
    before = set(os.listdir("/proc/self/fd"))
    here = at(str(folder / "root"))
    assert sorted(here.names(".")) == ["below", "file", "link", "odd", "to-file"]
    assert here.names("below") == ["one"]
    assert (here.link("link"), here.link("odd")) == ("below", "C:\\odd")
    assert here.stat("file").st_size == 4
    assert here.stat("link").st_ino == (folder / "here/link").lstat().st_ino
    below = here.child("below")
    assert below.names(".") == ["one"]
    below.close()
    opened = here.open("file", os.O_RDONLY)
    assert os.read(opened, 10) == b"text"
    os.close(opened)
    assert {
        "child of a file": refusal(lambda: here.child("file")),
        "child of a link": refusal(lambda: here.child("link")),
        "child of nothing": refusal(lambda: here.child("never")),
        "link of a file": refusal(lambda: here.link("file")),
        "link of nothing": refusal(lambda: here.link("never")),
        "open a link": refusal(lambda: here.open("to-file", os.O_RDONLY)),
        "names of a file": refusal(lambda: here.names("file")),
    } == {
        "child of a file": "ENOTDIR",
        "child of a link": "ENOTDIR",
        "child of nothing": "ENOENT",
        "link of a file": "EINVAL",
        "link of nothing": "ENOENT",
        "open a link": "ELOOP",
        "names of a file": "ENOTDIR",
    }
    here.close()
    assert set(os.listdir("/proc/self/fd")) <= before, "nothing is left open"


def test_a_directory_by_its_descriptor_is_not_misled(folder: Path) -> None:
    """Not by a link for a directory to list, nor by one that takes its own place."""
    here = FdDirectory.at(str(folder / "here"))
    try:
        assert refusal(lambda: here.names("link")) in {"ENOTDIR", "ELOOP"}
        os.mkfifo(folder / "here/fifo")
        assert refusal(lambda: here.names("fifo")) == "ENOTDIR", "which nobody writes to: it is not waited for"
        (folder / "here").rename(folder / "moved")
        assert here.names("below") == ["one"]
    finally:
        here.close()


def test_what_is_no_directory_is_no_root(at: Callable[[str], Directory], folder: Path) -> None:
    assert refusal(lambda: at(str(folder / "here/file"))) == "ENOTDIR"
    assert refusal(lambda: at(str(folder / "never"))) == "ENOENT"


def test_an_error_names_its_path(folder: Path) -> None:
    """What was made up here says what the system would."""
    here = PathDirectory.at(str(folder / "here"))
    for attempt, name, words in ((here.child, "file", "Not a directory"), (here.link, "file", "Invalid argument")):
        with pytest.raises(OSError, match=words) as raised:
            attempt(name)
        assert (raised.value.strerror, raised.value.filename) == (words, str(folder / "here/file"))
