"""`make mutants`: try planted faults and keep what became of them.

    python -m tools.mutants [--most N] [--seed WORD] [--fresh | --again] [--contexts FILE] [ROOM…]

Rooms are rules, chart and the packages of exporter/; without any, all of them. The code's tests are chosen by a data
file of coverage.py with a context for each test, which `make mutants` writes first. What was found is kept in
results.json, without what can no longer be planted, and shown by docs/testing.md after `make generate`.
A fault that a test is known to notice is tried with that test first, so a second run takes a fraction of the first.
"""

import argparse
import sys
from pathlib import Path

from tools.mutants.code import ROOMS
from tools.mutants.results import Measured, excused, read, unnoticed, write
from tools.mutants.trial import drawn, measure, present

parser = argparse.ArgumentParser(prog="python -m tools.mutants", description="Try planted faults.")
parser.add_argument("rooms", nargs="*", metavar="ROOM", help="rules, chart, or a package of exporter/")
parser.add_argument("--most", type=int, default=0, help="draw so many from each room; 0: all")
parser.add_argument("--seed", default="1", help="what to draw with")
which = parser.add_mutually_exclusive_group()
which.add_argument("--fresh", action="store_true", help="draw from what was never tried")
which.add_argument("--again", action="store_true", help="draw from what was tried and not noticed")
parser.add_argument(
    "--contexts", type=Path, default=Path(".coverage"), help="coverage data with a context for each test"
)


def main(arguments: list[str]) -> int:
    """Measure the rooms that are named."""
    given = parser.parse_args(arguments)
    for room in given.rooms or ["rules", "chart", *ROOMS]:
        known = read().get(room, Measured(room, 0, {}))
        every = present(room)
        names = {one.mutant.name for one in every}
        known = Measured(room, len(every), {name: one for name, one in known.tried.items() if name in names})
        missed = set(unnoticed(known))
        if given.again:
            every = [one for one in every if one.mutant.name in missed]
        elif given.fresh:
            every = [one for one in every if one.mutant.name not in known.tried]
        chosen = drawn(every, given.most or len(every), given.seed)
        measured = measure(room, chosen, given.contexts, lambda line: print(line, flush=True), known)
        write([Measured(room, known.present, {**known.tried, **measured.tried})])
        tried = set(measured.tried) - excused(room)
        caught = len(tried) - len(unnoticed(measured))
        print(f"{room}: {caught} of {len(tried)} noticed, {len(measured.tried) - len(tried)} equivalent", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
