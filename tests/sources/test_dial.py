"""A connection within a time, straight or through a proxy."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from exporter.facts.proxy import Proxy as Through
from exporter.sources.dial import ProxyRefusal, Unresolved, dial
from simulation.pki import YEAR, Authority
from tests.proxies import Proxy

NAMED = ("no-such-host.invalid", 443)
"""What only a proxy knows (RFC 6761)."""


@contextmanager
def answering(*lines: bytes, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """A port that sends this to whoever comes, and then ends; without any it says nothing, and waits."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        over = threading.Event()

        def serve() -> None:
            connection, _ = listener.accept()
            if tls is not None:
                connection = tls.wrap_socket(connection, server_side=True)
            with connection:
                for line in lines:
                    connection.sendall(line)
                if lines:
                    connection.shutdown(socket.SHUT_WR)
                over.wait(30)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        over.set()
        thread.join()


def soon(seconds: float = 20) -> float:
    return time.monotonic() + seconds


def through(place: str, scheme: str = "http", user: str = "", password: str = "") -> Through:
    host, port = place.split(":")
    return Through(scheme, host, int(port), user, password)


@pytest.mark.parametrize("scheme", ["http", "socks5"])
@pytest.mark.parametrize("user", ["", "me"])
def test_a_proxy_leads_to_a_name_that_only_it_knows(scheme: str, user: str) -> None:
    """With a login where there is one."""
    with answering(b"hello") as port, Proxy(("127.0.0.1", port), socks=scheme == "socks5") as proxy:
        with dial(NAMED, soon(), through(proxy.place, scheme, user, user and "secret")) as connection:
            connection.sendall(b"x")
            assert connection.recv(5) == b"hello"
        asked = proxy.asked[0]
    assert "no-such-host.invalid:443" in asked
    assert asked.endswith(" with a password") == bool(user)


def test_a_proxy_may_be_behind_tls(tmp_path: Path) -> None:
    """It is not verified: nothing secret goes through it."""
    now = time.time()
    (tmp_path / "served.pem").write_bytes(Authority("p", now - YEAR, now + YEAR).apiserver(["proxy"], now).pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "served.pem")
    with (
        answering(b"HTTP/1.1 200 yes\r\n\r\n", b"hello", tls=context) as port,
        dial(NAMED, soon(), through(f"127.0.0.1:{port}", "https")) as connection,
    ):
        assert connection.recv(5) == b"hello"


@pytest.mark.parametrize("socks", [False, True])
def test_a_proxy_that_refuses_is_named(socks: bool) -> None:
    refusal = b"407 Proxy Authentication Required"
    with Proxy(("127.0.0.1", 1), socks=socks, refuse=refusal) as proxy:
        way = through(proxy.place, "socks5" if socks else "http")
        with pytest.raises(ProxyRefusal) as raised:
            dial(NAMED, soon(), way)
        assert proxy.place in str(raised.value)
        assert socks or "407 Proxy Authentication Required" in str(raised.value)


@pytest.mark.parametrize(
    "answer",
    [b"SSH-2.0-OpenSSH_9.6\r\n\r\n", b"HTTP/1.1 200", b"HTTP/1.1\r\n\r\n", b"\x16\x03\x01\r\n\r\n", b"x" * 20_000],
)
def test_what_is_no_proxy_is_told(answer: bytes) -> None:
    """However much it says; what it says is printed without what moves a cursor."""
    with answering(answer) as port:
        with pytest.raises(ProxyRefusal, match=f"proxy http://127.0.0.1:{port}") as raised:
            dial(NAMED, soon(), through(f"127.0.0.1:{port}"))
        assert str(raised.value).isprintable()
        assert len(str(raised.value)) < 300


@pytest.mark.parametrize("scheme", ["http", "https", "socks5"])
def test_a_proxy_that_does_not_listen_is_refused(scheme: str) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionRefusedError):
            dial(NAMED, soon(), through(f"127.0.0.1:{held.getsockname()[1]}", scheme))


def test_a_proxy_with_an_unknown_name_is_told_from_a_server_with_one() -> None:
    with pytest.raises(Unresolved, match=r"^proxy no-such-host\.invalid: "):
        dial(("127.0.0.1", 1), soon(), Through("http", "no-such-host.invalid", 3128, "", ""))
    with pytest.raises(Unresolved, match=r"^no-such-host\.invalid: "):
        dial(NAMED, soon())


def test_time_ends_the_wait_for_a_proxy() -> None:
    """It took the connection, and says nothing."""
    with answering() as port, pytest.raises(TimeoutError):
        dial(NAMED, soon(0.3), through(f"127.0.0.1:{port}"))
    for way in (None, through("127.0.0.1:1"), through("127.0.0.1:1", "socks5")):
        with pytest.raises(TimeoutError):
            dial(("127.0.0.1", 1), soon(-1), way)
