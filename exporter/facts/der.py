"""A certificate's DER in, its parts as they are there out, read as Go and OpenSSL do where a stricter reader refuses.

What X.690 and RFC 5280 forbid and certificates have all the same: a default that is written out (`critical FALSE`,
`version v1`; §11.5), times without seconds or with an offset (RFC 5280 §4.1.2.5.1 wants `YYMMDDHHMMSSZ`), version 2,
and elements behind those that should be there.
"""

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

__all__ = ["DerError", "Element", "Extension", "Layout", "children", "first", "layout", "oid", "repaired"]

_BOOLEAN, _INTEGER, _BITS, _OCTETS, _OID, _SEQUENCE = 0x01, 0x02, 0x03, 0x04, 0x06, 0x30
_UTC_TIME, _GENERALIZED_TIME = 0x17, 0x18
_VERSION, _EXTENSIONS = 0xA0, 0xA3


class DerError(ValueError):
    """The bytes are not what they should be."""


@dataclass(frozen=True, slots=True)
class Element:
    """One element: its tag, its content, and the whole of it."""

    tag: int
    content: bytes
    whole: bytes


@dataclass(frozen=True, slots=True)
class Extension:
    """One extension of a certificate (RFC 5280 §4.2)."""

    identifier: str
    """The dotted OID."""
    critical: bool
    value: bytes
    """What the OCTET STRING holds."""
    sound: bool
    """Whether its parts are those that it should have."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The parts of a certificate (RFC 5280 §4.1)."""

    signed: bytes
    """The tbsCertificate, which the signature is over."""
    algorithm: str
    """Dotted OID of the signature's algorithm."""
    signature: bytes
    version: int
    """1 to 3."""
    issuer: bytes
    """The whole Name, as Go compares it."""
    subject: bytes
    extensions: tuple[Extension, ...]
    serial: bytes
    """The content of its INTEGER."""
    key: bytes
    """The whole SubjectPublicKeyInfo."""
    inner_algorithm: bytes
    """The whole AlgorithmIdentifier that the signature is over; the one beside the signature must be the same."""
    outer_algorithm: bytes

    @property
    def authority_key(self) -> bytes | None:
        """The identifier of the issuer's key, if the certificate has one (RFC 5280 §4.2.1.1)."""
        value = self._extension("2.5.29.35")
        if value is None:
            return None
        try:
            return next((one.content for one in children(_one(value).content) if one.tag == 0x80), None)
        except DerError:
            return None

    @property
    def subject_key(self) -> bytes | None:
        """The identifier of its own key (RFC 5280 §4.2.1.2)."""
        value = self._extension("2.5.29.14")
        return None if value is None else value[2:]

    def _extension(self, identifier: str) -> bytes | None:
        return next((one.value for one in self.extensions if one.identifier == identifier), None)


def children(content: bytes) -> Iterator[Element]:
    """The elements in a row. Raises DerError."""
    position = 0
    while position < len(content):
        if len(content) - position < 2:
            raise DerError("an element is cut off")
        tag, length, start = content[position], content[position + 1], position + 2
        if tag & 0x1F == 0x1F:
            raise DerError("a tag of several octets")
        if length >= 0x80:
            octets = length & 0x7F
            length, start = int.from_bytes(content[start : start + octets], "big"), start + octets
            if octets > 4 or length < 0x80 or length < 1 << 8 * (octets - 1):
                raise DerError("a length that is not DER")
        end = start + length
        if end > len(content):
            raise DerError("an element is cut off")
        yield Element(tag, content[start:end], content[position:end])
        position = end


def first(content: bytes, tag: int = _SEQUENCE) -> Element:
    """The first element, which is of this tag: Go passes over what follows it. Raises DerError."""
    found = next(children(content), None)
    if found is None or found.tag != tag:
        raise DerError("another element than should be there")
    return found


def oid(content: bytes) -> str:
    """The dotted form of an OBJECT IDENTIFIER's content (X.690 §8.19). Raises DerError."""
    if not content or content[-1] & 0x80:
        raise DerError("an object identifier is cut off")
    arcs, arc = [], 0
    for octet in content:
        arc = arc << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(arc)
            arc = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


@lru_cache(maxsize=512)  # a look asks for the same few certificates again and again
def layout(der: bytes) -> Layout:
    """The parts of a certificate. Raises DerError."""
    body, algorithm, signature = _three(der)
    version, (serial, inner, issuer, _, subject, key), extensions = _fields(body)
    return Layout(
        signed=body.whole,
        algorithm=oid(first(algorithm.content, _OID).content),
        signature=signature.content[1:],
        version=int.from_bytes(_one(version.content, _INTEGER).content, "big") + 1 if version else 1,
        issuer=issuer.whole,
        subject=subject.whole,
        extensions=tuple(map(_extension, children(first(extensions.content).content))) if extensions else (),
        serial=serial.content,
        key=key.whole,
        inner_algorithm=inner.whole,
        outer_algorithm=algorithm.whole,
    )


def _three(der: bytes) -> tuple[Element, Element, Element]:
    parts = tuple(children(_one(der).content))
    if [part.tag for part in parts] != [_SEQUENCE, _SEQUENCE, _BITS]:
        raise DerError("no certificate")
    return parts[0], parts[1], parts[2]


