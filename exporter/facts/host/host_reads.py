"""What came of looking at every file of one node, as the facts take it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from exporter.facts.certificate import Certificate, CertificateFile
from exporter.facts.host.evidence import HostEvidence
from exporter.facts.host.paths import Candidate
from exporter.facts.host.read import Read
from exporter.facts.kubeconfig import HostKubeconfig
from exporter.reason import FileStatus

__all__ = ["HostReads", "without"]


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
    keys: Mapping[str, Read[None]]
    """Whether the private key of a certificate is there that has it in another file, by the certificate's path."""


T = TypeVar("T")


def without(reads: HostReads, certificate: Certificate, status: FileStatus, detail: str) -> HostReads:
    """The same without the files that hold this certificate: each has a status instead, and one line that says why."""

    def judged(read: Read[T]) -> Read[T]:
        held = _held(read.value)
        return replace(read, status=status, value=None, detail=detail) if certificate in held else read

    evidence = replace(reads.evidence, reads={file: judged(read) for file, read in reads.evidence.reads.items()})
    return replace(
        reads, evidence=evidence, certificates={path: judged(read) for path, read in reads.certificates.items()}
    )


def _held(value: object) -> tuple[Certificate, ...]:
    if isinstance(value, CertificateFile):
        return value.certificates
    if isinstance(value, HostKubeconfig):
        return (*value.client_certificates, *value.certificate_authorities)
    return ()
