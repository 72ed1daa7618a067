"""Certificates whose dates can be read: those that Go's x509.ParseCertificate takes, and those that it refuses."""

from dataclasses import replace

import pytest

from exporter.facts.der import DerError, Extension, children, layout
from exporter.facts.refusals import refuse
from exporter.facts.usability import Usability, usability
from exporter.facts.x509 import authority_file, certificate
from exporter.reason import Role
from tests.facts.forge import (
    BITS,
    BMP,
    BOOLEAN,
    CA,
    END,
    INTEGER,
    NULL,
    OCTETS,
    OID,
    PLAIN_KEY,
    PRINTABLE,
    SEQUENCE,
    SET,
    START,
    UTF8,
    forged,
    name,
    pem,
    tlv,
    utc,
)

CRITICAL = tlv(BOOLEAN, b"\xff")
EC, P256, SECP256K1 = b"\x2a\x86\x48\xce\x3d\x02\x01", b"\x2a\x86\x48\xce\x3d\x03\x01\x07", b"\x2b\x81\x04\x00\x0a"
IA5 = 0x16


def extension(arc: int, value: bytes, *before: bytes) -> bytes:
    """An extension of 2.5.29."""
    return tlv(SEQUENCE, tlv(OID, bytes([0x55, 0x1D, arc])), *before, tlv(OCTETS, value))


def ec_key(curve: bytes, point: bytes = b"\x04" + b"\x01" * 64) -> bytes:
    return tlv(SEQUENCE, tlv(SEQUENCE, tlv(OID, EC), tlv(OID, curve)), tlv(BITS, b"\x00" + point))


def several(*contents: bytes) -> bytes:
    return b"".join(contents)


USAGES = extension(37, tlv(SEQUENCE, tlv(OID, b"\x2b\x06\x01\x05\x05\x07\x03\x02")))
REFUSED = {
    "two signature algorithms": forged().replace(b"\x0b\x05\x00\x03", b"\x0c\x05\x00\x03", 1),
    "a negative serial number": forged(serial=b"\xff"),
    "an issuer that is not UTF-8": forged(issuer=name(b"\xff")),
    "an IA5 string beyond ASCII": forged(subject=name(b"\xe4", IA5)),
    "a name that is no text": forged(subject=name(b"a", BITS)),
}


@pytest.mark.parametrize("der", REFUSED.values(), ids=REFUSED)
def test_what_go_does_not_parse_is_no_certificate_in_use(der: bytes) -> None:
    """A4, B5: its dates are told, and the kubelet cannot load it."""
    found = certificate(der)
    assert (found.not_before, found.not_after) == (START, END)
    assert found.purpose is None
    assert usability(Role.KUBELET_CLIENT, found, "node") is Usability.UNLOADABLE


BEHIND = tlv(NULL)
TAKEN = {
    "version 1 written out": forged(version=b"\x00"),
    "version 2": forged(version=b"\x01"),
    "more behind the dates": forged(not_after=several(utc(b"270101000000Z"), BEHIND)),
    "more behind a name": forged(
        subject=tlv(SEQUENCE, tlv(SET, tlv(SEQUENCE, tlv(OID, b"\x55\x04\x03"), tlv(0x0C, b"node"), BEHIND)))
    ),
    "more behind a key": forged(key=tlv(SEQUENCE, next(children(PLAIN_KEY)).content, BEHIND)),
    "more behind an extension": forged(
        extensions=tlv(SEQUENCE, tlv(OID, b"\x55\x1d\x0f"), CRITICAL, tlv(OCTETS, tlv(BITS, b"\x07\x80")), BEHIND)
    ),
    "more behind an extension's value": forged(extensions=extension(37, several(tlv(SEQUENCE), BEHIND))),
    "basicConstraints with the default": forged(extensions=extension(19, tlv(SEQUENCE, tlv(BOOLEAN, b"\x00")))),
    "an empty list of uses": forged(extensions=extension(37, tlv(SEQUENCE))),
    "a path length of its own": forged(extensions=extension(19, tlv(SEQUENCE, tlv(INTEGER, b"\x05")), CRITICAL)),
}


@pytest.mark.parametrize("der", TAKEN.values(), ids=TAKEN)
def test_what_go_parses_is_a_certificate(der: bytes) -> None:
    """B5: stricter readers refuse most of these, and a whole bundle with them."""
    found = certificate(der)
    assert (found.not_before, found.not_after, found.subject) == (START, END, "CN=node")
    assert found.purpose is not None
    assert found.purpose.common_name == "node"
    bundle = authority_file(pem(der) + CA.pem)
    assert (len(bundle.certificates), bundle.fault) == (2, "")


