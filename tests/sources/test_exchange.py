"""One connection of a client on asyncio, against servers that keep to HTTP and others."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import pytest

from exporter.sources.exchange import Exchange, ProtocolError

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Kind: Node\r\n\r\nhello"
Use = Callable[[Exchange], Awaitable[object]]


async def read(exchange: Exchange) -> object:
    head = await exchange.get("/", {})
    return head.status, head.headers.get("x-kind"), await exchange.whole(100)


def used(use: Use, *answers: bytes) -> object:
    """What comes of a connection to a server that gives one of these for each request, and then hangs up."""

    async def run() -> object:
        ended = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                for answer in answers:
                    await reader.readuntil(b"\r\n\r\n")
                    writer.write(answer)
                await writer.drain()
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            ended.set()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server, asyncio.timeout(20):
            exchange = await Exchange.open("127.0.0.1", server.sockets[0].getsockname()[1])
            try:
                assert exchange.chain == [], "there is no TLS"
                return await use(exchange)
            finally:
                exchange.close()
                await ended.wait()

    return asyncio.run(run())


def test_requests_go_one_after_the_other_on_one_connection() -> None:
    async def twice(exchange: Exchange) -> object:
        return [await read(exchange), await read(exchange)]

    assert used(twice, OK, OK.replace(b"hello", b"again")) == [(200, "Node", b"hello"), (200, "Node", b"again")]


def test_what_comes_before_the_answer_is_passed_over() -> None:
    """RFC 9110, 15.2: any number of interim answers."""
    assert used(read, b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + OK) == (200, "Node", b"hello")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"", "^closed before it answered$"),
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "illegal status line"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", "closed connection without sending complete|closed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", "Content-Length"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000, "buffer size|too long|exceeded"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n" + b"x" * 200, "an answer of over 0 KiB"),
    ],
)
def test_what_is_no_answer_in_http_is_one_error_in_one_line(answer: bytes, words: str) -> None:
    with pytest.raises(ProtocolError, match=words) as raised:
        used(read, answer)
    assert "\n" not in str(raised.value)


def test_an_answer_may_be_as_large_as_was_said_and_not_a_byte_more() -> None:
    """In one piece and in two."""
    for size in (100, 101):
        whole = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size
        chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n%x\r\n" % (size - 1)
        for answer in (whole, chunks + b"x" * (size - 1) + b"\r\n0\r\n\r\n"):
            if size == 100:
                assert used(read, answer) == (200, None, b"x" * 100)
            else:
                with pytest.raises(ProtocolError, match="an answer of over 0 KiB"):
                    used(read, answer)


def test_after_half_an_answer_there_is_no_second_request() -> None:
    async def again(exchange: Exchange) -> object:
        await exchange.get("/", {})
        return await exchange.get("/", {})

    with pytest.raises(ProtocolError):
        used(again, OK)


def test_a_header_that_would_end_the_line_is_not_sent() -> None:
    async def split(exchange: Exchange) -> object:
        return await exchange.get("/", {"X": "a\r\nY: b"})

    with pytest.raises(ProtocolError):
        used(split, OK)
