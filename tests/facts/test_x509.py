"""Certificates as CAs make them, and files that hold other things."""

import hashlib
from dataclasses import fields, replace

import pytest
from cryptography.hazmat.primitives import serialization

from exporter.facts import x509
from exporter.facts.der import layout
from exporter.facts.path import issued_by
from exporter.facts.purpose import purpose
from exporter.facts.x509 import (
    MOST_SERVED,
    Certificate,
    CertificateError,
    EmptyFileError,
    NoCertificateError,
    authority_file,
    certificate,
    certificate_file,
    certificates,
    ends_first,
    key_file,
    load,
    served_chain,
)
from simulation.pki import YEAR, certificate_request
from tests.facts.forge import CA, DER, LEAF, PLAIN_KEY, START, T0, forged, pem, utc


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
    assert issued_by(found, (), certificates(CA.pem))


# ---- the file around the certificate


@pytest.mark.parametrize(
    "content",
    [
        LEAF.pem,
        LEAF.key_pem + LEAF.certificate_pem,
        LEAF.pem.replace(b"\n", b"\r\n"),
        b"subject=CN = node\nissuer=CN = ca\n\xff\xfe----\n" + LEAF.pem,
        LEAF.pem.rstrip(),
        LEAF.pem.replace(b"\n", b" \t\n"),
        LEAF.certificate_pem.replace(b"M", b"M\n \t\n", 3),
        LEAF.certificate_pem * 3,
        certificate_request("node") + LEAF.pem,
        pem(DER, "TRUSTED CERTIFICATE") + LEAF.pem,
    ],
    ids=[
        "certificate, key",
        "key, certificate",
        "CRLF",
        "text before",
        "no newline at the end",
        "white space at the end of lines",
        "white space in the body",
        "three times the same",
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
        DER,
        "﻿".encode("utf-16") + LEAF.pem.decode().encode("utf-16"),
        b"-----BEGIN CERTIFICATE----",
    ],
    ids=["key", "junk", "text", "request", "other DER", "cut DER", "more than DER", "DER", "UTF-16", "half a line"],
)
def test_a_file_with_other_things_in_it_holds_no_certificate(content: bytes) -> None:
    with pytest.raises(NoCertificateError) as caught:
        certificates(content)
    assert type(caught.value) is NoCertificateError
    assert b"KEY" not in str(caught.value).encode()


BROKEN = (
    LEAF.certificate_pem[:-40],
    LEAF.certificate_pem[:400],
    LEAF.certificate_pem.replace(b"MI", b"!!", 1),
    LEAF.certificate_pem.replace(b"\n-----END", b"=A\n-----END"),
    pem(b""),
    pem(DER[:-10]),
    pem(b"\x30\x03\x02\x01\x01"),
    b"\xef\xbb\xbf" + LEAF.certificate_pem,
    LEAF.certificate_pem.replace(b"\n", b"\r"),
    LEAF.certificate_pem.replace(b"\n", b" "),
    b"  " + LEAF.certificate_pem.replace(b"\n", b"\n  "),
)


@pytest.mark.parametrize(
    ("words", "line"), [("x" * 200, "x" * 200), ("x" * 201, "x" * 200), (" a\n b ", "a b"), (" \n", "ValueError")]
)
def test_what_the_library_says_is_one_line_of_200_characters(words: str, line: str) -> None:
    assert x509._one_line(ValueError(words)) == line


@pytest.mark.parametrize("content", BROKEN)
def test_a_certificate_that_cannot_be_read_is_an_error_in_one_line(content: bytes) -> None:
    """A4: what the kubelet cannot load is no certificate in use, however plainly it is there."""
    for read in (certificates, certificate_file):
        with pytest.raises(CertificateError, match=r"^[^\n]*certificate[^\n]+$") as caught:
            read(content)
        assert type(caught.value) is CertificateError


@pytest.mark.parametrize("content", BROKEN)
def test_a_broken_certificate_hides_no_sound_one_and_is_told(content: bytes) -> None:
    """B4, B5: the other members of a bundle count, and the file is not called sound."""
    for bundle in (CA.pem + b"\n" + content, content + b"\n" + CA.pem, content + b"\n" + CA.pem + content):
        found = authority_file(bundle)
        assert [one.subject for one in found.certificates] == ["CN=ca"]
        assert "\n" not in found.fault
        assert found.fault


def test_the_first_certificate_of_a_leafs_file_has_no_deputy() -> None:
    """A3: the kubelet uses the first certificate. Where that is no certificate, it does not go on to the next."""
    with pytest.raises(CertificateError, match="certificate 1: not a certificate"):
        certificate_file(pem(b"junk") + LEAF.pem)
    found = certificate_file(CA.pem + LEAF.pem)
    assert found.certificates[0].subject == "CN=ca"
    assert certificate_file(LEAF.pem + pem(b"junk")).certificates[0].serial_number == LEAF.serial_number


def test_a_member_of_a_bundle_with_pem_headers_is_passed_over_as_in_go_and_a_leaf_is_not() -> None:
    """A4: `tls.X509KeyPair` reads past header lines; `x509.CertPool.AppendCertsFromPEM` takes no block that has any."""
    headed = LEAF.certificate_pem.replace(b"-----\n", b"-----\nfriendlyName: node\n\n", 1)
    assert certificate_file(headed + LEAF.key_pem).certificates[0].serial_number == LEAF.serial_number
    with pytest.raises(CertificateError):
        certificates(headed)


@pytest.mark.parametrize(
    "comment", ["# Autorité de certification\n".encode(), "Größe\r\n".encode("latin-1"), b"\xff\n"]
)
def test_comments_of_a_bundle_may_be_in_any_encoding(comment: bytes) -> None:
    """B4: text between the blocks is nobody's business (RFC 7468 §2)."""
    found = authority_file(comment + CA.pem + comment)
    assert ([one.subject for one in found.certificates], found.fault) == (["CN=ca"], "")


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


