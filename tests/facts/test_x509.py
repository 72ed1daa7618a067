"""Certificates as CAs make them, as they should never be made, and bytes that are none."""

import base64
import datetime as dt
import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from exporter.demo.pki import YEAR, Authority, certificate_request, self_signed_linux
from exporter.facts.x509 import (
    Certificate,
    CertificateError,
    EmptyFileError,
    NoCertificateError,
    certificate,
    certificates,
    ends_first,
    issued_by,
)

T0 = 1_800_000_000.0
CA = Authority.cluster(T0)
LEAF = CA.kubelet_client("aks-nodepool1-1", T0)
DER = LEAF.certificate.public_bytes(serialization.Encoding.DER)

SHA256_RSA, UNKNOWN = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b", b"\x2a\x03\x04\x05"  # the latter is 1.2.3.4.5
SEQUENCE, SET, INTEGER, BITS, OCTETS, NULL, OID = 0x30, 0x31, 0x02, 0x03, 0x04, 0x05, 0x06
UTF8, PRINTABLE, BMP, UTC_TIME, GENERALIZED_TIME, BOOLEAN = 0x0C, 0x13, 0x1E, 0x17, 0x18, 0x01


def tlv(tag: int, *contents: bytes) -> bytes:
    """One DER element: X.690 §8.1.3."""
    content = b"".join(contents)
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content


def name(common_name: bytes = b"node", kind: int = UTF8) -> bytes:
    """A Name with one common name."""
    return tlv(SEQUENCE, tlv(SET, tlv(SEQUENCE, tlv(OID, b"\x55\x04\x03"), tlv(kind, common_name))))


def utc(text: bytes) -> bytes:
    return tlv(UTC_TIME, text)


def generalized(text: bytes) -> bytes:
    return tlv(GENERALIZED_TIME, text)


PLAIN_KEY = LEAF.certificate.public_key().public_bytes(
    serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
)


def forged(
    *,
    version: bytes = b"\x02",
    serial: bytes = b"\x01",
    subject: bytes = name(),
    issuer: bytes = name(b"ca"),
    not_before: bytes = utc(b"260101000000Z"),
    not_after: bytes = utc(b"270101000000Z"),
    key: bytes = PLAIN_KEY,
    algorithm: bytes = SHA256_RSA,
    extensions: bytes = b"",
) -> bytes:
    """A certificate that nobody signed and no library would make: RFC 5280 §4.1."""
    signature = tlv(SEQUENCE, tlv(OID, algorithm), tlv(NULL))
    body = tlv(
        SEQUENCE,
        tlv(0xA0, tlv(INTEGER, version)),
        tlv(INTEGER, serial),
        signature,
        issuer,
        tlv(SEQUENCE, not_before, not_after),
        subject,
        key,
        tlv(0xA3, tlv(SEQUENCE, extensions)) if extensions else b"",
    )
    return tlv(SEQUENCE, body, signature, tlv(BITS, b"\x00" + b"\x01" * 256))


def pem(der: bytes, label: str = "CERTIFICATE") -> bytes:
    lines = base64.encodebytes(der).decode()
    return f"-----BEGIN {label}-----\n{lines}-----END {label}-----\n".encode()


START, END = 1767225600.0, 1798761600.0
"""2026-01-01 and 2027-01-01, which `forged` certificates have where a test sets nothing else."""


def test_a_kubelets_certificate_is_read_as_kubernetes_and_openssl_print_it() -> None:
    (found,) = certificates(LEAF.pem)
    assert (found.not_before, found.not_after) == (T0 - 300, T0 - 300 + YEAR)
    assert found.lifetime == YEAR
    assert found.subject == "CN=system:node:aks-nodepool1-1,O=system:nodes"
    assert found.issuer == "CN=ca"
    assert found.serial_number == LEAF.serial_number
    assert found.fingerprint_sha256 == hashlib.sha256(DER).hexdigest()
    assert found.public_key_sha256 == hashlib.sha256(PLAIN_KEY).hexdigest()
    assert (found.key_algorithm, found.signature_algorithm) == ("ECDSA-P-256", "sha256WithRSAEncryption")
    assert not found.self_issued
    assert issued_by(found, certificates(CA.pem))


# ---- the file around the certificate


