"""An agent in, an ASGI application out: /metrics, /healthz, /readyz and the page at /."""

import asyncio
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Protocol

from exporter.reason import Mode
from exporter.web.exposition import Payload, compressed
from exporter.web.negotiation import Coding, coding
from exporter.web.request import Receive, Request, Response, Scope, Send, plain
from exporter.web.thread_pool import BusyError, ThreadPool

__all__ = ["PROBES", "Agent", "Application", "Gate", "Payload"]

log = logging.getLogger(__name__)

PROBES = frozenset({"/healthz", "/readyz"})
"""Paths that the kubelet asks: it can neither log in nor wait for its turn."""

NO_CODING = "not acceptable: gzip and identity are on offer"

AT_WORK = 2
"""Scrapes and pages at once: a page must not hold up a scrape."""

PAGE_HEADERS = (
    ("referrer-policy", "no-referrer"),
    ("x-frame-options", "DENY"),
    ("cross-origin-opener-policy", "same-origin"),
)


class Agent(Protocol):
    """What an agent gives the web side."""

    mode: Mode

    def exposition(self, accept: str, gzip: bool) -> Payload:
        """The scrape for a client with this Accept header. May block; called in a worker thread."""
        ...

    def unanswered(self) -> tuple[str, ...]:
        """Sources without a first answer; empty means ready. Called on the event loop: must not block."""
        ...

    def page(self, query: Mapping[str, str]) -> str:
        """A whole HTML document. May block; called in a worker thread."""
        ...

    @property
    def policy(self) -> str:
        """The Content-Security-Policy of its pages."""
        ...


class Gate(Protocol):
    """Says who may pass: the web configuration's basic auth, rate limit and headers."""

    async def refusal(self, request: Request) -> Response | None:
        """The answer to who may not pass, None to who may."""
        ...

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Headers for every response."""
        ...


class Application:
    """The ASGI application. Whatever goes wrong inside becomes a 500 of one line and one line in the log."""

    def __init__(self, agent: Agent, gate: Gate | None = None, scrapes: int = 128) -> None:
        """`scrapes`: how many, and pages, may be at work or wait."""
        self._agent = agent
        self._gate = gate
        self._workers = ThreadPool("scrape", threads=AT_WORK, waiting=scrapes - AT_WORK)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request.of(scope)
        response = await self._answer(request)
        if self._gate is not None:
            response = response.with_headers(self._gate.headers)
        await response.send(send, head=request.method == "HEAD")

    def close(self) -> None:
        """Let the worker threads end."""
        self._workers.close()

    async def _answer(self, request: Request) -> Response:
        try:
            if self._gate is not None and (refused := await self._gate.refusal(request)) is not None:
                return refused
            return await self._route(request)
        except BusyError as error:
            log.warning("%s: turned away: %s", request.path, error)
            return plain(HTTPStatus.SERVICE_UNAVAILABLE, "busy: too many requests wait", ("retry-after", "5"))
        except asyncio.CancelledError:  # the server stops, and its patience with this request is over
            return plain(HTTPStatus.SERVICE_UNAVAILABLE, "stopping")
        except Exception:
            log.exception("%s failed", request.path)
            return plain(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error: the log has the words")

    async def _route(self, request: Request) -> Response:
        if request.method not in {"GET", "HEAD"}:
            return plain(HTTPStatus.METHOD_NOT_ALLOWED, "", ("allow", "GET, HEAD"))
        match request.path:
            case "/metrics":
                return await self._metrics(request)
            case "/healthz":
                return plain(HTTPStatus.OK, "ok")
            case "/readyz":
                return self._readyz()
            case "/":
                return await self._page(request)
            case _:
                return plain(HTTPStatus.NOT_FOUND)

    async def _page(self, request: Request) -> Response:
        query, wanted = request.query, coding(request.header(b"accept-encoding"))
        vary = ("vary", "Accept-Encoding")
        if wanted is Coding.NONE:
            return plain(HTTPStatus.NOT_ACCEPTABLE, NO_CODING, vary)

        def body() -> bytes:
            document = self._agent.page(query).encode(errors="replace")
            return compressed(document) if wanted is Coding.GZIP else document

        encoding = (("content-encoding", "gzip"),) if wanted is Coding.GZIP else ()
        headers = (("content-security-policy", self._agent.policy), *PAGE_HEADERS, vary, *encoding)
        return Response(HTTPStatus.OK, await self._workers.call(body), "text/html; charset=utf-8", headers)

    async def _metrics(self, request: Request) -> Response:
        accept, wanted = request.header(b"accept"), coding(request.header(b"accept-encoding"))
        vary = ("vary", "Accept, Accept-Encoding")
        if wanted is Coding.NONE:
            return plain(HTTPStatus.NOT_ACCEPTABLE, NO_CODING, vary)
        payload = await self._workers.call(lambda: self._agent.exposition(accept, wanted is Coding.GZIP))
        headers = (vary, ("content-encoding", payload.encoding)) if payload.encoding else (vary,)
        return Response(HTTPStatus.OK, payload.body, payload.content_type, headers)

    def _readyz(self) -> Response:
        unanswered = self._agent.unanswered()
        if unanswered:
            return plain(HTTPStatus.SERVICE_UNAVAILABLE, f"no first answer yet from: {', '.join(unanswered)}")
        return plain(HTTPStatus.OK, "ok")
