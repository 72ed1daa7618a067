"""Signatures over certificates that the library takes, and over those that had to be repaired for it."""

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa, x25519
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from exporter.facts.der import children
from exporter.facts.signature import named_issuer, signed_by
from exporter.facts.verification import verifies
from exporter.facts.x509 import Certificate, certificate
from tests.facts.forge import (
    BITS,
    BOOLEAN,
    DER,
    END,
    INTEGER,
    NULL,
    OCTETS,
    OID,
    SEQUENCE,
    SHA256_RSA,
    UNKNOWN,
    forged,
    name,
    tlv,
    unknown_key,
)

Sign = Callable[[bytes], bytes]
RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED25519, ED448 = ed25519.Ed25519PrivateKey.generate(), ed448.Ed448PrivateKey.generate()
NOT_CRITICAL = tlv(SEQUENCE, tlv(OID, b"\x55\x1d\x0f"), tlv(BOOLEAN, b"\x00"), tlv(OCTETS, tlv(BITS, b"\x07\x80")))
"""`critical FALSE` written out: the library refuses a certificate that has it."""
HASHES: dict[str, hashes.HashAlgorithm] = {
    "2a864886f70d01010b": hashes.SHA256(),
    "2a864886f70d01010c": hashes.SHA384(),
    "2a864886f70d01010d": hashes.SHA512(),
    "2a8648ce3d040302": hashes.SHA256(),
    "2a8648ce3d040303": hashes.SHA384(),
    "2a8648ce3d040304": hashes.SHA512(),
}
"""RFC 8017 Appendix C and RFC 5758 §3.2, as they are in a certificate: three for RSA, three for ECDSA."""


def with_rsa(algorithm: hashes.HashAlgorithm) -> Sign:
    return lambda body: RSA.sign(body, padding.PKCS1v15(), algorithm)


def with_ec(algorithm: hashes.HashAlgorithm) -> Sign:
    return lambda body: EC.sign(body, ec.ECDSA(algorithm))


def child(algorithm: bytes, sign: Sign, extensions: bytes = NOT_CRITICAL, parameters: bytes = tlv(NULL)) -> Certificate:
    """A certificate that says it is signed so, with this signature over its own bytes."""
    (whole,) = children(forged(algorithm=algorithm, parameters=parameters, extensions=extensions))
    body, outer, _ = children(whole.content)
    return certificate(tlv(SEQUENCE, body.whole, outer.whole, tlv(BITS, b"\x00" + sign(body.whole))))


def authority(key: PublicKeyTypes) -> Certificate:
    """A CA of this key; nobody asks who signed it."""
    spki = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return certificate(forged(subject=name(b"ca"), key=spki))


BY_RSA, BY_EC = authority(RSA.public_key()), authority(EC.public_key())


@pytest.mark.parametrize(("number", "algorithm"), list(enumerate(HASHES)))
def test_the_signature_of_a_repaired_certificate_verifies_as_its_algorithm_says(number: int, algorithm: str) -> None:
    """B5: over its own bytes; with the key of the other kind, another hash or a byte changed it does not."""
    named, used = bytes.fromhex(algorithm), HASHES[algorithm]
    sign, issuer, other = (with_rsa, BY_RSA, BY_EC) if number < 3 else (with_ec, BY_EC, BY_RSA)
    found = child(named, sign(used))
    assert [verifies(found, one) for one in (issuer, other)] == [True, False]
    assert signed_by(found, issuer)
    wrong = hashes.SHA384() if isinstance(used, hashes.SHA256) else hashes.SHA256()
    assert not verifies(child(named, sign(wrong)), issuer)
    crossed = child(named, (with_ec if number < 3 else with_rsa)(used))
    assert [verifies(crossed, one) for one in (issuer, other)] == [False, False]
    assert not verifies(child(named, lambda body: sign(used)(body + b"\x00")), issuer)


def test_a_key_that_signs_without_a_hash_verifies_too() -> None:
    issuer, named = authority(ED25519.public_key()), bytes.fromhex("2b6570")
    for extensions in (b"", NOT_CRITICAL):
        assert verifies(child(named, ED25519.sign, extensions, b""), issuer)
        assert not verifies(child(named, lambda body: ED25519.sign(body + b"\x00"), extensions, b""), issuer)
    assert not verifies(child(SHA256_RSA, ED25519.sign), issuer)


def test_an_rsa_signature_may_be_padded_the_other_way() -> None:
    """RFC 4055: the hash is among the parameters."""
    sha256 = tlv(SEQUENCE, tlv(OID, bytes.fromhex("608648016503040201")), tlv(NULL))
    mask = tlv(SEQUENCE, tlv(OID, bytes.fromhex("2a864886f70d010108")), sha256)
    parameters = tlv(SEQUENCE, tlv(0xA0, sha256), tlv(0xA1, mask), tlv(0xA2, tlv(INTEGER, b"\x20")))
    padded = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    named = bytes.fromhex("2a864886f70d01010a")
    found = child(named, lambda body: RSA.sign(body, padded, hashes.SHA256()), b"", parameters)
    assert [verifies(found, one) for one in (BY_RSA, BY_EC)] == [True, False]


