"""A connection to the API server: what it sends, what it takes for an answer, when it reads its credentials anew."""

import contextlib
import json
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from http.client import LineTooLong
from typing import Self, cast

import pytest
import urllib3

from exporter.facts.proxy import Proxy
from exporter.facts.source import Failure
from exporter.reason import Reason
from exporter.sources.kube.access import Access
from exporter.sources.kube.connection import LARGEST_OBJECT, LARGEST_REFUSAL, Connection, socket_of
from exporter.sources.kube.failure import ApiError
from exporter.sources.kube.listing import Listing
from tests.sources.hostile import http

DATE = "Date: Thu, 01 Jan 1970 00:03:20 GMT"
OK = http(b'"fine"')
ENCODED = Failure(Reason.DECODE, "not an answer in HTTP: it is encoded, which was not asked for")
REFUSED = http(b'{"message": "not you"}', status="401 Unauthorized")


class Server:
    """Gives these answers one after the other, the last one again and again; remembers the requests as they came."""

    def __init__(self, *answers: bytes) -> None:
        self._answers = list(answers)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.requests: list[str] = []
        self.accepted = 0
        self.port: int = self._listening.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        for one in (self._listening, *self._open):
            one.close()

    @property
    def lines(self) -> list[str]:
        """The first line of each request."""
        return [request.split("\r\n")[0] for request in self.requests]

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                one, _ = self._listening.accept()
                self.accepted += 1
                self._open.append(one)
                threading.Thread(target=self._serve, args=(one,), daemon=True).start()

    def _serve(self, one: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), one, one.makefile("rb") as stream:
            while line := stream.readline():
                head = [line, *iter(stream.readline, b"\r\n")]
                lengths = [int(field[15:]) for field in head if field.lower().startswith(b"content-length:")]
                self.requests.append((b"".join(head) + b"\r\n" + stream.read(sum(lengths))).decode())
                one.sendall(self._answers.pop(0) if len(self._answers) > 1 else self._answers[0])


class Given:
    """Credentials that are given by the test; an exception is raised."""

    def __init__(self, *found: Access | ApiError, slow: bool = False) -> None:
        self._found = list(found)
        self.slow = slow
        self.state = 0
        self.reads = 0

    def read(self) -> Access:
        self.reads += 1
        found = self._found.pop(0) if len(self._found) > 1 else self._found[0]
        if isinstance(found, ApiError):
            raise found
        return found

    def stamp(self) -> tuple[tuple[str, int, int, int], ...]:
        return (("file", self.state, 0, 0),)


class Clock:
    """Tells these seconds one after the other; the last one again and again."""

    def __init__(self, *seconds: float) -> None:
        self.seconds = list(seconds)

    def __call__(self) -> float:
        return self.seconds.pop(0) if len(self.seconds) > 1 else self.seconds[0]


def access(at: Server | None = None, /, **changes: object) -> Access:
    plain = Access(f"http://127.0.0.1:{at.port if at else 1}", "", None, None, b"", b"one", ())
    return replace(plain, **changes)  # type: ignore[arg-type]


@contextlib.contextmanager
def connected(
    *answers: bytes, clock: Callable[[], float] = time.time, timeout: float = 5.0, **changes: object
) -> Iterator[tuple[Server, Connection]]:
    """A server that gives these answers and a connection to it."""
    with Server(*answers) as server:
        connection = Connection(Given(access(server, **changes)), timeout=timeout, clock=clock)
        yield server, connection
        connection.close()


def text(body: bytes) -> str:
    return str(json.loads(bytes(body)))


