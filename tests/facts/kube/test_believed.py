"""What an object of the server claims of a moment is believed up to the later of two clocks."""

import pytest

from exporter.facts.kube.believed import MARGIN, Believed, latest

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("offset", "ahead"), [(None, 0.0), (0.0, 0.0), (-30.0, 0.0), (0.5, 0.5), (1.0, 1.0), (90.0, 90.0)]
)
def test_the_later_of_two_clocks_counts(offset: float | None, ahead: float) -> None:
    """An API server's clock that is not known, or behind ours, moves nothing."""
    assert latest(NOW, offset) == NOW + ahead


def test_a_claim_of_the_past_or_the_present_is_believed() -> None:
    found = Believed()
    assert [found.time("a", claimed, NOW) for claimed in (NOW - 1, NOW)] == [NOW - 1, NOW]
    assert found.ahead("a") == found.ahead("never heard of") == 0.0


def test_a_claim_of_the_future_is_believed_to_be_of_when_it_was_first_heard() -> None:
    """For as long as it is claimed, by that one: also once the clocks have come to it."""
    found = Believed()
    assert [found.time("a", NOW + 100, NOW + after) for after in (0, 50, 200)] == [NOW, NOW, NOW]
    assert found.time("b", NOW + 100, NOW + 60) == NOW + 60
    assert (found.ahead("a"), found.ahead("b")) == (100.0, 40.0)
    assert found.time("a", NOW + 300, NOW + 210) == NOW + 210
    assert found.ahead("a") == 90.0


def test_a_later_claim_that_is_none_of_the_future_makes_the_former_one_forgotten() -> None:
    found = Believed()
    found.time("a", NOW + 300, NOW)
    assert found.time("a", NOW + 150, NOW + 200) == NOW + 150
    assert found.ahead("a") == 0.0
    assert found.time("a", NOW + 300, NOW + 250) == NOW + 250


def test_a_claim_that_a_clock_had_come_to_is_of_the_future_once_the_clock_is_set_back() -> None:
    found = Believed()
    assert [found.time("a", NOW, NOW + after) for after in (0, -10, 0)] == [NOW, NOW - 10, NOW - 10]


def test_what_nobody_claims_any_more_is_forgotten() -> None:
    found = Believed()
    found.forget("a")
    found.time("a", NOW + 100, NOW)
    found.time("b", NOW + 100, NOW)
    found.forget("a")
    assert (found.ahead("a"), found.ahead("b")) == (0.0, 100.0)
    assert found.time("a", NOW + 100, NOW + 50) == NOW + 50


@pytest.mark.parametrize(("by", "ahead"), [(1.0, 0.0), (MARGIN, 0.0), (MARGIN + 1, MARGIN + 1)])
def test_a_claim_may_be_a_few_seconds_ahead(by: float, ahead: float) -> None:
    """The API server's clock is read off a header of whole seconds."""
    assert MARGIN == 5.0
    found = Believed()
    assert found.time("a", NOW + by, NOW) == NOW
    assert found.ahead("a") == ahead
