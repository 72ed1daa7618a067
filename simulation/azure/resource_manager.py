"""A simulation of Azure Resource Manager and of Entra's token endpoint, over TLS on a real socket.

Nothing here is Azure. It answers the few requests this project makes, in Azure's shapes, and can be told to fail in
the ways Azure fails. The real Azure SDK talks to it: give it `endpoint` as Resource Manager's base URL and as the
authority host, and the CA that signed its certificate.
"""

import hashlib
import json
import re
import ssl
import threading
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

from simulation.azure.bodies import JSON
from simulation.azure.faults import FAULTS, TOKEN_FAULTS, Answer, entra_error, fault

__all__ = ["Request", "Route", "SimulatedArm"]


class Route(StrEnum):
    """What a request is for."""

    TOKEN = "token"  # noqa: S105 - a route's name, not a token
    CLUSTER = "cluster"
    SNAPSHOT = "snapshot"
    GROUP = "group"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came, and the status it got (0: none)."""

    method: str
    path: str
    """Without the query."""
    query: str
    route: Route
    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def conditional(self) -> bool:
        """It carried If-None-Match."""
        return "If-None-Match" in self.headers


class SimulatedArm:
    """The simulation. Its attributes may be changed while it runs: the next request sees it."""

    def __init__(
        self, certificate_file: str, key_file: str, *, host: str = "127.0.0.1", port: int = 0, name: str = "localhost"
    ) -> None:
        """`name` is what the certificate is for and is in `endpoint`."""
        self.resources: dict[str, JSON] = {}
        """Bodies by their path in lower case."""
        self.faults: dict[Route, Answer] = {}
        self.assertions: set[str] = set()
        """Service account tokens that the token endpoint accepts; empty: any."""
        self.token_lifetime = 86399
        """Seconds."""
        self.etags = False
        """Whether answers carry an ETag and If-None-Match is honoured. Azure does not document that it does."""
        self._lock = threading.Lock()
        self._requests: list[Request] = []
        self._tokens: set[str] = set()
        self._closing = threading.Event()
        self._server = _Server((host, port), self)
        self._server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate_file, key_file)
        # The handshake belongs to the connection's own thread, or one silent client would stop them all.
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.endpoint = f"https://{name}:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> "SimulatedArm":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop answering and end every connection."""
        self._closing.set()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    @property
    def requests(self) -> tuple[Request, ...]:
        """What was asked so far."""
        with self._lock:
            return tuple(self._requests)

    @property
    def tokens(self) -> frozenset[str]:
        """The access tokens given out so far."""
        with self._lock:
            return frozenset(self._tokens)

    def put(self, body: JSON) -> None:
        """Have a resource: its `id` says where."""
        self.resources[str(body["id"]).lower()] = body

    def revoke(self) -> None:
        """Take back all access tokens given out so far."""
        with self._lock:
            self._tokens.clear()

    def record(self, request: Request) -> None:
        """Note a request."""
        with self._lock:
            self._requests.append(request)

    def token(self, tenant: str) -> str:
        """A new access token."""
        with self._lock:
            token = f"simulated.{tenant}.{len(self._tokens)}.{hashlib.sha256(self.endpoint.encode()).hexdigest()}"
            self._tokens.add(token)
            return token

    def accepts(self, authorization: str) -> bool:
        """Whether a request with this header may go on."""
        with self._lock:
            return authorization.removeprefix("Bearer ") in self._tokens

    @property
    def closing(self) -> threading.Event:
        """Set when the simulation ends."""
        return self._closing


class _Server(ThreadingHTTPServer):
    def __init__(self, address: tuple[str, int], arm: SimulatedArm) -> None:
        self.arm = arm
        super().__init__(address, _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away in mid-conversation is part of what is simulated."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *arguments: object) -> None:
        """Say nothing: `SimulatedArm.requests` has it."""

    def do_GET(self) -> None:
        route = self._route()
        if route is Route.TOKEN:
            return self._answer(route, fault(405, "MethodNotAllowed", "POST"))
        if not self.server.arm.accepts(self.headers.get("Authorization", "")):
            return self._answer(route, FAULTS["unauthorized"])
        return self._answer(route, self._fault(route) or self._resource())

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        form = urllib.parse.parse_qs(self.rfile.read(length).decode())
        route = self._route()
        if route is not Route.TOKEN:
            return self._answer(route, fault(405, "MethodNotAllowed", "GET"))
        return self._answer(route, self._fault(route) or self._token(form))

    def _url(self) -> urllib.parse.SplitResult:
        return urllib.parse.urlsplit(self.path)

    def _route(self) -> Route:
        path = urllib.parse.unquote(self._url().path).lower()
        for route, form in _ROUTES.items():
            if re.fullmatch(form, path):
                return route
        return Route.OTHER

    def _fault(self, route: Route) -> Answer | None:
        return self.server.arm.faults.get(route)

    def _token(self, form: Mapping[str, list[str]]) -> Answer:
        arm, assertion = self.server.arm, form.get("client_assertion", [""])[0]
        if form.get("grant_type") != ["client_credentials"] or not assertion:
            return entra_error(400, "invalid_request", 900144, "The request body must contain a client assertion.")
        if arm.assertions and assertion not in arm.assertions:
            return TOKEN_FAULTS["assertion_expired"]
        token = arm.token(self._url().path.split("/")[1])
        lifetime = arm.token_lifetime
        return _json(
            200,
            {"token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": lifetime, "access_token": token},
        )

    def _resource(self) -> Answer:
        url = self._url()
        if "api-version=" not in url.query:
            return fault(400, "MissingApiVersionParameter", "The api-version query parameter is required.")
        body = self.server.arm.resources.get(urllib.parse.unquote(url.path).lower())
        if body is None:
            return FAULTS["not_found"]
        answer = _json(200, body)
        if not self.server.arm.etags:
            return answer
        tag = f'"{hashlib.sha256(answer.body).hexdigest()[:16]}"'
        if self.headers.get("If-None-Match") == tag:
            return Answer(304, headers={"ETag": tag})
        return Answer(200, answer.body, {"ETag": tag})

    def _answer(self, route: Route, answer: Answer) -> None:
        arm = self.server.arm
        silent = answer.hang or answer.reset
        url = self._url()
        arm.record(
            Request(
                self.command,
                urllib.parse.unquote(url.path),
                url.query,
                route,
                0 if silent else answer.status,
                dict(self.headers),
            )
        )
        if silent:
            self.close_connection = True
            if answer.hang:
                arm.closing.wait()
            return
        self.send_response(answer.status)
        length = 0 if answer.status == 304 else len(answer.body) + answer.missing + (1 << 20) * answer.trickle
        headers = {"Content-Type": "application/json; charset=utf-8", "Content-Length": str(length)}
        for name, value in {**headers, **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)
        if answer.trickle:
            while not arm.closing.wait(0.02):
                self.wfile.write(b" ")
        self.close_connection = self.close_connection or bool(answer.missing)


def _json(status: int, body: JSON) -> Answer:
    return Answer(status, json.dumps(body).encode())


_GROUP = r"/subscriptions/[^/]+/resourcegroups/[^/]+"
_ROUTES = {
    Route.TOKEN: r"/[^/]+/oauth2/v2\.0/token",
    Route.CLUSTER: _GROUP + r"/providers/microsoft\.containerservice/managedclusters/[^/]+",
    Route.SNAPSHOT: _GROUP + r"/providers/microsoft\.containerservice/snapshots/[^/]+",
    Route.GROUP: _GROUP,
}
