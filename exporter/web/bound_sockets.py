"""A host and a port in, sockets that listen out."""

import errno
import os
import socket

__all__ = ["authority", "bound_sockets"]

BACKLOG = 4096
"""Connections that the kernel keeps until they are accepted."""


def bound_sockets(host: str, port: int) -> list[socket.socket]:
    """Sockets bound to every address of the host, on one port even where that is chosen by the system."""
    # As bytes: of text, be it plain ASCII, Python makes an internationalised name, whose tables take 0.3 MiB.
    name = host.encode() if host.isascii() else host
    found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    sockets: list[socket.socket] = []
    try:
        for family, kind, number, _, address in dict.fromkeys(found):
            one = socket.socket(family, kind, number)
            sockets.append(one)
            if os.name == "posix":  # on Windows it would let two processes share the port
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, True)
            if family == socket.AF_INET6:
                # As in Go, [::] takes IPv4 too.
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(host != "::"))
            chosen = sockets[0].getsockname()[1] if len(sockets) > 1 else port
            try:
                one.bind((address[0], chosen, *address[2:]))
            except OSError as error:
                if error.errno == errno.EADDRNOTAVAIL and len(sockets) > 1:
                    sockets.pop().close()  # a name such as localhost with an address that this machine has not
                    continue
                raise
            one.listen(BACKLOG)
            one.setblocking(False)
    except OSError:
        for one in sockets:
            one.close()
        raise
    return sockets


def authority(host: str, port: int) -> str:
    """HOST:PORT, with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
