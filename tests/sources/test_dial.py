"""A connection within a time, straight or through a proxy."""

import errno
import os
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from exporter.facts.proxy import Proxy as Through
from exporter.sources.dial import ProxyRefusal, Unresolved, _addresses, dial
from simulation.pki import YEAR, Authority
from tests.proxies import Proxy, dripping
from tests.sources.files.test_deadline_workers import until

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


def test_a_proxy_may_be_behind_tls() -> None:
    """It is not verified: nothing secret goes through it."""
    now = time.time()
    context = Authority("p", now - YEAR, now + YEAR).apiserver(["proxy"], now).server_context()
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


@contextmanager
def proxying(*answer: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """A port, and all that comes to it up to an empty line; then it answers, and hangs up."""
    taken: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                head = b""
                while b"\r\n\r\n" not in head and (part := connection.recv(4096)):
                    head += part
                taken.append(head)
                for one in answer:
                    connection.sendall(one)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1], taken
        thread.join()


@pytest.mark.parametrize(
    ("address", "user", "password", "head"),
    [
        (("a.example", 443), "", "", b"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n"),
        (("::1", 80), "", "", b"CONNECT [::1]:80 HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"),
        (
            ("a", 1),
            "me",
            "",
            b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nProxy-Authorization: Basic bWU6\r\n\r\n",
        ),
        (
            ("a", 1),
            "",
            "pä",
            b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nProxy-Authorization: Basic OnDDpA==\r\n\r\n",
        ),
        (("ä", 1), "", "", b"CONNECT ?:1 HTTP/1.1\r\nHost: ?:1\r\n\r\n"),
    ],
)
def test_a_proxy_is_asked_in_the_words_of_http(address: tuple[str, int], user: str, password: str, head: bytes) -> None:
    """RFC 9110 §9.3.6; and not a byte of what the server behind it says is taken."""
    for words in (b"99 whatever", b"99 what else"):
        with (
            proxying(b"HTTP/1.1 2", words + b"\r\nVia: x\r\n\r", b"\nhello") as (port, taken),
            dial(address, soon(0.9), through(f"127.0.0.1:{port}", "http", user, password)) as connection,
        ):
            assert connection.recv(100) == b"hello"
        assert taken == [head]


@pytest.mark.parametrize(
    ("answer", "number", "words"),
    [
        (b"HTTP/1.0 302 Found\r\n\r\n", errno.ECONNREFUSED, "{} refuses CONNECT a:1: HTTP/1.0 302 Found"),
        (b"HTTP/2 200 OK\r\n\r\n", errno.ECONNREFUSED, "{} refuses CONNECT a:1: HTTP/2 200 OK"),
        (b"HTTP/1.1200\r\n\r\n", errno.ECONNREFUSED, "{} refuses CONNECT a:1: HTTP/1.1200"),
        (b"\r\n\r\n", errno.ECONNREFUSED, "{} refuses CONNECT a:1: "),
        (b"HTTP/1.1 5\x1b[2J\xff" + b"x" * 200 + b"\r\n\r\n", errno.ECONNREFUSED, None),
        (b"HTTP/1.1 200 OK\r\n", errno.ECONNRESET, "{}: no answer to CONNECT a:1"),
        (b"", errno.ECONNRESET, "{}: no answer to CONNECT a:1"),
    ],
)
def test_whatever_else_a_proxy_says_is_a_refusal_in_one_line(answer: bytes, number: int, words: str | None) -> None:
    with proxying(answer) as (port, _), pytest.raises(ProxyRefusal) as raised:
        dial(("a", 1), soon(), through(f"127.0.0.1:{port}"))
    place = f"proxy http://127.0.0.1:{port}"
    wanted = f"{place} refuses CONNECT a:1: HTTP/1.1 5[2J�{'x' * 86}" if words is None else words.format(place)
    assert (raised.value.errno, raised.value.strerror) == (number, wanted)


