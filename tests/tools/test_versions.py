"""Version, chart, changelog and tag: any that disagrees is named before anything is published."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tools import versions
from tools.image import ROOT

Project = Callable[..., Path]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Writes the three files that hold a version."""

    def write(
        *,
        code: str = "1.2.3",
        chart: str = "1.2.3",
        app: str = "1.2.3",
        changes: str = "## 1.2.3 - 2026-12-01\n\n- x\n",
    ) -> Path:
        for name, text in (
            ("exporter/__init__.py", f'__version__ = "{code}"\n'),
            (versions.CHART, f'name: x\nversion: {chart}\nappVersion: "{app}"\n'),
            (versions.CHANGELOG, f"# Changelog\n\n{changes}"),
        ):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return tmp_path

    return write


def test_the_project_agrees_with_itself() -> None:
    assert list(versions.disagreements()) == []


def test_all_that_agrees_can_be_released(project: Project) -> None:
    assert list(versions.disagreements("v1.2.3", project())) == []


@pytest.mark.parametrize(
    ("changed", "tag", "named"),
    [
        ({"chart": "1.2.2"}, "", "Chart.yaml: version is 1.2.2, not 1.2.3"),
        ({"app": "1.2.2"}, "", "Chart.yaml: appVersion is 1.2.2, not 1.2.3"),
        ({"code": "1.2", "chart": "1.2", "app": "1.2"}, "", "1.2 is not X.Y.Z"),
        ({"code": "1.2.3rc1", "chart": "1.2.3rc1", "app": "1.2.3rc1"}, "", "1.2.3rc1 is not X.Y.Z"),
        ({"changes": "## 1.2.2 - 2026-11-01\n\n- x\n"}, "", "neither '## Unreleased' nor a section for 1.2.3"),
        ({"changes": "## 1.2.3\n\n- x\n"}, "", "the heading '## 1.2.3' is neither"),
        ({}, "v1.2.4", "the tag must be v1.2.3"),
        ({}, "1.2.3", "the tag must be v1.2.3"),
        ({"changes": "## Unreleased\n\n- x\n"}, "v1.2.3", "no section '## 1.2.3 - YYYY-MM-DD'"),
        ({"changes": "## 1.2.3 - 2026-12-01\n\n## 1.2.2 - 2026-11-01\n\n- x\n"}, "v1.2.3", "for 1.2.3 is empty"),
        ({"changes": "## 1.3.0 - 2026-12-02\n\n- x\n\n## 1.2.3 - 2026-12-01\n\n- x\n"}, "v1.2.3", "newest section is"),
    ],
)
def test_what_disagrees_is_named_with_its_file(changed: dict[str, str], tag: str, named: str, project: Project) -> None:
    found = list(versions.disagreements(tag, project(**changed)))
    assert [line for line in found if named in line], found


def test_work_that_is_not_released_yet_agrees_under_the_last_version(project: Project) -> None:
    changes = "## Unreleased\n\n- y\n\n## 1.2.3 - 2026-12-01\n\n- x\n"
    assert list(versions.disagreements("", project(changes=changes))) == []


def test_the_notes_are_those_of_the_version_else_of_what_is_to_come(project: Project) -> None:
    both = "## Unreleased\n\n- y\n\n## 1.2.3 - 2026-12-01\n\n- x\n\n## 1.2.2 - 2026-11-01\n\n- z\n"
    assert versions.notes(project(changes=both)) == "- x"
    assert versions.notes(project(changes="## Unreleased\n\n### Added\n\n- y\n")) == "### Added\n\n- y"


def test_the_script_runs_by_its_path_with_nothing_installed(tmp_path: Path) -> None:
    """As the workflow's first step does, before any environment is there."""
    for name in ("tools/versions.py", "tools/image.py", "tools/__init__.py", "exporter/__init__.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy2(ROOT / name, tmp_path / name)
    for name in (versions.CHART, versions.CHANGELOG):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, tmp_path / name)
    command = [sys.executable, "-I", "-S", str(tmp_path / "tools/versions.py")]
    good = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (good.returncode, good.stderr) == (0, "")
    bad = subprocess.run([*command, "--tag", "v9.9.9"], capture_output=True, text=True, check=False)
    assert bad.returncode == 1
    assert "versions: the tag is v9.9.9" in bad.stderr
