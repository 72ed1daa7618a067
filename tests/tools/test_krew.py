"""The krew manifest: what krew's index asks of one, and what its archive does."""

import copy
import hashlib
import io
import subprocess
import tarfile
from pathlib import Path

import pytest
import yaml

from exporter import __version__
from tools.krew import archive, complaints, manifest, validator


def test_the_manifest_is_one_that_krew_takes_and_points_to_the_archive() -> None:
    plugin = manifest()
    assert complaints(plugin) == []
    (platform,) = plugin["spec"]["platforms"]
    name, content = archive()
    assert platform["uri"].endswith(f"/v{__version__}/{name}")
    assert platform["sha256"] == hashlib.sha256(content).hexdigest()
    assert archive() == (name, content), "equal bytes each time"


@pytest.mark.parametrize(
    ("key", "value"),
    [("version", "0.1"), ("shortDescription", "a\nb"), ("shortDescription", "x" * 51), ("platforms", [])],
)
def test_what_krew_would_refuse_is_refused_here(key: str, value: object) -> None:
    plugin = copy.deepcopy(manifest())
    plugin["spec"][key] = value
    assert complaints(plugin) != []


@pytest.mark.timeout(300)
def test_krew_s_own_validator_agrees(tmp_path: Path) -> None:
    """It takes ours, and refuses one that it cannot install."""
    judge = validator()
    if judge is None:
        pytest.skip("krew's validator is built with Go, from the module proxy")
    wrong = copy.deepcopy(manifest())
    wrong["spec"]["platforms"][0]["sha256"] = "0"
    for plugin, status in ((manifest(), 0), (wrong, 1)):
        assert bool(complaints(plugin)) == bool(status)
        file = tmp_path / "akscert.yaml"
        file.write_text(yaml.safe_dump(plugin))
        done = subprocess.run([judge, "-manifest", file, "-skip-install"], check=False, capture_output=True, text=True)
        assert bool(done.returncode) == bool(status), done.stderr


@pytest.mark.parametrize("runner", ["uvx", "pipx", ""])
def test_the_script_runs_this_version_with_what_there_is(runner: str, tmp_path: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(archive()[1])) as tar:
        tar.extractall(tmp_path, filter="data")
    (tmp_path / "bin").mkdir()
    if runner:
        fake = tmp_path / "bin" / runner
        fake.write_text('#!/bin/sh\necho "$0 $*"\n')
        fake.chmod(0o755)
    done = subprocess.run(
        [tmp_path / "kubectl-akscert", "-o", "json"],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": str(tmp_path / "bin")},
    )
    if runner:
        assert f"aks-cert-exporter=={__version__} kubectl-akscert -o json" in done.stdout
    else:
        assert (done.returncode, done.stderr.count("\n")) == (3, 1)
