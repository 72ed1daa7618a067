"""An address, a moment and perhaps a proxy in; a TCP connection out that is there by then, or an error."""

import contextlib
import errno
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from exporter.thread import begin

if TYPE_CHECKING:
    # What the node agent never uses it never loads.
    from exporter.facts.proxy import Proxy

__all__ = ["ProxyRefusal", "Unresolved", "dial"]

Address = tuple[str, int]

LARGEST_HEAD = 16 * 1024
"""Bytes of a proxy's answer to CONNECT."""

_Place = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]
_Target = tuple[int, _Place]


class Unresolved(Exception):
    """The host name has no address."""


class ProxyRefusal(OSError):
    """The proxy was reached, and does not lead to the server."""


def dial(address: Address, deadline: float, proxy: "Proxy | None" = None) -> socket.socket:
    """A connection to the host, or through the proxy to it. `deadline` is of time.monotonic. OSError or Unresolved."""
    if proxy is None:
        return _first(_resolved(address, deadline), deadline, _connected)
    try:
        found = _resolved((proxy.host, proxy.port), deadline)
    except Unresolved as error:
        raise Unresolved(f"proxy {error}") from None
    socks = proxy.scheme == "socks5"
    try:
        connection = _first(found, deadline, partial(_by_socks, address, deadline, proxy) if socks else _connected)
    except ProxyRefusal:
        raise
    except OSError as error:
        raise type(error)(error.errno, f"proxy {proxy.url}: {error.strerror or error}") from None
    if socks:
        return connection
    try:
        connection.settimeout(_left(deadline))
        if proxy.scheme == "https":
            connection = _wrapped(connection, proxy.host)
        _tunnel(connection, address, deadline, proxy)
    except BaseException:
        connection.close()
        raise
    return connection


def _first(
    found: Sequence[_Target], deadline: float, connect: Callable[[int, _Place, float], socket.socket]
) -> socket.socket:
    """A connection to the first address of a host that takes one. Each gets its share of the time that is left."""
    error: OSError = TimeoutError(errno.ETIMEDOUT, "no time left to connect")
    for position, (family, target) in enumerate(found):
        share = (deadline - time.monotonic()) / (len(found) - position)
        if share <= 0:
            break
        try:
            return connect(family, target, share)
        except OSError as failed:
            error = failed
    raise error


def _connected(family: int, target: _Place, seconds: float) -> socket.socket:
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.settimeout(seconds)
        connection.connect(target)
    except BaseException:
        connection.close()
        raise
    return connection


def _resolved(address: Address, deadline: float) -> list[_Target]:
    with contextlib.suppress(OSError, UnicodeError):
        return _addresses(address, socket.AI_NUMERICHOST)
    # A name. getaddrinfo knows no deadline and may take half a minute over a dead name server: it is left in a thread.
    answer: list[list[_Target] | Exception] = []

    def ask() -> None:
        try:
            answer.append(_addresses(address))
        except (OSError, UnicodeError) as error:
            answer.append(error)

    thread = threading.Thread(target=ask, name=f"resolve {address[0]}", daemon=True)
    begin(thread)
    thread.join(max(0.0, deadline - time.monotonic()))
    if not answer:
        raise Unresolved(f"{address[0]}: no answer from the name service in time")
    found = answer[0]
    if isinstance(found, Exception):
        words = str(found.strerror if isinstance(found, OSError) else found)
        raise Unresolved(f"{address[0]}: {' '.join(words.split())[:200]}")
    return found


def _addresses(address: Address, flags: int = 0) -> list[_Target]:
    host, port = address
    # As bytes: of text, be it plain ASCII, Python makes an internationalised name, whose tables take 0.3 MiB.
    name = host.encode() if host.isascii() else host
    found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=flags)
    return [(family, target) for family, _, _, _, target in found]


def _by_socks(
    address: Address, deadline: float, proxy: "Proxy", family: int, target: _Place, seconds: float
) -> socket.socket:
    """A connection to `address` by the SOCKS5 proxy at `target`, which resolves names (RFC 1928)."""
    import socks

    from exporter.sources.deadline import Deadline

    connection: socket.socket = socks.socksocket(family, socket.SOCK_STREAM)
    try:
        connection.settimeout(seconds)
        # Each byte may come in time: the deadline is over all of them.
        with Deadline(_left(deadline), lambda: connection):
            connection.set_proxy(socks.SOCKS5, *target[:2], True, proxy.username, proxy.password)  # type: ignore[attr-defined]
            connection.connect(address)
    except BaseException as error:
        connection.close()
        if isinstance(error, UnicodeError):
            raise Unresolved(f"{address[0]}: {' '.join(str(error).split())[:200]}") from None
        if not isinstance(error, socks.ProxyError):
            raise
        if isinstance(error, socks.ProxyConnectionError) or isinstance(error.socket_err, TimeoutError):
            raise error.socket_err from None  # the proxy itself was not reached, or says nothing
        raise ProxyRefusal(errno.ECONNREFUSED, f"proxy {proxy.url}: {error.msg}") from None
    return connection


def _wrapped(connection: socket.socket, host: str) -> socket.socket:
    """TLS to the proxy itself. Nothing secret goes through it: whoever is there shows a chain that is judged."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(connection, server_hostname=host)


def _tunnel(connection: socket.socket, address: Address, deadline: float, proxy: "Proxy") -> None:
    """CONNECT (RFC 9110 §9.3.6)."""
    host, port = address
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if proxy.authorization:
        lines.append(f"Proxy-Authorization: {proxy.authorization}")
    connection.sendall("\r\n".join([*lines, "", ""]).encode("ascii", "replace"))
    head = bytearray()
    while b"\r\n\r\n" not in head:
        connection.settimeout(_left(deadline))
        part = connection.recv(1)  # not a byte of what the server behind it sends
        if not part or len(head) > LARGEST_HEAD:
            raise ProxyRefusal(errno.ECONNRESET, f"proxy {proxy.url}: no answer to CONNECT {target}")
        head += part
    status = bytes(head).partition(b"\r\n")[0].decode("ascii", "replace").split(" ", 1)
    if len(status) != 2 or not status[0].startswith("HTTP/1.") or not status[1].startswith("2"):
        said = "".join(character for character in " ".join(status) if character.isprintable())[:100]
        raise ProxyRefusal(errno.ECONNREFUSED, f"proxy {proxy.url} refuses CONNECT {target}: {said}")


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError(errno.ETIMEDOUT, "no time left")
    return left
