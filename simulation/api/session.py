"""One connection to the simulated API server: HTTP requests in, lists, objects, watch events and faults out."""

import asyncio
import contextlib
import json
import socket
import struct
import time
from collections.abc import Mapping
from email.utils import formatdate
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import h11

from simulation.api.faults import Fault, FaultKind
from simulation.api.store import KINDS, Gone, Kind

if TYPE_CHECKING:
    from simulation.api.server import ApiServer

__all__ = ["Session"]

AT_START = frozenset({FaultKind.STATUS, FaultKind.SLOW, FaultKind.EXPIRE})
IN_EVENT = frozenset(FaultKind) - AT_START
_REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    410: "Expired",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
}


class _Broken(Exception):
    """The connection ends here."""


class Session:
    """One client connection; its task runs in the server's loop."""

    def __init__(self, server: "ApiServer", reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._server = server
        self._reader, self._writer = reader, writer
        self._socket: socket.socket = writer.get_extra_info("socket")
        self._http = h11.Connection(h11.SERVER)
        self._changed = asyncio.Event()
        self._bookmark_now = False
        self.task = asyncio.get_running_loop().create_task(self._run())

    def wake(self) -> None:
        """Something changed in the store."""
        self._changed.set()

    def bookmark(self) -> None:
        """A watch sends a bookmark next."""
        self._bookmark_now = True
        self._changed.set()

    def abort(self) -> None:
        """Cut the connection."""
        self._reset()
        self.task.cancel()

    async def _run(self) -> None:
        try:
            if self._server.context is not None:
                # Here and not by the listener, so that a handshake can be cut, too.
                await self._writer.start_tls(self._server.context)
            while request := await self._request():
                await self._answer(request)
                if self._http.our_state is not h11.DONE:
                    break
                self._http.start_next_cycle()
        except h11.RemoteProtocolError:
            with contextlib.suppress(OSError, h11.LocalProtocolError):
                await self._status(400, "this is no HTTP")
        except (_Broken, OSError, h11.LocalProtocolError):
            self._reset()
        finally:
            self._writer.close()

    def _reset(self) -> None:
        if self._socket.fileno() >= 0:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def _request(self) -> h11.Request | None:
        request = None
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                self._http.receive_data(await self._reader.read(65536))
            elif isinstance(event, h11.Request):
                request = event
            elif isinstance(event, h11.EndOfMessage):
                return request
            elif isinstance(event, h11.ConnectionClosed) or event is h11.PAUSED:
                return None

    async def _answer(self, request: h11.Request) -> None:
        server, target = self._server, request.target.decode()
        server.requests.append((request.method.decode(), target))
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if request.method != b"GET":
            return await self._status(405, "the simulation only reads")
        if server.tokens is not None and not any(
            name == b"authorization" and value.decode().partition(" ")[2] in server.tokens
            for name, value in request.headers
        ):
            return await self._status(401, "Unauthorized")
        if parts.path == "/version":
            major, minor, _ = server.version.lstrip("v").split(".", 2)
            return await self._body(json.dumps({"major": major, "minor": minor, "gitVersion": server.version}).encode())
        if parts.path in {"/healthz", "/livez", "/readyz"}:
            return await self._body(b"ok", content_type="text/plain")
        for plural, kind in KINDS.items():
            if (place := _place(parts.path, plural, kind)) is not None:
                return await self._resource(plural, kind, *place, query)
        return await self._status(404, "the server could not find the requested resource")

    async def _resource(self, plural: str, kind: Kind, namespace: str, name: str, query: dict[str, str]) -> None:
        server = self._server
        verb = "get" if name else "watch" if query.get("watch") in {"1", "true"} else "list"
        if fault := server.faults.take(plural, verb, AT_START):
            if fault.kind is FaultKind.STATUS:
                return await self._status(fault.status, "a fault of the simulation", fault.headers)
            if fault.kind is FaultKind.EXPIRE:
                server.store.expire()
            await asyncio.sleep(fault.seconds)
        if plural in server.absent:
            return await self._status(404, "the server could not find the requested resource")
        if plural in server.forbidden:
            return await self._status(403, f'{plural} is forbidden: User "simulated" cannot {verb} resource "{plural}"')
        if verb == "get":
            found = server.store.get(plural, name, namespace)
            if found is None:
                return await self._status(404, f'{plural} "{name}" not found')
            return await self._body(found, fault=server.faults.take(plural, verb, IN_EVENT))
        selector = query.get("fieldSelector", "")
        chosen = selector.removeprefix("metadata.name=") if selector.startswith("metadata.name=") else ""
        if selector and not chosen:
            return await self._status(400, f"field label not supported: {selector}")
        if verb == "watch":
            return await self._watch(plural, kind, namespace, chosen, query)
        try:
            page = server.store.page(
                plural,
                namespace=namespace,
                name=chosen,
                limit=int(query.get("limit", "0")),
                token=query.get("continue", ""),
            )
        except Gone:
            return await self._status(410, "The provided continue parameter is too old")
        except ValueError as error:
            return await self._status(400, str(error))
        head = {"kind": f"{kind.name}List", "apiVersion": kind.api_version}
        metadata: dict[str, object] = {"resourceVersion": str(page.resource_version)}
        if page.token:
            metadata |= {"continue": page.token, "remainingItemCount": page.remaining}
        body = json.dumps({**head, "metadata": metadata}).encode()[:-1] + b', "items":[' + b",".join(page.items) + b"]}"
        return await self._body(body, fault=server.faults.take(plural, verb, IN_EVENT))

    async def _watch(self, plural: str, kind: Kind, namespace: str, name: str, query: dict[str, str]) -> None:
        server, store = self._server, self._server.store
        position = int(query.get("resourceVersion") or 0)
        now = asyncio.get_running_loop().time()
        end = now + float(query.get("timeoutSeconds", "1800"))
        bookmarks = query.get("allowWatchBookmarks") in {"1", "true"}
        first: list[tuple[int, bytes]] = []
        try:
            if position == 0:
                page = store.page(plural, namespace=namespace, name=name)
                first = [(0, b'{"type":"ADDED","object":' + item + b"}\n") for item in page.items]
                position = page.resource_version
            else:
                store.changes(plural, position)
        except Gone:
            if server.gone_as_status:
                return await self._status(410, f"too old resource version: {position}")
        await self._send(h11.Response(status_code=200, headers=self._headers({"Transfer-Encoding": "chunked"})))
        server.watches += 1
        gone = asyncio.ensure_future(self._reader.read(1))
        try:
            next_bookmark = now + server.bookmark_seconds if bookmarks else end
            while True:
                self._changed.clear()
                seen = store.resource_version
                try:
                    events = first or store.changes(plural, position, namespace=namespace, name=name)
                except Gone:
                    await self._event(plural, _error_event(410, f"too old resource version: {position}"))
                    break
                for version, line in events:
                    if not await self._event(plural, line):
                        return None
                    position = max(position, version)
                if events:
                    first = []
                    continue
                position = max(position, seen)
                now = asyncio.get_running_loop().time()
                if bookmarks and (now >= min(next_bookmark, end) or self._bookmark_now):
                    if not await self._event(plural, _bookmark(kind, position)):
                        return None
                    next_bookmark, self._bookmark_now = now + server.bookmark_seconds, False
                if now >= end:
                    break
                wait = asyncio.ensure_future(self._changed.wait())
                timeout = max(0.0, min(next_bookmark, end) - now)
                try:
                    await asyncio.wait({wait, gone}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    wait.cancel()
                if gone.done():
                    raise _Broken
            await self._send(h11.EndOfMessage())
        finally:
            server.watches -= 1
            gone.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await gone

    async def _event(self, plural: str, line: bytes) -> bool:
        """Send one line of a watch; False: a fault has ended the watch."""
        fault = self._server.faults.take(plural, "watch", IN_EVENT)
        match fault.kind if fault else None:
            case FaultKind.ERROR_EVENT:
                assert fault is not None
                line = _error_event(fault.status, "a fault of the simulation")
            case FaultKind.JUNK:
                line = b"<html>this is no event</html>\n"
            case FaultKind.HUGE:
                assert fault is not None
                line = b'{"padding":"' + b"x" * fault.size + b'",' + line[1:]
            case FaultKind.HALF_OPEN:
                await asyncio.Event().wait()
            case FaultKind.RESET | FaultKind.TRUNCATED:
                await self._send(h11.Data(line[: len(line) // 2]))
                if fault is not None and fault.kind is FaultKind.TRUNCATED:
                    await self._send(h11.EndOfMessage())
                    return False
                raise _Broken
        await self._send(h11.Data(line))
        return True

    async def _body(self, body: bytes, *, content_type: str = "application/json", fault: Fault | None = None) -> None:
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
        await self._send(h11.Response(status_code=200, headers=headers))
        if fault is not None and fault.kind is FaultKind.RESET:
            await self._send(h11.Data(body[: len(body) // 2]))
            raise _Broken
        await self._send(h11.Data(body))
        await self._send(h11.EndOfMessage())

    async def _status(self, code: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        body = json.dumps(_status(code, message)).encode()
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
        fields = {"Content-Type": "application/json", "Cache-Control": "no-cache, private", "Date": date, **more}
        return list(fields.items())


def _place(path: str, plural: str, kind: Kind) -> tuple[str, str] | None:
    """Namespace and name in a path under this kind's API; None: it is not one of its paths."""
    if not path.startswith(kind.root + "/"):
        return None
    match path.removeprefix(kind.root + "/").split("/"):
        case ["namespaces", namespace, found] if kind.namespaced and found == plural:
            return namespace, ""
        case ["namespaces", namespace, found, name] if kind.namespaced and found == plural:
            return namespace, name
        case [found] if found == plural:
            return "", ""
        case [found, name] if found == plural and not kind.namespaced:
            return "", name
    return None


def _status(code: int, message: str) -> dict[str, object]:
    head: dict[str, object] = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    return {**head, "message": message, "reason": _REASONS.get(code, "Unknown"), "code": code}


def _bookmark(kind: Kind, version: int) -> bytes:
    metadata = {"resourceVersion": str(version), "creationTimestamp": None}
    mark = {"kind": kind.name, "apiVersion": kind.api_version, "metadata": metadata}
    return json.dumps({"type": "BOOKMARK", "object": mark}).encode() + b"\n"


def _error_event(code: int, message: str) -> bytes:
    return json.dumps({"type": "ERROR", "object": _status(code, message)}).encode() + b"\n"
