"""Every failure of a connection has its word, and one line that says what happened."""

import errno
import http.client
import socket
import ssl
import threading
from pathlib import Path

import msgspec
import pytest
import urllib3
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.kube.metadata import ObjectError
from exporter.facts.source import REASONS, Failure
from exporter.reason import Reason, Source
from exporter.sources.kube.connection import Connection, Kubeconfig, ServiceAccount
from exporter.sources.kube.failure import ApiError, explained, status_error
from exporter.sources.kube.resource import API_SERVICES
from exporter.sources.kube.watch import lines
from simulation.api.server import ApiServer, Fault, FaultKind, write_kubeconfig
from tests.sources.kube.watching import Pod, decode


def asked(pod: Pod, host: str, port: int) -> Failure:
    environment = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": str(port)}
    connection = Connection(ServiceAccount(pod.folder, environment), timeout=2)
    found = connection.list_all(API_SERVICES.path, decode)
    assert isinstance(found, Failure)
    return found


def test_nobody_there_is_refused(pod: Pod) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert asked(pod, "127.0.0.1", port) == Failure(Reason.REFUSED, "Connection refused")


def test_a_name_that_does_not_resolve_is_dns(pod: Pod) -> None:
    assert asked(pod, "kubernetes.invalid", 443).reason is Reason.DNS


def test_a_server_that_speaks_no_tls_is_a_protocol_failure(pod: Pod) -> None:
    with ApiServer(None) as server:
        assert asked(pod, "127.0.0.1", server.port).reason is Reason.TLS_PROTOCOL


def test_a_server_that_hangs_up_is_a_reset(pod: Pod) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def hang_up() -> None:
            listening.accept()[0].close()

        threading.Thread(target=hang_up, daemon=True).start()
        assert asked(pod, "127.0.0.1", listening.getsockname()[1]).reason is Reason.RESET


