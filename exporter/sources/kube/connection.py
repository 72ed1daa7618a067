"""Questions to the Kubernetes API: a path in, the object, the list or the stream of a watch out, or why there is none.

Only GET is ever sent. This and kube_access are the only modules that import the kubernetes package.
"""

import logging
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import TypeVar
from urllib.parse import urlencode, urlsplit

import msgspec
import urllib3
from kubernetes.client.rest import RESTClientObject
from urllib3.response import BaseHTTPResponse

from exporter.facts.source import Failure
from exporter.reason import Reason
from exporter.sources.kube.access import Access, Credentials, Kubeconfig, ServiceAccount
from exporter.sources.kube.failure import ApiError, explained, status_error

__all__ = ["Connection", "Kubeconfig", "ServiceAccount", "lines"]

T = TypeVar("T")

PAGE = 500
"""Objects asked for at once, as client-go does."""
LARGEST_PAGE, LARGEST_OBJECT = 32 * 1024 * 1024, 4 * 1024 * 1024
"""Bytes of one answer. Five hundred nodes of a busy cluster make 15 MiB; etcd takes no object over 1.5 MiB."""
SMALLEST_INTERVAL = 10.0
"""Seconds between two looks at credentials that are slow to be had."""

_log = logging.getLogger(__name__)


class _ListMeta(msgspec.Struct):
    resourceVersion: str = ""
    token: str = msgspec.field(default="", name="continue")


class _List(msgspec.Struct):
    metadata: _ListMeta
    items: list[msgspec.Raw] | None = None


class _Status(msgspec.Struct):
    message: str = ""


_list = msgspec.json.Decoder(_List)
_status = msgspec.json.Decoder(_Status)


