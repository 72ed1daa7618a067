"""Certificate files as they lie on nodes, sound and not: the status of each, with the parser the agents use."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from exporter.facts.x509 import certificates
from exporter.reason import FileStatus
from exporter.sources.files.host_files import HostFiles
from simulation.pki import Authority

T0 = 1_800_000_000.0
CA = Authority.cluster(T0)
LEAF = CA.kubelet_client("node", T0)
OTHER = CA.kubelet_client("other", T0)
PATH = "/etc/kubernetes/certs/ca.crt"

SOUND = {
    "certificate before key": LEAF.pem,
    "key before certificate": LEAF.key_pem + LEAF.certificate_pem,
    "CRLF": LEAF.pem.replace(b"\n", b"\r\n"),
    "text before the block": b"Certificate:\n    Data:\n" + LEAF.pem,
}
BROKEN = {
    "empty": (b"", FileStatus.EMPTY),
    "white space": (b" \n", FileStatus.EMPTY),
    "key alone": (LEAF.key_pem, FileStatus.NO_CERTIFICATE),
    "binary junk": (random.Random(1).randbytes(5000), FileStatus.NO_CERTIFICATE),
    "NULs": (b"\0" * 4096, FileStatus.NO_CERTIFICATE),
    "truncated PEM": (LEAF.certificate_pem[:300], FileStatus.MALFORMED),
    "BOM": (b"\xef\xbb\xbf" + LEAF.pem, FileStatus.MALFORMED),
    "DER": (LEAF.certificate.public_bytes(Encoding.DER), FileStatus.NO_CERTIFICATE),
    "junk in a block": (LEAF.certificate_pem.replace(b"MII", b"\xff\xff\xff"), FileStatus.MALFORMED),
    "truncated DER": (LEAF.certificate.public_bytes(Encoding.DER)[:-1], FileStatus.NO_CERTIFICATE),
}


@pytest.fixture
def looked(host: Path, files: HostFiles) -> Callable[[bytes], tuple[FileStatus, int, str]]:
    """Status, number of certificates and words for a file of these bytes."""

    def look(content: bytes) -> tuple[FileStatus, int, str]:
        (host / PATH[1:]).write_bytes(content)
        read = files.read(PATH, certificates)
        assert read.version is not None
        return read.status, len(read.value or ()), read.detail

    return look


Looked = Callable[[bytes], tuple[FileStatus, int, str]]


@pytest.mark.parametrize("case", SOUND)
def test_one_certificate_is_found_in_every_usual_form(case: str, looked: Looked) -> None:
    assert looked(SOUND[case]) == (FileStatus.OK, 1, "")


@pytest.mark.parametrize("case", BROKEN)
def test_a_file_without_a_sound_certificate_says_what_is_wrong(case: str, looked: Looked) -> None:
    content, expected = BROKEN[case]
    status, number, detail = looked(content)
    assert (status, number) == (expected, 0)
    assert detail
    assert detail.isprintable()


def test_two_leaves_and_three_hundred_certificates_are_all_read(looked: Looked) -> None:
    assert looked(LEAF.pem + OTHER.pem) == (FileStatus.OK, 2, "")
    key = LEAF.key
    bundle = b"".join(CA.issue(f"number {number}", T0, T0 + 1, key=key).certificate_pem for number in range(300))
    assert looked(bundle) == (FileStatus.OK, 300, "")


def test_a_file_that_was_cut_is_read_again_once_it_is_whole(looked: Looked) -> None:
    assert looked(LEAF.certificate_pem[:300])[0] is FileStatus.MALFORMED
    assert looked(LEAF.certificate_pem)[0] is FileStatus.OK
    assert looked(b"")[0] is FileStatus.EMPTY
