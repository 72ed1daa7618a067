"""A node's files in, what each place says about rotation out: every row of rotation evidence of a node is made here."""

from collections.abc import Mapping

from exporter.facts.host.evidence import HostEvidence
from exporter.facts.host.evidence_file import EVIDENCE, EvidenceFile
from exporter.facts.host.host_reads import HostReads
from exporter.facts.host.paths import Means
from exporter.facts.kubeconfig import Credential
from exporter.facts.rotation import RotationFacts, client_rotation, serving_rotation
from exporter.reason import Evidence, FileStatus, Role

__all__ = ["client", "serving"]

Words = Mapping[Evidence, bool | None]


def client(reads: HostReads, *, loaded: bool) -> RotationFacts:
    """Rotation of the kubelet's client certificate. `loaded`: the kubelet can load what its file holds, if anything."""
    evidence = reads.evidence
    kubeconfig = evidence.kubeconfig
    words: Words = {
        Evidence.KUBELET_CONFIG: evidence.settings.rotate_certificates,
        Evidence.FILE: _file(Role.KUBELET_CLIENT, reads) if loaded else None,
    }
    pending = evidence.reads.get(EvidenceFile.PENDING_CLIENT_KEY)
    return client_rotation(
        _said(Role.KUBELET_CLIENT, words, evidence),
        inline=kubeconfig is not None and kubeconfig.credential is Credential.CERTIFICATE_INLINE,
        bootstrap_pending=pending is not None and pending.status is FileStatus.OK,
    )


def serving(reads: HostReads, wire: bool | None, *, loaded: bool) -> RotationFacts:
    """Rotation of the kubelet's serving certificate. `wire`: what the served chain says; `loaded` as in `client`."""
    evidence = reads.evidence
    words: Words = {
        Evidence.KUBELET_CONFIG: _configured(evidence),
        Evidence.FILE: _file(Role.KUBELET_SERVING, reads) if loaded else None,
        Evidence.WIRE: wire,
    }
    lies_there = any(
        candidate.role is Role.KUBELET_SERVING
        and candidate.means is Means.STATIC
        and reads.certificates[candidate.path].status is not FileStatus.NOT_FOUND
        for candidate in reads.candidates
    )
    return serving_rotation(
        _said(Role.KUBELET_SERVING, words, evidence),
        static=bool(evidence.settings.tls_cert_file) or lies_there,
        gate_off=evidence.settings.serving_gate_off,
    )


def _configured(evidence: HostEvidence) -> bool | None:
    """A fixed certificate beats a requested one: clients without SNI get the files (net/http, ServeTLS)."""
    settings = evidence.settings
    return False if settings.tls_cert_file else settings.server_tls_bootstrap


def _file(role: Role, reads: HostReads) -> bool | None:
    """Whether the current link yields a certificate; no word where it is there and cannot be read.

    A current link that another file names is the one: the usual one beside it is not the kubelet's.
    """
    rotated = [one for one in reads.candidates if one.role is role and one.means is Means.ROTATED]
    used = [one for one in rotated if one.named_by is not None] or rotated
    statuses = {reads.certificates[one.path].status for one in used}
    if FileStatus.OK in statuses:
        return True
    return False if statuses == {FileStatus.NOT_FOUND} else None


def _said(role: Role, words: Words, evidence: HostEvidence) -> dict[Evidence, bool]:
    """The words, and those of the evidence files that speak of this role by themselves; in the order of Evidence."""
    found = dict(words)
    for file, read in evidence.reads.items():
        kind = EVIDENCE[file]
        if kind.role is role and kind.says is not None:
            found[kind.says.place] = kind.says.word(read.value, evidence.table.windows)
    return {place: word for place in Evidence if (word := found.get(place)) is not None}