PLAIN = layout(forged())
TEXT = "a name that is no text"
NUMERIC, T61, UNIVERSAL = 0x12, 0x14, 0x1C


@pytest.mark.parametrize(
    ("tag", "content", "text"),
    [
        (UTF8, "ä€".encode(), True),
        (PRINTABLE, b"AZaz09 '()+,-./:=?*&", True),
        (PRINTABLE, b"a@b", False),
        (PRINTABLE, b"a_b", False),
        (T61, b"\xe4\xff", True),
        (IA5, b"\x00\x7f@_", True),
        (IA5, b"\x80", False),
        (NUMERIC, b"0123456789 ", True),
        (NUMERIC, b"1a", False),
        (NUMERIC, b"1-", False),
        (BMP, b"\x00a\x00b", True),
        (BMP, b"\x00ab", False),
        (UNIVERSAL, b"\x00\x00\x00a", False),
        (OCTETS, b"a", False),
    ],
)
def test_a_name_is_of_the_string_types_that_go_reads(tag: int, content: bytes, text: bool) -> None:
    """parseASN1String; in the first name of a certificate and in the last attribute of the other."""
    both = tlv(SEQUENCE, tlv(SET, *(next(children(next(children(name())).content)).content, attribute(tag, content))))
    for parts in (replace(PLAIN, issuer=name(content, tag)), replace(PLAIN, subject=both)):
        if text:
            refuse(parts)
            continue
        with pytest.raises(DerError) as caught:
            refuse(parts)
        assert str(caught.value) == TEXT


def attribute(tag: int, content: bytes) -> bytes:
    return tlv(SEQUENCE, tlv(OID, b"\x55\x04\x0a"), tlv(tag, content))


def test_a_name_is_a_sequence_of_types_with_values_in_utf_8() -> None:
    other = "another element than should be there"
    bare = tlv(SEQUENCE, tlv(SET, tlv(SEQUENCE, tlv(OID, b"\x55\x04\x03"))))
    for subject, words in ((tlv(SET), other), (b"", other), (bare, TEXT)):
        with pytest.raises(DerError) as caught:
            refuse(replace(PLAIN, subject=subject))
        assert str(caught.value) == words
    with pytest.raises(UnicodeDecodeError):
        refuse(replace(PLAIN, subject=name(b"\xff")))


CURVES = ("2b81040021", "2a8648ce3d030107", "2b81040022", "2b81040023")
CURVE = "a curve that Go does not have"


def test_the_curves_of_elliptic_keys_are_those_of_go() -> None:
    """P-224 to P-521; what another algorithm has for parameters is its own matter."""
    for curve in CURVES:
        refuse(replace(PLAIN, key=ec_key(bytes.fromhex(curve))))
    refuse(replace(PLAIN, key=tlv(SEQUENCE, tlv(SEQUENCE, tlv(OID, SECP256K1)), tlv(BITS))))
    bare = tlv(SEQUENCE, tlv(SEQUENCE, tlv(OID, EC)), tlv(BITS))
    behind = tlv(SEQUENCE, tlv(SEQUENCE, tlv(OID, EC), tlv(NULL), tlv(OID, P256)), tlv(BITS))
    for key in (ec_key(SECP256K1), bare, behind):
        with pytest.raises(DerError) as caught:
            refuse(replace(PLAIN, key=key))
        assert str(caught.value) == CURVE


@pytest.mark.parametrize(
    ("serial", "fine"), [(b"", True), (b"\x00", True), (b"\x7f\xff", True), (b"\x80", False), (b"\xff\x01", False)]
)
def test_a_serial_number_is_not_negative(serial: bytes, fine: bool) -> None:
    if fine:
        refuse(replace(PLAIN, serial=serial))
        return
    with pytest.raises(DerError, match=r"^a negative serial number$"):
        refuse(replace(PLAIN, serial=serial))


def test_one_algorithm_signs() -> None:
    with pytest.raises(DerError, match=r"^two signature algorithms$"):
        refuse(replace(PLAIN, inner_algorithm=PLAIN.inner_algorithm + b"\x00"))


CLIENT = tlv(OID, b"\x2b\x06\x01\x05\x05\x07\x03\x02")
INFORMATION, POLICIES = "1.3.6.1.5.5.7.1.1", "2.5.29.32"


