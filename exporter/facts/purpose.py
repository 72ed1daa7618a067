"""A certificate's layout in, what it is made for out: whom it names, in which groups, for which uses, leaf or CA."""

import ipaddress
from dataclasses import dataclass

from exporter.facts.der import Extension, Layout, children, first, oid
from exporter.facts.refusals import refuse

__all__ = ["ANY_USAGE", "CLIENT_AUTH", "SERVER_AUTH", "Purpose", "purpose"]

CLIENT_AUTH, SERVER_AUTH, ANY_USAGE = "1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.1", "2.5.29.37.0"
_COMMON_NAME, _ORGANIZATION = "2.5.4.3", "2.5.4.10"
_KEY_USAGE, _ALTERNATIVE_NAME, _CONSTRAINTS, _EXTENDED_USAGE = "2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.37"
_KEY_CERT_SIGN = 0x04
_DNS_NAME, _IP_ADDRESS = 0x82, 0x87
_BOOLEAN, _INTEGER, _BITS = 0x01, 0x02, 0x03
_ENCODINGS = {0x0C: "utf-8", 0x13: "ascii", 0x14: "latin-1", 0x16: "ascii", 0x12: "ascii", 0x1E: "utf-16-be"}
"""String types of RFC 5280 §4.1.2.4 by tag; T61String is read as everybody reads it."""


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a certificate says of its own use."""

    common_name: str
    """The last one of the subject, as Go reads it (crypto/x509/pkix, FillFromRDNSequence)."""
    organizations: tuple[str, ...]
    """For Kubernetes: the groups of the user that the common name is."""
    authority: bool | None
    """basicConstraints' cA; None without that extension."""
    path_length: int | None
    """How many CAs may be between this one and a leaf; None where that is not bounded."""
    usages: frozenset[str] | None
    """extendedKeyUsage as dotted OIDs; None without it."""
    dns_names: tuple[str, ...]
    """Of the subjectAltName, as are the addresses."""
    addresses: tuple[str, ...]
    version: int
    signs: bool | None
    """keyUsage's keyCertSign; None without that extension."""
    critical: frozenset[str]
    """OIDs of all critical extensions."""

    def fit_for(self, usage: str) -> bool:
        """Whether its extendedKeyUsage allows this use. One that names none restricts none (crypto/x509, Verify)."""
        return not self.usages or bool(self.usages & {usage, ANY_USAGE})


def purpose(parts: Layout) -> Purpose:
    """The purpose. Raises ValueError where a name or one of these extensions cannot be read, which Go refuses too."""
    refuse(parts)
    names = _attributes(parts.subject)
    extensions = {extension.identifier: extension for extension in parts.extensions}
    authority, path_length = _constraints(extensions.get(_CONSTRAINTS))
    general = _general_names(extensions.get(_ALTERNATIVE_NAME))
    return Purpose(
        common_name=next((text for identifier, text in reversed(names) if identifier == _COMMON_NAME), ""),
        organizations=tuple(text for identifier, text in names if identifier == _ORGANIZATION),
        authority=authority,
        path_length=path_length,
        usages=_usages(extensions.get(_EXTENDED_USAGE)),
        dns_names=tuple(content.decode() for tag, content in general if tag == _DNS_NAME),
        addresses=tuple(str(ipaddress.ip_address(content)) for tag, content in general if tag == _IP_ADDRESS),
        version=parts.version,
        signs=_signs(extensions.get(_KEY_USAGE)),
        critical=frozenset(extension.identifier for extension in parts.extensions if extension.critical),
    )


def _attributes(name: bytes) -> list[tuple[str, str]]:
    """The attributes of a Name, in their order. That each is text was looked at before (facts.refusals)."""
    found = []
    for relative in children(first(name).content):
        for attribute in children(relative.content):
            identifier, value, *_ = children(attribute.content)
            found.append((oid(identifier.content), value.content.decode(_ENCODINGS[value.tag])))
    return found


def _constraints(extension: Extension | None) -> tuple[bool | None, int | None]:
    if extension is None:
        return None, None
    authority, length = False, None
    for element in children(first(extension.value).content):
        if element.tag == _BOOLEAN:
            authority = element.content != b"\x00"
        elif element.tag == _INTEGER:
            length = int.from_bytes(element.content, "big", signed=True)
    return authority, length


def _signs(extension: Extension | None) -> bool | None:
    if extension is None:
        return None
    bits = first(extension.value, _BITS).content  # the first octet counts the unused bits of the last one
    return len(bits) > 1 and bool(bits[1] & _KEY_CERT_SIGN)


def _usages(extension: Extension | None) -> frozenset[str] | None:
    if extension is None:
        return None
    return frozenset(oid(element.content) for element in children(first(extension.value).content))


def _general_names(extension: Extension | None) -> list[tuple[int, bytes]]:
    if extension is None:
        return []
    return [(element.tag, element.content) for element in children(first(extension.value).content)]
