"""Answers of a connection without a socket: what is taken, and what is written when."""

import asyncio
import logging

import pytest

from exporter.web.connection import PIECE
from exporter.web.response import Response
from tests.web.virtual import GET, LIMITS, Client, run, story


@story
async def test_a_request_is_taken_as_it_was_sent() -> None:
    client = Client()
    await client.says(b"GET /a%20b?c=d HTTP/1.1\r\nHost: a\r\nX-Odd: 1\r\nX-Odd: 2\r\n\r\n")
    (request,) = client.requests
    assert (request.method, request.path, request.query_string, request.client) == ("GET", "/a b", "c=d", "10.0.0.1")
    assert request.headers == ((b"host", b"a"), (b"x-odd", b"1"), (b"x-odd", b"2"))
    assert client.wire.written.startswith(b"HTTP/1.1 200 OK\r\n")
    assert client.wire.written.endswith(b"\r\n\r\nok\n")
    assert b"connection" not in client.wire.written
    assert client.wire.said == []


@story
async def test_a_client_without_an_address_has_none() -> None:
    client = Client(peer=None)
    await client.says(GET)
    assert client.requests[0].client == ""


@pytest.mark.parametrize(("length", "statuses"), [(32 * 1024, []), (32 * 1024 + 1, [431])])
def test_the_head_of_a_request_is_at_most_32_kib(length: int, statuses: list[int]) -> None:
    async def told() -> None:
        client = Client()
        await client.says(GET[:-2] + b"X: " + b"x" * (length - len(GET) - 1))
        assert client.wire.statuses() == statuses

    run(told)


@story
async def test_requests_that_come_together_are_answered_one_after_the_other() -> None:
    client = Client()
    client.released = {"/a": asyncio.Event()}
    await client.says(GET + GET.replace(b"/a", b"/b"))
    assert [one.path for one in client.requests] == ["/a"]
    assert client.wire.paused
    client.released["/a"].set()
    await client.settled()
    assert [one.path for one in client.requests] == ["/a", "/b"]
    assert client.wire.statuses() == [200, 200]
    assert not client.wire.paused


@story
async def test_a_long_answer_goes_out_in_pieces_as_they_are_taken() -> None:
    client = Client()
    client.answers["/a"] = Response(200, b"x" * (2 * PIECE + 1), "text/plain")
    client.connection.pause_writing()
    await client.says(GET)
    assert len(client.wire.pieces) == 1
    assert PIECE < client.wire.pieces[0] < PIECE + 400
    client.connection.resume_writing()
    await client.settled()
    assert client.wire.pieces[1:] == [PIECE, 1, 0]
    assert PIECE == 64 * 1024


@story
async def test_an_answer_to_head_has_no_body() -> None:
    client = Client()
    await client.says(GET.replace(b"GET", b"HEAD"))
    assert client.wire.written.endswith(b"\r\n\r\n")
    assert b"content-length: 3\r\n" in client.wire.written


@story
async def test_nothing_is_written_to_who_has_gone_meanwhile() -> None:
    client = Client()
    client.released = {"/a": asyncio.Event()}
    await client.says(GET)
    client.wire.closing = True
    client.released["/a"].set()
    await client.settled()
    assert client.wire.written == b""


@story
async def test_the_rest_is_not_written_to_who_goes_in_the_middle() -> None:
    client = Client()
    client.answers["/a"] = Response(200, b"x" * (2 * PIECE), "text/plain")
    client.connection.pause_writing()
    await client.says(GET)
    client.wire.closing = True
    client.connection.resume_writing()
    await client.settled()
    assert len(client.wire.pieces) == 1


@story
async def test_whoever_waits_for_leave_to_send_a_body_gets_the_answer_and_no_second_one() -> None:
    client = Client(LIMITS)
    await client.says(b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
    assert b"connection: close\r\n" in client.wire.written
    assert client.wire.statuses() == [200]
    assert client.wire.said == ["eof"]
    await client.says(GET)
    assert client.wire.statuses() == [200]


@story
async def test_an_answer_that_fails_is_logged_and_ends_the_connection() -> None:
    client = Client()
    client.answers["/a"] = Response(200, b"", "a\r\nb")
    await client.says(GET)
    assert client.wire.said == ["abort"]


def test_an_answer_that_fails_is_one_record(caplog: pytest.LogCaptureFixture) -> None:
    async def told() -> None:
        client = Client()
        client.answers["/a"] = Response(200, b"", "a\r\nb")
        await client.says(GET)

    run(told)
    assert [(one.levelno, one.getMessage()) for one in caplog.records] == [
        (logging.ERROR, "/a: the answer cannot be sent")
    ]
