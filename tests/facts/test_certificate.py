"""The records of certificates and of their files."""

from dataclasses import fields, replace

import pytest

from exporter.facts.certificate import Certificate, CertificateFile, ends_first, ends_last
from exporter.facts.purpose import Purpose

FOR_ANYTHING = Purpose("", (), None, None, None, (), (), 3, None, frozenset())
ONE = Certificate(
    not_before=100.0,
    not_after=400.0,
    subject="CN=one",
    issuer="CN=ca",
    serial_number="1f",
    fingerprint_sha256="aa",
    public_key_sha256="bb",
    key_algorithm="Ed25519",
    signature_algorithm="ed25519",
    der=b"der",
    purpose=FOR_ANYTHING,
)
OTHERWISE = {
    "not_before": 0.0,
    "not_after": 0.0,
    "subject": "",
    "issuer": "",
    "serial_number": "",
    "public_key_sha256": "",
    "key_algorithm": "",
    "signature_algorithm": "",
    "der": b"",
    "purpose": None,
}


def test_certificates_are_equal_when_their_bytes_are() -> None:
    """By the fingerprint; what was read of them is no part of it, and is printed as far as it is for people."""
    assert {*OTHERWISE, "fingerprint_sha256"} == {one.name for one in fields(Certificate)}
    for field, value in OTHERWISE.items():
        other = replace(ONE, **{field: value})  # type: ignore[arg-type]
        assert (other == ONE, hash(other) == hash(ONE), other.same_key(ONE)) == (True, True, True), field
    assert replace(ONE, fingerprint_sha256="ab") != ONE
    shown = [one.name for one in fields(Certificate) if f"{one.name}=" in repr(ONE)]
    assert shown == [one.name for one in fields(Certificate) if one.name not in {"der", "purpose"}]


@pytest.mark.parametrize(
    ("fingerprint", "key", "other_key", "same"),
    [
        ("aa", "bb", "cc", True),
        ("aa", "", "", True),
        ("ab", "bb", "bb", True),
        ("ab", "bb", "bc", False),
        ("ab", "", "", False),
    ],
)
def test_a_ca_that_was_issued_again_has_the_same_key(fingerprint: str, key: str, other_key: str, same: bool) -> None:
    """Two keys that cannot be decoded are not one."""
    other = replace(ONE, fingerprint_sha256=fingerprint, public_key_sha256=other_key)
    assert replace(ONE, public_key_sha256=key).same_key(other) is same


def test_a_certificate_lives_from_its_beginning_to_its_end() -> None:
    assert ONE.lifetime == 300.0
    assert replace(ONE, not_after=50.0).lifetime == -50.0
    assert not ONE.self_issued
    assert replace(ONE, issuer="CN=one").self_issued


def test_of_a_bundle_one_ends_first_and_one_last() -> None:
    bundle = tuple(replace(ONE, fingerprint_sha256=str(end), not_after=end) for end in (300.0, 200.0, 500.0, 400.0))
    assert (ends_first(bundle), ends_last(bundle)) == (bundle[1], bundle[2])


def test_a_file_with_nothing_said_of_it_has_no_key_and_no_fault() -> None:
    found = CertificateFile((ONE,))
    assert (found.certificates, found.private_key, found.fault) == ((ONE,), False, "")
