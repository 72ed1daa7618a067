"""An address, a moment and perhaps a proxy in; a TCP connection out that is there by then, or an error."""

import base64
import contextlib
import errno
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING

from exporter.sources.thread import begin

if TYPE_CHECKING:
    # What the node agent never uses it never loads.
    from exporter.facts.proxy import Proxy

__all__ = ["ProxyRefusal", "Unresolved", "dial"]

Address = tuple[str, int]

LARGEST_HEAD = 16 * 1024
"""Bytes of a proxy's answer to CONNECT."""

_Target = tuple[int, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]]


class Unresolved(Exception):
    """The host name has no address."""


class ProxyRefusal(OSError):
    """The proxy was reached, and does not lead to the server."""


def dial(address: Address, deadline: float, proxy: "Proxy | None" = None) -> socket.socket:
    """A connection to the host, or through the proxy to it. `deadline` is of time.monotonic. OSError or Unresolved."""
    if proxy is None:
        return _direct(address, deadline)
    try:
        if proxy.scheme == "socks5":
            return _by_socks(address, deadline, proxy)
        connection = _direct((proxy.host, proxy.port), deadline)
    except Unresolved as error:
        raise Unresolved(f"proxy {error}") from None
    except ProxyRefusal:
        raise
    except OSError as error:
        raise type(error)(error.errno, f"proxy {proxy.url}: {error.strerror or error}") from None
    try:
        connection.settimeout(_left(deadline))
        if proxy.scheme == "https":
            connection = _wrapped(connection, proxy.host)
        _tunnel(connection, address, deadline, proxy)
    except BaseException:
        connection.close()
        raise
    return connection


def _direct(address: Address, deadline: float) -> socket.socket:
    """A connection to the first address of the host that takes one. Each gets its share of the time that is left."""
    found = _resolved(address, deadline)
    error: OSError = TimeoutError(errno.ETIMEDOUT, "no time left to connect")
    for position, (family, target) in enumerate(found):
        share = (deadline - time.monotonic()) / (len(found) - position)
        if share <= 0:
            break
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            connection.settimeout(share)
            connection.connect(target)
        except OSError as failed:
            connection.close()
            error = failed
        else:
            return connection
    raise error


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


def _by_socks(address: Address, deadline: float, proxy: "Proxy") -> socket.socket:
    import socks

    try:
        connection: socket.socket = socks.create_connection(
            address,
            timeout=_left(deadline),
            proxy_type=socks.SOCKS5,
            proxy_addr=proxy.host,
            proxy_port=proxy.port,
            proxy_rdns=True,
            proxy_username=proxy.username,
            proxy_password=proxy.password,
        )
        return connection
    except socks.ProxyConnectionError as error:  # the proxy itself could not be reached
        raise (error.socket_err if isinstance(error.socket_err, OSError) else OSError(str(error))) from None
    except socks.ProxyError as error:
        raise ProxyRefusal(errno.ECONNREFUSED, f"proxy {proxy.url}: {error.msg}") from None


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
    if proxy.username or proxy.password:
        secret = base64.b64encode(f"{proxy.username}:{proxy.password}".encode()).decode()
        lines.append(f"Proxy-Authorization: Basic {secret}")
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