DSA = dsa.generate_private_key(1024)
UNTAKEN: dict[str, tuple[str, Sign, PublicKeyTypes, bytes]] = {
    "SHA-1 with RSA": ("2a864886f70d010105", with_rsa(hashes.SHA1()), RSA.public_key(), tlv(NULL)),
    "SHA-1 with ECDSA": ("2a8648ce3d0401", with_ec(hashes.SHA1()), EC.public_key(), b""),
    "SHA-224 with RSA": ("2a864886f70d01010e", with_rsa(hashes.SHA224()), RSA.public_key(), tlv(NULL)),
    "SHA-224 with ECDSA": ("2a8648ce3d040301", with_ec(hashes.SHA224()), EC.public_key(), b""),
    "SHA-3 with RSA": ("60864801650304030e", with_rsa(hashes.SHA3_256()), RSA.public_key(), tlv(NULL)),
    "DSA": ("608648016503040302", lambda body: DSA.sign(body, hashes.SHA256()), DSA.public_key(), b""),
    "Ed448": ("2b6571", ED448.sign, ED448.public_key(), b""),
}


@pytest.mark.parametrize("case", UNTAKEN)
def test_a_signature_that_go_does_not_take_verifies_nothing(case: str) -> None:
    """A client or an API server refuses what is signed so, whatever the library says."""
    algorithm, sign, key, parameters = UNTAKEN[case]
    for extensions in (b"", NOT_CRITICAL):
        assert not verifies(child(bytes.fromhex(algorithm), sign, extensions, parameters), authority(key))


def test_parameters_that_an_algorithm_does_not_have_are_passed_over() -> None:
    """B5: an ECDSA signature with NULL for parameters, as some CAs make it, is one to Go."""
    ecdsa = bytes.fromhex("2a8648ce3d040302")
    for parameters in (b"", tlv(NULL)):
        found = child(ecdsa, with_ec(hashes.SHA256()), b"", parameters)
        assert (found.signature_algorithm, found.not_after) == ("ecdsa-with-SHA256", END)
        assert [verifies(found, one) for one in (BY_EC, BY_RSA)] == [True, False]


PLAIN = child(SHA256_RSA, with_rsa(hashes.SHA256()), b"")
REPAIRED = child(SHA256_RSA, with_rsa(hashes.SHA256()))
OTHERS = {
    "another RSA key": authority(rsa.generate_private_key(65537, 2048).public_key()),
    "a key of another kind": BY_EC,
    "a key that signs nothing": authority(x25519.X25519PrivateKey.generate().public_key()),
    "DSA": authority(dsa.generate_private_key(1024).public_key()),
    "a key of a kind that is not known": certificate(forged(subject=name(b"ca"), key=unknown_key())),
    "a key that is none": certificate(
        forged(subject=name(b"ca"), key=unknown_key(b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"))
    ),
}


@pytest.mark.parametrize("case", OTHERS)
def test_what_another_key_did_not_sign_does_not_verify_with_it(case: str) -> None:
    """Whatever that key is: an answer, and no error."""
    assert [verifies(one, BY_RSA) for one in (PLAIN, REPAIRED)] == [True, True]
    assert [verifies(one, OTHERS[case]) for one in (PLAIN, REPAIRED)] == [False, False]


def test_an_algorithm_that_is_not_known_verifies_nothing() -> None:
    for extensions in (b"", NOT_CRITICAL):
        assert verifies(child(UNKNOWN, with_rsa(hashes.SHA256()), extensions), BY_RSA) is False


def test_a_serial_number_that_the_library_warns_of_is_no_obstacle() -> None:
    (whole,) = children(forged(serial=b"\x00"))
    body, outer, _ = children(whole.content)
    signature = with_rsa(hashes.SHA256())(body.whole)
    assert verifies(certificate(tlv(SEQUENCE, body.whole, outer.whole, tlv(BITS, b"\x00" + signature))), BY_RSA)


def test_an_issuer_is_named_by_the_bytes_of_its_name() -> None:
    """Go compares them so; a name of itself is no signature."""
    stranger = certificate(forged(subject=name(b"cb")))
    assert [named_issuer(PLAIN, one) for one in (BY_RSA, BY_EC, stranger, PLAIN)] == [True, True, False, False]
    assert [signed_by(PLAIN, one) for one in (BY_RSA, BY_EC, stranger)] == [True, False, False]
    assert named_issuer(certificate(DER), certificate(forged(subject=name(b"ca", 0x0C))))
    assert not named_issuer(certificate(DER), certificate(forged(subject=name(b"ca", 0x13))))
