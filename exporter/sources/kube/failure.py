"""Whatever goes wrong when the Kubernetes API is asked, put into the words of Reason."""

import http.client as http_client
import socket
import ssl
from collections.abc import Mapping

import msgspec
import urllib3.exceptions as http

from exporter.facts.kube.metadata import ObjectError
from exporter.facts.source import Failure
from exporter.reason import Reason
from exporter.sources.http_date import retry_after
from exporter.sources.http_failure import socket_reason, tls_word

__all__ = ["ApiError", "explained", "status_error"]

LONGEST_RETRY_AFTER = 600.0
"""Seconds; a server or proxy that says more is not believed."""

LONGEST_WORDS = 600
"""Characters. A refusal of RBAC's names the user, the verb, the object and its namespace: 300 are not rare."""

_STATUS = {
    401: Reason.UNAUTHORIZED,
    403: Reason.FORBIDDEN,
    404: Reason.NOT_FOUND,
    410: Reason.EXPIRED,
    429: Reason.THROTTLED,
}


class ApiError(Exception):
    """A question to the API that was not answered."""

    def __init__(self, failure: Failure, *, retry_after: float | None = None) -> None:
        super().__init__(f"{failure.reason}: {failure.words}")
        self.failure = failure
        self.retry_after = retry_after
        """Seconds that the server asked not to be called."""

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
        case ObjectError():
            return Failure(Reason.DECODE, _line(str(error)))
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
            reason = socket_reason(error) or Reason.ERROR
            return Failure(reason, _line(_tls_words(error, reason)))
        case OSError():
            reason = socket_reason(error) or Reason.ERROR
            return Failure(reason, _line(error.strerror or str(error) or type(error).__name__))
        case http_client.IncompleteRead():  # urllib3's kinds of it are of this one, too
            return Failure(Reason.RESET, "the connection was closed in the middle of an answer")
        case http_client.HTTPException() | http.DecodeError():
            return Failure(Reason.DECODE, "not an answer in HTTP")
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


def _tls_words(error: ssl.SSLError, reason: Reason) -> str:
    if reason is Reason.RESET:
        return "the connection was closed in the middle of TLS"
    if reason is Reason.CERTIFICATE_MALFORMED:
        return "the served certificate cannot be parsed"
    return getattr(error, "verify_message", "") or tls_word(error).lower().replace("_", " ") or str(error)


def _retry_after(headers: Mapping[str, str], now: float) -> float | None:
    return retry_after(headers.get("Retry-After", ""), now, LONGEST_RETRY_AFTER)


def _line(words: str) -> str:
    return " ".join(words[: 2 * LONGEST_WORDS].split())[:LONGEST_WORDS]
