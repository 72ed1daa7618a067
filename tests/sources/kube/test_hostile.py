"""An API server that means ill: every question has its answer or its failure in time, with bounded memory."""

import gzip
import json
import resource
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from exporter.facts.source import Failure
from exporter.reason import Reason
from exporter.sources.kube.connection import Connection
from exporter.sources.kube.listing import MOST_OBJECTS
from exporter.sources.kube.resource import CERTIFICATE_SIGNING_REQUESTS, NODES
from exporter.sources.kube.watch import Backoff, Watcher
from tests.sources.hostile import Answer, Hostile, dripped, http
from tests.sources.kube.watching import View, csr, decode

TIMEOUT = 0.4
HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
EMPTY = {"kind": "List", "metadata": {"resourceVersion": "1"}, "items": []}


def page(*items: object, token: str = "", version: str = "1") -> bytes:
    return json.dumps({"metadata": {"resourceVersion": version, "continue": token}, "items": items}).encode()


def drip_headers(target: str) -> Iterator[bytes | float]:
    yield b"HTTP/1.1 200 OK\r\n"
    for number in count():
        yield from dripped(f"X-{number}: 1\r\n".encode(), 0.1)


def drip_status_line(target: str) -> Iterator[bytes | float]:
    yield from dripped(b"HTTP/1.1 200 " + b"O" * 1000, 0.1)


def drip_body(target: str) -> Iterator[bytes | float]:
    yield b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    yield from dripped(b'{"metadata":' + b" " * 1000, 0.1)


def drip_chunk_lengths(target: str) -> Iterator[bytes | float]:
    yield HEAD
    yield from dripped(b"0" * 60_000, 0.1)


def drip_chunks(target: str) -> Iterator[bytes | float]:
    yield HEAD
    while True:
        yield b"1\r\n \r\n"
        yield 0.1


def drip_refusal(target: str) -> Iterator[bytes | float]:
    yield b"HTTP/1.1 403 Forbidden\r\nContent-Length: 1000\r\n\r\n"
    yield from dripped(b'{"message": "' + b"x" * 1000, 0.1)


def endless_continue(target: str) -> Iterator[bytes | float]:
    while True:
        yield b"HTTP/1.1 100 Continue\r\n\r\n"
        yield 0.01


def silence(target: str) -> Iterator[bytes | float]:
    yield 60.0


def endless_body(target: str) -> Iterator[bytes | float]:
    yield HEAD
    while True:
        yield b"10000\r\n" + b" " * 0x10000 + b"\r\n"


def endless_chunk_length(target: str) -> Iterator[bytes | float]:
    yield HEAD
    while True:
        yield b"0" * 65536


def endless_trailers(target: str) -> Iterator[bytes | float]:
    yield HEAD + b"0\r\n"
    while True:
        yield b"X: y\r\n" * 1000


def endless_headers(target: str) -> Iterator[bytes | float]:
    yield b"HTTP/1.1 200 OK\r\n"
    while True:
        yield b"X: y\r\n" * 100


def bomb(target: str) -> Iterator[bytes | float]:
    yield http(gzip.compress(b" " * 50_000_000), "Content-Encoding: gzip")


def small_things(target: str) -> Iterator[bytes | float]:
    yield http(b'{"metadata":{},"items":[' + b"1," * 7_000_000 + b"1]}")


def deep(target: str) -> Iterator[bytes | float]:
    yield http(b'{"metadata":{},"items":' + b"[" * 5000 + b"]" * 5000 + b"}")


def deep_object(target: str) -> Iterator[bytes | float]:
    yield http(page().replace(b"[]", b'[{"metadata":{"name":"x"},"spec":' + b"[" * 5000 + b"]" * 5000 + b"}]"))


def same_token(target: str) -> Iterator[bytes | float]:
    yield http(page(csr("csr-1"), token="again"))


def two_tokens(target: str) -> Iterator[bytes | float]:
    yield http(page(csr("csr-1"), token="a" if "continue=b" in target else "b"))


def new_tokens(target: str) -> Iterator[bytes | float]:
    yield http(page(*[{"metadata": {"name": "x"}}] * 10_000, token=f"{time.monotonic_ns()}"))


def empty_pages(target: str) -> Iterator[bytes | float]:
    yield http(page(token=f"{time.monotonic_ns()}"))


def http_0_9(target: str) -> Iterator[bytes | float]:
    yield page() + b"\n"
    raise OSError("hangs up")


def half(target: str) -> Iterator[bytes | float]:
    yield b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + page()
    yield 0.05
    raise OSError("hangs up")


def negative(target: str) -> Iterator[bytes | float]:
    yield b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n" + page()
    yield 60.0


