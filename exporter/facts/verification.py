"""Two certificates in, whether the one's signature verifies with the other's key out (RFC 5280 §6.1.3)."""

import warnings

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from exporter.facts.certificate import Certificate
from exporter.facts.der import Layout, layout
from exporter.facts.x509 import load

__all__ = ["verifies"]

_RSA: dict[str, type[hashes.HashAlgorithm]] = {
    "1.2.840.113549.1.1.11": hashes.SHA256,
    "1.2.840.113549.1.1.12": hashes.SHA384,
    "1.2.840.113549.1.1.13": hashes.SHA512,
}
_ECDSA: dict[str, type[hashes.HashAlgorithm]] = {
    "1.2.840.10045.4.3.2": hashes.SHA256,
    "1.2.840.10045.4.3.3": hashes.SHA384,
    "1.2.840.10045.4.3.4": hashes.SHA512,
}
_RSA_PSS, _ED25519 = "1.2.840.113549.1.1.10", "1.3.101.112"
_KNOWN = {*_RSA, *_ECDSA, _RSA_PSS, _ED25519}
"""Signature algorithms by OID (RFC 8017 Appendix C, RFC 5758 §3.2, RFC 8410 §3): those that Go verifies (crypto/x509,
checkSignature), which neither has others nor takes SHA-1 any more."""


def verifies(child: Certificate, authority: Certificate) -> bool:
    """Whether the signature of the child verifies with the authority's key, by an algorithm that Go has."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            parts, (parsed, own), (above, _) = layout(child.der), load(child.der), load(authority.der)
            if parts.algorithm not in _KNOWN:
                return False
            if own:
                parsed.verify_directly_issued_by(above)
            else:
                _verify_bytes(parts, above.public_key())
        except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):  # a CertificateError is a ValueError
            return False
    return True


def _verify_bytes(child: Layout, key: object) -> None:
    """Over the bytes as they are, which for the library had to be written anew."""
    if isinstance(key, rsa.RSAPublicKey) and child.algorithm in _RSA:
        key.verify(child.signature, child.signed, padding.PKCS1v15(), _RSA[child.algorithm]())
    elif isinstance(key, ec.EllipticCurvePublicKey) and child.algorithm in _ECDSA:
        key.verify(child.signature, child.signed, ec.ECDSA(_ECDSA[child.algorithm]()))
    elif isinstance(key, ed25519.Ed25519PublicKey) and child.algorithm == _ED25519:
        key.verify(child.signature, child.signed)
    else:
        raise InvalidSignature
