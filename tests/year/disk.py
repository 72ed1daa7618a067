"""What lies on a simulated node's disk in, the node's facts as its agent concludes them out. No file is written."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from exporter import presets
from exporter.facts.host.evidence_file import EvidenceFile
from exporter.facts.host.host_facts import HostFacts, Served, host_facts
from exporter.facts.host.paths import PathTable, path_table
from exporter.facts.host.read import Look, Read, Way
from exporter.facts.x509 import CertificateFile
from exporter.reason import FileStatus
from exporter.sources.files.host_reads import read_host
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

    def facts(self, served: Leaf | None, installed: Leaf | None) -> HostFacts:
        """The node, with what its kubelet was seen to serve, and what lay on the disk when that look began."""
        return _facts(self, served, installed)

    def look_all(self, wanted: Sequence[Look]) -> list[Read[object]]:
        """As HostFiles answers."""
        return [self._look(look) for look in wanted]

    def _look(self, look: Look) -> Read[object]:
        path, way, _ = look
        if way is Way.NAMES:
            return Read(path, FileStatus.OK, ())
        if path in (texts := _texts(self)):
            status, content = texts[path]
            return Read(path, status, way(content) if status is FileStatus.OK and callable(way) else None)
        if (found := self._certificate(path.removesuffix("key") + "crt" if path.endswith(".key") else path)) is None:
            return Read(path, FileStatus.NOT_FOUND)
        if way is Way.PRESENCE:
            return Read(path, FileStatus.OK)
        status = self.client_status if found is self.client else FileStatus.OK
        return Read(path, status, _held(found) if status is FileStatus.OK else None, target=path)

    def _certificate(self, path: str) -> Leaf | Ca | None:
        """What lies at a path of a certificate."""
        rotated, static = self.serving_rotation is True, not self.windows
        return {
            "ca.crt": self.ca,
            "apiserver.crt": self.copy,
            "kubelet-client-current.pem": None if self.client_static else self.client,
            "client.crt": self.client if self.client_static else None,
            # The other place of the rotated file is where AKS's page prints it; no node has it there.
            "kubelet-server-current.pem": self.serving if rotated and "pki" in path else None,
            "kubeletserver.crt": self.serving if not rotated and static else None,
            "kubelet.crt": self.serving if not rotated and not static else None,
        }.get(path.replace("\\", "/").rpartition("/")[2])


def _held(found: Leaf | Ca) -> CertificateFile:
    return CertificateFile(found.bundle if isinstance(found, Ca) else found.chain, private_key=isinstance(found, Leaf))


@cache
def _facts(disk: Disk, served: Leaf | None, installed: Leaf | None) -> HostFacts:
    seen = Served(served.chain, installed.chain[0] if installed else None) if served else None
    return host_facts(disk.name, read_host(disk, disk.table), seen)


@cache
def _texts(disk: Disk) -> Mapping[str, tuple[FileStatus, bytes]]:
    """The evidence files that are there."""
    found = _windows_texts(disk) if disk.windows else _linux_texts(disk)
    texts = {disk.table.evidence[file]: (FileStatus.OK, text) for file, text in found.items()}
    return {
        **texts,
        disk.table.evidence[EvidenceFile.KUBECONFIG]: (disk.kubeconfig_status, found[EvidenceFile.KUBECONFIG]),
    }


def _linux_texts(disk: Disk) -> dict[EvidenceFile, bytes]:
    flags = file_contents.kubelet_flags(serving_rotation=None, component_config=True)
    kubeconfig = (
        file_contents.static_kubeconfig(SERVER)
        if disk.client_static
        else file_contents.kubelet_kubeconfig(SERVER, namespace=True)
    )
    tags = [{"name": name, "value": value} for name, value in disk.tags]
    texts = {
        EvidenceFile.KUBECONFIG: kubeconfig,
        EvidenceFile.KUBELET_FLAGS: file_contents.kubelet_defaults(flags, {}),
        EvidenceFile.KUBELET_CONFIGURATION: file_contents.kubeletconfig(serving_rotation=disk.serving_rotation),
        EvidenceFile.INSTANCE_METADATA: json.dumps({"compute": {"tagsList": tags}}),
    }
    if disk.bootstrap:
        texts[EvidenceFile.BOOTSTRAP_KUBECONFIG] = file_contents.bootstrap_kubeconfig(SERVER)
    return {file: text.encode() for file, text in texts.items()}


def _windows_texts(disk: Disk) -> dict[EvidenceFile, bytes]:
    pem = _pem(disk.ca)
    return {
        EvidenceFile.KUBECONFIG: file_contents.windows_kubelet_config(SERVER, pem).encode(),
        EvidenceFile.BOOTSTRAP_KUBECONFIG: file_contents.windows_bootstrap_config(SERVER, pem).encode(),
        EvidenceFile.KUBELET_ARGUMENTS: file_contents.windows_cluster_config(
            {}, serving_rotation=disk.serving_rotation
        ),
    }


def _pem(ca: Ca) -> bytes:
    return x509.load_der_x509_certificate(ca.bundle[0].der).public_bytes(Encoding.PEM)
