"""Facts as the tables of a report need them: a moment, and certificates of which only names and dates count."""

from exporter.facts.certificate import Certificate

__all__ = ["NOW", "certificate"]

NOW = 1_800_000_000.0
"""2027-01-15 08:00 UTC."""


def certificate(subject: str, not_before: float, not_after: float, issuer: str = "CN=issuer") -> Certificate:
    """Unix seconds; two of one name and time are one."""
    identity = f"{subject} {not_before} {not_after}"
    names = (subject, issuer, "1", identity, identity, "RSA-2048", "sha256WithRSAEncryption")
    return Certificate(not_before, not_after, *names, identity.encode(), None)
