"""A connection to the API server: what it sends, and what it takes for an answer."""

import json
from collections.abc import Callable, Mapping

import pytest

from exporter.facts.proxy import Proxy
from exporter.facts.source import Failure
from exporter.reason import Reason
from exporter.sources.kube.connection import LARGEST_OBJECT, LARGEST_REFUSAL, Connection
from exporter.sources.kube.failure import ApiError
from exporter.sources.kube.listing import Listing
from tests.sources.hostile import http
from tests.sources.kube.asked import DATE, OK, Clock, Given, access, connected, text


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
