"""PEM or DER bytes in, certificates out: dates, names, identity and keys, never a private key (RFC 5280, RFC 7468)."""

import base64
import binascii
import hashlib
import re
import warnings
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

__all__ = [
    "Certificate",
    "CertificateError",
    "EmptyFileError",
    "NoCertificateError",
    "certificate",
    "certificates",
    "ends_first",
    "issued_by",
]


class CertificateError(ValueError):
    """The bytes hold something that claims to be a certificate and cannot be read as one."""


class NoCertificateError(CertificateError):
    """The bytes hold no certificate at all."""


class EmptyFileError(NoCertificateError):
    """There are no bytes, or white space alone."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """One X.509 certificate. Two are equal when their bytes are."""

    not_before: float = field(compare=False)
    """Unix seconds; RFC 5280 §4.1.2.5."""
    not_after: float = field(compare=False)
    """Unix seconds, the last second of validity."""
    subject: str = field(compare=False)
    """RFC 4514 text, empty where it cannot be decoded."""
    issuer: str = field(compare=False)
    serial_number: str = field(compare=False)
    """Hexadecimal without leading zeros, as Kubernetes and openssl print it, in lower case."""
    fingerprint_sha256: str
    """SHA-256 of the DER bytes, hexadecimal."""
    public_key_sha256: str = field(compare=False)
    """SHA-256 of the SubjectPublicKeyInfo, hexadecimal; empty where the key cannot be decoded."""
    key_algorithm: str = field(compare=False)
    """Such as RSA-2048, ECDSA-P-256, Ed25519, or the dotted OID of one that is not known here."""
    signature_algorithm: str = field(compare=False)
    """Such as sha256WithRSAEncryption, or the dotted OID."""
    der: bytes = field(compare=False, repr=False)

    @property
    def lifetime(self) -> float:
        """Seconds from notBefore to notAfter; negative where the two are the wrong way round."""
        return self.not_after - self.not_before

    @property
    def self_issued(self) -> bool:
        """Whether subject and issuer are the same name, which alone proves nothing about who signed."""
        return self.subject == self.issuer


# The label may not be `TRUSTED CERTIFICATE` or `CERTIFICATE REQUEST`; RFC 7468 §2 allows any text between the blocks.
_BLOCK = re.compile(rb"-----BEGIN CERTIFICATE-----(?P<body>[^-]*)(?P<end>-----END CERTIFICATE-----)?")
_BASE64 = re.compile(rb"[A-Za-z0-9+/=\s]*")


def certificates(content: bytes) -> tuple[Certificate, ...]:
    """All certificates of a PEM file in their order, or the single one of a DER file.

    Other blocks, private keys among them, are passed over undecoded. A certificate that stands there twice counts
    once. Raises EmptyFileError, NoCertificateError, or CertificateError when any block cannot be read: half a bundle
    is not an answer.
    """
    if not content.strip():
        raise EmptyFileError("the file is empty")
    found: dict[Certificate, None] = {}
    for number, block in enumerate(_BLOCK.finditer(content), start=1):
        if block["end"] is None:
            raise CertificateError(f"certificate {number} has no end")
        if not _BASE64.fullmatch(block["body"]):
            raise CertificateError(f"certificate {number} is not base64")
        try:
            der = base64.b64decode(b"".join(block["body"].split()), validate=True)
        except binascii.Error:
            raise CertificateError(f"certificate {number} is not base64") from None
        try:
            found[certificate(der)] = None
        except CertificateError as error:
            raise CertificateError(f"certificate {number}: {error}") from None
    if found:
        return tuple(found)
    if content[:1] == b"\x30" and b"-----BEGIN" not in content:
        try:
            return (certificate(content),)
        except CertificateError:
            pass
    raise NoCertificateError("the file holds no certificate")


def certificate(der: bytes) -> Certificate:
    """The certificate of DER bytes. Raises CertificateError when its structure or its dates cannot be read.

    A name, key or algorithm that cannot be decoded does not hide the dates: it is left empty or given as its OID.
    """
    # cryptography warns of serials and encodings that RFC 5280 forbids. They are on somebody's node all the same.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            parsed = x509.load_der_x509_certificate(der)
            not_before, not_after = _unix(parsed.not_valid_before_utc), _unix(parsed.not_valid_after_utc)
            serial_number = parsed.serial_number
        except (ValueError, TypeError, OverflowError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
            raise CertificateError(f"not a certificate: {_one_line(error)}") from None
        key_algorithm, public_key_sha256 = _key(parsed)
        return Certificate(
            not_before=not_before,
            not_after=not_after,
            subject=_name(parsed, "subject"),
            issuer=_name(parsed, "issuer"),
            serial_number=f"{serial_number:x}",
            fingerprint_sha256=hashlib.sha256(der).hexdigest(),
            public_key_sha256=public_key_sha256,
            key_algorithm=key_algorithm,
            signature_algorithm=_signature_algorithm(parsed),
            der=der,
        )


def ends_first(bundle: tuple[Certificate, ...]) -> Certificate:
    """The certificate of a bundle with the earliest notAfter."""
    return min(bundle, key=lambda one: one.not_after)


def issued_by(leaf: Certificate, authorities: tuple[Certificate, ...]) -> bool:
    """Whether the leaf's signature verifies with the key of one of the authorities, which must bear the issuer's name.

    A matching name alone is nothing: before and after `az aks rotate-certs` every AKS cluster CA is `CN=ca`.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        child = x509.load_der_x509_certificate(leaf.der)
        for authority in authorities:
            try:
                child.verify_directly_issued_by(x509.load_der_x509_certificate(authority.der))
            except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
                continue
            return True
    return False


def _unix(moment: datetime) -> float:
    # datetime.timestamp() of an aware value is exact from year 1 to 9999, the range of GeneralizedTime.
    return moment.astimezone(UTC).timestamp()


def _name(parsed: x509.Certificate, which: str) -> str:
    try:
        name: x509.Name = getattr(parsed, which)
        return name.rfc4514_string()
    except (ValueError, TypeError):  # not a string type of RFC 5280 §4.1.2.4, or not valid UTF-8
        return ""


def _key(parsed: x509.Certificate) -> tuple[str, str]:
    """Name of the key's algorithm and SHA-256 of the SubjectPublicKeyInfo."""
    try:
        key = parsed.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        try:
            return parsed.public_key_algorithm_oid.dotted_string, ""
        except (ValueError, UnsupportedAlgorithm):
            return "", ""
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    match key:
        case rsa.RSAPublicKey():
            algorithm = f"RSA-{key.key_size}"
        case ec.EllipticCurvePublicKey():
            algorithm = f"ECDSA-{_CURVES.get(key.curve.name, key.curve.name)}"
        case ed25519.Ed25519PublicKey():
            algorithm = "Ed25519"
        case ed448.Ed448PublicKey():
            algorithm = "Ed448"
        case dsa.DSAPublicKey():
            algorithm = f"DSA-{key.key_size}"
        case _:
            algorithm = parsed.public_key_algorithm_oid.dotted_string
    return algorithm, hashlib.sha256(spki).hexdigest()


_CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}


def _signature_algorithm(parsed: x509.Certificate) -> str:
    try:
        oid = parsed.signature_algorithm_oid
    except (ValueError, UnsupportedAlgorithm):
        return ""
    name = oid._name
    return oid.dotted_string if name == "Unknown OID" else name


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
