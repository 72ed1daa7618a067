"""What came of looking at a node's files in, which certificate the kubelet uses for each role out."""

from collections.abc import Mapping
from dataclasses import dataclass

from exporter.facts.certificate import Certificate
from exporter.facts.host.evidence_file import EvidenceFile
from exporter.facts.host.host_reads import HostReads
from exporter.facts.host.kubelet_command import ABSENT
from exporter.facts.host.paths import Candidate, Means, NamedBy
from exporter.facts.kubeconfig import Credential, ServerTrust
from exporter.reason import FileStatus, Role

__all__ = ["Bundle", "InUse", "in_use"]

Bundle = tuple[Certificate, ...]


@dataclass(frozen=True, slots=True)
class InUse:
    """The certificates that the kubelet goes by."""

    candidates: Mapping[Role, Candidate | None]
    """The file of each role, absent or not; None: there is none."""
    bundles: Mapping[Role, tuple[str, Bundle]]
    """Path and content of those that could be read, or that are in the kubeconfig itself."""
    authorities: Bundle
    """The CAs that the kubelet is known to trust."""


def in_use(reads: HostReads) -> InUse:
    """The certificates in use."""
    chosen = {role: _chosen(role, reads) for role in Role}
    bundles: dict[Role, tuple[str, Bundle]] = {}
    for role, candidate in chosen.items():
        if candidate is not None and (value := reads.certificates[candidate.path].value):
            bundles[role] = (candidate.path, value.certificates)
    kubeconfig = reads.evidence.kubeconfig
    if kubeconfig is not None:
        path = reads.evidence.reads[EvidenceFile.KUBECONFIG].path
        if kubeconfig.credential is Credential.CERTIFICATE_INLINE:
            bundles[Role.KUBELET_CLIENT] = (path, kubeconfig.client_certificates)
        if Role.CLUSTER_CA not in bundles and kubeconfig.certificate_authorities:
            bundles[Role.CLUSTER_CA] = (path, kubeconfig.certificate_authorities)
    trusted = Role.CLUSTER_CA in bundles and _trusted(reads)
    return InUse(chosen, bundles, bundles[Role.CLUSTER_CA][1] if trusted else ())


def _trusted(reads: HostReads) -> bool:
    """Whether the kubelet is known to trust the CAs in use, and no others.

    Not where it verifies nothing, and not where its kubeconfig is there and cannot be read: that one names the CA.
    Where there is no kubeconfig yet, or the user leaves it out, AKS's own path is the one that it will name.
    """
    kubeconfig, read = reads.evidence.kubeconfig, reads.evidence.reads.get(EvidenceFile.KUBECONFIG)
    if kubeconfig is not None:
        return kubeconfig.server_trust not in {ServerTrust.ANYBODY, ServerTrust.PLAIN_HTTP}
    return read is None or read.status in ABSENT


def _chosen(role: Role, reads: HostReads) -> Candidate | None:
    """The first eligible file that is there, else the first eligible one."""
    eligible = _eligible(role, reads)
    there = (c for c in eligible if reads.certificates[c.path].status is not FileStatus.NOT_FOUND)
    return next(there, eligible[0] if eligible else None)


def _eligible(role: Role, reads: HostReads) -> list[Candidate]:
    """The files that the kubelet can be using by its own configuration; all where that is not known."""
    candidates = [candidate for candidate in reads.candidates if candidate.role is role]
    named = [candidate for candidate in candidates if candidate.named_by is not None]
    kubeconfig, settings = reads.evidence.kubeconfig, reads.evidence.settings
    match role:
        case Role.CLUSTER_CA if kubeconfig is not None and _asks_kubeconfig(role, reads):
            return named  # and no other file in its place: that one may verify what the kubelet's own refuses
        case Role.KUBELET_CLIENT:
            inline = kubeconfig is not None and kubeconfig.credential is Credential.CERTIFICATE_INLINE
            return [] if inline else named or candidates
        case Role.KUBELET_SERVING if settings.tls_cert_file:
            return named or candidates
        case Role.KUBELET_SERVING if settings.server_tls_bootstrap is not None:
            rotated = settings.server_tls_bootstrap
            return [c for c in candidates if (c.means is Means.ROTATED) is rotated]
    return candidates


def _asks_kubeconfig(role: Role, reads: HostReads) -> bool:
    """Whether the table lets the kubeconfig name this role's file; a user's own table may name it itself."""
    candidates = reads.evidence.table.candidates
    return any(one.role is role and one.named_by is NamedBy.KUBECONFIG for one in candidates)
