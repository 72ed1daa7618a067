"""Any bytes at all."""

from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.path import issued_by
from exporter.facts.x509 import (
    Certificate,
    CertificateError,
    certificates,
)
from tests.facts.forge import CA, DER, GENERALIZED_TIME, LEAF, SEQUENCE, UTC_TIME, forged, name, pem, tlv, unknown_key


def sound(found: Certificate) -> None:
    """What holds of every certificate that was read."""
    assert found.lifetime == found.not_after - found.not_before
    assert int(found.serial_number, 16) is not None
    assert len(found.fingerprint_sha256) == 64
    assert len(found.public_key_sha256) in {0, 64}
    issued_by(found, (), (found,))
    for text in (found.subject, found.issuer, found.key_algorithm, found.signature_algorithm):
        text.encode()


def meet(content: bytes) -> None:
    """The only ways in which bytes may be received."""
    try:
        for found in certificates(content):
            sound(found)
    except CertificateError as error:
        assert str(error)
        assert "\n" not in str(error)


@given(st.binary(max_size=400))
def test_any_bytes_are_certificates_or_an_error_of_ours(content: bytes) -> None:
    meet(content)
    meet(pem(content))
    meet(tlv(SEQUENCE, content))


@given(st.data())
def test_a_certificate_with_any_bytes_changed_is_read_or_an_error_of_ours(data: st.DataObject) -> None:
    start = data.draw(
        st.sampled_from(
            [DER, forged(), forged(extensions=b""), CA.certificate.public_bytes(serialization.Encoding.DER)]
        )
    )
    changed = bytearray(start)
    for place in data.draw(st.lists(st.integers(0, len(start) - 1), min_size=1, max_size=8)):
        changed[place] = data.draw(st.integers(0, 255))
    meet(bytes(changed))
    meet(pem(bytes(changed)))


@given(st.data())
def test_a_pem_file_cut_and_put_together_anyhow_is_read_or_an_error_of_ours(data: st.DataObject) -> None:
    pieces = [
        LEAF.certificate_pem,
        LEAF.key_pem,
        CA.pem,
        b"-----BEGIN CERTIFICATE-----",
        b"-----END CERTIFICATE-----",
        b"\r\n",
    ]
    content = b""
    for piece in data.draw(st.lists(st.sampled_from(pieces), max_size=6)):
        begin = data.draw(st.integers(0, len(piece)))
        content += piece[begin : data.draw(st.integers(begin, len(piece)))]
    meet(content)


@given(
    serial=st.binary(min_size=1, max_size=40),
    subject=st.builds(name, st.binary(max_size=40), st.integers(1, 30)),
    not_after=st.builds(tlv, st.sampled_from([UTC_TIME, GENERALIZED_TIME]), st.binary(max_size=20)),
    key=st.builds(unknown_key, st.binary(min_size=1, max_size=10)),
    algorithm=st.binary(min_size=1, max_size=10),
)
def test_any_field_may_hold_anything(
    serial: bytes, subject: bytes, not_after: bytes, key: bytes, algorithm: bytes
) -> None:
    meet(pem(forged(serial=serial)))
    meet(pem(forged(subject=subject)))
    meet(pem(forged(not_after=not_after)))
    meet(pem(forged(key=key)))
    meet(pem(forged(algorithm=algorithm)))
    meet(pem(forged(serial=serial, subject=subject, issuer=subject, key=key, algorithm=algorithm)))
