"""One client connection: uvicorn's HTTP/1.1 protocol with a deadline wherever it would wait for a client for ever."""

import asyncio
from dataclasses import dataclass
from enum import Enum, auto

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from exporter.web.tls import bears_allowed_name

__all__ = ["BoundedProtocol", "Limits", "bounded_by"]


@dataclass(frozen=True, slots=True)
class Limits:
    """How long, in seconds, and how many."""

    request: float = 10.0
    """From the connection, or a later request's first byte, to the request's end."""
    take: float = 30.0
    """How long a client may let a response lie without taking any of it."""
    idle: int = 75
    """Between two requests: longer than the usual scrape interval, so that Prometheus need not connect anew."""
    look: float = 2.0
    """Between two looks at the web configuration and its files for a change."""
    handshakes: int = 64
    """TLS handshakes under way at once. One more ends the oldest."""
    connections: int = 256
    """At once. One more ends the one that has waited longest, so that nobody can lock out Prometheus or the probes."""
    scrapes: int = 128
    """Scrapes and pages at work or waiting. More are turned away: what cannot be served within Prometheus's patience,
    ten seconds, at some ten milliseconds each, is not worth serving."""


class Waiting(Enum):
    """What a connection waits for its client to do, and for which there is a deadline."""

    NOTHING = auto()
    REQUEST = auto()
    TAKING = auto()


class BoundedProtocol(H11Protocol):
    """Ends connections whose client does not go on; uvicorn's own timer ends those that idle between requests."""

    limits = Limits()
    _waiting = Waiting.NOTHING
    _deadline: asyncio.TimerHandle | None = None
    _since = 0.0
    _half_closed = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Wait for the first request."""
        super().connection_made(transport)
        if not bears_allowed_name(transport.get_extra_info("ssl_object")):
            self.logger.warning("client certificate refused: it bears none of client_allowed_sans")
            transport.abort()
            return
        self._review()
        if len(self.connections) > self.limits.connections:
            others = [c for c in self.connections if isinstance(c, BoundedProtocol) and not c.answering]
            if others:
                min(others, key=lambda connection: connection._since).transport.abort()

    @property
    def answering(self) -> bool:
        """Whether a response is under way."""
        return self.cycle is not None and not self.cycle.response_complete

    def data_received(self, data: bytes) -> None:
        """Part of a request."""
        super().data_received(data)
        self._review()

    def eof_received(self) -> bool:  # type: ignore[override]  # uvicorn's returns nothing, and so cuts the answer off
        """The client sends no more, as `nc -N` after its request; what it asked for it still gets. Not so under TLS."""
        self._half_closed = self.answering and self.scheme == "http"
        return self._half_closed

    def on_response_complete(self) -> None:
        """All of a response is handed to the transport."""
        super().on_response_complete()
        if self._half_closed and not self.answering:
            self.transport.close()
        self._since = self.loop.time()
        self._review()

    def pause_writing(self) -> None:
        """The client does not take what is sent."""
        super().pause_writing()
        self._review()

    def resume_writing(self) -> None:
        """The client takes again."""
        super().resume_writing()
        self._review()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is left to wait for."""
        self._wait(Waiting.NOTHING)
        super().connection_lost(exc)
        # uvicorn leaves its timer running after an error, and with it the connection's memory.
        self._unset_keepalive_if_required()

    def _unsupported_upgrade_warning(self) -> None:
        """No line in the log: to offer HTTP/2 or a WebSocket is a client's right, and to pass over it is no news."""

    def _review(self) -> None:
        """Set the deadline that the present state calls for; one that runs already is not put off."""
        over = self.cycle is not None and self.cycle.response_complete
        if self.flow.write_paused or (over and self.transport.get_write_buffer_size()):
            self._wait(Waiting.TAKING)
        elif self.conn.their_state is h11.SEND_BODY or (
            self.conn.their_state is h11.IDLE and (self.cycle is None or self.conn.trailing_data[0])
        ):
            self._wait(Waiting.REQUEST)
        else:
            self._wait(Waiting.NOTHING)

    def _wait(self, waiting: Waiting) -> None:
        if waiting is self._waiting:
            return
        self._waiting = waiting
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if waiting is not Waiting.NOTHING:
            self._since = self.loop.time()
            seconds = self.limits.request if waiting is Waiting.REQUEST else self.limits.take
            self._deadline = self.loop.call_later(seconds, self._over)

    def _over(self) -> None:
        self._deadline = None
        if (
            self._waiting is Waiting.TAKING
            and not self.flow.write_paused
            and not self.transport.get_write_buffer_size()
        ):
            self._waiting = Waiting.NOTHING  # the rest was taken, of which nobody tells
            self._review()
            return
        self.transport.abort()


def bounded_by(limits: Limits) -> type[BoundedProtocol]:
    """The protocol class with these limits: uvicorn takes a class and no arguments for it."""
    return type("LimitedProtocol", (BoundedProtocol,), {"limits": limits})
