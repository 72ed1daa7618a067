"""Dates of node images."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.azure.node_image import SERVING_ROTATION_IMAGE, image_date


@pytest.mark.parametrize(
    ("version", "date"),
    [
        ("AKSUbuntu-2204gen2containerd-202501.12.0", (2025, 1, 12)),
        ("AKSUbuntu-2404gen2containerd-2025.06.02", (2025, 6, 2)),
        ("AKSUbuntu-1804gen2containerd-2022.03.23", (2022, 3, 23)),
        ("AKSUbuntu:1604:2020.03.11", (2020, 3, 11)),
        ("AKSAzureLinux-V3gen2-202607.13.10", (2026, 7, 13)),
        ("AKSWindows-2022-containerd-gen2-20348.4405.251112", (2025, 11, 12)),
        ("202501.12.0", (2025, 1, 12)),
    ],
)
def test_the_date_is_read_in_each_of_azures_forms(version: str, date: tuple[int, int, int]) -> None:
    """YYYYMM.DD.N and YYYY.MM.DD on Linux, …YYMMDD behind the build on Windows."""
    assert image_date(version) == dt.date(*date)


@pytest.mark.parametrize(
    ("version", "date"),
    [
        (" 202501.12.0\n", (2025, 1, 12)),
        ("x202501.12.123", (2025, 1, 12)),
        ("1202501.12.0", None),
        ("x202501.12.0.1", None),
        ("x202501.1.0", None),
        ("12025.06.02", None),
        ("x2025.06.02", (2025, 6, 2)),
        ("x2025.06.02.1", None),
        ("0099.01.02", (2099, 1, 2)),
        ("0100.01.02", (100, 1, 2)),
        ("x-20348.3091.250117", (2025, 1, 17)),
        ("x-120348.3091.250117", None),
        ("x-2034.3091.250117", None),
        ("x-20348.3091.2501170", None),
        ("x-20348.3091.251317", None),
        ("x-20348.250117", None),
    ],
)
def test_a_form_is_matched_to_its_ends(version: str, date: tuple[int, int, int] | None) -> None:
    """A digit more is another number; a day that does not exist is none in another form either."""
    assert image_date(version) == (None if date is None else dt.date(*date))


def test_the_first_image_with_serving_rotation_is_of_january() -> None:
    """202501.12.0."""
    assert dt.date(2025, 1, 12) == SERVING_ROTATION_IMAGE


@pytest.mark.parametrize(
    "version",
    [
        "",
        "AKSUbuntu-2204gen2containerd",
        "AKSUbuntu-202513.12.0",
        "AKSUbuntu-202502.30.0",
        "custom-image-1.2.3",
        "latest",
    ],
)
def test_what_has_no_date_has_none(version: str) -> None:
    """No date, and no day that does not exist."""
    assert image_date(version) is None


@given(st.dates(dt.date(2018, 1, 1), dt.date(2099, 12, 31)), st.integers(0, 99))
def test_every_day_is_read_back(day: dt.date, number: int) -> None:
    """Both Linux forms, for any day."""
    assert image_date(f"AKSUbuntu-2204gen2containerd-{day:%Y%m.%d}.{number}") == day
    assert image_date(f"AKSUbuntu-2204gen2containerd-{day:%Y.%m.%d}") == day


@given(st.text())
def test_no_text_is_an_error(version: str) -> None:
    """Anything may be there."""
    image_date(version)