def not_json(target: str) -> Iterator[bytes | float]:
    yield http(b"k8s\0\n\x0c\n\x02v1", "Content-Type: application/vnd.kubernetes.protobuf")


def bad_port(target: str) -> Iterator[bytes | float]:
    yield http(b"", "Location: http://[::1:99999/", status="302 Found")


TIMED = [
    drip_headers,
    drip_status_line,
    drip_body,
    drip_chunk_lengths,
    drip_chunks,
    endless_continue,
    silence,
    negative,
]
WRONG: dict[Answer, set[Reason]] = {
    endless_body: {Reason.TOO_LARGE},
    endless_chunk_length: {Reason.DECODE, Reason.RESET},
    endless_trailers: {Reason.DECODE, Reason.TIMEOUT},
    endless_headers: {Reason.DECODE},
    bomb: {Reason.DECODE},
    small_things: {Reason.DECODE},
    deep: {Reason.DECODE},
    deep_object: {Reason.DECODE},
    same_token: {Reason.DECODE},
    two_tokens: {Reason.DECODE},
    empty_pages: {Reason.DECODE},
    http_0_9: {Reason.DECODE},
    half: {Reason.RESET},
    not_json: {Reason.DECODE},
    bad_port: {Reason.ERROR},
    drip_refusal: {Reason.FORBIDDEN},
}


def asked(connection: Connection) -> tuple[Failure, float]:
    """The failure of a list, and how long it took."""
    began = time.monotonic()
    found = connection.list_all(NODES.path, decode)
    assert isinstance(found, Failure), found
    assert "\n" not in found.words
    return found, time.monotonic() - began


@pytest.mark.parametrize("answer", TIMED)
def test_an_answer_that_takes_for_ever_is_over_in_time(answer: Answer, tmp_path: Path) -> None:
    """A11: whatever part of it is dripped, the deadline is over the whole."""
    with Hostile(answer) as server, closing(server.connection(tmp_path, TIMEOUT)) as connection:
        found, took = asked(connection)
        assert found.reason is Reason.TIMEOUT
        assert took < 5 * TIMEOUT
        found, took = asked(connection)
        assert found.reason is Reason.TIMEOUT, "and the next question is asked"
        assert len(server.targets) >= 2


