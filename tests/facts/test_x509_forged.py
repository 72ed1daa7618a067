"""Certificates as they should never be made."""

import datetime as dt
import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519
from cryptography.x509.oid import NameOID

from exporter.facts.path import issued_by
from exporter.facts.signature import signed_by
from exporter.facts.x509 import (
    CertificateError,
    certificate,
    certificates,
)
from simulation.pki import Authority, self_signed_linux
from tests.facts.forge import (
    BITS,
    BMP,
    BOOLEAN,
    CA,
    END,
    INTEGER,
    LEAF,
    NULL,
    OCTETS,
    OID,
    SEQUENCE,
    SET,
    START,
    T0,
    UNKNOWN,
    forged,
    generalized,
    name,
    tlv,
    unknown_key,
    utc,
)


def test_the_forging_of_these_tests_makes_certificates() -> None:
    found = certificate(forged())
    assert (found.not_before, found.not_after) == (START, END)
    assert (found.subject, found.issuer, found.serial_number) == ("CN=node", "CN=ca", "1")


@pytest.mark.parametrize(
    "subject",
    [
        name(b"\xff\xfe\x80"),
        name(b"\xc0\xaf"),
        name(b"\xed\xa0\x80"),
        name(b"bits", BITS),
        tlv(SEQUENCE, tlv(SET)),
    ],
    ids=["UTF-8", "overlong", "surrogate", "bit string", "empty RDN"],
)
def test_a_name_that_cannot_be_decoded_hides_neither_dates_nor_identity(subject: bytes) -> None:
    der = forged(subject=subject, issuer=subject)
    found = certificate(der)
    assert (found.not_before, found.not_after) == (START, END)
    assert found.fingerprint_sha256 == hashlib.sha256(der).hexdigest()
    found.subject.encode()
    found.issuer.encode()


def test_an_empty_name_is_empty() -> None:
    assert certificate(forged(subject=tlv(SEQUENCE))).subject == ""


def test_a_subject_of_64_kilobytes_is_read_whole() -> None:
    assert certificate(forged(subject=name(b"x" * 65536))).subject == "CN=" + "x" * 65536


def test_control_characters_in_a_name_are_kept_as_they_are() -> None:
    """Whoever prints them escapes them."""
    assert certificate(forged(subject=name(b'a"\n{}\\'))).subject.startswith("CN=a")


@pytest.mark.parametrize(
    "serial",
    [b"\x00", b"\x80", b"\xff", b"\x00\xff", b"\x01" * 21, b"\x7f" + b"\xff" * 999],
    ids=["zero", "negative", "minus one", "padded", "21 octets", "a thousand octets"],
)
def test_any_serial_number_is_read(serial: bytes) -> None:
    """RFC 5280 §4.1.2.2 wants a positive one of at most 20 octets."""
    found = certificate(forged(serial=serial))
    assert found.serial_number == format(int.from_bytes(serial, "big", signed=True), "x")


@pytest.mark.parametrize(
    ("not_before", "not_after", "start", "end"),
    [
        (utc(b"260101000000Z"), generalized(b"99991231235959Z"), START, 253402300799.0),
        (utc(b"270101000000Z"), utc(b"260101000000Z"), END, START),
        (utc(b"500101000000Z"), utc(b"491231235959Z"), -631152000.0, 2524607999.0),
        (generalized(b"18500101000000Z"), generalized(b"20500101000000Z"), -3786825600.0, 2524608000.0),
        (generalized(b"00010101000000Z"), utc(b"270101000000Z"), -62135596800.0, END),
        (utc(b"260101000000Z"), utc(b"260101000000Z"), START, START),
    ],
    ids=["no end", "wrong way round", "UTCTime's century", "before the epoch", "year one", "no time at all"],
)
def test_any_dates_are_read_as_they_stand(not_before: bytes, not_after: bytes, start: float, end: float) -> None:
    found = certificate(forged(not_before=not_before, not_after=not_after))
    assert (found.not_before, found.not_after, found.lifetime) == (start, end, end - start)


@pytest.mark.parametrize(
    "moment",
    [
        utc(b"26010100Z"),
        utc(b"261301000000Z"),
        utc(b"260101000000"),
        generalized(b"20260230000000Z"),
        generalized(b"00000101000000Z"),
        tlv(NULL),
        b"",
    ],
)
def test_a_certificate_without_readable_dates_is_an_error(moment: bytes) -> None:
    for dates in ({"not_before": moment}, {"not_after": moment}):
        with pytest.raises(CertificateError, match="not a certificate"):
            certificate(forged(**dates))


def ec_key(parameters: bytes, point: bytes) -> bytes:
    return tlv(SEQUENCE, tlv(SEQUENCE, tlv(OID, EC_OID), parameters), tlv(BITS, b"\x00" + point))


EC_OID, CURVE = b"\x2a\x86\x48\xce\x3d\x02\x01", b"\x2a\x86\x48\xce\x3d\x03\x01\x07"


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (unknown_key(), "1.2.3.4.5"),
        (ec_key(tlv(OID, UNKNOWN), b"\x04junk"), "1.2.840.10045.2.1"),
        (ec_key(tlv(OID, CURVE), b"\x04junk"), "1.2.840.10045.2.1"),
        (ec_key(tlv(NULL), b""), "1.2.840.10045.2.1"),
        (unknown_key(b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"), "1.2.840.113549.1.1.1"),
    ],
    ids=["unknown", "unknown curve", "no point", "inherited curve", "no RSA key"],
)
def test_a_key_that_cannot_be_decoded_is_named_by_its_algorithm(key: bytes, algorithm: str) -> None:
    found = certificate(forged(key=key))
    assert (found.key_algorithm, found.not_after) == (algorithm, END)
    assert not issued_by(found, (), (found, *certificates(CA.pem)))


