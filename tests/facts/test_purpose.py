"""What a certificate says of its own use, as Go reads it."""

from dataclasses import replace

import pytest

from exporter.facts.der import layout
from exporter.facts.purpose import ANY_USAGE, CLIENT_AUTH, SERVER_AUTH, Purpose, purpose
from tests.facts.forge import (
    BITS,
    BMP,
    BOOLEAN,
    INTEGER,
    OCTETS,
    OID,
    PRINTABLE,
    SEQUENCE,
    SET,
    UNKNOWN,
    UTF8,
    forged,
    tlv,
)

CRITICAL = tlv(BOOLEAN, b"\xff")
NUMERIC, T61, IA5 = 0x12, 0x14, 0x16
COMMON_NAME, ORGANIZATION, UNIT = b"\x55\x04\x03", b"\x55\x04\x0a", b"\x55\x04\x0b"
CLIENT, SERVER = b"\x2b\x06\x01\x05\x05\x07\x03\x02", b"\x2b\x06\x01\x05\x05\x07\x03\x01"
EMPTY = Purpose(
    common_name="",
    organizations=(),
    authority=None,
    path_length=None,
    usages=None,
    dns_names=(),
    addresses=(),
    version=3,
    signs=None,
    critical=frozenset(),
)


def extension(arc: int, value: bytes, *flag: bytes) -> bytes:
    """An extension of 2.5.29."""
    return tlv(SEQUENCE, tlv(OID, bytes([0x55, 0x1D, arc])), *flag, tlv(OCTETS, value))


def read(*extensions: bytes, subject: bytes = tlv(SEQUENCE), version: bytes = b"\x02") -> Purpose:
    return purpose(layout(forged(subject=subject, version=version, extensions=b"".join(extensions))))


def named(*attributes: tuple[bytes, int, bytes]) -> bytes:
    """A Name of (type, string type, value), each on its own."""
    return tlv(SEQUENCE, *(tlv(SET, tlv(SEQUENCE, tlv(OID, kind), tlv(tag, text))) for kind, tag, text in attributes))


def test_a_certificate_is_read_whole() -> None:
    """Every part of a purpose, from one certificate that has them all."""
    found = read(
        extension(15, tlv(BITS, b"\x01\x06"), CRITICAL),
        extension(19, tlv(SEQUENCE, CRITICAL, tlv(INTEGER, b"\x02")), CRITICAL),
        extension(37, tlv(SEQUENCE, tlv(OID, CLIENT), tlv(OID, SERVER))),
        extension(
            17, tlv(SEQUENCE, tlv(0x82, b"a.test"), tlv(0x87, b"\x0a\x00\x00\x01"), tlv(0x81, b"me@a.test"), tlv(0x82))
        ),
        tlv(SEQUENCE, tlv(OID, UNKNOWN), tlv(OCTETS)),
        subject=named((ORGANIZATION, UTF8, b"system:nodes"), (COMMON_NAME, UTF8, b"system:node:n1")),
    )
    assert found == Purpose(
        common_name="system:node:n1",
        organizations=("system:nodes",),
        authority=True,
        path_length=2,
        usages=frozenset({CLIENT_AUTH, SERVER_AUTH}),
        dns_names=("a.test", ""),
        addresses=("10.0.0.1",),
        version=3,
        signs=True,
        critical=frozenset({"2.5.29.15", "2.5.29.19"}),
    )


def test_one_that_says_nothing_of_itself_has_no_purpose_in_particular() -> None:
    assert read() == EMPTY
    assert read(version=b"\x00") == replace(EMPTY, version=1)
    assert read(version=b"\x01") == replace(EMPTY, version=2)


@pytest.mark.parametrize(
    ("attributes", "common_name", "organizations"),
    [
        (((COMMON_NAME, UTF8, "ä".encode()),), "ä", ()),
        (((COMMON_NAME, PRINTABLE, b"a-1"),), "a-1", ()),
        (((COMMON_NAME, T61, b"\xe4"),), "ä", ()),
        (((COMMON_NAME, IA5, b"a_1"),), "a_1", ()),
        (((COMMON_NAME, NUMERIC, b"12 3"),), "12 3", ()),
        (((COMMON_NAME, BMP, b"\x00a\x20\xac"),), "a€", ()),
        (((COMMON_NAME, UTF8, b"one"), (ORGANIZATION, UTF8, b"x"), (COMMON_NAME, UTF8, b"two")), "two", ("x",)),
        (((ORGANIZATION, UTF8, b"x"), (UNIT, UTF8, b"u"), (ORGANIZATION, UTF8, b"y")), "", ("x", "y")),
    ],
)
def test_a_name_is_text_of_any_kind(
    attributes: tuple[tuple[bytes, int, bytes], ...], common_name: str, organizations: tuple[str, ...]
) -> None:
    """Of several common names Go takes the last, and of the organizations all."""
    assert read(subject=named(*attributes)) == replace(EMPTY, common_name=common_name, organizations=organizations)


