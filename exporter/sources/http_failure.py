"""An exception of an HTTP library in, why the connection failed out.

`requests`, `urllib3` and the Azure SDK wrap the operating system's errors several layers deep and drop the number on
the way. The innermost error still says what happened, so the whole chain is searched, without importing any of them.
"""

import errno
import socket
import ssl
from collections.abc import Iterator

from exporter.reason import Reason

__all__ = ["causes", "connection_reason", "socket_reason", "tls_word"]

_UNREACHABLE = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN, errno.EADDRNOTAVAIL}

# OpenSSL's X509_V_ERR_* (include/openssl/x509_vfy.h.in). The first are about dates, of the leaf or of a CA.
_VERIFY_DATES = {9, 10, 13, 14}
_VERIFY_NAMES = {62, 63, 64}

_NAMES = {
    "ReadTimeoutError": Reason.TIMEOUT,
    "ConnectTimeoutError": Reason.TIMEOUT,
    "RemoteDisconnected": Reason.RESET,
    "IncompleteRead": Reason.RESET,
    "ProtocolError": Reason.RESET,
}
"""Exceptions of http.client and urllib3 that may be at the bottom of a chain by themselves."""


def connection_reason(error: BaseException) -> Reason | None:
    """The reason in an exception, its causes and the exceptions among its arguments; None: not the connection's."""
    found = None
    for part in causes(error):
        exact = socket_reason(part)
        if exact is not None:
            return exact
        found = found or _NAMES.get(type(part).__name__)
    return found


def socket_reason(error: BaseException) -> Reason | None:
    """The reason in one exception of socket or ssl; None where it is none of theirs, or says nothing of the network."""
    match error:
        case socket.gaierror():
            return Reason.DNS
        case ssl.SSLCertVerificationError():
            if error.verify_code in _VERIFY_DATES:
                return Reason.CERTIFICATE_EXPIRED
            if error.verify_code in _VERIFY_NAMES or not error.verify_code:  # Python's own comparison has no code
                return Reason.CERTIFICATE_HOSTNAME
            return Reason.CERTIFICATE_UNTRUSTED
        case ssl.SSLEOFError() | ssl.SSLZeroReturnError():
            return Reason.RESET
        case ssl.SSLError():
            return _tls_reason(error)
        case TimeoutError():  # of ETIMEDOUT, too
            return Reason.TIMEOUT
        case ConnectionRefusedError():
            return Reason.REFUSED
        case ConnectionError():
            return Reason.RESET
        case OSError() if error.errno in _UNREACHABLE:
            return Reason.UNREACHABLE
    return None


def _tls_reason(error: ssl.SSLError) -> Reason:
    word = tls_word(error)
    if word == "TLSV1_ALERT_PROTOCOL_VERSION":
        return Reason.TLS_PROTOCOL  # it does speak TLS, but no version in common
    if word.startswith(("SSLV3_ALERT_", "TLSV1_", "TLSV13_")):  # OpenSSL's names of the alerts (sslerr.h, 1000 and up)
        return Reason.TLS_ALERT
    if "asn1" in str(error).lower():  # the reason is then that of another library, and ssl leaves the attribute empty
        return Reason.CERTIFICATE_MALFORMED
    return Reason.TLS_PROTOCOL


def tls_word(error: BaseException) -> str:
    """OpenSSL's name of what happened; empty for an error that OpenSSL did not make."""
    return getattr(error, "reason", None) or ""


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
