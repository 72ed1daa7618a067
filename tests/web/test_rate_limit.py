"""The rate limit of the web configuration, to the second."""

import asyncio
import base64

import bcrypt
import pytest

from exporter.web.auth import REFUSED, ConfiguredGate
from exporter.web.config import WebConfig
from exporter.web.request import Request

SCRAPE = Request("GET", "/metrics", "", ())


class Limited:
    """A gate with a clock that a test sets."""

    def __init__(self, interval: float, burst: int) -> None:
        self.now = 1000.0
        self.gate = ConfiguredGate(WebConfig(interval=interval, burst=burst), 9, clock=lambda: self.now)

    def passing(self, most: int = 100) -> int:
        """How many requests pass now, one after another."""

        async def count() -> int:
            for passed in range(most):
                if (refused := await self.gate.refusal(SCRAPE)) is not None:
                    assert refused.status == 429
                    return passed
            return most

        return asyncio.run(count())


def test_a_burst_passes_and_then_one_in_each_interval() -> None:
    limited = Limited(interval=10.0, burst=3)
    assert limited.passing() == 3
    limited.now += 9.9
    assert limited.passing() == 0
    limited.now += 0.2
    assert limited.passing() == 1
    limited.now += 25.0
    assert limited.passing() == 2
    limited.now += 5.0  # with the half of before
    assert limited.passing() == 1


def test_however_long_nobody_came_no_more_than_a_burst_passes() -> None:
    limited = Limited(interval=0.5, burst=4)
    limited.now += 1e6
    assert limited.passing() == 4


def test_a_limit_that_has_just_been_read_begins_with_a_whole_burst() -> None:
    limited = Limited(interval=10.0, burst=1)
    assert limited.passing() == 1
    limited.gate.use(WebConfig(interval=60.0, burst=2))
    assert limited.passing() == 2
    limited.now += 59.0
    assert limited.passing() == 0


def test_without_an_interval_there_is_no_limit() -> None:
    assert Limited(interval=0.0, burst=0).passing(50) == 50
    assert Limited(interval=0.0, burst=1).passing(50) == 50


def test_a_thousand_refused_logins_are_remembered_and_no_more(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever sends another wrong password each time fills no memory."""
    users = {b"alice": bcrypt.hashpw(b"wonder", bcrypt.gensalt(4))}

    def login(name: bytes, word: bytes) -> Request:
        pair = (b"authorization", b"Basic " + base64.b64encode(name + b":" + word))
        return Request("GET", "/metrics", "", (pair,), "10.0.0.1")

    async def story() -> None:
        gate = ConfiguredGate(WebConfig(users=users), 9)
        gate._refused.update(dict.fromkeys((number.to_bytes(4) for number in range(REFUSED)), None))
        assert REFUSED == 1000
        refused = await gate.refusal(login(b"n" * 70 + b"\xff", b"word"))
        assert refused is not None
        assert len(gate._refused) == 1000
        assert (0).to_bytes(4) not in gate._refused
        gate.close()

    asyncio.run(story())
    assert caplog.messages == [f"login of {'n' * 64!r} refused"]


def test_a_name_that_is_no_utf_8_is_logged_all_the_same(caplog: pytest.LogCaptureFixture) -> None:
    users = {b"alice": bcrypt.hashpw(b"wonder", bcrypt.gensalt(4))}

    async def story() -> None:
        gate = ConfiguredGate(WebConfig(users=users), 9)
        header = (b"authorization", b"Basic " + base64.b64encode(b"\xff:x"))
        refused = await gate.refusal(Request("GET", "/", "", (header,)))
        assert refused is not None
        assert refused.status == 401
        gate.close()

    asyncio.run(story())
    assert caplog.messages == ["login of '\ufffd' refused"]
