"""Certificates whose dates can be read: those that Go's x509.ParseCertificate takes, and those that it refuses."""

import pytest

from exporter.facts.der import children
from exporter.facts.usability import Usability, usability
from exporter.facts.x509 import authority_file, certificate
from exporter.reason import Role
from tests.facts.forge import (
    BITS,
    BOOLEAN,
    CA,
    END,
    INTEGER,
    NULL,
    OCTETS,
    OID,
    PLAIN_KEY,
    SEQUENCE,
    SET,
    START,
    forged,
    name,
    pem,
    tlv,
    utc,
)

CRITICAL = tlv(BOOLEAN, b"\xff")
EC, P256, SECP256K1 = b"\x2a\x86\x48\xce\x3d\x02\x01", b"\x2a\x86\x48\xce\x3d\x03\x01\x07", b"\x2b\x81\x04\x00\x0a"
IA5 = 0x16


def extension(arc: int, value: bytes, *before: bytes) -> bytes:
    """An extension of 2.5.29."""
    return tlv(SEQUENCE, tlv(OID, bytes([0x55, 0x1D, arc])), *before, tlv(OCTETS, value))


def ec_key(curve: bytes, point: bytes = b"\x04" + b"\x01" * 64) -> bytes:
    return tlv(SEQUENCE, tlv(SEQUENCE, tlv(OID, EC), tlv(OID, curve)), tlv(BITS, b"\x00" + point))


def several(*contents: bytes) -> bytes:
    return b"".join(contents)


USAGES = extension(37, tlv(SEQUENCE, tlv(OID, b"\x2b\x06\x01\x05\x05\x07\x03\x02")))
REFUSED = {
    "two signature algorithms": forged().replace(b"\x0b\x05\x00\x03", b"\x0c\x05\x00\x03", 1),
    "a negative serial number": forged(serial=b"\xff"),
    "an issuer that is not UTF-8": forged(issuer=name(b"\xff")),
    "an IA5 string beyond ASCII": forged(subject=name(b"\xe4", IA5)),
    "a name that is no text": forged(subject=name(b"a", BITS)),
}


@pytest.mark.parametrize("der", REFUSED.values(), ids=REFUSED)
def test_what_go_does_not_parse_is_no_certificate_in_use(der: bytes) -> None:
    """A4, B5: its dates are told, and the kubelet cannot load it."""
    found = certificate(der)
    assert (found.not_before, found.not_after) == (START, END)
    assert found.purpose is None
    assert usability(Role.KUBELET_CLIENT, found, "node") is Usability.UNLOADABLE


BEHIND = tlv(NULL)
TAKEN = {
    "version 1 written out": forged(version=b"\x00"),
    "version 2": forged(version=b"\x01"),
    "more behind the dates": forged(not_after=several(utc(b"270101000000Z"), BEHIND)),
    "more behind a name": forged(
        subject=tlv(SEQUENCE, tlv(SET, tlv(SEQUENCE, tlv(OID, b"\x55\x04\x03"), tlv(0x0C, b"node"), BEHIND)))
    ),
    "more behind a key": forged(key=tlv(SEQUENCE, next(children(PLAIN_KEY)).content, BEHIND)),
    "more behind an extension": forged(
        extensions=tlv(SEQUENCE, tlv(OID, b"\x55\x1d\x0f"), CRITICAL, tlv(OCTETS, tlv(BITS, b"\x07\x80")), BEHIND)
    ),
    "more behind an extension's value": forged(extensions=extension(37, several(tlv(SEQUENCE), BEHIND))),
    "basicConstraints with the default": forged(extensions=extension(19, tlv(SEQUENCE, tlv(BOOLEAN, b"\x00")))),
    "an empty list of uses": forged(extensions=extension(37, tlv(SEQUENCE))),
    "a path length of its own": forged(extensions=extension(19, tlv(SEQUENCE, tlv(INTEGER, b"\x05")), CRITICAL)),
}


@pytest.mark.parametrize("der", TAKEN.values(), ids=TAKEN)
def test_what_go_parses_is_a_certificate(der: bytes) -> None:
    """B5: stricter readers refuse most of these, and a whole bundle with them."""
    found = certificate(der)
    assert (found.not_before, found.not_after, found.subject) == (START, END, "CN=node")
    assert found.purpose is not None
    assert found.purpose.common_name == "node"
    bundle = authority_file(pem(der) + CA.pem)
    assert (len(bundle.certificates), bundle.fault) == (2, "")
