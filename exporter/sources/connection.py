"""An exception of an HTTP library in, why the connection failed out.

`requests`, `urllib3` and the Azure SDK wrap the operating system's errors several layers deep and drop the number on
the way. The innermost error still says what happened, so the whole chain is searched, without importing any of them.
"""

import errno
import socket
import ssl
from collections.abc import Iterator

from exporter.reason import Reason

__all__ = ["causes", "connection_reason"]

_UNREACHABLE = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN, errno.EADDRNOTAVAIL}

_EXPIRED = {9, 10}
"""X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED (OpenSSL, include/openssl/x509_vfy.h.in)."""
_HOSTNAME = {62, 64}
"""X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH."""

_NAMES = {
    "ReadTimeoutError": Reason.TIMEOUT,
    "ConnectTimeoutError": Reason.TIMEOUT,
    "RemoteDisconnected": Reason.RESET,
    "IncompleteRead": Reason.RESET,
    "ProtocolError": Reason.RESET,
}
"""Exceptions of http.client and urllib3 that may stand at the bottom of a chain by themselves."""


def connection_reason(error: BaseException) -> Reason | None:
    """The reason in an exception, its causes and the exceptions among its arguments; None: not the connection's."""
    found = None
    for part in causes(error):
        exact = _exact(part)
        if exact is not None:
            return exact
        found = found or _NAMES.get(type(part).__name__)
    return found


def _exact(error: BaseException) -> Reason | None:
    match error:
        case socket.gaierror():
            return Reason.DNS
        case ssl.SSLCertVerificationError():
            if error.verify_code in _EXPIRED:
                return Reason.CERTIFICATE_EXPIRED
            return Reason.CERTIFICATE_HOSTNAME if error.verify_code in _HOSTNAME else Reason.CERTIFICATE_UNTRUSTED
        case ssl.SSLEOFError() | ssl.SSLZeroReturnError():
            return Reason.RESET
        case ssl.SSLError():
            word = getattr(error, "reason", None) or ""  # one that OpenSSL did not make has no such attribute
            if word == "TLSV1_ALERT_PROTOCOL_VERSION":
                return Reason.TLS_PROTOCOL  # no version in common
            alert = word.startswith(("SSLV3_ALERT_", "TLSV1_", "TLSV13_"))  # OpenSSL, include/openssl/sslerr.h
            return Reason.TLS_ALERT if alert else Reason.TLS_PROTOCOL
        case TimeoutError():
            return Reason.TIMEOUT
        case ConnectionRefusedError():
            return Reason.REFUSED
        case ConnectionError():
            return Reason.RESET
        case OSError() if error.errno in _UNREACHABLE:
            return Reason.UNREACHABLE
    return None


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error and every exception it refers to, the outermost first, each once."""
    waiting, seen = [error], set()
    while waiting:
        part = waiting.pop(0)
        if id(part) in seen:
            continue
        seen.add(id(part))
        yield part
        inner = (
            part.__cause__,
            part.__context__,
            getattr(part, "reason", None),
            getattr(part, "inner_exception", None),
        )
        waiting += [one for one in (*inner, *part.args) if isinstance(one, BaseException)]
