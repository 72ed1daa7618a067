"""A proxy's URL, or the environment and a server, in; which proxy leads to the server out. Pure; as Go's clients do it.

Sources: golang.org/x/net/http/httpproxy (environment), client-go tools/clientcmd/validation.go (`proxy-url`). Two
differences: NO_PROXY takes an IPv6 address in brackets without a port, too; and a scheme that no proxy has, such as
ftp, is refused, where Go's net/http talks HTTP to it.
"""

import base64
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

__all__ = ["Proxy", "ProxyError", "environment_proxy", "proxy_url"]

PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class ProxyError(ValueError):
    """Nothing can be reached through what was given as a proxy. The message holds no password."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where a proxy listens and how to talk to it."""

    scheme: str
    """`http`, `https` (TLS to the proxy itself) or `socks5`, in which the proxy resolves names."""
    host: str
    port: int
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @property
    def authorization(self) -> str:
        """What Proxy-Authorization is to say, in UTF-8 as of clients written in Go; empty where nothing is known."""
        if not (self.username or self.password):
            return ""
        return f"Basic {base64.b64encode(f'{self.username}:{self.password}'.encode()).decode()}"

    @property
    def url(self) -> str:
        """For people: without the password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def proxy_url(text: str) -> Proxy:
    """The proxy of a cluster's `proxy-url`, whose scheme must be http, https or socks5. Raises ProxyError."""
    return _proxy(text, ("http", "https", "socks5"))


def environment_proxy(scheme: str, host: str, port: int, environment: Mapping[str, str]) -> Proxy | None:
    """The proxy by which clients written in Go reach `scheme://host:port`; None: directly. Raises ProxyError.

    HTTPS_PROXY or HTTP_PROXY, the upper case first; never for localhost and loopback addresses, nor for what NO_PROXY
    names. ALL_PROXY is not asked.
    """
    name = "HTTPS_PROXY" if scheme == "https" else "HTTP_PROXY"
    text = environment.get(name) or environment.get(name.lower()) or ""
    if not text or not _proxied(host, port, environment.get("NO_PROXY") or environment.get("no_proxy") or ""):
        return None
    try:
        try:
            return _proxy(text, tuple(PORTS))
        except _NoUrl:
            return _proxy(f"http://{text}", tuple(PORTS))
    except ProxyError as error:
        raise ProxyError(f"{name}: {error}") from None


class _NoUrl(ProxyError):
    pass


def _proxy(text: str, schemes: tuple[str, ...]) -> Proxy:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ProxyError("it is no URL such as http://proxy.example:3128") from None
    scheme = parts.scheme.lower()
    if not scheme or not host or "://" not in text or text != text.strip():
        raise _NoUrl("it is no URL such as http://proxy.example:3128")
    if scheme not in schemes:
        raise ProxyError(f"a proxy of the scheme {scheme[:20]}:// is not supported: http, https or socks5")
    return Proxy(
        scheme.removesuffix("h"),
        host,
        PORTS[scheme] if port is None else port,
        unquote(parts.username or ""),
        unquote(parts.password or ""),
    )


def _proxied(host: str, port: int, exceptions: str) -> bool:
    name = host.lower().strip()
    address = _address(name)
    here = host == "localhost" or (address is not None and address.is_loopback)
    named = any(_names(entry.strip().lower(), name, address, str(port)) for entry in exceptions.split(","))
    return not (here or named)


def _names(entry: str, host: str, address: Address | None, port: str) -> bool:
    """Whether one entry of NO_PROXY is for this host."""
    if entry == "*":
        return True
    if (network := _network(entry)) is not None:
        return address is not None and address in network
    name, wanted = _host_and_port(entry)
    if not name or wanted not in {"", port}:
        return False
    if (named := _address(name)) is not None:
        return named == address
    if name.startswith("*."):
        name = name[1:]
    if name.startswith("."):
        return host.endswith(name)
    return host == name or host.endswith(f".{name}")


def _host_and_port(entry: str) -> tuple[str, str]:
    if entry.startswith("["):
        name, _, rest = entry[1:].partition("]")
        return name, rest.removeprefix(":")
    name, colon, port = entry.rpartition(":")
    return (name, port) if colon and ":" not in name else (entry, "")


def _address(text: str) -> Address | None:
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    if "/" not in text:
        return None
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
