"""A CertificateSigningRequest as kubectl writes it (protobuf) in, its status out: what `certificate approve` sends.

Only the fields that matter here: k8s.io/apimachinery/pkg/runtime/generated.proto (Unknown) and
k8s.io/api/certificates/v1/generated.proto.
"""

import datetime as dt
from typing import Any

__all__ = ["MAGIC", "csr_status"]

MAGIC = b"k8s\x00"
"""What every protobuf body of the Kubernetes API begins with."""

_CONDITION = {1: "type", 2: "reason", 3: "message", 6: "status"}
_MOMENTS = {4: "lastUpdateTime", 5: "lastTransitionTime"}


def csr_status(body: bytes) -> dict[str, Any]:
    """The status of the request in a body. Raises ValueError where it is none."""
    if not body.startswith(MAGIC):
        raise ValueError("no protobuf of the Kubernetes API")
    raw = _one(_fields(body[len(MAGIC) :]), 2)
    conditions = []
    for number, value in _fields(_one(_fields(raw), 3)):
        if number == 1 and isinstance(value, bytes):
            found = _fields(value)
            condition = {_CONDITION[n]: v.decode() for n, v in found if n in _CONDITION and isinstance(v, bytes)}
            for n, v in found:
                if n in _MOMENTS and isinstance(v, bytes):
                    seconds = next((s for m, s in _fields(v) if m == 1 and isinstance(s, int)), 0)
                    condition[_MOMENTS[n]] = f"{dt.datetime.fromtimestamp(seconds, dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
            conditions.append(condition)
    return {"conditions": conditions} if conditions else {}


def _one(fields: list[tuple[int, int | bytes]], wanted: int) -> bytes:
    return next((value for number, value in fields if number == wanted and isinstance(value, bytes)), b"")


def _fields(message: bytes) -> list[tuple[int, int | bytes]]:
    """(number, value) of each field: an integer, or the bytes of a string or message."""
    found: list[tuple[int, int | bytes]] = []
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        if key & 7 == 0:
            value, position = _varint(message, position)
            found.append((key >> 3, value))
        elif key & 7 == 2:
            length, position = _varint(message, position)
            found.append((key >> 3, message[position : position + length]))
            position += length
        else:
            raise ValueError("a wire type that these messages do not use")
    return found


def _varint(message: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if position >= len(message):
            raise ValueError("a message that is cut off")
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, position
