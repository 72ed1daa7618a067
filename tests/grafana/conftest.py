"""Simulated clusters with real agents and real Prometheuses, once for all tests; and one Chromium."""

from collections.abc import Iterator

import pytest

from tools.browser import Browser, browser
from tools.grafana.fleets import Fleets, fleets


@pytest.fixture(scope="session")
def observed() -> Iterator[Fleets]:
    with fleets(0.75) as found:
        yield found


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with browser() as found:
        yield found
