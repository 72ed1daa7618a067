"""What is left out of a certificate for a strict reader, byte by byte."""

import pytest

from exporter.facts.der import children, repaired
from tests.facts.forge import (
    BOOLEAN,
    INTEGER,
    NULL,
    OCTETS,
    OID,
    PLAIN_KEY,
    SEQUENCE,
    SET,
    UNKNOWN,
    UTF8,
    forged,
    generalized,
    name,
    tlv,
    utc,
)
from tests.facts.test_der import BEHIND, FIELDS, VERSION_3, extended, extension, whole

COMMON_NAME, NODE = tlv(OID, b"\x55\x04\x03"), tlv(UTF8, b"node")
ALGORITHM_OF_KEY, POINT = (one.whole for one in children(next(children(PLAIN_KEY)).content))
VALUE, NOT_CRITICAL, CRITICAL = tlv(OCTETS, b"a"), tlv(BOOLEAN, b"\x00"), tlv(BOOLEAN, b"\xff")
ECDSA = tlv(OID, b"\x2a\x86\x48\xce\x3d\x04\x03\x02")
USAGE = tlv(0xA3, tlv(SEQUENCE, extension(15, CRITICAL, VALUE)))


@pytest.mark.parametrize(
    ("odd", "plain"),
    [
        (whole(*FIELDS), whole(*FIELDS)),
        (whole(tlv(0xA0, tlv(INTEGER, b"\x00")), *FIELDS), whole(*FIELDS)),
        (whole(tlv(0xA0, tlv(INTEGER, b"\x01")), *FIELDS), whole(VERSION_3, *FIELDS)),
        (whole(tlv(0xA0, tlv(INTEGER, b"\x07")), *FIELDS), whole(tlv(0xA0, tlv(INTEGER, b"\x07")), *FIELDS)),
        (whole(VERSION_3, *FIELDS, tlv(0x81, b"x"), USAGE, BEHIND), whole(VERSION_3, *FIELDS, USAGE)),
        (
            whole(*FIELDS[:3], tlv(SEQUENCE, *(2 * (utc(b"260101000000Z"),)), BEHIND), *FIELDS[4:]),
            whole(*FIELDS[:3], tlv(SEQUENCE, *(2 * (utc(b"260101000000Z"),))), *FIELDS[4:]),
        ),
        (
            whole(*FIELDS[:4], tlv(SEQUENCE, tlv(SET, tlv(SEQUENCE, COMMON_NAME, NODE, BEHIND))), PLAIN_KEY),
            whole(*FIELDS),
        ),
        (
            whole(*FIELDS[:2], tlv(SEQUENCE, tlv(SET, tlv(SEQUENCE, COMMON_NAME, NODE, BEHIND, BEHIND))), *FIELDS[3:]),
            whole(*FIELDS[:2], name(), *FIELDS[3:]),
        ),
        (whole(*FIELDS[:5], tlv(SEQUENCE, ALGORITHM_OF_KEY, POINT, BEHIND)), whole(*FIELDS)),
        (
            whole(*FIELDS[:5], tlv(SEQUENCE, tlv(SEQUENCE, tlv(OID, UNKNOWN), BEHIND, BEHIND), POINT)),
            whole(*FIELDS[:5], tlv(SEQUENCE, tlv(SEQUENCE, tlv(OID, UNKNOWN), BEHIND), POINT)),
        ),
        (
            whole(FIELDS[0], tlv(SEQUENCE, ECDSA, BEHIND), *FIELDS[2:], outer=tlv(SEQUENCE, ECDSA, BEHIND)),
            whole(FIELDS[0], tlv(SEQUENCE, ECDSA), *FIELDS[2:], outer=tlv(SEQUENCE, ECDSA)),
        ),
        (extended(extension(15, NOT_CRITICAL, VALUE)), extended(extension(15, VALUE))),
        (extended(extension(15, NOT_CRITICAL, VALUE, BEHIND)), extended(extension(15, VALUE))),
        (extended(extension(15, CRITICAL, VALUE, BEHIND)), extended(extension(15, CRITICAL, VALUE))),
        (extended(extension(15, VALUE, NOT_CRITICAL)), extended(extension(15, VALUE))),
        (extended(extension(15)), extended(extension(15))),
        (
            whole(VERSION_3, *FIELDS, tlv(0xA3, tlv(SEQUENCE, extension(15, CRITICAL, VALUE)), BEHIND)),
            whole(VERSION_3, *FIELDS, USAGE),
        ),
    ],
)
def test_a_certificate_is_repaired_to_what_a_strict_reader_takes(odd: bytes, plain: bytes) -> None:
    """B5: defaults are left out, and what Go passes over."""
    assert repaired(odd) == plain
    assert repaired(plain) == plain


@pytest.mark.parametrize("size", [*range(104, 124), 240, 241, 243, 0x8000, 0xFFE0, 0x10000])
def test_what_is_repaired_keeps_its_lengths(size: int) -> None:
    """Of one, two and three octets, to either side of their bounds."""
    der = whole(*FIELDS[:4], name(b"x" * size), PLAIN_KEY)
    assert repaired(der) == der


@pytest.mark.parametrize(
    ("time", "full"),
    [
        (utc(b"2601010000Z"), utc(b"260101000000Z")),
        (utc(b"260101000059Z"), utc(b"260101000059Z")),
        (utc(b"2601010000+0130"), utc(b"251231223000Z")),
        (utc(b"5001010000Z"), utc(b"500101000000Z")),
        (utc(b"5001010000+0001"), generalized(b"19491231235900Z")),
        (utc(b"4912312359Z"), utc(b"491231235900Z")),
        (utc(b"4912312359-0001"), generalized(b"20500101000000Z")),
        (generalized(b"20260101000000+0000"), generalized(b"20260101000000Z")),
        (generalized(b"00010101000000+0000"), generalized(b"00010101000000Z")),
        (generalized(b"00010101000000+0001"), generalized(b"00010101000000+0001")),
        (generalized(b"202601010000Z"), generalized(b"202601010000Z")),
        (utc(b"260230000000Z"), utc(b"260230000000Z")),
        (utc(b"260101000000"), utc(b"260101000000")),
        (tlv(OCTETS, b"20260101000000+0100"), tlv(OCTETS, b"20260101000000+0100")),
        (tlv(NULL), tlv(NULL)),
    ],
)
def test_a_time_is_written_in_full_and_in_utc_or_left_as_it_is(time: bytes, full: bytes) -> None:
    """B5: a UTCTime counts from 1950 to 2049, and says another century outside."""
    assert repaired(forged(not_before=time)) == forged(not_before=full)
    assert repaired(forged(not_after=time)) == forged(not_after=full)
