"""Questions to the Kubernetes API: a path in, the object, the list or the stream of a watch out, or why there is none.

Only GET is ever sent, and the question what we or others may do, which is a POST that stores nothing.
"""

import http.client
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import TypeVar
from urllib.parse import urlencode

import msgspec
import urllib3
from urllib3.response import BaseHTTPResponse

from exporter.facts.proxy import Proxy, ProxyError, environment_proxy
from exporter.facts.source import Failure
from exporter.reason import Reason
from exporter.sources.deadline import Deadline
from exporter.sources.http_date import http_date
from exporter.sources.kube.access import Access, Credentials, Kubeconfig, ServiceAccount
from exporter.sources.kube.failure import ApiError, explained, status_error
from exporter.sources.kube.listing import PAGE, Listing, decoded, listing
from exporter.sources.kube.pool import pool_of

__all__ = ["Connection", "Kubeconfig", "ServiceAccount"]

T = TypeVar("T")

LARGEST_REFUSAL = 64 * 1024
LARGEST_OBJECT = 4 * 1024 * 1024
"""Bytes of one answer: of an error, and of an object. etcd takes none over 1.5 MiB."""
PART = 1 << 16
"""Bytes taken off a connection at once."""
SMALLEST_INTERVAL = 10.0
"""Seconds between two looks at credentials that are slow to be had."""

_log = logging.getLogger(__name__)


_NONE: Mapping[str, str] = MappingProxyType({})


class _Status(msgspec.Struct):
    message: str = ""


class _Verdict(msgspec.Struct):
    allowed: bool = False


class _Review(msgspec.Struct):
    status: _Verdict


_status = msgspec.json.Decoder(_Status)
_review = msgspec.json.Decoder(_Review)

