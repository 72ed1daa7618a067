"""Access becomes a pool of connections: what each of them is made with, direct or through a proxy."""

import socket
import ssl
import time
import warnings
from dataclasses import replace
from typing import Any

import pytest
import urllib3
from urllib3.connection import HTTPConnection
from urllib3.contrib.socks import SOCKSProxyManager

from exporter.facts.proxy import Proxy
from exporter.reason import Reason
from exporter.sources.deadline import _Bounded
from exporter.sources.kube.access import Access
from exporter.sources.kube.failure import ApiError
from exporter.sources.kube.pool import pool_of
from tests.proxies import Proxy as Socks
from tests.proxies import dripping

SERVER = "https://contoso.example:6443"
VERIFIED = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
UNVERIFIED = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
UNVERIFIED.check_hostname = False
UNVERIFIED.verify_mode = ssl.CERT_NONE
PLAIN = Access("http://127.0.0.1:8001", "", None, None, b"", b"", ())
ACCESS = Access(SERVER, "", None, VERIFIED, b"", b"", ())
ALWAYS: dict[str, Any] = {
    "retries": False,
    "maxsize": 16,
    "socket_options": [
        *HTTPConnection.default_socket_options,
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30),
        (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 30),
    ],
}
IGNORED = ("ignore", None, urllib3.exceptions.InsecureRequestWarning, None, 0)


def made_with(pool: urllib3.PoolManager) -> dict[str, Any]:
    """What each connection is made with; of the retries their number."""
    found = pool.connection_pool_kw
    return {**found, "retries": found["retries"].total}


@pytest.mark.parametrize(
    ("access", "more", "unverified"),
    [
        (PLAIN, {}, False),
        (replace(PLAIN, server_name="aks.example"), {}, False),
        (ACCESS, {"ssl_context": VERIFIED}, False),
        (
            replace(ACCESS, server_name="aks.example"),
            {"ssl_context": VERIFIED, "server_hostname": "aks.example"},
            False,
        ),
        (replace(ACCESS, context=UNVERIFIED), {"ssl_context": UNVERIFIED, "assert_hostname": False}, True),
    ],
)
def test_a_direct_connection_is_made_with_this(access: Access, more: dict[str, Any], unverified: bool) -> None:
    """Nothing is followed or tried again; a kubeconfig that wants nothing verified is no warning at each question."""
    with warnings.catch_warnings():
        warnings.resetwarnings()
        pool = pool_of(access)
        assert (IGNORED in warnings.filters) is unverified
    assert type(pool) is urllib3.PoolManager
    assert made_with(pool) == {**ALWAYS, **more}


@pytest.mark.parametrize("access", [ACCESS, replace(ACCESS, proxy=Proxy("socks5", "10.0.0.9", 1080))])
def test_its_timeouts_are_over_the_whole_of_what_they_are_for(access: Access) -> None:
    pool = pool_of(access)
    for scheme in ("http", "https"):
        assert issubclass(vars(pool.pool_classes_by_scheme[scheme])["ConnectionCls"], _Bounded)


@pytest.mark.parametrize(
    ("proxy", "headers"),
    [
        (Proxy("http", "10.0.0.9", 3128), {}),
        (Proxy("http", "10.0.0.9", 3128, "me", "pa55"), {"proxy-authorization": "Basic bWU6cGE1NQ=="}),
        (Proxy("http", "10.0.0.9", 3128, "me"), {"proxy-authorization": "Basic bWU6"}),
        (Proxy("http", "10.0.0.9", 3128, "", "pa55"), {"proxy-authorization": "Basic OnBhNTU="}),
        (Proxy("https", "10.0.0.9", 3128), {}),
        (Proxy("http", "10.0.0.9", 3128, "ü", "€"), {"proxy-authorization": "Basic w7w64oKs"}),
    ],
)
def test_a_proxy_is_told_who_asks(proxy: Proxy, headers: dict[str, str]) -> None:
    pool = pool_of(replace(ACCESS, proxy=proxy))
    assert type(pool) is urllib3.ProxyManager
    assert pool.proxy is not None
    assert pool.proxy.url == f"{proxy.scheme}://10.0.0.9:3128"
    assert dict(pool.proxy_headers) == headers
    assert pool.proxy_config is not None
    assert pool.proxy_config.ssl_context is (VERIFIED if proxy.scheme == "https" else None)
    assert {**made_with(pool), **ALWAYS, "ssl_context": VERIFIED} == made_with(pool)


