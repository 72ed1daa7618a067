"""Access to an API server in, connections that are kept and used again out: direct, or through its proxy."""

import socket
import ssl
import time
from collections.abc import Sequence
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection

from exporter.facts.proxy import Proxy
from exporter.facts.source import Failure
from exporter.reason import Reason
from exporter.sources.deadline import bounded, connecting
from exporter.sources.dial import Unresolved, dial
from exporter.sources.kube.access import Access
from exporter.sources.kube.failure import ApiError

__all__ = ["pool_of"]

CONNECTIONS = 16
"""Kept open at most; nobody asks more at a time."""


def pool_of(access: Access) -> urllib3.PoolManager:
    """The pool. It follows no redirect and tries nothing twice: a token goes nowhere else. ApiError where the proxy is
    at no place that there can be.
    """
    options: dict[str, Any] = {
        "retries": False,
        "maxsize": CONNECTIONS,
        "socket_options": [*HTTPConnection.default_socket_options, *_keep_alive()],
    }
    if access.context is not None:
        options["ssl_context"] = access.context
        if access.server_name:
            options["server_hostname"] = access.server_name
        if access.context.verify_mode is ssl.CERT_NONE:
            options["assert_hostname"] = False
            # The kubeconfig wants it so, and `check` says it.
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    try:
        found = _pool(access, options)
    except urllib3.exceptions.LocationValueError as error:
        raise ApiError(Failure(Reason.CREDENTIALS, f"proxy: {' '.join(str(error).split())[:200]}")) from None
    found.pool_classes_by_scheme = bounded(found.pool_classes_by_scheme)
    return found


def _pool(access: Access, options: dict[str, Any]) -> urllib3.PoolManager:
    proxy = access.proxy
    if proxy is None:
        return urllib3.PoolManager(**options)
    if proxy.scheme == "socks5":
        from urllib3.contrib.socks import SOCKSProxyManager

        # socks5h: the proxy resolves the name, as for clients written in Go.
        url = proxy.url.replace("socks5://", "socks5h://")
        found = SOCKSProxyManager(url, proxy.username or None, proxy.password or None, **options)
        found.pool_classes_by_scheme = connecting(_dialled(proxy), found.pool_classes_by_scheme)
        return found
    if proxy.scheme == "https":
        options["proxy_ssl_context"] = access.context  # Go verifies the proxy by the cluster's CA, too
    headers = {"proxy-authorization": proxy.authorization} if proxy.authorization else None
    return urllib3.ProxyManager(proxy.url, proxy_headers=headers, **options)


def _dialled(proxy: Proxy) -> type[object]:
    """To be mixed into a connection through a SOCKS proxy, which `dial` keeps to its time and the library does not."""

    class Dialled:
        host: str
        port: int
        timeout: float
        socket_options: Sequence[tuple[int, int, int]]

        def _new_conn(self) -> socket.socket:
            try:
                found = dial((self.host, self.port), time.monotonic() + self.timeout, proxy)
            except Unresolved as error:
                raise socket.gaierror(socket.EAI_NONAME, str(error)) from None
            for option in self.socket_options:
                found.setsockopt(*option)
            return found

    return Dialled


def _keep_alive() -> list[tuple[int, int, int]]:
    """A proxy or load balancer drops a connection that is idle for minutes, and says nothing: 30 s, as client-go."""
    names = ("TCP_KEEPIDLE", "TCP_KEEPINTVL")  # not on every system
    times = [(socket.IPPROTO_TCP, getattr(socket, name), 30) for name in names if hasattr(socket, name)]
    return [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1), *times]