@pytest.mark.parametrize(
    "content",
    [
        LEAF.pem,
        LEAF.key_pem + LEAF.certificate_pem,
        LEAF.pem.replace(b"\n", b"\r\n"),
        LEAF.pem.replace(b"\n", b"\r"),
        b"\xef\xbb\xbf" + LEAF.pem,
        b"subject=CN = node\nissuer=CN = ca\n\xff\xfe---- " + LEAF.pem,
        LEAF.pem.rstrip(),
        LEAF.pem.replace(b"\n", b"\n\n  \t"),
        LEAF.certificate_pem * 3,
        DER,
        certificate_request("node") + LEAF.pem,
        pem(DER, "TRUSTED CERTIFICATE") + LEAF.pem,
    ],
    ids=[
        "certificate, key",
        "key, certificate",
        "CRLF",
        "CR",
        "BOM",
        "text before",
        "no newline at the end",
        "white space",
        "three times the same",
        "DER",
        "request before",
        "OpenSSL's own form before",
    ],
)
def test_a_certificate_is_found_whatever_stands_around_it(content: bytes) -> None:
    assert [found.der for found in certificates(content)] == [DER]


@pytest.mark.parametrize("content", [b"", b" \r\n\t"])
def test_a_file_without_anything_in_it_is_empty(content: bytes) -> None:
    with pytest.raises(EmptyFileError, match="empty"):
        certificates(content)


@pytest.mark.parametrize(
    "content",
    [
        LEAF.key_pem,
        b"\x00\xff\xfe junk \x80" * 100,
        b"plain text",
        certificate_request("node"),
        b"\x30\x03\x02\x01\x01",
        DER[:-1],
        DER + b"\x00",
        "﻿".encode("utf-16") + LEAF.pem.decode().encode("utf-16"),
        b"-----BEGIN CERTIFICATE----",
    ],
    ids=["key", "junk", "text", "request", "other DER", "cut DER", "more than DER", "UTF-16", "half a line"],
)
def test_a_file_with_other_things_in_it_holds_no_certificate(content: bytes) -> None:
    with pytest.raises(NoCertificateError) as caught:
        certificates(content)
    assert type(caught.value) is NoCertificateError
    assert b"KEY" not in str(caught.value).encode()


@pytest.mark.parametrize(
    "content",
    [
        LEAF.certificate_pem[:-40],
        LEAF.certificate_pem[:400],
        LEAF.certificate_pem.replace(b"MI", b"!!", 1),
        LEAF.certificate_pem.replace(b"\n-----END", b"=A\n-----END"),
        pem(b""),
        pem(DER[:-10]),
        pem(b"\x30\x03\x02\x01\x01"),
        LEAF.certificate_pem + CA.pem[:300],
        CA.pem + pem(b"junk") + LEAF.certificate_pem,
    ],
)
def test_a_broken_certificate_is_an_error_even_beside_a_sound_one(content: bytes) -> None:
    """Half a bundle is not an answer. The words are one line that says which one."""
    with pytest.raises(CertificateError, match=r"^certificate \d[^\n]+$") as caught:
        certificates(content)
    assert type(caught.value) is CertificateError


def test_two_leaves_in_one_file_are_both_there_in_their_order() -> None:
    other = CA.kubelet_client("aks-nodepool1-2", T0 - 86400)
    both = certificates(LEAF.pem + other.pem)
    assert [found.serial_number for found in both] == [LEAF.serial_number, other.serial_number]
    assert ends_first(both).serial_number == other.serial_number


def test_three_hundred_certificates_are_all_there() -> None:
    """A CA bundle of an operating system is half as long."""
    bundle = b"".join(pem(forged(serial=number.to_bytes(2, "big"))) for number in range(256, 556))
    found = certificates(bundle)
    assert [int(one.serial_number, 16) for one in found] == list(range(256, 556))


# ---- certificates as they should never be made


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
    [utc(b"2601010000Z"), utc(b"261301000000Z"), utc(b"260101000000"), generalized(b"20260230000000Z"), tlv(NULL), b""],
)
def test_a_certificate_without_readable_dates_is_an_error(moment: bytes) -> None:
    with pytest.raises(CertificateError, match="not a certificate"):
        certificate(forged(not_after=moment))


def unknown_key(oid: bytes = UNKNOWN) -> bytes:
    return tlv(SEQUENCE, tlv(SEQUENCE, tlv(OID, oid)), tlv(BITS, b"\x00key"))


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
    assert not issued_by(found, (found, *certificates(CA.pem)))


