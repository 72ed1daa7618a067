"""An X.509 certificate in, its fields for JSON out."""

from exporter.facts.certificate import Certificate

__all__ = ["certificate_data"]


def certificate_data(certificate: Certificate) -> dict[str, object]:
    """Dates in Unix seconds, names as RFC 4514 text, hexadecimal in lower case."""
    return {
        "not_before": certificate.not_before,
        "not_after": certificate.not_after,
        "subject": certificate.subject or None,
        "issuer": certificate.issuer or None,
        "serial_number": certificate.serial_number,
        "fingerprint_sha256": certificate.fingerprint_sha256,
        "key_algorithm": certificate.key_algorithm,
        "signature_algorithm": certificate.signature_algorithm,
    }
