"""Cells in lines: nothing is lost, nothing is wider than it may be, and what is read as one stays in one piece."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.check.layout import GAP, broken, widths

WORDS = st.text(st.sampled_from("ab1 /:-_.,@"), max_size=60).map(str.strip)


@pytest.mark.parametrize(
    ("cell", "width", "lines"),
    [
        (
            "system:node:aks-nodepool1-26535897-vmss000010",
            23,
            ["system:node:aks-", "nodepool1-26535897-", "vmss000010"],
        ),
        (
            "/var/lib/kubelet/pki/kubelet-client-current.pem",
            40,
            ["/var/lib/kubelet/pki/kubelet-client-", "current.pem"],
        ),
        ("2026-09-01 to 2026-11-13", 13, ["2026-09-01 to", "2026-11-13"]),
        ("its image AKSUbuntu-2204-202411.12.0 is old", 27, ["its image", "AKSUbuntu-2204-202411.12.0", "is old"]),
        ("aks1-dns-6a4f.hcp.westeurope.azmk8s.io:443", 20, ["aks1-dns-6a4f.hcp.", "westeurope.azmk8s.", "io:443"]),
        ("", 5, [""]),
    ],
    ids=["user", "path", "dates", "a word that fits in a line of its own", "host", "empty"],
)
def test_lines_end_where_a_person_would_end_them(cell: str, width: int, lines: list[str]) -> None:
    """At spaces, else after a separator; a date, a version stay whole."""
    assert broken(cell, width).split("\n") == lines


@given(st.lists(st.tuples(WORDS, WORDS, WORDS), min_size=1, max_size=5), st.integers(10, 120))
def test_nothing_is_lost_and_no_line_is_wider_than_its_column(rows: list[tuple[str, str, str]], terminal: int) -> None:
    """Whatever is in the cells."""
    columns = list(zip(*rows, strict=True))
    wide = widths(columns, (True, False, True), terminal)
    for cells, width in zip(columns, wide, strict=True):
        for cell in cells:
            lines = broken(cell, width).split("\n")
            assert max(map(len, lines)) <= width
            assert "".join(cell.split()) == "".join("".join(lines).split())
    if sum(wide) + 2 * GAP > terminal:
        assert wide == widths(columns, (True, False, True), 1), "it is as narrow as it can be"


def test_the_widest_column_gives_way_first() -> None:
    """A short one beside it is not broken for nothing."""
    assert widths([["a b c d e f"], ["word " * 10]], (True, True), 40) == [11, 27]


@pytest.mark.parametrize(
    ("columns", "wrapping", "terminal", "expected"),
    [
        ([["abc"], ["de"]], (True, True), 7, [3, 2]),
        ([["a b"], ["c d"]], (True, True), 7, [2, 3]),
        ([["a b"], ["c d"]], (True, True), 6, [2, 2]),
        ([["a b"], ["c d"]], (True, True), 0, [1, 1]),
        ([["a b c"]], (True,), 4, [4]),
        ([["a b c"]], (True,), 5, [5]),
        ([["", "", ""], ["a b"]], (True, True), 1, [0, 1]),
        ([["x" * 27]], (True,), 1, [27]),
        ([["x" * 28]], (True,), 1, [27]),
        ([["x" * 55]], (True,), 1, [27]),
        ([["a b", "abc/defg"], ["c d"]], (True, False), 1, [4, 3]),
        ([["2026-09-01"]], (True,), 1, [10]),
        ([["08:00"]], (True,), 1, [5]),
    ],
)
def test_a_column_is_as_wide_as_its_words_or_as_narrow_as_their_parts(
    columns: list[list[str]], wrapping: tuple[bool, ...], terminal: int, expected: list[int]
) -> None:
    assert widths(columns, wrapping, terminal) == expected


@pytest.mark.parametrize(
    ("cell", "width", "lines"),
    [
        ("ab cd", 5, ["ab cd"]),
        ("ab cd", 4, ["ab", "cd"]),
        ("abcd", 4, ["abcd"]),
        ("abcde", 4, ["abcd", "e"]),
        ("ab/cd/ef", 6, ["ab/cd/", "ef"]),
        ("ab/cd/ef", 5, ["ab/", "cd/ef"]),
        ("xy ab/cd/efghi", 6, ["xy", "ab/cd/", "efghi"]),
        ("abcdefghij", 4, ["abcd", "efgh", "ij"]),
        ("a  b", 4, ["a  b"]),
        ("ValidatingWebhook", 11, ["Validating", "Webhook"]),
        ("v1.33.2", 4, ["v1.3", "3.2"]),
        ("a.b:c,d_e-f@g", 2, ["a.", "b:", "c,", "d_", "e-", "f@", "g"]),
        ("a 2026-09-01", 10, ["a", "2026-09-01"]),
        ("x-08:00", 5, ["x-", "08:00"]),
    ],
)
def test_a_cell_is_broken_at_spaces_else_after_separators_else_where_it_must_be(
    cell: str, width: int, lines: list[str]
) -> None:
    assert broken(cell, width).split("\n") == lines
