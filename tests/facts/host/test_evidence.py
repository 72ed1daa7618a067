"""What the evidence files say together: exporter/facts/host/evidence.py."""

from dataclasses import replace

import pytest

from exporter.facts.host.evidence import (
    HostEvidence,
    bootstrap_kubeconfig_present,
    bootstrap_method,
    evidence_files,
    values,
)
from exporter.facts.host.evidence_file import EVIDENCE, Absence, EvidenceFile
from exporter.facts.host.file_facts import FileFacts
from exporter.facts.host.kubelet_command import WindowsArguments
from exporter.facts.host.kubelet_settings import KubeletSettings
from exporter.facts.host.paths import PathTable
from exporter.facts.host.read import Read
from exporter.facts.kubeconfig import Credential
from exporter.reason import BootstrapMethod, FileRole, FileStatus, Role
from tests.facts.host.looked import evidence, kubeconfig

KUBECONFIG, BOOTSTRAP, MARK, ARGUMENTS = (
    EvidenceFile.KUBECONFIG,
    EvidenceFile.BOOTSTRAP_KUBECONFIG,
    EvidenceFile.SECURE_TLS_BOOTSTRAP,
    EvidenceFile.KUBELET_ARGUMENTS,
)
OK, GONE, NOT_EXPECTED = FileStatus.OK, FileStatus.NOT_FOUND, FileStatus.NOT_EXPECTED
DENIED, BROKEN, NO_FILE = FileStatus.PERMISSION_DENIED, FileStatus.BROKEN_SYMLINK, FileStatus.NOT_A_FILE
THERE = {OK, FileStatus.MALFORMED, FileStatus.EMPTY, FileStatus.TOO_LARGE, FileStatus.NO_CERTIFICATE}


@pytest.mark.parametrize("status", FileStatus)
def test_a_file_is_there_be_it_unreadable_in_its_content(status: FileStatus) -> None:
    """The source page asks `test -f`, which says no to a link that leads nowhere and to a directory."""
    seen = evidence({BOOTSTRAP: status})
    assert seen.present(BOOTSTRAP) is (status in THERE)
    assert seen.absent(BOOTSTRAP) is (status in {GONE, NOT_EXPECTED})
    there = True if status in THERE else False if status in {GONE, NOT_EXPECTED, BROKEN, NO_FILE} else None
    assert bootstrap_kubeconfig_present(seen) is there


def test_a_file_that_nobody_looks_for_is_neither_there_nor_absent() -> None:
    nothing = evidence()
    assert (nothing.absent(BOOTSTRAP), nothing.present(BOOTSTRAP)) == (False, False)
    assert (nothing.value(BOOTSTRAP, str), nothing.kubeconfig) == (None, None)
    assert bootstrap_kubeconfig_present(nothing) is None
    assert HostEvidence(PathTable((), {}), {}) == HostEvidence(PathTable((), {}), {}, (), KubeletSettings())


def test_a_value_is_of_the_kind_that_is_asked_for() -> None:
    found = kubeconfig()
    seen = evidence({KUBECONFIG: found, BOOTSTRAP: "text"})
    assert seen.value(BOOTSTRAP, str) == "text"
    assert seen.value(BOOTSTRAP, bytes) is None
    assert seen.value(MARK, str) is None
    assert seen.kubeconfig is found
    reads: tuple[Read[object], ...] = (Read("a", OK, "1"), Read("b", OK, b"2"), Read("c", GONE), Read("d", OK, "3"))
    assert values(reads, str) == ["1", "3"]


TOKEN, EXEC = kubeconfig(Credential.TOKEN), kubeconfig(Credential.EXEC)
OWN = kubeconfig()
SECURE = replace(OWN, namespace="")
ON, OFF = WindowsArguments((), True), WindowsArguments((), False)
SECURELY = BootstrapMethod.SECURE_TLS_BOOTSTRAPPING


