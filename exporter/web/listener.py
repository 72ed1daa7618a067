"""Bound sockets in, connections out: never more than the limits allow, also while a burst of them is accepted.

asyncio's own server does not bound them, and gives each of them, and each TLS connection, a zeroed read buffer of
256 KiB: two hundred clients that connect and fall silent cost it 60 MiB.
"""

import asyncio
import contextlib
import logging
import math
import socket
import ssl
from asyncio import sslproto
from collections.abc import Callable

from exporter.web.connection import Answer, ClientConnection
from exporter.web.limits import Limits

__all__ = ["Listener"]

log = logging.getLogger(__name__)

HANDSHAKE_SECONDS = 10.0
"""How long a client may take for the TLS handshake."""

CLOSE_SECONDS = 2.0
"""How long a client may take to say that it heard of the end of a TLS connection."""

TLS_BUFFER = 16 * 1024
"""Bytes of a TLS connection's read buffer: the longest record (RFC 8446 §5.1), and more than any request needs."""

AT_ONCE = 8
"""Most connections that are accepted before those at hand go on, and most that are open beyond the limit meanwhile:
a socket that is ended is closed a moment later."""

EXHAUSTED_SECONDS = 0.2
"""How long to wait where the process or the system is out of file descriptors."""

EXHAUSTED_LINES = 60.0
"""Seconds between two lines in the log about that."""


class _Seat:
    """One accepted socket, from accept(2) to its end."""

    def __init__(self, accepted: socket.socket, client: str) -> None:
        self.socket, self.client = accepted, client
        self.task: asyncio.Task[None] | None = None
        self.connection: ClientConnection | None = None
        self.established: ClientConnection | None = None
        """The connection, once its TLS handshake is over."""
        self.ended = False

    @property
    def waiting(self) -> bool:
        """Whether it is the client's turn."""
        return not self.ended and (self.established is None or self.established.waiting)

    def end(self) -> None:
        """End it at once: asyncio closes it a moment later."""
        self.ended = True
        if self.established is not None:
            self.established.transport.abort()
        elif self.task is not None:
            self.task.cancel()


class Listener:
    """Accepts the connections of a server's sockets, like asyncio's Server. Must be made while the loop runs."""

    def __init__(
        self, listening: list[socket.socket], answer: Answer, limits: Limits, context: ssl.SSLContext | None
    ) -> None:
        if context is not None:
            sslproto.SSLProtocol.max_size = TLS_BUFFER  # of the process: nothing else here uses asyncio's TLS
        self._listening, self._answer, self._limits, self._context = listening, answer, limits, context
        self._loop = asyncio.get_running_loop()
        # By client, and of each in the order in which they began to wait.
        self._clients: dict[str, dict[_Seat, None]] = {}
        self._open = self._ended = 0
        self._accepting = self._closed = False
        self._told = -math.inf
        self._empty = asyncio.Event()
        self._empty.set()
        self._resume()

    @property
    def open(self) -> int:
        """How many accepted sockets are open."""
        return self._open

    async def close(self, grace: float) -> None:
        """Accept no more, end what waits for a client, and give answers under way `grace` seconds."""
        self._closed = True
        self._pause()
        for one in self._listening:
            one.close()
        for seat in self._seats():
            if seat.established is not None:
                seat.established.stop()
            else:
                seat.end()
        await self._emptied(grace)
        for seat in self._seats():
            if seat.established is not None:
                seat.established.cancel()  # its client is told that the server stops
        await self._emptied(grace / 4)
        for seat in self._seats():
            seat.end()

    def _seats(self) -> list[_Seat]:
        return [seat for seats in self._clients.values() for seat in seats]

    async def _emptied(self, seconds: float) -> None:
        """Wait until every connection has ended, but no longer than this."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._empty.wait()

    def _resume(self) -> None:
        if not self._accepting and not self._closed:
            for one in self._listening:
                self._loop.add_reader(one, self._accept, one)
            self._accepting = True

    def _pause(self) -> None:
        if self._accepting:
            for one in self._listening:
                self._loop.remove_reader(one)
            self._accepting = False

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(AT_ONCE):
            if self._open >= self._limits.connections + AT_ONCE:
                self._pause()  # until one of them has ended
                return
            try:
                accepted, address = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionError):  # none is left, or it was gone already
                return
            except OSError as error:
                self._exhausted(error)
                return
            self._seat(accepted, str(address[0]))

    def _exhausted(self, error: OSError) -> None:
        if self._loop.time() - self._told >= EXHAUSTED_LINES:
            self._told = self._loop.time()
            log.error("cannot accept connections: %s", error.strerror or error)
        self._pause()
        self._loop.call_later(EXHAUSTED_SECONDS, self._resume)

    def _seat(self, accepted: socket.socket, client: str) -> None:
        seat = _Seat(accepted, client)
        self._clients.setdefault(client, {})[seat] = None
        self._open += 1
        self._empty.clear()
        seat.task = self._loop.create_task(self._admit(seat))
        seat.task.add_done_callback(lambda task: self._admitted(seat, task))
        if self._open - self._ended > self._limits.connections:
            self._make_room(lambda one: one.waiting and one is not seat)
        elif self._context is not None:
            shaking = {one for one in self._seats() if one.established is None and not one.ended}
            if len(shaking) > self._limits.handshakes:
                self._make_room(lambda one: one in shaking)

    def _make_room(self, may_end: Callable[[_Seat], bool]) -> None:
        """End one of these: of the client that has most connections the one that waits longest."""
        for client in sorted(self._clients, key=lambda client: -len(self._clients[client])):
            for seat in self._clients[client]:
                if may_end(seat):
                    self._ended += 1
                    seat.end()
                    return

    def _waits(self, seat: _Seat) -> None:
        """It has begun to wait for its client: it is the last in the order now."""
        seats = self._clients[seat.client]
        if seats.pop(seat, seat) is None:
            seats[seat] = None

    def _admitted(self, seat: _Seat, task: asyncio.Task[None]) -> None:
        if task.cancelled() or task.exception() is not None:
            if not task.cancelled():
                log.debug("a connection came to nothing: %s", task.exception())
            if seat.connection is None:
                seat.socket.close()  # otherwise asyncio does
            self._leave(seat)

    def _leave(self, seat: _Seat) -> None:
        seats = self._clients.get(seat.client, {})
        if seats.pop(seat, seat) is not None:
            return  # it has left already
        if not seats:
            del self._clients[seat.client]
        self._open -= 1
        self._ended -= seat.ended
        if not self._open:
            self._empty.set()
        self._resume()

    async def _admit(self, seat: _Seat) -> None:
        secured = self._context is not None

        def protocol() -> ClientConnection:
            seat.connection = ClientConnection(
                self._answer, self._limits, waits=lambda: self._waits(seat), lost=lambda: self._leave(seat)
            )
            return seat.connection

        if secured:
            await self._spoken(seat.socket)
        # From here on asyncio closes the socket, whatever becomes of it.
        await self._loop.connect_accepted_socket(
            protocol,
            seat.socket,
            ssl=self._context,
            ssl_handshake_timeout=HANDSHAKE_SECONDS if secured else None,
            ssl_shutdown_timeout=CLOSE_SECONDS if secured else None,
        )
        seat.established = seat.connection

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
