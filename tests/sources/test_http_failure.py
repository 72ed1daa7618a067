"""What an HTTP library's exception says about a connection, with real failures of real connections."""

import contextlib
import errno
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
import urllib3

from exporter.reason import Reason
from exporter.sources.http_failure import causes, connection_reason, socket_reason, tls_word
from simulation.pki import DAY, Authority, Credential

NOW = time.time()
CA = Authority("ca", NOW - DAY, NOW + DAY)

Serve = Callable[[socket.socket], None]


@contextlib.contextmanager
def listening(serve: Serve) -> Iterator[int]:
    """A server on a free port, which gives its one connection to `serve`."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            with contextlib.suppress(OSError):
                connection, _ = server.accept()
                with connection:
                    serve(connection)

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            thread.join()


def read_to_the_end(connection: socket.socket) -> None:
    """Take everything, say nothing."""
    while connection.recv(4096):
        pass


def close_at_once(connection: socket.socket) -> None:
    """Read the request, then nothing."""
    connection.recv(4096)


def half_an_answer(connection: socket.socket) -> None:
    """A body that is shorter than announced."""
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")


def speak_http(connection: socket.socket) -> None:
    """No TLS here."""
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


def tls(directory: Path, credential: Credential, adapt: Callable[[ssl.SSLContext], None] = lambda _: None) -> Serve:
    """A TLS server that reads to the end."""
    file = directory / "server.pem"
    file.write_bytes(credential.pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    adapt(context)

    def serve(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as encrypted:
            read_to_the_end(encrypted)

    return serve


def outcome(url: str, authority: Path | None = None) -> Reason | None:
    """What becomes of a GET."""
    with pytest.raises(requests.RequestException) as caught:
        requests.get(url, timeout=(0.5, 0.3), verify=str(authority) if authority else True)
    return connection_reason(caught.value)


@pytest.mark.parametrize(
    ("serve", "reason"),
    [(read_to_the_end, Reason.TIMEOUT), (close_at_once, Reason.RESET), (half_an_answer, Reason.RESET)],
)
def test_a_server_that_does_not_answer(serve: Serve, reason: Reason) -> None:
    """Silent, gone, or gone in the middle."""
    with listening(serve) as port:
        assert outcome(f"http://127.0.0.1:{port}/") is reason


def test_a_port_where_nothing_listens() -> None:
    """Refused."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert outcome(f"http://127.0.0.1:{port}/") is Reason.REFUSED


def test_a_name_that_does_not_resolve() -> None:
    """RFC 6761 section 6.4 keeps .invalid unresolvable."""
    assert outcome("http://management.invalid/") is Reason.DNS


def test_a_server_without_tls() -> None:
    """Plain HTTP on the port."""
    with listening(speak_http) as port:
        assert outcome(f"https://127.0.0.1:{port}/") is Reason.TLS_PROTOCOL


def test_a_server_that_ends_the_handshake(tmp_path: Path) -> None:
    """It wants a client certificate, and sends an alert when there is none."""

    def demand(context: ssl.SSLContext) -> None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.maximum_version = ssl.TLSVersion.TLSv1_2

    authority = tmp_path / "ca.pem"
    authority.write_bytes(CA.pem)
    with listening(tls(tmp_path, CA.apiserver(["127.0.0.1"], NOW, days=1), demand)) as port:
        assert outcome(f"https://127.0.0.1:{port}/", authority) is Reason.TLS_ALERT


@pytest.mark.parametrize(
    ("names", "begin", "trusted", "reason"),
    [
        (["127.0.0.1"], NOW, False, Reason.CERTIFICATE_UNTRUSTED),
        (["localhost"], NOW, True, Reason.CERTIFICATE_HOSTNAME),
        (["127.0.0.1"], NOW - 10 * DAY, True, Reason.CERTIFICATE_EXPIRED),
        (["127.0.0.1"], NOW + 10 * DAY, True, Reason.CERTIFICATE_EXPIRED),
    ],
    ids=["unknown CA", "another host", "expired", "not yet valid"],
)
def test_a_certificate_that_does_not_verify(
    tmp_path: Path, names: list[str], begin: float, trusted: bool, reason: Reason
) -> None:
    """Another CA, another name, another time."""
    authority = tmp_path / "ca.pem"
    authority.write_bytes((CA if trusted else Authority("ca", NOW - DAY, NOW + DAY, number=1)).pem)
    with listening(tls(tmp_path, CA.apiserver(names, begin, days=1))) as port:
        assert outcome(f"https://127.0.0.1:{port}/", authority) is reason


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.EHOSTUNREACH, "No route to host"), Reason.UNREACHABLE),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), Reason.UNREACHABLE),
        (OSError(errno.ENOSPC, "No space left on device"), None),
        (ValueError("not a connection at all"), None),
    ],
)
def test_the_innermost_error_decides(error: Exception, reason: Reason | None) -> None:
    """However deep it lies, as a cause or as an argument; what is no failure of a connection is none."""
    wrapped = requests.ConnectionError(urllib3.exceptions.ProtocolError("aborted", error)) if reason else error
    outer = RuntimeError("outer")
    outer.__cause__ = wrapped
    assert connection_reason(outer) is reason