@pytest.mark.parametrize(
    "answer",
    [
        b"\x08\x87 no status line\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + 70_000 * b"y" + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nxxxxx",
    ],
    ids=["no status", "endless header", "no gzip"],
)
def test_what_is_not_http_cannot_be_decoded_and_is_not_quoted(tmp_path: Path, answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def reply() -> None:
            connection = listening.accept()[0]
            connection.recv(65536)
            connection.sendall(answer)
            connection.close()

        threading.Thread(target=reply, daemon=True).start()
        cluster = {"server": f"http://127.0.0.1:{listening.getsockname()[1]}"}
        context = {"name": "here", "context": {"cluster": "here", "user": ""}}
        content = {"clusters": [{"name": "here", "cluster": cluster}], "contexts": [context], "current-context": "here"}
        path = write_kubeconfig(tmp_path / "kubeconfig", content)
        found = Connection(Kubeconfig(path), timeout=2).list_all(API_SERVICES.path, decode)
        assert isinstance(found, Failure)
        assert found.reason is Reason.DECODE
        assert found.words.startswith("not an answer in HTTP")


def test_a_server_that_says_nothing_is_a_timeout(pod: Pod) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        environment = {
            "KUBERNETES_SERVICE_HOST": "127.0.0.1",
            "KUBERNETES_SERVICE_PORT": str(listening.getsockname()[1]),
        }
        connection = Connection(ServiceAccount(pod.folder, environment), timeout=0.2)
        found = connection.list_all(API_SERVICES.path, decode)
    assert isinstance(found, Failure)
    assert found.reason is Reason.TIMEOUT


def test_a_redirect_is_not_followed_so_that_a_token_goes_nowhere_else(
    apiserver: ApiServer, connection: Connection
) -> None:
    with ApiServer(None) as elsewhere:
        apiserver.faults.add(Fault(FaultKind.STATUS, 307, {"Location": f"{elsewhere.url}{API_SERVICES.path}"}))
        found = connection.list_all(API_SERVICES.path, decode)
        assert isinstance(found, Failure)
        assert found.reason is Reason.ERROR
        assert not elsewhere.requests


POOL = urllib3.HTTPConnectionPool("contoso.example", 443)
CONNECTION = urllib3.connection.HTTPConnection("contoso.example")
HUNG_UP = http.client.RemoteDisconnected("Remote end closed connection")
CUT = "the connection was closed in the middle of an answer"
CUT_TLS = "the connection was closed in the middle of TLS"


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


def tls(text: str, **attributes: object) -> ssl.SSLError:
    """An error as OpenSSL makes it, with attributes that only it can give one."""
    error = ssl.SSLCertVerificationError(1, text) if "verify_code" in attributes else ssl.SSLError(1, text)
    for name, value in attributes.items():
        setattr(error, name, value)
    return error


UNRESOLVED = socket.gaierror(-2, "Name or service not known")
FAILED = tls("failed", verify_code=20, verify_message="unable to get local issuer certificate")
NO_CONNECTION = urllib3.exceptions.NewConnectionError(CONNECTION, "no luck")


@pytest.mark.parametrize(
    ("error", "reason", "words"),
    [
        (OSError(errno.EHOSTUNREACH, "No route to host"), Reason.UNREACHABLE, "No route to host"),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), Reason.UNREACHABLE, "Network is unreachable"),
        (OSError(errno.ETIMEDOUT, "Connection timed out"), Reason.TIMEOUT, "no answer in time"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), Reason.RESET, "Broken pipe"),
        (OSError(errno.EMFILE, "Too many open files"), Reason.ERROR, "Too many open files"),
        (OSError("only\n words"), Reason.ERROR, "only words"),
        (OSError(), Reason.ERROR, "OSError"),
        (TimeoutError("timed out"), Reason.TIMEOUT, "no answer in time"),
        (urllib3.exceptions.ReadTimeoutError(POOL, "/", "read"), Reason.TIMEOUT, "no answer in time"),
        (NO_CONNECTION, Reason.ERROR, "NewConnectionError: HTTPConnection(host='contoso.example', port=80): no luck"),
        (
            caused(
                urllib3.exceptions.NewConnectionError(CONNECTION, "no luck"),
                ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"),
            ),
            Reason.REFUSED,
            "Connection refused",
        ),
        (UNRESOLVED, Reason.DNS, "[Errno -2] Name or service not known"),
        (
            caused(urllib3.exceptions.NameResolutionError("contoso.example", CONNECTION, UNRESOLVED), UNRESOLVED),
            Reason.DNS,
            "[Errno -2] Name or service not known",
        ),
        (
            caused(socket.gaierror(-2, "outer"), caused(OSError("first"), OSError("innermost"))),
            Reason.DNS,
            "innermost",
        ),
        (tls("[SSL: UNKNOWN_CA] x", reason="TLSV1_ALERT_UNKNOWN_CA"), Reason.TLS_ALERT, "tlsv1 alert unknown ca"),
        (tls("[SSL: DECODE_ERROR]\n unheard of"), Reason.TLS_PROTOCOL, "[SSL: DECODE_ERROR] unheard of"),
        (tls("[ASN1: NESTED] asn1 nested"), Reason.CERTIFICATE_MALFORMED, "the served certificate cannot be parsed"),
        (FAILED, Reason.CERTIFICATE_UNTRUSTED, "unable to get local issuer certificate"),
        (tls("failed", verify_code=10, verify_message="has expired"), Reason.CERTIFICATE_EXPIRED, "has expired"),
        (tls("failed", verify_code=62, reason="X_Y"), Reason.CERTIFICATE_HOSTNAME, "x y"),
        (ssl.SSLEOFError(8, "EOF occurred in violation of protocol"), Reason.RESET, CUT_TLS),
        (urllib3.exceptions.SSLError(ssl.SSLEOFError(8, "EOF")), Reason.RESET, CUT_TLS),
        (HUNG_UP, Reason.RESET, "Remote end closed connection"),
        (
            urllib3.exceptions.ProtocolError("Connection aborted.", HUNG_UP),
            Reason.RESET,
            "Remote end closed connection",
        ),
        (urllib3.exceptions.ProtocolError("ended\n early"), Reason.RESET, "ended early"),
        (urllib3.exceptions.ProtocolError("x", ValueError("inner")), Reason.ERROR, "ValueError: inner"),
        (urllib3.exceptions.IncompleteRead(1, 2), Reason.RESET, CUT),
        (http.client.IncompleteRead(b""), Reason.RESET, CUT),
        (http.client.BadStatusLine("x"), Reason.DECODE, "not an answer in HTTP"),
        (urllib3.exceptions.DecodeError("gzip"), Reason.DECODE, "not an answer in HTTP"),
        (
            urllib3.exceptions.ProxyError("proxy", OSError(errno.ECONNREFUSED, "refused")),
            Reason.REFUSED,
            "proxy: refused",
        ),
        (
            urllib3.exceptions.MaxRetryError(POOL, "/", FAILED),
            Reason.CERTIFICATE_UNTRUSTED,
            "unable to get local issuer certificate",
        ),
        (
            urllib3.exceptions.MaxRetryError(POOL, "/", None),
            Reason.ERROR,
            f"MaxRetryError: {POOL}: Max retries exceeded with url: / (Caused by None)",
        ),
        (urllib3.exceptions.LocationParseError("https://["), Reason.CREDENTIALS, "Failed to parse: https://["),
        (urllib3.exceptions.LocationValueError("no\n host"), Reason.CREDENTIALS, "no host"),
        (urllib3.exceptions.InvalidHeader("a header\n in two lines"), Reason.CREDENTIALS, "a header in two lines"),
        (urllib3.exceptions.HTTPError(TimeoutError("timed out")), Reason.TIMEOUT, "no answer in time"),
        (caused(urllib3.exceptions.HTTPError("x"), OSError(errno.EMFILE, "Too many")), Reason.ERROR, "Too many"),
        (urllib3.exceptions.HTTPError("x\n y"), Reason.ERROR, "HTTPError: x y"),
        (msgspec.ValidationError("Expected\n `str`"), Reason.DECODE, "not what the API promises: Expected `str`"),
        (ApiError(Failure(Reason.FORBIDDEN, "HTTP 403")), Reason.FORBIDDEN, "HTTP 403"),
        (ObjectError("no\n creation time"), Reason.DECODE, "no creation time"),
        (KeyError("anything else"), Reason.ERROR, "KeyError: 'anything else'"),
        (caused(ValueError("outer"), OSError("inner")), Reason.ERROR, "ValueError: outer"),
        (ValueError(OSError("inner")), Reason.ERROR, "ValueError: inner"),
    ],
)
def test_an_exception_has_its_word(error: Exception, reason: Reason, words: str) -> None:
    assert explained(error) == Failure(reason, words)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("x" * 588, f"ValueError: {'x' * 588}"),
        ("x" * 589, f"ValueError: {'x' * 588}"),
        (" " * 1187 + "xy", "ValueError: x"),
    ],
)
def test_a_line_is_as_long_as_it_may_be(text: str, line: str) -> None:
    assert explained(ValueError(text)) == Failure(Reason.ERROR, line)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (401, Reason.UNAUTHORIZED),
        (403, Reason.FORBIDDEN),
        (404, Reason.NOT_FOUND),
        (410, Reason.EXPIRED),
        (429, Reason.THROTTLED),
        (400, Reason.ERROR),
        (499, Reason.ERROR),
        (500, Reason.SERVER_ERROR),
        (599, Reason.SERVER_ERROR),
        (0, Reason.ERROR),
    ],
)
def test_a_status_is_an_error_of_its_reason(code: int, reason: Reason) -> None:
    error = status_error(code, "in\n words.", {}, 0.0)
    assert (error.failure, error.reason, error.retry_after) == (
        Failure(reason, f"HTTP {code}: in words"),
        reason,
        None,
    )
    assert str(error) == f"{reason}: HTTP {code}: in words"