@pytest.mark.parametrize(
    "der",
    [
        forged(key=tlv(SEQUENCE, tlv(SEQUENCE, tlv(OID, EC_OID)), tlv(BITS, b"\x00"))),
        forged(key=ec_key(tlv(SEQUENCE, tlv(INTEGER, b"\x01")), b"")),
        forged(subject=name(b"\xd8\x00\xd8\x00", BMP)),
        forged(issuer=name(b"odd", BMP)),
        forged(subject=name(b"node", 0x1F)),
        forged(serial=b""),
        forged(version=b"\x01"),
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
        "version 2",
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
    assert not issued_by(found, certificates(CA.pem))


@pytest.mark.parametrize(
    ("key", "algorithm", "signature"),
    [
        (ed25519.Ed25519PrivateKey.generate(), "Ed25519", "ed25519"),
        (ed448.Ed448PrivateKey.generate(), "Ed448", "ed448"),
        (ec.generate_private_key(ec.SECP384R1()), "ECDSA-P-384", "ecdsa-with-SHA384"),
        (ec.generate_private_key(ec.SECP256K1()), "ECDSA-secp256k1", "ecdsa-with-SHA384"),
    ],
    ids=["Ed25519", "Ed448", "P-384", "secp256k1"],
)
def test_other_keys_than_aks_has_are_known_and_verify(
    key: ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey | ec.EllipticCurvePrivateKey, algorithm: str, signature: str
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
    assert issued_by(found, (found,))


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
    assert not issued_by(leaf, certificates(former.pem))
    assert issued_by(leaf, certificates(present.pem))
    assert issued_by(leaf, certificates(former.pem + present.pem))
    assert not issued_by(leaf, ())


def test_a_self_signed_certificate_is_nobody_elses() -> None:
    (found,) = certificates(self_signed_linux("node", T0).pem)
    assert found.self_issued
    assert issued_by(found, (found,))
    assert not issued_by(found, certificates(CA.pem))


@pytest.mark.parametrize(
    "leaf", [forged(issuer=name(b"\xff")), forged(algorithm=UNKNOWN), forged(key=unknown_key()), forged(serial=b"\x80")]
)
def test_asking_who_signed_a_strange_certificate_is_answered_with_nobody(leaf: bytes) -> None:
    strange = certificate(leaf)
    assert not issued_by(strange, (strange, *certificates(CA.pem)))
    (sound,) = certificates(LEAF.pem)
    assert not issued_by(sound, (strange,))


# ---- anything at all


def sound(found: Certificate) -> None:
    """What holds of every certificate that was read."""
    assert found.lifetime == found.not_after - found.not_before
    assert int(found.serial_number, 16) is not None
    assert len(found.fingerprint_sha256) == 64
    assert len(found.public_key_sha256) in {0, 64}
    issued_by(found, (found,))
    for text in (found.subject, found.issuer, found.key_algorithm, found.signature_algorithm):
        text.encode()


def meet(content: bytes) -> None:
    """The only ways in which bytes may be received."""
    try:
        for found in certificates(content):
            sound(found)
    except CertificateError as error:
        assert str(error)
        assert "\n" not in str(error)


@given(st.binary(max_size=400))
def test_any_bytes_are_certificates_or_an_error_of_ours(content: bytes) -> None:
    meet(content)
    meet(pem(content))
    meet(tlv(SEQUENCE, content))


@given(st.data())
def test_a_certificate_with_any_bytes_changed_is_read_or_an_error_of_ours(data: st.DataObject) -> None:
    start = data.draw(
        st.sampled_from(
            [DER, forged(), forged(extensions=b""), CA.certificate.public_bytes(serialization.Encoding.DER)]
        )
    )
    changed = bytearray(start)
    for place in data.draw(st.lists(st.integers(0, len(start) - 1), min_size=1, max_size=8)):
        changed[place] = data.draw(st.integers(0, 255))
    meet(bytes(changed))
    meet(pem(bytes(changed)))


@given(st.data())
def test_a_pem_file_cut_and_put_together_anyhow_is_read_or_an_error_of_ours(data: st.DataObject) -> None:
    pieces = [
        LEAF.certificate_pem,
        LEAF.key_pem,
        CA.pem,
        b"-----BEGIN CERTIFICATE-----",
        b"-----END CERTIFICATE-----",
        b"\r\n",
    ]
    content = b""
    for piece in data.draw(st.lists(st.sampled_from(pieces), max_size=6)):
        begin = data.draw(st.integers(0, len(piece)))
        content += piece[begin : data.draw(st.integers(begin, len(piece)))]
    meet(content)


@given(
    serial=st.binary(min_size=1, max_size=40),
    subject=st.builds(name, st.binary(max_size=40), st.integers(1, 30)),
    not_after=st.builds(tlv, st.sampled_from([UTC_TIME, GENERALIZED_TIME]), st.binary(max_size=20)),
    key=st.builds(unknown_key, st.binary(min_size=1, max_size=10)),
    algorithm=st.binary(min_size=1, max_size=10),
)
def test_any_field_may_hold_anything(
    serial: bytes, subject: bytes, not_after: bytes, key: bytes, algorithm: bytes
) -> None:
    meet(pem(forged(serial=serial)))
    meet(pem(forged(subject=subject)))
    meet(pem(forged(not_after=not_after)))
    meet(pem(forged(key=key)))
    meet(pem(forged(algorithm=algorithm)))
    meet(pem(forged(serial=serial, subject=subject, issuer=subject, key=key, algorithm=algorithm)))
