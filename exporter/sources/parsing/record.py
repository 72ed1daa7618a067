"""Certificates to plain JSON values and back: the language between an agent and the child that parses for it.

Nothing in an answer is believed but its form. The child reads bytes of strangers, so an answer may come from a stranger
too: each value is checked for its type and range, and what follows from the DER is worked out again.
"""

import base64
import hashlib
import json
import math
import struct
from collections.abc import Mapping
from typing import NoReturn, TypeVar

from exporter.facts.certificate import (
    Certificate,
    CertificateError,
    CertificateFile,
    EmptyFileError,
    NoCertificateError,
)
from exporter.facts.purpose import Purpose

__all__ = [
    "ANSWER",
    "BUG",
    "REQUEST",
    "certificates_of",
    "data",
    "error_of",
    "failure",
    "file_of",
    "mapping",
    "member",
    "signatures_of",
]

T = TypeVar("T")

REQUEST, ANSWER = struct.Struct(">cI"), struct.Struct(">I")
"""What precedes a body: a letter for what is asked, and the length in bytes."""

ERRORS: Mapping[str, type[CertificateError]] = {
    "empty": EmptyFileError,
    "no_certificate": NoCertificateError,
    "malformed": CertificateError,
}
"""What a parser raises, by its word; the narrowest first."""
BUG = "bug"
"""The word for whatever else it raised."""


def data(certificate: Certificate) -> dict[str, object]:
    """A certificate as JSON values."""
    made_for = certificate.purpose
    return {
        "not_before": certificate.not_before,
        "not_after": certificate.not_after,
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "serial_number": certificate.serial_number,
        "public_key_sha256": certificate.public_key_sha256,
        "key_algorithm": certificate.key_algorithm,
        "signature_algorithm": certificate.signature_algorithm,
        "der": base64.b64encode(certificate.der).decode(),
        "purpose": None
        if made_for is None
        else {
            "common_name": made_for.common_name,
            "organizations": list(made_for.organizations),
            "authority": made_for.authority,
            "path_length": made_for.path_length,
            "usages": None if made_for.usages is None else sorted(made_for.usages),
            "dns_names": list(made_for.dns_names),
            "addresses": list(made_for.addresses),
            "version": made_for.version,
            "signs": made_for.signs,
            "critical": sorted(made_for.critical),
        },
    }


def failure(error: CertificateError) -> dict[str, object]:
    """A parser's error as JSON values."""
    word = next(word for word, kind in ERRORS.items() if isinstance(error, kind))
    return {"error": word, "words": str(error)}


def mapping(answer: bytes) -> Mapping[str, object]:
    """The object that an answer is. Raises ValueError."""
    try:
        found = json.loads(answer, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return found


def error_of(answer: Mapping[str, object]) -> CertificateError | None:
    """The parser's error that an answer tells, None where it tells a result. Raises ValueError for neither."""
    if "error" not in answer:
        return None
    word = member(answer, "error", str)
    if word not in ERRORS:
        raise ValueError("not an error's word")
    words = _text(answer, "words")[:300]
    return ERRORS[word]("".join(one if one.isprintable() else " " for one in words))


def file_of(answer: Mapping[str, object]) -> CertificateFile:
    """A file of certificates. Raises ValueError."""
    return CertificateFile(certificates_of(answer), member(answer, "private_key", bool), _text(answer, "fault"))


def certificates_of(answer: Mapping[str, object]) -> tuple[Certificate, ...]:
    """At least one certificate. Raises ValueError."""
    found = tuple(_certificate(one) for one in member(answer, "certificates", list))
    if not found:
        raise ValueError("no certificate")
    return found


def signatures_of(answer: Mapping[str, object]) -> tuple[bool | None, ...]:
    """Whether each CA that was sent along signed the first certificate; None where it does not say. ValueError."""
    found = answer.get("signed")
    if not isinstance(found, list) or any(one is not None and type(one) is not bool for one in found):
        raise ValueError("signed is no list of truths")
    return tuple(found)


def member(values: Mapping[str, object], key: str, kind: type[T]) -> T:
    """A value of exactly this type: no `true` where a number should be. Raises ValueError."""
    found = values.get(key)
    if type(found) is not kind:
        raise ValueError(f"{key} is no {kind.__name__}")
    return found


def _certificate(value: object) -> Certificate:
    values = _object(value)
    try:
        der = base64.b64decode(member(values, "der", str), validate=True)
    except ValueError:
        raise ValueError("der is not base64") from None
    serial = _text(values, "serial_number")
    int(serial, 16)
    made_for = values.get("purpose")
    return Certificate(
        not_before=_moment(values, "not_before"),
        not_after=_moment(values, "not_after"),
        subject=_text(values, "subject"),
        issuer=_text(values, "issuer"),
        serial_number=serial,
        fingerprint_sha256=hashlib.sha256(der).hexdigest(),
        public_key_sha256=_text(values, "public_key_sha256"),
        key_algorithm=_text(values, "key_algorithm"),
        signature_algorithm=_text(values, "signature_algorithm"),
        der=der,
        purpose=None if made_for is None else _purpose(_object(made_for)),
    )


def _purpose(values: Mapping[str, object]) -> Purpose:
    usages = values.get("usages")
    return Purpose(
        common_name=_text(values, "common_name"),
        organizations=_texts(values, "organizations"),
        authority=_maybe(values, "authority", bool),
        path_length=_maybe(values, "path_length", int),
        usages=None if usages is None else frozenset(_texts(values, "usages")),
        dns_names=_texts(values, "dns_names"),
        addresses=_texts(values, "addresses"),
        version=member(values, "version", int),
        signs=_maybe(values, "signs", bool),
        critical=frozenset(_texts(values, "critical")),
    )


def _object(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def _maybe(values: Mapping[str, object], key: str, kind: type[T]) -> T | None:
    return None if values.get(key) is None else member(values, key, kind)


def _moment(values: Mapping[str, object], key: str) -> float:
    found = member(values, key, float)
    if not math.isfinite(found):
        raise ValueError(f"{key} is no moment")
    return found


def _text(values: Mapping[str, object], key: str) -> str:
    return _encodable(member(values, key, str))


def _texts(values: Mapping[str, object], key: str) -> tuple[str, ...]:
    found = []
    for one in member(values, key, list):
        if type(one) is not str:
            raise ValueError(f"{key} holds no text")
        found.append(_encodable(one))
    return tuple(found)


def _encodable(text: str) -> str:
    text.encode()  # half a surrogate pair is no text, and would end a scrape
    return text


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")
