"""A client's connection with TLS on asyncio: what it costs, how it ends, and who has to wait for whom."""

import asyncio
import contextlib
import errno
import socket
import ssl
import struct
import time
import tracemalloc
from collections.abc import Awaitable, Callable

import pytest

from exporter.sources.client_stream import MOST_AHEAD, ClientStream
from exporter.sources.exchange import unverified_context
from simulation.node.kubelet import SimulatedKubelets
from simulation.pki import Authority

AUTHORITY = Authority.cluster(time.time())
SERVER = AUTHORITY.kubelet_serving("node", time.time())
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Use = Callable[[ClientStream], Awaitable[None]]


def between(use: Use, serve: Serve, *, secure: bool = True) -> None:
    """Let a client use its connection to a server that does this."""

    async def run() -> None:
        async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError):
                await serve(reader, writer)
            writer.close()

        context = SERVER.server_context() if secure else None
        server = await asyncio.start_server(served, "127.0.0.1", 0, ssl=context)
        async with server, asyncio.timeout(20):
            port = server.sockets[0].getsockname()[1]
            stream = await ClientStream.connect("127.0.0.1", port, unverified_context() if secure else None)
            try:
                await use(stream)
            finally:
                stream.close()

    asyncio.run(run())


async def rest(stream: ClientStream) -> bytes:
    parts = []
    while part := await stream.read(1000):
        parts.append(part)
    return b"".join(parts)


def test_a_connection_takes_little_more_memory_than_it_receives_at_once() -> None:
    """A hundred kubelets are asked at a time, some of which hang: asyncio's own TLS takes 256 KiB for each."""

    async def hold(host: str, port: int) -> int:
        first = await ClientStream.connect(host, port, unverified_context())
        tracemalloc.start()
        second = await ClientStream.connect(host, port, unverified_context())
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        first.close()
        second.close()
        return held

    with SimulatedKubelets() as kubelets:
        assert asyncio.run(hold(*kubelets.start(SERVER, AUTHORITY).address)) < 100 * 1024


@pytest.mark.parametrize("secure", [True, False])
def test_all_that_was_sent_before_the_end_is_read(secure: bool) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(5) + b"x" * 300_000)

    async def use(stream: ClientStream) -> None:
        stream.write(b"hello")
        assert await rest(stream) == b"hello" + b"x" * 300_000
        assert await stream.read(1) == b"", "an end stays one"

    between(use, serve, secure=secure)


@pytest.mark.parametrize("secure", [True, False])
def test_a_connection_that_is_cut_is_an_error_and_no_end(secure: bool) -> None:
    """Half an answer whose length nobody told must not pass for a whole one."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(5)
        cut: socket.socket = writer.get_extra_info("socket")
        cut.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async def use(stream: ClientStream) -> None:
        stream.write(b"hello")
        with pytest.raises(ConnectionResetError):
            await rest(stream)

    between(use, serve, secure=secure)


def test_who_sends_more_than_is_read_has_to_wait() -> None:
    """A kubelet's answer is left in its middle: what was not wanted is not taken in either."""
    sent = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readexactly(5)
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()
            sent += 65536

    async def use(stream: ClientStream) -> None:
        stream.write(b"hello")
        await stream.read(1)
        before = -1
        while before != sent:  # until the server stands still: both are in this loop
            before = sent
            for _ in range(50):
                await asyncio.sleep(0)
        held = stream._incoming.pending
        assert held < 2 * MOST_AHEAD
        assert sent > 0

    between(use, serve)


def test_an_end_in_the_handshake_is_a_connection_error() -> None:
    async def run() -> None:
        async def leave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(10)
            writer.close()

        server = await asyncio.start_server(leave, "127.0.0.1", 0)
        async with server, asyncio.timeout(20):
            with pytest.raises(ConnectionResetError):
                await ClientStream.connect("127.0.0.1", server.sockets[0].getsockname()[1], unverified_context())

    asyncio.run(run())


