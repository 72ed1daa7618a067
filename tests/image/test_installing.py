"""The wheel, installed in each way that docs/check.md names; each brings both commands. Needs the package index."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter import __version__
from tools.helm import ROOT, binary

UV = Path(sys.executable).parent / "uv"
PIPX = "pipx>=1.7"

pytestmark = pytest.mark.timeout(600)


def run(*command: str | Path, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    words = ("build", "--quiet", "--wheel", "--build-constraints", "requirements-build.lock", "--require-hashes")
    run(UV, *words, "--out-dir", folder)
    (found,) = folder.glob("*.whl")
    return found


@pytest.mark.parametrize("program", ["aks-cert-exporter", "kubectl-akscert"])
def test_uvx_runs_it_without_installing(program: str, wheel: Path) -> None:
    assert run(UV, "tool", "run", "--from", wheel, program, "--version").endswith(f" {__version__}\n")


def by_pip(wheel: Path, folder: Path) -> Path:
    run(sys.executable, "-m", "venv", folder)
    run(folder / "bin/pip", "install", "--quiet", wheel)
    return folder / "bin"


def by_uv(wheel: Path, folder: Path) -> Path:
    run(UV, "tool", "install", "--quiet", wheel, UV_TOOL_DIR=str(folder / "tools"), UV_TOOL_BIN_DIR=str(folder / "bin"))
    return folder / "bin"


def by_pipx(wheel: Path, folder: Path) -> Path:
    places = {
        "PIPX_HOME": str(folder / "home"),
        "PIPX_BIN_DIR": str(folder / "bin"),
        "PIPX_MAN_DIR": str(folder / "man"),
    }
    run(UV, "tool", "run", "--from", PIPX, "pipx", "install", wheel, **places)
    return folder / "bin"


@pytest.mark.parametrize("install", [by_pip, by_uv, by_pipx])
def test_each_installer_brings_the_command_and_the_plugin(
    install: Callable[[Path, Path], Path], wheel: Path, tmp_path: Path
) -> None:
    """kubectl finds the plugin, and what completes it, on the path."""
    folder = install(wheel, tmp_path / "there")
    path = f"{folder}:{os.environ['PATH']}"
    assert run(folder / "aks-cert-exporter", "--version") == f"aks-cert-exporter {__version__}\n"
    assert "usage: kubectl akscert " in run(binary("kubectl"), "akscert", "--help", PATH=path)
    assert "--severity\n:4" in run(binary("kubectl"), "__complete", "akscert", "--sev", PATH=path)
