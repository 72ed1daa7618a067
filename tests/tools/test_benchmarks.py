"""`make bench` measures what docs/benchmarks.md speaks of, and the page shows what was measured of each."""

import re
import subprocess
import sys

from benchmarks.__main__ import MEASURED, names
from tools.generated import ROOT

PAGE = (ROOT / "docs/benchmarks.md").read_text(encoding="utf-8")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_every_benchmark_has_its_measurement_and_its_place_on_the_page() -> None:
    assert {"node", "kubelets", "web"} < set(names())
    assert {file.stem for file in MEASURED.iterdir()} == set(names())
    assert set(re.findall(r"benchmarks\.([a-z_]+)", PAGE)) - {"md"} <= set(names())
    assert set(re.findall(r"<!-- generated: ([a-z_]+) -->", PAGE)) == set(names())


def test_a_measurement_says_when_and_where_it_was_made() -> None:
    for name in names():
        first = (MEASURED / f"{name}.txt").read_text(encoding="utf-8").partition("\n")[0]
        assert re.fullmatch(r"20\d\d-\d\d-\d\d, \d+ cores, CPython [\d.]+, load average before [\d.]+", first), name


def test_a_benchmark_that_does_not_exist_is_refused_before_anything_is_measured() -> None:
    done = run("node", "nodes")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no benchmark is named nodes; there are azure, cluster," in done.stderr
