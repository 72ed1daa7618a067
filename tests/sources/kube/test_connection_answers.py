"""How long a connection waits for an answer, what becomes of it, and of whatever breaks a question."""

import ssl
import time
from http.client import LineTooLong
from typing import cast

import pytest
import urllib3

from exporter.facts.source import Failure
from exporter.reason import Reason
from exporter.sources.kube.connection import LARGEST_REFUSAL, Connection, socket_of
from exporter.sources.kube.failure import ApiError
from tests.sources.kube.asked import ENCODED, OK, REFUSED, Given, access, bearer, connected, shown, text


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


def test_the_whole_of_an_answer_may_take_twice_as_long() -> None:
    """From when it was asked for."""
    with connected(OK, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", timeout=20.0) as (_, connection):
        began = time.monotonic()
        assert connection._whole(connection.open("/a", {}), began - 30, 10) == b'"fine"'
        with pytest.raises(ApiError) as raised:
            connection._whole(connection.open("/a", {}), began - 50, 10)
        assert raised.value.failure == Failure(Reason.TIMEOUT, "no answer in time")
        assert time.monotonic() - began < 9


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
