"""The name of a certificate's key, by which people know it, and what tells two keys apart."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from exporter.facts.x509 import certificate
from tests.facts.forge import BITS, OID, SEQUENCE, forged, tlv

SIGNER = ec.generate_private_key(ec.SECP256R1())
Private = (
    rsa.RSAPrivateKey
    | ec.EllipticCurvePrivateKey
    | ed25519.Ed25519PrivateKey
    | ed448.Ed448PrivateKey
    | dsa.DSAPrivateKey
)
KEYS: dict[str, Callable[[], Private]] = {
    "RSA-2048": lambda: rsa.generate_private_key(65537, 2048),
    "ECDSA-P-256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ECDSA-P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ECDSA-P-521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "ECDSA-secp256k1": lambda: ec.generate_private_key(ec.SECP256K1()),
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
    "Ed448": ed448.Ed448PrivateKey.generate,
    "DSA-1024": lambda: dsa.generate_private_key(1024),
}


@pytest.mark.parametrize("name", KEYS)
def test_a_key_has_the_name_that_people_know_it_by(name: str) -> None:
    key = KEYS[name]().public_key()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    builder = x509.CertificateBuilder(subject, subject, key, 1, datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1))
    found = certificate(builder.sign(SIGNER, hashes.SHA256()).public_bytes(Encoding.DER))
    assert found.key_algorithm == name
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert found.public_key_sha256 == hashlib.sha256(spki).hexdigest()


@pytest.mark.parametrize(
    ("oid", "parameters", "algorithm", "parsed"),
    [
        ("2a864886f70d010101", b"", "1.2.840.113549.1.1.1", False),
        ("2a8648ce3d0201", tlv(OID, bytes.fromhex("2a8648ce3d030107")), "1.2.840.10045.2.1", False),
        ("2a030405", b"", "1.2.3.4.5", True),
    ],
    ids=["RSA", "ECDSA", "unknown"],
)
def test_go_parses_a_key_of_a_kind_that_it_does_not_have_and_no_broken_one(
    oid: str, parameters: bytes, algorithm: str, parsed: bool
) -> None:
    """crypto/x509, parsePublicKey."""
    key = tlv(SEQUENCE, tlv(SEQUENCE, tlv(OID, bytes.fromhex(oid)), parameters), tlv(BITS, b"\x00junk"))
    found = certificate(forged(key=key))
    assert (found.key_algorithm, found.public_key_sha256) == (algorithm, "")
    assert (found.purpose is not None) is parsed
