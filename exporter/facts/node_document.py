"""What a node agent says of its node: its /facts in, as far as the cluster agent shows it, out.

The document is kept packed: a fleet of 5,000 says some 30 MB together, of which nobody looks at more than a page.
"""

import sys
import zlib
from dataclasses import dataclass
from functools import lru_cache

import msgspec

from exporter.reason import Role

__all__ = ["NodeDocument", "ToldFinding", "ToldRotation", "ToldStep", "node_document"]


class ToldStep(msgspec.Struct, frozen=True):
    """One thing to do next, in the agent's words."""

    text: str = ""
    command: str | None = None


class _Subject(msgspec.Struct, frozen=True):
    kind: str = ""
    name: str = ""


class ToldFinding(msgspec.Struct, frozen=True):
    """One finding, in the agent's words. Words of a newer agent may be unknown here."""

    severity: str
    what: str
    alert: str | None = None
    subject: _Subject = _Subject()
    role: str | None = None
    since: float | None = None
    until: float | None = None
    why: str | None = None
    next: tuple[ToldStep, ...] = ()

    @property
    def known_role(self) -> Role | None:
        """The certificate's role; None for none, or for one that is not known here."""
        return Role(self.role) if self.role in set(Role) else None


class ToldRotation(msgspec.Struct, frozen=True):
    """The state of rotation of one role, in the agent's words."""

    role: str
    state: str
    due: float | None = None
    """Unix seconds from which it may be renewed; None where nothing is due."""
    deadline: float | None = None
    """Unix seconds by which it has been."""
    evidence: dict[str, bool] = {}
    """What each place says of it: on or off."""


class _Identity(msgspec.Struct, frozen=True):
    fingerprint_sha256: str = ""


class _Certificate(_Identity, frozen=True):
    role: str = ""
    bundle: tuple[_Identity, ...] = ()


class _Document(msgspec.Struct):
    schema: int
    agent: str
    node: str
    looked_at: float
    findings: tuple[ToldFinding, ...]
    rotation: tuple[ToldRotation, ...] = ()
    certificates: tuple[_Certificate, ...] = ()


@dataclass(frozen=True, slots=True)
class NodeDocument:
    """One node in its agent's words. Two are equal when all but the time of the look is."""

    node: str
    findings: tuple[ToldFinding, ...]
    rotation: tuple[ToldRotation, ...]
    packed: bytes
    """The whole document, deflated."""
    authorities: frozenset[str] = frozenset()
    """SHA-256 fingerprints of the cluster CAs that the node holds."""

    @property
    def content(self) -> bytes:
        """The document's JSON."""
        return zlib.decompress(self.packed)


_DECODER = msgspec.json.Decoder(_Document)


def node_document(body: bytes) -> NodeDocument:
    """The document. Raises ValueError in one line where the body is none of a node agent."""
    try:
        found = _DECODER.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ValueError(f"not a node agent's facts: {' '.join(str(error).split())[:200]}") from None
    if found.agent != "node":
        raise ValueError(f"not a node agent's facts: agent is {found.agent[:40]!r}")
    authorities = (one for one in found.certificates if one.role == Role.CLUSTER_CA)
    held = frozenset(sys.intern(each.fingerprint_sha256) for one in authorities for each in (one, *one.bundle))
    return NodeDocument(found.node, found.findings, found.rotation, zlib.compress(body, 1), _shared(held))


@lru_cache(maxsize=64)
def _shared(held: frozenset[str]) -> frozenset[str]:
    """One set for all nodes that hold the same."""
    return held
