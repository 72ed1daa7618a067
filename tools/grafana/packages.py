"""Grafana's packages from npm, and bundles made of them: nothing in, the directory of the bundles out."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tools.generated import ROOT

__all__ = ["bundles", "node"]

HERE = ROOT / "tools/grafana"
CACHE = ROOT / ".cache/grafana"


def node() -> str:
    """Node's command. Raises FileNotFoundError."""
    found = shutil.which("node")
    if found is None:
        raise FileNotFoundError("Node is not installed (on Debian: apt-get install nodejs npm)")
    return found


def bundles() -> Path:
    """The directory with compute-12.cjs, compute-10.cjs and draw.js, made anew where the sources have changed.

    Raises FileNotFoundError without Node, subprocess.CalledProcessError where npm or the bundler fails.
    """
    _install()
    stamp, digest = CACHE / "stamp", _digest(_sources())
    if not stamp.exists() or stamp.read_text() != digest:
        CACHE.mkdir(parents=True, exist_ok=True)
        subprocess.run([node(), "build.mjs", str(CACHE)], cwd=HERE, check=True)
        stamp.write_text(digest)
    return CACHE


def _install() -> None:
    stamp, digest = HERE / "node_modules/.lock-digest", _digest([HERE / "package-lock.json"])
    if stamp.exists() and stamp.read_text() == digest:
        return
    quiet = ["--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run([shutil.which("npm") or "npm", "ci", *quiet], cwd=HERE, check=True, env=os.environ | {"CI": "true"})
    stamp.write_text(digest)


def _sources() -> Iterator[Path]:
    yield from (HERE / name for name in ("package-lock.json", "build.mjs"))
    yield from sorted((HERE / "source").iterdir())


def _digest(files: "list[Path] | Iterator[Path]") -> str:
    found = hashlib.sha256()
    for file in files:
        found.update(file.name.encode() + file.read_bytes())
    return found.hexdigest()
