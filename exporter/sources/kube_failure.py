"""Whatever goes wrong when the Kubernetes API is asked, put into the words of Reason."""

import datetime as dt
import email.utils
import errno
import http.client as http_client
import socket
import ssl
from collections.abc import Mapping

import msgspec
import urllib3.exceptions as http

from exporter.facts.source import Failure
from exporter.reason import Reason

__all__ = ["ApiError", "explained", "status_error"]

LONGEST_RETRY_AFTER = 600.0
"""Seconds; a server or proxy that says more is not believed."""

_UNREACHABLE = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN, errno.EADDRNOTAVAIL}
_RESET = {errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE}
_STATUS = {
    401: Reason.UNAUTHORIZED,
    403: Reason.FORBIDDEN,
    404: Reason.NOT_FOUND,
    410: Reason.EXPIRED,
    429: Reason.THROTTLED,
}

# OpenSSL's X509_V_ERR_* (x509_vfy.h). The first three are about dates of the leaf or of a CA above it.
_VERIFY_DATES = {9, 10, 13, 14}
_VERIFY_NAMES = {62, 63, 64}


class ApiError(Exception):
    """A question to the API that was not answered."""

    def __init__(self, failure: Failure, *, retry_after: float | None = None) -> None:
        super().__init__(f"{failure.reason}: {failure.words}")
        self.failure = failure
        self.retry_after = retry_after
        """Seconds that the server asked to be left alone."""

    @property
    def reason(self) -> Reason:
        """Short for failure.reason."""
        return self.failure.reason


def status_error(code: int, message: str, headers: Mapping[str, str], now: float) -> ApiError:
    """The error of an HTTP status, or of a Status object in a watch. `now` is Unix seconds, for Retry-After's dates."""
    reason = _STATUS.get(code) or (Reason.SERVER_ERROR if code >= 500 else Reason.ERROR)
    return ApiError(Failure(reason, _line(f"HTTP {code}: {message}")), retry_after=_retry_after(headers, now))


def explained(error: BaseException) -> Failure:
    """The reason and words of an exception of urllib3, ssl, socket, msgspec or of ours."""
    match error:
        case ApiError():
            return error.failure
        case msgspec.MsgspecError():
            return Failure(Reason.DECODE, _line(f"not what the API promises: {error}"))
        case http.MaxRetryError() if error.reason is not None:
            return explained(error.reason)
        case http.ProxyError():
            inner = explained(error.original_error)
            return Failure(inner.reason, _line(f"proxy: {inner.words}"))
        case http.NameResolutionError() | socket.gaierror():
            return Failure(Reason.DNS, _line(str(_innermost(error))))
        case http.TimeoutError() | TimeoutError() if not isinstance(error, http.NewConnectionError):
            return Failure(Reason.TIMEOUT, "no answer in time")
        case ssl.SSLError():
            return _tls(error)
        case OSError():
            return Failure(_socket_reason(error), _line(error.strerror or str(error) or type(error).__name__))
        case http_client.IncompleteRead():  # urllib3's kinds of it are of this one, too
            return Failure(Reason.RESET, "the connection was closed in the middle of an answer")
        case http.LocationParseError() | http.LocationValueError() | http.InvalidHeader():
            return Failure(Reason.CREDENTIALS, _line(str(error)))
    under = next((part for part in error.args if isinstance(part, BaseException)), error.__cause__)
    if isinstance(error, http.HTTPError) and under is not None:
        return explained(under)
    if isinstance(error, http.ProtocolError):
        return Failure(Reason.RESET, _line(str(error)))
    return Failure(Reason.ERROR, _line(f"{type(error).__name__}: {error}"))


def _innermost(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _tls(error: ssl.SSLError) -> Failure:
    word = getattr(error, "reason", None) or ""  # an SSLError that OpenSSL did not make has no such attribute
    words = _line(getattr(error, "verify_message", "") or word.lower().replace("_", " ") or str(error))
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in _VERIFY_DATES:
            return Failure(Reason.CERTIFICATE_EXPIRED, words)
        if error.verify_code in _VERIFY_NAMES or not error.verify_code:
            return Failure(Reason.CERTIFICATE_HOSTNAME, words)
        return Failure(Reason.CERTIFICATE_UNTRUSTED, words)
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return Failure(Reason.RESET, "the connection was closed in the middle of TLS")
    if word == "TLSV1_ALERT_PROTOCOL_VERSION":
        return Failure(Reason.TLS_PROTOCOL, words)
    if word.startswith(("SSLV3_ALERT_", "TLSV1_", "TLSV13_")):
        return Failure(Reason.TLS_ALERT, words)
    if "asn1" in str(error).lower():
        return Failure(Reason.CERTIFICATE_MALFORMED, "the served certificate cannot be parsed")
    return Failure(Reason.TLS_PROTOCOL, words)


def _socket_reason(error: OSError) -> Reason:
    if error.errno == errno.ECONNREFUSED:
        return Reason.REFUSED
    if error.errno in _UNREACHABLE:
        return Reason.UNREACHABLE
    if error.errno in _RESET or isinstance(error, ConnectionError):
        return Reason.RESET
    if error.errno == errno.ETIMEDOUT:
        return Reason.TIMEOUT
    return Reason.ERROR


def _retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds from Retry-After, a number or a date (RFC 9110 §10.2.3); None where there is none that can be read."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:9]), LONGEST_RETRY_AFTER)
    try:
        date = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=dt.UTC)
    return min(max(date.timestamp() - now, 0.0), LONGEST_RETRY_AFTER)


def _line(words: str) -> str:
    return " ".join(words.split())[:200]