def test_a_get_is_this_and_no_more() -> None:
    headers = (("Authorization", "Bearer abc"), ("Impersonate-Group", "a"), ("Impersonate-Group", "b"))
    with connected(OK, headers=headers) as (server, connection):
        assert connection.get("/api/v1/nodes/one", text) == "fine"
        assert connection.body("/apis", {"a": "1 2", "b": "é"}, 10) == b'"fine"'
    lines = [
        "Accept: application/json",
        "Accept-Encoding: identity",
        "User-Agent: aks-cert-exporter",
        "Authorization: Bearer abc",
        "Impersonate-Group: a",
        "Impersonate-Group: b",
    ]
    for request, first in zip(server.requests, ("/api/v1/nodes/one", "/apis?a=1+2&b=%C3%A9"), strict=True):
        found = request.rstrip("\r\n").split("\r\n")
        assert found[0] == f"GET {first} HTTP/1.1"
        assert sorted(found[1:]) == sorted([f"Host: 127.0.0.1:{server.port}", *lines])
    assert server.accepted == 1, "the connection is used again"


@pytest.mark.parametrize(
    ("ask", "kind", "spec"),
    [
        (
            lambda one: one.may(verb="list", resource="nodes"),
            "SelfSubjectAccessReview",
            {"resourceAttributes": {"verb": "list", "resource": "nodes"}},
        ),
        (lambda one: one.others_may({"user": "a"}), "SubjectAccessReview", {"user": "a"}),
    ],
)
def test_a_review_is_a_post_that_stores_nothing(
    ask: Callable[[Connection], bool | Failure], kind: str, spec: dict[str, object]
) -> None:
    answers = [
        http(b'{"status": {"allowed": true}}', status="201 Created"),
        http(b'{"status": {"allowed": false}}'),
        http(b'{"status": {}}'),
        http(b"{}"),
        http(b'{"message": "no"}', status="403 Forbidden"),
        http(b" " * (LARGEST_OBJECT + 1)),
    ]
    with connected(*answers, headers=(("Authorization", "Bearer abc"),)) as (server, connection):
        assert [ask(connection) for _ in answers] == [
            True,
            False,
            False,
            Failure(Reason.DECODE, "not what the API promises: Object missing required field `status`"),
            Failure(Reason.FORBIDDEN, "HTTP 403: no"),
            Failure(Reason.TOO_LARGE, "an answer of over 4 MiB"),
        ]
        head, _, body = server.requests[0].partition("\r\n\r\n")
    assert head.split("\r\n")[0] == f"POST /apis/authorization.k8s.io/v1/{kind.lower()}s HTTP/1.1"
    assert {"Content-Type: application/json", "Authorization: Bearer abc"} <= set(head.split("\r\n"))
    assert json.loads(body) == {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec}


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ((), ""),
        ((("Authorization", "Bearer a b"),), "a b"),
        ((("Authorization", "bearer abc"),), "abc"),
        ((("Authorization", "Basic abc"),), ""),
        ((("Impersonate-User", "Bearer abc"),), ""),
    ],
)
def test_only_a_bearer_token_is_one(headers: tuple[tuple[str, str], ...], token: str) -> None:
    assert Connection(Given(access(headers=headers))).token == token


def test_where_it_leads_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    own = Proxy("http", "10.0.0.9", 3128)
    found = Connection(Given(access(server="https://a.example", proxy=own, authorities=b"PEM")))
    assert (found.server, found.server_name, found.authorities) == (("a.example", 443), "a.example", b"PEM")
    assert Connection(Given(access(server="https://a.example", server_name="b"))).server_name == "b"
    monkeypatch.setenv("HTTPS_PROXY", "http://10.0.0.8:3128")
    assert found.proxy_to(("a.example", 443)) is own
    assert found.proxy_to(("a.example", 444)) == Proxy("http", "10.0.0.8", 3128)
    assert found.proxy_to(("127.0.0.1", 443)) is None
    monkeypatch.setenv("HTTPS_PROXY", "ftp://10.0.0.8")
    assert found.proxy_to(("b.example", 443)) is None


def test_an_object_has_so_many_bytes_at_most() -> None:
    assert (LARGEST_OBJECT, LARGEST_REFUSAL) == (4 << 20, 64 << 10)
    whole, unended = (http(b"x" * (LARGEST_OBJECT + more)) for more in (0, 2))
    with connected(whole, unended[:-1], OK) as (server, connection):
        assert connection.get("/a", len) == LARGEST_OBJECT
        assert connection.get("/a", len) == Failure(Reason.TOO_LARGE, "an answer of over 4 MiB")
        assert connection.get("/a", len) == 6
        assert server.accepted == 2, "of an answer that is too large the rest is not waited for"
        with pytest.raises(ApiError) as raised:
            connection.body("/a", {}, 5)
    assert raised.value.failure == Failure(Reason.TOO_LARGE, "an answer of over 0 MiB")


