"""The same lanes for a developer, for .ci/run and for the workflow."""

import json
import os
import re
import subprocess
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
SLOW = set(re.findall(r"^(test-[a-z0-9]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def run(lane: str, logs: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LANE_LOGS": str(logs)}
    return subprocess.run([ROOT / ".ci/run", lane], env=environment, capture_output=True, text=True, check=False)


def test_the_lanes_are_those_of_the_makefile(tmp_path: Path) -> None:
    assert set(json.loads(run("--list", tmp_path).stdout)) == {"check", "test", *SLOW}


def test_the_workflow_runs_the_lanes_that_are_listed() -> None:
    jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yaml").read_text())["jobs"]
    assert ".ci/run --list" in jobs["lanes"]["steps"][-1]["run"]
    assert jobs["lane"]["strategy"]["matrix"]["lane"] == "${{ fromJSON(needs.lanes.outputs.lanes) }}"


def test_the_main_suite_leaves_out_what_has_a_lane_of_its_own() -> None:
    left_out = (ROOT / "Makefile").read_text().split("\nSLOW :=")[1].splitlines()[0].split()
    assert {lane.removeprefix("test-") for lane in SLOW} <= {folder.removeprefix("tests/") for folder in left_out}


def test_a_lane_that_fails_fails_the_run_and_shows_why(tmp_path: Path) -> None:
    answer = run("no-such-lane", tmp_path / "logs")
    assert answer.returncode == 1
    assert "No rule to make target 'no-such-lane'" in answer.stdout
    assert answer.stdout.endswith("failed: no-such-lane\n")


def test_a_lane_that_passes_passes(tmp_path: Path) -> None:
    answer = run("help", tmp_path / "logs")
    assert answer.returncode == 0
    assert answer.stdout.endswith("all lanes passed: help\n")
