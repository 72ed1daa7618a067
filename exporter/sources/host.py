"""The files of a path table in, one look at each of them out, ready for `facts.host`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar, cast

from exporter.facts.evidence import EvidenceReads, kubelet_settings
from exporter.facts.kubeconfig import Kubeconfig, kubeconfig
from exporter.facts.kubelet import (
    KubeletSettings,
    default_file_flags,
    instance_tags,
    kubelet_configuration,
    windows_configuration,
)
from exporter.facts.paths import EvidenceFile, Means, PathTable
from exporter.facts.read import Read
from exporter.facts.x509 import Certificate, certificates
from exporter.sources.files import HostFiles, Parse

__all__ = ["HostReads", "read_host"]

T = TypeVar("T")

EVIDENCE_CAP = 256 * 1024
"""Bytes. These files have a few KiB; the cap bounds what YAML may cost."""

_PARSERS: Mapping[EvidenceFile, Parse[object]] = {
    EvidenceFile.KUBECONFIG: kubeconfig,
    EvidenceFile.BOOTSTRAP_KUBECONFIG: kubeconfig,
    EvidenceFile.KUBELET_FLAGS: default_file_flags,
    EvidenceFile.KUBELET_ARGUMENTS: windows_configuration,
    EvidenceFile.KUBELET_CONFIGURATION: kubelet_configuration,
    EvidenceFile.INSTANCE_METADATA: instance_tags,
}
_NEVER_READ = (EvidenceFile.SECURE_TLS_BOOTSTRAP, EvidenceFile.PENDING_CLIENT_KEY)


@dataclass(frozen=True, slots=True)
class HostReads:
    """What came of looking at every file of one node."""

    evidence: EvidenceReads
    certificates: Mapping[str, Read[tuple[Certificate, ...]]]
    """By path."""
    names: Mapping[str, tuple[str, ...] | None]
    """The names beside each certificate that the kubelet rotates, by that certificate's path."""


def read_host(files: HostFiles, table: PathTable) -> HostReads:
    """Look at every file once. No file can make it fail: whatever happens is a status."""
    evidence = _read_evidence(files, table)
    kubeconfig_read = evidence.kubeconfig
    candidates = table.resolved(kubeconfig_read.value if kubeconfig_read else None, kubelet_settings(evidence))
    paths = list(dict.fromkeys(candidate.path for candidate in candidates))
    reads = files.read_all([(path, certificates) for path in paths])
    rotated = [candidate.path for candidate in candidates if candidate.means is Means.ROTATED]
    listed = {directory: files.names(directory) for directory in {table.parent(path) for path in rotated}}
    return HostReads(
        evidence,
        dict(zip(paths, reads, strict=True)),
        {path: listed[table.parent(path)] for path in rotated},
    )


def _read_evidence(files: HostFiles, table: PathTable) -> EvidenceReads:
    wanted = [(file, path) for file, path in table.evidence.items() if file in _PARSERS]
    reads = files.read_all([(path, _PARSERS[file]) for file, path in wanted], cap=EVIDENCE_CAP)
    found: dict[EvidenceFile, Read[object]] = {file: read for (file, _), read in zip(wanted, reads, strict=True)}

    def of(kind: type[T], *names: EvidenceFile) -> Read[T] | None:
        # The parser of a file decides the type of its value; `kind` only tells the type checker.
        return next((cast("Read[T]", found[name]) for name in names if name in found), None)

    def presence(file: EvidenceFile) -> Read[None] | None:
        return files.presence(table.evidence[file]) if file in table.evidence else None

    return EvidenceReads(
        kubeconfig=of(Kubeconfig, EvidenceFile.KUBECONFIG),
        bootstrap_kubeconfig=of(Kubeconfig, EvidenceFile.BOOTSTRAP_KUBECONFIG),
        kubelet_flags=of(KubeletSettings, EvidenceFile.KUBELET_FLAGS, EvidenceFile.KUBELET_ARGUMENTS),
        kubelet_configuration=of(KubeletSettings, EvidenceFile.KUBELET_CONFIGURATION),
        secure_tls_bootstrap=presence(EvidenceFile.SECURE_TLS_BOOTSTRAP),
        pending_client_key=presence(EvidenceFile.PENDING_CLIENT_KEY),
        instance_tags=of(tuple, EvidenceFile.INSTANCE_METADATA),
    )