@pytest.mark.parametrize("size", [16 * 1024, 16 * 1024 + 1, 16 * 1024 + 2])
def test_a_proxy_may_say_so_much_and_no_more(size: int) -> None:
    """The last byte that is looked at is one beyond 16 KiB."""
    head = b"HTTP/1.1 200 OK\r\nVia: "
    head += b"x" * (size - len(head) - 4) + b"\r\n\r\n"
    with proxying(head) as (port, _):
        way = through(f"127.0.0.1:{port}")
        if size <= 16 * 1024 + 1:
            dial(("a", 1), soon(), way).close()
        else:
            with pytest.raises(ProxyRefusal, match="no answer to CONNECT a:1"):
                dial(("a", 1), soon(), way)


def test_what_the_system_says_of_a_proxy_is_said_with_its_place() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        for scheme in ("http", "socks5"):
            with pytest.raises(ConnectionRefusedError) as raised:
                dial(("a", 1), soon(), through(f"127.0.0.1:{port}", scheme))
            wanted = errno.ECONNREFUSED, f"proxy {scheme}://127.0.0.1:{port}: Connection refused"
            assert (raised.value.errno, raised.value.strerror) == wanted


def test_a_socks_proxy_that_refuses_is_refused_in_its_words() -> None:
    with Proxy(("127.0.0.1", 1), socks=True, refuse=b"x") as proxy:
        place = proxy.place
        with pytest.raises(ProxyRefusal) as raised:
            dial(NAMED, soon(), through(place, "socks5"))
    assert raised.value.errno == errno.ECONNREFUSED
    assert str(raised.value.strerror).startswith(f"proxy socks5://{place}: ")
    assert "0x02" in str(raised.value.strerror)


def test_without_time_there_is_no_connection() -> None:
    """Not even an attempt, at an address or at a name."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(TimeoutError, match="no time left to connect") as raised:
            dial(("127.0.0.1", port), time.monotonic())
        assert raised.value.errno == errno.ETIMEDOUT
        dial(("127.0.0.1", port), soon(0.9)).close()
        with pytest.raises((TimeoutError, Unresolved), match=r"no time left|no answer from the name service in time"):
            dial(("localhost", port), soon(-5))  # the name service may have been quicker


@pytest.mark.parametrize(
    ("proxy", "name", "most"),
    [(None, "no-such-host.invalid", 0.9), (Through("socks5", "proxy.invalid", 1080), "proxy proxy.invalid", 5)],
)
def test_a_name_service_that_says_nothing_is_waited_for_no_longer_than_there_is_time(
    monkeypatch: pytest.MonkeyPatch, proxy: Through | None, name: str, most: float
) -> None:
    over = threading.Event()

    def silent(*_: object, flags: int = 0, **__: object) -> None:
        if not flags:
            over.wait(20)
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    began = time.monotonic()
    with pytest.raises(Unresolved, match=f"^{re.escape(name)}: no answer from the name service in time$"):
        dial(NAMED, began, proxy)
    assert time.monotonic() - began < most
    over.set()


def test_a_name_with_two_addresses_leads_to_the_one_that_answers() -> None:
    """localhost may be ::1 first; the last refusal is told where none answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with dial(("localhost", port), soon()) as connection:
            assert connection.getpeername()[:2] == ("127.0.0.1", port)
            assert 19 < (connection.gettimeout() or 0) <= 20, "all that is left, for the last one"
    with pytest.raises(ConnectionRefusedError):
        dial(("localhost", port), soon())


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("bücher.invalid", ": [A-Z]"),
        ("a..b", ": [A-Z]"),
        ("x" * 300, ": [A-Z]"),
        ("ä" * 100, "label empty or too long"),
    ],
)
def test_what_is_no_name_is_unresolved_in_one_line(host: str, words: str) -> None:
    with pytest.raises(Unresolved, match=words) as raised:
        dial((host, 443), soon())
    said = str(raised.value)
    assert said.startswith(f"{host}: ")
    assert "no answer" not in said
    assert len(said) <= len(host) + 202
    assert "\n" not in said


def test_a_refusal_leaves_no_connection_open() -> None:
    """Nor does an address that takes none."""
    gc_before = set(os.listdir("/proc/self/fd"))
    with proxying(b"HTTP/1.1 403 No\r\n\r\n") as (port, _), pytest.raises(ProxyRefusal) as kept:
        dial(("a", 1), soon(), through(f"127.0.0.1:{port}"))
    with pytest.raises(ConnectionRefusedError) as other:
        dial(("127.0.0.1", port), soon())
    assert set(os.listdir("/proc/self/fd")) <= gc_before, (kept, other)


