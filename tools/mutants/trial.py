"""Faults of a room in, what became of each out."""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from queue import SimpleQueue

from tools.mutants import chart, code, rules
from tools.mutants.mutant import Located
from tools.mutants.results import Measured
from tools.mutants.selection import Selection

__all__ = ["again", "drawn", "measure", "place", "present"]

PATIENCE = 400.0
"""Seconds for the tests of one fault of the chart, which take longer than those of the code."""


def present(room: str) -> list[Located]:
    """Every fault that can be planted in a room."""
    if room == "rules":
        return [Located(one, "", 0) for one in rules.mutants()]
    return list(chart.mutants()) if room == "chart" else code.mutants(room)


def drawn(mutants: Sequence[Located], most: int, seed: str) -> list[Located]:
    """So many of them: the same for the same seed while their names are, whatever else there is."""
    return sorted(mutants, key=lambda one: place(one.mutant.name, seed))[:most]


def place(name: str, seed: str) -> bytes:
    """Where a fault comes in the order that a seed makes."""
    return sha256(f"{seed} {name}".encode()).digest()


def measure(
    known: Measured,
    chosen: Sequence[Located],
    contexts: Path,
    told: Callable[[Located, str], None] = lambda _one, _killer: None,
    jobs: int = 2,
) -> Measured:
    """Try faults of a room, so many at a time, each first with the test known to notice it; report each at once."""
    noticed = {name: killer for name, (_, killer) in known.tried.items()}
    tried = {}
    for one, killer in _tried(known.room, chosen, contexts, noticed, jobs):
        tried[one.mutant.name] = (one.file, killer)
        told(one, killer)
    return replace(known, tried=tried)


def _place(one: Located) -> str:
    return one.mutant.place


def _tried(
    room: str, chosen: Sequence[Located], contexts: Path, noticed: Mapping[str, str], jobs: int
) -> Iterator[tuple[Located, str]]:
    if room == "rules":
        by_rule = groupby(sorted(chosen, key=_place), _place)
        some = [[one.mutant for one in found] for _, found in by_rule]
        with ThreadPoolExecutor(jobs) as pool:
            for faults, told in zip(some, pool.map(lambda faults: list(rules.caught(faults)), some), strict=True):
                yield from (
                    (Located(one, "", 0), said and "tests/rules") for one, said in zip(faults, told, strict=True)
                )
        return
    selection = None if room == "chart" else Selection.read(contexts)

    def tried(bench: code.Bench, one: Located) -> str:
        if selection is None:
            return bench.caught(one, chart.TESTS, PATIENCE)
        tests = selection.tests(one, noticed.get(one.mutant.name, ""))
        return bench.caught(one, tests, imported=selection.imported(one))

    yield from _side_by_side(chosen, tried, min(jobs, len(chosen)))


def _side_by_side(
    chosen: Sequence[Located], tried: Callable[[code.Bench, Located], str], benches: int
) -> Iterator[tuple[Located, str]]:
    """Each fault and what noticed it, in the order they are tried in."""
    free: SimpleQueue[code.Bench] = SimpleQueue()

    def one(fault: Located) -> tuple[Located, str]:
        bench = free.get()
        try:
            return fault, tried(bench, fault)
        finally:
            free.put(bench)

    with tempfile.TemporaryDirectory() as directory, ExitStack() as open_ones, ThreadPoolExecutor(benches or 1) as pool:
        for at in range(benches):
            free.put(open_ones.enter_context(closing(code.Bench(Path(directory) / str(at)))))
        yield from pool.map(one, chosen)


def again(rows: Sequence[tuple[str, str, str]], until: float) -> Iterator[tuple[str, str]]:
    """Faults of which a test is known that noticed, tried with it again: name and what notices, `gone` where the code
    has moved on. Each row is a name, a file and a test as results.json has them. Ends at a moment of time.monotonic().
    """
    with tempfile.TemporaryDirectory() as directory, closing(code.Bench(Path(directory))) as bench:
        for name, file, killer in rows:
            if time.monotonic() > until:
                return
            there = {one.mutant.name: one for one in code.of_file(file)}
            if name not in there:
                yield name, "gone"
            else:
                yield name, bench.caught(there[name], [killer], imported=True)
