"""`make check`: every check in turn, also after one that fails; what failed is said at the end.

    python -m tools.checks

Prints each check's name and, where it fails, its output. Exits 0 where all pass, else 1.
"""

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.generated import ROOT

BIN = Path(sys.executable).parent

CHECKS: dict[str, tuple[str, ...]] = {
    "lint": (f"{BIN}/ruff", "check", "."),
    "format": (f"{BIN}/ruff", "format", "--check", "."),
    "types": (f"{BIN}/mypy",),
    "import contracts": (f"{BIN}/lint-imports",),
    "workflows": (f"{BIN}/zizmor", "--offline", "--quiet", ".github"),
    "yaml": (f"{BIN}/yamllint", "--strict", "."),
    "versions": (sys.executable, "-m", "tools.versions"),
    "links": (sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", "tests/tools/test_documents.py"),
    "generated files": (sys.executable, "-m", "tools.generate", "--check"),
}


def run(checks: Mapping[str, Sequence[str]]) -> int:
    """Run all of them, whatever fails. 0 where all pass."""
    failed = []
    for name, command in checks.items():
        began = time.monotonic()
        done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
        result = "ok" if done.returncode == 0 else "FAILED"
        print(f"{name:18} {result:8} {time.monotonic() - began:5.1f} s", flush=True)
        if done.returncode != 0:
            failed.append(name)
            print(done.stdout + done.stderr, flush=True)
    if failed:
        print(f"failed: {', '.join(failed)}")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(run(CHECKS))
