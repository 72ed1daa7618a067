"""The SDK's way to the network, bounded: each answer is read whole, in time and up to a size, before the SDK has it.

The SDK's own timeouts are over each single read, and the token endpoint's answers it reads without any bound.
"""

from functools import partial
from typing import Any

import requests
from azure.core.pipeline.transport import RequestsTransport
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse, PoolManager, Retry
from urllib3.exceptions import HTTPError

from exporter.sources.deadline import Deadline, bounded

__all__ = ["BoundedTransport", "TooLarge"]

PART = 1 << 16
"""Bytes taken off a connection at once."""


class TooLarge(requests.RequestException):
    """The answer exceeds the bound."""


class BoundedTransport(RequestsTransport):  # type: ignore[misc]  # it has no types
    """Requests that end."""

    def __init__(self, *, largest: int, whole: float, trusted: str | bool, connect: float, read: float) -> None:
        """`whole`: seconds for a body, of `largest` bytes at most; `connect` and `read`: for what comes before it.

        `trusted`: a file of CAs, or True for the public ones.
        """
        super().__init__(connection_verify=trusted, connection_timeout=connect, read_timeout=read)
        self._largest, self._whole = largest, whole

    def _init_session(self, session: requests.Session) -> None:
        super()._init_session(session)
        for scheme in ("https://", "http://"):
            session.mount(scheme, _Adapter(self._largest, self._whole))


class _Adapter(HTTPAdapter):
    def __init__(self, largest: int, whole: float) -> None:
        self._largest, self._whole = largest, whole
        super().__init__(max_retries=Retry(total=False))

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - requests' protocol
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = bounded(self.poolmanager.pool_classes_by_scheme)

    def proxy_manager_for(self, proxy: str, **options: Any) -> PoolManager:  # noqa: ANN401
        known = proxy in self.proxy_manager
        manager: PoolManager = super().proxy_manager_for(proxy, **options)
        if not known:
            manager.pool_classes_by_scheme = bounded(manager.pool_classes_by_scheme)
        return manager

    def send(self, request: requests.PreparedRequest, *arguments: Any, **options: Any) -> requests.Response:  # noqa: ANN401
        request.headers["Accept-Encoding"] = "identity"
        response = super().send(request, *arguments, **options)
        raw: HTTPResponse = response.raw
        if raw.headers.get("Content-Encoding", "identity").lower() != "identity":
            raw.close()  # nobody asked for that: a few bytes of it may unfold to gigabytes
            raise requests.exceptions.ContentDecodingError("the answer is encoded, which was not asked for")
        found = bytearray()
        try:
            with Deadline(self._whole, partial(_socket, raw)):
                while part := raw.read1(PART, decode_content=False):
                    found += part
                    if len(found) > self._largest:
                        raise TooLarge(f"an answer of over {self._largest >> 20} MiB")
        except (HTTPError, OSError) as error:
            raw.close()
            if isinstance(error, requests.RequestException):
                raise
            raise requests.ConnectionError(error) from error
        raw.release_conn()
        response._content, response._content_consumed = bytes(found), True  # as requests does
        return response


def _socket(raw: HTTPResponse) -> object:
    return getattr(raw.connection, "sock", None)
