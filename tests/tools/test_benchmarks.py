"""`make bench` measures what docs/benchmarks.md speaks of, and the page speaks of all that it measures."""

import re
import subprocess

from tools.generated import ROOT

RUNNABLE = {file.stem for file in (ROOT / "benchmarks").glob("*.py") if 'if __name__ == "__main__"' in file.read_text()}


def test_the_page_names_every_benchmark_and_no_other() -> None:
    page = (ROOT / "docs/benchmarks.md").read_text(encoding="utf-8")
    named = set(re.findall(r"benchmarks\.([a-z_]+)", page)) - {"md"}
    assert named == RUNNABLE


def test_make_bench_runs_every_benchmark() -> None:
    """What it would do: nothing is measured here."""
    told = subprocess.run(["make", "-n", "bench"], cwd=ROOT, capture_output=True, text=True, check=True)
    (loop,) = re.findall(r"for one in (.*?); do", told.stdout)
    assert set(loop.split()) == RUNNABLE
