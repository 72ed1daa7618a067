"""The look at a TLS endpoint, against real servers."""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID

from exporter.facts.source import Failure
from exporter.facts.x509 import Certificate, certificates
from exporter.reason import Reason
from exporter.sources.tls import Handshake, presented_chain, probe
from simulation.pki import DAY, YEAR, Authority, Credential, self_signed_linux

NOW = time.time()
CA = Authority.cluster(NOW - DAY)
OTHER_CA_OF_THE_SAME_NAME = Authority.cluster(NOW - DAY, number=1)
SERVER = (ExtendedKeyUsageOID.SERVER_AUTH,)
NAMES = ("kubernetes.default.svc", "127.0.0.1")


def read(authority: Authority) -> tuple[Certificate, ...]:
    return certificates(authority.pem)


@contextlib.contextmanager
def listener(answer: Callable[[socket.socket], None]) -> Iterator[tuple[str, int]]:
    """A server that gives each connection to `answer` and closes it."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection, contextlib.suppress(OSError):
                    answer(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def tls_server(
    credential: Credential, directory: Path, adapt: Callable[[ssl.SSLContext], None] = lambda _: None
) -> Callable[[socket.socket], None]:
    """An answer that shakes hands with the credential's certificate and then reads to the end."""
    (directory / "server.pem").write_bytes(credential.pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "server.pem")
    adapt(context)

    def answer(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as tls:
            while tls.recv(1024):
                pass

    return answer


def void(_: object) -> None:
    """Nothing."""


def look(
    credential: Credential,
    directory: Path,
    *,
    authorities: tuple[Certificate, ...] | None = None,
    server_name: str | None = None,
    now: float | None = None,
) -> Handshake:
    with listener(tls_server(credential, directory)) as address:
        seen = probe(address, server_name=server_name, authorities=authorities, now=now)
    assert isinstance(seen, Handshake), seen
    return seen


def fail(answer: Callable[[socket.socket], None], timeout: float = 5.0) -> Failure:
    with listener(answer) as address:
        seen = probe(address, timeout=timeout)
    assert isinstance(seen, Failure), seen
    return seen


def test_the_served_certificate_is_seen_without_any_trust(tmp_path: Path) -> None:
    """Without authorities nothing is said about trust."""
    credential = CA.apiserver(NAMES, NOW)
    seen = look(credential, tmp_path)
    assert [one.fingerprint_sha256 for one in seen.chain] == [credential.fingerprint_sha256]
    assert (seen.trusted, seen.untrusted_reason) == (None, None)


@pytest.mark.parametrize("name", [None, "kubernetes.default.svc", "KUBERNETES.default.svc."])
def test_a_chain_of_the_right_ca_is_trusted_for_each_name_in_it(name: str | None, tmp_path: Path) -> None:
    """An IP address and a DNS name of the subjectAltNames; case and the final dot do not matter."""
    seen = look(CA.apiserver(NAMES, NOW), tmp_path, authorities=read(CA), server_name=name)
    assert (seen.trusted, seen.untrusted_reason) == (True, None)


@pytest.mark.parametrize(
    ("credential", "reason"),
    [
        (OTHER_CA_OF_THE_SAME_NAME.apiserver(NAMES, NOW), Reason.CERTIFICATE_UNTRUSTED),
        (self_signed_linux("127.0.0.1", NOW - DAY), Reason.CERTIFICATE_UNTRUSTED),
        (CA.apiserver(NAMES, NOW - 800 * DAY), Reason.CERTIFICATE_UNTRUSTED),
        (CA.issue("apiserver", NOW - DAY / 2, NOW - 60, names=NAMES, usages=SERVER), Reason.CERTIFICATE_EXPIRED),
        (CA.issue("apiserver", NOW + DAY, NOW + YEAR, names=NAMES, usages=SERVER), Reason.CERTIFICATE_EXPIRED),
        (CA.apiserver(("elsewhere.example", "127.0.0.2"), NOW), Reason.CERTIFICATE_HOSTNAME),
        (CA.apiserver((), NOW), Reason.CERTIFICATE_HOSTNAME),
        (CA.kubelet_client("aks-nodepool1-12345678-vmss000000", NOW), Reason.CERTIFICATE_UNTRUSTED),
    ],
    ids=[
        "another CA of the same name",
        "self-signed",
        "never valid while the CA was",
        "expired",
        "not yet valid",
        "other names",
        "a common name alone",
        "for clients alone",
    ],
)
def test_what_a_client_would_refuse_is_seen_and_said(credential: Credential, reason: Reason, tmp_path: Path) -> None:
    """The chain is there, and the reason against it is a word of its own."""
    seen = look(credential, tmp_path, authorities=read(CA))
    assert seen.chain[0].fingerprint_sha256 == credential.fingerprint_sha256
    assert (seen.trusted, seen.untrusted_reason) == (False, reason)


def test_the_host_is_the_last_thing_to_be_wrong(tmp_path: Path) -> None:
    """With another CA and another name, it is the CA."""
    credential = OTHER_CA_OF_THE_SAME_NAME.apiserver(("elsewhere.example",), NOW)
    seen = look(credential, tmp_path, authorities=read(CA))
    assert seen.untrusted_reason is Reason.CERTIFICATE_UNTRUSTED


def test_an_expired_ca_is_expired_and_not_unknown(tmp_path: Path) -> None:
    """A CA of the 2-year class past its end."""
    old = Authority.cluster(NOW - 3 * YEAR, years=2)
    seen = look(old.apiserver(NAMES, NOW - DAY), tmp_path, authorities=read(old))
    assert (seen.trusted, seen.untrusted_reason) == (False, Reason.CERTIFICATE_UNTRUSTED)
    seen = look(old.apiserver(NAMES, NOW - 2.5 * YEAR), tmp_path, authorities=read(old))
    assert (seen.trusted, seen.untrusted_reason) == (False, Reason.CERTIFICATE_EXPIRED)


def test_while_two_cas_are_in_force_either_is_enough(tmp_path: Path) -> None:
    """The bundle of a rotation holds the former CA and the present one under one name."""
    bundle = read(OTHER_CA_OF_THE_SAME_NAME) + read(CA)
    assert look(CA.apiserver(NAMES, NOW), tmp_path, authorities=bundle).trusted


def test_no_authorities_trust_nobody(tmp_path: Path) -> None:
    """An empty bundle is not the same as no bundle."""
    assert look(CA.apiserver(NAMES, NOW), tmp_path, authorities=()).trusted is False


def test_a_chain_through_an_intermediate_ca_is_followed(tmp_path: Path) -> None:
    """The whole served chain is reported, the leaf first."""
    middle_key = Authority.cluster(NOW, number=2)
    middle = Authority("middle", NOW - DAY, NOW + YEAR, number=2)
    crossed = (
        x509.CertificateBuilder(
            issuer_name=CA.name,
            subject_name=middle.name,
            public_key=middle_key.key.public_key(),
            serial_number=7,
            not_valid_before=middle.certificate.not_valid_before_utc,
            not_valid_after=middle.certificate.not_valid_after_utc,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(CA.key, hashes.SHA256())
    )
    leaf = middle.issue("apiserver", NOW - 60, NOW + DAY, names=NAMES, usages=SERVER)
    seen = look(Credential(leaf.certificate, leaf.key, (crossed,)), tmp_path, authorities=read(CA))
    assert [one.subject for one in seen.chain] == ["CN=apiserver", "CN=middle"]
    assert seen.trusted
    assert look(leaf, tmp_path, authorities=read(CA)).untrusted_reason is Reason.CERTIFICATE_UNTRUSTED


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_server_that_insists_on_a_client_certificate_is_seen_all_the_same(
    version: ssl.TLSVersion, tmp_path: Path
) -> None:
    """A kubelet or API server may ask for one; none is given."""

    def insist(context: ssl.SSLContext) -> None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=CA.pem.decode())
        context.maximum_version = version

    credential = CA.apiserver(NAMES, NOW)
    with listener(tls_server(credential, tmp_path, insist)) as address:
        seen = probe(address, authorities=read(CA))
    assert isinstance(seen, Handshake)
    assert (seen.chain[0].fingerprint_sha256, seen.trusted) == (credential.fingerprint_sha256, True)


@pytest.mark.parametrize(("asked", "sent"), [("kubernetes.default.svc", "kubernetes.default.svc"), (None, None)])
def test_the_name_is_indicated_and_an_ip_address_is_not(asked: str | None, sent: str | None, tmp_path: Path) -> None:
    """RFC 6066 §3 allows no IP address in server_name."""
    names: list[str | None] = []

    def note(context: ssl.SSLContext) -> None:
        context.sni_callback = lambda _tls, name, _context: names.append(name)

    with listener(tls_server(CA.apiserver(NAMES, NOW), tmp_path, note)) as address:
        probe(address, server_name=asked)
    assert names == [sent]


def test_the_server_sees_a_complete_handshake_and_no_data() -> None:
    """Else it would log a handshake error for each look."""
    context = CA.apiserver(NAMES, NOW).server_context()
    seen: list[bytes | Exception] = []

    def answer(connection: socket.socket) -> None:
        try:
            with context.wrap_socket(connection, server_side=True, suppress_ragged_eofs=False) as tls:
                seen.append(tls.recv(1024))
        except OSError as error:
            seen.append(error)

    with listener(answer) as address:
        assert isinstance(probe(address), Handshake)
    assert seen == [b""]


def test_a_server_that_says_nothing_costs_the_timeout_and_no_more() -> None:
    """It accepts, and that is all."""
    ended = threading.Event()
    started = time.monotonic()
    with listener(lambda _: void(ended.wait(10))) as address:
        seen = probe(address, timeout=0.3)
        took = time.monotonic() - started
        ended.set()
    assert seen == Failure(Reason.TIMEOUT, "no handshake within 0.3 s")
    assert took < 5


def test_a_server_that_drips_cannot_stretch_the_deadline(tmp_path: Path) -> None:
    """Each byte comes in time, the handshake as a whole does not."""
    ended = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.recv(4096)
        for byte in b"\x16\x03\x03\x40\x00" + bytes(4096):
            if ended.wait(0.05):
                return
            connection.sendall(bytes([byte]))

    started = time.monotonic()
    with listener(drip) as address:
        seen = probe(address, timeout=0.4)
        took = time.monotonic() - started
        ended.set()
    assert isinstance(seen, Failure)
    assert seen.reason is Reason.TIMEOUT
    assert took < 5


def test_a_server_that_speaks_http_does_not_speak_tls() -> None:
    """The words name what went wrong."""

    def http(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    assert fail(http).reason is Reason.TLS_PROTOCOL


def test_junk_is_no_tls() -> None:
    """Bytes that follow no protocol."""

    def junk(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(bytes(range(255, 0, -1)) * 40)

    assert fail(junk).reason is Reason.TLS_PROTOCOL


def test_an_endless_handshake_is_given_up() -> None:
    """Empty messages without end; the bound on the bytes ends it, not the time."""

    def endless(connection: socket.socket) -> None:
        connection.recv(4096)
        while True:
            connection.sendall(b"\x16\x03\x03\x40\x00" + b"\x00\x00\x00\x00" * 4096)

    assert fail(endless).reason in {Reason.TLS_PROTOCOL, Reason.TLS_ALERT}


@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x03\x00\x50\x02\x00"])
def test_a_connection_closed_in_mid_handshake_is_a_reset(sent: bytes) -> None:
    """At once, or within the server's first message."""

    def close(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(sent)

    assert fail(close) == Failure(Reason.RESET, "closed in mid-handshake")


def test_a_reset_connection_is_a_reset() -> None:
    """RST in place of FIN."""

    def reset(connection: socket.socket) -> None:
        connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")

    assert fail(reset).reason is Reason.RESET


def test_an_alert_before_any_certificate_is_the_failure(tmp_path: Path) -> None:
    """A server that knows no such name says unrecognized_name."""

    def refuse(context: ssl.SSLContext) -> None:
        context.sni_callback = lambda *_: ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME

    seen = fail(tls_server(CA.apiserver(NAMES, NOW), tmp_path, refuse))
    assert seen.reason is Reason.TLS_ALERT
    assert "unrecognized name" in seen.words


def test_a_server_may_show_no_certificate_at_all() -> None:
    """Anonymous key exchange, which only TLS 1.2 and earlier have."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("aNULL:@SECLEVEL=0")

    def answer(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as tls:
            tls.recv(1)

    assert fail(answer) == Failure(Reason.TLS_PROTOCOL, "the server presented no certificate")


def test_no_version_in_common_is_a_matter_of_the_protocol() -> None:
    """The alert protocol_version of a server that has only TLS 1.0 or 1.1."""

    def old(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"\x15\x03\x01\x00\x02\x02\x46")

    assert fail(old).reason is Reason.TLS_PROTOCOL


def test_a_certificate_that_cannot_be_parsed_is_malformed() -> None:
    """A TLS 1.2 server's first flight by hand: up to there nothing is encrypted."""
    hello = b"\x03\x03" + bytes(32) + b"\x00" + b"\xc0\x2f" + b"\x00"
    der = b"\x30\x03\x02\x01\x01"
    entry = len(der).to_bytes(3) + der
    body = len(entry).to_bytes(3) + entry
    flight = b"\x02" + len(hello).to_bytes(3) + hello + b"\x0b" + len(body).to_bytes(3) + body

    def serve(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"\x16\x03\x03" + len(flight).to_bytes(2) + flight)
        connection.recv(4096)

    assert fail(serve).reason is Reason.CERTIFICATE_MALFORMED


def test_nobody_listening_is_refused() -> None:
    """The port was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
    seen = probe(address)
    assert isinstance(seen, Failure)
    assert seen.reason is Reason.REFUSED


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b", "x" * 70 + ".invalid"])
def test_a_name_that_does_not_resolve_is_dns(host: str) -> None:
    """RFC 6761 §6.4 keeps .invalid unresolvable; the others are no names at all."""
    seen = probe((host, 443))
    assert isinstance(seen, Failure)
    assert seen.reason is Reason.DNS


def test_a_name_leads_to_the_address_that_answers(tmp_path: Path) -> None:
    """localhost may be ::1 too, where this server does not listen."""
    credential = CA.apiserver(("localhost",), NOW)
    with listener(tls_server(credential, tmp_path)) as (_, port):
        seen = probe(("localhost", port), authorities=read(CA))
    assert isinstance(seen, Handshake)
    assert seen.trusted


def test_the_moment_can_be_given(tmp_path: Path) -> None:
    """In a year and a half it is still good, in three years it is not."""
    credential = CA.apiserver(NAMES, NOW)
    assert look(credential, tmp_path, authorities=read(CA), now=NOW + 1.5 * YEAR).trusted
    late = look(credential, tmp_path, authorities=read(CA), now=NOW + 3 * YEAR)
    assert late.untrusted_reason is Reason.CERTIFICATE_EXPIRED


@pytest.mark.parametrize(("told", "chain"), [([b"leaf", b"ca"], [b"leaf", b"ca"]), (None, [])])
def test_the_chain_is_asked_for_by_the_name_that_newer_pythons_have(
    told: list[bytes] | None, chain: list[bytes]
) -> None:
    """Since 3.13 it is a method, which gives DER."""

    class Newer(ssl.SSLObject):
        def __init__(self) -> None:
            """Of no connection."""

        def get_unverified_chain(self) -> list[bytes] | None:
            return told

    assert presented_chain(Newer()) == chain
