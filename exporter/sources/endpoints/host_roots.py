"""The CAs that this host trusts out: what a client uses where an object names none."""

import ssl
from functools import cache
from pathlib import Path

from exporter.facts.certificate import Certificate, CertificateError
from exporter.facts.x509 import certificate

__all__ = ["host_roots"]

PLACES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)
"""Where distributions keep them (Go, crypto/x509/root_linux.go)."""
LARGEST = 4 << 20
_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


@cache
def host_roots(places: tuple[str, ...] = PLACES) -> tuple[Certificate, ...] | None:
    """Those of the first file that is there, OpenSSL's own after these; None where there is none. Read once: an image
    does not change.
    """
    default = ssl.get_default_verify_paths().cafile
    for place in (*places, *((default,) if default else ())):
        try:
            with Path(place).open("rb") as file:
                text = file.read(LARGEST).decode("ascii", "replace")
        except OSError:
            continue
        if found := tuple(_certificates(text)):
            return found
    return None


def _certificates(text: str) -> list[Certificate]:
    """What can be read of it: one root that cannot does not hide the others."""
    found = []
    for part in text.split(_BEGIN)[1:]:
        body, end, _ = part.partition(_END)
        if end:
            try:
                found.append(certificate(ssl.PEM_cert_to_DER_cert(f"{_BEGIN}{body}{_END}\n")))
            except (CertificateError, ValueError):
                continue
    return found
