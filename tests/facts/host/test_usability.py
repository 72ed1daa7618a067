"""Which of a node's certificates its kubelet can use: exporter/facts/host/usability.py."""

import pytest

from exporter.facts.certificate import CertificateFile
from exporter.facts.host.evidence_file import EvidenceFile
from exporter.facts.host.in_use import InUse
from exporter.facts.host.kubelet_settings import KubeletSettings
from exporter.facts.host.paths import Candidate, PathTable
from exporter.facts.host.read import Read, Version
from exporter.facts.host.usability import UNLOADED, Place, host_usability
from exporter.facts.usability import Usability
from exporter.facts.x509 import Certificate, certificates
from exporter.reason import FileStatus, Origin, Role
from simulation.pki import DAY, SERVER, Authority
from tests.facts.host.looked import CLIENT, CLIENT_NAMED, SERVING, SERVING_NAMED, STATIC, evidence, kubeconfig, looked

NOW = 1_800_000_000.0
CA = Authority.cluster(NOW - DAY)
(CA_OWN,) = certificates(CA.pem)
OWN, OTHER = (certificates(CA.kubelet_serving(name, NOW).certificate_pem) for name in ("n1", "n2"))
CLIENT_OWN, CLIENT_OTHER = (certificates(CA.kubelet_client(name, NOW).certificate_pem) for name in ("n1", "n2"))
ADDRESSED = certificates(
    CA.issue("system:node:n1", NOW, NOW + DAY, names=("10.0.0.4",), usages=(SERVER,)).certificate_pem
)
GONE = FileStatus.NOT_FOUND
REFUSED = {FileStatus.MALFORMED, FileStatus.NO_CERTIFICATE, FileStatus.EMPTY}
FILE_CLIENT, FILE_SERVING, WIRE = PLACES = (
    (Role.KUBELET_CLIENT, Origin.FILE),
    (Role.KUBELET_SERVING, Origin.FILE),
    (Role.KUBELET_SERVING, Origin.WIRE),
)


def used(
    client: tuple[Certificate, ...] = (),
    serving: tuple[Certificate, ...] = (),
    authorities: tuple[Certificate, ...] = (),
) -> InUse:
    """Certificates that are in no file of their own, or whose file does not matter."""
    found = {Role.KUBELET_CLIENT: ("/c", client), Role.KUBELET_SERVING: ("/s", serving)}
    return InUse({}, {role: one for role, one in found.items() if one[1]}, authorities)


@pytest.mark.parametrize(
    ("node", "addresses", "certificates_used", "served", "expected"),
    [
        ("n1", (), used(), None, {}),
        ("n1", (), used(), (), {}),
        ("n1", (), used(CLIENT_OWN, OWN), None, {FILE_CLIENT: "ok", FILE_SERVING: "ok"}),
        ("n1", (), used(CLIENT_OTHER, OWN), OWN, {FILE_CLIENT: "another_node", FILE_SERVING: "ok", WIRE: "ok"}),
        ("n1", (), used(CLIENT_OWN), OTHER, {FILE_CLIENT: "ok", WIRE: "another_node"}),
        ("", (), used(CLIENT_OTHER, OTHER), OTHER, {FILE_CLIENT: "ok", FILE_SERVING: "ok", WIRE: "ok"}),
        ("n1", ("10.0.0.4",), used((), ADDRESSED), ADDRESSED, {FILE_SERVING: "ok", WIRE: "ok"}),
        ("n1", ("10.0.0.5",), used((), ADDRESSED), ADDRESSED, {FILE_SERVING: "another_node", WIRE: "another_node"}),
        (
            "n1",
            (),
            used(CLIENT_OWN, OWN, (*CLIENT_OWN, *OWN)),
            OWN,
            {FILE_CLIENT: "not_a_leaf", FILE_SERVING: "not_a_leaf", WIRE: "not_a_leaf"},
        ),
        ("n1", (), used((*CLIENT_OWN, CA_OWN), (*OWN, CA_OWN)), (*OWN, CA_OWN), dict.fromkeys(PLACES, "ok")),
    ],
)
def test_the_leaf_of_each_place_is_judged_for_its_role(
    node: str,
    addresses: tuple[str, ...],
    certificates_used: InUse,
    served: tuple[Certificate, ...] | None,
    expected: dict[Place, str],
) -> None:
    """By the node's name and addresses, where they are known, and by the CAs that it trusts."""
    assert host_usability(node, iter(addresses), certificates_used, looked({}), served) == expected


