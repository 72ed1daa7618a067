"""The files of a path table in, one look at each of them out, ready for `facts.host`."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import NoneType
from typing import TypeVar, cast

from exporter.facts.host.evidence import EvidenceReads, kubelet_settings
from exporter.facts.host.kubelet_settings import (
    KubeletSettings,
    default_file_flags,
    instance_tags,
    kubelet_configuration,
    windows_configuration,
)
from exporter.facts.host.paths import EvidenceFile, Means, PathTable
from exporter.facts.host.read import Read
from exporter.facts.kubeconfig import Kubeconfig, kubeconfig
from exporter.facts.x509 import CertificateFile, authority_file, certificate_file
from exporter.reason import Role
from exporter.sources.files.host_files import HostFiles, Parse, Way

__all__ = ["HostReads", "read_host"]

T = TypeVar("T")

EVIDENCE_CAP = 256 * 1024
"""Bytes. These files have a few KiB; the cap bounds what YAML may cost."""

_WAYS: Mapping[EvidenceFile, Parse[object] | Way] = {
    EvidenceFile.KUBECONFIG: kubeconfig,
    EvidenceFile.BOOTSTRAP_KUBECONFIG: kubeconfig,
    EvidenceFile.KUBELET_FLAGS: default_file_flags,
    EvidenceFile.KUBELET_ARGUMENTS: windows_configuration,
    EvidenceFile.KUBELET_CONFIGURATION: kubelet_configuration,
    EvidenceFile.INSTANCE_METADATA: instance_tags,
    EvidenceFile.SECURE_TLS_BOOTSTRAP: Way.PRESENCE,
    EvidenceFile.PENDING_CLIENT_KEY: Way.PRESENCE,
}


@dataclass(frozen=True, slots=True)
class HostReads:
    """What came of looking at every file of one node."""

    table: PathTable
    """The table that was gone by: with the configuration file that the kubelet's flags name."""
    evidence: EvidenceReads
    certificates: Mapping[str, Read[CertificateFile]]
    """By path."""
    names: Mapping[str, tuple[str, ...] | None]
    """The names beside each certificate that the kubelet rotates, by that certificate's path."""


def read_host(files: HostFiles, table: PathTable) -> HostReads:
    """Look at every file once, in two or three hand-offs. No file can make it fail: whatever happens is a status."""
    evidence = _read_evidence(files, table)
    if (named := table.with_configuration(kubelet_settings(evidence).config_file)) is not table:
        table, path = named, named.evidence[EvidenceFile.KUBELET_CONFIGURATION]
        (read,) = files.read_all([(path, kubelet_configuration)], cap=EVIDENCE_CAP)
        evidence = replace(evidence, kubelet_configuration=read)
    kubeconfig_read = evidence.kubeconfig
    candidates = table.resolved(kubeconfig_read.value if kubeconfig_read else None, kubelet_settings(evidence))
    parsers = {one.path: authority_file if one.role is Role.CLUSTER_CA else certificate_file for one in candidates}
    rotated = [candidate.path for candidate in candidates if candidate.means is Means.ROTATED]
    directories = list(dict.fromkeys(table.parent(path) for path in rotated))
    wanted: list[tuple[str, Parse[object] | Way]] = list(parsers.items())
    looks = files.look_all([*wanted, *((directory, Way.NAMES) for directory in directories)])
    reads = dict(zip(parsers, cast("list[Read[CertificateFile]]", looks), strict=False))
    names = dict(zip(directories, cast("list[Read[tuple[str, ...]]]", looks[len(parsers) :]), strict=True))
    return HostReads(table, evidence, reads, {path: names[table.parent(path)].value for path in rotated})


def _read_evidence(files: HostFiles, table: PathTable) -> EvidenceReads:
    wanted = [(path, _WAYS[file]) for file, path in table.evidence.items()]
    found = dict(zip(table.evidence, files.look_all(wanted, cap=EVIDENCE_CAP), strict=True))

    def of(kind: type[T], *names: EvidenceFile) -> Read[T] | None:
        # What parses a file decides the type of its value; `kind` only tells the type checker.
        return next((cast("Read[T]", found[name]) for name in names if name in found), None)

    return EvidenceReads(
        kubeconfig=of(Kubeconfig, EvidenceFile.KUBECONFIG),
        bootstrap_kubeconfig=of(Kubeconfig, EvidenceFile.BOOTSTRAP_KUBECONFIG),
        kubelet_flags=of(KubeletSettings, EvidenceFile.KUBELET_FLAGS, EvidenceFile.KUBELET_ARGUMENTS),
        kubelet_configuration=of(KubeletSettings, EvidenceFile.KUBELET_CONFIGURATION),
        secure_tls_bootstrap=of(NoneType, EvidenceFile.SECURE_TLS_BOOTSTRAP),
        pending_client_key=of(NoneType, EvidenceFile.PENDING_CLIENT_KEY),
        instance_tags=of(tuple, EvidenceFile.INSTANCE_METADATA),
    )