class Connection:
    """The API server with present credentials; any thread may ask. Credentials are read again when their files change,
    and at once after a 401 or a certificate that does not verify.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        timeout: float = 30.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`timeout` is seconds without a sign of life. ApiError with CREDENTIALS: there are none to begin with."""
        self._credentials = credentials
        self._timeout = timeout
        self._clock = clock
        self._lock = threading.Lock()
        self.clock_offset: float | None = None
        """Seconds that the server's clock (Date header, whole seconds: their middle) is ahead of ours."""
        self.on_other_authorities: Callable[[], None] = lambda: None
        """Called when the CAs on disk turn out to be others: the cluster's were rotated. Must return at once."""
        self._refusals: dict[str, tuple[float, Failure]] = {}
        """By path: until when (monotonic seconds) the server asked not to be asked, and its words."""
        self._complaint = ""
        self._access = credentials.read()
        self._stamp = credentials.stamp()
        self._read_at = clock()
        self._pool = _pool(self._access)

    @property
    def server(self) -> tuple[str, int]:
        """Host and port of the API server."""
        parts = urlsplit(self._access.configuration.host)
        return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)

    @property
    def server_name(self) -> str:
        """The name its certificate is to be for."""
        return self._access.configuration.tls_server_name or self.server[0]

    @property
    def authorities(self) -> bytes:
        """PEM of the CAs this connection trusts; empty where the system's are used, or none."""
        return self._access.authorities

    def get(self, path: str, decode: Callable[[bytes], T]) -> T | Failure:
        """The object at a path, or why not. `decode` makes the fact of its JSON and raises ValueError if it cannot.

        Where the server asked to be left alone for a while, it is: the answer is then the one it gave.
        """
        return self._answer(path, lambda: _decoded(decode, self._body(path, {}, LARGEST_OBJECT)))

    def list_all(self, path: str, decode: Callable[[bytes], T]) -> list[T] | Failure:
        """All objects of a collection, or why not; else like get."""
        return self._answer(path, lambda: self.listing(path, decode)[0])

    def listing(self, path: str, decode: Callable[[bytes], T]) -> tuple[list[T], str]:
        """All objects of a collection, and the resourceVersion from which a watch goes on. Raises ApiError.

        Page by page, so that never more than a page is held as JSON. EXPIRED, its position ran out on the way: begin
        anew (client-go then asks for everything in one answer, which a storm of CSRs makes hundreds of MB).
        """
        limit = PAGE
        items: list[T] = []
        token = ""
        while True:
            query = {"limit": str(limit), **({"continue": token} if token else {})}
            try:
                page = _decoded(_list.decode, self._body(path, query, LARGEST_PAGE))
            except ApiError as error:
                if error.reason is not Reason.TOO_LARGE or limit == 1:
                    raise
                limit = max(1, limit // 8)
                continue
            items.extend(_decoded(decode, bytes(raw)) for raw in page.items or ())
            token = page.metadata.token
            if not token:
                return items, page.metadata.resourceVersion

    def open(self, path: str, query: Mapping[str, str], *, timeout: float) -> BaseHTTPResponse:
        """An answer whose body is still to be read; `timeout` is seconds of silence in it. Raises ApiError."""
        self._refresh()
        access, pool = self._access, self._pool
        try:
            return self._open(access, pool, path, query, timeout)
        except ApiError as error:
            renewable = {Reason.UNAUTHORIZED, Reason.CERTIFICATE_UNTRUSTED, Reason.CERTIFICATE_EXPIRED}
            if error.reason not in renewable or not self._renewed(access):
                raise
        return self._open(self._access, self._pool, path, query, timeout)

    def close(self) -> None:
        """Let go of idle connections."""
        self._pool.clear()

    def _answer(self, path: str, ask: Callable[[], T]) -> T | Failure:
        until, refusal = self._refusals.get(path, (0.0, None))
        if refusal is not None and time.monotonic() < until:
            return refusal
        try:
            return ask()
        except ApiError as error:
            if error.retry_after is not None:
                self._refusals[path] = (time.monotonic() + error.retry_after, error.failure)
            return error.failure

    def _body(self, path: str, query: Mapping[str, str], largest: int) -> bytes:
        response = self.open(path, query, timeout=self._timeout)
        deadline = time.monotonic() + 4 * self._timeout  # a server that drips is no better than a silent one
        parts: list[bytes] = []
        size = 0
        try:
            for part in response.stream(1 << 18, decode_content=True):
                parts.append(part)
                size += len(part)
                if size > largest:
                    raise ApiError(Failure(Reason.TOO_LARGE, f"an answer of over {largest >> 20} MiB"))
                if time.monotonic() > deadline:
                    raise ApiError(Failure(Reason.TIMEOUT, "the answer does not end"))
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            response.close()
            raise ApiError(explained(error)) from error
        except ApiError:
            response.close()
            raise
        response.release_conn()
        return b"".join(parts)

    def _open(
        self, access: Access, pool: urllib3.PoolManager, path: str, query: Mapping[str, str], timeout: float
    ) -> BaseHTTPResponse:
        url = access.configuration.host + path + (f"?{urlencode(query)}" if query else "")
        headers = {"Accept": "application/json", "User-Agent": "aks-cert-exporter", **access.headers}
        waits = urllib3.Timeout(connect=min(10.0, self._timeout), read=self._timeout)
        sent = self._clock()
        try:
            response = pool.request("GET", url, headers=headers, timeout=waits, preload_content=False)
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise ApiError(explained(error)) from error
        self._tell_time(response.headers, sent)
        if response.status == 200:
            if timeout != self._timeout and (socket := getattr(response.connection, "sock", None)) is not None:
                socket.settimeout(timeout)
            return response
        raise self._refusal(response)

    def _refusal(self, response: BaseHTTPResponse) -> ApiError:
        try:
            body = response.read(64 * 1024)
            message = _status.decode(body).message
        except msgspec.MsgspecError:
            message = response.reason or ""
        except (urllib3.exceptions.HTTPError, OSError) as error:
            message = explained(error).words
        finally:
            response.close()
        return status_error(response.status, message, response.headers, self._clock())

    def _tell_time(self, headers: Mapping[str, str], sent: float) -> None:
        try:
            date = parsedate_to_datetime(headers.get("Date", "")).timestamp()
        except ValueError:
            return
        self.clock_offset = date + 0.5 - (sent + self._clock()) / 2

    def _refresh(self) -> None:
        """Read the credentials again if they changed on disk or run out."""
        expires = self._access.expires
        if self._credentials.stamp() != self._stamp or (expires is not None and self._clock() > expires - 30):
            self._read(self._access)

    def _renewed(self, used: Access) -> bool:
        """Whether there is other access to try with than the one that was refused just now."""
        self._read(used)
        return self._access is not used

    def _read(self, used: Access) -> None:
        with self._lock:
            now = self._clock()
            soon = self._credentials.slow and 0 <= now - self._read_at < SMALLEST_INTERVAL
            if self._access is not used or soon:
                return
            self._read_at = now
            stamp = self._credentials.stamp()
            try:
                access = self._credentials.read()
            except ApiError as error:
                # In the middle of a swap, or gone: what is in hand is used until it is refused.
                if error.failure.words != self._complaint:  # once, and not at every question
                    self._complaint = error.failure.words
                    _log.warning("%s", self._complaint)
                if used.expires is not None and now > used.expires:
                    raise
                return
            self._stamp, self._complaint = stamp, ""
            if access.identity != used.identity:
                self._pool = _pool(access)  # the old one dies with its last watch
            elif access.headers == used.headers:
                return
            self._access = access
            if access.authorities != used.authorities:
                self.on_other_authorities()


def _pool(access: Access) -> urllib3.PoolManager:
    configuration = access.configuration
    configuration.retries = False  # and no redirect: a token goes nowhere else
    configuration.keep_alive = True
    configuration.connection_pool_maxsize = 8
    pool: urllib3.PoolManager = RESTClientObject(configuration).pool_manager
    if access.context is not None:
        pool.connection_pool_kw["ssl_context"] = access.context
        if access.context.verify_mode is ssl.CERT_NONE:
            pool.connection_pool_kw["assert_hostname"] = False
    return pool


def _decoded(decode: Callable[[bytes], T], body: bytes) -> T:
    try:
        return decode(body)
    except (ValueError, RecursionError) as error:
        raise ApiError(Failure(Reason.DECODE, explained(error).words)) from error


def lines(response: BaseHTTPResponse, longest: int) -> Iterator[bytes]:
    """The lines of a stream as they come. ApiError: it breaks off, or a line is longer than that."""
    held = bytearray()
    try:
        for part in response.stream(1 << 16, decode_content=True):
            held += part
            if b"\n" in part:
                *complete, held = held.split(b"\n")
                yield from (bytes(line) for line in complete if line.strip())
            if len(held) > longest:
                raise ApiError(Failure(Reason.TOO_LARGE, f"an event of over {longest >> 20} MiB"))
    except (urllib3.exceptions.HTTPError, OSError, ValueError, AttributeError) as error:
        # AttributeError: what comes of it where stop() has shut the connection down.
        raise ApiError(explained(error)) from error
    if held.strip():
        raise ApiError(Failure(Reason.DECODE, "the stream ended in the middle of an event"))
