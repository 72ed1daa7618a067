"""The border to the Kubernetes API's JSON: raw object bytes and a decoder in, a typed object or one error out."""

import datetime as dt
from base64 import b64decode
from typing import TypeVar

import msgspec

__all__ = [
    "Metadata",
    "ObjectError",
    "base64_bytes",
    "bounded_text",
    "created",
    "decoded",
    "required_timestamp",
    "timestamp",
]

T = TypeVar("T")

LONGEST_TEXT = 512
"""Characters. Names have 253 at most, uids 36, user names of service accounts some 140."""


class ObjectError(ValueError):
    """The bytes are not the object that the API promises."""


class Metadata(msgspec.Struct):
    """What is needed of an object's metadata."""

    name: str
    uid: str = ""
    resourceVersion: str = ""
    creationTimestamp: str | None = None
    labels: dict[str, str] | None = None


def decoded(decoder: msgspec.json.Decoder[T], raw: bytes | msgspec.Raw) -> T:
    """The object of its JSON. Raises ObjectError with a line that holds none of the object's values."""
    try:
        return decoder.decode(raw)
    except (ValueError, RecursionError) as error:
        raise ObjectError(f"not the expected object: {' '.join(str(error).split())[:200]}") from None


class _Object(msgspec.Struct):
    metadata: Metadata


_OBJECT = msgspec.json.Decoder(_Object)


def created(raw: bytes) -> float:
    """Unix seconds of any object's creation. Raises ObjectError."""
    return required_timestamp(decoded(_OBJECT, raw).metadata.creationTimestamp)


def timestamp(text: str | None) -> float | None:
    """Unix seconds of an RFC 3339 time as the API writes it (metav1.Time, MicroTime); None for none or nonsense."""
    if not text:
        return None
    try:
        parsed = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return parsed.replace(tzinfo=parsed.tzinfo or dt.UTC).timestamp()


def required_timestamp(text: str | None) -> float:
    """As `timestamp`, where an object without that time is none: ObjectError."""
    found = timestamp(text)
    if found is None:
        raise ObjectError("not the expected object: no creation time")
    return found


def bounded_text(text: str) -> str:
    """The text itself; of one that no API server would take, the beginning: a list may bring a hundred thousand."""
    return text[:LONGEST_TEXT]


def base64_bytes(text: str | None) -> bytes:
    """The bytes of a base64 field, empty where it is not base64."""
    try:
        return b64decode(text or "", validate=True)
    except ValueError:
        return b""
