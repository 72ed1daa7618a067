"""Certificates that Go and OpenSSL read and a stricter reader refuses."""

import datetime as dt

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.der import DerError, Element, Extension, Layout, children, layout, oid, repaired
from exporter.facts.usability import Usability, usability
from exporter.facts.x509 import certificate, certificates
from exporter.reason import Role
from simulation.pki import Authority, Credential, Key
from tests.facts.forge import (
    BITS,
    BOOLEAN,
    CA,
    DER,
    INTEGER,
    NULL,
    OCTETS,
    OID,
    PLAIN_KEY,
    SEQUENCE,
    SET,
    SHA256_RSA,
    T0,
    UNKNOWN,
    UTC_TIME,
    forged,
    generalized,
    name,
    pem,
    tlv,
    utc,
)


def spelt_out(credential: Credential, signer: Key) -> bytes:
    """The certificate with `critical FALSE` written out and UTCTimes without seconds, and signed anew."""
    der = credential.certificate.public_bytes(serialization.Encoding.DER)
    (whole,) = children(der)
    body, algorithm, _ = children(whole.content)
    fields = [field.whole for field in children(body.content)]
    fields[4] = tlv(SEQUENCE, *map(without_seconds, children(tlvs(fields[4]))))
    extensions = []
    for extension in children(tlvs(tlvs(fields[-1]))):
        parts = [part.whole for part in children(extension.content)]
        extensions.append(tlv(SEQUENCE, *(parts if len(parts) == 3 else (parts[0], tlv(BOOLEAN, b"\x00"), parts[1]))))
    fields[-1] = tlv(0xA3, tlv(SEQUENCE, *extensions))
    signed = tlv(SEQUENCE, *fields)
    if isinstance(signer, rsa.RSAPrivateKey):
        signature = signer.sign(signed, padding.PKCS1v15(), hashes.SHA256())
    else:
        signature = signer.sign(signed, ec.ECDSA(hashes.SHA256()))
    return tlv(SEQUENCE, signed, algorithm.whole, tlv(BITS, b"\x00" + signature))


def without_seconds(time: Element) -> bytes:
    return tlv(UTC_TIME, time.content[:10] + b"Z") if time.tag == UTC_TIME else time.whole


def tlvs(whole: bytes) -> bytes:
    (only,) = children(whole)
    return only.content


def test_a_certificate_with_defaults_written_out_and_without_seconds_is_read() -> None:
    """B5: dates to the minute, names, key, use; and it stays the certificate that it is, byte for byte."""
    credential = CA.kubelet_client("node", T0)
    der = spelt_out(credential, CA.key)
    with pytest.raises(ValueError, match="error parsing asn1"):
        x509.load_der_x509_certificate(der)
    found = certificate(der)
    plain = certificate(credential.certificate.public_bytes(serialization.Encoding.DER))
    assert (found.not_before, found.not_after) == (plain.not_before // 60 * 60, plain.not_after // 60 * 60)
    assert (found.subject, found.issuer, found.serial_number) == (plain.subject, plain.issuer, plain.serial_number)
    assert (found.public_key_sha256, found.key_algorithm) == (plain.public_key_sha256, plain.key_algorithm)
    assert found.der == der
    assert found.fingerprint_sha256 != plain.fingerprint_sha256
    assert usability(Role.KUBELET_CLIENT, found, "node") is Usability.OK


def test_the_other_members_of_its_bundle_count_as_it_does() -> None:
    """B5: one such CA made the whole bundle unreadable."""
    odd = Authority.cluster(T0, number=1)
    der = spelt_out(Credential(odd.certificate, odd.key), odd.key)
    assert len(certificates(CA.pem + pem(der))) == 2


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (utc(b"2601010000Z"), dt.datetime(2026, 1, 1)),
        (utc(b"260101000059Z"), dt.datetime(2026, 1, 1, 0, 0, 59)),
        (utc(b"260101020000+0200"), dt.datetime(2026, 1, 1)),
        (utc(b"2512312330-0030"), dt.datetime(2026, 1, 1)),
        (utc(b"4912310000Z"), dt.datetime(2049, 12, 31)),
        (utc(b"5001010000Z"), dt.datetime(1950, 1, 1)),
        (utc(b"4912312330-0100"), dt.datetime(2050, 1, 1, 0, 30)),
        (generalized(b"20260101000000+0000"), dt.datetime(2026, 1, 1)),
        (generalized(b"20491231233000-0100"), dt.datetime(2050, 1, 1, 0, 30)),
    ],
)
def test_times_are_read_as_go_reads_them(time: bytes, expected: dt.datetime) -> None:
    """B5: cryptobyte, ReadASN1UTCTime: seconds may be missing and an offset may stand for Z."""
    assert certificate(forged(not_before=time)).not_before == expected.replace(tzinfo=dt.UTC).timestamp()