class Transport(asyncio.Transport):
    """Notes what it is told to do."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[object] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.told.append(bytes(data))

    def pause_reading(self) -> None:
        self.told.append("pause")

    def resume_reading(self) -> None:
        self.told.append("resume")

    def abort(self) -> None:
        self.told.append("abort")


def connected() -> tuple[ClientStream, Transport]:
    stream, transport = ClientStream(), Transport()
    stream.connection_made(transport)
    return stream, transport


def arrive(stream: ClientStream, data: bytes) -> None:
    """As asyncio puts it there."""
    stream.get_buffer(-1)[: len(data)] = data
    stream.buffer_updated(len(data))


@pytest.mark.parametrize("error", [None, ConnectionResetError("cut")])
def test_what_came_before_the_end_is_read_before_it(error: Exception | None) -> None:
    """However it ended; and then the end is met again and again."""

    async def use() -> None:
        stream, transport = connected()
        arrive(stream, b"hello")
        stream.connection_lost(error)
        assert [await stream.read(3), await stream.read(3)] == [b"hel", b"lo"]
        for _ in range(2):
            if error is None:
                assert await stream.read(3) == b""
            else:
                with pytest.raises(ConnectionResetError, match="cut"):
                    await stream.read(3)
        assert (stream.chain, transport.told) == ([], [])

    asyncio.run(use())


def test_who_waits_for_more_lets_it_come() -> None:
    """After the other side had to wait, too."""

    async def use() -> None:
        stream, transport = connected()
        reading = asyncio.create_task(stream.read(10))
        await asyncio.sleep(0)
        assert transport.told == ["resume"]
        arrive(stream, b"hello")
        assert await reading == b"hello"
        stream.write(b"hi")
        stream.close()
        assert transport.told == ["resume", b"hi", "abort"]

    asyncio.run(use())


def test_the_other_side_has_to_wait_from_so_many_bytes_on() -> None:
    async def use() -> None:
        stream, transport = connected()
        piece = len(stream.get_buffer(-1))
        assert piece == 32 * 1024
        for _ in range(MOST_AHEAD // piece - 1):
            arrive(stream, bytes(piece))
        arrive(stream, bytes(piece - 1))
        assert transport.told == []
        arrive(stream, b"x")
        assert transport.told == ["pause"]
        assert len(await stream.read(MOST_AHEAD)) == MOST_AHEAD

    asyncio.run(use())


@pytest.mark.parametrize(
    ("error", "number", "words"),
    [(None, errno.ECONNRESET, "closed in mid-handshake"), (BrokenPipeError(errno.EPIPE, "cut"), errno.EPIPE, "cut")],
)
def test_a_handshake_that_breaks_off_says_how(error: Exception | None, number: int, words: str) -> None:
    async def use() -> None:
        stream, transport = connected()
        tls = unverified_context().wrap_bio(stream._incoming, stream._outgoing)
        securing = asyncio.create_task(stream._secure(tls))
        await asyncio.sleep(0)
        assert isinstance(transport.told[0], bytes), "its first words"
        stream.connection_lost(error)
        with pytest.raises(OSError, match=words) as raised:
            await securing
        assert (raised.value.errno, raised.value.strerror) == (number, words)

    asyncio.run(use())


def test_what_is_written_is_sent_although_nobody_reads() -> None:
    """With TLS too, whose bytes are made here."""
    heard = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readexactly(5) == b"hello"
        heard.set()

    async def use(stream: ClientStream) -> None:
        stream.write(b"hello")
        await heard.wait()

    between(use, serve)


def test_a_handshake_that_fails_leaves_no_connection() -> None:
    """Here the other side speaks no TLS, and waits for the end."""

    async def run() -> None:
        ended = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"SSH-2.0-OpenSSH_9.6\r\n")
            with contextlib.suppress(OSError):
                await reader.read()
            ended.set()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server, asyncio.timeout(20):
            with pytest.raises(ssl.SSLError):
                await ClientStream.connect("127.0.0.1", server.sockets[0].getsockname()[1], unverified_context())
            await ended.wait()

    asyncio.run(run())
