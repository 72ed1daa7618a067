"""Dates, spans and lists in words: exporter/findings/formatting.py."""

import pytest

from exporter.findings.formatting import date, dated, ends, lasting, names_listed, some_of, span, utc_time, when

NOW = 1_796_113_800.0
"""2026-12-01 08:30 UTC."""
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
YEAR = 365 * DAY


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "less than 2 minutes"),
        (119, "less than 2 minutes"),
        (120, "2 minutes"),
        (-149, "2 minutes"),
        (151, "3 minutes"),
        (2 * HOUR - 1, "120 minutes"),
        (2 * HOUR, "2 hours"),
        (2 * DAY - 1, "48 hours"),
        (2 * DAY, "2 days"),
        (2 * YEAR - 1, "730 days"),
        (2 * YEAR, "2 years"),
        (-30 * YEAR, "30 years"),
        (3.5 * YEAR, "4 years"),
        (3.5 * DAY, "4 days"),
        (3.5 * HOUR, "4 hours"),
        (3.5 * MINUTE, "4 minutes"),
    ],
)
def test_a_span_is_told_in_its_largest_fitting_unit(seconds: float, words: str) -> None:
    assert span(seconds) == words


def test_a_moment_is_told_from_now() -> None:
    """In the right tense, and in UTC."""
    at = "2026-12-01 08:30 UTC"
    assert (date(NOW), utc_time(NOW)) == ("2026-12-01", at)
    assert when(NOW, NOW - 5 * HOUR) == f"in 5 hours ({at})"
    assert when(NOW, NOW + 5 * HOUR) == f"5 hours ago ({at})"
    assert when(NOW, NOW) == f"less than 2 minutes ago ({at})"
    assert ends(NOW, NOW - 5 * HOUR) == f"ends in 5 hours ({at})"
    assert ends(NOW, NOW + 5 * HOUR) == f"ended 5 hours ago ({at})"
    assert ends(NOW, NOW) == f"ended less than 2 minutes ago ({at})"
    assert lasting(NOW, NOW + 5 * HOUR) == f"for 5 hours (since {at})"


def test_of_what_lives_for_a_few_days_the_time_is_told_too() -> None:
    assert dated(NOW, 3 * DAY) == "2026-12-01"
    assert dated(NOW, 3 * DAY - 1) == "2026-12-01 08:30 UTC"


def test_names_and_counts_are_listed_as_people_say_them() -> None:
    assert [names_listed(iter(names)) for names in ("a", "ab", "abc")] == ["a", "a and b", "a, b and c"]
    told = [some_of(*pair) for pair in ((1, 5), (4, 5), (5, 5), (2, 2), (1, 1), (1, 2), (3, 3))]
    assert told == [
        "1 of 5 nodes",
        "4 of 5 nodes",
        "all 5 nodes",
        "both nodes",
        "its one node",
        "1 of 2 nodes",
        "all 3 nodes",
    ]