@pytest.mark.parametrize(
    ("identifier", "taken", "refused"),
    [
        ("2.5.29.14", (tlv(OCTETS), tlv(OCTETS, b"x") + BEHIND), (b"", tlv(SEQUENCE))),
        (
            "2.5.29.15",
            tuple(tlv(BITS, one) for one in (b"\x00", b"\x00\xff", b"\x01\x02", b"\x07\x80", b"\x07\xff\x00")),
            (*(tlv(BITS, one) for one in (b"", b"\x01", b"\x01\x01", b"\x07\xc0", b"\x08\x00")), tlv(OCTETS, b"\x00")),
        ),
        (
            "2.5.29.17",
            (
                tlv(SEQUENCE),
                tlv(SEQUENCE, tlv(0x87, bytes(4)), tlv(0x87, bytes(16))),
                tlv(SEQUENCE, *(tlv(kind, b"\x7f") for kind in (0x81, 0x82, 0x86))),
                tlv(SEQUENCE, *(tlv(kind, b"\xff") for kind in (0x80, 0x83, 0x84, 0x85, 0x88))),
            ),
            (
                tlv(SET),
                *(tlv(SEQUENCE, tlv(kind, b"\x80")) for kind in (0x81, 0x82, 0x86)),
                *(tlv(SEQUENCE, tlv(0x87, bytes(size))) for size in (0, 3, 5, 8, 15, 17)),
                tlv(SEQUENCE, tlv(0x82, b"a"), tlv(0x87, b"")),
            ),
        ),
        (
            "2.5.29.19",
            (
                tlv(SEQUENCE),
                tlv(SEQUENCE, CRITICAL),
                tlv(SEQUENCE, tlv(BOOLEAN, b"\x00")),
                tlv(SEQUENCE, tlv(INTEGER, b"\x05")),
                tlv(SEQUENCE, CRITICAL, tlv(BOOLEAN, b"\x01")),
            ),
            (
                tlv(SEQUENCE, tlv(BOOLEAN, b"\x01")),
                tlv(SEQUENCE, tlv(BOOLEAN)),
                tlv(SET),
                tlv(SEQUENCE, CRITICAL, b"0"),
            ),
        ),
        ("2.5.29.35", (tlv(SEQUENCE), tlv(SEQUENCE, b"x")), (b"", tlv(OCTETS))),
        (
            "2.5.29.37",
            (tlv(SEQUENCE), tlv(SEQUENCE, CLIENT)),
            (tlv(SEQUENCE, CLIENT, tlv(OID)), tlv(SEQUENCE, tlv(OCTETS, b"x")), tlv(SET, CLIENT)),
        ),
        *(
            (
                identifier,
                (tlv(SEQUENCE), tlv(SEQUENCE, tlv(SEQUENCE, CLIENT), tlv(SEQUENCE, CLIENT, BEHIND))),
                (
                    tlv(SEQUENCE, tlv(SEQUENCE)),
                    tlv(SEQUENCE, tlv(SEQUENCE, CLIENT), CLIENT),
                    tlv(SEQUENCE, tlv(SEQUENCE, BEHIND, CLIENT)),
                    tlv(SET, CLIENT),
                    b"",
                ),
            )
            for identifier in (INFORMATION, POLICIES)
        ),
        ("1.2.3.4", (b"", b"junk", tlv(SET)), ()),
    ],
)
def test_an_extension_that_go_knows_is_of_its_form(
    identifier: str, taken: tuple[bytes, ...], refused: tuple[bytes, ...]
) -> None:
    """processExtensions; one that it does not know may hold anything."""
    for value in taken:
        refuse(replace(PLAIN, extensions=(Extension(identifier, False, value, True),)))
    for value in refused:
        with pytest.raises(DerError):
            refuse(replace(PLAIN, extensions=(Extension(identifier, False, value, True),)))


def test_extensions_are_there_once_and_sound() -> None:
    one, other = Extension("1.2.3.4", False, b"", True), Extension("1.2.3.5", True, b"", True)
    usage = Extension("2.5.29.15", False, tlv(BITS), True)
    refuse(replace(PLAIN, extensions=(one, other)))
    for extensions, words in (
        ((one, other, one), "an extension is there twice"),
        ((one, replace(other, sound=False)), "an extension is malformed"),
        ((one, usage), "the extension 2.5.29.15 is malformed"),
    ):
        with pytest.raises(DerError) as caught:
            refuse(replace(PLAIN, extensions=extensions))
        assert str(caught.value) == words