@pytest.mark.parametrize(
    "junk",
    [b"", b"\x30", b"\x30\x80", b"\x30\x81\x01\x00", b"\x30\x82\x00\x81" + b"\x00" * 129, b"\x1f\x01\x00", DER[:-1]],
)
def test_what_is_no_der_is_refused(junk: bytes) -> None:
    with pytest.raises(DerError):
        layout(junk)
    with pytest.raises(DerError):
        repaired(junk)


@pytest.mark.parametrize(
    ("content", "dotted"),
    [
        (b"\x2a\x03\x04\x05", "1.2.3.4.5"),
        (b"\x55\x1d\x25\x00", "2.5.29.37.0"),
        (b"\x88\x37\x03", "2.999.3"),
        (b"\x00", "0.0"),
        (b"\x27\x7f", "0.39.127"),
        (b"\x28\x81\x00", "1.0.128"),
        (b"\x4f\x82\x80\x01", "1.39.32769"),
        (b"\x50", "2.0"),
        (b"\x81\x00", "2.48"),
    ],
)
def test_object_identifiers_are_dotted(content: bytes, dotted: str) -> None:
    assert oid(content) == dotted


@pytest.mark.parametrize("content", [b"", b"\x55\x80", b"\xff"])
def test_an_object_identifier_ends_with_its_last_octet(content: bytes) -> None:
    with pytest.raises(DerError, match=r"\Aan object identifier is cut off\Z"):
        oid(content)


@pytest.mark.parametrize(
    ("tag", "length"), [(0x05, 0), (0x1E, 1), (0x0F, 0x7F), (0xA3, 0x80), (0x10, 0xFF), (0x30, 0x100), (4, 0x10000)]
)
def test_elements_in_a_row_are_all_there(tag: int, length: int) -> None:
    content = bytes(length)
    first, second = Element(tag, content, tlv(tag, content)), Element(INTEGER, b"\x01", b"\x02\x01\x01")
    assert list(children(first.whole + second.whole)) == [first, second]


def test_a_length_has_up_to_four_octets() -> None:
    content = bytes(1 << 24)
    (found,) = children(b"\x04\x84\x01\x00\x00\x00" + content)
    assert found.content == content


CUT, LENGTH, TAG = "an element is cut off", "a length that is not DER", "a tag of several octets"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x30", CUT),
        (b"\x05\x00\x30", CUT),
        (b"\x30\x01", CUT),
        (b"\x05\x00\x30\x02\x00", CUT),
        (b"\x30\x81\x80" + bytes(0x7F), CUT),
        (b"\x30\x80" + bytes(0x80), LENGTH),
        (b"\x30\x81\x7f" + bytes(0x80), LENGTH),
        (b"\x30\x82\x00\xff" + bytes(0x100), LENGTH),
        (b"\x30\x83\x00\xff\xff" + bytes(0x10000), LENGTH),
        (b"\x30\x85\x01\x00\x00\x00\x00", LENGTH),
        (b"\x30\xc1\x80" + bytes(0x80), LENGTH),
        (b"\x1f\x01\x00", TAG),
        (b"\x05\x00\xbf\x01\x00", TAG),
    ],
)
def test_a_row_of_elements_is_der_to_its_end(content: bytes, words: str) -> None:
    with pytest.raises(DerError) as caught:
        list(children(content))
    assert str(caught.value) == words


ALGORITHM = tlv(SEQUENCE, tlv(OID, SHA256_RSA), tlv(NULL))
DATES = tlv(SEQUENCE, utc(b"260101000000Z"), utc(b"270101000000Z"))
FIELDS = (tlv(INTEGER, b"\x01\x02"), ALGORITHM, name(b"ca"), DATES, name(), PLAIN_KEY)
VERSION_3, BEHIND = tlv(0xA0, tlv(INTEGER, b"\x02")), tlv(NULL)


