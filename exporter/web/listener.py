"""A bound socket in, connections with their TLS handshakes done out, few of them under way at once.

asyncio's own server does not bound them, and gives each of them, and each TLS connection, a zeroed read buffer of
256 KiB: two hundred clients that connect and fall silent cost it 60 MiB.
"""

import asyncio
import logging
import socket
import ssl
from asyncio import sslproto
from collections.abc import Callable

__all__ = ["Listener"]

log = logging.getLogger(__name__)

HANDSHAKE_SECONDS = 10.0
"""How long a client may take for the TLS handshake."""

CLOSE_SECONDS = 2.0
"""How long a client may take to say that it heard of the end of a TLS connection."""

TLS_BUFFER = 16 * 1024
"""Bytes of a TLS connection's read buffer: the longest record (RFC 8446 §5.1), and more than any request needs."""

AT_ONCE = 32
"""Most connections that are accepted before those at hand go on."""

EXHAUSTED_SECONDS = 0.2
"""How long to wait where the process or the system is out of file descriptors."""


class Listener:
    """Accepts the connections of one socket, like asyncio's Server. Its `close` is what uvicorn calls."""

    def __init__(
        self,
        listening: socket.socket,
        protocol: Callable[[], asyncio.Protocol],
        context: ssl.SSLContext | None,
        handshakes: int,
    ) -> None:
        """Must be made while the loop runs. At most `handshakes` of TLS are under way: one more ends the oldest."""
        if context is not None:
            sslproto.SSLProtocol.max_size = TLS_BUFFER  # of the process: nothing else here uses asyncio's TLS
        self._listening, self._protocol, self._context = listening, protocol, context
        self._handshakes = handshakes
        self._loop = asyncio.get_running_loop()
        self._admitted: dict[asyncio.Task[None], None] = {}
        self._untouched: set[socket.socket] = set()
        self._closed = False
        self._loop.add_reader(listening, self._accept)

    def close(self) -> None:
        """Accept no more, and give up the handshakes under way."""
        self._closed = True
        self._loop.remove_reader(self._listening)
        self._listening.close()
        for task in list(self._admitted):
            task.cancel()
        for accepted in self._untouched:
            accepted.close()

    async def wait_closed(self) -> None:
        """Wait until nothing of it runs."""
        await asyncio.gather(*self._admitted, return_exceptions=True)

    def _accept(self) -> None:
        for _ in range(AT_ONCE):
            try:
                accepted, _address = self._listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionError):  # none is left, or it was gone already
                return
            except OSError as error:
                log.error("cannot accept connections: %s", error.strerror or error)
                self._loop.remove_reader(self._listening)
                self._loop.call_later(EXHAUSTED_SECONDS, self._resume)
                return
            accepted.setblocking(False)
            self._untouched.add(accepted)
            task = self._loop.create_task(self._admit(accepted))
            self._admitted[task] = None
            task.add_done_callback(self._forget)
            # Without TLS there is no client to wait for: however many come at once, each is handed on in a moment.
            if self._context is not None and len(self._admitted) > self._handshakes:
                oldest = next(iter(self._admitted))
                del self._admitted[oldest]
                oldest.cancel()

    def _resume(self) -> None:
        if not self._closed:
            self._loop.add_reader(self._listening, self._accept)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._admitted.pop(task, None)

    async def _admit(self, accepted: socket.socket) -> None:
        secured = self._context is not None
        try:
            if secured:
                await self._spoken(accepted)
        except (TimeoutError, asyncio.CancelledError):
            accepted.close()
            return
        finally:
            self._untouched.discard(accepted)
        try:
            # From here on asyncio closes the socket, whatever becomes of it.
            await self._loop.connect_accepted_socket(
                self._protocol,
                accepted,
                ssl=self._context,
                ssl_handshake_timeout=HANDSHAKE_SECONDS if secured else None,
                ssl_shutdown_timeout=CLOSE_SECONDS if secured else None,
            )
        except (OSError, TimeoutError) as error:  # ssl.SSLError is an OSError
            log.debug("a connection came to nothing: %s", error)

    async def _spoken(self, accepted: socket.socket) -> None:
        """Wait for the first byte: a client that never says one is not worth the 60 KiB of a handshake."""
        spoken: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_reader(accepted, _settle, spoken)
        try:
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                await spoken
        finally:
            self._loop.remove_reader(accepted)


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
