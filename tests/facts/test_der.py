"""Certificates that Go and OpenSSL read and a stricter reader refuses."""

import datetime as dt

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.der import DerError, Element, children, layout, oid, repaired
from exporter.facts.usability import Usability, usability
from exporter.facts.x509 import certificate, certificates
from exporter.reason import Role
from simulation.pki import Authority, Credential, Key
from tests.facts.forge import BITS, BOOLEAN, CA, DER, SEQUENCE, T0, UTC_TIME, forged, generalized, pem, tlv, utc


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
    [(b"\x2a\x03\x04\x05", "1.2.3.4.5"), (b"\x55\x1d\x25\x00", "2.5.29.37.0"), (b"\x88\x37\x03", "2.999.3")],
)
def test_object_identifiers_are_dotted(content: bytes, dotted: str) -> None:
    assert oid(content) == dotted


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
