"""HTTP on one connection to a simulated server: requests in, answers, Status objects and broken answers out."""

import asyncio
import json
import socket
import struct
import time
from collections.abc import Mapping
from email.utils import formatdate
from typing import Any

import h11

from simulation.api.faults import Fault, FaultKind
from simulation.api.state import ServerState

__all__ = ["BrokenConnection", "HttpConnection", "status_object"]

LONGEST_BODY = 4 << 20
_REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "AlreadyExists",
    410: "Expired",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
}


class BrokenConnection(Exception):
    """The connection ends here."""


class HttpConnection:
    """One client's connection as HTTP/1.1."""

    def __init__(self, server: ServerState, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._server = server
        self._reader, self._writer = reader, writer
        self._socket: socket.socket = writer.get_extra_info("socket")
        self._http = h11.Connection(h11.SERVER)

    def _reset(self) -> None:
        if self._socket.fileno() >= 0:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def _request(self) -> tuple[h11.Request, bytes] | None:
        request, body = None, b""
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                self._http.receive_data(await self._reader.read(65536))
            elif isinstance(event, h11.Request):
                request = event
            elif isinstance(event, h11.Data) and len(body) < LONGEST_BODY:
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                return (request, body) if request else None
            elif isinstance(event, h11.ConnectionClosed) or event is h11.PAUSED:
                return None

    async def _body(
        self, body: bytes, *, content_type: str = "application/json", status: int = 200, fault: Fault | None = None
    ) -> None:
        match fault.kind if fault else None:
            case FaultKind.JUNK:
                body = b"<html>this is no list</html>"
            case FaultKind.HUGE:
                assert fault is not None
                body = b'{"padding":"' + b"x" * fault.size + b'",' + body[1:]
            case FaultKind.TRUNCATED:
                body = body[: len(body) // 2]
            case FaultKind.HALF_OPEN:
                await asyncio.Event().wait()
        headers = self._headers({"Content-Type": content_type, "Content-Length": str(len(body))})
        await self._send(h11.Response(status_code=status, headers=headers))
        if fault is not None and fault.kind is FaultKind.RESET:
            await self._send(h11.Data(body[: len(body) // 2]))
            raise BrokenConnection
        await self._send(h11.Data(body))
        await self._send(h11.EndOfMessage())

    async def _status(self, code: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        body = json.dumps(status_object(code, message)).encode()
        fields = self._headers({"Content-Length": str(len(body)), **(headers or {})})
        await self._send(h11.Response(status_code=code, headers=fields))
        await self._send(h11.Data(body))
        await self._send(h11.EndOfMessage())

    async def _send(self, event: h11.Response | h11.Data | h11.EndOfMessage) -> None:
        for part in self._http.send_with_data_passthrough(event) or ():
            self._writer.write(part)
        await self._writer.drain()

    def _headers(self, more: dict[str, str]) -> list[tuple[str, str]]:
        date = formatdate(time.time() + self._server.clock_offset, usegmt=True)
        fields = {"Content-Type": "application/json", "Cache-DemoCluster": "no-cache, private", "Date": date, **more}
        return list(fields.items())


def status_object(code: int, message: str) -> dict[str, Any]:
    """A Status of the API (meta/v1) for a failure."""
    head: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    return {**head, "message": message, "reason": _REASONS.get(code, "Unknown"), "code": code}
