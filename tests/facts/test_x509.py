"""Certificates as CAs make them, and files that hold other things."""

import hashlib

import pytest

from exporter.facts.x509 import (
    CertificateError,
    EmptyFileError,
    NoCertificateError,
    certificates,
    ends_first,
    issued_by,
)
from simulation.pki import YEAR, certificate_request
from tests.facts.forge import CA, DER, LEAF, PLAIN_KEY, T0, forged, pem


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
