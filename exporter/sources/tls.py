"""HOST and port in, the certificate chain served there out: a TLS handshake without credentials, or why there is none.

Nothing is sent beyond the handshake, and no client certificate is offered. The server's certificate is not verified
in the handshake: an expired one, or one of a CA unknown here, is exactly what must be seen. Whether a client would
trust it is decided afterwards on the same chain (`facts.chain`), since a second connection may meet another server
behind the same address, above all while certificates are being replaced.
"""

import contextlib
import errno
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from exporter.facts.certificate import Certificate, CertificateError
from exporter.facts.source import Failure
from exporter.reason import Reason
from exporter.sources.dial import Unresolved, dial
from exporter.sources.http_failure import socket_reason, tls_word

if TYPE_CHECKING:
    from exporter.facts.proxy import Proxy

__all__ = ["Handshake", "presented_chain", "probe"]

LARGEST_HANDSHAKE = 256 * 1024
"""Bytes taken from a server before its handshake is given up; OpenSSL itself takes 100 KiB of certificates."""

NO_CERTIFICATE_ALERT = "TLSV1_ALERT_INTERNAL_ERROR"
"""OpenSSL's name of alert 80, by which a Go server without a certificate ends a handshake (crypto/tls, GetCertificate;
pkg/kubelet/kubelet.go: "no serving certificate available for the kubelet")."""


@dataclass(frozen=True, slots=True)
class Handshake:
    """What a server presented."""

    chain: tuple[Certificate, ...]
    """As served, the leaf first."""
    trusted: bool | None
    """Whether a client with the given CAs accepts the chain for this host; None where none were given."""
    untrusted_reason: Reason | None = None


def probe(
    address: tuple[str, int],
    *,
    server_name: str | None = None,
    timeout: float = 5.0,
    proxy: "Proxy | None" = None,
    authorities: tuple[Certificate, ...] | None = None,
    now: float | None = None,
    unconnected: Reason = Reason.TIMEOUT,
    parse: Callable[[list[bytes]], tuple[Certificate, ...]] | None = None,
) -> Handshake | Failure:
    """Look at what is served at `address`, in at most `timeout` seconds over all: a slow server cannot stretch it.

    `server_name` is the name to ask for and to verify, the address's host where it is None. With `authorities` the
    chain is verified for `now` (Unix seconds, the present time where None). Where a `proxy` leads there it is looked at
    through that. `unconnected` is the reason where not even a connection was made in time. `parse` makes certificates
    of what was served, without one `x509.served_chain`. Raises nothing that a network can cause; what `parse` raises
    beside CertificateError passes.
    """
    host = server_name or address[0]
    deadline = time.monotonic() + timeout
    connected = False
    try:
        with dial(address, deadline, proxy) as connection:
            connected = True
            chain = _handshake(connection, host, deadline)
        if not chain:
            return Failure(Reason.TLS_PROTOCOL, "the server presented no certificate")
        served = (parse or _served_chain)(chain)
    except CertificateError as error:
        return Failure(Reason.CERTIFICATE_MALFORMED, str(error))
    except (OSError, Unresolved) as error:
        reason = Reason.DNS if isinstance(error, Unresolved) else socket_reason(error) or Reason.ERROR
        if tls_word(error) == NO_CERTIFICATE_ALERT:
            reason = Reason.NO_CERTIFICATE
        words = _words(error, reason, timeout)
        return Failure(reason if connected or reason is not Reason.TIMEOUT else unconnected, words)
    if authorities is None:
        return Handshake(served, None)
    from exporter.facts.chain import distrust  # the node agent never verifies, and goes without its megabyte

    reason_against = distrust(served, authorities, host, time.time() if now is None else now)
    return Handshake(served, reason_against is None, reason_against)


@cache
def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    # A weak key or signature, or a server of long ago, is to be shown and not to be hidden behind an error.
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.options |= _LEGACY_SERVER_CONNECT
    return context


_LEGACY_SERVER_CONNECT = 0x4
"""SSL_OP_LEGACY_SERVER_CONNECT: a server without RFC 5746. ssl.OP_LEGACY_SERVER_CONNECT from Python 3.12 on."""


def _handshake(connection: socket.socket, host: str, deadline: float) -> list[bytes]:
    """The DER certificates a server presents. OpenSSL works on memory, so that the deadline is over all reads."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = _context().wrap_bio(incoming, outgoing, server_hostname=_indication(host))
    taken = 0
    while True:
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            _send(connection, outgoing)
            connection.settimeout(_left(deadline))
            received = connection.recv(16384)
            if not received:
                raise ConnectionResetError(errno.ECONNRESET, "closed in mid-handshake") from None
            taken += len(received)
            if taken > LARGEST_HANDSHAKE:
                raise ssl.SSLError(ssl.SSL_ERROR_SSL, "the handshake is too large") from None
            incoming.write(received)
        except ssl.SSLError as error:
            # Up to TLS 1.2 a server that insists on a client certificate ends the handshake after it showed its own.
            if socket_reason(error) is Reason.TLS_ALERT and (chain := presented_chain(tls)):
                return chain
            raise
        else:
            break
    chain = presented_chain(tls)
    with contextlib.suppress(OSError):  # what was to be seen has been seen
        # The client's last flight and a proper goodbye, or the server logs a handshake error for each look at it.
        with contextlib.suppress(ssl.SSLError):
            tls.unwrap()
        _send(connection, outgoing)
    return chain


def _send(connection: socket.socket, outgoing: ssl.MemoryBIO) -> None:
    """A few hundred bytes, which the system takes without waiting for anybody."""
    if outgoing.pending:
        connection.sendall(outgoing.read())


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("no time left")
    return left


def presented_chain(tls: ssl.SSLObject) -> list[bytes]:
    """DER of the chain as the server sent it, the leaf first.

    Python 3.13 gave SSLObject.get_unverified_chain() a name of its own; from 3.10 on the same function is there on the
    object inside, and ssl.SSLObject itself is written in Python around it. It works after a failed handshake too.
    """
    public = getattr(tls, "get_unverified_chain", None)
    if public is not None:
        return list(public() or ())
    return [one.public_bytes(_DER) for one in tls._sslobj.get_unverified_chain() or ()]  # type: ignore[attr-defined]


_DER = 2
"""_ssl.ENCODING_DER, which the ssl module does not pass on."""


def _served_chain(chain: list[bytes]) -> tuple[Certificate, ...]:
    from exporter.facts.x509 import served_chain  # not where another process parses

    return served_chain(chain)


def _indication(host: str) -> str | None:
    """The host as a server name indication: none for an IP address (RFC 6066 §3), or for what can be nobody's name."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        try:
            return host.removesuffix(".").encode("idna").decode() or None
        except UnicodeError:
            return None
    return None


def _words(error: Exception, reason: Reason, timeout: float) -> str:
    if reason is Reason.TIMEOUT:
        return f"no handshake within {timeout:g} s"
    if reason is Reason.NO_CERTIFICATE:
        return "no certificate is served: TLS alert internal_error (80)"
    if isinstance(error, ssl.SSLError):
        if reason is Reason.CERTIFICATE_MALFORMED:
            return "the certificate is not DER"
        return (tls_word(error) or _plain(error)).lower().replace("_", " ")
    return _plain(error)


def _plain(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split())[:200] or type(error).__name__
