"""One connection to the simulated API server: HTTP requests in, lists, objects, watch events and faults out."""

import asyncio
import contextlib
import json
from urllib.parse import parse_qs, urlsplit

import h11

from simulation.api.discovery import discovery
from simulation.api.faults import FaultKind
from simulation.api.http import BrokenConnection, HttpConnection, status_object
from simulation.api.kinds import KINDS, Kind
from simulation.api.place import Place, place
from simulation.api.protobuf import MAGIC, csr_status
from simulation.api.reviews import review
from simulation.api.state import Proxied, ServerState
from simulation.api.store import Gone
from simulation.api.tables import table
from simulation.api.writes import WriteError, written

__all__ = ["Session"]

AT_START = frozenset({FaultKind.STATUS, FaultKind.SLOW, FaultKind.EXPIRE})
IN_EVENT = frozenset(FaultKind) - AT_START


class Session(HttpConnection):
    """One client connection; its task runs in the server's loop."""

    def __init__(self, server: ServerState, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__(server, reader, writer)
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
                await self._answer(*request)
                if self._http.our_state is not h11.DONE:
                    break
                self._http.start_next_cycle()
        except h11.RemoteProtocolError:
            with contextlib.suppress(OSError, h11.LocalProtocolError):
                await self._status(400, "this is no HTTP")
        except (BrokenConnection, OSError, h11.LocalProtocolError):
            self._reset()
        finally:
            self._writer.close()

    async def _answer(self, request: h11.Request, sent: bytes) -> None:
        server, target, method = self._server, request.target.decode(), request.method.decode()
        server.requests.append((method, target))
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        headers = {name.decode(): value.decode() for name, value in request.headers}
        token = headers.get("authorization", "").partition(" ")[2]
        if server.tokens is not None and token not in server.tokens:
            return await self._status(401, "Unauthorized")
        if (found := place(parts.path)) is not None:
            if found.subresource == "proxy":
                return await self._proxy(found, parts.query)
            if method == "GET":
                return await self._resource(found, query, as_table="as=Table" in headers.get("accept", ""))
            return await self._write(method, found, sent)
        if method == "POST" and parts.path.startswith("/apis/authorization.k8s.io/v1/"):
            plural = parts.path.rpartition("/")[2]
            if plural in server.forbidden:
                return await self._status(
                    403,
                    f'{plural}.authorization.k8s.io is forbidden: User "simulated" cannot create resource "{plural}" '
                    'in API group "authorization.k8s.io" at the cluster scope',
                )
            answer = review(plural, _json_object(sent), server.forbidden)
            if answer is not None:
                return await self._body(json.dumps(answer).encode(), status=201)
        if method != "GET":
            return await self._status(405, "the simulation does not know how to do that")
        if parts.path == "/version":
            major, minor, _ = server.version.lstrip("v").split(".", 2)
            return await self._body(json.dumps({"major": major, "minor": minor, "gitVersion": server.version}).encode())
        if parts.path in {"/healthz", "/livez", "/readyz"}:
            return await self._body(b"ok", content_type="text/plain")
        if (document := discovery(parts.path, server.absent)) is not None:
            return await self._body(json.dumps(document).encode())
        return await self._status(404, "the server could not find the requested resource")

    async def _proxy(self, found: Place, query: str) -> None:
        """Hand the request on to a kubelet or a Service."""
        server, resource = self._server, f"{found.plural}/proxy"
        if server.refuses(resource):
            return await self._forbidden(found, "get", resource)
        way = server.node_proxy if found.plural == "nodes" else server.service_proxy
        if way is None:
            return await self._status(503, "nothing answers behind the simulated server")
        rest = f"{found.rest}?{query}" if query else found.rest

        def handed_on() -> Proxied:
            if found.plural == "nodes":
                assert server.node_proxy is not None
                return server.node_proxy(found.name, rest)
            assert server.service_proxy is not None
            return server.service_proxy(found.namespace, found.name, rest)

        try:
            status, content_type, body = await asyncio.to_thread(handed_on)
        except OSError as error:
            return await self._status(503, f"error trying to reach service: {error}")
        return await self._body(body, content_type=content_type, status=status)

    async def _write(self, method: str, found: Place, sent: bytes) -> None:
        """Create, change or delete as kubectl asks: enough for what its commands do."""
        verb = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}.get(method, method)
        if self._server.refuses(found.plural):
            return await self._forbidden(found, verb, found.plural)
        try:
            status, body = written(self._server.store, method, found, _json_object(sent))
        except WriteError as error:
            return await self._status(error.status, str(error))
        return await self._body(body, status=status)

    async def _forbidden(self, found: Place, verb: str, resource: str) -> None:
        # k8s.io/apiserver/pkg/endpoints/handlers/responsewriters/errors.go, forbiddenMessage
        named = f' "{found.name}"' if found.name else ""
        scope = f'in the namespace "{found.namespace}"' if found.namespace else "at the cluster scope"
        return await self._status(
            403,
            f'{found.plural}{named} is forbidden: User "simulated" cannot {verb} resource "{resource}" '
            f'in API group "{KINDS[found.plural].group}" {scope}',
        )

    async def _resource(self, found: Place, query: dict[str, str], *, as_table: bool) -> None:
        server, plural, kind = self._server, found.plural, KINDS[found.plural]
        verb = "get" if found.name else "watch" if query.get("watch") in {"1", "true"} else "list"
        if fault := server.faults.take(plural, verb, AT_START):
            if fault.kind is FaultKind.STATUS:
                return await self._status(fault.status, "a fault of the simulation", fault.headers)
            if fault.kind is FaultKind.EXPIRE:
                server.store.expire()
            await asyncio.sleep(fault.seconds)
        if plural in server.absent:
            return await self._status(404, "the server could not find the requested resource")
        if plural in server.forbidden:
            return await self._forbidden(found, verb, plural)
        if verb == "get":
            one = server.store.get(plural, found.name, found.namespace)
            if one is None:
                return await self._status(404, f'{plural} "{found.name}" not found')
            if as_table:
                one = json.dumps(table(plural, [json.loads(one)], {})).encode()
            return await self._body(one, fault=server.faults.take(plural, verb, IN_EVENT))
        selectors = {"fields": query.get("fieldSelector", ""), "labels": query.get("labelSelector", "")}
        try:
            if verb == "watch":
                return await self._watch(plural, kind, found.namespace, selectors, query)
            page = server.store.page(
                plural,
                namespace=found.namespace,
                **selectors,
                limit=int(query.get("limit", "0")),
                token=query.get("continue", ""),
            )
        except Gone:
            return await self._status(410, "The provided continue parameter is too old")
        except ValueError as error:
            return await self._status(400, str(error))
        metadata: dict[str, object] = {"resourceVersion": str(page.resource_version)}
        if page.token:
            metadata |= {"continue": page.token, "remainingItemCount": page.remaining}
        if as_table:
            return await self._body(json.dumps(table(plural, map(json.loads, page.items), metadata)).encode())
        head = {"kind": f"{kind.name}List", "apiVersion": kind.api_version}
        body = json.dumps({**head, "metadata": metadata}).encode()[:-1] + b', "items":[' + b",".join(page.items) + b"]}"
        return await self._body(body, fault=server.faults.take(plural, verb, IN_EVENT))

    async def _watch(
        self, plural: str, kind: Kind, namespace: str, selectors: dict[str, str], query: dict[str, str]
    ) -> None:
        server, store = self._server, self._server.store
        position = int(query.get("resourceVersion") or 0)
        now = asyncio.get_running_loop().time()
        end = now + float(query.get("timeoutSeconds", "1800"))
        bookmarks = query.get("allowWatchBookmarks") in {"1", "true"}
        first: list[tuple[int, bytes]] = []
        try:
            if position == 0:
                page = store.page(plural, namespace=namespace, **selectors)  # type: ignore[arg-type]
                first = [(0, b'{"type":"ADDED","object":' + item + b"}\n") for item in page.items]
                position = page.resource_version
            else:
                store.changes(plural, position, **selectors)
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
                    events = first or store.changes(plural, position, namespace=namespace, **selectors)
                except Gone:
                    await self._event(plural, error_event(410, f"too old resource version: {position}"))
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
                    raise BrokenConnection
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
                line = error_event(fault.status, "a fault of the simulation")
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
                raise BrokenConnection
        await self._send(h11.Data(line))
        return True


def _json_object(body: bytes) -> dict[str, object]:
    try:
        if body.startswith(MAGIC):
            return {"status": csr_status(body)}
        found = json.loads(body or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _bookmark(kind: Kind, version: int) -> bytes:
    metadata = {"resourceVersion": str(version), "creationTimestamp": None}
    mark = {"kind": kind.name, "apiVersion": kind.api_version, "metadata": metadata}
    return json.dumps({"type": "BOOKMARK", "object": mark}).encode() + b"\n"


def error_event(code: int, message: str) -> bytes:
    return json.dumps({"type": "ERROR", "object": status_object(code, message)}).encode() + b"\n"
