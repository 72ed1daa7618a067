"""The lifetime bar: where now lies, what it amounts to, and the same in words."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.pages.lifetime import Lifetime, lifetime_bar
from exporter.pages.page import Tone
from simulation.pki import DAY

START = 1_767_225_600.0
"""2026-01-01 00:00 UTC."""
ROTATED = Lifetime(START, START + 100 * DAY, (START + 70 * DAY, START + 90 * DAY))
FIXED = Lifetime(START, START + 100 * DAY, None)


@pytest.mark.parametrize(
    ("life", "day", "tone", "words"),
    [
        (ROTATED, -3, Tone.CRITICAL, "Not valid for another 3 days."),
        (ROTATED, 10, Tone.OK, "Rotates in 60 days at the earliest."),
        (ROTATED, 70, Tone.INFO, "Rotates within 20 days."),
        (ROTATED, 85, Tone.INFO, "Rotates within 5 days."),
        (ROTATED, 94, Tone.WARNING, "Overdue for rotation by 4 days."),
        (ROTATED, 96, Tone.CRITICAL, "Overdue for rotation by 6 days."),
        (ROTATED, 100, Tone.CRITICAL, "Ended less than 2 minutes ago."),
        (ROTATED, 107, Tone.CRITICAL, "Ended 7 days ago."),
        (FIXED, 79, Tone.OK, "Ends in 21 days."),
        (FIXED, 80, Tone.WARNING, "Ends in 20 days."),
        (FIXED, 95, Tone.CRITICAL, "Ends in 5 days."),
        (Lifetime(START, START + 100 * DAY, None, judged=Tone.QUIET), 200, Tone.QUIET, "Ended 100 days ago."),
    ],
)
def test_a_lifetime_has_a_tone_and_words(life: Lifetime, day: float, tone: Tone, words: str) -> None:
    now = START + day * DAY
    assert (life.tone(now), life.told(now)) == (tone, words)
    html = lifetime_bar(life, now)
    assert f'class="life {tone}"' in html
    assert f"<b>{words}</b>" in html


def test_the_window_and_now_are_drawn_by_attributes_and_told_in_words() -> None:
    html = lifetime_bar(ROTATED, START + 85 * DAY)
    assert '<rect class="window" x="70.00%" y="8" width="20.00%" height="12"/>' in html
    assert '<line class="now" x1="85.00%" x2="85.00%"' in html
    assert (
        '"Valid from 2026-01-01 to 2026-04-11, rotated between 2026-03-12 and 2026-04-01; now, 2026-03-27, '
        '85 % of the lifetime is over."'
    ) in html
    assert "style" not in html


@pytest.mark.parametrize(("day", "part"), [(-3, "0.00"), (0, "0.00"), (0.5, "0.50"), (100, "100.00"), (107, "100.00")])
def test_now_is_drawn_at_an_end_where_it_is_beyond_it(day: float, part: str) -> None:
    html = lifetime_bar(FIXED, START + day * DAY)
    assert f'<line class="now" x1="{part}%" x2="{part}%"' in html


@pytest.mark.parametrize(("at", "part"), [(-1, "0.00"), (0, "100.00"), (1, "100.00")])
def test_of_what_ends_before_it_begins_nothing_or_all_is_over(at: float, part: str) -> None:
    for begin in (0, 5):
        assert f'cx="{part}%"' in lifetime_bar(Lifetime(START + begin, START, None), START + at)


def test_a_lifetime_under_a_day_is_told_in_times() -> None:
    """G14: mere dates would read `2026-01-01 to 2026-01-01`."""
    html = lifetime_bar(Lifetime(START, START + 600, (START + 420, START + 540)), START + 60)
    assert "Valid from 2026-01-01 00:00 UTC to 2026-01-01 00:10 UTC" in html
    assert "<b>2026-01-01 00:10 UTC</b>not after" in html


TIMES = st.floats(0, 4e9)


@given(TIMES, TIMES, TIMES, st.none() | st.tuples(TIMES, TIMES))
def test_any_dates_are_drawn_inside_the_bar(
    start: float, end: float, now: float, window: tuple[float, float] | None
) -> None:
    html = lifetime_bar(Lifetime(start, end, window), now)
    assert all(0 <= float(part) <= 100 for part in re.findall(r'(?:x1|cx)="([-\d.]+)%"', html))
