"""Requests in, whole answers out, without a socket."""

import asyncio
import gzip
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus

import pytest

from exporter.web.app import Application
from exporter.web.date import http_date
from exporter.web.document import Document, Reader, reader_of, unchanged
from exporter.web.exposition import Payload, compressed
from exporter.web.limits import Limits
from exporter.web.request import Request, split_target
from exporter.web.response import Response, plain
from tests.web.conftest import PATIENCE, SmallAgent

VARY = ("vary", "Accept-Encoding")
BOTH = ("vary", "Accept, Accept-Encoding")


class Agent(SmallAgent):
    """Says what it was asked for."""

    def exposition(self, accept: str, gzip: bool) -> Payload:
        self.before()
        return Payload(f"{accept} {gzip}".encode(), "text/odd", "gzip" if gzip else "")


class Prompt(Agent):
    """Has a scrape at hand."""

    def at_once(self, accept: str, gzip: bool) -> Payload | None:
        return Payload(f"at once {accept} {gzip}".encode(), "text/odd")


class Closed:
    """A gate that lets nobody pass, and has a header for everybody."""

    headers = (("x-frame-options", "sameorigin"), ("x-new", "1"))

    async def refusal(self, request: Request) -> Response | None:
        return plain(HTTPStatus.UNAUTHORIZED, request.path)


class Open(Closed):
    async def refusal(self, request: Request) -> Response | None:
        return None


def asked(application: Application, path: str, method: str = "GET", **headers: str) -> Response:
    """The answer to one request."""
    target, query = split_target(path.encode())
    fields = tuple((name.replace("_", "-").encode(), value.encode()) for name, value in headers.items())

    async def story() -> Response:
        return await application(Request(method, target, query, fields, "10.0.0.1"))

    try:
        return asyncio.run(story())
    finally:
        application.close()


@pytest.mark.parametrize(
    ("path", "headers", "answer"),
    [
        ("/healthz", {}, plain(HTTPStatus.OK, "ok")),
        ("/readyz", {}, plain(HTTPStatus.OK, "ok")),
        ("/nowhere", {}, plain(HTTPStatus.NOT_FOUND)),
        ("/runbooks", {}, plain(HTTPStatus.PERMANENT_REDIRECT, "", ("location", "runbooks/"))),
        ("/runbooks/none", {}, plain(HTTPStatus.NOT_FOUND)),
        ("/runbooks/", {}, Response(200, b"<h1></h1>", "text/html; charset=utf-8", (VARY,))),
        (
            "/facts",
            {},
            Response(
                200,
                b'{"looked_at": 1}\n',
                "application/json",
                (VARY, ("etag", 'W/"abc"'), ("cache-control", "no-cache")),
            ),
        ),
        (
            "/facts",
            {"if_none_match": 'W/"abc"'},
            Response(304, b"", "", (VARY, ("etag", 'W/"abc"'), ("cache-control", "no-cache"))),
        ),
        (
            "/",
            {},
            Response(
                200,
                b"<!doctype html><title>page</title>",
                "text/html; charset=utf-8",
                (VARY, ("x-frame-options", "DENY")),
            ),
        ),
        (
            "/",
            {"accept_encoding": "*;q=0"},
            plain(HTTPStatus.NOT_ACCEPTABLE, "not acceptable: gzip and identity are on offer", VARY),
        ),
        (
            "/metrics",
            {"accept_encoding": "*;q=0"},
            plain(HTTPStatus.NOT_ACCEPTABLE, "not acceptable: gzip and identity are on offer", BOTH),
        ),
        ("/metrics", {"accept": "x"}, Response(200, b"x False", "text/odd", (BOTH,))),
        (
            "/metrics",
            {"accept": "x", "accept_encoding": "gzip"},
            Response(200, b"x True", "text/odd", (BOTH, ("content-encoding", "gzip"))),
        ),
    ],
)
def test_the_whole_answer(path: str, headers: dict[str, str], answer: Response) -> None:
    assert asked(Application(Agent()), path, **headers) == answer


@pytest.mark.parametrize(("coding", "gzipped"), [("gzip", True), ("", False)])
def test_what_is_at_hand_is_not_asked_for(coding: str, gzipped: bool) -> None:
    answer = asked(Application(Prompt()), "/metrics", accept="x", accept_encoding=coding)
    assert answer == Response(200, f"at once x {gzipped}".encode(), "text/odd", (BOTH,))


def test_a_document_is_gzipped_where_that_is_wanted() -> None:
    answer = asked(Application(Agent()), "/", accept_encoding="gzip")
    assert answer.headers == (VARY, ("x-frame-options", "DENY"), ("content-encoding", "gzip"))
    assert gzip.decompress(answer.body) == b"<!doctype html><title>page</title>"
    assert asked(Application(Agent()), "/", accept_encoding="gzip").body == answer.body


