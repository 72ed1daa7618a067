"""What lies on a simulated node's disk in, the node's facts as its agent concludes them out. No file is written."""

import json
from dataclasses import dataclass
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from exporter import presets
from exporter.facts.host.evidence import EvidenceReads, kubelet_settings
from exporter.facts.host.host_facts import HostFacts, host_facts
from exporter.facts.host.kubelet_settings import (
    default_file_flags,
    instance_tags,
    kubelet_configuration,
    windows_configuration,
)
from exporter.facts.host.paths import EvidenceFile, Means, PathTable, path_table
from exporter.facts.host.read import Read
from exporter.facts.kubeconfig import kubeconfig
from exporter.facts.x509 import CertificateFile
from exporter.reason import FileStatus, Role
from simulation.node import file_contents
from simulation.node.linux import SERVER
from tests.year.leaves import Ca, Leaf

__all__ = ["Disk"]

LINUX, WINDOWS = (path_table(presets.preset(name)) for name in presets.PRESETS)


@dataclass(frozen=True, slots=True)
class Disk:
    """One node's files. The default is a healthy Linux node of today."""

    name: str
    ca: Ca
    client: Leaf | None = None
    serving: Leaf | None = None
    copy: Leaf | None = None
    """apiserver.crt, written when the node was made and never again."""
    client_static: bool = False
    """client.crt, named by a kubeconfig from before bootstrapping."""
    client_status: FileStatus = FileStatus.OK
    """What comes of reading the client certificate."""
    kubeconfig_status: FileStatus = FileStatus.OK
    serving_rotation: bool | None = True
    """None: never offered; False: opted out."""
    tags: tuple[tuple[str, str], ...] = ()
    """The VM's tags in the instance metadata cached when the node was made."""
    bootstrap: bool = True
    windows: bool = False

    @property
    def table(self) -> PathTable:
        """Where the agent looks."""
        return WINDOWS if self.windows else LINUX

    def facts(self, served: Leaf | None) -> HostFacts:
        """The node, with what its kubelet was seen to serve."""
        return _facts(self, served)


@cache
def _facts(disk: Disk, served: Leaf | None) -> HostFacts:
    table = disk.table
    reads = _windows_evidence(disk) if disk.windows else _linux_evidence(disk)
    config = reads.kubeconfig.value if reads.kubeconfig else None
    candidates = table.resolved(config, kubelet_settings(reads))
    files = {one.path: _certificate(disk, one.role, one.means, one.path) for one in candidates}
    names = {one.path: () for one in candidates if one.means is Means.ROTATED}
    return host_facts(disk.name, table, reads, files, served.chain if served else None, names)


def _certificate(disk: Disk, role: Role, means: Means | None, path: str) -> Read[CertificateFile]:
    absent: Read[CertificateFile] = Read(path, FileStatus.NOT_FOUND)
    found: Leaf | Ca | None = None
    status = FileStatus.OK
    match role:
        case Role.CLUSTER_CA:
            found = disk.ca
        case Role.APISERVER_COPY:
            found = disk.copy
        case Role.KUBELET_CLIENT:
            found = disk.client if (means is Means.STATIC) is disk.client_static else None
            status = disk.client_status
        case Role.KUBELET_SERVING:
            wanted = Means.ROTATED if disk.serving_rotation else Means.SELF_SIGNED if disk.windows else Means.STATIC
            # The other place of the rotated file is where AKS's page prints it; no node has it there.
            elsewhere = path == "/var/lib/kubelet/kubelet-server-current.pem"
            found = disk.serving if means is wanted and not elsewhere else None
    if found is None:
        return absent
    if status is not FileStatus.OK:
        return Read(path, status)
    held = CertificateFile(found.bundle if isinstance(found, Ca) else found.chain, private_key=isinstance(found, Leaf))
    return Read(path, FileStatus.OK, held, target=path)


def _linux_evidence(disk: Disk) -> EvidenceReads:
    path = LINUX.evidence
    flags = file_contents.kubelet_defaults(
        file_contents.kubelet_flags(serving_rotation=None, component_config=True), {}
    )
    settings = file_contents.kubeletconfig(serving_rotation=disk.serving_rotation)
    text = (
        file_contents.static_kubeconfig(SERVER)
        if disk.client_static
        else file_contents.kubelet_kubeconfig(SERVER, namespace=True)
    )
    readable = disk.kubeconfig_status is FileStatus.OK
    bootstrap = kubeconfig(file_contents.bootstrap_kubeconfig(SERVER).encode()) if disk.bootstrap else None
    tags = [{"name": name, "value": value} for name, value in disk.tags]
    return EvidenceReads(
        kubeconfig=Read(
            path[EvidenceFile.KUBECONFIG], disk.kubeconfig_status, kubeconfig(text.encode()) if readable else None
        ),
        bootstrap_kubeconfig=Read(
            path[EvidenceFile.BOOTSTRAP_KUBECONFIG], FileStatus.OK if bootstrap else FileStatus.NOT_FOUND, bootstrap
        ),
        kubelet_flags=Read(path[EvidenceFile.KUBELET_FLAGS], FileStatus.OK, default_file_flags(flags.encode())),
        kubelet_configuration=Read(
            path[EvidenceFile.KUBELET_CONFIGURATION], FileStatus.OK, kubelet_configuration(settings.encode())
        ),
        secure_tls_bootstrap=Read(path[EvidenceFile.SECURE_TLS_BOOTSTRAP], FileStatus.NOT_FOUND),
        pending_client_key=Read(path[EvidenceFile.PENDING_CLIENT_KEY], FileStatus.NOT_FOUND),
        instance_tags=Read(
            path[EvidenceFile.INSTANCE_METADATA],
            FileStatus.OK,
            instance_tags(json.dumps({"compute": {"tagsList": tags}}).encode()),
        ),
    )


def _windows_evidence(disk: Disk) -> EvidenceReads:
    path, pem = WINDOWS.evidence, _pem(disk.ca)
    arguments = file_contents.windows_cluster_config({}, serving_rotation=disk.serving_rotation)
    return EvidenceReads(
        kubeconfig=Read(
            path[EvidenceFile.KUBECONFIG],
            FileStatus.OK,
            kubeconfig(file_contents.windows_kubelet_config(SERVER, pem).encode()),
        ),
        bootstrap_kubeconfig=Read(
            path[EvidenceFile.BOOTSTRAP_KUBECONFIG],
            FileStatus.OK,
            kubeconfig(file_contents.windows_bootstrap_config(SERVER, pem).encode()),
        ),
        kubelet_flags=Read(path[EvidenceFile.KUBELET_ARGUMENTS], FileStatus.OK, windows_configuration(arguments)),
        pending_client_key=Read(path[EvidenceFile.PENDING_CLIENT_KEY], FileStatus.NOT_FOUND),
    )


def _pem(ca: Ca) -> bytes:
    return x509.load_der_x509_certificate(ca.bundle[0].der).public_bytes(Encoding.PEM)
