"""Two certificates in, whether the one's signature verifies with the other's key out (RFC 5280 §6.1.3)."""

import warnings

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa

from exporter.facts.certificate import Certificate
from exporter.facts.der import layout
from exporter.facts.x509 import load

__all__ = ["verifies"]

_HASHES: dict[str, tuple[type[hashes.HashAlgorithm], bool]] = {
    "1.2.840.113549.1.1.5": (hashes.SHA1, False),
    "1.2.840.113549.1.1.11": (hashes.SHA256, False),
    "1.2.840.113549.1.1.12": (hashes.SHA384, False),
    "1.2.840.113549.1.1.13": (hashes.SHA512, False),
    "1.2.840.10045.4.1": (hashes.SHA1, True),
    "1.2.840.10045.4.3.2": (hashes.SHA256, True),
    "1.2.840.10045.4.3.3": (hashes.SHA384, True),
    "1.2.840.10045.4.3.4": (hashes.SHA512, True),
}
"""Signature algorithms by OID (RFC 8017 Appendix C, RFC 5758 §3.2): the hash, and whether it is ECDSA or RSA."""


def verifies(child: Certificate, authority: Certificate) -> bool:
    """Whether the signature of the child verifies with the authority's key. Names are not compared here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            (parsed, own), (above, _) = load(child.der), load(authority.der)
            if own:
                parsed.verify_directly_issued_by(above)
            else:
                _verify_bytes(child, above)
        except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):  # a CertificateError is a ValueError
            return False
    return True


def _verify_bytes(child: Certificate, authority: x509.Certificate) -> None:
    """Over the bytes as they are, which for the library had to be written anew."""
    parts, key = layout(child.der), authority.public_key()
    if isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
        key.verify(parts.signature, parts.signed)
        return
    if parts.algorithm not in _HASHES:
        raise UnsupportedAlgorithm(parts.algorithm)
    algorithm, elliptic = _HASHES[parts.algorithm]
    if isinstance(key, rsa.RSAPublicKey) and not elliptic:
        key.verify(parts.signature, parts.signed, padding.PKCS1v15(), algorithm())
    elif isinstance(key, ec.EllipticCurvePublicKey) and elliptic:
        key.verify(parts.signature, parts.signed, ec.ECDSA(algorithm()))
    else:
        raise InvalidSignature
