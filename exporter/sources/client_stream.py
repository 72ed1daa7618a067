"""One connection of a client on asyncio, plain or with TLS: where to in, bytes both ways out.

asyncio's own TLS sets 256 KiB aside for each connection: a hundred at a time take more memory than all that they tell.
"""

import asyncio
import contextlib
import errno
import ssl
from collections.abc import Callable
from typing import TypeVar, cast

from exporter.sources.tls import presented_chain

__all__ = ["ClientStream"]

T = TypeVar("T")

RECEIVED = 32 * 1024
"""Bytes that are taken from the network at once."""
MOST_AHEAD = 128 * 1024
"""Bytes that have come and were not read, from which on the other side has to wait."""


class ClientStream(asyncio.BufferedProtocol):
    """The client's end. Whoever uses it sets the deadline (`asyncio.timeout`) and closes it. What is sent is small."""

    def __init__(self) -> None:
        """Made by `connect`."""
        self._buffer = bytearray(RECEIVED)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls: ssl.SSLObject | None = None
        self._arrived = asyncio.Event()
        self._ended = False
        self._broken: Exception | None = None
        self._transport: asyncio.Transport

    @classmethod
    async def connect(
        cls, host: str, port: int, tls: ssl.SSLContext | None = None, server_name: str | None = None
    ) -> "ClientStream":
        """Connect, and do the handshake where `tls` is given. Raises OSError (ssl.SSLError among them)."""
        _, stream = await asyncio.get_running_loop().create_connection(cls, host, port)
        try:
            if tls is not None:
                await stream._secure(tls.wrap_bio(stream._incoming, stream._outgoing, server_hostname=server_name))
        except BaseException:
            stream.close()
            raise
        return stream

    @property
    def chain(self) -> list[bytes]:
        """DER of the certificates served on this connection, the leaf first; empty without TLS."""
        return presented_chain(self._tls) if self._tls is not None else []

    def write(self, data: bytes) -> None:
        """Send this."""
        if self._tls is None:
            self._transport.write(data)
        else:
            self._tls.write(data)
            self._flush()

    async def read(self, most: int) -> bytes:
        """The next bytes; empty where the other side has ended. Raises OSError where the connection broke."""
        tls = self._tls
        if tls is None:
            while not (found := self._incoming.read(most)) and not self._ended:
                await self._arrival()
        else:
            found = b""
            with contextlib.suppress(ssl.SSLZeroReturnError, ssl.SSLEOFError):
                found = await self._done(lambda: tls.read(most))
        if not found and self._broken is not None:
            raise self._broken
        return found

    def close(self) -> None:
        """Let go of it, whatever is still under way."""
        self._transport.abort()

    async def _secure(self, tls: ssl.SSLObject) -> None:
        try:
            await self._done(tls.do_handshake)
        except ssl.SSLEOFError:
            raise self._broken or ConnectionResetError(errno.ECONNRESET, "closed in mid-handshake") from None
        self._tls = tls

    async def _done(self, step: Callable[[], T]) -> T:
        """What OpenSSL makes of what has come, or comes."""
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                pass
            finally:
                self._flush()
            await self._arrival()

    def _flush(self) -> None:
        if self._outgoing.pending:
            self._transport.write(self._outgoing.read())

    async def _arrival(self) -> None:
        self._arrived.clear()
        self._transport.resume_reading()
        await self._arrived.wait()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is there."""
        self._transport = cast("asyncio.Transport", transport)

    def get_buffer(self, sizehint: int) -> bytearray:
        """Where to put what comes."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """So many bytes came."""
        self._incoming.write(memoryview(self._buffer)[:nbytes])
        if self._incoming.pending >= MOST_AHEAD:
            self._transport.pause_reading()
        self._arrived.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone: ended by the other side, closed, or broken."""
        self._ended, self._broken = True, exc
        self._incoming.write_eof()
        self._arrived.set()
