"""The kernel's walk and ours agree on every path and every link, and no text at all is more than an answer."""

import ctypes
import os
import shutil
import struct
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.reason import FileStatus
from exporter.sources.files import openat2
from exporter.sources.files.host_files import HostFiles
from tests.sources.conftest import OPENERS

DIRECTORIES = ("a/b", "a", ".")
# In every directory there is a file, and each of three links leads to the same text: most paths meet one.
MIDDLE = st.lists(st.sampled_from(["a", "b", "..", "one", "two", "three", ".", ""]), max_size=4)
LAST = st.sampled_from(["file", "file", "one", "two", "three", "a", "..", "absent", ""])
PATHS = st.builds(lambda lead, middle, last: lead + "/".join([*middle, last]), st.sampled_from(["", "/"]), MIDDLE, LAST)
LINKS = PATHS.filter(bool)


def text(content: bytes) -> str:
    return content.decode()


@settings(max_examples=settings().max_examples // 2, deadline=None)
@given(paths=st.lists(PATHS, min_size=10, max_size=20), one=LINKS, two=LINKS, three=LINKS)
def test_every_way_leads_to_the_same_place(paths: list[str], one: str, two: str, three: str) -> None:
    host = Path(tempfile.mkdtemp())
    try:
        (host / "a/b").mkdir(parents=True)
        for directory in DIRECTORIES:
            (host / directory / "file").write_text(str(Path("/", directory, "file")))
            for name, target in (("one", one), ("two", two), ("three", three)):
                (host / directory / name).symlink_to(target)
            os.utime(host / directory, (1, 1))  # an absence in a directory that has just changed is waited for
        ways = [HostFiles(host, opener=opener) for opener in OPENERS.values()]
        first, *others = [
            [(read.status, read.value, read.target) for read in files.read_all([(path, text) for path in paths])]
            for files in ways
        ]
        for other in others:
            assert dict(zip(paths, other, strict=True)) == dict(zip(paths, first, strict=True))
        for path, (status, value, target) in zip(paths, first, strict=True):
            assert len({files.presence(path).status for files in ways}) == 1
            assert len({files.names(path) for files in ways}) == 1
            assert status is not FileStatus.ERROR or not path
            assert value is None or value == target
    finally:
        shutil.rmtree(host)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> list[HostFiles]:
    """An empty host, by every way."""
    host = tmp_path_factory.mktemp("empty")
    os.utime(host, (1, 1))
    return [HostFiles(host, opener=opener) for opener in OPENERS.values()]


@settings(deadline=None)
@given(path=st.text(st.characters(exclude_categories=())))
def test_any_text_is_answered(empty: list[HostFiles], path: str) -> None:
    """Lone surrogates, NULs and whatever else a kubeconfig may call a path."""
    for files in empty:
        read = files.read(path, text)
        assert read.status in {FileStatus.NOT_FOUND, FileStatus.NOT_A_FILE, FileStatus.ERROR}
        assert read.detail
        assert files.presence(path).status is read.status


@pytest.mark.skipif(sys.platform != "linux", reason="openat2 is Linux's")
def test_the_kernels_walk_is_one_of_the_ways_where_it_has_one() -> None:
    """Else the tests of it would be passed over."""
    how = struct.pack("=QQQ", os.O_PATH | os.O_CLOEXEC, 0, 0)
    found = ctypes.CDLL(None).syscall(437, -100, b"/", how, ctypes.c_size_t(len(how)))
    if found >= 0:
        os.close(found)
    assert ("openat2" in OPENERS) is openat2.supported() is (found >= 0)