@pytest.mark.parametrize("status", FileStatus)
@pytest.mark.parametrize("place", [CLIENT, SERVING])
def test_a_file_that_was_read_and_holds_nothing_to_load_is_of_no_use(status: FileStatus, place: Candidate) -> None:
    """Of one that could not be looked at nobody knows."""
    found = host_usability("n1", (), InUse({place.role: place}, {}, ()), looked({place: status}), None)
    assert found == ({(place.role, Origin.FILE): Usability.UNLOADABLE} if status in REFUSED else {})


def test_what_the_kubelet_has_not_loaded_it_does_not_renew() -> None:
    assert {"not_a_leaf", "no_private_key", "unloadable"} == UNLOADED


def version(size: int) -> Version:
    return Version(1, 2, size, 3, 3)


@pytest.mark.parametrize(
    ("key", "usable"),
    [
        (Read("/key", FileStatus.OK, version=version(227)), Usability.OK),
        (Read("/key", FileStatus.OK, version=version(1)), Usability.OK),
        (Read("/key", FileStatus.OK, version=version(0)), Usability.NO_PRIVATE_KEY),
        (Read("/key", FileStatus.OK), Usability.OK),
        (Read("/key", FileStatus.PERMISSION_DENIED), Usability.OK),
        (Read("/key", FileStatus.NOT_FOUND), Usability.NO_PRIVATE_KEY),
        (Read("/key", FileStatus.BROKEN_SYMLINK), Usability.NO_PRIVATE_KEY),
        (Read("/key", FileStatus.NOT_A_FILE), Usability.NO_PRIVATE_KEY),
        (None, Usability.OK),
    ],
)
@pytest.mark.parametrize(("place", "leaf"), [(STATIC, OWN), (CLIENT_NAMED, CLIENT_OWN)])
def test_a_key_in_a_file_of_its_own_is_there_unless_it_was_seen_that_it_is_not(
    key: Read[None] | None, usable: Usability, place: Candidate, leaf: tuple[Certificate, ...]
) -> None:
    """One that may not be looked at may be there: nothing is said of it."""
    reads = looked({place: leaf}, keys={} if key is None else {place.path: key, "/other": Read("/other", GONE)})
    found = host_usability("n1", (), InUse({place.role: place}, {place.role: (place.path, leaf)}, ()), reads, None)
    assert found == {(place.role, Origin.FILE): usable}


IN_ONE_FILE = evidence(
    {EvidenceFile.KUBECONFIG: kubeconfig(client_key=CLIENT_NAMED.path)},
    KubeletSettings(tls_private_key_file=SERVING_NAMED.path),
    PathTable((), {EvidenceFile.KUBECONFIG: "/etc/kubeconfig"}),
)


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize(
    ("place", "leaf"), [(CLIENT, CLIENT_OWN), (CLIENT_NAMED, CLIENT_OWN), (SERVING, OWN), (SERVING_NAMED, OWN)]
)
def test_a_key_that_belongs_into_the_certificates_file_is_looked_for_there(
    there: bool, place: Candidate, leaf: tuple[Certificate, ...]
) -> None:
    """And nowhere else."""
    other: Read[None] = Read("/key", GONE) if there else Read("/key", FileStatus.OK, version=version(9))
    reads = looked({place: CertificateFile(leaf, there)}, IN_ONE_FILE, keys={place.path: other})
    found = host_usability("n1", (), InUse({place.role: place}, {place.role: (place.path, leaf)}, ()), reads, None)
    assert found == {(place.role, Origin.FILE): Usability.OK if there else Usability.NO_PRIVATE_KEY}


def test_of_a_file_that_says_nothing_now_the_key_may_be_there() -> None:
    inside = InUse({CLIENT.role: CLIENT}, {CLIENT.role: (CLIENT.path, CLIENT_OWN)}, ())
    assert host_usability("n1", (), inside, looked({CLIENT: GONE}), None) == {FILE_CLIENT: Usability.OK}


def test_a_certificate_inside_a_kubeconfig_has_its_key_there() -> None:
    """It is in no file of its own, and nobody looks for one."""
    inline = InUse({Role.KUBELET_CLIENT: None}, {Role.KUBELET_CLIENT: ("/var/lib/kubelet/kubeconfig", CLIENT_OWN)}, ())
    assert host_usability("n1", (), inline, looked({}), None) == {FILE_CLIENT: Usability.OK}
