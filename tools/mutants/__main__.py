"""`make mutants`: try planted faults and keep what became of them.

    python -m tools.mutants [--most N] [--seed WORD] [--contexts FILE] [ROOM…]

Rooms are rules, chart and the packages of exporter/; without any, all of them. The code's tests are chosen by a data
file of coverage.py with a context for each test, which `make mutants` writes first. What was found is in
results.json, and in docs/testing.md after `make generate`.
"""

import argparse
import sys
from pathlib import Path

from tools.mutants.code import ROOMS
from tools.mutants.results import excused, unnoticed, write
from tools.mutants.trial import measure

parser = argparse.ArgumentParser(prog="python -m tools.mutants", description="Try planted faults.")
parser.add_argument("rooms", nargs="*", metavar="ROOM", help="rules, chart, or a package of exporter/")
parser.add_argument("--most", type=int, default=0, help="draw so many from each room of the code; 0: all")
parser.add_argument("--seed", default="1", help="what to draw with")
parser.add_argument(
    "--contexts", type=Path, default=Path(".coverage"), help="coverage data with a context for each test"
)


def main(arguments: list[str]) -> int:
    """Measure the rooms that are named."""
    given = parser.parse_args(arguments)
    for room in given.rooms or ["rules", "chart", *ROOMS]:
        most = given.most if room in ROOMS else 0
        measured = measure(room, most, given.seed, given.contexts, lambda line: print(line, flush=True))
        write([measured])
        known = set(measured.tried) - excused(room)
        caught = len(known) - len(unnoticed(measured))
        print(f"{room}: {caught} of {len(known)} noticed, {len(measured.tried) - len(known)} equivalent", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
