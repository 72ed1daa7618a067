"""Dates and waits that a server asks for, as its headers have them."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.sources.http_date import http_date, retry_after


@pytest.mark.parametrize(
    ("value", "date", "seconds"),
    [
        ("120", "", 120.0),
        (" 0 ", "", 0.0),
        ("999999", "", 3600.0),
        ("Tue, 24 Nov 2026 09:05:00 GMT", "Tue, 24 Nov 2026 09:00:00 GMT", 300.0),
        ("Tue, 24 Nov 2026 09:00:00 GMT", "Tue, 24 Nov 2026 09:05:00 GMT", 0.0),
        ("Tue, 24 Nov 2026 09:05:00 GMT", "", None),
        ("", "", None),
        ("soon", "Tue, 24 Nov 2026 09:05:00 GMT", None),
        ("-5", "", None),
        ("١٢", "", None),
    ],
)
def test_both_forms_of_retry_after_are_read(value: str, date: str, seconds: float | None) -> None:
    """Seconds, or a date beside the answer's own; an hour at the most."""
    assert retry_after(value, http_date(date), 3600.0) == seconds


@given(st.text(), st.text())
def test_no_header_is_an_error(value: str, date: str) -> None:
    """A server may write anything."""
    found = retry_after(value, http_date(date), 3600.0)
    assert found is None or 0.0 <= found <= 3600.0


@pytest.mark.parametrize(
    "value",
    [
        "Thu, 01 Jan 1970 00:01:40 +999999999999999",
        "Thu, 01 Jan 1970 00:01:40 -" + "9" * 400,
        "Thu, 01 Jan " + "9" * 5000 + " 00:00:00 GMT",
        "Thu, 32 Jan 1970 00:01:40 GMT",
        "1" * 5000,
        "\x00",
        "",
    ],
)
def test_a_date_that_is_none_is_none(value: str) -> None:
    """A10: a zone or a number that overflows is no exception."""
    assert http_date(value) is None
    assert retry_after(value, 0.0, 60.0) in {None, 60.0}


def test_a_date_without_a_zone_is_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    """As RFC 9110 has all of them, whatever this machine's zone is."""
    with monkeypatch.context() as away:
        away.setenv("TZ", "JST-9")
        time.tzset()
        for zone in (" -0000", " GMT", ""):
            assert http_date(f"Thu, 01 Jan 1970 00:01:40{zone}") == 100.0
    time.tzset()


@given(st.text())
def test_no_text_is_an_exception(value: str) -> None:
    """A10: whatever a server writes."""
    found = http_date(value)
    assert found is None or isinstance(found, float)


@pytest.mark.parametrize(
    ("value", "now", "longest", "seconds"),
    [
        ("12345", None, 1e9, 12345.0),
        ("123456789", None, 1e9, 123456789.0),
        ("1234567890", None, 1e12, 123456789.0),
        ("60", None, 60.0, 60.0),
        ("61", None, 60.0, 60.0),
        ("59", 0.0, 60.0, 59.0),
        ("5.0", None, 60.0, None),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 40.0, 60.0, 60.0),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 41.0, 60.0, 59.0),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 100.0, 60.0, 0.0),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 200.0, 60.0, 0.0),
        ("Thu, 01 Jan 1970 00:01:40 GMT", None, 60.0, None),
        ("Thu, 01 Jan 1970 01:01:40 +0100", 90.0, 60.0, 10.0),
    ],
)
def test_a_wait_is_between_nothing_and_the_longest(
    value: str, now: float | None, longest: float, seconds: float | None
) -> None:
    """Nine digits of a number are looked at."""
    assert retry_after(value, now, longest) == seconds
