"""The kernel's walk and ours agree on every path and every link, and no text at all is more than an answer."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.reason import FileStatus
from exporter.sources.files import HostFiles
from tests.sources.conftest import OPENERS

PARTS = st.sampled_from(["", ".", "..", "a", "b", "file", "one", "two", "three", "absent"])
PATHS = st.builds(lambda lead, parts: lead + "/".join(parts), st.sampled_from(["", "/"]), st.lists(PARTS, max_size=7))
LINKS = PATHS.filter(bool)


def text(content: bytes) -> str:
    return content.decode()


@settings(max_examples=200, deadline=None)
@given(path=PATHS, one=LINKS, two=LINKS, three=LINKS)
def test_every_way_leads_to_the_same_place(path: str, one: str, two: str, three: str) -> None:
    host = Path(tempfile.mkdtemp())
    try:
        (host / "a/b").mkdir(parents=True)
        for place in ("file", "a/file", "a/b/file"):
            (host / place).write_text(place)
        (host / "one").symlink_to(one)
        (host / "a/two").symlink_to(two)
        (host / "a/b/three").symlink_to(three)
        for directory in ("a/b", "a", "."):
            os.utime(host / directory, (1, 1))  # an absence in a directory that has just changed is waited for
        ways = [HostFiles(host, opener=opener) for opener in OPENERS.values()]
        reads = {(read.status, read.value, read.target) for read in (files.read(path, text) for files in ways)}
        assert len(reads) == 1
        assert len({files.presence(path).status for files in ways}) == 1
        assert len({files.names(path) for files in ways}) == 1
        ((status, value, target),) = reads
        assert status is not FileStatus.ERROR or not path
        assert value is None or f"/{value}" == target
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
