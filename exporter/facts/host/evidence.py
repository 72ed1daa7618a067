"""What the evidence files of a node say together: kubelet settings, kubeconfigs, bootstrap, provisioning tags."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from exporter.facts.host.evidence_file import EVIDENCE, Absence, EvidenceFile
from exporter.facts.host.file_facts import FileFacts
from exporter.facts.host.kubelet_command import ABSENT, WindowsArguments
from exporter.facts.host.kubelet_settings import KubeletSettings
from exporter.facts.host.paths import PathTable
from exporter.facts.host.read import Read
from exporter.facts.kubeconfig import Credential, HostKubeconfig
from exporter.reason import BootstrapMethod, FileStatus

__all__ = [
    "HostEvidence",
    "bootstrap_kubeconfig_present",
    "bootstrap_method",
    "evidence_files",
]

T = TypeVar("T")

PRESENT = (
    FileStatus.OK,
    FileStatus.MALFORMED,
    FileStatus.EMPTY,
    FileStatus.TOO_LARGE,
    FileStatus.NO_CERTIFICATE,
)
AS_EXPECTED = (FileStatus.OK, FileStatus.NOT_EXPECTED)


@dataclass(frozen=True, slots=True)
class HostEvidence:
    """What came of looking at each evidence file, and the settings that follow; derived once a look."""

    table: PathTable
    """The table that was gone by: with the places that the kubelet's flags name."""
    reads: Mapping[EvidenceFile, Read[object]]
    """By its name in the table; what the table leaves out is missing here."""
    members: tuple[tuple[EvidenceFile, Read[object]], ...] = ()
    """Drop-ins and environment files, each with the evidence that leads to it."""
    settings: KubeletSettings = field(default_factory=KubeletSettings)

    def value(self, file: EvidenceFile, kind: type[T]) -> T | None:
        """What the file says, None where it could not be read or is not looked at."""
        read = self.reads.get(file)
        return read.value if read is not None and isinstance(read.value, kind) else None

    def absent(self, file: EvidenceFile) -> bool:
        """Whether the file was looked for and is not there."""
        read = self.reads.get(file)
        return read is not None and read.status in ABSENT

    def present(self, file: EvidenceFile) -> bool:
        """Whether the file is there, be it unreadable in its content."""
        read = self.reads.get(file)
        return read is not None and read.status in PRESENT

    @property
    def kubeconfig(self) -> HostKubeconfig | None:
        """The kubelet's kubeconfig."""
        return self.value(EvidenceFile.KUBECONFIG, HostKubeconfig)


def bootstrap_kubeconfig_present(evidence: HostEvidence) -> bool | None:
    """The source page's own test, `test -f`. None where that could not be seen."""
    read = evidence.reads.get(EvidenceFile.BOOTSTRAP_KUBECONFIG)
    if read is None:
        return None
    if read.status in PRESENT:
        return True
    return False if read.status in (*ABSENT, FileStatus.BROKEN_SYMLINK, FileStatus.NOT_A_FILE) else None


def bootstrap_method(evidence: HostEvidence) -> BootstrapMethod:
    """How the kubelet obtains a first client certificate.

    Secure TLS bootstrapping leaves the token file in place as a fallback, so its own marks are looked for first: the
    file that configures it, or a kubeconfig that has the kubelet's names and no namespace (the kubelet writes
    `default`, pkg/kubelet/certificate/bootstrap/bootstrap.go).
    """
    kubeconfig = evidence.kubeconfig
    bootstrap = evidence.value(EvidenceFile.BOOTSTRAP_KUBECONFIG, HostKubeconfig)
    arguments = evidence.value(EvidenceFile.KUBELET_ARGUMENTS, WindowsArguments)
    configured = arguments is not None and arguments.secure_tls_bootstrapping
    exec_plugin = bootstrap is not None and bootstrap.credential is Credential.EXEC
    if evidence.present(EvidenceFile.SECURE_TLS_BOOTSTRAP) or configured or exec_plugin:
        return BootstrapMethod.SECURE_TLS_BOOTSTRAPPING
    if kubeconfig is not None and kubeconfig.user == "default-auth" and not kubeconfig.namespace:
        return BootstrapMethod.SECURE_TLS_BOOTSTRAPPING
    if bootstrap is not None and bootstrap.credential is Credential.TOKEN:
        return BootstrapMethod.TOKEN
    # Where not even the kubeconfig is there, its directory is hardly the node's: it was not mounted.
    seen = not evidence.absent(EvidenceFile.KUBECONFIG)
    mark = evidence.reads.get(EvidenceFile.SECURE_TLS_BOOTSTRAP)
    if bootstrap_kubeconfig_present(evidence) is False and seen and (mark is None or mark.status in ABSENT):
        return BootstrapMethod.NONE
    return BootstrapMethod.UNKNOWN


def evidence_files(evidence: HostEvidence) -> Iterator[FileFacts]:
    """The status of each evidence file. A drop-in that can be read is told only by its directory's status.

    Flags and settings can name one path as two files. It is told once, by what is wrong with it, if anything is.
    """
    table = [
        FileFacts(EVIDENCE[file].role, read.path, _status(file, read, evidence), read.detail, evidence=True)
        for file, read in evidence.reads.items()
    ]
    members = [
        FileFacts(EVIDENCE[file].role, read.path, read.status, read.detail, evidence=True)
        for file, read in evidence.members
        if read.status is not FileStatus.OK
    ]
    told: dict[str, FileFacts] = {}
    for facts in (*table, *members):
        path = evidence.table.normal(facts.path)
        if path not in told or (told[path].status in AS_EXPECTED and facts.status not in AS_EXPECTED):
            told[path] = facts
    yield from told.values()


def _status(file: EvidenceFile, read: Read[object], evidence: HostEvidence) -> FileStatus:
    """NOT_EXPECTED for an absent file that need not be there. A path that the user set or a flag names should be."""
    if read.status is not FileStatus.NOT_FOUND or file in evidence.table.expected_evidence:
        return read.status
    match EVIDENCE[file].absence:
        case Absence.MISSED:
            return FileStatus.NOT_FOUND
        case Absence.MISSED_WITHOUT_SETTINGS:
            known = evidence.settings.rotate_certificates is not None
            return FileStatus.NOT_EXPECTED if known else FileStatus.NOT_FOUND
        case Absence.EXPECTED:
            return FileStatus.NOT_EXPECTED


def values(reads: Iterable[Read[object]], kind: type[T]) -> list[T]:
    """The values of a kind among reads, in their order."""
    return [read.value for read in reads if isinstance(read.value, kind)]
