"""One connection of a client on asyncio, against servers that keep to HTTP and others."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import Awaitable, Callable
from typing import cast

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from exporter.sources.exchange import Exchange, ProtocolError, unverified_context
from simulation.pki import DAY, Authority
from simulation.pki import SERVER as SERVER_USE

NOW = time.time()
CA = Authority.cluster(NOW - DAY)
SERVER = CA.issue("node", NOW - DAY, NOW + DAY, names=("localhost", "node"), usages=(SERVER_USE,))
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


def heard(host: str, use: Use) -> bytes:
    """All that a server on this address hears of a connection's first request, which it answers."""

    async def run() -> bytes:
        asked: list[bytes] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(OK)
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(serve, host, 0)
        async with server, asyncio.timeout(20):
            port = server.sockets[0].getsockname()[1]
            exchange = await Exchange.open(host, port)
            await use(exchange)
            exchange.close()
            return asked[0].replace(str(port).encode(), b"PORT")

    return asyncio.run(run())


@pytest.mark.parametrize(("host", "said"), [("127.0.0.1", b"127.0.0.1:PORT"), ("::1", b"[::1]:PORT")])
def test_a_request_says_whom_it_asks_and_who_asks(host: str, said: bytes) -> None:
    """And nothing else, but for the caller's own headers, which come last."""

    async def get(exchange: Exchange) -> object:
        head = await exchange.get("/a?b=c", {"Accept": "x", "User-Agent": "own"})
        return head.status, dict(head.headers)

    assert heard(host, get) == (
        b"GET /a?b=c HTTP/1.1\r\nHost: "
        + said
        + b"\r\nUser-Agent: own\r\nAccept-Encoding: identity\r\nAccept: x\r\n\r\n"
    )

    async def plain(exchange: Exchange) -> object:
        return await exchange.get("/", {})

    assert b"\r\nUser-Agent: aks-cert-exporter\r\n" in heard(host, plain)


def test_the_heads_names_are_in_lower_case_and_its_body_comes_in_pieces() -> None:
    async def pieces(exchange: Exchange) -> object:
        head = await exchange.get("/", {})
        return head.status, dict(head.headers), [part async for part in exchange.body()]

    chunked = b"HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\nX-A: \xe4 b\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"
    status, headers, parts = cast("tuple[int, dict[str, str], list[bytes]]", used(pieces, chunked))
    assert (status, headers) == (503, {"transfer-encoding": "chunked", "x-a": "ä b"})
    assert b"".join(parts) == b"abc"


def test_a_body_without_a_length_ends_with_the_connection() -> None:
    assert used(read, b"HTTP/1.0 200 OK\r\n\r\nhello") == (200, None, b"hello")


def test_a_body_that_breaks_off_is_no_whole_one() -> None:
    """In its middle, and between two chunks."""
    for answer in (b"Content-Length: 5\r\n\r\nhel", b"Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n"):
        with pytest.raises(ProtocolError, match=r"incomplete|without sending complete|closed"):
            used(read, b"HTTP/1.1 200 OK\r\n" + answer)


def test_a_head_may_be_sixty_four_kilobytes_and_no_larger() -> None:
    fits = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: " + b"x" * 60_000 + b"\r\n\r\n"
    assert used(read, fits) == (200, None, b"")
    with pytest.raises(ProtocolError):
        used(read, fits.replace(b"X: ", b"X: " + b"y" * 140_000))


def test_a_large_answer_is_bounded_by_who_reads_it() -> None:
    async def kilobytes(exchange: Exchange) -> object:
        await exchange.get("/", {})
        return await exchange.whole(3000)

    with pytest.raises(ProtocolError, match=r"^an answer of over 2 KiB$"):
        used(kilobytes, b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n" + b"x" * 4000)


def indicated(context: ssl.SSLContext, host: str, server_name: str | None) -> object:
    """The name that a TLS server is asked for; or how the client refuses what it serves."""
    names: list[str | None] = []

    async def run() -> object:
        serving = SERVER.server_context()
        serving.sni_callback = lambda _tls, name, _context: names.append(name)

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError):
                await reader.read(100)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=serving)
        async with server, asyncio.timeout(20):
            try:
                port = server.sockets[0].getsockname()[1]
                exchange = await Exchange.open(host, port, tls=context, server_name=server_name)
            except ssl.SSLCertVerificationError as error:
                return error.verify_message
            assert exchange.chain == [SERVER.certificate.public_bytes(Encoding.DER)]
            exchange.close()
            return names

    return asyncio.run(run())


def verifying() -> ssl.SSLContext:
    return ssl.create_default_context(cadata=CA.pem.decode())


@pytest.mark.parametrize(
    ("context", "server_name", "seen"),
    [
        (unverified_context, None, [None]),
        (unverified_context, "node", ["node"]),
        (verifying, None, ["localhost"]),
        (verifying, "node", ["node"]),
        (verifying, "other", "Hostname mismatch, certificate is not valid for 'other'."),
    ],
)
def test_only_a_context_that_verifies_asks_for_the_host_by_name(
    context: Callable[[], ssl.SSLContext], server_name: str | None, seen: object
) -> None:
    assert indicated(context(), "localhost", server_name) == seen


def test_what_is_not_verified_is_not_of_yesterday_either() -> None:
    context = unverified_context()
    assert (context.check_hostname, context.verify_mode, context.minimum_version) == (
        False,
        ssl.CERT_NONE,
        ssl.TLSVersion.TLSv1_2,
    )


def test_a_body_is_read_once() -> None:
    async def again(exchange: Exchange) -> object:
        await read(exchange)
        return await exchange.whole(100)

    with pytest.raises(ProtocolError, match=r"^closed before the answer's end$"):
        used(again, OK)
