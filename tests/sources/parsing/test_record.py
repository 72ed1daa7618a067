"""The record of a certificate between an agent and the child that parses for it: every value, and every wrong one."""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import astuple, replace

import pytest

from exporter.facts.certificate import (
    Certificate,
    CertificateError,
    CertificateFile,
    EmptyFileError,
    NoCertificateError,
)
from exporter.facts.purpose import Purpose
from exporter.sources.parsing.record import (
    ANSWER,
    ERRORS,
    REQUEST,
    certificates_of,
    data,
    error_of,
    failure,
    file_of,
    mapping,
    member,
    signatures_of,
)

DER = b"\x30\x03\x02\x01\x01"
PURPOSE = Purpose("node", ("a", "b"), True, 3, frozenset({"1.2", "1.1"}), ("d",), ("::1",), 3, False, frozenset("yx"))
CERTIFICATE = Certificate(
    1.5, 2.5, "CN=s", "CN=i", "0a", hashlib.sha256(DER).hexdigest(), "fe", "RSA-2048", "sha256", DER, PURPOSE
)
SAID = {
    "not_before": 1.5,
    "not_after": 2.5,
    "subject": "CN=s",
    "issuer": "CN=i",
    "serial_number": "0a",
    "public_key_sha256": "fe",
    "key_algorithm": "RSA-2048",
    "signature_algorithm": "sha256",
    "der": base64.b64encode(DER).decode(),
}
MADE_FOR: dict[str, object] = {
    "common_name": "node",
    "organizations": ["a", "b"],
    "authority": True,
    "path_length": 3,
    "usages": ["1.1", "1.2"],
    "dns_names": ["d"],
    "addresses": ["::1"],
    "version": 3,
    "signs": False,
    "critical": ["x", "y"],
}
WITHOUT: dict[str, object] = {"authority": None, "path_length": None, "usages": None, "signs": None}
BARE = replace(PURPOSE, authority=None, path_length=None, usages=None, signs=None)
Decode = Callable[[Mapping[str, object]], object]


@pytest.mark.parametrize(
    ("purpose", "said"), [(PURPOSE, MADE_FOR), (BARE, MADE_FOR | WITHOUT), (None, None)], ids=["all", "bare", "none"]
)
def test_a_certificate_is_what_its_record_says(purpose: Purpose | None, said: object) -> None:
    """Both ways, to the last field: equality of certificates is that of their bytes."""
    one = replace(CERTIFICATE, purpose=purpose)
    assert data(one) == {**SAID, "purpose": said}
    (found,) = certificates_of({"certificates": [data(one)]})
    assert astuple(found) == astuple(one)


def test_a_file_is_all_of_its_certificates_and_what_is_said_beside() -> None:
    for key, fault in ((True, ""), (False, "one block is none")):
        said = {"certificates": [data(CERTIFICATE), data(CERTIFICATE)], "private_key": key, "fault": fault}
        assert file_of(said) == CertificateFile((CERTIFICATE, CERTIFICATE), key, fault)


def of_file(key: str, value: object) -> Mapping[str, object]:
    return {"certificates": [data(CERTIFICATE)], "private_key": True, "fault": "", key: value}


def of_certificate(key: str, value: object) -> Mapping[str, object]:
    return {"certificates": [{**data(CERTIFICATE), key: value}]}


def of_purpose(key: str, value: object) -> Mapping[str, object]:
    return of_certificate("purpose", {**MADE_FOR, key: value})


EMPTY: dict[str, object] = {}
NOTHING: list[object] = []
TEXTS = (1, None, b"", ["a"])


