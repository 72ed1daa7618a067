"""What tells one state of a file from another (exporter/file_state.py)."""

import errno
import os
from pathlib import Path

import pytest

from exporter.file_state import file_state, path_state


def status(changed: str = "") -> os.stat_result:
    return os.stat_result(
        [(name == changed) + 1 for name in ("", "st_ino", "st_dev", "", "", "", "st_size", "", "", "")],
        {f"{name}_ns": int(f"{name}_ns" == changed) for name in ("st_atime", "st_mtime", "st_ctime")},
    )


@pytest.mark.parametrize("changed", ["st_dev", "st_ino", "st_size", "st_mtime_ns", "st_ctime_ns"])
def test_a_file_is_another_by_any_of_five_things(changed: str) -> None:
    assert getattr(status(changed), changed) != getattr(status(), changed)
    assert file_state(status(changed)) != file_state(status())


def test_it_is_the_same_file_whoever_has_read_it() -> None:
    assert file_state(status("st_atime_ns")) == file_state(status())


def test_a_path_leads_to_its_file_through_links_or_to_an_error(tmp_path: Path) -> None:
    """Kubernetes swaps the directory that a Secret's files lead to."""
    for version in ("1", "2"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "tls.crt").write_text("the same")
    (tmp_path / "..data").symlink_to("1")
    path = tmp_path / "..data" / "tls.crt"
    before = path_state(path)
    assert before == path_state(path) == file_state((tmp_path / "1" / "tls.crt").stat())
    (tmp_path / "new").symlink_to("2")
    (tmp_path / "new").rename(tmp_path / "..data")
    assert path_state(path) == file_state((tmp_path / "2" / "tls.crt").stat()) != before
    assert path_state(tmp_path / "none") == (errno.ENOENT,)
    assert path_state(path / "none") == (errno.ENOTDIR,)