@pytest.mark.parametrize("host", ["exa%0ample", "-ü.example"])
def test_a_proxy_that_is_at_no_place_is_no_bug(host: str) -> None:
    with pytest.raises(ApiError) as raised:
        pool_of(replace(ACCESS, proxy=Proxy("http", host, 3128)))
    assert raised.value.failure.reason is Reason.CREDENTIALS
    assert raised.value.failure.words.startswith("proxy: Failed to parse: ")


@pytest.mark.parametrize(
    ("username", "password", "shown"),
    [("", "", (None, None)), ("me", "pa55", ("me", "pa55")), ("me", "", ("me", None)), ("", "pa55", (None, "pa55"))],
)
def test_a_socks_proxy_resolves_the_name(username: str, password: str, shown: tuple[str | None, str | None]) -> None:
    pool = pool_of(replace(ACCESS, proxy=Proxy("socks5", "10.0.0.9", 1080, username, password)))
    assert type(pool) is SOCKSProxyManager
    options = pool.connection_pool_kw["_socks_options"]
    assert (options["username"], options["password"]) == shown
    assert (options["proxy_host"], options["proxy_port"], options["rdns"]) == ("10.0.0.9", 1080, True)
    assert {**made_with(pool), **ALWAYS, "ssl_context": VERIFIED} == made_with(pool)


def through_socks(place: str, username: str = "", password: str = "") -> HTTPConnection:
    """A connection to a server through this proxy, which is yet to be made."""
    host, _, port = place.partition(":")
    proxy = Proxy("socks5", host, int(port), username, password)
    pool = pool_of(replace(PLAIN, server="http://contoso.example:80", proxy=proxy))
    found = pool.connection_from_url("http://contoso.example:80")._get_conn(timeout=0.3)
    assert isinstance(found, HTTPConnection)
    found.timeout = 20.0
    return found


@pytest.mark.parametrize(("user", "shown"), [("", ""), ("me", " with a password")])
def test_a_socks_proxy_leads_to_the_server(user: str, shown: str) -> None:
    """And what is true of every connection is true of this one."""
    with socket.create_server(("127.0.0.1", 0)) as server, Socks(server.getsockname(), socks=True) as proxy:
        connection = through_socks(proxy.place, user, user and "pa55")
        connection.connect()
        assert list(proxy.asked) == [f"contoso.example:80{shown}"]
        assert connection.sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert connection.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 30
        connection.close()


def test_a_socks_proxy_that_drips_cannot_stretch_the_time() -> None:
    """Each byte comes in time. It would take ten seconds to say all."""
    with dripping(b"\5\0" + b"\5\0\0\3\xff" + b"x" * 255) as port:
        connection = through_socks(f"127.0.0.1:{port}")
        connection.timeout = 0.2
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            connection.connect()
        assert time.monotonic() - began < 5


def test_a_socks_proxy_without_an_address_is_an_error_of_names() -> None:
    with pytest.raises(socket.gaierror, match=r"proxy no-such-host\.invalid: ") as raised:
        through_socks("no-such-host.invalid:1").connect()
    assert raised.value.errno == socket.EAI_NONAME


def test_a_socks_proxy_may_be_at_an_address_of_ipv6() -> None:
    """There is one colon more in it, and brackets only in its URL."""
    proxy = Proxy("socks5", "::1", 1)
    pool = pool_of(replace(PLAIN, server="http://contoso.example:80", proxy=proxy))
    connection = pool.connection_from_url("http://contoso.example:80")._get_conn(timeout=0.3)
    assert isinstance(connection, HTTPConnection)
    connection.timeout = 20.0
    with pytest.raises(OSError, match=r"proxy socks5://\[::1\]:1: "):
        connection.connect()
