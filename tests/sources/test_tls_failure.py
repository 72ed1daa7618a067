"""A look at a TLS endpoint that shows no certificate: why, and how long that takes."""

import socket
import ssl
import threading
import time
from pathlib import Path

import pytest

from exporter.facts.source import Failure
from exporter.reason import Reason
from exporter.sources.tls import probe
from tests.sources.listening import CA, NAMES, NOW, fail, listener, tls_server


def void(_: object) -> None:
    """Nothing."""


def test_a_server_that_says_nothing_costs_the_timeout_and_no_more() -> None:
    """It accepts, and that is all."""
    ended = threading.Event()
    started = time.monotonic()
    with listener(lambda _: void(ended.wait(10))) as address:
        seen = probe(address, timeout=0.3, unconnected=Reason.UNREACHABLE)
        took = time.monotonic() - started
        ended.set()
    assert seen == Failure(Reason.TIMEOUT, "no handshake within 0.3 s")
    assert took < 5


def test_a_server_that_drips_cannot_stretch_the_deadline(tmp_path: Path) -> None:
    """Each byte comes in time, the handshake as a whole does not."""
    ended = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.recv(4096)
        for byte in b"\x16\x03\x03\x40\x00" + bytes(4096):
            if ended.wait(0.05):
                return
            connection.sendall(bytes([byte]))

    started = time.monotonic()
    with listener(drip) as address:
        seen = probe(address, timeout=0.4)
        took = time.monotonic() - started
        ended.set()
    assert isinstance(seen, Failure)
    assert seen.reason is Reason.TIMEOUT
    assert took < 5


def test_a_server_that_speaks_http_does_not_speak_tls() -> None:
    """The words name what went wrong."""

    def http(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    assert fail(http).reason is Reason.TLS_PROTOCOL


def test_junk_is_no_tls() -> None:
    """Bytes that follow no protocol."""

    def junk(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(bytes(range(255, 0, -1)) * 40)

    assert fail(junk).reason is Reason.TLS_PROTOCOL


def test_an_endless_handshake_is_given_up() -> None:
    """Empty messages without end; the bound on the bytes ends it, not the time."""

    def endless(connection: socket.socket) -> None:
        connection.recv(4096)
        while True:
            connection.sendall(b"\x16\x03\x03\x40\x00" + b"\x00\x00\x00\x00" * 4096)

    assert fail(endless) == Failure(Reason.TLS_PROTOCOL, "the handshake is too large")


@pytest.mark.parametrize(
    ("more", "failure"),
    [
        (b"", Failure(Reason.RESET, "closed in mid-handshake")),
        (b"\x16", Failure(Reason.TLS_PROTOCOL, "the handshake is too large")),
    ],
)
def test_a_handshake_may_be_so_large_and_no_larger(more: bytes, failure: Failure) -> None:
    """256 KiB."""
    records = b"".join(b"\x16\x03\x03" + size.to_bytes(2) + bytes(size) for size in [*[16384] * 15, 16304])
    assert len(records) == 256 * 1024

    def large(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(records + more)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(4096)

    assert fail(large) == failure


@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x03\x00\x50\x02\x00"])
def test_a_connection_closed_in_mid_handshake_is_a_reset(sent: bytes) -> None:
    """At once, or within the server's first message."""

    def close(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(sent)

    assert fail(close) == Failure(Reason.RESET, "closed in mid-handshake")


def test_a_reset_connection_is_a_reset() -> None:
    """RST in place of FIN."""

    def reset(connection: socket.socket) -> None:
        connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")

    assert fail(reset).reason is Reason.RESET


def test_an_alert_before_any_certificate_is_the_failure(tmp_path: Path) -> None:
    """A server that knows no such name says unrecognized_name."""

    def refuse(context: ssl.SSLContext) -> None:
        context.sni_callback = lambda *_: ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME

    seen = fail(tls_server(CA.apiserver(NAMES, NOW), tmp_path, refuse))
    assert seen.reason is Reason.TLS_ALERT
    assert "unrecognized name" in seen.words


def test_a_server_may_show_no_certificate_at_all() -> None:
    """Anonymous key exchange, which only TLS 1.2 and earlier have."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("aNULL:@SECLEVEL=0")

    def answer(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as tls:
            tls.recv(1)

    assert fail(answer) == Failure(Reason.TLS_PROTOCOL, "the server presented no certificate")


def test_no_version_in_common_is_a_matter_of_the_protocol() -> None:
    """The alert protocol_version of a server that has only TLS 1.0 or 1.1."""

    def old(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"\x15\x03\x01\x00\x02\x02\x46")

    assert fail(old).reason is Reason.TLS_PROTOCOL


def test_a_certificate_that_cannot_be_parsed_is_malformed() -> None:
    """A TLS 1.2 server's first flight by hand: up to there nothing is encrypted."""
    hello = b"\x03\x03" + bytes(32) + b"\x00" + b"\xc0\x2f" + b"\x00"
    der = b"\x30\x03\x02\x01\x01"
    entry = len(der).to_bytes(3) + der
    body = len(entry).to_bytes(3) + entry
    flight = b"\x02" + len(hello).to_bytes(3) + hello + b"\x0b" + len(body).to_bytes(3) + body

    def serve(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"\x16\x03\x03" + len(flight).to_bytes(2) + flight)
        connection.recv(4096)

    assert fail(serve).reason is Reason.CERTIFICATE_MALFORMED


def test_nobody_listening_is_refused() -> None:
    """The port was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
    seen = probe(address)
    assert isinstance(seen, Failure)
    assert seen.reason is Reason.REFUSED


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b", "x" * 70 + ".invalid"])
def test_a_name_that_does_not_resolve_is_dns(host: str) -> None:
    """RFC 6761 §6.4 keeps .invalid unresolvable; the others are no names at all."""
    seen = probe((host, 443))
    assert isinstance(seen, Failure)
    assert seen.reason is Reason.DNS
