"""What came of looking at files, asked for by what each is."""

import pytest

from exporter.facts.certificate import CertificateFile
from exporter.facts.host.evidence import HostEvidence, bootstrap_kubeconfig_present
from exporter.facts.host.evidence_file import EvidenceFile
from exporter.facts.host.host_facts import host_facts
from exporter.facts.host.host_reads import HostReads
from exporter.facts.host.in_use import InUse
from exporter.facts.host.paths import Candidate, Means, PathTable
from exporter.facts.host.read import Read, Version
from exporter.facts.host.usability import host_usability
from exporter.facts.usability import Usability
from exporter.facts.x509 import certificates
from exporter.reason import FileStatus, Origin, Role
from simulation.pki import DAY, Authority

FILE = EvidenceFile.BOOTSTRAP_KUBECONFIG
NOW = 1_800_000_000.0
LEAF = certificates(Authority.cluster(NOW - DAY).kubelet_serving("n1", NOW).certificate_pem)
PLACE = Candidate(Role.KUBELET_SERVING, "/etc/kubelet.crt", Means.STATIC)


def evidence(status: FileStatus | None, value: object = None) -> HostEvidence:
    reads = {} if status is None else {FILE: Read("/x", status, value)}
    return HostEvidence(PathTable((), {}), reads)


def test_a_file_that_nobody_looks_for_is_neither_there_nor_absent() -> None:
    nothing = evidence(None)
    assert (nothing.absent(FILE), nothing.present(FILE), nothing.value(FILE, str)) == (False, False, None)
    assert nothing.kubeconfig is None
    assert bootstrap_kubeconfig_present(nothing) is None


def test_a_file_is_there_be_it_unreadable_in_its_content() -> None:
    there = {status for status in FileStatus if evidence(status).present(FILE)}
    assert there == {
        FileStatus.OK,
        FileStatus.MALFORMED,
        FileStatus.EMPTY,
        FileStatus.TOO_LARGE,
        FileStatus.NO_CERTIFICATE,
    }
    absent = {status for status in FileStatus if evidence(status).absent(FILE)}
    assert FileStatus.NOT_FOUND in absent
    assert not there & absent


def test_a_value_is_of_the_kind_that_is_asked_for() -> None:
    assert evidence(FileStatus.OK, "text").value(FILE, str) == "text"
    assert evidence(FileStatus.OK, b"bytes").value(FILE, str) is None


@pytest.mark.parametrize(
    ("key", "usable"),
    [
        (Read("/etc/kubelet.key", FileStatus.OK, version=Version(1, 2, 227, 3, 3)), Usability.OK),
        (Read("/etc/kubelet.key", FileStatus.OK, version=Version(1, 2, 1, 3, 3)), Usability.OK),
        (Read("/etc/kubelet.key", FileStatus.OK, version=Version(1, 2, 0, 3, 3)), Usability.NO_PRIVATE_KEY),
        (Read("/etc/kubelet.key", FileStatus.PERMISSION_DENIED), Usability.OK),
        (Read("/etc/kubelet.key", FileStatus.NOT_FOUND), Usability.NO_PRIVATE_KEY),
        (Read("/etc/kubelet.key", FileStatus.BROKEN_SYMLINK), Usability.NO_PRIVATE_KEY),
        (Read("/etc/kubelet.key", FileStatus.NOT_A_FILE), Usability.NO_PRIVATE_KEY),
        (None, Usability.OK),
    ],
)
def test_a_key_in_a_file_of_its_own_is_there_unless_it_was_seen_that_it_is_not(
    key: Read[None] | None, usable: Usability
) -> None:
    """One that may not be looked at may be there: nothing is said of it."""
    held = Read(PLACE.path, FileStatus.OK, CertificateFile(LEAF))
    keys = {PLACE.path: key} if key is not None else {}
    reads = HostReads(evidence(None), (PLACE,), {PLACE.path: held}, {}, keys)
    used = InUse({Role.KUBELET_SERVING: PLACE}, {Role.KUBELET_SERVING: (PLACE.path, LEAF)}, ())
    found = host_usability("n1", (), used, reads, None)
    assert found == {(Role.KUBELET_SERVING, Origin.FILE): usable}


@pytest.mark.parametrize("status", FileStatus)
def test_a_file_that_was_read_and_holds_nothing_to_load_is_of_no_use(status: FileStatus) -> None:
    """Of one that could not be looked at nobody knows."""
    reads = HostReads(evidence(None), (PLACE,), {PLACE.path: Read(PLACE.path, status)}, {})
    found = host_usability("n1", (), InUse({Role.KUBELET_SERVING: PLACE}, {}, ()), reads, None)
    refused = status in {FileStatus.MALFORMED, FileStatus.NO_CERTIFICATE, FileStatus.EMPTY}
    assert found == ({(Role.KUBELET_SERVING, Origin.FILE): Usability.UNLOADABLE} if refused else {})


def test_dated_files_beside_the_current_one_are_counted_by_role() -> None:
    """Neither the one that the current link leads to, nor what is named otherwise or of the other role."""
    day = "2026-01-{:02}-00-00-00.pem"
    names = (
        *(f"kubelet-client-{day.format(number)}" for number in (1, 2, 3)),
        *(f"kubelet-server-{day.format(number)}" for number in (1, 2)),
        "kubelet-client-current.pem",
        "kubelet-client.key.tmp",
    )
    places = {
        Role.KUBELET_CLIENT: Candidate(Role.KUBELET_CLIENT, "/pki/kubelet-client-current.pem", Means.ROTATED),
        Role.KUBELET_SERVING: Candidate(Role.KUBELET_SERVING, "/pki/kubelet-server-current.pem", Means.ROTATED),
    }
    for role, target, expected in (
        (Role.KUBELET_CLIENT, f"/pki/kubelet-client-{day.format(3)}", 2),
        (Role.KUBELET_SERVING, f"C:\\pki\\kubelet-server-{day.format(2)}", 1),
        (Role.KUBELET_SERVING, "", 2),
    ):
        place = places[role]
        held: Read[CertificateFile] = Read(place.path, FileStatus.NOT_FOUND, target=target)
        for listed, left in ((names, {role: expected}), (None, {})):
            reads = HostReads(evidence(None), (place,), {place.path: held}, {place.path: listed})
            assert host_facts("n1", reads, None).leftovers == left


def test_a_certificate_inside_a_kubeconfig_has_its_key_there() -> None:
    """It is in no file of its own, and nobody looks for one."""
    used = InUse({Role.KUBELET_SERVING: None}, {Role.KUBELET_SERVING: ("/var/lib/kubelet/kubeconfig", LEAF)}, ())
    found = host_usability("n1", (), used, HostReads(evidence(None), (), {}, {}), None)
    assert found == {(Role.KUBELET_SERVING, Origin.FILE): Usability.OK}
