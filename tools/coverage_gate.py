"""The tests that run the product, measured: `python -m tools.coverage_gate [PYTEST_FLAG...]`, as `make test-coverage`.

Prints the modules with gaps, each with the lines and branches that no test takes, and exits 1 where a test fails or
less than LEAST per cent is covered. Python processes that tests start count too. Those that seal themselves do not, as
sealed processes may write no file: exporter/sources/seal.py is covered better than the table says.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tools.generated import ROOT

__all__ = ["LEAST", "Coverage", "coverage_of", "gaps", "main"]

LEAST = 95.0
"""Per cent of lines and branches together, as coverage.py counts with branches on."""
PARTS = (
    "agents",
    "check",
    "contract",
    "documents",
    "facts",
    "families",
    "findings",
    "kubectl",
    "pages",
    "sources",
    "web",
    "wording",
)
"""Folders of tests/. The others, such as those of the rules and of the simulation, run next to nothing that is left."""
SETTINGS = ROOT / "tools/coverage.toml"
FOLDER = ROOT / ".cache/coverage"
UNMEASURED = (
    # They look at the process itself: what it has imported, and what it says when it is sealed or lacks something.
    "tests/agents/test_node.py::test_the_agent_imports_nothing_that_only_the_cluster_agent_needs",
    "tests/agents/test_node.py::test_a_running_agent_is_sealed_and_keeps_nothing_that_only_its_start_needs",
    "tests/agents/test_node_parser.py::test_a_sealed_agent_says_the_same_and_never_loads_the_library",
    "tests/sources/test_seal.py::test_a_directory_is_left_open_where_there_is_no_proc",
    "tests/sources/test_seal.py::test_what_the_kernel_refuses_is_left_open_and_said_in_its_words",
    "tests/test_cli.py::test_a_web_configuration_that_cannot_be_used_is_one_line_and_status_2",
    "tests/test_surroundings.py::test_a_lack_of_the_system_s_is_no_bug",
)


@dataclass(frozen=True, slots=True)
class Coverage:
    """What is covered of some code, in lines and branches."""

    lines: int
    covered_lines: int
    branches: int
    covered_branches: int

    @property
    def percent(self) -> float:
        """Of both together; of nothing, 100."""
        of = self.lines + self.branches
        return 100.0 * (self.covered_lines + self.covered_branches) / of if of else 100.0

    def __str__(self) -> str:
        return (
            f"{self.percent:.1f} % ({self.lines - self.covered_lines} of {self.lines} lines and "
            f"{self.branches - self.covered_branches} of {self.branches} branches not taken)"
        )


def coverage_of(summary: Mapping[str, int]) -> Coverage:
    """From the summary in coverage.py's JSON report."""
    return Coverage(
        summary["num_statements"], summary["covered_lines"], summary["num_branches"], summary["covered_branches"]
    )


def gaps(report: Mapping[str, Mapping[str, Mapping[str, object]]]) -> Iterator[str]:
    """A line for each module that is not covered wholly, the least covered first."""
    found = []
    for name, file in report["files"].items():
        covered = coverage_of(file["summary"])  # type: ignore[arg-type]
        lines: list[int] = file["missing_lines"]  # type: ignore[assignment]
        branches: list[tuple[int, int]] = file["missing_branches"]  # type: ignore[assignment]
        taken = [(start, end) for start, end in branches if start not in lines]
        if lines or taken:
            arrows = [f"{start}->{end if end > 0 else 'exit'}" for start, end in taken]
            found.append((covered.percent, name, ", ".join([*_ranges(lines), *arrows])))
    for percent, name, where in sorted(found):
        yield f"{name:52} {percent:5.1f} %  {where}"


def _ranges(lines: Sequence[int]) -> Iterator[str]:
    """Lines that follow one another as one: 3, 4 and 5 as 3-5."""
    first = last = None
    for line in [*sorted(lines), None]:
        if first is not None and line != last + 1:  # type: ignore[operator]
            yield str(first) if first == last else f"{first}-{last}"
            first = None
        first, last = line if first is None else first, line


def main(flags: Sequence[str] = ()) -> int:
    """Run the tests, print the gaps, and say whether it is enough."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    tests = [f"tests/{part}" for part in PARTS] + sorted(
        str(one.relative_to(ROOT)) for one in ROOT.glob("tests/test_*.py")
    )
    left_out = [f"--deselect={one}" for one in UNMEASURED]
    measured = _coverage("run", "-m", "pytest", "-n", "auto", "--dist", "worksteal", *left_out, *tests, *flags)
    if measured:
        return measured
    report = FOLDER / "report.json"
    if _coverage("combine", "--quiet") or _coverage("json", "--quiet", "-o", str(report)):
        return 1
    found = json.loads(report.read_text())
    for line in gaps(found):
        print(line)
    total = coverage_of(found["totals"])
    print(f"exporter/: {total}; at least {LEAST:g} % are wanted")
    return int(total.percent < LEAST)


def _coverage(command: str, *arguments: str) -> int:
    words = [sys.executable, "-m", "coverage", command, f"--rcfile={SETTINGS}", *arguments]
    return subprocess.run(words, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
