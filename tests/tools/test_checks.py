"""`make check` goes on after a check that fails, and says which did."""

import re
import sys

import pytest

from tools.checks import run
from tools.generated import ROOT


def python(code: str) -> tuple[str, ...]:
    return sys.executable, "-c", code


def test_what_fails_is_shown_and_the_rest_still_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """The output of what passes is left out."""
    checks = {
        "first": python("print('quiet')"),
        "second": python("import sys; print('on line 7'); sys.exit(3)"),
        "third": python("print('quiet too')"),
    }
    assert run(checks) == 1
    said = capsys.readouterr().out
    assert re.findall(r"^(\w+) +(ok|FAILED)", said, re.MULTILINE) == [
        ("first", "ok"),
        ("second", "FAILED"),
        ("third", "ok"),
    ]
    assert "on line 7" in said
    assert "quiet" not in said
    assert said.endswith("failed: second\n")


def test_all_that_pass_are_a_success() -> None:
    """Exit status 0."""
    assert run({"only": python("pass")}) == 0


def test_every_file_that_the_recipes_name_exists() -> None:
    """docs/developing.md leads a newcomer from file to file."""
    page = (ROOT / "docs/developing.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:exporter|tools|tests|helm)/[\w./-]+)`", page))
    assert len(named) > 25
    assert [name for name in sorted(named) if "SUBJECT" not in name and not (ROOT / name).exists()] == []
