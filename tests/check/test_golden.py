"""Every form of `check` on one node and one cluster, word for word."""

import json
from functools import cache
from pathlib import Path

import jsonschema
import pytest

from tests.check.golden import FOLDER, NAMES, forms, reports


@cache
def written() -> dict[str, str]:
    """Every form by the name of its file; made when a test asks, so that it counts as what that test runs."""
    return {f"{subject}.{form}": text for subject, shown in reports().items() for form, text in forms(shown).items()}


@pytest.mark.parametrize("name", NAMES)
def test_a_change_in_what_a_person_reads_is_seen_in_review(name: str) -> None:
    """Wanted? `python -m tests.check.golden` writes the files again."""
    assert written()[name] == (FOLDER / name).read_bytes().decode()


def test_there_is_a_file_for_each_form_and_no_other() -> None:
    """Else one of them would be compared with nothing."""
    assert sorted(written()) == sorted(NAMES) == sorted(path.name for path in FOLDER.iterdir())


@pytest.mark.parametrize("subject", ["node", "cluster"])
def test_both_keep_to_the_schema(subject: str) -> None:
    """The cluster's too."""
    schema = json.loads((Path(__file__).parents[2] / "docs/check.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(json.loads(written()[f"{subject}.json"]), schema, format_checker=jsonschema.FormatChecker())


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith(".txt")])
def test_no_line_is_too_long_or_ends_in_spaces(name: str) -> None:
    """Nor holds colour or, where it must not, Unicode."""
    columns = int(name.split(".")[1])
    lines = [line for line in written()[name].splitlines() if not line.startswith("   ")]  # a command is never broken
    assert max(map(len, lines)) <= columns
    assert [line for line in lines if line != line.rstrip()] == []
    assert "\x1b" not in written()[name]
    assert ".ascii." not in name or written()[name].isascii()