def test_an_answer_has_a_date_or_none() -> None:
    with connected(http(b"x", DATE), http(b"x", "Date: soon"), http(b"x"), http(b"xy")) as (_, connection):
        assert connection.dated("/a", 1) == (bytearray(b"x"), 200.0)
        assert [connection.dated("/a", 1, within=1.0) for _ in range(2)] == [(bytearray(b"x"), None)] * 2
        with pytest.raises(ApiError, match="an answer of over 0 MiB"):
            connection.dated("/a", 1)


def test_the_servers_clock_is_told_against_the_middle_of_the_question() -> None:
    """Whole seconds are as good as their middle; without a date what was found before stays."""
    clock = Clock(0.0, 100.0, 110.0)
    with connected(http(b"x", DATE), http(b"x"), clock=clock) as (_, connection):
        assert connection.clock_offset is None
        for _ in range(2):
            connection.body("/a", {}, 1)
            assert connection.clock_offset == 200.5 - 105.0


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (http(b'{"message": "none of these"}', status="404 Not Found"), (Reason.NOT_FOUND, "HTTP 404: none of these")),
        (http(b"{}", status="404 Not Found"), (Reason.NOT_FOUND, "HTTP 404:")),
        (http(b"<html>", status="502 Bad Gateway"), (Reason.SERVER_ERROR, "HTTP 502: Bad Gateway")),
        (http(b"\xff", status="502 "), (Reason.SERVER_ERROR, "HTTP 502:")),
        (http(b'{"a":' + b"[" * 60_000, status="500 Deep"), (Reason.SERVER_ERROR, "HTTP 500: Deep")),
        (http(b'"' + b"x" * 200_000, status="403 Long"), (Reason.FORBIDDEN, "HTTP 403: Long")),
        (
            http(b'{"message": "far"}'.rjust(LARGEST_REFUSAL), status="403 Forbidden"),
            (Reason.FORBIDDEN, "HTTP 403: far"),
        ),
        (
            b"HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
            (Reason.FORBIDDEN, "HTTP 403: the connection was closed in the middle of an answer"),
        ),
        (http(b'{"message": "x"}', status="204 No Content"), (Reason.ERROR, "HTTP 204: No Content")),
        (http(b"fine", status="202 Accepted"), (Reason.ERROR, "HTTP 202: Accepted")),
        (
            http(b'"x"', "Content-Encoding: gzip"),
            (Reason.DECODE, "not an answer in HTTP: it is encoded, which was not asked for"),
        ),
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", (Reason.DECODE, "not an answer in HTTP")),
    ],
)
def test_what_is_no_answer_is_a_failure(answer: bytes, failure: tuple[Reason, str]) -> None:
    with connected(answer, OK) as (_, connection):
        assert connection.get("/a", text) == Failure(*failure)
        assert connection.get("/a", text) == "fine", "what is left of it is no answer to the next question"


@pytest.mark.parametrize("coding", ["identity", "Identity"])
def test_an_answer_as_it_was_asked_for_may_say_so(coding: str) -> None:
    with connected(http(b'"fine"', f"Content-Encoding: {coding}")) as (_, connection):
        assert connection.get("/a", text) == "fine"


def test_a_refused_question_is_not_asked_again_until_its_time() -> None:
    """Nor is it for longer than the server asked; the others are."""
    later = http(b"{}", "Retry-After: 60", status="429 Too Many Requests")
    now = http(b"{}", "Retry-After: 0", status="429 Too Many Requests")
    with connected(now, later, OK) as (server, connection):
        refused = Failure(Reason.THROTTLED, "HTTP 429:")
        assert [connection.get("/a", text) for _ in range(3)] == [refused] * 3
        assert len(server.requests) == 2
        assert connection.get("/b", text) == "fine"
        assert connection.list_all("/a", text) == refused
        assert len(server.requests) == 3


