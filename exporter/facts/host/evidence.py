"""What the evidence files of a node say together: kubelet settings, kubeconfigs, bootstrap, provisioning tags."""

from dataclasses import dataclass
from typing import TypeVar

from exporter.facts.host.kubelet_settings import KubeletSettings, effective
from exporter.facts.host.paths import EvidenceFile, PathTable
from exporter.facts.host.read import Read
from exporter.facts.kubeconfig import Credential, Kubeconfig
from exporter.facts.opt_out_tag import opted_out
from exporter.reason import BootstrapMethod, FileStatus

__all__ = ["EvidenceReads", "bootstrap_kubeconfig_present", "bootstrap_method", "evidence_status", "kubelet_settings"]

T = TypeVar("T")

ABSENT = (FileStatus.NOT_FOUND, FileStatus.NOT_EXPECTED)
PRESENT = (
    FileStatus.OK,
    FileStatus.MALFORMED,
    FileStatus.EMPTY,
    FileStatus.TOO_LARGE,
    FileStatus.NO_CERTIFICATE,
)


@dataclass(frozen=True, slots=True)
class EvidenceReads:
    """What came of looking at each evidence file; None where the table has no such file."""

    kubeconfig: Read[Kubeconfig] | None = None
    bootstrap_kubeconfig: Read[Kubeconfig] | None = None
    kubelet_flags: Read[KubeletSettings] | None = None
    """/etc/default/kubelet, or on Windows kubeclusterconfig.json."""
    kubelet_configuration: Read[KubeletSettings] | None = None
    secure_tls_bootstrap: Read[None] | None = None
    pending_client_key: Read[None] | None = None
    instance_tags: Read[tuple[tuple[str, str], ...]] | None = None

    def by_file(self, table: PathTable) -> dict[EvidenceFile, Read[object]]:
        """The reads under the names of the table."""
        flags = (
            EvidenceFile.KUBELET_ARGUMENTS
            if EvidenceFile.KUBELET_ARGUMENTS in table.evidence
            else (EvidenceFile.KUBELET_FLAGS)
        )
        reads: dict[EvidenceFile, Read[object] | None] = {
            EvidenceFile.KUBECONFIG: self.kubeconfig,
            EvidenceFile.BOOTSTRAP_KUBECONFIG: self.bootstrap_kubeconfig,
            flags: self.kubelet_flags,
            EvidenceFile.KUBELET_CONFIGURATION: self.kubelet_configuration,
            EvidenceFile.SECURE_TLS_BOOTSTRAP: self.secure_tls_bootstrap,
            EvidenceFile.PENDING_CLIENT_KEY: self.pending_client_key,
            EvidenceFile.INSTANCE_METADATA: self.instance_tags,
        }
        return {file: read for file, read in reads.items() if read is not None}


def kubelet_settings(reads: EvidenceReads) -> KubeletSettings:
    """The settings the kubelet goes by, as far as its files could be read."""
    flags, configuration = _value(reads.kubelet_flags), _value(reads.kubelet_configuration)
    found = effective(flags, configuration)
    said = found.rotate_certificates is not None or found.tls_cert_file is not None
    complete = flags is not None and said and not flags.config_file
    if complete and (reads.kubelet_configuration is None or _absent(reads.kubelet_configuration)):
        # Older pools and Windows have everything in the flags: there a flag that is missing has the kubelet's default.
        return KubeletSettings(
            bool(found.rotate_certificates),
            bool(found.server_tls_bootstrap),
            found.tls_cert_file or "",
            found.config_file,
            found.secure_tls_bootstrapping,
        )
    return found


def provisioning_opt_out(reads: EvidenceReads, *, windows: bool) -> bool | None:
    """Whether the node pool's tags opted out of serving rotation when this node was made. None: cannot be read."""
    tags = _value(reads.instance_tags)
    return None if tags is None else opted_out(tags, windows=windows)


def bootstrap_kubeconfig_present(reads: EvidenceReads) -> bool | None:
    """The source page's own test, `test -f`. None where that could not be seen."""
    read = reads.bootstrap_kubeconfig
    if read is None:
        return None
    if read.status in PRESENT:
        return True
    return False if read.status in (*ABSENT, FileStatus.BROKEN_SYMLINK, FileStatus.NOT_A_FILE) else None


def bootstrap_method(reads: EvidenceReads) -> BootstrapMethod:
    """How the kubelet obtains a first client certificate.

    Secure TLS bootstrapping leaves the token file in place as a fallback, so its own marks are looked for first: the
    file that configures it, or a kubeconfig that has the kubelet's names and no namespace (the kubelet writes
    `default`, pkg/kubelet/certificate/bootstrap/bootstrap.go).
    """
    flags, kubeconfig, bootstrap = (
        _value(reads.kubelet_flags),
        _value(reads.kubeconfig),
        _value(reads.bootstrap_kubeconfig),
    )
    marked = reads.secure_tls_bootstrap is not None and reads.secure_tls_bootstrap.status in PRESENT
    configured = flags is not None and flags.secure_tls_bootstrapping
    if marked or configured or (bootstrap is not None and bootstrap.credential is Credential.EXEC):
        return BootstrapMethod.SECURE_TLS_BOOTSTRAPPING
    if kubeconfig is not None and kubeconfig.user == "default-auth" and not kubeconfig.namespace:
        return BootstrapMethod.SECURE_TLS_BOOTSTRAPPING
    if bootstrap is not None and bootstrap.credential is Credential.TOKEN:
        return BootstrapMethod.TOKEN
    # Where not even the kubeconfig is there, its directory is hardly the node's: it was not mounted.
    seen = reads.kubeconfig is None or not _absent(reads.kubeconfig)
    unmarked = reads.secure_tls_bootstrap is None or _absent(reads.secure_tls_bootstrap)
    if bootstrap_kubeconfig_present(reads) is False and seen and unmarked:
        return BootstrapMethod.NONE
    return BootstrapMethod.UNKNOWN


def evidence_status(file: EvidenceFile, reads: EvidenceReads, table: PathTable) -> FileStatus:
    """The status of an evidence file: whether an absent one should be there.

    The kubeconfig always should, and one of the two places of the kubelet's settings. The others come and go with the
    generation of the node image.
    """
    read = reads.by_file(table)[file]
    if read.status is not FileStatus.NOT_FOUND or file in table.expected_evidence:
        return read.status
    if file is EvidenceFile.KUBECONFIG:
        return FileStatus.NOT_FOUND
    if file in {EvidenceFile.KUBELET_FLAGS, EvidenceFile.KUBELET_ARGUMENTS}:
        return FileStatus.NOT_FOUND if _value(reads.kubelet_configuration) is None else FileStatus.NOT_EXPECTED
    if file is EvidenceFile.KUBELET_CONFIGURATION:
        settings = kubelet_settings(reads)
        known = settings.rotate_certificates is not None and not settings.config_file
        return FileStatus.NOT_EXPECTED if known else FileStatus.NOT_FOUND
    return FileStatus.NOT_EXPECTED


def _absent(read: Read[object]) -> bool:
    return read.status in ABSENT


def _value(read: Read[T] | None) -> T | None:
    return None if read is None else read.value
