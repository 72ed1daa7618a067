"""Deadlines of a connection without a socket, to the second, and when it tells that it waits."""

import asyncio

import pytest

from exporter.web.response import Response
from tests.web.virtual import GET, LIMITS, Client, run, story


@pytest.mark.parametrize(
    ("sent", "answered", "seconds"),
    [
        (b"", 0, 10.0),
        (GET[:9], 0, 10.0),
        (GET, 1, 75.0),
        (GET + b"G", 1, 10.0),
        (b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nx", 1, 10.0),
    ],
)
def test_who_does_not_go_on_is_ended_in_time(sent: bytes, answered: int, seconds: float) -> None:
    async def told() -> None:
        client = Client(LIMITS)
        await client.says(*filter(None, [sent]))
        assert len(client.wire.statuses()) == answered
        assert await client.ends() == pytest.approx(seconds, abs=0.5)
        assert client.wire.said == ["abort"]

    run(told)


@story
async def test_a_request_in_pieces_has_one_time_for_all_of_them() -> None:
    client = Client(LIMITS)
    for at in range(3):
        await client.says(GET[at : at + 1])
        await asyncio.sleep(4)
    assert client.wire.said == ["abort"]


@story
async def test_the_time_of_a_later_request_begins_with_its_first_byte() -> None:
    client = Client(LIMITS)
    await client.says(GET)
    await asyncio.sleep(70)
    await client.says(GET[:5])
    assert await client.ends() == pytest.approx(80, abs=0.5)


@story
async def test_an_answer_may_take_as_long_as_it_takes() -> None:
    client = Client(LIMITS)
    client.released = {"/a": asyncio.Event()}
    await client.says(GET)
    assert not client.connection.waiting
    assert await client.ends(most=500) == -1
    client.released["/a"].set()
    await client.settled()
    assert client.wire.statuses() == [200]
    assert client.connection.waiting


@story
async def test_who_takes_nothing_of_an_answer_is_ended_and_who_takes_it_late_is_not() -> None:
    client, other = Client(LIMITS), Client(LIMITS)
    for one in (client, other):
        one.connection.pause_writing()
        await one.says(GET)
        assert one.connection.waiting
    await asyncio.sleep(29)
    other.connection.resume_writing()
    await asyncio.sleep(2)
    assert (client.wire.said, other.wire.said) == (["abort"], [])
    assert await other.ends() == pytest.approx(29 + 75, abs=1)


@story
async def test_who_takes_nothing_any_more_while_an_answer_is_made_is_waited_for() -> None:
    client = Client(LIMITS)
    client.released = {"/a": asyncio.Event()}
    await client.says(GET)
    client.connection.pause_writing()
    assert (client.waits, client.connection.waiting) == (2, True)
    client.connection.resume_writing()
    assert not client.connection.waiting
    client.connection.pause_writing()
    assert await client.ends() == pytest.approx(30, abs=1)
    client.connection.connection_lost(None)
    await client.settled()


@story
async def test_what_lies_unsent_after_the_answer_has_the_same_time() -> None:
    client, other = Client(LIMITS), Client(LIMITS)
    for one in (client, other):
        one.wire.unsent = 10
        await one.says(GET)
    await asyncio.sleep(29)
    other.wire.unsent = 0  # the transport says this to nobody
    await asyncio.sleep(2)
    assert (client.wire.said, other.wire.said) == (["abort"], [])
    assert await other.ends() == pytest.approx(30 + 75, abs=1)


@story
async def test_who_takes_the_end_of_a_last_answer_late_is_ended_all_the_same() -> None:
    client = Client(LIMITS)
    client.wire.unsent = 10
    await client.says(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    assert client.wire.said == ["close"]
    client.wire.unsent = 0
    await asyncio.sleep(31)
    assert client.wire.said == ["close", "abort"]


@story
async def test_an_answer_that_is_kept_back_can_be_ended_and_comes_after_its_time() -> None:
    client = Client(LIMITS)
    client.answers["/a"] = Response(503, b"busy\n", "text/plain", after=2.0)
    await client.says(GET)
    assert (client.waits, client.connection.waiting, client.wire.written) == (2, True, b"")
    await asyncio.sleep(1.9)
    assert client.wire.written == b""
    await asyncio.sleep(0.2)
    assert client.wire.statuses() == [503]
    client.released = {"/b": asyncio.Event()}
    await client.says(GET.replace(b"/a", b"/b"))
    assert not client.connection.waiting  # the next answer is its own
    client.connection.cancel()
    await client.settled()


@story
async def test_waiting_is_told_once_for_each_thing_that_is_waited_for() -> None:
    client = Client()
    assert (client.waits, client.connection.waiting) == (1, True)
    await client.says(GET[:4])
    assert client.waits == 1
    await client.says(GET[4:])
    assert client.waits == 2
    await client.says(GET)
    assert client.waits == 3