def test_errors_that_refer_to_one_another_end() -> None:
    """A circle of contexts, as re-raised exceptions make them, is walked once."""
    first, second = RuntimeError("first"), RuntimeError("second")
    first.__cause__, second.__cause__ = second, first
    assert list(causes(first)) == [first, second]


def of_tls(word: str | None, words: str = "x") -> ssl.SSLError:
    """As OpenSSL's are: with its name of what happened, or without one."""
    error = ssl.SSLError(1, words)
    error.reason = word  # type: ignore[assignment]
    return error


def unverified(code: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "x")
    error.verify_code = code
    return error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (socket.gaierror(socket.EAI_NONAME, "no such name"), Reason.DNS),
        *[(unverified(code), Reason.CERTIFICATE_EXPIRED) for code in (9, 10, 13, 14)],
        *[(unverified(code), Reason.CERTIFICATE_HOSTNAME) for code in (0, 62, 63, 64)],
        *[(unverified(code), Reason.CERTIFICATE_UNTRUSTED) for code in (8, 11, 12, 15, 18, 20, 61, 65)],
        (ssl.SSLEOFError(8, "x"), Reason.RESET),
        (ssl.SSLZeroReturnError(6, "x"), Reason.RESET),
        (of_tls("TLSV1_ALERT_PROTOCOL_VERSION"), Reason.TLS_PROTOCOL),
        (of_tls("TLSV1_ALERT_INTERNAL_ERROR"), Reason.TLS_ALERT),
        (of_tls("TLSV13_ALERT_CERTIFICATE_REQUIRED"), Reason.TLS_ALERT),
        (of_tls("SSLV3_ALERT_HANDSHAKE_FAILURE"), Reason.TLS_ALERT),
        (of_tls("WRONG_VERSION_NUMBER"), Reason.TLS_PROTOCOL),
        (of_tls("SSLV3_ROLLBACK_ATTACK"), Reason.TLS_PROTOCOL),
        (of_tls(None, "[ASN1: NOT_ENOUGH_DATA]"), Reason.CERTIFICATE_MALFORMED),
        (of_tls(None), Reason.TLS_PROTOCOL),
        (ssl.SSLError(0, "of Python itself"), Reason.TLS_PROTOCOL),
        (TimeoutError("x"), Reason.TIMEOUT),
        (OSError(errno.ETIMEDOUT, "x"), Reason.TIMEOUT),
        (OSError(errno.ECONNREFUSED, "x"), Reason.REFUSED),
        *[(OSError(number, "x"), Reason.RESET) for number in (errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE)],
        *[
            (OSError(number, "x"), Reason.UNREACHABLE)
            for number in (
                errno.EHOSTUNREACH,
                errno.ENETUNREACH,
                errno.EHOSTDOWN,
                errno.ENETDOWN,
                errno.EADDRNOTAVAIL,
            )
        ],
        (OSError(errno.EACCES, "x"), None),
        (OSError("x"), None),
        (ValueError("x"), None),
    ],
)
def test_each_error_of_a_socket_has_its_reason(error: Exception, reason: Reason | None) -> None:
    assert socket_reason(error) is reason
    assert connection_reason(error) is reason


def named(name: str) -> Exception:
    found: Exception = type(name, (Exception,), {})("x")
    return found


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("ReadTimeoutError", Reason.TIMEOUT),
        ("ConnectTimeoutError", Reason.TIMEOUT),
        ("RemoteDisconnected", Reason.RESET),
        ("IncompleteRead", Reason.RESET),
        ("ProtocolError", Reason.RESET),
        ("OtherError", None),
    ],
)
def test_what_is_at_the_bottom_by_itself_is_known_by_its_name(name: str, reason: Reason | None) -> None:
    """The first of two; and any error of a socket is more exact, however deep."""
    assert connection_reason(named(name)) is reason
    outer = named("ProtocolError")
    outer.__cause__ = named(name)
    assert connection_reason(outer) is Reason.RESET
    outer = named(name)
    outer.__cause__ = RuntimeError(named("ProtocolError"), ConnectionRefusedError())
    assert connection_reason(outer) is Reason.REFUSED


def test_every_way_to_refer_to_another_error_is_followed() -> None:
    """The outermost first; what is no exception is passed over."""
    cause, context, reason, inner, argument = (ValueError(number) for number in range(5))
    outer = RuntimeError("words", argument, None, 1)
    outer.__cause__, outer.__context__ = cause, context
    outer.reason, outer.inner_exception = reason, inner  # type: ignore[attr-defined]
    argument.reason = "a word"  # type: ignore[attr-defined]
    assert list(causes(outer)) == [outer, cause, context, reason, inner, argument]


def test_an_error_that_openssl_did_not_make_has_no_name_of_its() -> None:
    assert [tls_word(one) for one in (of_tls("X"), of_tls(None), of_tls(""), ssl.SSLError(0, "x"))] == ["X", "", "", ""]
