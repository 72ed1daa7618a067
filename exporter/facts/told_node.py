"""The whole of a node agent's /facts in, typed out, for the page about that one node.

Every field may be missing or of a newer agent: words that are not known here are shown as they are.
"""

import msgspec

__all__ = ["SaidCertificate", "SaidFile", "SaidNode", "SaidRotation", "said_node"]


class SaidCertificate(msgspec.Struct, frozen=True):
    """A certificate in use. Dates in Unix seconds."""

    role: str
    origin: str
    not_before: float
    not_after: float
    path: str | None = None
    subject: str | None = None
    issuer: str | None = None
    serial_number: str = ""
    fingerprint_sha256: str = ""
    due: float | None = None
    deadline: float | None = None
    usable: str | None = None
    severity: str | None = None


class SaidFile(msgspec.Struct, frozen=True):
    """A file that was looked at."""

    role: str
    path: str
    status: str
    detail: str | None = None
    severity: str | None = None


class SaidRotation(msgspec.Struct, frozen=True):
    """The rotation of one role."""

    role: str
    state: str
    shown: str = ""
    reason: str = ""
    evidence: dict[str, bool] = {}
    deadline: float | None = None
    severity: str | None = None


class SaidNode(msgspec.Struct, frozen=True):
    """A node in its agent's words."""

    node: str
    looked_at: float
    certificates: tuple[SaidCertificate, ...] = ()
    files: tuple[SaidFile, ...] = ()
    rotation: tuple[SaidRotation, ...] = ()


_DECODER = msgspec.json.Decoder(SaidNode)


def said_node(content: bytes) -> SaidNode | None:
    """The document; None where it is of a form that is not known here."""
    try:
        return _DECODER.decode(content)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
