"""What is known of a certificate and of a file of certificates, whoever parsed them: the records, without the library
that parses (RFC 5280).
"""

from dataclasses import dataclass, field

from exporter.facts.purpose import Purpose

__all__ = [
    "Certificate",
    "CertificateError",
    "CertificateFile",
    "EmptyFileError",
    "NoCertificateError",
    "ends_first",
    "ends_last",
]


class CertificateError(ValueError):
    """The bytes hold something that claims to be a certificate and cannot be read as one."""


class NoCertificateError(CertificateError):
    """The bytes hold no certificate at all."""


class EmptyFileError(NoCertificateError):
    """There are no bytes, or only white space."""


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
    purpose: Purpose | None = field(compare=False, repr=False)
    """What it is made for; None where that cannot be read, and Go reads none of it."""

    def same_key(self, other: "Certificate") -> bool:
        """Whether both are for one key: a CA that was issued again verifies the same certificates."""
        return self == other or (self.public_key_sha256 != "" and self.public_key_sha256 == other.public_key_sha256)

    @property
    def lifetime(self) -> float:
        """Seconds from notBefore to notAfter; negative where the two are the wrong way round."""
        return self.not_after - self.not_before

    @property
    def self_issued(self) -> bool:
        """Whether subject and issuer are the same name, which by itself proves nothing about who signed."""
        return self.subject == self.issuer


@dataclass(frozen=True, slots=True)
class CertificateFile:
    """What a file of certificates holds."""

    certificates: tuple[Certificate, ...]
    """Those that can be read, in their order: the first is the leaf. One that is there twice counts once."""
    private_key: bool = False
    """Whether there is a block with a private key's label that Go would take."""
    fault: str = ""
    """What is wrong with the others, in words."""


def ends_first(bundle: tuple[Certificate, ...]) -> Certificate:
    """The certificate of a bundle with the earliest notAfter."""
    return min(bundle, key=lambda one: one.not_after)


def ends_last(bundle: tuple[Certificate, ...]) -> Certificate:
    """The certificate of a bundle with the latest notAfter."""
    return max(bundle, key=lambda one: one.not_after)
