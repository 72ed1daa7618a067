"""A node's files as one look at them gives them."""

from collections.abc import Mapping

from exporter.facts.certificate import Certificate, CertificateFile
from exporter.facts.host.evidence import HostEvidence
from exporter.facts.host.evidence_file import EvidenceFile
from exporter.facts.host.host_reads import HostReads
from exporter.facts.host.kubelet_settings import KubeletSettings
from exporter.facts.host.paths import Candidate, Means, NamedBy, PathTable
from exporter.facts.host.read import Read
from exporter.facts.kubeconfig import Credential, HostKubeconfig
from exporter.reason import FileStatus, Role

CLIENT = Candidate(Role.KUBELET_CLIENT, "/pki/kubelet-client-current.pem", Means.ROTATED)
CLIENT_NAMED = Candidate(Role.KUBELET_CLIENT, "/etc/client.crt", Means.STATIC, NamedBy.KUBECONFIG)
SERVING = Candidate(Role.KUBELET_SERVING, "/pki/kubelet-server-current.pem", Means.ROTATED)
SERVING_NAMED = Candidate(Role.KUBELET_SERVING, "/etc/tls.crt", Means.STATIC, NamedBy.KUBELET_CONFIGURATION)
STATIC = Candidate(Role.KUBELET_SERVING, "/etc/kubeletserver.crt", Means.STATIC)
SELF_SIGNED = Candidate(Role.KUBELET_SERVING, "/pki/kubelet.crt", Means.SELF_SIGNED)
AUTHORITY = Candidate(Role.CLUSTER_CA, "/etc/ca.crt", Means.AUTHORITY)
COPY = Candidate(Role.APISERVER_COPY, "/etc/apiserver.crt", Means.COPY)

Found = tuple[Certificate, ...] | FileStatus | CertificateFile


def kubeconfig(credential: Credential = Credential.CERTIFICATE_FILE, **more: object) -> HostKubeconfig:
    """A kubelet's kubeconfig that names its client certificate, if it does, where the kubelet renews it."""
    file = credential is Credential.CERTIFICATE_FILE
    given = {"client_certificate": CLIENT.path if file else "", "certificate_authority": "/etc/ca.crt", **more}
    return HostKubeconfig("aks", "default-auth", "default", "https://api:443", credential, **given)  # type: ignore[arg-type]


def evidence(
    found: Mapping[EvidenceFile, object] | None = None,
    settings: KubeletSettings | None = None,
    table: PathTable | None = None,
) -> HostEvidence:
    """The evidence files: each with its status, or with what it says."""
    reads = {
        file: Read(f"/{file}", said) if isinstance(said, FileStatus) else Read(f"/{file}", FileStatus.OK, said)
        for file, said in (found or {}).items()
    }
    return HostEvidence(table or PathTable((), {}), reads, settings=settings or KubeletSettings())


def looked(
    files: Mapping[Candidate, Found], seen: HostEvidence | None = None, *, keys: Mapping[str, Read[None]] | None = None
) -> HostReads:
    """The places of certificates: each with its status, or with what lies there."""
    return HostReads(
        seen or evidence(),
        tuple(files),
        {place.path: _read(place.path, one) for place, one in files.items()},
        {},
        keys or {},
    )


def _read(path: str, found: Found) -> Read[CertificateFile]:
    if isinstance(found, FileStatus):
        return Read(path, found)
    return Read(path, FileStatus.OK, found if isinstance(found, CertificateFile) else CertificateFile(found))
