"""A certificate's parts in; a DerError where Go's parser refuses them although other readers do not, nothing else out.

The kubelet, kubectl and the API server are Go programs: a certificate that crypto/x509 (parser.go, parseCertificate)
does not parse is none to them, be its dates as good as they may. Held to Go by comparing mutated certificates.
"""

from collections.abc import Callable, Iterator, Mapping

from exporter.facts.der import DerError, Element, Layout, children, first

__all__ = ["refuse"]

_BOOLEAN, _BITS, _OCTETS, _OID, _SEQUENCE = 0x01, 0x03, 0x04, 0x06, 0x30
_UTF8, _NUMERIC, _PRINTABLE, _T61, _IA5, _BMP = 0x0C, 0x12, 0x13, 0x14, 0x16, 0x1E
_EMAIL, _DNS_NAME, _URI, _IP_ADDRESS = 0x81, 0x82, 0x86, 0x87
_PRINTABLES = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 '()+,-./:=?*&")
_EC_KEY = bytes.fromhex("2a8648ce3d0201")
_CURVES = {bytes.fromhex(one) for one in ("2b81040021", "2a8648ce3d030107", "2b81040022", "2b81040023")}
"""P-224, P-256, P-384 and P-521: the ones that Go has."""


def refuse(parts: Layout) -> None:
    """Raises DerError where Go does not parse the certificate."""
    if parts.inner_algorithm != parts.outer_algorithm:
        raise DerError("two signature algorithms")
    if parts.serial[:1] >= b"\x80":
        raise DerError("a negative serial number")
    for name in (parts.issuer, parts.subject):
        _check_name(name)
    _check_key(parts.key)
    names = [one.identifier for one in parts.extensions]
    if len(names) > len(set(names)):
        raise DerError("an extension is there twice")
    for one in parts.extensions:
        if not one.sound:
            raise DerError("an extension is malformed")
        if one.identifier in _CHECKS and not _CHECKS[one.identifier](one.value):
            raise DerError(f"the extension {one.identifier} is malformed")


def _check_name(name: bytes) -> None:
    for relative in children(first(name).content):
        for attribute in children(relative.content):
            parts = [*children(attribute.content)]
            if len(parts) < 2 or not _is_text(parts[1]):
                raise DerError("a name that is no text")


def _is_text(value: Element) -> bool:
    content = value.content
    if value.tag == _UTF8:
        content.decode()  # a UnicodeDecodeError is a ValueError, as is a DerError
        return True
    return {
        _PRINTABLE: _PRINTABLES.issuperset(content),
        _T61: True,
        _IA5: content.isascii(),
        _NUMERIC: set(content) <= set(b"0123456789 "),
        _BMP: len(content) % 2 == 0,
    }.get(value.tag, False)


def _check_key(key: bytes) -> None:
    algorithm, *_ = children(first(key).content)
    identifier, *parameters = children(algorithm.content)
    if identifier.content == _EC_KEY and not (parameters and parameters[0].content in _CURVES):
        raise DerError("a curve that Go does not have")


def _key_usage(value: bytes) -> bool:
    bits = first(value, _BITS).content
    # The first octet counts the unused bits of the last one; by itself it never has as many zeros.
    return bool(bits) and bits[0] < 8 and bits[-1] & ((1 << bits[0]) - 1) == 0


def _constraints(value: bytes) -> bool:
    flag, *_ = [*children(first(value).content), None]
    return flag is None or flag.tag != _BOOLEAN or flag.content in {b"\x00", b"\xff"}


def _identifiers(value: bytes) -> bool:
    return all(one.tag == _OID and one.content for one in children(first(value).content))


def _names(value: bytes) -> bool:
    return all(
        len(one.content) in {4, 16} if one.tag == _IP_ADDRESS else one.content.isascii()
        for one in children(first(value).content)
        if one.tag in {_EMAIL, _DNS_NAME, _URI, _IP_ADDRESS}
    )


def _of_identifiers(value: bytes) -> bool:
    """A list of elements that each begin with an object identifier."""
    return all(one.tag == _SEQUENCE and _starts(children(one.content), _OID) for one in children(first(value).content))


def _starts(found: Iterator[Element], tag: int) -> bool:
    one = next(found, None)
    return one is not None and one.tag == tag


_CHECKS: Mapping[str, Callable[[bytes], bool]] = {
    "2.5.29.14": lambda value: bool(first(value, _OCTETS)),
    "2.5.29.15": _key_usage,
    "2.5.29.17": _names,
    "2.5.29.19": _constraints,
    "2.5.29.32": _of_identifiers,
    "2.5.29.35": lambda value: bool(first(value)),
    "2.5.29.37": _identifiers,
    "1.3.6.1.5.5.7.1.1": _of_identifiers,
}
