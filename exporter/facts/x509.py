"""PEM bytes in, certificates out: dates, names, identity and keys, never a private key (RFC 5280, RFC 7468).

PEM is read as Go reads it (facts.pem). A certificate that Go reads and the library refuses is read a second time
(facts.der).
"""

import contextlib
import hashlib
import warnings
from collections.abc import Sequence
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from exporter.facts.certificate import (
    Certificate,
    CertificateError,
    CertificateFile,
    EmptyFileError,
    NoCertificateError,
    ends_first,
    ends_last,
)
from exporter.facts.der import layout, repaired
from exporter.facts.pem import blocks, claims, has_private_key, why_unread
from exporter.facts.purpose import Purpose, purpose

__all__ = [
    "REFUSALS",
    "Certificate",
    "CertificateError",
    "CertificateFile",
    "EmptyFileError",
    "NoCertificateError",
    "authority_file",
    "certificate",
    "certificate_file",
    "certificates",
    "ends_first",
    "ends_last",
    "key_file",
    "load",
    "served_chain",
]


def certificate_file(content: bytes) -> CertificateFile:
    """A leaf's file as Go's `tls.X509KeyPair` reads it: all CERTIFICATE blocks, the first of which must be readable.

    Raises EmptyFileError, NoCertificateError, or CertificateError where the first certificate cannot be read: the next
    one is not used in its place.
    """
    found, secret = _members(content, headers=True)
    if isinstance(found[0], CertificateError):
        raise found[0]
    return _file(content, found, secret=secret)


def authority_file(content: bytes) -> CertificateFile:
    """A CA bundle as Go's `x509.CertPool.AppendCertsFromPEM` reads it: a member that cannot be read is passed over,
    and so is one with PEM headers. Raises as `certificate_file` where no member can be read.
    """
    found, secret = _members(content, headers=False)
    faults = [one for one in found if isinstance(one, CertificateError)]
    if len(faults) == len(found):
        raise faults[0]
    return _file(content, found, secret=secret)


def certificates(content: bytes) -> tuple[Certificate, ...]:
    """The readable certificates of a CA bundle. Raises as `authority_file`."""
    return authority_file(content).certificates


def key_file(content: bytes) -> bool:
    """Whether a private key is in the file, going only by the labels of its blocks."""
    return has_private_key(blocks(content))


def _members(content: bytes, *, headers: bool) -> tuple[list[Certificate | CertificateError], bool]:
    """Each CERTIFICATE block as what it is or why it cannot be read, at least one; and whether there is a key."""
    if not content.strip():
        raise EmptyFileError("the file is empty")
    parts = tuple(blocks(content))
    bodies = [block.body for block in parts if block.body is not None and (headers or not block.headers)]
    if not bodies:
        if claims(content):
            raise CertificateError(f"no certificate that the kubelet could load: {why_unread(content)}")
        raise NoCertificateError(
            "the file is DER, and PEM is wanted" if content[:1] == b"\x30" else "the file holds no certificate"
        )
    found: list[Certificate | CertificateError] = []
    for number, body in enumerate(bodies, start=1):
        try:
            found.append(certificate(body))
        except CertificateError as error:
            found.append(CertificateError(f"certificate {number}: {error}"))
    return found, has_private_key(parts)


def _file(content: bytes, found: list[Certificate | CertificateError], *, secret: bool) -> CertificateFile:
    readable = tuple(dict.fromkeys(one for one in found if isinstance(one, Certificate)))
    fault = next((str(one) for one in found if isinstance(one, CertificateError)), "")
    if not fault and (claimed := claims(content)) > len(found):
        fault = f"{claimed - len(found)} of {claimed} certificates are passed over: {why_unread(content)}"
    return CertificateFile(readable, secret, fault)


def certificate(der: bytes) -> Certificate:
    """The certificate of DER bytes. Raises CertificateError when its structure or its dates cannot be read.

    A name, key or algorithm that cannot be decoded does not hide the dates: it is left empty or given as its OID.
    """
    # cryptography warns of serials and encodings that RFC 5280 forbids. They are on somebody's node all the same.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parsed, not_before, not_after = _loaded(der)
        key_algorithm, public_key_sha256 = _key(parsed)
        return Certificate(
            not_before=not_before,
            not_after=not_after,
            subject=_name(parsed, "subject"),
            issuer=_name(parsed, "issuer"),
            serial_number=f"{parsed.serial_number:x}",
            fingerprint_sha256=hashlib.sha256(der).hexdigest(),
            public_key_sha256=public_key_sha256,
            key_algorithm=key_algorithm,
            signature_algorithm=_signature_algorithm(parsed),
            der=der,
            purpose=_purpose(der, key_algorithm),
        )


_UNDECODED_KEYS = frozenset({"1.2.840.10045.2.1", "1.2.840.113549.1.1.1"})
"""ECDSA and RSA, told by their OIDs because the key cannot be decoded: Go parses no such certificate."""


MOST_SERVED = 100
"""Certificates of a served chain that are looked at, some 10 ms of work. An honest chain has up to four."""


def served_chain(chain: Sequence[bytes]) -> tuple[Certificate, ...]:
    """The DER of a served chain as certificates: the leaf, which must be readable, and what can be read of those
    behind it; each once. Raises CertificateError.
    """
    served = {certificate(chain[0]): None}
    for der in list(dict.fromkeys(chain[1:]))[: MOST_SERVED - 1]:
        with contextlib.suppress(CertificateError):
            served[certificate(der)] = None
    return tuple(served)


REFUSALS = (ValueError, TypeError, OverflowError, UnsupportedAlgorithm, x509.InvalidVersion)
"""What the library raises for a certificate or a request that it does not take."""


def load(der: bytes) -> tuple[x509.Certificate, bool]:
    """The certificate as the library sees it, and whether those are its own bytes or had to be repaired for it.

    Raises CertificateError.
    """
    try:
        return _strictly(der), True
    except REFUSALS as error:
        refusal = error
    try:
        return _strictly(repaired(der)), False
    except REFUSALS:
        raise CertificateError(f"not a certificate: {_one_line(refusal)}") from None


def _strictly(der: bytes) -> x509.Certificate:
    parsed = x509.load_der_x509_certificate(der)
    # Dates are decoded when they are asked for.
    _ = parsed.not_valid_before_utc, parsed.not_valid_after_utc
    return parsed


def _loaded(der: bytes) -> tuple[x509.Certificate, float, float]:
    parsed, _ = load(der)
    return parsed, _unix(parsed.not_valid_before_utc), _unix(parsed.not_valid_after_utc)


def _purpose(der: bytes, key_algorithm: str) -> Purpose | None:
    if key_algorithm in _UNDECODED_KEYS:
        return None
    try:
        return purpose(layout(der))
    except ValueError:
        return None


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
        return parsed.public_key_algorithm_oid.dotted_string, ""
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
    oid = parsed.signature_algorithm_oid
    name = oid._name
    return oid.dotted_string if name == "Unknown OID" else name


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
