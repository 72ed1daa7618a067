"""Many nodes with the same trouble in one entry: exporter/findings/gathered.py."""

from dataclasses import replace

import pytest

from exporter.findings import Finding, Kind, Severity, Step, Subject
from exporter.findings.gathered import MANY, Gathered, gathered
from exporter.reason import Role


def trouble(number: int, **more: object) -> Finding:
    name = f"n{number}"
    one = Finding(
        Severity.WARNING, Subject(Kind.NODE, name), f"It is {name}.", (Step("Do it.", name),), "AksCertX", node=name
    )
    return replace(one, **more)  # type: ignore[arg-type]


def test_a_few_nodes_each_have_their_entry_and_one_more_has_them_all_in_one() -> None:
    few = [trouble(number) for number in range(MANY)]
    assert gathered(few) == tuple(Gathered(one) for one in few)
    more = [*few, trouble(MANY)]
    assert gathered(more) == (Gathered(more[0], tuple(f"n{number}" for number in range(1, MANY + 1))),)
    assert MANY == 5


def test_the_one_that_has_lasted_longest_speaks_for_all() -> None:
    """One of which nobody knows since when comes last."""
    many = [trouble(number, since=100.0 - number) for number in range(6)]
    many[5] = replace(many[5], since=None)
    many[4] = replace(many[4], since=0.0)
    (one,) = gathered(many)
    assert one == Gathered(many[4], ("n3", "n2", "n1", "n0", "n5"))


@pytest.mark.parametrize(
    "other",
    [
        {"severity": Severity.CRITICAL},
        {"alert": "AksCertY"},
        {"role": Role.KUBELET_CLIENT},
        {"next": (Step("Do that.", "n0"),)},
        {"alert": ""},
        {"node": ""},
    ],
)
def test_what_is_not_the_same_trouble_has_an_entry_of_its_own(other: dict[str, object]) -> None:
    """Another severity, alert, role or remedy; commands name the node, and differ."""
    alike = [trouble(number) for number in range(1, 7)]
    found = gathered([trouble(0, **other), *alike])
    assert len(found) == 2
    assert {len(one.others) for one in found} == {0, 5}


@pytest.mark.parametrize("without", [{"alert": ""}, {"node": ""}])
def test_what_has_no_alert_or_is_about_no_node_is_never_gathered(without: dict[str, object]) -> None:
    many = [trouble(number, **without) for number in range(7)]
    assert gathered(many) == tuple(map(Gathered, many))


def test_an_entry_names_some_of_the_others() -> None:
    one = trouble(0)
    assert (Gathered(one).about, Gathered(one).others_named) == ("n0", "")
    three, five = Gathered(one, ("a", "b", "c")), Gathered(one, ("a", "b", "c", "d", "e"))
    assert (three.about, three.others_named) == ("n0 and 3 more nodes", "The same is wrong with a, b, c.")
    assert five.others_named == "The same is wrong with a, b, c and 2 more."
    assert Gathered(one, ("a", "b", "c", "d")).others_named == "The same is wrong with a, b, c and 1 more."


def test_entries_come_worst_first() -> None:
    bad = trouble(9, severity=Severity.CRITICAL)
    assert [one.finding for one in gathered([trouble(0), bad])] == [bad, trouble(0)]