class Paged(Connection):
    """Gives a page of one object and always another token; without a server."""

    def __init__(self, timeout: float) -> None:
        super().__init__(Given(access()), timeout=timeout)
        self.asked: list[dict[str, str]] = []
        self.last = 0

    def body(self, path: str, query: Mapping[str, str], largest: int) -> bytearray:
        self.asked.append(dict(query))
        last = len(self.asked) == self.last
        metadata = {"resourceVersion": "7", "continue": "" if last else f"{len(self.asked)}"}
        return bytearray(json.dumps({"metadata": metadata, "items": [path]}).encode())


def test_a_list_is_asked_for_with_its_selectors() -> None:
    connection = Paged(5.0)
    connection.last = 2
    found = connection.list_all("/a", text, {"labelSelector": "x=y"}, page=3)
    assert isinstance(found, Listing)
    assert (found, found.version) == (["/a", "/a"], "7")
    selected = {"labelSelector": "x=y", "limit": "3"}
    assert connection.asked == [selected, {**selected, "continue": "1"}]
    connection.last = 3
    assert connection.list_all("/a", text) == ["/a"]
    connection.last = 4
    assert connection.listing("/a", text) == ["/a"]
    assert connection.asked[2:] == [{"limit": "500"}] * 2


def test_a_list_may_take_ten_times_as_long_as_an_answer() -> None:
    connection = Paged(0.01)
    told = Failure(Reason.TIMEOUT, "the list did not end within 0.1 s")
    assert connection.list_all("/a", text) == told
    with pytest.raises(ApiError) as raised:
        connection.listing("/a", text)
    assert raised.value.failure == told


class Waiting(urllib3.PoolManager):
    """Remembers how long each connection and its answer may take, and gives up."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[tuple[object, object]] = []

    def request(self, method: str, url: str, **settings: object) -> urllib3.BaseHTTPResponse:  # type: ignore[override]
        given = settings["timeout"]
        assert isinstance(given, urllib3.Timeout)
        self.waits.append((given.connect_timeout, given._read))
        raise TimeoutError


@pytest.mark.parametrize(
    ("timeout", "within", "waits"),
    [
        (30.0, None, (10.0, 30.0)),
        (30.0, 20.0, (10.0, 20.0)),
        (30.0, 40.0, (10.0, 30.0)),
        (8.0, None, (8.0, 8.0)),
        (8.0, 4.0, (4.0, 4.0)),
    ],
)
def test_an_answer_begins_in_time(timeout: float, within: float | None, waits: tuple[float, float]) -> None:
    """A server that is there takes ten seconds at most to say so."""
    connection = Connection(Given(access()), timeout=timeout)
    connection._pool = pool = Waiting()
    for _ in range(2):
        with pytest.raises(ApiError) as raised:
            connection.open("/a", {}, within=within)
        assert raised.value.reason is Reason.TIMEOUT
    with pytest.raises(ApiError):
        connection.dated("/a", 1, within=within)
    assert isinstance(connection.may(verb="get"), Failure)
    assert pool.waits == [waits, waits, waits, (min(10.0, timeout), timeout)]


def test_an_answer_takes_thirty_seconds_to_begin_where_nobody_says_otherwise() -> None:
    connection = Connection(Given(access()))
    connection._pool = pool = Waiting()
    assert isinstance(connection.get("/a", text), Failure)
    assert pool.waits == [(10.0, 30.0)]


def test_an_open_answer_is_waited_for_by_whoever_reads_it() -> None:
    with connected(OK, timeout=3.0) as (_, connection):
        response = connection.open("/a", {})
        used = socket_of(response)
        assert used is not None
        assert used.gettimeout() is None
        response.close()


class Response:
    """An answer that remembers what became of it."""

    connection = None
    reason: str | None = "No"

    def __init__(self, *pieces: bytes | Exception, status: int = 200, encoding: str = "identity") -> None:
        self._pieces, self.status, self.headers = list(pieces), status, {"Content-Encoding": encoding}
        self.end: list[str] = []
        self.amounts: list[int] = []

    def read1(self, amt: int, decode_content: bool) -> bytes:
        assert not decode_content
        self.amounts.append(amt)
        found = self._pieces.pop(0) if self._pieces else b""
        if isinstance(found, Exception):
            raise found
        return found

    def close(self) -> None:
        self.end.append("closed")

    def release_conn(self) -> None:
        self.end.append("released")


class Giving(urllib3.PoolManager):
    """Gives one answer."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self._response = response

    def request(self, method: str, url: str, **settings: object) -> urllib3.BaseHTTPResponse:  # type: ignore[override]
        assert settings["preload_content"] is False
        return cast("urllib3.BaseHTTPResponse", self._response)


