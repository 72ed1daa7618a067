"""Certificates that no library would make, element by element: DER by hand."""

import base64

from cryptography.hazmat.primitives import serialization

from simulation.pki import Authority

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
    parameters: bytes = tlv(NULL),
    extensions: bytes = b"",
) -> bytes:
    """A certificate that nobody signed and no library would make: RFC 5280 §4.1."""
    signature = tlv(SEQUENCE, tlv(OID, algorithm), parameters)
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


def unknown_key(oid: bytes = UNKNOWN) -> bytes:
    return tlv(SEQUENCE, tlv(SEQUENCE, tlv(OID, oid)), tlv(BITS, b"\x00key"))