@pytest.mark.parametrize("subject", [named((b"\xff", UTF8, b"a")), named((COMMON_NAME, BMP, b"\xd8\x00"))])
def test_a_name_that_cannot_be_read_is_an_error(subject: bytes) -> None:
    with pytest.raises(ValueError, match=r"^an object identifier is cut off$|^'utf-16-be' codec"):
        read(subject=subject)


@pytest.mark.parametrize(
    ("content", "authority", "path_length"),
    [
        (b"", False, None),
        (tlv(BOOLEAN, b"\x00"), False, None),
        (CRITICAL, True, None),
        (tlv(INTEGER, b"\x00"), False, 0),
        (CRITICAL + tlv(INTEGER, b"\x00\xff"), True, 255),
        (CRITICAL + tlv(INTEGER, b"\xff"), True, -1),
        (CRITICAL + tlv(OCTETS, b"\x05"), True, None),
    ],
)
def test_a_ca_says_that_it_is_one(content: bytes, authority: bool, path_length: int | None) -> None:
    found = read(extension(19, tlv(SEQUENCE, content)))
    assert found == replace(EMPTY, authority=authority, path_length=path_length)


@pytest.mark.parametrize(
    ("bits", "signs"),
    [(b"\x00", False), (b"\x07\x80", False), (b"\x02\x04", True), (b"\x00\xfb", False), (b"\x07\x04\x80", True)],
)
def test_a_key_that_signs_certificates_says_so(bits: bytes, signs: bool) -> None:
    assert read(extension(15, tlv(BITS, bits))) == replace(EMPTY, signs=signs)


@pytest.mark.parametrize(
    ("names", "dns_names", "addresses"),
    [
        (b"", (), ()),
        (tlv(0x82, b"b") + tlv(0x82, b"a"), ("b", "a"), ()),
        (tlv(0x87, bytes(15) + b"\x01") + tlv(0x87, b"\x7f\x00\x00\x01"), (), ("::1", "127.0.0.1")),
        (tlv(0x81, b"x") + tlv(0x83, b"x") + tlv(0x86, b"x") + tlv(0x88, b"x") + tlv(0xA4), (), ()),
    ],
)
def test_its_names_are_dns_names_and_addresses(
    names: bytes, dns_names: tuple[str, ...], addresses: tuple[str, ...]
) -> None:
    assert read(extension(17, tlv(SEQUENCE, names))) == replace(EMPTY, dns_names=dns_names, addresses=addresses)


@pytest.mark.parametrize(
    ("usages", "fit"),
    [
        (None, (True, True)),
        ((), (True, True)),
        ((CLIENT_AUTH,), (True, False)),
        ((SERVER_AUTH, "1.2.3"), (False, True)),
        ((ANY_USAGE,), (True, True)),
        (("1.2.3",), (False, False)),
    ],
)
def test_a_use_is_restricted_where_uses_are_named(usages: tuple[str, ...] | None, fit: tuple[bool, bool]) -> None:
    """crypto/x509, Verify: none named restricts none."""
    found = replace(EMPTY, usages=None if usages is None else frozenset(usages))
    assert (found.fit_for(CLIENT_AUTH), found.fit_for(SERVER_AUTH)) == fit


def test_the_uses_are_those_of_the_rfc() -> None:
    """RFC 5280 §4.2.1.12."""
    found = read(extension(37, tlv(SEQUENCE, tlv(OID, b"\x55\x1d\x25\x00"), tlv(OID, UNKNOWN))))
    assert found.usages == frozenset({"2.5.29.37.0", "1.2.3.4.5"})
    assert (CLIENT_AUTH, SERVER_AUTH, ANY_USAGE) == ("1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.1", "2.5.29.37.0")
    assert read(extension(37, tlv(SEQUENCE))).usages == frozenset()


def test_what_go_refuses_has_no_purpose() -> None:
    """facts.refusals: nothing is read of a certificate that is none to the kubelet."""
    with pytest.raises(ValueError, match="an extension is there twice"):
        read(*(2 * (extension(37, tlv(SEQUENCE)),)))
