"""Two certificates in, whether the one was signed with the other's key out (RFC 5280 §6.1.3)."""

from collections.abc import Callable
from functools import lru_cache

from exporter.facts.certificate import Certificate
from exporter.facts.der import layout

__all__ = ["SignedBy", "named_issuer", "signed_by"]

SignedBy = Callable[[Certificate, Certificate], bool]
"""Whether the first was signed with the second one's key: `signed_by`, or the same asked of another process."""


@lru_cache(maxsize=512)  # a look asks for the same few pairs again and again, and a signature costs 50 µs
def signed_by(child: Certificate, authority: Certificate) -> bool:
    """Whether the child bears the authority's name as its issuer and its signature verifies with that one's key."""
    if not named_issuer(child, authority):
        return False
    from exporter.facts.verification import verifies  # the library that the node agent's own process goes without

    return verifies(child, authority)


def named_issuer(child: Certificate, authority: Certificate) -> bool:
    """Whether the child bears the authority's name as its issuer, byte by byte as Go compares them.

    A matching name by itself is nothing: before and after `az aks rotate-certs` every AKS cluster CA is `CN=ca`.
    """
    try:
        return layout(child.der).issuer == layout(authority.der).subject
    except ValueError:
        return False