@pytest.mark.parametrize(
    ("response", "found", "end"),
    [
        (Response(b"ab", b"c"), "abc", "released"),
        (Response(b"ab", OSError("broken")), Failure(Reason.ERROR, "broken"), "closed"),
        (Response(urllib3.exceptions.ProtocolError("cut")), Failure(Reason.RESET, "cut"), "closed"),
        (Response(ValueError("odd")), Failure(Reason.ERROR, "ValueError: odd"), "closed"),
        (Response(b"abcd"), Failure(Reason.TOO_LARGE, "an answer of over 0 MiB"), "closed"),
        (Response(encoding="br"), ENCODED, "closed"),
        (Response(b'{"message":', b'"x"}', status=403), Failure(Reason.FORBIDDEN, "HTTP 403: x"), "closed"),
        (Response(b"x", status=403), Failure(Reason.FORBIDDEN, "HTTP 403: No"), "closed"),
        (Response(OSError("broken"), status=403), Failure(Reason.FORBIDDEN, "HTTP 403: broken"), "closed"),
        (
            Response(urllib3.exceptions.ProtocolError("cut"), status=403),
            Failure(Reason.FORBIDDEN, "HTTP 403: cut"),
            "closed",
        ),
    ],
)
def test_an_answer_is_let_go_of_whatever_it_is(response: Response, found: object, end: str) -> None:
    """Only after one that was read to its end the connection is used again."""
    connection = Connection(Given(access()))
    connection._pool = Giving(response)
    try:
        assert connection.body("/a", {}, 3).decode() == found
    except ApiError as error:
        assert error.failure == found
    assert response.end == [end]
    assert set(response.amounts) <= {1 << 16}


@pytest.mark.parametrize(("length", "left"), [(LARGEST_REFUSAL - 1, []), (LARGEST_REFUSAL, [b"x"])])
def test_of_a_refusal_no_more_than_the_bound_is_read(length: int, left: list[bytes]) -> None:
    connection = Connection(Given(access()))
    connection._pool = Giving(response := Response(b" " * length, b"x", status=403))
    assert connection.get("/a", text) == Failure(Reason.FORBIDDEN, "HTTP 403: No")
    assert response._pieces == left


def test_idle_connections_are_let_go_of() -> None:
    with connected(OK) as (server, connection):
        for _ in range(2):
            connection.get("/a", text)
            connection.close()
        assert server.accepted == 2


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    return (("Authorization", f"Bearer {token}"),)


def shown(server: Server) -> list[str]:
    """The token of each request."""
    return [request.partition("Bearer ")[2].partition("\r\n")[0] for request in server.requests]


@pytest.mark.parametrize(
    ("status", "again"),
    [("401 Unauthorized", True), ("403 Forbidden", False), ("500 No", False), ("404 Not Found", False)],
)
def test_a_refused_token_is_read_anew_and_shown_once_more(status: str, again: bool) -> None:
    refusal = http(b"{}", status=status)
    with Server(refusal, refusal, OK) as server:
        given = Given(access(server, headers=bearer("first")), access(server, headers=bearer("second")))
        connection = Connection(given)
        assert isinstance(connection.get("/a", text), Failure)
        assert connection.get("/a", text) == "fine" if again else len(server.requests) == 1
        assert shown(server) == (["first", "second", "second"] if again else ["first"])
        assert given.reads == (2 if again else 1)


