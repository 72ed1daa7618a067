"""What is read off a metric's name (exporter/metric.py)."""

import pytest

from exporter.metric import Metric


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("akscert_a_timestamp_seconds", "seconds"),
        ("akscert_a_seconds_total", "seconds"),
        ("akscert_a_total", ""),
        ("akscert_seconds_of_a", ""),
    ],
)
def test_the_unit_is_the_end_of_the_name(name: str, unit: str) -> None:
    assert Metric(name, "help").unit == unit