def _fields(body: Element) -> tuple[Element | None, list[Element], Element | None]:
    """The version, if it is written out, the six fields from the serial number to the key, and the extensions."""
    fields = list(children(body.content))
    version = fields.pop(0) if fields and fields[0].tag == _VERSION else None
    if len(fields) < 6:
        raise DerError("a certificate without all of its fields")
    return version, fields[:6], next((field for field in fields[6:] if field.tag == _EXTENSIONS), None)


def _one(content: bytes, tag: int = _SEQUENCE) -> Element:
    found = list(children(content))
    if len(found) != 1 or found[0].tag != tag:
        raise DerError("not one element where one should be")
    return found[0]


def _extension(element: Element) -> Extension:
    identifier, flag, value = _extension_parts(element)
    plain = flag is None or flag.content in {b"\x00", b"\xff"}
    sound = element.tag == _SEQUENCE and plain and value is not None and value.tag == _OCTETS
    critical = flag is not None and flag.content == b"\xff"
    return Extension(oid(identifier.content), critical, value.content if value else b"", sound)


def _extension_parts(element: Element) -> tuple[Element, Element | None, Element | None]:
    """Its identifier, whether it is critical, if that is written out, and its value, if there is one."""
    identifier, *others = children(element.content)
    flag = others.pop(0) if others and others[0].tag == _BOOLEAN else None
    return identifier, flag, next(iter(others), None)


_PLAIN_VERSIONS = {bytes.fromhex("a003020100"): b"", bytes.fromhex("a003020101"): bytes.fromhex("a003020102")}
"""Version 1 is the default; what version 2 added to it nobody reads (issuerUniqueID, subjectUniqueID)."""


_ECDSA = bytes.fromhex("2a8648ce3d04")
"""How the identifiers of its signatures begin. They have no parameters (RFC 5758 §3.2); Go passes over those of any."""


def repaired(der: bytes) -> bytes:
    """The certificate with defaults and what Go passes over left out, and times in full: the same dates, names and keys
    for a strict reader.

    Its bytes are others, so neither a fingerprint nor a signature may be taken of it. Raises DerError.
    """
    body, algorithm, signature = _three(der)
    version, (serial, inner, issuer, dates, subject, key), extensions = _fields(body)
    plain = (
        _PLAIN_VERSIONS.get(version.whole, version.whole) if version else b"",
        serial.whole,
        _plain_algorithm(inner),
        _plain_name(issuer),
        _element(dates.tag, *map(_full_time, _some(dates, 2))),
        _plain_name(subject),
        _plain_key(key),
        _plain_extensions(extensions) if extensions else b"",
    )
    return _element(_SEQUENCE, _element(_SEQUENCE, *plain), _plain_algorithm(algorithm), signature.whole)


def _some(element: Element, number: int) -> list[Element]:
    """The first parts of an element: Go passes over what follows those that it knows."""
    return list(islice(children(element.content), number))


def _plain_algorithm(algorithm: Element) -> bytes:
    identifier = first(algorithm.content, _OID)
    return _element(algorithm.tag, identifier.whole) if identifier.content.startswith(_ECDSA) else algorithm.whole


def _plain_name(name: Element) -> bytes:
    return _element(
        name.tag, *(_element(one.tag, *map(_plain, children(one.content))) for one in children(name.content))
    )


def _plain(element: Element) -> bytes:
    return _element(element.tag, *(part.whole for part in _some(element, 2)))


def _plain_key(key: Element) -> bytes:
    algorithm, *bits = _some(key, 2)
    return _element(key.tag, _plain(algorithm), *(part.whole for part in bits))


def _plain_extensions(extensions: Element) -> bytes:
    found = children(first(extensions.content).content)
    return _element(_EXTENSIONS, _element(_SEQUENCE, *map(_plain_extension, found)))


def _plain_extension(extension: Element) -> bytes:
    identifier, flag, value = _extension_parts(extension)
    kept = None if flag and flag.content == b"\x00" else flag
    return _element(extension.tag, *(part.whole for part in (identifier, kept, value) if part))


_TIMES = {
    _UTC_TIME: re.compile(rb"\d{10}(?P<second>\d\d)?(?:Z|[+-]\d{4})"),
    _GENERALIZED_TIME: re.compile(rb"\d{12}(?P<second>\d\d)(?:Z|[+-]\d{4})"),
}


def _full_time(time: Element) -> bytes:
    """The time in UTC and with seconds. Go reads those of UTCTime without (cryptobyte, ReadASN1UTCTime)."""
    found = _TIMES[time.tag].fullmatch(time.content) if time.tag in _TIMES else None
    if found is None:
        return time.whole
    text = time.content.decode()
    if time.tag == _UTC_TIME:
        text = ("19" if int(text[:2]) >= 50 else "20") + text
    try:
        moment = dt.datetime.strptime(text, f"%Y%m%d%H%M{'%S' if found['second'] else ''}%z").astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return time.whole
    # Outside 1950 to 2049 a UTCTime means another century.
    full = f"{moment.year:04}{moment:%m%d%H%M%S}Z".encode()
    if time.tag == _UTC_TIME and 1950 <= moment.year <= 2049:
        return _element(_UTC_TIME, full[2:])
    return _element(_GENERALIZED_TIME, full)


def _element(tag: int, *contents: bytes) -> bytes:
    content = b"".join(contents)
    if len(content) < 0x80:
        return bytes([tag, len(content)]) + content
    octets = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content
