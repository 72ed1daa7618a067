"""What came of looking at every file of one node, as the facts take it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from exporter.facts.host.evidence import HostEvidence
from exporter.facts.host.paths import Candidate
from exporter.facts.host.read import Read
from exporter.facts.x509 import CertificateFile

__all__ = ["HostReads"]


@dataclass(frozen=True, slots=True)
class HostReads:
    """One look at a node's files."""

    evidence: HostEvidence
    candidates: tuple[Candidate, ...]
    """Every place of a certificate, with the paths that files name filled in."""
    certificates: Mapping[str, Read[CertificateFile]]
    """By path, one for each candidate."""
    names: Mapping[str, tuple[str, ...] | None]
    """The names beside each certificate that the kubelet rotates, by that certificate's path; None: not listed."""
    keys: Mapping[str, Read[None]] = field(default_factory=dict)
    """Whether the private key of a certificate is there that has it in another file, by the certificate's path."""