@pytest.mark.parametrize(
    ("found", "method"),
    [
        ({KUBECONFIG: OWN, BOOTSTRAP: TOKEN, MARK: OK}, SECURELY),
        ({KUBECONFIG: OWN, BOOTSTRAP: TOKEN, MARK: FileStatus.EMPTY}, SECURELY),
        ({KUBECONFIG: OWN, BOOTSTRAP: TOKEN, MARK: GONE}, BootstrapMethod.TOKEN),
        ({KUBECONFIG: OWN, BOOTSTRAP: TOKEN, ARGUMENTS: ON}, SECURELY),
        ({KUBECONFIG: OWN, BOOTSTRAP: TOKEN, ARGUMENTS: OFF}, BootstrapMethod.TOKEN),
        ({KUBECONFIG: OWN, BOOTSTRAP: EXEC}, SECURELY),
        ({KUBECONFIG: SECURE, BOOTSTRAP: TOKEN}, SECURELY),
        ({KUBECONFIG: SECURE}, SECURELY),
        ({KUBECONFIG: replace(SECURE, user="other"), BOOTSTRAP: TOKEN}, BootstrapMethod.TOKEN),
        ({KUBECONFIG: OWN, BOOTSTRAP: OWN}, BootstrapMethod.UNKNOWN),
        ({BOOTSTRAP: TOKEN}, BootstrapMethod.TOKEN),
        ({KUBECONFIG: OWN, BOOTSTRAP: GONE, MARK: GONE}, BootstrapMethod.NONE),
        ({KUBECONFIG: OWN, BOOTSTRAP: GONE, MARK: NOT_EXPECTED}, BootstrapMethod.NONE),
        ({KUBECONFIG: OWN, BOOTSTRAP: GONE, MARK: DENIED}, BootstrapMethod.UNKNOWN),
        ({KUBECONFIG: OWN, BOOTSTRAP: GONE}, BootstrapMethod.NONE),
        ({KUBECONFIG: DENIED, BOOTSTRAP: GONE}, BootstrapMethod.NONE),
        ({BOOTSTRAP: GONE}, BootstrapMethod.NONE),
        ({KUBECONFIG: GONE, BOOTSTRAP: GONE}, BootstrapMethod.UNKNOWN),
        ({KUBECONFIG: OWN, BOOTSTRAP: DENIED}, BootstrapMethod.UNKNOWN),
        ({KUBECONFIG: OWN, BOOTSTRAP: FileStatus.MALFORMED}, BootstrapMethod.UNKNOWN),
        ({KUBECONFIG: OWN}, BootstrapMethod.UNKNOWN),
        ({}, BootstrapMethod.UNKNOWN),
    ],
)
def test_the_first_certificate_comes_by_the_way_that_left_its_marks(
    found: dict[EvidenceFile, object], method: BootstrapMethod
) -> None:
    """Those of secure TLS bootstrapping go first: it leaves the token file in place."""
    assert bootstrap_method(evidence(found)) is method


@pytest.mark.parametrize("file", EvidenceFile)
def test_an_absent_file_is_missed_where_a_node_has_it(file: EvidenceFile) -> None:
    """Or where nothing else says what it would say, or where the user set its path."""
    seen = evidence({file: GONE})
    settled = replace(seen, settings=KubeletSettings(rotate_certificates=False))
    expected = replace(settled, table=PathTable((), {}, frozenset({file})))
    missed = [next(evidence_files(one)).status is GONE for one in (seen, settled, expected)]
    assert (
        missed
        == {
            Absence.MISSED: [True, True, True],
            Absence.MISSED_WITHOUT_SETTINGS: [True, False, True],
            Absence.EXPECTED: [False, False, True],
        }[EVIDENCE[file].absence]
    )
    assert {next(evidence_files(one)).status for one in (seen, settled, expected)} <= {GONE, NOT_EXPECTED}


def test_each_evidence_file_is_told_with_what_is_wrong_with_it() -> None:
    """A drop-in that can be read is told only by its directory."""
    file = EvidenceFile.KUBELET_UNIT_DIRECTORY
    reads: dict[EvidenceFile, Read[object]] = {
        KUBECONFIG: Read("/k", FileStatus.MALFORMED, detail="not a kubeconfig"),
        EvidenceFile.KUBELET_UNIT: Read("/u", DENIED),
        MARK: Read("/m", GONE),
    }
    members: tuple[tuple[EvidenceFile, Read[object]], ...] = (
        (file, Read("/d/1.conf", OK)),
        (file, Read("/d/2.conf", GONE, detail="gone")),
    )
    found = list(evidence_files(HostEvidence(PathTable((), {}), reads, members)))
    assert found == [
        FileFacts(Role.KUBELET_CLIENT, "/k", FileStatus.MALFORMED, "not a kubeconfig", True),
        FileFacts(Role.KUBELET_SERVING, "/u", DENIED, "", True),
        FileFacts(Role.KUBELET_CLIENT, "/m", NOT_EXPECTED, "", True),
        FileFacts(Role.KUBELET_SERVING, "/d/2.conf", GONE, "gone", True),
    ]
    assert {one.role for one in found} == {FileRole.EVIDENCE}
    assert FileFacts(Role.CLUSTER_CA, "/ca", OK).role is FileRole.CLUSTER_CA


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        (OK, OK, "/a"),
        (OK, DENIED, "/./a"),
        (NOT_EXPECTED, DENIED, "/./a"),
        (DENIED, OK, "/a"),
        (DENIED, FileStatus.MALFORMED, "/a"),
        (OK, NOT_EXPECTED, "/a"),
    ],
)
def test_a_path_that_is_named_twice_is_told_by_what_is_wrong_with_it(
    first: FileStatus, second: FileStatus, told: str
) -> None:
    """Flags and settings can name one path as two files."""
    reads: dict[EvidenceFile, Read[object]] = {
        EvidenceFile.KUBELET_UNIT: Read("/a", first),
        EvidenceFile.KUBELET_FLAGS: Read("/./a", second),
    }
    (found,) = evidence_files(HostEvidence(PathTable((), {}), reads))
    assert found.path == told
