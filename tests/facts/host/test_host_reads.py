"""A look at a node without a certificate: exporter/facts/host/host_reads.py."""

from dataclasses import replace

from exporter.facts.certificate import CertificateFile
from exporter.facts.host.evidence_file import EvidenceFile
from exporter.facts.host.host_reads import without
from exporter.facts.host.read import Read, Version
from exporter.reason import FileStatus
from simulation.pki import new_key
from tests.facts.authorities import signed
from tests.facts.host.looked import AUTHORITY, CLIENT, SERVING, STATIC, evidence, kubeconfig, looked

KEY = new_key()
ONE, TWO = (signed(name, name, KEY) for name in ("one", "two"))


def test_every_file_that_holds_it_has_a_status_and_words_instead() -> None:
    """Be it a leaf, one of a bundle, or inside a kubeconfig; nothing else of them changes."""
    seen = evidence(
        {
            EvidenceFile.KUBECONFIG: kubeconfig(client_certificates=(TWO, ONE)),
            EvidenceFile.BOOTSTRAP_KUBECONFIG: kubeconfig(certificate_authorities=(ONE,)),
            EvidenceFile.KUBELET_FLAGS: {"KUBELET_FLAGS": ""},
            EvidenceFile.SECURE_TLS_BOOTSTRAP: FileStatus.NOT_FOUND,
        }
    )
    files = {CLIENT: (ONE,), AUTHORITY: (TWO, ONE), SERVING: (TWO,), STATIC: FileStatus.NOT_FOUND}
    reads = looked(files, seen)  # type: ignore[arg-type]  # of several kinds
    version = Version(1, 2, 3, 4, 5)
    held = Read(CLIENT.path, FileStatus.OK, CertificateFile((ONE,)), version, "/pki/dated.pem")
    reads = replace(reads, certificates={**reads.certificates, CLIENT.path: held})
    found = without(reads, ONE, FileStatus.ERROR, "why")
    assert found.certificates == {
        CLIENT.path: Read(CLIENT.path, FileStatus.ERROR, None, version, "/pki/dated.pem", "why"),
        AUTHORITY.path: Read(AUTHORITY.path, FileStatus.ERROR, detail="why"),
        SERVING.path: reads.certificates[SERVING.path],
        STATIC.path: reads.certificates[STATIC.path],
    }
    assert found.evidence.reads == {
        **seen.reads,
        EvidenceFile.KUBECONFIG: Read("/kubeconfig", FileStatus.ERROR, detail="why"),
        EvidenceFile.BOOTSTRAP_KUBECONFIG: Read("/bootstrap-kubeconfig", FileStatus.ERROR, detail="why"),
    }
    assert replace(found, evidence=seen, certificates=reads.certificates) == reads
    assert without(reads, signed("one", "two", KEY), FileStatus.ERROR, "why") == reads
