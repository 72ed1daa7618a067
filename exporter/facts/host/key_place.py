"""Where the private key of a certificate in use has to be, by the files that name it; it is never opened."""

from exporter.facts.host.evidence_file import EvidenceFile
from exporter.facts.host.kubelet_settings import KubeletSettings
from exporter.facts.host.paths import Candidate, Means, NamedBy, PathTable
from exporter.facts.kubeconfig import HostKubeconfig
from exporter.reason import Role

__all__ = ["key_place"]


def key_place(
    candidate: Candidate, table: PathTable, kubeconfig: HostKubeconfig | None, settings: KubeletSettings
) -> str:
    """The path of the key; the certificate's own where both are in one file; empty where that cannot be told.

    A key in another directory than its certificate may lie where this process sees nothing: it is not looked for.
    """
    if candidate.means is Means.ROTATED:  # client-go, util/certificate/certificate_store.go, loadFile
        return candidate.path
    named = ""
    if candidate.named_by is NamedBy.KUBECONFIG and candidate.role is Role.KUBELET_CLIENT and kubeconfig is not None:
        named = table.beside(EvidenceFile.KUBECONFIG, kubeconfig.client_key)
    elif candidate.named_by is NamedBy.KUBELET_CONFIGURATION:
        named = settings.tls_private_key_file or ""
    if table.parent(table.normal(named)) != table.parent(table.normal(candidate.path)):
        return ""
    return candidate.path if table.normal(named) == table.normal(candidate.path) else named
