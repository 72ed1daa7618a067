"""The SDK's way to the network: whole answers in time and up to a size, straight and through a proxy."""

import gzip
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from azure.core.exceptions import ServiceRequestError, ServiceResponseError
from azure.core.rest import HttpRequest

from exporter.sources.azure.transport import BoundedTransport, TooLarge, _Adapter
from exporter.sources.deadline import _Bounded
from exporter.sources.http_failure import causes
from tests.sources.files.test_deadline_workers import until
from tests.sources.hostile import Hostile, dripped, http

LARGEST = 2 << 20


def asked(
    answer: bytes, *, largest: int = LARGEST, whole: float = 20.0, read: float = 20.0, seconds: float = 0
) -> bytes:
    """The body that the SDK has of an answer, whose body may come a byte at a time."""

    def serve(_target: str) -> Iterator[bytes | float]:
        head, end, body = answer.partition(b"\r\n\r\n")
        yield head + end
        yield from dripped(body, seconds) if seconds else iter([body])

    with (
        Hostile(serve) as server,
        BoundedTransport(largest=largest, whole=whole, trusted=True, connect=20.0, read=read) as transport,
    ):
        response = transport.send(HttpRequest("GET", f"http://127.0.0.1:{server.port}/"))
        found: bytes = response.internal_response.content
        return found


def failure(answer: bytes, **bounds: float) -> list[type[BaseException]]:
    """The kinds of the errors that it ends in."""
    with pytest.raises((ServiceRequestError, ServiceResponseError, requests.RequestException)) as raised:
        asked(answer, **bounds)  # type: ignore[arg-type]
    return [type(one) for one in causes(raised.value)]


def test_an_answer_is_read_whole() -> None:
    """In pieces, by its length, by chunks, or up to the end of the connection."""
    large = bytes(range(256)) * 1000
    assert asked(http(large)) == large
    assert asked(http(b"")) == b""
    assert asked(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n") == b"abc"
    assert asked(http(b"same", "Content-Encoding: Identity")) == b"same"


def test_so_large_and_not_a_byte_larger() -> None:
    assert len(asked(http(b"x" * LARGEST))) == LARGEST
    assert TooLarge in failure(http(b"x" * (LARGEST + 1)))
    with pytest.raises(Exception, match="an answer of over 2 MiB"):
        asked(http(b"x" * (LARGEST + 1)))


def test_what_nobody_asked_to_be_encoded_is_not_unfolded() -> None:
    found = failure(http(gzip.compress(b"x" * 100_000), "Content-Encoding: gzip"))
    assert requests.exceptions.ContentDecodingError in found


def test_what_is_not_read_to_its_end_is_let_go_of() -> None:
    """At once, and not when somebody forgets the error."""

    def serve(target: str) -> Iterator[bytes | float]:
        yield http(b"x" * 300_000, *(["Content-Encoding: gzip"] if target == "/encoded" else []))

    with Hostile(serve) as server, requests.Session() as session:
        session.mount("http://", _Adapter(100, 20.0))
        for number, (path, kind) in enumerate(
            (("encoded", requests.exceptions.ContentDecodingError), ("large", TooLarge))
        ):
            with pytest.raises(kind):
                session.get(f"http://127.0.0.1:{server.port}/{path}", timeout=20)
            until(lambda at=number: server._open[at].fileno() == -1)  # type: ignore[misc]


def test_time_is_over_the_whole_body() -> None:
    """Each byte comes in time."""
    assert TimeoutError in failure(http(b"x" * 100), whole=0.1, seconds=0.02)
    assert asked(http(b"x" * 5), whole=20, seconds=0.01) == b"x" * 5


def test_a_body_that_breaks_off_is_an_error_of_the_connection() -> None:
    def serve(_target: str) -> Iterator[bytes | float]:
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"
        raise OSError

    with (
        Hostile(serve) as server,
        BoundedTransport(largest=100, whole=20.0, trusted=True, connect=20.0, read=20.0) as transport,
        pytest.raises((ServiceRequestError, ServiceResponseError)) as raised,
    ):
        transport.send(HttpRequest("GET", f"http://127.0.0.1:{server.port}/"))
    assert requests.ConnectionError in [type(one) for one in causes(raised.value)]


def test_nothing_is_asked_twice_and_no_redirect_followed() -> None:
    """By the adapter itself: whoever uses it decides about the answer."""
    asked_for: list[str] = []

    def serve(target: str) -> Iterator[bytes | float]:
        asked_for.append(target)
        yield http(b"", "Location: /other", "Retry-After: 0", status="503 Service Unavailable")

    with Hostile(serve) as server, requests.Session() as session:
        session.mount("http://", _Adapter(100, 20.0))
        response = session.get(f"http://127.0.0.1:{server.port}/one", allow_redirects=False, timeout=20)
        assert (response.status_code, asked_for) == (503, ["/one"])
        assert response.request.headers["Accept-Encoding"] == "identity"


def test_a_body_that_was_read_is_there_for_whoever_reads_it_in_parts() -> None:
    """The SDK may ask for a stream of it."""

    def serve(_target: str) -> Iterator[bytes | float]:
        yield http(b"abc")

    with Hostile(serve) as server, requests.Session() as session:
        session.mount("http://", _Adapter(100, 20.0))
        response = session.get(f"http://127.0.0.1:{server.port}/", stream=True, timeout=20)
        assert list(response.iter_content(2)) == [b"ab", b"c"]


def test_a_connection_is_used_again() -> None:
    """An answer that was read whole has let it go."""

    def serve(_target: str) -> Iterator[bytes | float]:
        yield http(b"x")

    with Hostile(serve) as server, requests.Session() as session:
        adapter = _Adapter(100, 20.0)
        session.mount("http://", adapter)
        for _ in range(3):
            assert session.get(f"http://127.0.0.1:{server.port}/", timeout=20).content == b"x"
        assert len(server._open) == 1


def test_every_connection_keeps_to_its_time(tmp_path: Path) -> None:
    """Straight or through a proxy, with TLS or without; and a proxy's pools are made once."""
    adapter = _Adapter(100, 20.0)
    proxy = adapter.proxy_manager_for("http://127.0.0.1:9")
    kinds: list[type] = [
        getattr(pool, "ConnectionCls")  # noqa: B009 - which its types do not tell
        for manager in (adapter.poolmanager, proxy)
        for pool in manager.pool_classes_by_scheme.values()
    ]
    assert len(kinds) == 4
    assert all(issubclass(kind, _Bounded) for kind in kinds)
    assert [kind.__mro__.count(_Bounded) for kind in kinds] == [1] * 4
    before = dict(proxy.pool_classes_by_scheme)
    assert adapter.proxy_manager_for("http://127.0.0.1:9") is proxy
    assert proxy.pool_classes_by_scheme == before
    adapter.close()


def test_both_schemes_are_bounded() -> None:
    with BoundedTransport(largest=7, whole=3.0, trusted=True, connect=1.0, read=2.0) as transport:
        adapters = [transport.session.get_adapter(f"{scheme}://a") for scheme in ("http", "https")]
    assert [(type(one), one._largest, one._whole) for one in adapters] == [(_Adapter, 7, 3.0)] * 2


def test_a_port_that_nobody_listens_on_is_refused() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        with (
            BoundedTransport(largest=7, whole=3.0, trusted=True, connect=1.0, read=2.0) as transport,
            pytest.raises(ServiceRequestError) as raised,
        ):
            transport.send(HttpRequest("GET", f"http://127.0.0.1:{port}/"))
    assert ConnectionRefusedError in [type(one) for one in causes(raised.value)]