@pytest.mark.parametrize("method", ["POST", "get", "OPTIONS", ""])
def test_other_methods_are_told_which_there_are(method: str) -> None:
    refused = plain(HTTPStatus.METHOD_NOT_ALLOWED, "", ("allow", "GET, HEAD"))
    assert asked(Application(Agent()), "/healthz", method) == refused


def test_head_is_answered_as_get() -> None:
    assert asked(Application(Agent()), "/healthz", "HEAD") == plain(HTTPStatus.OK, "ok")


def test_not_ready_names_who_is_waited_for() -> None:
    words = "no first answer yet from: nodes, azure"
    answer = asked(Application(Agent(silent=("nodes", "azure"))), "/readyz")
    assert answer == plain(HTTPStatus.SERVICE_UNAVAILABLE, words)


def test_the_gate_is_asked_first_and_its_headers_replace_others() -> None:
    answer = asked(Application(Agent(), Closed()), "/metrics")
    assert answer == Response(401, b"/metrics\n", "text/plain; charset=utf-8", Closed.headers)
    assert asked(Application(Agent(), Open()), "/").headers == (VARY, *Closed.headers)


def raising(error: BaseException) -> Callable[[], object]:
    def fail() -> None:
        raise error

    return fail


def test_what_goes_wrong_inside_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    answer = asked(Application(Agent(before=raising(KeyError("secret")))), "/metrics")
    assert answer == plain(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error: the log has the words")
    assert caplog.messages == ["/metrics failed"]


def test_who_waits_when_the_server_stops_is_told_so() -> None:
    release = threading.Event()
    application = Application(Agent(before=lambda: release.wait(PATIENCE)))

    async def story() -> Response:
        call = asyncio.create_task(application(Request("GET", "/metrics", "", ())))
        await asyncio.sleep(0.01)
        call.cancel()
        return await call

    try:
        assert asyncio.run(story()) == plain(HTTPStatus.SERVICE_UNAVAILABLE, "stopping")
    finally:
        release.set()
        application.close()


@pytest.mark.parametrize(("path", "most"), [("/metrics", 5), ("/", 3), ("/facts", 3)])
def test_so_many_may_be_at_work_or_wait(path: str, most: int, caplog: pytest.LogCaptureFixture) -> None:
    release = threading.Event()

    class Slow(Agent):
        def facts(self, name: str, query: Mapping[str, str]) -> Document:
            self.before()
            return super().facts(name, query)

    application = Application(
        Slow(before=lambda: release.wait(PATIENCE)), None, Limits(scrapes=5, documents=3, turned_away=7.0)
    )

    async def story() -> None:
        request = Request("GET", path, "", (), "10.0.0.1")
        calls = [asyncio.create_task(application(request)) for _ in range(most + 1)]
        (refused,), others = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        busy = ("retry-after", "5")
        assert await refused == Response(
            503, b"busy: too many requests wait\n", "text/plain; charset=utf-8", (busy,), after=7.0
        )
        release.set()
        assert [one.status for one in await asyncio.gather(*others)] == [200] * most

    try:
        asyncio.run(story())
    finally:
        release.set()
        application.close()
    queue = "scrape" if path == "/metrics" else f"document {path}"
    assert caplog.messages == [f"{path}: turned away: {queue}: {most} calls wait"]


def test_two_scrapes_are_at_work_at_once() -> None:
    meet = threading.Barrier(2)
    application = Application(Agent(before=lambda: meet.wait(PATIENCE)))
    before = set(threading.enumerate())

    async def story() -> list[int]:
        request = Request("GET", "/metrics", "", ())
        answers = await asyncio.gather(*(application(request) for _ in range(4)))
        assert sorted(one.name for one in set(threading.enumerate()) - before) == ["scrape-1", "scrape-2"]
        return [one.status for one in answers]

    try:
        assert asyncio.run(story()) == [200] * 4
    finally:
        application.close()


def test_when_it_is_closed_its_threads_end() -> None:
    before = set(threading.enumerate())
    application = Application(Agent())

    async def story() -> list[int]:
        return [(await application(Request("GET", path, "", ()))).status for path in ("/metrics", "/", "/facts")]

    assert asyncio.run(story()) == [200, 200, 200]
    threads = set(threading.enumerate()) - before
    assert {one.name for one in threads} == {"scrape-1", "document /-1", "document /facts-1"}
    application.close()
    for one in threads:
        one.join(20)
        assert not one.is_alive()


READERS: dict[str, Reader] = {key: lambda name, query: None for key in ("/", "/facts", "/runbooks/")}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/", ("/", "")),
        ("/facts", ("/facts", "")),
        ("/runbooks/", ("/runbooks/", "")),
        ("/runbooks/a", ("/runbooks/", "a")),
        ("/runbooks/a/b", None),
        ("/runbooks", None),
        ("/facts/", None),
        ("/facts/a", None),
        ("/a", None),
        ("", None),
    ],
)
def test_a_path_falls_under_one_key(path: str, found: tuple[str, str] | None) -> None:
    assert reader_of(path, READERS) == found