# ---- what a file and a served chain come to, whole

JUNK = pem(b"junk")
OTHER = CA.kubelet_client("aks-nodepool1-2", T0)
OTHER_DER = OTHER.certificate.public_bytes(serialization.Encoding.DER)
FIRST, SECOND, ROOT = certificate(DER), certificate(OTHER_DER), certificates(CA.pem)[0]
BROKEN_FIRST = r"\Acertificate 1: not a certificate: error parsing asn1 value: [^\n]+\Z"
PLACE = "a certificate is not base64, or something else is on a line with its first or last"


@pytest.mark.parametrize(
    ("content", "members", "key", "fault"),
    [
        (LEAF.pem, (FIRST,), True, ""),
        (LEAF.certificate_pem, (FIRST,), False, ""),
        (LEAF.certificate_pem + OTHER.certificate_pem + LEAF.pem, (FIRST, SECOND), True, ""),
        (LEAF.certificate_pem + JUNK + JUNK, (FIRST,), False, "certificate 2: not a certificate: error parsing"),
        (LEAF.certificate_pem + b"x" + OTHER.pem, (FIRST,), True, f"1 of 2 certificates are passed over: {PLACE}"),
        (
            LEAF.certificate_pem + b"x" + OTHER.pem + b"y" + OTHER.certificate_pem,
            (FIRST,),
            True,
            f"2 of 3 certificates are passed over: {PLACE}",
        ),
    ],
)
def test_a_file_is_its_certificates_its_key_and_what_is_wrong(
    content: bytes, members: tuple[Certificate, ...], key: bool, fault: str
) -> None:
    for read in (certificate_file, authority_file):
        found = read(content)
        assert (found.certificates, found.private_key) == (members, key)
        assert found.fault.startswith(fault)
        assert bool(found.fault) is bool(fault)
    assert key_file(content) is key
    assert certificates(content) == members


def test_a_bundle_counts_its_members_from_one_and_tells_of_the_first_that_is_broken() -> None:
    found = authority_file(JUNK + CA.pem + pem(b"\x30\x00"))
    assert found.certificates == (ROOT,)
    assert found.fault.startswith("certificate 1: not a certificate: ")
    headed = CA.pem.replace(b"-----\n", b"-----\na: b\n\n", 1)
    passed = authority_file(headed + LEAF.certificate_pem)
    assert (passed.certificates, passed.fault) == ((FIRST,), f"1 of 2 certificates are passed over: {PLACE}")
    for read in (authority_file, certificate_file):
        with pytest.raises(CertificateError, match=BROKEN_FIRST):
            read(JUNK + pem(b"\x30\x00"))


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        (b"", EmptyFileError, "the file is empty"),
        (b" \r\n\t", EmptyFileError, "the file is empty"),
        (DER, NoCertificateError, "the file is DER, and PEM is wanted"),
        (b"text", NoCertificateError, "the file holds no certificate"),
        (LEAF.key_pem, NoCertificateError, "the file holds no certificate"),
        (
            b" " + LEAF.certificate_pem,
            CertificateError,
            "no certificate that the kubelet could load: its lines are indented",
        ),
    ],
)
def test_a_file_without_a_certificate_says_what_it_is(
    content: bytes, kind: type[CertificateError], message: str
) -> None:
    for read in (certificate_file, authority_file):
        with pytest.raises(CertificateError) as caught:
            read(content)
        assert (type(caught.value), str(caught.value)) == (kind, message)
    assert key_file(content) is (content == LEAF.key_pem)


def test_a_served_chain_is_its_leaf_and_what_can_be_read_behind_it() -> None:
    """Each once, and so many that no server can make work of them."""
    root = CA.certificate.public_bytes(serialization.Encoding.DER)
    assert served_chain([DER]) == (FIRST,)
    assert served_chain([DER, root, b"junk", root, DER, OTHER_DER]) == (FIRST, ROOT, SECOND)
    with pytest.raises(CertificateError):
        served_chain([b"junk", DER])
    many = [forged(serial=number.to_bytes(2, "big")) for number in range(256, 256 + 110)]
    assert [found.der for found in served_chain(many)] == many[:100]
    assert MOST_SERVED == 100


def test_the_library_sees_a_certificate_as_it_is_or_repaired() -> None:
    """And refuses what it cannot be made to take, in the words that it has for what is there."""
    odd = forged(not_before=utc(b"2601010000Z"))
    assert [load(der)[1] for der in (DER, odd)] == [True, False]
    assert load(odd)[0].not_valid_before_utc.timestamp() == START
    with pytest.raises(CertificateError, match=r"\Anot a certificate: error parsing asn1 value: .*ShortData"):
        load(DER[:-1])


def test_a_certificate_is_read_into_every_field() -> None:
    assert replace(FIRST, purpose=None) == FIRST
    assert vars_of(FIRST) == {
        "not_before": T0 - 300,
        "not_after": T0 - 300 + YEAR,
        "subject": "CN=system:node:aks-nodepool1-1,O=system:nodes",
        "issuer": "CN=ca",
        "serial_number": LEAF.serial_number,
        "fingerprint_sha256": hashlib.sha256(DER).hexdigest(),
        "public_key_sha256": hashlib.sha256(PLAIN_KEY).hexdigest(),
        "key_algorithm": "ECDSA-P-256",
        "signature_algorithm": "sha256WithRSAEncryption",
        "der": DER,
        "purpose": purpose(layout(DER)),
    }


def vars_of(found: Certificate) -> dict[str, object]:
    return {field.name: getattr(found, field.name) for field in fields(found)}
