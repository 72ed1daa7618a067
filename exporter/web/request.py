"""An ASGI request in, a plain Request out; a plain Response in, ASGI events out. HEAD loses its body here."""

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

__all__ = ["Request", "Response", "plain"]

Scope = MutableMapping[str, Any]
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]

PIECE = 64 * 1024
"""Bytes handed to the transport at once: what a client that reads slowly can make the process buffer."""

QUERY_FIELDS = 64
"""Most fields of a query string that are looked at."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a handler needs to know of a request. Its body is never looked at."""

    method: str
    path: str
    query_string: bytes
    headers: tuple[tuple[bytes, bytes], ...]

    @classmethod
    def of(cls, scope: Scope) -> "Request":
        """The request of an ASGI scope of type http."""
        return cls(scope["method"], scope["path"], scope["query_string"], tuple(scope["headers"]))

    def header(self, name: bytes) -> str:
        """A header's values joined by commas (RFC 9110 §5.3); empty without it. `name` in lower case."""
        return ", ".join(value.decode("latin-1") for key, value in self.headers if key == name)

    @property
    def query(self) -> dict[str, str]:
        """The query's fields, the first of each name; empty where it cannot be read."""
        text = self.query_string.decode("ascii", errors="replace")
        try:
            pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=QUERY_FIELDS, errors="replace")
        except ValueError:
            return {}
        return dict(reversed(pairs))


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer."""

    status: int
    body: bytes
    content_type: str
    headers: tuple[tuple[str, str], ...] = field(default=())

    def with_headers(self, headers: tuple[tuple[str, str], ...]) -> "Response":
        """The same with these headers in the place of any that have the same names."""
        names = {name.lower() for name, _ in headers}
        kept = tuple(pair for pair in self.headers if pair[0].lower() not in names)
        return Response(self.status, self.body, self.content_type, (*kept, *headers))

    async def send(self, send: Send, *, head: bool) -> None:
        """Send it in pieces, each after the transport has room for it."""
        pairs = {"content-type": self.content_type, "content-length": str(len(self.body)), "cache-control": "no-store"}
        pairs["x-content-type-options"] = "nosniff"
        pairs |= {name.lower(): value for name, value in self.headers}
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs.items()]
        await send({"type": "http.response.start", "status": self.status, "headers": encoded})
        body = memoryview(b"" if head else self.body)
        for start in range(0, len(body), PIECE):
            await send({"type": "http.response.body", "body": bytes(body[start : start + PIECE]), "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def plain(status: HTTPStatus, line: str = "", *headers: tuple[str, str]) -> Response:
    """One line of text, by default the status in words."""
    return Response(status, f"{line or status.phrase}\n".encode(), "text/plain; charset=utf-8", headers)
