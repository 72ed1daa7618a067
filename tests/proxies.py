"""Proxies on 127.0.0.1 that lead every target to one address, as a name that only a proxy can resolve would be led."""

import contextlib
import socket
import struct
import threading
from collections import deque
from collections.abc import Iterator
from typing import Self

__all__ = ["Proxy", "dripping"]


@contextlib.contextmanager
def dripping(said: bytes) -> Iterator[int]:
    """The port of one that says this a byte each twenty-fifth of a second, to whoever comes first."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        over = threading.Event()

        def drip() -> None:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):
                for byte in said:
                    connection.sendall(bytes([byte]))
                    if over.wait(0.04):
                        return

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        over.set()
        thread.join()


class Proxy:
    """An HTTP proxy (CONNECT, and requests passed on), or a SOCKS5 one. A context manager."""

    def __init__(self, to: tuple[str, int], *, socks: bool = False, refuse: bytes = b"") -> None:
        """`refuse`: a status line to answer with, such as b"407 Proxy Authentication Required"."""
        self._to, self._socks, self._refuse = to, socks, refuse
        self.asked: deque[str] = deque(maxlen=100)
        """What was asked for: the request line, or HOST:PORT; ` with a password` after it where one came along."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._open: set[socket.socket] = set()

    @property
    def place(self) -> str:
        """HOST:PORT."""
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for one in tuple(self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:
            self._open.add(client)
            first = self._by_socks(client) if self._socks else self._by_http(client)
            if first is None:
                return
            with socket.create_connection(self._to) as server:
                self._open.add(server)
                server.sendall(first)
                back = threading.Thread(target=_copy, args=(server, client), daemon=True)
                back.start()
                _copy(client, server)
                back.join()

    def _by_http(self, client: socket.socket) -> bytes | None:
        head = b""
        while b"\r\n\r\n" not in head:
            if not (part := client.recv(4096)):
                return None
            head += part
        line, _, rest = head.partition(b"\r\n")
        password = " with a password" if b"proxy-authorization:" in rest.lower() else ""
        self.asked.append(line.decode("latin-1") + password)
        if self._refuse:
            client.sendall(b"HTTP/1.1 " + self._refuse + b"\r\n\r\n")
            return None
        if line.startswith(b"CONNECT "):
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            return b""
        method, target, version = line.split(b" ")
        return b" ".join((method, b"/" + target.split(b"/", 3)[3], version)) + b"\r\n" + rest

    def _by_socks(self, client: socket.socket) -> bytes | None:
        """RFC 1928, RFC 1929."""
        version, count = client.recv(2)
        methods = client.recv(count)
        if version != 5:
            return None
        password = ""
        if 2 in methods:
            client.sendall(b"\x05\x02")
            client.recv(512)
            client.sendall(b"\x01\x00")
            password = " with a password"
        else:
            client.sendall(b"\x05\x00")
        kind = client.recv(4)[3]
        if kind == 3:
            host = client.recv(client.recv(1)[0]).decode()
        else:
            host = socket.inet_ntop(
                socket.AF_INET if kind == 1 else socket.AF_INET6, client.recv(4 if kind == 1 else 16)
            )
        (port,) = struct.unpack(">H", client.recv(2))
        self.asked.append(f"{host}:{port}{password}")
        client.sendall(b"\x05\x00\x00\x01" + bytes(6) if not self._refuse else b"\x05\x02\x00\x01" + bytes(6))
        return None if self._refuse else b""


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while part := source.recv(65536):
            target.sendall(part)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
