"""The gate of coverage: what counts, and what is printed of what is missing."""

import pytest

from tools.coverage_gate import LEAST, PARTS, UNMEASURED, Coverage, coverage_of, gaps
from tools.generated import ROOT

SUMMARY = {"num_statements": 80, "covered_lines": 78, "num_branches": 20, "covered_branches": 15}


def test_branches_count_as_lines_do() -> None:
    """All lines run and half of the branches taken is not covered."""
    assert coverage_of(SUMMARY) == Coverage(80, 78, 20, 15)
    assert Coverage(80, 80, 20, 10).percent == pytest.approx(90)
    assert Coverage(80, 80, 20, 10).percent < LEAST <= Coverage(80, 80, 20, 15).percent
    assert Coverage(0, 0, 0, 0).percent == pytest.approx(100)
    assert str(coverage_of(SUMMARY)) == "93.0 % (2 of 80 lines and 5 of 20 branches not taken)"


def test_each_gap_is_told_by_its_lines() -> None:
    """The least covered first; a branch from a line that was never run is no gap of its own."""
    half = {"num_statements": 4, "covered_lines": 2, "num_branches": 2, "covered_branches": 0}
    whole = {"num_statements": 4, "covered_lines": 4, "num_branches": 2, "covered_branches": 2}
    files = {
        "exporter/a.py": {"summary": SUMMARY, "missing_lines": [7], "missing_branches": [[5, -3], [9, 12], [7, 8]]},
        "exporter/b.py": {"summary": half, "missing_lines": [3, 4, 9, 11, 12, 13], "missing_branches": []},
        "exporter/c.py": {"summary": whole, "missing_lines": [], "missing_branches": []},
    }
    assert [line.split() for line in gaps({"files": files})] == [  # type: ignore[dict-item]
        ["exporter/b.py", "33.3", "%", "3-4,", "9,", "11-13"],
        ["exporter/a.py", "93.0", "%", "7,", "5->exit,", "9->12"],
    ]


def test_what_is_run_and_left_out_is_there() -> None:
    """A test that was renamed would come back unnoticed."""
    assert all((ROOT / "tests" / part).is_dir() for part in PARTS)
    for one in UNMEASURED:
        file, _, name = one.partition("::")
        assert f"def {name}(" in (ROOT / file).read_text()
