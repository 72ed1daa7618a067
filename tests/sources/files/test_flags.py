"""Which flags files are opened with, on a system that has them and on one that has not."""

import os

import pytest

from exporter.sources.files import directory, host_files, prompt, watch
from exporter.sources.files.directory import FdDirectory
from exporter.sources.files.flags import flags

pytestmark = pytest.mark.skipif(not hasattr(os, "O_PATH"), reason="they are Linux's")


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (flags("O_PATH"), os.O_PATH),
        (flags("O_PATH|O_DIRECTORY|O_NEVER|O_NONBLOCK"), os.O_PATH | os.O_DIRECTORY | os.O_NONBLOCK),
        (flags("O_NEVER"), 0),
        (directory._NOFOLLOW, os.O_NOFOLLOW),
        (directory._DIRECTORY, os.O_DIRECTORY),
        (directory._BINARY, getattr(os, "O_BINARY", 0)),
        (FdDirectory._FLAGS, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW),
        (host_files._FLAGS, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY),
        (prompt._OPEN, os.O_PATH),
        (watch._OPEN, os.O_PATH),
    ],
)
def test_a_file_is_opened_with(found: int, wanted: int) -> None:
    """Without waiting for who writes to it, taking no terminal, following no link that is not ours to follow."""
    assert found == wanted
