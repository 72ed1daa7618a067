"""How far away a moment is (exporter/pages/time_element.py)."""

import pytest

from exporter.pages.time_element import time_element
from tests.pages.example import NOW


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (3 * 3600.0, "in 3 hours"),
        (1.0, "in less than 2 minutes"),
        (0.0, "less than 2 minutes ago"),
        (-1.0, "less than 2 minutes ago"),
        (-3 * 3600.0, "3 hours ago"),
    ],
)
def test_what_is_now_has_just_been(seconds: float, words: str) -> None:
    assert time_element(NOW + seconds, NOW).striptags() == words
    assert time_element(NOW + seconds, NOW, "then").striptags() == "then"


def test_the_time_is_there_for_programs_and_on_hover() -> None:
    assert time_element(NOW, NOW) == (
        '<time datetime="2026-11-24T06:00Z" title="2026-11-24 06:00 UTC">less than 2 minutes ago</time>'
    )
