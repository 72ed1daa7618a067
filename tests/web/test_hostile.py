"""Bytes that no honest client sends: each gets an answer or the end of the connection, and the log no trace."""

import logging
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.web.limits import Limits
from tests.web.conftest import Running, Serve


def said(running: Running, sent: bytes) -> bytes:
    """Everything that comes back before the connection ends."""
    with socket.create_connection((running.host, running.port), timeout=20) as connection:
        received = b""
        try:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(65536):
                received += piece
        except (ConnectionResetError, BrokenPipeError):
            pass  # it was ended before it had read everything
    return received


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /healthz HTTP/1.0\r\n\r\n", b"200"),
        (b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", b"200"),
        (b"GET /%68ealthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", b"200"),
        (b"GET /../healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", b"404"),
        (b"GET /healthz%00 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", b"404"),
        (b"GET /%ff%fe HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", b"404"),
        (b"OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", b"405"),
        (b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", b"405"),
        (b"get /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", b"405"),
        (b"POST /metrics HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", b"405"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", b"405"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", b"501|400"),
        (b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\nY: b\r\n\r\n", b"200|400"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 1_000_000 + b"\r\n\r\n", b"400|431|"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"400|405"),
        (b"\r\n" * 1000, b"400|"),
        (b"\x00" * 1000, b"400"),
        (b"", b""),
    ],
)
def test_odd_requests_are_answered_as_they_should(
    serve: Serve, caplog: pytest.LogCaptureFixture, sent: bytes, status: bytes
) -> None:
    running = serve()
    received = said(running, sent)
    first = received.split(b" ", 2)[1] if received.startswith(b"HTTP/1.1 ") else received
    assert first in status.split(b"|"), received[:200]
    assert b"Traceback" not in received
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


LINES = (b"GET", b"HEAD", b"POST", b" ", b"/", b"/metrics", b"/?a=%ff", b" HTTP/1.1", b"\r\n", b"\r\n\r\n", b"\x00")
HEADERS = (b"Host: a\r\n", b"Connection: close\r\n", b"Accept: ", b"Accept-Encoding: gzip;q=", b"Content-Length: 3\r\n")
PARTS = st.sampled_from(
    (*LINES, *HEADERS, b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n", b"Expect: 100-continue\r\n")
)


def test_a_client_that_closes_its_side_after_the_request_gets_its_answers(serve: Serve) -> None:
    received = said(serve(), b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert received.count(b"HTTP/1.1 200 OK\r\n") == 2
    assert received.endswith(b"<!doctype html><title>page</title>")


def test_any_bytes_leave_the_server_serving(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    running = serve(limits=Limits(request=0.5))

    @settings(max_examples=150)
    @given(st.one_of(st.binary(max_size=300), st.lists(PARTS, max_size=20).map(b"".join)))
    def send(sent: bytes) -> None:
        assert b"Traceback" not in said(running, sent)

    send()
    assert running.ask("/healthz").status == 200
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
