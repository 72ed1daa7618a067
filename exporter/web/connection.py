"""One client connection: HTTP/1.1 requests in, answers out, and a deadline wherever it waits for the client."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from enum import Enum, auto
from functools import lru_cache
from http import HTTPStatus
from typing import cast

import h11

from exporter.web.client_names import bears_allowed_name
from exporter.web.date import http_date
from exporter.web.limits import Limits
from exporter.web.request import Request, split_target
from exporter.web.response import Response, plain

__all__ = ["Answer", "ClientConnection"]

log = logging.getLogger(__name__)

Answer = Callable[[Request], Awaitable[Response]]

PIECE = 64 * 1024
"""Bytes handed to the transport at once: what a client that reads slowly can make the process buffer."""

HEAD_BYTES = 32 * 1024
"""Longest request line with its headers. h11 allows 16 KiB, which cookies of a login proxy can exceed."""


class Waiting(Enum):
    """What a connection waits for its client to do. For each but NOTHING there is a deadline."""

    NOTHING = auto()
    REQUEST = auto()
    TAKING = auto()
    NEXT = auto()
    HELD = auto()
    """Its answer is kept back: nothing to wait for, but nothing lost either if it ends."""


class ClientConnection(asyncio.Protocol):
    """h11 reads and writes the messages; this class moves the bytes, runs the answers and ends who does not go on."""

    def __init__(self, answer: Answer, limits: Limits, *, waits: Callable[[], None], lost: Callable[[], None]) -> None:
        """`waits` is called whenever it begins to wait for its client, `lost` once when it has ended."""
        self._answer, self._waits, self._lost = answer, waits, lost
        self._seconds = {Waiting.REQUEST: limits.request, Waiting.TAKING: limits.take, Waiting.NEXT: limits.idle}
        self._seconds[Waiting.HELD] = limits.take
        self._loop = asyncio.get_running_loop()
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_BYTES)
        self._transport: asyncio.Transport | None = None
        self._client = ""
        self._task: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._waiting = Waiting.NOTHING
        self._deadline: asyncio.TimerHandle | None = None
        self._served = self._half_closed = self._stopping = self._secured = self._draining = self._held = False
        self._gone = False

    @property
    def waiting(self) -> bool:
        """Whether it is the client's turn: such a connection may be ended to make room for another."""
        return self._waiting is not Waiting.NOTHING

    @property
    def transport(self) -> asyncio.Transport:
        """Where the bytes go."""
        assert self._transport is not None
        return self._transport

    def _at_its_end(self) -> bool:
        """Whether nothing more can be sent. A transport of TLS does not say so of a client that is gone."""
        return self._gone or self._draining or self.transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the first request."""
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self._client = str(peer[0]) if peer else ""
        secured = transport.get_extra_info("ssl_object")
        self._secured = secured is not None
        if not bears_allowed_name(secured):
            log.warning("client certificate refused: it bears none of client_allowed_sans")
            self.transport.abort()
            return
        self._review()

    def data_received(self, data: bytes) -> None:
        """Part of a request."""
        if not self._draining and not self._last:
            self._http.receive_data(data)
            self._advance()

    def eof_received(self) -> bool:
        """The client sends no more, as `nc -N` after its request. It still gets its answer, but not under TLS."""
        self._half_closed = self._task is not None and not self._secured
        self._gone = not self._half_closed
        return self._half_closed

    def pause_writing(self) -> None:
        """The client does not take what is sent."""
        self._writable.clear()
        self._review()

    def resume_writing(self) -> None:
        """The client takes again."""
        self._writable.set()
        self._review()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is left to wait for."""
        self._gone = True
        self._wait(Waiting.NOTHING)
        self.cancel()
        self._lost()

    def stop(self) -> None:
        """End once the answer under way is out."""
        self._stopping = True
        if self._task is None:
            self._hang_up()

    def cancel(self) -> None:
        """Wait no longer for the answer under way."""
        if self._task is not None:
            self._task.cancel()

    @property
    def _last(self) -> bool:
        """Whether the request that is being answered is the last one: what follows it is nothing (RFC 9112 §9.6)."""
        return self._task is not None and self._http.their_state is h11.MUST_CLOSE

    def _advance(self) -> None:
        """Take what the client has sent so far, up to the end of one request."""
        try:
            while not self._last:
                event = self._http.next_event()
                if event is h11.NEED_DATA:
                    break
                if event is h11.PAUSED:  # the next request is there already
                    self.transport.pause_reading()
                    break
                if isinstance(event, h11.Request):
                    self._task = self._loop.create_task(self._serve(event))
                # Data and EndOfMessage: a body that nobody wants.
        except h11.RemoteProtocolError as error:
            self._refuse(error)
        if self._task is None:
            self._next()
        self._review()

    def _next(self) -> None:
        """No answer is under way: begin with the next request, or end the connection."""
        if self._draining:
            return
        if self._http.our_state is h11.MUST_CLOSE or self._stopping:
            self._close()
        elif self._http.their_state is h11.DONE:  # and so are we: its answer is not under way
            self._http.start_next_cycle()
            self.transport.resume_reading()
            self._advance()
        elif self._half_closed:
            self._hang_up()

    async def _serve(self, event: h11.Request) -> None:
        path, query = split_target(event.target)
        request = Request(event.method.decode(), path, query, tuple(event.headers), self._client)
        try:
            response = await self._answer(request)
            if response.after:
                await self._hold(response.after)
            # Whoever waits for leave to send a body gets the final answer instead, and may or may not send it.
            close = self._stopping or self._http.they_are_waiting_for_100_continue
            await self._send(response, head=request.method == "HEAD", close=close)
        except asyncio.CancelledError:
            self.transport.abort()
        except Exception:
            log.exception("%s: the answer cannot be sent", request.path)
            self.transport.abort()
        finally:
            self._task, self._served = None, True
        if not self._at_its_end():
            self._advance()

    async def _hold(self, seconds: float) -> None:
        """Keep the answer back."""
        self._held = True
        self._review()
        await asyncio.sleep(seconds)
        self._held = False

    async def _send(self, response: Response, *, head: bool, close: bool) -> None:
        """Send it in pieces, each after the transport has room for it."""
        if self._at_its_end():
            return
        fields = response.fields | {"date": http_date()} | ({"connection": "close"} if close else {})
        headers = list(map(_encoded, fields.items()))
        reason = HTTPStatus(response.status).phrase.encode()
        out = self._http.send(h11.Response(status_code=response.status, headers=headers, reason=reason))
        body = b"" if head else response.body
        for start in range(0, len(body), PIECE):
            self.transport.write(out + self._http.send(h11.Data(data=body[start : start + PIECE])))
            out = b""
            await asyncio.sleep(0)  # the loop reports a client that is gone only in its own turn
            await self._writable.wait()
            if self._at_its_end():
                return
        self.transport.write(out + self._http.send(h11.EndOfMessage()))

    def _refuse(self, error: h11.RemoteProtocolError) -> None:
        """What came is no request: say so where no answer has begun, and end the connection."""
        if self._http.our_state is h11.IDLE:
            hint = error.error_status_hint
            status = HTTPStatus(hint) if hint in set(HTTPStatus) else HTTPStatus.BAD_REQUEST
            answer = plain(status)
            fields = answer.fields | {"date": http_date(), "connection": "close"}
            headers = list(map(_encoded, fields.items()))
            head = h11.Response(status_code=status, headers=headers, reason=status.phrase.encode())
            self.transport.write(self._http.send(head) + self._http.send(h11.Data(data=answer.body)))
        self.cancel()
        self._close()

    def _close(self) -> None:
        """End the connection once everything is sent.

        To close a socket while its client still sends would reset it, and the client might never see the answer: so
        what still comes is read and thrown away until it ends or takes too long (RFC 9112 §9.6). TLS has no such half.
        """
        if self._secured or self._half_closed or self._http.their_state not in {h11.SEND_BODY, h11.ERROR}:
            self._hang_up()
            return
        self._draining = True
        try:
            self.transport.write_eof()
        except OSError:  # the client has reset the connection, which asyncio has not seen yet
            self.transport.abort()
        else:
            self._review()

    def _hang_up(self) -> None:
        """Close the transport, once: at a second time one of TLS forgets what it belongs to, and raises ever after."""
        if not self.transport.is_closing():
            self.transport.close()

    def _review(self) -> None:
        """Set the deadline that the present state calls for; one that runs already is not put off."""
        answering, theirs = self._task is not None, self._http.their_state
        if not self._writable.is_set() or (not answering and self.transport.get_write_buffer_size()):
            self._wait(Waiting.TAKING)
        elif theirs is h11.SEND_BODY or self._draining:
            self._wait(Waiting.REQUEST)
        elif answering:
            self._wait(Waiting.HELD if self._held else Waiting.NOTHING)
        elif self._served and not self._http.trailing_data[0]:
            self._wait(Waiting.NEXT)
        else:
            self._wait(Waiting.REQUEST)

    def _wait(self, waiting: Waiting) -> None:
        if waiting is self._waiting:
            return
        self._waiting = waiting
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if waiting is not Waiting.NOTHING:
            self._waits()
            self._deadline = self._loop.call_later(self._seconds[waiting], self._over)

    def _over(self) -> None:
        self._deadline = None
        taken = self._writable.is_set() and not self.transport.get_write_buffer_size()
        if self._waiting is Waiting.TAKING and taken and not self.transport.is_closing():
            self._waiting = Waiting.NOTHING  # the rest was taken: the transport reports that to nobody
            self._review()
            return
        self.transport.abort()


@lru_cache(maxsize=64)
def _encoded(header: tuple[str, str]) -> tuple[bytes, bytes]:
    name, value = header
    return name.encode("latin-1"), value.encode("latin-1")
