"""The look at a TLS endpoint, against real servers: what is served, and whether a client would trust it."""

import socket
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID

from exporter.facts.x509 import Certificate, certificates
from exporter.reason import Reason
from exporter.sources.tls import Handshake, presented_chain, probe
from simulation.pki import DAY, YEAR, Authority, Credential, self_signed_linux
from tests.sources.listening import CA, NAMES, NOW, listener, look, tls_server

OTHER_CA_OF_THE_SAME_NAME = Authority.cluster(NOW - DAY, number=1)
SERVER = (ExtendedKeyUsageOID.SERVER_AUTH,)


def read(authority: Authority) -> tuple[Certificate, ...]:
    return certificates(authority.pem)


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
