"""Accept and Accept-Encoding."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.web import negotiation
from exporter.web.negotiation import Coding, Format, coding, exposition_format


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", Coding.IDENTITY),
        ("gzip", Coding.GZIP),
        ("GZIP", Coding.GZIP),
        ("x-gzip", Coding.GZIP),
        ("gzip, deflate, br, zstd", Coding.GZIP),
        ("deflate, br", Coding.IDENTITY),
        ("*", Coding.GZIP),
        ("identity", Coding.IDENTITY),
        ("gzip;q=0", Coding.IDENTITY),
        ("gzip; q=0.000", Coding.IDENTITY),
        ("gzip;q=0, *", Coding.IDENTITY),
        ("gzip;q=0.001", Coding.GZIP),
        ("gzip;q=0.5, identity", Coding.IDENTITY),
        ("gzip;q=0.5, identity;q=0.5", Coding.GZIP),
        ("identity;q=0, gzip", Coding.GZIP),
        ("identity;q=0, *", Coding.GZIP),
        ("identity;q=0", Coding.NONE),
        ("identity;q=0, gzip;q=0", Coding.NONE),
        ("*;q=0", Coding.NONE),
        ("*;q=0, gzip", Coding.GZIP),
        ("*;q=0, identity", Coding.IDENTITY),
        ("gzip;q=nonsense", Coding.IDENTITY),
        ("gzip;q=2", Coding.IDENTITY),
        ("gzip;q=-1", Coding.IDENTITY),
        (",, ;q=1, gzip", Coding.GZIP),
    ],
)
def test_the_coding_is_what_the_client_weighs_highest(header: str, expected: Coding) -> None:
    assert coding(header) is expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", Format.TEXT),
        ("*/*", Format.TEXT),
        ("text/plain", Format.TEXT),
        ("text/plain;version=0.0.4", Format.TEXT),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Format.TEXT),
        ("application/json", Format.TEXT),
        ("application/openmetrics-text", Format.OPENMETRICS),
        ("Application/OpenMetrics-Text; Version=1.0.0; charset=utf-8", Format.OPENMETRICS),
        ('application/openmetrics-text; version="1.0.0"', Format.OPENMETRICS),
        ("application/*", Format.OPENMETRICS),
        ("application/openmetrics-text;version=0.0.1", Format.TEXT),
        ("application/openmetrics-text;version=99", Format.TEXT),
        ("application/openmetrics-text;version=1.0.0;q=0", Format.TEXT),
        ("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.6", Format.TEXT),
        ("application/openmetrics-text;q=0.5,text/plain;q=0.5", Format.TEXT),
        ("text/plain;q=0.5,application/openmetrics-text;version=1.0.0;escaping=dots", Format.OPENMETRICS),
        ("*/*, application/openmetrics-text;q=0.1", Format.TEXT),
        ("*/*;q=0.1, application/openmetrics-text;q=0.2", Format.OPENMETRICS),
        (
            "application/openmetrics-text;version=1.0.0;q=0.9, application/openmetrics-text;q=0.1, text/plain;q=0.5",
            Format.OPENMETRICS,
        ),
        (
            "application/openmetrics-text;version=1.0.0;q=0.1, application/openmetrics-text;q=0.9, text/plain;q=0.5",
            Format.TEXT,
        ),
        ("application/openmetrics-text;q=0.9, application/*;q=0.1, text/plain;q=0.5", Format.OPENMETRICS),
        ("application/openmetrics-text;q=0.1, application/*;q=0.9, text/plain;q=0.5", Format.TEXT),
        ("application/*;q=0.9, */*;q=0.1, text/plain;q=0.5", Format.OPENMETRICS),
        ("application/*;q=0.1, */*;q=0.9, text/plain;q=0.5", Format.TEXT),
        ("text/*;q=0.5, application/openmetrics-text;q=0.4", Format.TEXT),
        ("text/*;q=0.3, application/openmetrics-text;q=0.4", Format.OPENMETRICS),
        (
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,"
            "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.4,*/*;q=0.1",
            Format.OPENMETRICS,
        ),
    ],
)
def test_the_format_is_what_the_client_weighs_highest(header: str, expected: Format) -> None:
    assert exposition_format(header) is expected


PIECES = st.sampled_from(["gzip", "identity", "*", "*/*", "text/plain", ";", ",", "q=", "0", "1", ".5", " ", "=", '"'])


@given(st.one_of(st.text(), st.lists(PIECES).map("".join)))
def test_any_header_has_an_answer(header: str) -> None:
    assert coding(header) in Coding
    assert exposition_format(header) in Format


@pytest.mark.parametrize(("length", "kept"), [(28, 1), (512, 1), (513, 0), (2000, 0)])
def test_a_long_header_is_answered_and_not_kept(length: int, kept: int) -> None:
    """A scraper sends the same one every time; a stranger may send any, as long as they are."""
    caches = negotiation._kept_format, negotiation._kept_coding
    for one in caches:
        one.cache_clear()
    assert exposition_format("application/openmetrics-text".ljust(length, ",")) is Format.OPENMETRICS
    assert coding("gzip".ljust(length, ",")) is Coding.GZIP
    assert [one.cache_info().currsize for one in caches] == [kept, kept]


def test_only_the_first_elements_of_a_header_count() -> None:
    """Sixty-four of them, which no client sends."""
    assert coding(f"{'a, ' * 63}gzip") is Coding.GZIP
    assert coding(f"{'a, ' * 64}gzip") is Coding.IDENTITY
    assert exposition_format(f"{'a/b, ' * 63}application/openmetrics-text") is Format.OPENMETRICS
    assert exposition_format(f"{'a/b, ' * 64}application/openmetrics-text") is Format.TEXT