def whole(*fields: bytes, outer: bytes = ALGORITHM) -> bytes:
    """A certificate of these fields."""
    return tlv(SEQUENCE, tlv(SEQUENCE, *fields), outer, tlv(BITS, b"\x00signature"))


def extended(*extensions: bytes) -> bytes:
    """A certificate with these extensions."""
    return whole(VERSION_3, *FIELDS, tlv(0xA3, tlv(SEQUENCE, *extensions)))


def extension(arc: int, *parts: bytes) -> bytes:
    """One of 2.5.29 with these parts behind its identifier."""
    return tlv(SEQUENCE, tlv(OID, bytes([0x55, 0x1D, arc])), *parts)


def test_a_layout_is_all_parts_as_they_are_there() -> None:
    inner = tlv(SEQUENCE, tlv(OID, UNKNOWN))
    fields = (VERSION_3, FIELDS[0], inner, *FIELDS[2:], tlv(0x81, b"\x00x"))
    kept = extension(15, tlv(BOOLEAN, b"\xff"), tlv(OCTETS, b"a"))
    der = whole(*fields, tlv(0xA3, tlv(SEQUENCE, kept, extension(37, tlv(OCTETS, b"b")))))
    assert layout(der) == Layout(
        signed=tlv(SEQUENCE, *fields, tlv(0xA3, tlv(SEQUENCE, kept, extension(37, tlv(OCTETS, b"b"))))),
        algorithm="1.2.840.113549.1.1.11",
        signature=b"signature",
        version=3,
        issuer=name(b"ca"),
        subject=name(),
        extensions=(Extension("2.5.29.15", True, b"a", True), Extension("2.5.29.37", False, b"b", True)),
        serial=b"\x01\x02",
        key=PLAIN_KEY,
        inner_algorithm=inner,
        outer_algorithm=ALGORITHM,
    )


@pytest.mark.parametrize(
    ("version", "number"),
    [(b"", 1), (tlv(0xA0, tlv(INTEGER, b"\x00")), 1), (tlv(0xA0, tlv(INTEGER, b"\x01")), 2), (VERSION_3, 3)],
)
def test_the_first_version_is_the_one_that_is_left_out(version: bytes, number: int) -> None:
    found = layout(whole(version, *FIELDS))
    assert (found.version, found.serial, found.extensions) == (number, b"\x01\x02", ())


@pytest.mark.parametrize("place", range(6))
def test_extensions_are_behind_the_fields_and_not_among_them(place: int) -> None:
    """Whatever is in a field's place is that field."""
    fields = [tlv(0xA3, tlv(SEQUENCE, extension(15, tlv(OCTETS, b"a")))) if at == place else b"" for at in range(6)]
    odd = [field or FIELDS[at] for at, field in enumerate(fields)]
    behind = tlv(0xA3, tlv(SEQUENCE, extension(37, tlv(OCTETS, b"b"))))
    assert layout(whole(VERSION_3, *odd)).extensions == ()
    assert layout(whole(VERSION_3, *odd, behind)).extensions == (Extension("2.5.29.37", False, b"b", True),)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ((tlv(BOOLEAN, b"\xff"), tlv(OCTETS, b"a")), (True, b"a", True)),
        ((tlv(BOOLEAN, b"\x00"), tlv(OCTETS, b"a")), (False, b"a", True)),
        ((tlv(BOOLEAN, b"\x01"), tlv(OCTETS, b"a")), (False, b"a", False)),
        ((tlv(OCTETS, b"a"),), (False, b"a", True)),
        ((tlv(OCTETS, b"a"), tlv(BOOLEAN, b"\xff")), (False, b"a", True)),
        ((tlv(BITS, b"a"),), (False, b"a", False)),
        ((tlv(BOOLEAN, b"\xff"),), (True, b"", False)),
        ((), (False, b"", False)),
    ],
)
def test_an_extension_is_sound_with_the_parts_that_it_should_have(
    parts: tuple[bytes, ...], expected: tuple[bool, bytes, bool]
) -> None:
    der = extended(extension(15, *parts))
    assert layout(der).extensions == (Extension("2.5.29.15", *expected),)