AUTHORIZATION = "authorization.k8s.io/v1"


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
        """`timeout` is seconds until an answer begins; twice that is for the whole of it, but for a stream.

        ApiError with CREDENTIALS: there are none to begin with.
        """
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
        self._pool = pool_of(self._access)

    @property
    def server(self) -> tuple[str, int]:
        """Host and port of the API server."""
        return self._access.address

    @property
    def server_name(self) -> str:
        """The name its certificate is to be for."""
        return self._access.server_name or self.server[0]

    def proxy_to(self, address: tuple[str, int]) -> Proxy | None:
        """What leads to one address of the API server; None: it is asked directly."""
        if address == self.server:
            return self._access.proxy
        try:
            return environment_proxy("https", *address, os.environ)
        except ProxyError:
            return None  # nothing leads through that one

    @property
    def authorities(self) -> bytes:
        """PEM of the CAs this connection trusts; empty where the system's are used, or none."""
        return self._access.authorities

    @property
    def token(self) -> str:
        """The bearer token as it is now; empty where this connection shows something else, or nothing."""
        scheme, _, token = dict(self._access.headers).get("Authorization", "").partition(" ")
        return token if scheme.lower() == "bearer" else ""

    def get(self, path: str, decode: Callable[[bytes], T]) -> T | Failure:
        """The object at a path, or why not. `decode` makes the fact of its JSON and raises ValueError if it cannot.

        Where the server asked not to be called for a while, it is: the answer is then the one it gave.
        """
        return self._answer(path, lambda: decoded(decode, self.body(path, {}, LARGEST_OBJECT)))

    def list_all(
        self, path: str, decode: Callable[[bytes], T], selectors: Mapping[str, str] = _NONE, *, page: int = PAGE
    ) -> Listing[T] | Failure:
        """All objects of a collection, or why not; else like get. `page`: objects asked for at once."""

        def body(path: str, query: Mapping[str, str], largest: int) -> bytearray:
            return self.body(path, {**selectors, **query}, largest)

        return self._answer(path, lambda: listing(body, path, decode, page=page, whole=10 * self._timeout))

    def listing(self, path: str, decode: Callable[[bytes], T]) -> Listing[T]:
        """Likewise, for a watch to go on from. Raises ApiError."""
        return listing(self.body, path, decode, page=PAGE, whole=10 * self._timeout)

    def open(self, path: str, query: Mapping[str, str], *, within: float | None = None) -> BaseHTTPResponse:
        """An answer whose body is still to be read, without a limit to that. It begins `within` seconds.

        Raises ApiError.
        """
        self._refresh()
        access, pool = self._access, self._pool
        within = self._timeout if within is None else min(within, self._timeout)
        try:
            return self._open(access, pool, path, query, within)
        except ApiError as error:
            renewable = {Reason.UNAUTHORIZED, Reason.CERTIFICATE_UNTRUSTED, Reason.CERTIFICATE_EXPIRED}
            if error.reason not in renewable or not self._renewed(access):
                raise
        return self._open(self._access, self._pool, path, query, within)

    def close(self) -> None:
        """Let go of idle connections."""
        self._pool.clear()

    def _answer(self, path: str, ask: Callable[[], T]) -> T | Failure:
        refused = self._refusals.get(path)
        if refused is not None and time.monotonic() < refused[0]:
            return refused[1]
        try:
            return ask()
        except ApiError as error:
            if error.retry_after is not None:
                self._refusals[path] = (time.monotonic() + error.retry_after, error.failure)
            return error.failure

    def body(self, path: str, query: Mapping[str, str], largest: int) -> bytearray:
        """The whole of an answer, in time and of so many bytes at most. Raises ApiError."""
        began = time.monotonic()
        return self._whole(self.open(path, query), began, largest)

    def dated(self, path: str, largest: int, *, within: float | None = None) -> tuple[bytearray, float | None]:
        """Likewise, with the answer's Date in Unix seconds, of whoever gave it. Raises ApiError."""
        began = time.monotonic()
        response = self.open(path, {}, within=within)
        return self._whole(response, began, largest), http_date(response.headers.get("Date", ""))

    def may(self, **attributes: str) -> bool | Failure:
        """Whether we have a right, by a SelfSubjectAccessReview; it changes nothing, though it is a POST.

        `attributes` are those of its resourceAttributes, such as verb, resource and subresource.
        """
        return self._reviewed("SelfSubjectAccessReview", {"resourceAttributes": attributes})

    def others_may(self, spec: Mapping[str, object]) -> bool | Failure:
        """Whether somebody else has a right, by a SubjectAccessReview of this spec; likewise."""
        return self._reviewed("SubjectAccessReview", spec)

    def _reviewed(self, kind: str, spec: Mapping[str, object]) -> bool | Failure:
        path = f"/apis/{AUTHORIZATION}/{kind.lower()}s"
        review = {"apiVersion": AUTHORIZATION, "kind": kind, "spec": spec}
        began = time.monotonic()
        try:
            self._refresh()
            response = self._open(
                self._access, self._pool, path, {}, self._timeout, payload=msgspec.json.encode(review)
            )
            return decoded(_review.decode, self._whole(response, began, LARGEST_OBJECT)).status.allowed
        except ApiError as error:
            return error.failure

    def _whole(self, response: BaseHTTPResponse, began: float, largest: int) -> bytearray:
        found = bytearray()
        try:
            with Deadline(began + 2 * self._timeout - time.monotonic(), partial(socket_of, response)):
                while part := response.read1(PART, decode_content=False):
                    found += part
                    if len(found) > largest:
                        raise ApiError(Failure(Reason.TOO_LARGE, f"an answer of over {largest >> 20} MiB"))
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            response.close()
            raise ApiError(explained(error)) from error
        except ApiError:
            response.close()
            raise
        response.release_conn()
        return found

    def _open(
        self,
        access: Access,
        pool: urllib3.PoolManager,
        path: str,
        query: Mapping[str, str],
        within: float,
        *,
        payload: bytes | None = None,
    ) -> BaseHTTPResponse:
        url = access.server + path + (f"?{urlencode(query)}" if query else "")
        # http.client adds that nothing is to be encoded.
        own = (("Accept", "application/json"), ("User-Agent", "aks-cert-exporter"))
        headers = urllib3.HTTPHeaderDict((*own, *access.headers))
        waits = urllib3.Timeout(connect=min(10.0, within), read=within)
        sent = self._clock()
        try:
            if payload is None:
                response = pool.request("GET", url, headers=headers, timeout=waits, preload_content=False)
            else:
                headers["Content-Type"] = "application/json"
                response = pool.request(
                    "POST", url, body=payload, headers=headers, timeout=waits, preload_content=False
                )
        except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError) as error:
            raise ApiError(explained(error)) from error
        self._tell_time(response.headers, sent)
        if response.status not in {200, 201}:
            raise self._refusal(response)
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            response.close()  # nobody asked for that: a few bytes of it may unfold to gigabytes
            raise ApiError(Failure(Reason.DECODE, "not an answer in HTTP: it is encoded, which was not asked for"))
        if (used := socket_of(response)) is not None:
            used.settimeout(None)  # from here on whoever reads has a deadline
        return response

    def _refusal(self, response: BaseHTTPResponse) -> ApiError:
        body = bytearray()
        try:
            with Deadline(self._timeout, partial(socket_of, response)):
                while len(body) < LARGEST_REFUSAL and (part := response.read1(PART, decode_content=False)):
                    body += part
            message = _status.decode(body).message
        except (ValueError, RecursionError):
            message = response.reason or ""
        except (urllib3.exceptions.HTTPError, OSError) as error:
            message = explained(error).words
        finally:
            response.close()
        return status_error(response.status, message, response.headers, self._clock())

    def _tell_time(self, headers: Mapping[str, str], sent: float) -> None:
        date = http_date(headers.get("Date", ""))
        if date is not None:
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
                self._pool = pool_of(access)  # the old one dies with its last watch
            elif access.headers == used.headers:
                return
            self._access = access
            if access.authorities != used.authorities:
                self.on_other_authorities()


def socket_of(response: BaseHTTPResponse) -> socket.socket | None:
    """The socket an answer comes from, while it does."""
    found: socket.socket | None = getattr(response.connection, "sock", None)
    return found