@pytest.mark.parametrize(
    ("decode", "said", "words"),
    [
        *[(file_of, of_file("private_key", one), "private_key is no bool") for one in (1, 0, None, "true")],
        *[(file_of, of_file("fault", one), "fault is no str") for one in TEXTS],
        *[(file_of, of_file("certificates", one), "certificates is no list") for one in (EMPTY, None, "", ())],
        (certificates_of, {"certificates": []}, "no certificate"),
        (certificates_of, {}, "certificates is no list"),
        *[(certificates_of, {"certificates": [one]}, "not an object") for one in (NOTHING, None, "", 1)],
        *[
            (certificates_of, of_certificate(key, one), f"{key} is no str")
            for key in ("subject", "issuer", "serial_number", "public_key_sha256", "key_algorithm")
            for one in TEXTS
        ],
        (certificates_of, of_certificate("signature_algorithm", None), "signature_algorithm is no str"),
        *[
            (certificates_of, of_certificate(key, one), f"{key} is no float")
            for key in ("not_before", "not_after")
            for one in (1, True, None, "1.0")
        ],
        *[
            (certificates_of, of_certificate(key, one), f"{key} is no moment")
            for key in ("not_before", "not_after")
            for one in (float("nan"), float("inf"), float("-inf"))
        ],
        *[(certificates_of, of_certificate("der", one), "der is not base64") for one in (None, "AAA", "A\nAA=", "é")],
        (certificates_of, of_certificate("serial_number", "xyz"), r"invalid literal for int\(\) with base 16"),
        (certificates_of, of_certificate("serial_number", ""), r"invalid literal for int\(\) with base 16"),
        *[(certificates_of, of_certificate("purpose", one), "not an object") for one in (NOTHING, "", 0)],
        *[
            (certificates_of, of_purpose(key, one), f"{key} is no list")
            for key in ("organizations", "dns_names", "addresses", "critical")
            for one in (None, "ab", EMPTY)
        ],
        (certificates_of, of_purpose("usages", "ab"), "usages is no list"),
        *[
            (certificates_of, of_purpose(key, ["a", one]), f"{key} holds no text")
            for key in ("organizations", "usages", "dns_names", "addresses", "critical")
            for one in (1, None)
        ],
        *[(certificates_of, of_purpose(key, 1), f"{key} is no bool") for key in ("authority", "signs")],
        *[(certificates_of, of_purpose("path_length", one), "path_length is no int") for one in (True, 1.0, "1")],
        *[(certificates_of, of_purpose("version", one), "version is no int") for one in (True, 1.0, None)],
        (certificates_of, of_purpose("common_name", None), "common_name is no str"),
        *[
            (certificates_of, found, "surrogates not allowed")
            for found in (
                of_certificate("subject", "\ud800"),
                of_purpose("common_name", "\ud800"),
                of_purpose("dns_names", ["a", "\ud800"]),
            )
        ],
        (file_of, of_file("fault", "\ud800"), "surrogates not allowed"),
        *[
            (signatures_of, {"signed": one}, "signed is no list of truths")
            for one in (None, EMPTY, [1], [None, 0], [""])
        ],
        (signatures_of, {}, "signed is no list of truths"),
        (error_of, {"error": None, "words": ""}, "error is no str"),
        (error_of, {"error": "bug", "words": ""}, "not an error's word"),
        (error_of, {"error": "malformed"}, "words is no str"),
        (error_of, {"error": "malformed", "words": "\ud800"}, "surrogates not allowed"),
    ],
)
def test_what_has_not_the_form_is_refused(decode: Decode, said: Mapping[str, object], words: str) -> None:
    """A child may be a stranger's by then."""
    with pytest.raises(ValueError, match=words):
        decode(said)


@pytest.mark.parametrize(
    ("kind", "word"),
    [(EmptyFileError, "empty"), (NoCertificateError, "no_certificate"), (CertificateError, "malformed")],
)
def test_a_parsers_error_comes_back_as_the_same_error(kind: type[CertificateError], word: str) -> None:
    """The narrowest of three kinds, each of which is one of the next."""
    assert failure(kind("so it is")) == {"error": word, "words": "so it is"}
    found = error_of({"error": word, "words": "so\nit\x1b is" + "x" * 400})
    assert (type(found), str(found)) == (kind, "so it  is" + "x" * 291)
    assert list(ERRORS) == ["empty", "no_certificate", "malformed"]


def test_an_answer_without_an_error_tells_none() -> None:
    assert error_of({"certificates": []}) is None


def test_whether_a_ca_signed_may_be_left_unsaid() -> None:
    assert signatures_of({"signed": [True, None, False]}) == (True, None, False)
    assert signatures_of({"signed": []}) == ()


def test_a_member_is_of_exactly_its_type() -> None:
    assert [member({"a": one}, "a", type(one)) for one in (True, 1, 1.0, "x")] == [True, 1, 1.0, "x"]
    with pytest.raises(ValueError, match=r"^a is no int$"):
        member({"a": True}, "a", int)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"[]", "^not an object$"),
        (b"1", "^not an object$"),
        (b"null", "^not an object$"),
        (b'{"a": NaN}', "^NaN is no number$"),
        (b'{"a": -Infinity}', "^-Infinity is no number$"),
        (b"[" * 50_000, "^nested too deep$"),
        (b"", "Expecting value"),
        (b"{}{}", "Extra data"),
    ],
)
def test_what_is_no_object_is_no_answer(answer: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        mapping(answer)


def test_an_object_is_an_answer() -> None:
    assert mapping(json.dumps(SAID).encode()) == SAID


def test_lengths_are_in_four_bytes_the_highest_first() -> None:
    """Both sides read them by these; a child of another version would not."""
    assert (REQUEST.pack(b"L", 258), ANSWER.pack(258)) == (b"L\x00\x00\x01\x02", b"\x00\x00\x01\x02")