@pytest.mark.parametrize(
    "der",
    [
        forged(key=tlv(SEQUENCE, tlv(SEQUENCE, tlv(OID, EC_OID)), tlv(BITS, b"\x00"))),
        forged(key=ec_key(tlv(SEQUENCE, tlv(INTEGER, b"\x01")), b"")),
        forged(subject=name(b"\xd8\x00\xd8\x00", BMP)),
        forged(issuer=name(b"odd", BMP)),
        forged(subject=name(b"node", 0x1F)),
        forged(serial=b""),
        forged(version=b"\x07"),
        forged(extensions=b"junk"),
    ],
    ids=[
        "no curve",
        "half a curve",
        "BMP surrogates",
        "odd BMP",
        "half a tag",
        "no serial",
        "version 8",
        "no extensions",
    ],
)
def test_what_contradicts_its_own_structure_is_malformed(der: bytes) -> None:
    """An error in words, where a guess at the dates would be the alternative."""
    with pytest.raises(CertificateError, match="not a certificate: "):
        certificate(der)


def test_an_unknown_signature_algorithm_is_named_by_its_number() -> None:
    found = certificate(forged(algorithm=UNKNOWN))
    assert (found.signature_algorithm, found.not_after) == ("1.2.3.4.5", END)
    assert not issued_by(found, (), certificates(CA.pem))


@pytest.mark.parametrize(
    ("key", "algorithm", "signature", "verifies"),
    [
        (ed25519.Ed25519PrivateKey.generate(), "Ed25519", "ed25519", True),
        (ed448.Ed448PrivateKey.generate(), "Ed448", "ed448", False),
        (ec.generate_private_key(ec.SECP384R1()), "ECDSA-P-384", "ecdsa-with-SHA384", True),
        (ec.generate_private_key(ec.SECP256K1()), "ECDSA-secp256k1", "ecdsa-with-SHA384", True),
    ],
    ids=["Ed25519", "Ed448", "P-384", "secp256k1"],
)
def test_other_keys_than_aks_has_are_known_and_verify_where_go_has_them(
    key: ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey | ec.EllipticCurvePrivateKey,
    algorithm: str,
    signature: str,
    verifies: bool,
) -> None:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "self")])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(dt.datetime(2026, 1, 1))
        .not_valid_after(dt.datetime(2027, 1, 1))
        .sign(key, hashes.SHA384() if isinstance(key, ec.EllipticCurvePrivateKey) else None)
    )
    found = certificate(made.public_bytes(serialization.Encoding.DER))
    assert (found.key_algorithm, found.signature_algorithm) == (algorithm, signature)
    assert found.self_issued
    assert signed_by(found, found) is verifies


@pytest.mark.parametrize(
    "extensions",
    [
        tlv(SEQUENCE, tlv(OID, UNKNOWN), tlv(BOOLEAN, b"\xff"), tlv(OCTETS, b"junk")),
        tlv(SEQUENCE, tlv(OID, b"\x55\x1d\x13"), tlv(BOOLEAN, b"\xff"), tlv(OCTETS, b"junk")),
        tlv(SEQUENCE, tlv(OID, b"\x55\x1d\x13"), tlv(OCTETS, tlv(SEQUENCE))) * 2,
    ],
    ids=["unknown and critical", "unreadable", "twice the same"],
)
def test_no_extension_hides_the_dates(extensions: bytes) -> None:
    assert certificate(forged(extensions=extensions)).not_after == END


# ---- who signed


def test_the_key_decides_who_issued_a_certificate_and_the_name_alone_does_not() -> None:
    """Before and after a rotation every AKS cluster CA is CN=ca."""
    former, present = Authority.cluster(T0, number=1), Authority.cluster(T0, number=2)
    (leaf,) = certificates(present.kubelet_client("node", T0).pem)
    assert not issued_by(leaf, (), certificates(former.pem))
    assert issued_by(leaf, (), certificates(present.pem))
    assert issued_by(leaf, (), certificates(former.pem + present.pem))
    assert not issued_by(leaf, (), ())


def test_a_self_signed_certificate_is_nobody_elses() -> None:
    (found,) = certificates(self_signed_linux("node", T0).pem)
    assert found.self_issued
    assert signed_by(found, found)
    assert not issued_by(found, (), (found,))
    assert not issued_by(found, (), certificates(CA.pem))


@pytest.mark.parametrize(
    "leaf", [forged(issuer=name(b"\xff")), forged(algorithm=UNKNOWN), forged(key=unknown_key()), forged(serial=b"\x80")]
)
def test_asking_who_signed_a_strange_certificate_is_answered_with_nobody(leaf: bytes) -> None:
    strange = certificate(leaf)
    assert not issued_by(strange, (), (strange, *certificates(CA.pem)))
    (sound,) = certificates(LEAF.pem)
    assert not issued_by(sound, (), (strange,))