@given(st.text(), st.sampled_from([OSError, ValueError, KeyError, urllib3.exceptions.HTTPError, ssl.SSLError]))
def test_words_are_one_line_of_bounded_length(text: str, kind: type[Exception]) -> None:
    words = explained(kind(text)).words
    assert words == " ".join(words.split())
    assert len(words) <= 600


@given(st.integers(100, 999), st.text(), st.text(max_size=40))
def test_a_status_has_a_word_that_every_api_source_declares(code: int, message: str, retry_after: str) -> None:
    error = status_error(code, message, {"Retry-After": retry_after}, 0.0)
    assert error.reason in REASONS[Source.CSRS]
    assert error.retry_after is None or 0 <= error.retry_after <= 600


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7),
        ("0", 0),
        ("599", 599),
        ("600", 600),
        ("601", 600),
        ("99999999999999999999", 600),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 90),
        ("Thu, 01 Jan 1970 00:00:01 GMT", 0),
        ("soon", None),
        ("-3", None),
        ("", None),
        ("٣", None),
    ],
)
def test_retry_after_is_a_number_or_a_date(value: str, seconds: float | None) -> None:
    assert status_error(429, "", {"Retry-After": value}, 10.0).retry_after == seconds


class Parts:
    """A response's body that arrives in these parts."""

    def __init__(self, parts: list[bytes]) -> None:
        self._parts = parts

    def read1(self, amt: int, decode_content: bool) -> bytes:
        assert not decode_content
        return self._parts.pop(0) if self._parts else b""


@given(st.lists(st.binary(max_size=30).map(lambda part: part.replace(b"x", b"\n"))))
def test_lines_do_not_depend_on_how_a_stream_arrives(parts: list[bytes]) -> None:
    parts = [part for part in parts if part]  # an empty one is the end
    whole = b"".join(parts)
    *complete, rest = whole.split(b"\n")
    found: list[bytes] = []
    try:
        found.extend(lines(Parts(parts), 1 << 20))  # type: ignore[arg-type]
        ended = True
    except ApiError as error:
        assert error.reason is Reason.DECODE
        ended = False
    assert found == [line for line in complete if line.strip()]
    assert ended == (not rest.strip())


def test_a_line_beyond_the_bound_is_given_up_before_it_ends() -> None:
    class Endless:
        def read1(self, amt: int, decode_content: bool) -> bytes:
            return b"x" * 1024

    with pytest.raises(ApiError) as raised:
        list(lines(Endless(), 1 << 20))  # type: ignore[arg-type]
    assert raised.value.reason is Reason.TOO_LARGE