def test_an_extension_is_a_sequence() -> None:
    (found,) = layout(extended(tlv(SET, tlv(OID, b"\x55\x1d\x0f"), tlv(OCTETS, b"a")))).extensions
    assert found == Extension("2.5.29.15", False, b"a", False)


@pytest.mark.parametrize(
    ("value", "key"),
    [
        (tlv(SEQUENCE, tlv(0x80, b"key")), b"key"),
        (tlv(SEQUENCE, tlv(0x82, b"serial"), tlv(0x80, b"key")), b"key"),
        (tlv(SEQUENCE, tlv(0x81, b"name")), None),
        (tlv(SET, tlv(0x80, b"key")), None),
        (tlv(SEQUENCE, tlv(0x80, b"key")) + BEHIND, None),
        (b"\x30", None),
    ],
)
def test_the_identifiers_of_two_keys_are_in_their_extensions(value: bytes, key: bytes | None) -> None:
    other = extension(15, tlv(OCTETS, b"xx"))
    authority = layout(extended(other, extension(35, tlv(OCTETS, value))))
    assert (authority.authority_key, authority.subject_key) == (key, None)
    own = layout(extended(other, extension(14, tlv(OCTETS, tlv(OCTETS, b"own")))))
    assert (own.authority_key, own.subject_key) == (None, b"own")


ONE, ANOTHER, FEW = (
    "not one element where one should be",
    "another element than should be there",
    "a certificate without all of its fields",
)


@pytest.mark.parametrize(
    ("der", "words"),
    [
        (b"", ONE),
        (DER + BEHIND, ONE),
        (tlv(SET, next(children(DER)).content), ONE),
        (tlv(SEQUENCE, tlv(SEQUENCE), ALGORITHM), "no certificate"),
        (tlv(SEQUENCE, tlv(SEQUENCE), ALGORITHM, tlv(OCTETS)), "no certificate"),
        (tlv(SEQUENCE, tlv(SEQUENCE), ALGORITHM, tlv(BITS), BEHIND), "no certificate"),
        (whole(), FEW),
        (whole(VERSION_3), FEW),
        (whole(VERSION_3, *FIELDS[:5]), FEW),
        (whole(*FIELDS, tlv(0xA3)), ANOTHER),
        (whole(*FIELDS, tlv(0xA3, tlv(SET))), ANOTHER),
    ],
)
def test_what_lacks_a_part_is_no_certificate(der: bytes, words: str) -> None:
    for read in (layout, repaired):
        with pytest.raises(DerError) as caught:
            read(der)
        assert str(caught.value) == words


@pytest.mark.parametrize(
    ("der", "words"),
    [
        (whole(tlv(0xA0), *FIELDS), ONE),
        (whole(tlv(0xA0, tlv(INTEGER, b"\x02"), BEHIND), *FIELDS), ONE),
        (whole(tlv(0xA0, tlv(OCTETS, b"\x02")), *FIELDS), ONE),
        (whole(*FIELDS, outer=tlv(SEQUENCE)), ANOTHER),
        (whole(*FIELDS, outer=tlv(SEQUENCE, tlv(INTEGER, SHA256_RSA))), ANOTHER),
    ],
)
def test_a_version_is_a_number_and_an_algorithm_has_an_identifier(der: bytes, words: str) -> None:
    with pytest.raises(DerError) as caught:
        layout(der)
    assert str(caught.value) == words


@given(st.binary(max_size=300))
def test_any_bytes_are_a_layout_or_an_error_of_ours(content: bytes) -> None:
    for whole in (content, tlv(SEQUENCE, content), tlv(SEQUENCE, tlv(SEQUENCE, content), tlv(SEQUENCE), tlv(BITS))):
        for read in (layout, repaired):
            try:
                read(whole)
            except ValueError as error:
                assert "\n" not in str(error)


@given(st.data())
def test_a_sound_certificate_is_repaired_into_itself(data: st.DataObject) -> None:
    """What needs no repair is left as it is."""
    credential = CA.kubelet_client(data.draw(st.text("abc-0", min_size=1, max_size=30)), T0)
    der = credential.certificate.public_bytes(serialization.Encoding.DER)
    assert repaired(der) == der
