"""What is said of a look at a TLS endpoint that failed, and by which name it is asked for."""

import ssl
import subprocess
import sys
import time
from pathlib import Path

import pytest

from exporter.facts.certificate import Certificate, CertificateError
from exporter.facts.source import Failure
from exporter.reason import Reason
from exporter.sources import tls
from exporter.sources.tls import Handshake, probe
from simulation.pki import DAY, Authority
from tests.sources.listening import listener, tls_server

NOW = time.time()
CA = Authority.cluster(NOW - DAY)


def of_tls(word: str | None, words: str = "x") -> ssl.SSLError:
    error = ssl.SSLError(1, words)
    error.reason = word  # type: ignore[assignment]
    return error


@pytest.mark.parametrize(
    ("error", "reason", "words"),
    [
        (OSError(1, "x"), Reason.TIMEOUT, "no handshake within 2.5 s"),
        (of_tls("A"), Reason.NO_CERTIFICATE, "no certificate is served: TLS alert internal_error (80)"),
        (of_tls("A"), Reason.CERTIFICATE_MALFORMED, "the certificate is not DER"),
        (of_tls("TLSV1_ALERT_UNKNOWN_CA"), Reason.TLS_ALERT, "tlsv1 alert unknown ca"),
        (of_tls(None, "THE handshake_is too large"), Reason.TLS_PROTOCOL, "the handshake is too large"),
        (OSError(111, "Connection\nrefused"), Reason.REFUSED, "Connection refused"),
        (OSError("no\tnumber"), Reason.ERROR, "no number"),
        (OSError(), Reason.ERROR, "OSError"),
        (LookupError("x" * 300), Reason.DNS, "x" * 200),
    ],
)
def test_each_failure_is_one_line(error: Exception, reason: Reason, words: str) -> None:
    assert tls._words(error, reason, 2.5) == words


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("a.example", "a.example"),
        ("A.example.", "A.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("127.0.0.1", None),
        ("::1", None),
        ("fe80::1%eth0", None),
        ("", None),
        (".", None),
        ("a..b", None),
        ("x" * 64, None),
    ],
)
def test_only_what_may_be_a_name_is_indicated(host: str, name: str | None) -> None:
    assert tls._indication(host) == name


def test_a_look_takes_five_seconds_at_most_and_loads_nothing_of_proxies() -> None:
    """Where nobody says otherwise, and where nobody has one."""
    assert (probe.__kwdefaults__ or {})["timeout"] == 5.0
    program = "import sys, exporter.sources.tls; print('exporter.facts.proxy' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"


def test_time_that_is_over_is_a_timeout() -> None:
    assert 19 < tls._left(time.monotonic() + 20) <= 20
    assert 0 < tls._left(time.monotonic() + 0.5) <= 0.5
    with pytest.raises(TimeoutError, match=r"^no time left$"):
        tls._left(time.monotonic())


def test_any_server_is_spoken_to() -> None:
    """With the oldest ciphers and weakest keys, and without renegotiation that is secure (RFC 5746)."""
    context = tls._context()
    assert (context.check_hostname, context.verify_mode) == (False, ssl.CERT_NONE)
    assert context.options & 0x4
    assert context is tls._context()
    assert len(context.get_ciphers()) > len(ssl.create_default_context().get_ciphers())


def alerting(number: int) -> bytes:
    """A fatal alert of TLS 1.2, in the clear (RFC 8446 §6)."""
    return b"\x15\x03\x03\x00\x02\x02" + bytes([number])


@pytest.mark.parametrize(
    ("alert", "failure"),
    [
        (80, Failure(Reason.NO_CERTIFICATE, "no certificate is served: TLS alert internal_error (80)")),
        (40, Failure(Reason.TLS_ALERT, "sslv3 alert handshake failure")),
        (70, Failure(Reason.TLS_PROTOCOL, "tlsv1 alert protocol version")),
        (112, Failure(Reason.TLS_ALERT, "tlsv1 unrecognized name")),
    ],
)
def test_an_alert_is_told_in_openssls_words(alert: int, failure: Failure) -> None:
    """But for the one by which a kubelet says that it has no certificate yet."""

    def answer(connection: object) -> None:
        connection.recv(4096)  # type: ignore[attr-defined]
        connection.sendall(alerting(alert))  # type: ignore[attr-defined]

    with listener(answer) as address:
        assert probe(address) == failure


def test_without_time_there_is_no_connection_and_the_caller_says_what_that_is() -> None:
    """Of a name that has no address it does not."""
    for reason in (Reason.TIMEOUT, Reason.UNREACHABLE):
        seen = probe(("127.0.0.1", 9), timeout=-1.0, unconnected=reason)
        assert seen == Failure(reason, "no handshake within -1 s")
    assert probe(("127.0.0.1", 9), timeout=-1.0) == Failure(Reason.TIMEOUT, "no handshake within -1 s")
    found = probe(("no-such-host.invalid", 9), unconnected=Reason.UNREACHABLE)
    assert isinstance(found, Failure)
    assert found.reason is Reason.DNS


def test_what_is_served_may_be_parsed_elsewhere(tmp_path: Path) -> None:
    """By what was given; its own failure is told, and what it cannot foresee passes."""
    served = CA.apiserver(("127.0.0.1",), NOW)
    asked: list[list[bytes]] = []
    certificate = Certificate(NOW, NOW, "s", "i", "1", "f", "", "", "", b"", None)

    def parse(chain: list[bytes]) -> tuple[Certificate, ...]:
        asked.append(chain)
        return (certificate,)

    def malformed(_chain: list[bytes]) -> tuple[Certificate, ...]:
        raise CertificateError("not\nso")

    def bug(_chain: list[bytes]) -> tuple[Certificate, ...]:
        raise LookupError("a bug")

    with listener(tls_server(served, tmp_path)) as address:
        assert probe(address, parse=parse) == Handshake((certificate,), None, None)
        assert probe(address, parse=malformed) == Failure(Reason.CERTIFICATE_MALFORMED, "not\nso")
        with pytest.raises(LookupError, match="a bug"):
            probe(address, parse=bug)
    assert [len(one) for one in asked] == [1]
