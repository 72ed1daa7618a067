"""What a connection without a socket does with what is no request."""

import asyncio

import pytest

from tests.web.virtual import GET, LIMITS, Client, Secured, run, story


@pytest.mark.parametrize(
    ("sent", "status", "said"),
    [
        (b"\x00\r\n\r\n", 400, ["eof"]),
        (b"GET / HTTP/1.1\r\n\r\n", 400, ["eof"]),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501, ["eof"]),
        (b"GET /" + b"x" * 40_000, 431, ["eof"]),
    ],
)
def test_what_is_no_request_is_answered_and_the_rest_thrown_away(sent: bytes, status: int, said: list[str]) -> None:
    """The socket is closed only when the client has read the answer, or has had the time to."""

    async def told() -> None:
        client = Client(LIMITS)
        await client.says(sent)
        assert client.wire.statuses() == [status]
        assert client.wire.written.count(b"connection: close\r\n") == 1
        assert client.wire.said == said
        await client.says(GET, sent)
        assert (client.requests, client.wire.statuses()) == ([], [status])
        assert await client.ends() == pytest.approx(10, abs=1)
        assert client.wire.said == [*said, "abort"]

    run(told)


@story
async def test_under_tls_what_is_no_request_ends_the_connection() -> None:
    client = Client(secured=Secured())
    await client.says(b"\x00\r\n\r\n")
    assert (client.wire.statuses(), client.wire.said) == ([400], ["close"])


@story
async def test_nonsense_behind_a_request_ends_its_answer() -> None:
    client = Client()
    client.released = {"/a": asyncio.Event()}
    await client.says(b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    await client.says(b"nonsense\r\n")
    assert client.wire.written == b""
    assert client.wire.said == ["eof", "abort"]


@story
async def test_nonsense_behind_a_request_is_not_answered_by_who_makes_the_answer() -> None:
    """However they take the order to end."""
    client = Client()
    client.released, client.excused = {"/a": asyncio.Event()}, True
    await client.says(b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    await client.says(b"nonsense\r\n")
    assert (client.wire.written, client.wire.said) == (b"", ["eof"])


@pytest.mark.parametrize(
    "head", [b"GET /a HTTP/1.0\r\n\r\n", b"GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"]
)
def test_what_follows_the_last_request_is_thrown_away(head: bytes) -> None:
    """Such as the line feed of `printf … | nc`. It is answered all the same, and nothing of that is kept."""

    async def told() -> None:
        client = Client(LIMITS)
        client.released = {"/a": asyncio.Event()}
        await client.says(head + b"\n", GET, GET)
        assert client.connection._http.trailing_data[0] == b"\n"
        client.released["/a"].set()
        await client.settled()
        assert ([one.path for one in client.requests], client.wire.statuses()) == (["/a"], [200])
        assert client.wire.said == ["eof"], "what still comes is read, or the answer might be lost"

    run(told)