@pytest.mark.parametrize("answer", WRONG)
def test_a_wrong_answer_is_a_failure_of_bounded_memory(answer: Answer, tmp_path: Path) -> None:
    """A11: bounds on bytes, pages and objects; and what is no answer is no exception."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with Hostile(answer) as server, closing(server.connection(tmp_path, 5.0)) as connection:
        found, took = asked(connection)
    assert found.reason in WRONG[answer], found
    assert took < 15.0
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150 * 1024


def test_a_list_without_an_end_ends_at_the_bound(tmp_path: Path) -> None:
    """A11: always another token, on pages larger than they were asked for."""
    with Hostile(new_tokens) as server, closing(server.connection(tmp_path, 5.0)) as connection:
        assert asked(connection)[0].reason is Reason.TOO_LARGE
        assert len(server.targets) == MOST_OBJECTS // 10_000 + 1


@pytest.mark.parametrize(
    "header",
    [
        "Date: Thu, 01 Jan 1970 00:01:40 +99999999999999999999",
        "Date: Thu, 01 Jan 99999999999999999999 00:00:00 GMT",
        "Date: " + "9" * 60_000,
        "Retry-After: Thu, 01 Jan 1970 00:01:40 -99999999999999999999",
        "Retry-After: " + "9" * 60_000,
    ],
)
@pytest.mark.parametrize("status", ["200 OK", "429 Too Many Requests", "503 Service Unavailable"])
def test_an_absurd_header_is_no_exception(header: str, status: str, tmp_path: Path) -> None:
    """A10: nothing of it, or nothing but the wait at its bound, is believed."""

    def answer(target: str) -> Iterator[bytes | float]:
        yield http(page(csr("csr-1")), header, status=status)

    with Hostile(answer) as server, closing(server.connection(tmp_path, 5.0)) as connection:
        found = connection.list_all(NODES.path, decode)
        if status == "200 OK":
            assert not isinstance(found, Failure)
            assert [item.metadata.name for item in found] == ["csr-1"]
        else:
            assert isinstance(found, Failure)
            assert found.reason in {Reason.THROTTLED, Reason.SERVER_ERROR}


def test_one_wrong_object_hides_no_other(tmp_path: Path) -> None:
    """A18: it is told by its name."""

    def answer(target: str) -> Iterator[bytes | float]:
        yield http(page(csr("csr-1"), {"metadata": {"name": "odd", "uid": 7}}, 8, csr("csr-2")))

    with Hostile(answer) as server, closing(server.connection(tmp_path, 5.0)) as connection:
        found = connection.list_all(NODES.path, decode)
        assert not isinstance(found, Failure)
        assert [item.metadata.name for item in found] == ["csr-1", "csr-2"]
        assert list(found.unreadable) == ["odd", ""]
        assert found.unreadable["odd"].words.startswith("nodes odd: not the expected object")


def watched(server: Hostile, folder: Path) -> View:
    """What a watcher makes of the server, until it has failed three times or heard three answers."""
    view = View(CERTIFICATE_SIGNING_REQUESTS)
    with closing(server.connection(folder, 1.0)) as connection:
        watcher = Watcher(
            connection,
            CERTIFICATE_SIGNING_REQUESTS,
            decode,
            view,
            silence=0.3,
            backoff=Backoff(first=0.01, largest=0.02),
        )
        watcher.start()
        view.until(lambda: len(view.failures) >= 3 or view.answers >= 3, "three of either")
        watcher.stop()
    return view


def test_a_watch_that_is_closed_at_once_is_a_failure_and_not_a_quiet_cluster(tmp_path: Path) -> None:
    """A proxy that answers watches with nothing: each try is told, waited after, and counted; the list is not asked
    again for it."""
    asked: list[str] = []

    def answer(target: str) -> Iterator[bytes | float]:
        asked.append("watch" if "watch=" in target else "list")
        yield HEAD + b"0\r\n\r\n" if "watch=" in target else http(page(csr("one")))

    view = View(CERTIFICATE_SIGNING_REQUESTS)
    with Hostile(answer) as server, closing(server.connection(tmp_path, 1.0)) as connection:
        backoff = Backoff(first=0.01, largest=0.02)
        watcher = Watcher(connection, CERTIFICATE_SIGNING_REQUESTS, decode, view, backoff=backoff)
        watcher.start()
        view.until(lambda: len(view.failures) >= 3, "three failures")
        watcher.stop()
    assert set(view.failures) == {Failure(Reason.RESET, "the watch ended as soon as it began")}
    assert asked.count("list") == view.lists == 1
    assert list(view.items) == ["one"]


def test_a_watch_that_drips_is_opened_anew(tmp_path: Path) -> None:
    """A11, G12: a byte now and then is no event."""

    def answer(target: str) -> Iterator[bytes | float]:
        if "watch=" not in target:
            yield http(page())
            return
        yield HEAD
        while True:
            yield b"1\r\n{\r\n"
            yield 0.05

    with Hostile(answer) as server:
        view = watched(server, tmp_path)
        assert view.failures == []
        assert sum("watch=" in target for target in server.targets) >= 3


def test_a_watch_that_is_not_answered_any_more_is_told(tmp_path: Path) -> None:
    """G12: the server's process is stopped: its connections stay open, and new ones are never answered."""
    stopped = [False]

    def answer(target: str) -> Iterator[bytes | float]:
        if stopped[0]:
            yield 60.0
        if "watch=" not in target:
            yield http(page())
            return
        stopped[0] = True
        yield HEAD
        yield 60.0

    with Hostile(answer) as server:
        view = watched(server, tmp_path)
        assert {failure.reason for failure in view.failures} == {Reason.TIMEOUT}


def test_an_endless_event_ends_at_the_bound(tmp_path: Path) -> None:
    """A11: of a line without an end no more than the bound is kept."""

    def answer(target: str) -> Iterator[bytes | float]:
        if "watch=" not in target:
            yield http(page())
            return
        yield HEAD
        while True:
            yield b"10000\r\n" + b"x" * 0x10000 + b"\r\n"

    with Hostile(answer) as server:
        view = watched(server, tmp_path)
        assert {failure.reason for failure in view.failures} == {Reason.TOO_LARGE}


def test_a_watch_may_be_silent_for_longer_than_an_answer_may_take(tmp_path: Path) -> None:
    """Nothing happens in a quiet cluster, and that is no failure."""
    event = {"type": "ADDED", "object": {"metadata": {"name": "late", "uid": "1", "resourceVersion": "2"}}}
    line = json.dumps(event).encode() + b"\n"

    def answer(target: str) -> Iterator[bytes | float]:
        if "watch=" not in target:
            yield http(page())
            return
        yield HEAD
        yield 1.0
        yield f"{len(line):x}\r\n".encode() + line + b"\r\n"
        yield 60.0

    view = View(CERTIFICATE_SIGNING_REQUESTS)
    with Hostile(answer) as server, closing(server.connection(tmp_path, 0.3)) as connection:
        watcher = Watcher(connection, CERTIFICATE_SIGNING_REQUESTS, decode, view)
        watcher.start()
        view.until(lambda: bool(view.changes), "the event")
        watcher.stop()
    assert view.failures == []
    assert view.lists == 1
