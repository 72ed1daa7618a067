"""A fixed sample of planted faults: a test must notice each. docs/testing.md says how, and `make mutants` tries all."""

import time
from pathlib import Path

import pytest

from tools.mutants import code, results
from tools.mutants.code import ROOMS
from tools.mutants.mutant import module
from tools.mutants.results import read, unnoticed
from tools.mutants.trial import again, drawn, measure, place, present

pytestmark = pytest.mark.timeout(280)
SEED = "sample"
RULES, CHART, CODE = 400, 8, 60
"""How many of each are tried."""
SECONDS = 110.0
"""For the code: what is not tried by then has to wait for `make mutants`."""


@pytest.mark.parametrize(("room", "most"), [("rules", RULES), ("chart", CHART)])
def test_a_fault_of_the_rules_and_the_chart_is_noticed(room: str, most: int, tmp_path: Path) -> None:
    known = read()[room]
    chosen = drawn(present(room), most, SEED)
    missed = set(unnoticed(measure(known, chosen, tmp_path)))
    assert missed <= set(unnoticed(known)), "not noticed, and not known to be"


def test_a_fault_of_the_code_is_noticed_by_the_test_that_noticed_it_before() -> None:
    rows = [
        (name, file, killer)
        for room, measured in read().items()
        if room in ROOMS
        for name, (file, killer) in measured.tried.items()
        if killer.startswith("tests/")
    ]
    chosen = sorted(rows, key=lambda row: place(row[0], SEED))[:CODE]
    found = dict(again(chosen, time.monotonic() + SECONDS))
    assert [name for name, killer in found.items() if not killer] == []
    gone = [name for name, killer in found.items() if killer == "gone"]
    assert len(found) >= 10
    assert len(gone) <= len(found) / 2, "the code has moved on: measure again with `make mutants`"


def named(room: str, names: set[str]) -> set[str]:
    """The names of faults that can be planted in the modules that the given ones are in."""
    if room not in code.ROOMS:
        return {one.mutant.name for one in present(room)}
    files = [file for file in code.files(room) if any(name.startswith(module(file)) for name in names)]
    return {one.mutant.name for file in files for one in code.of_file(file)}


def test_every_fault_of_the_list_of_equivalents_can_be_planted() -> None:
    listed = results.equivalents()
    for room in {one.room for one in listed}:
        names = [name for one in listed if one.room == room for name in one.names]
        assert len(names) == len(set(names))
        assert set(names) <= named(room, set(names))
