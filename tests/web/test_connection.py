"""One connection: what each answer says about itself, how it ends, and who is turned away."""

import asyncio
import http.client
import logging
import resource
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from email.utils import parsedate_to_datetime

import pytest

from exporter.web.app import Application
from exporter.web.document import Document
from exporter.web.limits import Limits
from exporter.web.request import Request
from tests.web.conftest import PATIENCE, Answer, Serve, SmallAgent
from tests.web.test_hostile import said
from tests.web.test_server import ended, process, stalled
from tests.web.test_tls import comes

CLOSING = b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"


def parsed(received: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of one answer."""
    head, _, body = received.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.split(": ", 1) for line in lines)
    return int(status.split()[1]), {name.lower(): value for name, value in pairs}, body


def is_now(date: str) -> bool:
    return abs(parsedate_to_datetime(date).timestamp() - time.time()) < 60


def test_every_answer_says_when_it_was_made(serve: Serve) -> None:
    running = serve()
    for path in ("/metrics", "/", "/nowhere", "/facts"):
        assert is_now(running.ask(path).headers["date"]), path


@pytest.mark.parametrize("nonsense", [b"GET\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 99])
def test_who_speaks_no_http_is_told_so_and_that_it_was_the_last(serve: Serve, nonsense: bytes) -> None:
    status, headers, body = parsed(said(serve(), nonsense))
    assert (status, body) == (400, b"Bad Request\n")
    assert headers["connection"] == "close"
    assert headers["content-length"] == str(len(body))
    assert headers["content-type"] == "text/plain; charset=utf-8"
    assert is_now(headers["date"])


def test_the_head_of_a_request_may_be_32_kib_long(serve: Serve) -> None:
    """Cookies of a login proxy fill half of it."""
    running = serve()
    for length, end, expected in ((31, b"\r\n\r\n", 200), (33, b"", 431)):
        field = b"Cookie: " + b"x" * (length * 1024)
        assert parsed(said(running, CLOSING + field + end))[0] == expected


def test_a_transfer_coding_that_is_not_known_is_named(serve: Serve) -> None:
    sent = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n"
    assert parsed(said(serve(), sent))[0] == 501


def test_an_answer_that_cannot_be_sent_ends_its_connection_and_no_other(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    class Odd(SmallAgent):
        def facts(self, name: str, query: Mapping[str, str]) -> Document:
            return Document(b"", "a\r\nb")

    running = serve(Odd())
    with pytest.raises(http.client.RemoteDisconnected):
        running.ask("/facts")
    assert [one.getMessage() for one in caplog.records if one.levelno >= logging.ERROR] == [
        "/facts: the answer cannot be sent"
    ]
    assert running.ask("/healthz").status == 200


def test_who_is_turned_away_hears_it_late_and_when_to_come_again() -> None:
    """C3: two scrapes at work, and one that waits: the fourth is one too many."""
    release = threading.Event()
    limits = Limits(scrapes=3, documents=2)
    application = Application(SmallAgent(before=lambda: release.wait(PATIENCE)), None, limits)

    async def story() -> None:
        for path, most in (("/metrics", 3), ("/", 2)):
            request = Request("GET", path, "", (), "10.0.0.1")
            calls = [asyncio.create_task(application(request)) for _ in range(most + 1)]
            (done,), others = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
            refused = await done
            assert (refused.status, refused.body) == (503, b"busy: too many requests wait\n")
            assert refused.after == limits.turned_away
            assert refused.fields["retry-after"] == "5"
            release.set()
            assert [one.status for one in await asyncio.gather(*others)] == [200] * most
            release.clear()

    try:
        asyncio.run(story())
    finally:
        release.set()
        application.close()


def test_whose_answer_is_kept_back_makes_room_for_others(serve: Serve) -> None:
    """C9: they wait for nothing but their turn to ask again."""
    release, at_work = threading.Event(), threading.Event()

    def wait() -> None:
        at_work.set()
        release.wait(PATIENCE)

    limits = Limits(connections=6, scrapes=2, turned_away=PATIENCE, request=PATIENCE)
    running = serve(SmallAgent(before=wait), limits=limits)
    scrape = b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"
    with stalled(running, 2, scrape) as (first, _), stalled(running, 4, scrape):
        assert at_work.wait(PATIENCE)
        assert [running.ask("/healthz").status for _ in range(6)] == [200] * 6
        release.set()
        assert first.recv(15) == b"HTTP/1.1 200 OK"


def test_whoever_has_left_is_not_waited_for_at_the_end(serve: Serve) -> None:
    """However long answers under way may take: nobody is counted before he comes, nor after he went."""
    running = serve(limits=Limits(grace=25))
    assert running.server.connections == 0
    assert running.ask("/healthz").status == 200
    assert comes(lambda: running.server.connections == 0)
    began = time.monotonic()
    running.stop()
    assert time.monotonic() - began < 10


def test_an_answer_that_was_kept_back_comes_after_its_time(serve: Serve) -> None:
    release, turned_away = threading.Event(), 0.3
    limits = Limits(scrapes=2, turned_away=turned_away, take=PATIENCE)
    running = serve(SmallAgent(before=lambda: release.wait(PATIENCE)), limits=limits)
    answers: list[tuple[Answer, float]] = []

    def scrape() -> None:
        began = time.monotonic()
        answers.append((running.ask("/metrics"), time.monotonic() - began))

    threads = [threading.Thread(target=scrape) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert comes(lambda: len(answers) == 1)
    release.set()
    for thread in threads:
        thread.join()
    refused, took = answers[0]
    assert (refused.status, refused.headers["retry-after"]) == (503, "5")
    assert took >= turned_away


def test_a_process_out_of_descriptors_says_so_once_and_goes_on_when_there_are_some() -> None:
    with process("127.0.0.1", "0") as (started, port), ExitStack() as stack:
        assert started.stderr is not None
        address = ("127.0.0.1", port)
        with socket.create_connection(address, timeout=PATIENCE) as probe:
            probe.sendall(CLOSING + b"\r\n")
            assert ended(probe)
        held = [stack.enter_context(socket.create_connection(address, timeout=PATIENCE)) for _ in range(3)]
        for one in held:
            one.sendall(b"GET / HTTP/1.1\r\n")
        resource.prlimit(started.pid, resource.RLIMIT_NOFILE, (1, 4096))
        waiting = stack.enter_context(socket.create_connection(address, timeout=PATIENCE))
        waiting.sendall(CLOSING + b"\r\n")
        line = started.stderr.readline()
        assert line.endswith("ERROR exporter.web.listener: cannot accept connections: Too many open files\n")
        waiting.settimeout(0.5)  # it tries again five times a second
        with pytest.raises(TimeoutError):
            waiting.recv(1)
        resource.prlimit(started.pid, resource.RLIMIT_NOFILE, (4096, 4096))
        waiting.settimeout(PATIENCE)
        assert waiting.recv(15) == b"HTTP/1.1 200 OK"
        started.terminate()
        assert started.wait(20) == 0
        assert started.stderr.read() == ""
