"""The same lanes for a developer, for .ci/run and for the workflow."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SLOW = set(re.findall(r"^(test-[a-z0-9]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def run(lane: str, logs: Path, root: Path = ROOT, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LANE_LOGS": str(logs), **settings}
    return subprocess.run([root / ".ci/run", lane], env=environment, capture_output=True, text=True, check=False)


def test_the_lanes_are_those_of_the_makefile(tmp_path: Path) -> None:
    assert set(json.loads(run("--list", tmp_path).stdout)) == {"check", "test", *SLOW}


def test_the_workflow_runs_the_lanes_that_are_listed() -> None:
    jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yaml").read_text())["jobs"]
    assert ".ci/run --list" in jobs["lanes"]["steps"][-1]["run"]
    assert jobs["lane"]["strategy"]["matrix"]["lane"] == "${{ fromJSON(needs.lanes.outputs.lanes) }}"


def test_the_main_suite_leaves_out_what_has_a_lane_of_its_own() -> None:
    left_out = (ROOT / "Makefile").read_text().split("\nSLOW :=")[1].splitlines()[0].split()
    folders = {lane.removeprefix("test-") for lane in SLOW} - {"coverage"}  # which measures the main suite itself
    assert folders <= {folder.removeprefix("tests/") for folder in left_out}


def test_a_lane_that_fails_fails_the_run_and_shows_why(tmp_path: Path) -> None:
    answer = run("no-such-lane", tmp_path / "logs")
    assert answer.returncode == 1
    assert "No rule to make target 'no-such-lane'" in answer.stdout
    assert answer.stdout.endswith("failed: no-such-lane\n")


def test_a_lane_that_passes_passes(tmp_path: Path) -> None:
    answer = run("help", tmp_path / "logs")
    assert answer.returncode == 0
    assert answer.stdout.endswith("all lanes passed: help\n")


FAILING = """
import pytest

@pytest.mark.parametrize("number", range(30))
def test_numbers(number):
    assert number != 3, "the third is wrong"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with .ci/run and lanes of its own."""
    (tmp_path / ".ci").mkdir()
    shutil.copy2(ROOT / ".ci/run", tmp_path / ".ci/run")
    (tmp_path / "test_it.py").write_text(FAILING)
    pytest_word = (
        f"{sys.executable} -m pytest -p no:cacheprovider -p no:cloudcoil -rN test_it.py; code=$$?; seq 200; exit $$code"
    )
    (tmp_path / "Makefile").write_text(f"test:\n\t@{pytest_word}\nslow:\n\t@sleep 30\n")
    return tmp_path


def test_a_failing_test_s_message_is_shown_however_much_follows_it(project: Path) -> None:
    answer = run("test", project / "logs", project)
    assert answer.returncode == 1
    assert "AssertionError: the third is wrong" in answer.stdout
    closing = re.findall(r"^=+ 1 failed, 29 passed in .*$", answer.stdout, re.MULTILINE)
    assert answer.stdout.splitlines()[-2:] == [closing[0], "failed: test"]


def test_the_logs_of_others_are_left_alone(project: Path) -> None:
    """LANE_LOGS may be a directory that holds other things."""
    logs = project / "logs"
    logs.mkdir()
    (logs / "kept").write_text("x")
    run("test", logs, project)
    assert (logs / "kept").read_text() == "x"
    assert (logs / "test.log").exists()


def test_all_lanes_together_end_in_time_and_say_which_did_not(project: Path) -> None:
    answer = run("slow", project / "logs", project, TOTAL_TIMEOUT="1")
    assert answer.returncode == 1
    assert "make slow: not done after 1 s" in answer.stdout
    none = run("slow", project / "logs", project, TOTAL_TIMEOUT="0")
    assert "NO TIME LEFT" in none.stdout
    assert none.stdout.endswith("failed: slow\n")