class Untrusting(urllib3.PoolManager):
    """Finds this wrong with the server's certificate (OpenSSL's X509_V_ERR_*)."""

    def __init__(self, code: int) -> None:
        super().__init__()
        self.error = ssl.SSLCertVerificationError(1, "no")
        self.error.verify_code, self.error.verify_message = code, "no"

    def request(self, method: str, url: str, **settings: object) -> urllib3.BaseHTTPResponse:  # type: ignore[override]
        raise urllib3.exceptions.SSLError(self.error)


@pytest.mark.parametrize(
    ("code", "reason", "reads"),
    [
        (10, Reason.CERTIFICATE_EXPIRED, 2),
        (20, Reason.CERTIFICATE_UNTRUSTED, 2),
        (62, Reason.CERTIFICATE_HOSTNAME, 1),
    ],
)
def test_where_a_certificate_does_not_verify_the_authorities_are_read_anew(
    code: int, reason: Reason, reads: int
) -> None:
    given = Given(access())
    connection = Connection(given)
    connection._pool = Untrusting(code)
    assert connection.get("/a", text) == Failure(reason, "no")
    assert given.reads == reads


class Breaking(urllib3.PoolManager):
    """Raises this."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def request(self, method: str, url: str, **settings: object) -> urllib3.BaseHTTPResponse:  # type: ignore[override]
        raise self.error


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (urllib3.exceptions.ProtocolError("cut"), Failure(Reason.RESET, "cut")),
        (LineTooLong("header line"), Failure(Reason.DECODE, "not an answer in HTTP")),
        (OSError("broken"), Failure(Reason.ERROR, "broken")),
        (ValueError("odd"), Failure(Reason.ERROR, "ValueError: odd")),
    ],
)
def test_whatever_breaks_a_question_is_a_failure(error: Exception, failure: Failure) -> None:
    connection = Connection(Given(access()))
    connection._pool = Breaking(error)
    assert connection.get("/a", text) == failure


def test_a_refusal_may_be_without_a_word() -> None:
    connection = Connection(Given(access()))
    response = Response(status=403)
    response.reason = None
    connection._pool = Giving(response)
    assert connection.get("/a", text) == Failure(Reason.FORBIDDEN, "HTTP 403:")


def test_where_there_is_no_other_token_the_refusal_is_told() -> None:
    with connected(REFUSED, headers=bearer("first")) as (server, connection):
        for _ in range(2):
            assert connection.get("/a", text) == Failure(Reason.UNAUTHORIZED, "HTTP 401: not you")
        assert shown(server) == ["first", "first"]


def test_credentials_are_read_anew_when_their_files_change() -> None:
    with Server(OK) as server:
        given = Given(*(access(server, headers=bearer(token)) for token in ("first", "second")))
        connection = Connection(given)
        for state in (0, 0, 1, 1):
            given.state = state
            connection.get("/a", text)
        assert connection.may(verb="get") == Failure(
            Reason.DECODE, "not what the API promises: Expected `object`, got `str`"
        )
        assert (shown(server), given.reads) == (["first", "first", "second", "second", "second"], 2)
        given.state = 2
        connection.may(verb="get")
        assert given.reads == 3


@pytest.mark.parametrize(("now", "reads"), [(70.0, 1), (70.5, 2)])
def test_credentials_are_read_anew_half_a_minute_before_they_run_out(now: float, reads: int) -> None:
    with Server(OK) as server:
        given = Given(access(server, expires=100.0))
        connection = Connection(given, clock=Clock(0.0, now))
        connection.get("/a", text)
        assert given.reads == reads


@pytest.mark.parametrize(
    ("slow", "now", "reads"),
    [(True, 1009.9, 1), (True, 1010.0, 2), (True, 1000.0, 1), (True, 999.9, 2), (False, 1000.0, 2)],
)
def test_slow_credentials_are_not_read_at_every_turn(slow: bool, now: float, reads: int) -> None:
    """Ten seconds lie between, unless the clock was turned back."""
    with Server(OK) as server:
        given = Given(access(server), slow=slow)
        connection = Connection(given, clock=Clock(1000.0, now))
        given.state = 1
        connection.get("/a", text)
        assert given.reads == reads


def test_slow_credentials_that_were_just_read_are_not_read_again() -> None:
    with Server(OK) as server:
        given = Given(access(server), slow=True)
        connection = Connection(given, clock=(clock := Clock(1000.0, 1010.0)))
        for seconds, reads in ((1010.0, 2), (1019.0, 2), (1020.0, 3)):
            given.state += 1
            clock.seconds = [seconds]
            connection.get("/a", text)
            assert given.reads == reads


def spoiled(words: str = "not YAML") -> ApiError:
    return ApiError(Failure(Reason.CREDENTIALS, words))


def test_credentials_that_cannot_be_read_leave_those_in_hand(caplog: pytest.LogCaptureFixture) -> None:
    """In the middle of a swap, say; each complaint is logged once, until they can be read."""
    with Server(OK) as server, caplog.at_level(logging.WARNING, "exporter.sources.kube.connection"):
        first, second = (access(server, headers=bearer(token)) for token in ("first", "second"))
        given = Given(first, spoiled(), spoiled(), spoiled("gone"), second, spoiled("gone"))
        connection = Connection(given)
        for state, token in ((1, "first"), (1, "first"), (1, "first"), (1, "second"), (1, "second"), (2, "second")):
            given.state = state
            assert connection.get("/a", text) == "fine"
            assert shown(server)[-1] == token
        assert caplog.messages == ["not YAML", "gone", "gone"]


@pytest.mark.parametrize(("now", "answer"), [(100.0, "fine"), (100.5, Failure(Reason.CREDENTIALS, "not YAML"))])
def test_credentials_that_have_run_out_are_none(now: float, answer: object) -> None:
    with Server(OK) as server:
        given = Given(access(server, expires=100.0), spoiled())
        assert Connection(given, clock=Clock(0.0, now)).get("/a", text) == answer
        assert Connection(Given(access(server), spoiled()), clock=Clock(0.0, now)).get("/a", text) == "fine"


def test_without_credentials_there_is_no_connection() -> None:
    with pytest.raises(ApiError, match="not YAML"):
        Connection(Given(spoiled()))


def test_another_identity_is_another_connection_and_other_authorities_are_told() -> None:
    """A token is only sent differently; where nothing differs all stays."""
    with Server(OK) as server:
        first = access(server)
        changes = [
            first,
            replace(first),
            replace(first, headers=bearer("abc")),
            replace(first, headers=bearer("abc"), identity=b"two"),
            replace(first, headers=bearer("abc"), identity=b"three", authorities=b"PEM"),
            replace(first, headers=bearer("abc"), identity=b"three", authorities=b"PEM"),
        ]
        given = Given(*changes)
        connection = Connection(given)
        connection.on_other_authorities()  # nobody is told where nobody asked
        told: list[bytes] = []
        connection.on_other_authorities = lambda: told.append(connection.authorities)
        accepted = []
        for _ in range(2):
            connection.get("/a", text)
        for _ in changes[1:]:
            given.state += 1
            connection.get("/a", text)
            accepted.append(server.accepted)
        assert accepted == [1, 1, 2, 3, 3]
        assert told == [b"PEM"]
        assert connection.token == "abc"


def test_whoever_comes_second_takes_what_the_first_has_read() -> None:
    """Two threads were refused with the same token: it is read once."""
    with Server(REFUSED) as server:
        used = access(server, headers=bearer("first"))
        given = Given(used, access(server, headers=bearer("second")), access(server, headers=bearer("third")))
        connection = Connection(given)
        assert [connection._renewed(used), connection._renewed(used)] == [True, True]
        assert (given.reads, connection.token) == (2, "second")