def test_a_proxy_that_speaks_no_tls_is_an_error_of_tls() -> None:
    """And is not called in the clear."""
    with answering(b"HTTP/1.1 200 yes\r\n\r\n") as port, pytest.raises(ssl.SSLError):
        dial(NAMED, soon(), through(f"127.0.0.1:{port}", "https"))


def test_an_address_is_one_place_to_connect_to() -> None:
    """And a name is none to who asks for addresses only."""
    assert _addresses(("127.0.0.1", 80)) == [(socket.AF_INET, ("127.0.0.1", 80))]
    with pytest.raises(socket.gaierror):
        _addresses(("localhost", 80), socket.AI_NUMERICHOST)


def test_a_proxy_behind_tls_is_asked_for_by_its_name() -> None:
    now = time.time()
    context = Authority("p", now - YEAR, now + YEAR).apiserver(["proxy"], now).server_context()
    names: list[str | None] = []
    context.sni_callback = lambda _tls, name, _context: names.append(name)
    with answering(b"HTTP/1.1 200 yes\r\n\r\n", tls=context) as port:
        dial(NAMED, soon(), Through("https", "localhost", port)).close()
    assert names == ["localhost"]


def test_a_proxy_has_all_the_time_that_is_left_once_it_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    """Although a name with two addresses has half of it for the first."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        one = (socket.AF_INET, socket.SOCK_STREAM, 6, "", silent.getsockname())
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [one, one])
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            dial(NAMED, began + 0.1, Through("https", "proxy", 1))
        assert time.monotonic() - began >= 0.09


@pytest.mark.parametrize(
    ("scheme", "said"),
    [("http", b"HTTP/1.1 200 yes"), ("socks5", b"\5\0" + b"\5\0\0\3\xff" + b"x" * 255)],
)
def test_a_proxy_that_drips_cannot_stretch_the_time(scheme: str, said: bytes) -> None:
    """Each byte comes in time."""
    with dripping(said) as port:
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            dial(NAMED, soon(0.2), through(f"127.0.0.1:{port}", scheme))
        assert time.monotonic() - began < 5


def test_a_socks_proxy_that_says_nothing_is_out_of_time() -> None:
    """It does not count as a refusal."""
    with answering() as port, pytest.raises(TimeoutError):
        dial(NAMED, soon(0.2), through(f"127.0.0.1:{port}", "socks5"))


def test_a_name_that_no_proxy_can_be_asked_for_is_unresolved() -> None:
    """SOCKS takes it in ASCII; the proxy's own is told as the proxy's."""
    name = "ä" * 100
    with answering(b"\5\0") as port, pytest.raises(Unresolved, match=f"^{name}: .*label empty or too long") as raised:
        dial((name, 443), soon(), through(f"127.0.0.1:{port}", "socks5"))
    assert "\n" not in str(raised.value)
    for scheme in ("http", "socks5"):
        with pytest.raises(Unresolved, match=f"^proxy {name}: .*label empty or too long"):
            dial(NAMED, soon(), Through(scheme, name, 1))


def test_a_socks_proxy_with_two_addresses_is_asked_at_the_one_that_answers() -> None:
    """And what was tried is closed, as is a connection that was refused."""
    before = set(os.listdir("/proc/self/fd"))
    with answering(b"hello") as port, Proxy(("127.0.0.1", port), socks=True) as proxy:
        listening = int(proxy.place.rpartition(":")[2])
        with dial(NAMED, soon(), Through("socks5", "localhost", listening)) as connection:
            assert connection.recv(5) == b"hello"
    with Proxy(("127.0.0.1", 1), socks=True, refuse=b"x") as proxy, pytest.raises(ProxyRefusal) as kept:
        dial(NAMED, soon(), through(proxy.place, "socks5"))
    # The proxy's threads close their ends when they come to it.
    until(lambda: set(os.listdir("/proc/self/fd")) <= before)
    assert kept.value.errno == errno.ECONNREFUSED  # it is here still, with what it was about