@pytest.mark.parametrize(
    ("sent", "etag", "held"),
    [
        ('"abc"', "abc", True),
        ('W/"abc"', "abc", True),
        (' "x" , W/"abc" ', "abc", True),
        ("*", "abc", True),
        ("*", "", False),
        ('""', "", False),
        ("", "abc", False),
        ("abc", "abc", False),
        ('"x"', "abc", False),
    ],
)
def test_a_document_that_is_held_has_its_tag_in_the_list(sent: str, etag: str, held: bool) -> None:
    document = Document(b"", "text/plain", etag)
    assert unchanged(sent, document) is held
    assert document.entity_tag == (f'W/"{etag}"' if etag else "")


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        (b"/a?b=c", "/a", "b=c"),
        (b"/a?b?c", "/a", "b?c"),
        (b"/a%20b%3fc?d%20e", "/a b?c", "d%20e"),
        (b"http://h", "/", ""),
        (b"http://h?b", "/", "b"),
        (b"HTTPS://h:1/a?b", "/a", "b"),
        (b"ftp://h/a", "ftp://h/a", ""),
        (b"*", "*", ""),
        (b"/\xff", "/\ufffd", ""),
        (b"", "", ""),
    ],
)
def test_a_target_is_a_path_and_a_query(target: bytes, path: str, query: str) -> None:
    assert split_target(target) == (path, query)


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("", {}),
        ("a=1&b=2", {"a": "1", "b": "2"}),
        ("a=1&a=2", {"a": "1"}),
        ("a=&b", {"a": "", "b": ""}),
        ("a=%ff&b=%C3%A4+x", {"a": "\ufffd", "b": "ä x"}),
        ("&".join(f"a{number}=1" for number in range(64)), {f"a{number}": "1" for number in range(64)}),
        ("&".join(f"a{number}=1" for number in range(65)), {}),
    ],
)
def test_the_fields_of_a_query(query: str, fields: dict[str, str]) -> None:
    assert Request("GET", "/", query, ()).query == fields


def test_the_values_of_a_header_are_joined() -> None:
    request = Request("GET", "/", "", ((b"a", b"1"), (b"b", b"\xe4"), (b"a", b"2")))
    assert (request.header(b"a"), request.header(b"b"), request.header(b"c")) == ("1, 2", "ä", "")


def test_the_fields_of_an_answer() -> None:
    whole = Response(200, b"abc", "text/odd", (("X-New", "1"), ("cache-control", "no-cache")))
    assert whole.fields == {
        "cache-control": "no-cache",
        "x-content-type-options": "nosniff",
        "content-type": "text/odd",
        "content-length": "3",
        "x-new": "1",
    }
    assert Response(304, b"", "").fields == {"cache-control": "no-store", "x-content-type-options": "nosniff"}
    assert whole.after == 0
    changed = whole.with_headers((("x-NEW", "2"), ("x-other", "3")))
    assert changed.headers == (("cache-control", "no-cache"), ("x-NEW", "2"), ("x-other", "3"))
    assert (changed.status, changed.body, changed.content_type) == (200, b"abc", "text/odd")


def test_a_line_is_the_status_in_words_unless_there_are_others() -> None:
    assert plain(HTTPStatus.NOT_FOUND) == Response(404, b"Not Found\n", "text/plain; charset=utf-8")
    assert plain(HTTPStatus.OK, "a", ("b", "c")) == Response(200, b"a\n", "text/plain; charset=utf-8", (("b", "c"),))


def test_the_date_is_as_http_writes_it() -> None:
    from exporter.web.date import _written

    assert _written(784111777) == "Sun, 06 Nov 1994 08:49:37 GMT"
    assert http_date().endswith(" GMT")


def test_what_is_compressed_is_the_same_for_the_same_bytes() -> None:
    """RFC 1952 §2.3: no time of its making, and made by the fastest way."""
    made = compressed(b"abc")
    assert gzip.decompress(made) == b"abc"
    assert (made[4:8], made[8]) == (bytes(4), 4)
