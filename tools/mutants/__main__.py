"""`make mutants`: try planted faults and keep what became of them.

    python -m tools.mutants [--most N] [--seed WORD] [--fresh | --again] [--contexts FILE] [--results FILE]
                            [--jobs N] [ROOM…]

Rooms are rules, chart, the packages of exporter/ and exporter, which are the modules in none, or what is below them
(facts/kube, web/app.py, metric.py); without any, all of them. The code's tests are chosen by a data file of coverage.py
with a context for each test, which `make mutants` writes first. What becomes of each is kept every few seconds in
results.json, without what can no longer be planted, and shown by docs/testing.md after `make generate`.
A fault that a test is known to notice is tried with that test first, so a second run takes a fraction of the first.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tools.mutants.code import ROOMS, room_of
from tools.mutants.mutant import Located
from tools.mutants.results import RESULTS, Measured, excused, read, unnoticed, write
from tools.mutants.trial import drawn, measure, present

OFTEN = 5.0
"""Seconds after which what was found is kept: the file is a megabyte, and a trial takes a tenth of a second."""

parser = argparse.ArgumentParser(prog="python -m tools.mutants", description="Try planted faults.")
parser.add_argument("rooms", nargs="*", metavar="ROOM", help="rules, chart, or a package or module of exporter/")
parser.add_argument("--most", type=int, default=0, help="draw so many from each room; 0: all")
parser.add_argument("--seed", default="1", help="what to draw with")
which = parser.add_mutually_exclusive_group()
which.add_argument("--fresh", action="store_true", help="draw from what was never tried")
which.add_argument("--again", action="store_true", help="draw from what was tried and not noticed")
parser.add_argument(
    "--contexts", type=Path, default=Path(".coverage"), help="coverage data with a context for each test"
)
parser.add_argument("--results", type=Path, default=RESULTS, help="where results are read and kept")
parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many to try at a time")


def main(arguments: list[str]) -> int:
    """Measure the rooms that are named."""
    given = parser.parse_args(arguments)
    places: dict[str, list[str]] = {}
    for place in given.rooms or ["rules", "chart", *ROOMS]:
        places.setdefault(room_of(place), []).append(place)
    for room, below in places.items():
        every = present(room)
        names = {one.mutant.name for one in every}
        tried = read(given.results).get(room, Measured(room, 0, {})).tried
        known = Measured(room, len(every), {name: one for name, one in tried.items() if name in names})
        missed = set(unnoticed(known))
        if room not in below:
            every = [one for one in every if one.file.startswith(tuple(f"exporter/{place}" for place in below))]
        if given.again:
            every = [one for one in every if one.mutant.name in missed]
        elif given.fresh:
            every = [one for one in every if one.mutant.name not in known.tried]
        chosen = drawn(every, given.most or len(every), given.seed)
        print(_measured(known, chosen, given), flush=True)
    return 0


def _measured(known: Measured, chosen: Sequence[Located], given: argparse.Namespace) -> str:
    """Try some faults of a room, keep what became of each beside what is known; a line for a person."""
    found = dict(known.tried)
    kept = time.monotonic()

    def told(one: Located, killer: str) -> None:
        nonlocal kept
        if not killer:
            print(f"{one.file or 'rules'}:{one.line}: {one.mutant.name}", flush=True)
        found[one.mutant.name] = (one.file, killer)
        if time.monotonic() - kept >= OFTEN:
            keep()

    def keep() -> None:
        nonlocal kept
        write([replace(known, tried=found)], given.results)
        kept = time.monotonic()

    try:
        measured = measure(known, chosen, given.contexts, told, given.jobs)
    finally:
        keep()
    tried = set(measured.tried) - excused(known.room)
    caught = len(tried) - len(unnoticed(measured))
    return f"{known.room}: {caught} of {len(tried)} noticed, {len(measured.tried) - len(tried)} equivalent"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
