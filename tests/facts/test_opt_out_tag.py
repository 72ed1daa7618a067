"""The opt-out tag is read as AKS's own provisioning scripts read it, on Linux and on Windows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.opt_out_tag import RETIRES, TAG, deciding_tag, opted_out

BOTH, NEITHER, LINUX = (True, True), (False, False), (True, False)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        (TAG, "true", BOTH),
        (TAG, "True", BOTH),
        (TAG.upper(), "TRUE", BOTH),
        (TAG, "false", NEITHER),
        (TAG, "", NEITHER),
        (TAG, "1", NEITHER),
        (TAG, "untrue", LINUX),
        (TAG, "not-true", LINUX),
        (TAG, "true ", LINUX),
        (f"x-{TAG}-old", "true", LINUX),
        (f"X-{TAG.upper()}", "tRuE", LINUX),
        (TAG.replace("-", "_"), "true", NEITHER),
        ("aks-disable-kubelet-serving", "true", NEITHER),
    ],
)
def test_linux_takes_substrings_and_windows_whole_strings(name: str, value: str, expected: tuple[bool, bool]) -> None:
    """One tag, what it does on (Linux, Windows)."""
    tags = [("team", "true"), (name, value)]
    assert (opted_out(tags, windows=False), opted_out(tags, windows=True)) == expected


@pytest.mark.parametrize("windows", [False, True])
def test_no_tags_leave_rotation_on(windows: bool) -> None:
    """An empty list is no opt-out."""
    assert not opted_out([], windows=windows)


def test_on_linux_the_first_matching_tag_decides() -> None:
    """jq takes element 0 of the matches: a later `true` is never looked at."""
    assert not opted_out([(f"old-{TAG}", "no"), (TAG, "true")], windows=False)
    assert opted_out([(TAG, "true"), (f"old-{TAG}", "no")], windows=False)


def test_tags_may_come_from_an_iterator() -> None:
    """A generator is enough."""
    assert opted_out((pair for pair in [(TAG, "true")]), windows=True)


@given(st.lists(st.tuples(st.text(), st.text())))
def test_what_switches_windows_off_switches_linux_off_unless_another_tag_comes_first(
    tags: list[tuple[str, str]],
) -> None:
    """Windows' rule is the narrower one, for any tags whatever."""
    with_ours = [(TAG, "true"), *tags]
    assert opted_out(with_ours, windows=True)
    assert opted_out(with_ours, windows=False)


def test_the_tag_is_the_one_that_aks_documents() -> None:
    """And the day from which it is not honoured any more."""
    assert (TAG, RETIRES) == ("aks-disable-kubelet-serving-certificate-rotation", "2027-04-01")


@pytest.mark.parametrize(
    ("tags", "linux", "windows"),
    [
        ([], None, None),
        ([("team", "true")], None, None),
        ([(f"x{TAG}", "1"), (TAG.upper(), "2")], (f"x{TAG}", "1"), (TAG.upper(), "2")),
        ([(TAG, "1"), (TAG, "2")], (TAG, "1"), (TAG, "1")),
    ],
)
def test_the_first_tag_of_the_name_decides(
    tags: list[tuple[str, str]], linux: tuple[str, str] | None, windows: tuple[str, str] | None
) -> None:
    """As it is written."""
    assert (deciding_tag(tags, windows=False), deciding_tag(tags, windows=True)) == (linux, windows)
