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
