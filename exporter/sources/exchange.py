"""One HTTP/1.1 connection of a client on asyncio: where to in, the certificates served there and answers out.

For fleets of thousands, of which many may be dead or slow: a connection costs no thread. Whoever uses it sets the
deadline (`asyncio.timeout`) and closes it. Protocol by h11; what a peer sends is bounded by the caller, who reads it in
pieces.
"""

import contextlib
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass

import h11

from exporter.sources.client_stream import ClientStream

__all__ = ["Exchange", "Head", "ProtocolError", "unverified_context"]

LARGEST_HEAD = 64 * 1024
PIECE = 64 * 1024


class ProtocolError(OSError):
    """What answers does not speak HTTP, or breaks off."""


@dataclass(frozen=True, slots=True)
class Head:
    """Status and headers of an answer; the names are in lower case."""

    status: int
    headers: Mapping[str, str]


def unverified_context() -> ssl.SSLContext:
    """TLS 1.2 or newer with today's ciphers, without a client certificate and without verification.

    The caller looks at the certificates that were served on this very connection before it sends anything.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class Exchange:
    """A connection. Requests go one after the other."""

    def __init__(self, stream: ClientStream, host: str) -> None:
        self._stream, self._host = stream, host
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=LARGEST_HEAD)

    @classmethod
    async def open(
        cls, host: str, port: int, *, tls: ssl.SSLContext | None = None, server_name: str | None = None
    ) -> "Exchange":
        """Connect, and do the handshake where `tls` is given. Raises OSError (ssl.SSLError among them)."""
        # For a context that verifies, the host is the name; to others none is sent.
        name = server_name or (host if tls is not None and tls.check_hostname else None)
        stream = await ClientStream.connect(host, port, tls, name)
        return cls(stream, f"[{host}]:{port}" if ":" in host else f"{host}:{port}")

    @property
    def chain(self) -> list[bytes]:
        """DER of the certificates served on this connection, the leaf first; empty without TLS."""
        return self._stream.chain

    async def get(self, target: str, headers: Mapping[str, str]) -> Head:
        """Send a GET and read the head of its answer. Raises OSError; ProtocolError where it is no HTTP."""
        if self._http.our_state is h11.DONE:
            with _as_protocol_error():
                self._http.start_next_cycle()
        fields = {"Host": self._host, "User-Agent": "aks-cert-exporter", "Accept-Encoding": "identity", **headers}
        with _as_protocol_error():
            request = h11.Request(method="GET", target=target, headers=list(fields.items()))
            self._stream.write(self._http.send(request) or b"")
            self._http.send(h11.EndOfMessage())
        while True:
            event = await self._event()
            if isinstance(event, h11.Response):  # and no interim answer, which is all that may come before
                found = {name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers}
                return Head(event.status_code, found)

    async def body(self) -> AsyncIterator[bytes]:
        """The pieces of the body as they come."""
        while True:
            event = await self._event()
            if isinstance(event, h11.Data):
                yield bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                return
            else:
                raise ProtocolError("closed before the answer's end")

    async def whole(self, largest: int) -> bytes:
        """The whole body. ProtocolError: it is larger than that."""
        parts, size = [], 0
        async for part in self.body():
            parts.append(part)
            size += len(part)
            if size > largest:
                raise ProtocolError(f"an answer of over {largest >> 10} KiB")
        return b"".join(parts)

    def close(self) -> None:
        """Let go of it, whatever is still under way."""
        self._stream.close()

    async def _event(self) -> object:
        while True:
            with _as_protocol_error():
                event = self._http.next_event()
            if event is not h11.NEED_DATA:
                return event
            received = await self._stream.read(PIECE)
            if not received and self._http.their_state is h11.SEND_RESPONSE:
                raise ProtocolError("closed before it answered")
            with _as_protocol_error():
                self._http.receive_data(received)


@contextlib.contextmanager
def _as_protocol_error() -> Iterator[None]:
    try:
        yield
    except h11.ProtocolError as error:
        raise ProtocolError(" ".join(str(error).split())[:200]) from None
