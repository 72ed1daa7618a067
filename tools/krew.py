"""The krew manifest and the archive it points to, into dist/, checked by krew's own rules: `python -m tools.krew`.

krew installs one file that is called. Ours is a script of a few lines that runs the program from PyPI, in this very
version, with uv or pipx: it needs Python packages that are compiled for each machine.
"""

import gzip
import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import yaml

from exporter import __version__

__all__ = ["archive", "complaints", "manifest", "validator"]

ROOT = Path(__file__).resolve().parents[1]
KREW = "v0.5.0"
HOME = "https://github.com/aks-cert-exporter/aks-cert-exporter"
SCRIPT = f"""#!/bin/sh
# Runs aks-cert-exporter {__version__} as `kubectl akscert`.
set -eu
wanted="aks-cert-exporter=={__version__}"
if command -v uvx >/dev/null 2>&1; then exec uvx --quiet --from "$wanted" kubectl-akscert "$@"; fi
if command -v pipx >/dev/null 2>&1; then exec pipx run --spec "$wanted" kubectl-akscert "$@"; fi
echo "kubectl akscert needs uv (https://docs.astral.sh/uv) or pipx (https://pipx.pypa.io)" >&2
exit 3
"""


def archive(version: str = __version__) -> tuple[str, bytes]:
    """Name and bytes: the script and the licence. Equal bytes for equal content."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content, mode in (
            ("kubectl-akscert", SCRIPT.encode(), 0o755),
            ("LICENSE", (ROOT / "LICENSE").read_bytes(), 0o644),
        ):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            tar.addfile(entry, io.BytesIO(content))
    return f"kubectl-akscert-{version}.tar.gz", gzip.compress(packed.getvalue(), mtime=0)


def manifest(version: str = __version__) -> dict[str, Any]:
    """The manifest (krew's API v1alpha2)."""
    name, content = archive(version)
    return {
        "apiVersion": "krew.googlecontainertools.github.com/v1alpha2",
        "kind": "Plugin",
        "metadata": {"name": "akscert"},
        "spec": {
            "version": f"v{version}",
            "homepage": HOME,
            "shortDescription": "Certificates of an AKS cluster and their rotation",
            "description": (
                "Looks once at an Azure Kubernetes Service cluster and says which certificates end when, whether they "
                "are rotated, what is wrong and what to do next. It only reads.\n"
            ),
            "caveats": "It runs with uv or pipx, which have to be installed.\n",
            "platforms": [
                {
                    "selector": {"matchExpressions": [{"key": "os", "operator": "In", "values": ["darwin", "linux"]}]},
                    "uri": f"{HOME}/releases/download/v{version}/{name}",
                    "sha256": hashlib.sha256(content).hexdigest(),
                    "bin": "kubectl-akscert",
                    "files": [{"from": "kubectl-akscert", "to": "."}, {"from": "LICENSE", "to": "."}],
                }
            ],
        },
    }


def complaints(plugin: dict[str, Any]) -> list[str]:
    """What krew's index would refuse (krew, internal/index/validation)."""
    found = []
    spec = plugin["spec"]
    if plugin["apiVersion"] != "krew.googlecontainertools.github.com/v1alpha2" or plugin["kind"] != "Plugin":
        found.append("apiVersion or kind")
    if not re.fullmatch(r"[\w-]+", plugin["metadata"]["name"]) or plugin["metadata"]["name"].startswith("kube"):
        found.append("name")
    if not re.fullmatch(r"v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?", spec["version"]):
        found.append("version: not semantic, with a v")
    if not spec["shortDescription"] or "\n" in spec["shortDescription"] or len(spec["shortDescription"]) > 50:
        found.append("shortDescription: one line of at most 50 characters")
    if not spec["platforms"]:
        found.append("no platforms")
    for platform in spec["platforms"]:
        if not re.fullmatch(r"[0-9a-f]{64}", platform["sha256"]):
            found.append("sha256")
        if not platform["uri"].startswith("https://"):
            found.append("uri")
        if not platform["bin"] or ".." in platform["bin"]:
            found.append("bin")
        if any(".." in file["from"] + file["to"] or not file["from"] for file in platform["files"]):
            found.append("files")
        known = {"key": {"os", "arch"}, "operator": {"In", "NotIn", "Exists"}}
        expressions = platform["selector"]["matchExpressions"]
        if any(one[key] not in words for one in expressions for key, words in known.items()):
            found.append("selector")
    return found


def validator() -> Path | None:
    """The validate-krew-manifest of krew itself, built on the spot; None where no Go is there that can build it."""
    go = shutil.which("go")
    if go is None:
        return None
    folder = ROOT / ".cache" / f"krew-{KREW}"
    target = folder / "validate-krew-manifest"
    if not target.exists():
        environment = os.environ | {"GOBIN": str(folder), "GOFLAGS": "", "GOTOOLCHAIN": "local"}
        command = [go, "install", f"sigs.k8s.io/krew/cmd/validate-krew-manifest@{KREW}"]
        done = subprocess.run(command, env=environment, check=False, capture_output=True)
        if done.returncode != 0:
            return None
    return target


def main() -> int:
    """Write both files, and let krew itself judge the manifest where it can be had."""
    plugin = manifest()
    if found := complaints(plugin):
        print(f"krew: {', '.join(found)}", file=sys.stderr)
        return 1
    dist = ROOT / "dist"
    dist.mkdir(exist_ok=True)
    name, content = archive()
    (dist / name).write_bytes(content)
    written = dist / "akscert.yaml"
    written.write_text(yaml.safe_dump(plugin, sort_keys=False), encoding="utf-8")
    judge = validator()
    if judge is None:
        print(
            "krew: the manifest was checked by rules written after krew's; its own validator needs Go and was not run"
        )
        return 0
    # The archive is not where the manifest says before the release is published, so nothing is installed from there.
    done = subprocess.run([judge, "-manifest", written, "-skip-install"], check=False, capture_output=True, text=True)
    print(f"krew: {f'validate-krew-manifest {KREW} takes the manifest' if done.returncode == 0 else done.stderr}")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
