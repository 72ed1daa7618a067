"""Logins that are remembered: a hundred that were accepted, the last used first."""

import asyncio
import base64

import bcrypt

from exporter.web.auth import REMEMBERED, ConfiguredGate
from exporter.web.config import WebConfig
from exporter.web.request import Request

USERS = {
    f"user-{number}".encode(): bcrypt.hashpw(f"word-{number}".encode(), bcrypt.gensalt(4))
    for number in range(REMEMBERED + 1)
}


def login(number: int, word: int | None = None) -> Request:
    pair = f"user-{number}:word-{number if word is None else word}"
    header = (b"authorization", b"Basic " + base64.b64encode(pair.encode()))
    return Request("GET", "/metrics", "", (header,), "10.0.0.1")


async def passes(gate: ConfiguredGate, request: Request) -> bool:
    return await gate.refusal(request) is None


def test_the_hundred_and_first_login_takes_the_place_of_the_one_that_was_used_longest_ago() -> None:
    async def story() -> None:
        gate = ConfiguredGate(WebConfig(users=USERS), 9)
        for number in range(REMEMBERED):
            assert await passes(gate, login(number))
        oldest, *others = gate._accepted
        assert await passes(gate, login(0))  # used again: it is no longer the oldest
        assert list(gate._accepted) == [*others, oldest]
        assert await passes(gate, login(REMEMBERED))
        *kept, newest = gate._accepted
        assert kept == [*others[1:], oldest]
        assert newest not in {oldest, *others}
        gate.close()

    asyncio.run(story())


def test_a_remembered_login_is_of_one_name_and_one_word() -> None:
    async def story() -> None:
        gate = ConfiguredGate(WebConfig(users=USERS), 9)
        assert await passes(gate, login(1))
        assert not await passes(gate, login(1, word=2))
        assert not await passes(gate, login(2, word=1))
        assert await passes(gate, login(1))
        gate.close()

    asyncio.run(story())
