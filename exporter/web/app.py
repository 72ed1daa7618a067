"""An agent in, answers to requests out: /metrics, /healthz, /readyz and the agent's documents."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Protocol

from exporter.reason import Mode
from exporter.web.document import Document, Reader, reader_of, unchanged
from exporter.web.exposition import Payload, compressed
from exporter.web.limits import Limits
from exporter.web.negotiation import Coding, coding
from exporter.web.request import Request
from exporter.web.response import Response, plain
from exporter.web.thread_pool import BusyError, ThreadPool

__all__ = ["Agent", "Application", "Gate", "Payload"]

log = logging.getLogger(__name__)

NO_CODING = "not acceptable: gzip and identity are on offer"

AT_WORK = 2
"""Scrapes at once. Of the documents below one path it is one at a time."""


class Agent(Protocol):
    """What an agent gives the web side."""

    mode: Mode

    def exposition(self, accept: str, gzip: bool) -> Payload:
        """The scrape for a client with this Accept header. May block; called in a worker thread."""
        ...

    def at_once(self, accept: str, gzip: bool) -> Payload | None:
        """The same, if it takes well under a millisecond and waits for nothing. Called on the event loop."""
        ...

    def unanswered(self) -> tuple[str, ...]:
        """Sources without a first answer; empty means ready. Called on the event loop: must not block."""
        ...

    @property
    def documents(self) -> Mapping[str, Reader]:
        """Who makes the document of each path, see `reader_of`. Readers may block; called in worker threads."""
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
    """Answers requests. Whatever goes wrong inside becomes a 500 of one line and one line in the log."""

    def __init__(self, agent: Agent, gate: Gate | None = None, limits: Limits | None = None) -> None:
        limits = limits or Limits()
        self._turned_away = limits.turned_away
        self._agent, self._gate, self._readers = agent, gate, agent.documents
        self._scrapes = ThreadPool("scrape", threads=AT_WORK, waiting=limits.scrapes - AT_WORK)
        self._queues = {
            path: ThreadPool(f"document {path}", threads=1, waiting=limits.documents - 1) for path in self._readers
        }

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        response = await self._answer(request)
        return response if self._gate is None else response.with_headers(self._gate.headers)

    def close(self) -> None:
        """Let the worker threads end."""
        for pool in (self._scrapes, *self._queues.values()):
            pool.close()

    async def _answer(self, request: Request) -> Response:
        try:
            if self._gate is not None and (refused := await self._gate.refusal(request)) is not None:
                return refused
            return await self._route(request)
        except BusyError as error:
            log.warning("%s: turned away: %s", request.path, error)
            busy = plain(HTTPStatus.SERVICE_UNAVAILABLE, "busy: too many requests wait", ("retry-after", "5"))
            return replace(busy, after=self._turned_away)
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
            case path if found := reader_of(path, self._readers):
                return await self._document(request, *found)
            case path if f"{path}/" in self._readers:
                # Relative, as every link of the pages: it holds behind the API server's proxy too.
                return plain(HTTPStatus.PERMANENT_REDIRECT, "", ("location", f"{path.rpartition('/')[2]}/"))
            case _:
                return plain(HTTPStatus.NOT_FOUND)

    async def _document(self, request: Request, key: str, name: str) -> Response:
        query, wanted = request.query, coding(request.header(b"accept-encoding"))
        if_none_match = request.header(b"if-none-match")
        if wanted is Coding.NONE:
            return plain(HTTPStatus.NOT_ACCEPTABLE, NO_CODING, ("vary", "Accept-Encoding"))

        def response() -> Response:
            document = self._readers[key](name, query)
            if document is None:
                return plain(HTTPStatus.NOT_FOUND)
            if unchanged(if_none_match, document):
                return Response(HTTPStatus.NOT_MODIFIED, b"", "", _headers(document))
            if wanted is Coding.IDENTITY:
                return Response(HTTPStatus.OK, document.body, document.content_type, _headers(document))
            headers = (*_headers(document), ("content-encoding", "gzip"))
            return Response(HTTPStatus.OK, compressed(document.body), document.content_type, headers)

        return await self._queues[key].call(response, request.client)

    async def _metrics(self, request: Request) -> Response:
        accept, wanted = request.header(b"accept"), coding(request.header(b"accept-encoding"))
        vary = ("vary", "Accept, Accept-Encoding")
        if wanted is Coding.NONE:
            return plain(HTTPStatus.NOT_ACCEPTABLE, NO_CODING, vary)
        gzip = wanted is Coding.GZIP
        payload = self._agent.at_once(accept, gzip)
        if payload is None:
            payload = await self._scrapes.call(lambda: self._agent.exposition(accept, gzip), request.client)
        headers = (vary, ("content-encoding", payload.encoding)) if payload.encoding else (vary,)
        return Response(HTTPStatus.OK, payload.body, payload.content_type, headers)

    def _readyz(self) -> Response:
        unanswered = self._agent.unanswered()
        if unanswered:
            return plain(HTTPStatus.SERVICE_UNAVAILABLE, f"no first answer yet from: {', '.join(unanswered)}")
        return plain(HTTPStatus.OK, "ok")


def _headers(document: Document) -> tuple[tuple[str, str], ...]:
    """A document's own headers, and how it may be kept: one with a tag may, if its keeper asks each time."""
    tagged = (("etag", document.entity_tag), ("cache-control", "no-cache")) if document.etag else ()
    return (("vary", "Accept-Encoding"), *tagged, *document.headers)
