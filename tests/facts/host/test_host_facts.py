"""A whole node from its looks: exporter/facts/host/host_facts.py."""

from dataclasses import replace

import pytest

from exporter.facts.certificate import Certificate, CertificateFile
from exporter.facts.host.evidence_file import EvidenceFile
from exporter.facts.host.file_facts import FileFacts
from exporter.facts.host.host_facts import HostFacts, SeenCertificate, Served, host_facts
from exporter.facts.host.kubelet_settings import KubeletSettings
from exporter.facts.host.paths import Candidate, PathTable
from exporter.facts.host.read import Read
from exporter.facts.kubeconfig import Credential, ServerTrust
from exporter.facts.rotation import RotationFacts
from exporter.facts.usability import Usability
from exporter.facts.x509 import certificates
from exporter.reason import (
    BootstrapMethod,
    Evidence,
    FileStatus,
    Origin,
    Role,
    Rotation,
    RotationReason,
    RotationState,
)
from simulation.pki import DAY, SERVER, YEAR, Authority, new_key, self_signed_linux, self_signed_windows
from tests.facts.authorities import signed
from tests.facts.host.looked import (
    AUTHORITY,
    CLIENT,
    COPY,
    SELF_SIGNED,
    SERVING,
    STATIC,
    Found,
    evidence,
    kubeconfig,
    looked,
)

NOW = 1_800_000_000.0
CA, FORMER = Authority.cluster(NOW - DAY), Authority.cluster(NOW - 9 * YEAR, years=10, number=1)
(ROOT,), (OLD_ROOT,) = certificates(CA.pem), certificates(FORMER.pem)
(OWN,) = certificates(CA.kubelet_client("n1", NOW).certificate_pem)
(SERVES,) = certificates(CA.kubelet_serving("n1", NOW).certificate_pem)
(OLD_SERVES,) = certificates(FORMER.kubelet_serving("n1", NOW - DAY).certificate_pem)
(RENEWED,) = certificates(CA.kubelet_serving("n1", NOW + DAY).certificate_pem)
(ADDRESSED,) = certificates(
    CA.issue("system:node:n1", NOW, NOW + DAY, names=("10.0.0.4",), usages=(SERVER,)).certificate_pem
)
ITSELF, WITH_ITS_CA = (certificates(made("n1", NOW).pem) for made in (self_signed_linux, self_signed_windows))
KEY = new_key()
UNDER_OWN = signed("leaf", "own", KEY, ca=False)
OWN_CA, OTHERS_NAME = (signed("own", issuer, KEY, key=KEY) for issuer in ("own", "other"))
OTHERS_SIGNATURE = signed("own", "own", new_key(), key=KEY)
GONE, NOT_EXPECTED, OK = FileStatus.NOT_FOUND, FileStatus.NOT_EXPECTED, FileStatus.OK
FILE, WIRE = Origin.FILE, Origin.WIRE
ROTATES = KubeletSettings(True, True, "", "")
TABLE = PathTable((), {EvidenceFile.KUBECONFIG: "/kubeconfig"})


def pem(*found: Certificate) -> CertificateFile:
    """A file with the key in it, as the kubelet writes its own."""
    return CertificateFile(found, private_key=True)


FILES: dict[Candidate, Found] = {
    CLIENT: pem(OWN),
    SERVING: pem(SERVES),
    STATIC: GONE,
    AUTHORITY: (OLD_ROOT, ROOT),
    COPY: GONE,
}


def test_a_node_that_rotates_is_told_whole() -> None:
    """Also what its kubelet serves, which has just been renewed."""
    seen = evidence({EvidenceFile.KUBECONFIG: kubeconfig()}, replace(ROTATES, unread="one drop-in"), TABLE)
    found = host_facts("n1", looked(FILES, seen), Served((RENEWED, ROOT), SERVES))
    evident = {Evidence.KUBELET_CONFIG: True, Evidence.FILE: True}
    assert found == HostFacts(
        node="n1",
        windows=False,
        certificates=(
            SeenCertificate(Role.KUBELET_CLIENT, FILE, CLIENT.path, Rotation.ENABLED, (OWN,), True),
            SeenCertificate(Role.KUBELET_SERVING, FILE, SERVING.path, Rotation.ENABLED, (SERVES,), True),
            SeenCertificate(Role.CLUSTER_CA, FILE, AUTHORITY.path, Rotation.NONE, (OLD_ROOT, ROOT), None, (ROOT,)),
            SeenCertificate(Role.KUBELET_SERVING, WIRE, "", Rotation.ENABLED, (RENEWED, ROOT), True, (ROOT,)),
        ),
        files=(
            FileFacts(Role.KUBELET_CLIENT, CLIENT.path, OK),
            FileFacts(Role.KUBELET_SERVING, SERVING.path, OK),
            FileFacts(Role.KUBELET_SERVING, STATIC.path, NOT_EXPECTED),
            FileFacts(Role.CLUSTER_CA, AUTHORITY.path, OK),
            FileFacts(Role.APISERVER_COPY, COPY.path, NOT_EXPECTED),
            FileFacts(Role.KUBELET_CLIENT, "/kubeconfig", OK, "", True),
        ),
        rotation=(
            RotationFacts(
                Role.KUBELET_CLIENT,
                RotationState.ENABLED,
                RotationReason.ROTATING,
                {**evident, Evidence.KUBECONFIG: True},
            ),
            RotationFacts(
                Role.KUBELET_SERVING,
                RotationState.ENABLED,
                RotationReason.ROTATING,
                {**evident, Evidence.WIRE: True},
            ),
        ),
        bootstrap_method=BootstrapMethod.UNKNOWN,
        bootstrap_kubeconfig_present=None,
        served_matches_file=False,
        leftovers={},
        usability={
            (Role.KUBELET_CLIENT, FILE): Usability.OK,
            (Role.KUBELET_SERVING, FILE): Usability.OK,
            (Role.KUBELET_SERVING, WIRE): Usability.OK,
        },
        server_trust=ServerTrust.NAMED_CA,
        settings_unread="one drop-in",
    )


def test_a_node_of_which_nothing_can_be_seen_is_told_so() -> None:
    """On Windows too."""
    found = host_facts("n2", looked({}, evidence(table=PathTable((), {}, windows=True))), None)
    assert found == HostFacts(
        node="n2",
        windows=True,
        certificates=(),
        files=(),
        rotation=tuple(
            RotationFacts(role, RotationState.UNKNOWN, RotationReason.UNDETERMINED, {})
            for role in (Role.KUBELET_CLIENT, Role.KUBELET_SERVING)
        ),
        bootstrap_method=BootstrapMethod.UNKNOWN,
        bootstrap_kubeconfig_present=None,
        served_matches_file=None,
        leftovers={},
    )
    assert found.usability == {}
    assert found.server_trust is None
    assert found.settings_unread == ""


def test_the_bootstrap_files_are_told_with_the_node() -> None:
    found = host_facts(
        "n1", looked({}, evidence({EvidenceFile.BOOTSTRAP_KUBECONFIG: kubeconfig(Credential.TOKEN)})), None
    )
    assert (found.bootstrap_method, found.bootstrap_kubeconfig_present) == (BootstrapMethod.TOKEN, True)


@pytest.mark.parametrize(
    ("serving", "served", "matches"),
    [
        (pem(SERVES), Served((SERVES,), SERVES), True),
        (pem(SERVES), Served((RENEWED,), SERVES), False),
        (pem(SERVES), Served((RENEWED, SERVES), SERVES), False),
        (pem(SERVES), Served((SERVES,), RENEWED), None),
        (pem(SERVES), Served((SERVES,), None), None),
        (GONE, Served((SERVES,), SERVES), None),
        (pem(SERVES), None, None),
    ],
)
def test_what_is_served_is_held_against_the_file_that_was_there_when_the_look_began(
    serving: Found, served: Served | None, matches: bool | None
) -> None:
    assert host_facts("n1", looked({SERVING: serving}), served).served_matches_file is matches


@pytest.mark.parametrize(
    ("chain", "authorities", "word"),
    [
        ((SERVES,), (ROOT,), True),
        ((SERVES,), (OLD_ROOT,), None),
        ((SERVES, ROOT), (OLD_ROOT,), False),
        ((SERVES, ROOT), (OLD_ROOT, ROOT), True),
        (ITSELF, (ROOT,), False),
        (ITSELF, (), False),
        (ITSELF, ITSELF, None),
        (WITH_ITS_CA, (ROOT,), False),
        (WITH_ITS_CA[:1], (ROOT,), None),
        (WITH_ITS_CA, WITH_ITS_CA[1:], True),
        ((SERVES, *ITSELF), (OLD_ROOT,), None),
        ((UNDER_OWN, OWN_CA), (ROOT,), False),
        ((UNDER_OWN, OTHERS_NAME), (ROOT,), None),
        ((UNDER_OWN, OTHERS_SIGNATURE), (ROOT,), None),
    ],
)
def test_the_wire_says_who_signed(
    chain: tuple[Certificate, ...], authorities: tuple[Certificate, ...], word: bool | None
) -> None:
    """The cluster's CA, or the kubelet itself, be it with the key of a throw-away CA that it sends along."""
    reads = looked({AUTHORITY: authorities} if authorities else {})
    found = host_facts("n1", reads, Served(chain, None))
    said = found.rotation_of(Role.KUBELET_SERVING).evidence
    assert said == ({} if word is None else {Evidence.WIRE: word})
    wire = found.certificate(Role.KUBELET_SERVING, WIRE)
    assert wire is not None
    assert wire.issued_by_cluster_ca is (word is True if authorities else None)


def test_who_signed_is_asked_of_what_is_given_for_it() -> None:
    """Where signatures cannot be verified, nothing that hangs on them is said."""

    def never(_child: Certificate, _issuer: Certificate) -> bool:
        return False

    chain = (SERVES, ROOT)
    found = host_facts(
        "n1", looked({AUTHORITY: (OLD_ROOT, ROOT), SERVING: pem(*chain)}), Served(chain, None), signed=never
    )
    assert [(one.issued_by_cluster_ca, one.signers) for one in found.certificates] == [
        (False, ()),
        (None, ()),
        (False, ()),
    ]
    assert Evidence.WIRE not in found.rotation_of(Role.KUBELET_SERVING).evidence


LOWER_KEY = new_key()
LOWER = signed("lower", CA.name.rfc4514_string().removeprefix("CN="), CA.key, key=LOWER_KEY, end=NOW + 9 * YEAR)
BELOW = signed("system:node:n1", "lower", LOWER_KEY, ca=False)


@pytest.mark.parametrize("beside", ["client", "serving", "wire"])
def test_an_intermediate_may_lie_wherever_the_node_has_it(beside: str) -> None:
    """B13: in the file of one certificate it stands behind another too."""
    files: dict[Candidate, Found] = {CLIENT: pem(BELOW), AUTHORITY: (ROOT,)}
    if beside == "client":
        files[CLIENT] = pem(BELOW, LOWER)
    if beside == "serving":
        files[SERVING] = pem(SERVES, LOWER)
    found = host_facts("n1", looked(files), Served((SERVES, LOWER), None) if beside == "wire" else None)
    client, authority = found.certificate(Role.KUBELET_CLIENT), found.certificate(Role.CLUSTER_CA)
    assert client is not None
    assert authority is not None
    assert client.issued_by_cluster_ca is True
    assert client.signers == ((LOWER,) if beside == "client" else ())
    assert authority.signers == (ROOT,)


@pytest.mark.parametrize(
    ("leaves", "signers"),
    [
        ({CLIENT: pem(OWN)}, (ROOT,)),
        ({SERVING: pem(SERVES)}, (ROOT,)),
        ({COPY: pem(SERVES)}, ()),
        ({}, ()),
    ],
)
def test_the_cas_in_use_are_those_that_signed_a_kubelets_certificate(
    leaves: dict[Candidate, Found], signers: tuple[Certificate, ...]
) -> None:
    for chain in ((), (SERVES, OLD_SERVES)):
        found = host_facts(
            "n1", looked({**leaves, AUTHORITY: (OLD_ROOT, ROOT)}), Served(chain, None) if chain else None
        )
        authority = found.certificate(Role.CLUSTER_CA)
        assert authority is not None
        assert authority.signers == ((ROOT,) if chain else signers)


def test_of_a_bundle_that_counts_which_signed_what_is_in_use_and_of_a_chain_the_leaf() -> None:
    """Where none is known to have, the one that ends first does."""
    bundle = SeenCertificate(Role.CLUSTER_CA, FILE, "", Rotation.NONE, (ROOT, OLD_ROOT), None)
    assert (bundle.certificate, bundle.identities) == (OLD_ROOT, (ROOT, OLD_ROOT))
    known = replace(bundle, signers=(ROOT,))
    assert (known.certificate, known.identities) == (ROOT, (ROOT, OLD_ROOT))
    chain = SeenCertificate(Role.KUBELET_SERVING, WIRE, "", Rotation.NONE, (SERVES, OLD_ROOT, ROOT), None, (ROOT,))
    assert (chain.certificate, chain.identities) == (SERVES, (SERVES, ROOT))


def test_a_nodes_certificates_are_found_by_role_and_place() -> None:
    seen = looked(FILES, evidence({EvidenceFile.KUBECONFIG: kubeconfig()}, ROTATES))
    found = host_facts("n1", seen, Served((RENEWED,), None))
    file, wire = (found.certificate(Role.KUBELET_SERVING, place) for place in (FILE, WIRE))
    assert file is not None
    assert wire is not None
    assert (file.certificate, wire.certificate) == (SERVES, RENEWED)
    assert found.certificate(Role.KUBELET_SERVING) == file
    assert found.certificate(Role.KUBELET_CLIENT, WIRE) is None
    assert [found.rotation_of(one.role) for one in found.rotation] == list(found.rotation)
    begin, life = NOW - 300, 365 * DAY
    assert found.window(Role.KUBELET_SERVING) == (begin + 0.7 * life, begin + 0.9 * life)
    without = host_facts("n1", looked({**FILES, CLIENT: GONE}), None)
    assert without.window(Role.KUBELET_CLIENT) is None
    other = replace(SERVING, path="/other/kubelet-server-current.pem")
    unseen = host_facts("n1", looked({SERVING: FileStatus.PERMISSION_DENIED, other: pem(SERVES)}), None)
    assert unseen.rotation_of(Role.KUBELET_SERVING).state is RotationState.ENABLED
    assert unseen.window(Role.KUBELET_SERVING) is None
    fixed = host_facts("n1", looked(FILES, evidence({}, KubeletSettings(False, False))), None)
    assert [fixed.window(one) for one in (Role.KUBELET_CLIENT, Role.KUBELET_SERVING)] == [None, None]
    assert fixed.certificates[0].rotation is Rotation.DISABLED


@pytest.mark.parametrize(
    ("leaf", "addresses", "flag", "named", "word"),
    [
        (SERVES, (), (), True, Usability.OK),
        (SERVES, (), (), False, Usability.OK),
        (ADDRESSED, ("10.0.0.4",), ("10.0.0.6",), True, Usability.OK),
        (ADDRESSED, ("10.0.0.5",), ("10.0.0.4",), True, Usability.OK),
        (ADDRESSED, ("10.0.0.5",), ("10.0.0.6",), True, Usability.ANOTHER_NODE),
        (ADDRESSED, ("10.0.0.5",), ("10.0.0.6",), False, Usability.OK),
    ],
)
def test_a_node_is_known_by_its_name_and_its_addresses(
    leaf: Certificate, addresses: tuple[str, ...], flag: tuple[str, ...], named: bool, word: Usability
) -> None:
    """Those that its flags give count with those that the agent is given; a name that may be another's counts not."""
    reads = looked({SERVING: pem(leaf)}, evidence({}, KubeletSettings(node_ips=flag)))
    found = host_facts("n1", reads, Served((leaf,), None), addresses, named=named)
    assert found.usability == {(Role.KUBELET_SERVING, FILE): word, (Role.KUBELET_SERVING, WIRE): word}
    another = host_facts("n2", looked({SERVING: pem(SERVES)}), None)
    assert another.usability == {(Role.KUBELET_SERVING, FILE): Usability.ANOTHER_NODE}


@pytest.mark.parametrize(
    "unusable", [CertificateFile((SERVES,)), pem(ROOT), FileStatus.MALFORMED], ids=["no key", "a CA", "no certificate"]
)
def test_a_file_that_the_kubelet_cannot_load_does_not_speak_for_rotation(unusable: Found) -> None:
    """Of either certificate."""
    reads = looked({CLIENT: unusable, SERVING: unusable, AUTHORITY: (ROOT,)}, evidence({}, ROTATES))
    said = [one.evidence for one in host_facts("n1", reads, None).rotation]
    assert said == [{Evidence.KUBELET_CONFIG: True}] * 2


def of_kind(candidate: Candidate, **more: object) -> Candidate:
    return replace(candidate, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("files", "statuses"),
    [
        ({CLIENT: GONE}, [GONE]),
        ({SERVING: GONE, STATIC: (SERVES,)}, [NOT_EXPECTED, OK]),
        ({SERVING: GONE, STATIC: GONE}, [GONE, NOT_EXPECTED]),
        ({COPY: GONE, SELF_SIGNED: GONE, AUTHORITY: GONE}, [NOT_EXPECTED, NOT_EXPECTED, GONE]),
        ({of_kind(COPY, expected=True): GONE, of_kind(SELF_SIGNED, expected=True): GONE}, [GONE, GONE]),
        ({SERVING: (SERVES,), of_kind(STATIC, expected=True): GONE}, [OK, GONE]),
        ({CLIENT: FileStatus.PERMISSION_DENIED}, [FileStatus.PERMISSION_DENIED]),
        ({CLIENT: NOT_EXPECTED}, [NOT_EXPECTED]),
        ({CLIENT: CertificateFile((OWN,), fault="one block is no certificate")}, [FileStatus.MALFORMED]),
    ],
)
def test_an_absent_file_is_missed_where_it_should_be_in_use(
    files: dict[Candidate, Found], statuses: list[FileStatus]
) -> None:
    """Or where the user named it."""
    assert [one.status for one in host_facts("n1", looked(files), None).files] == statuses


def test_a_ca_that_the_kubeconfig_itself_holds_is_not_missed() -> None:
    config = kubeconfig(certificate_authority="", certificate_authorities=(ROOT,))
    reads = looked({AUTHORITY: GONE}, evidence({EvidenceFile.KUBECONFIG: config}))
    assert host_facts("n1", reads, None).files[0] == FileFacts(Role.CLUSTER_CA, AUTHORITY.path, NOT_EXPECTED)


def test_the_words_of_a_file_are_told_with_it() -> None:
    words: Read[CertificateFile] = Read(CLIENT.path, FileStatus.ERROR, detail="I/O error")
    reads = looked({CLIENT: GONE, SERVING: CertificateFile((SERVES,), fault="a fault")})
    reads = replace(reads, certificates={**reads.certificates, CLIENT.path: words})
    assert host_facts("n1", reads, None).files == (
        FileFacts(Role.KUBELET_CLIENT, CLIENT.path, FileStatus.ERROR, "I/O error"),
        FileFacts(Role.KUBELET_SERVING, SERVING.path, FileStatus.MALFORMED, "a fault"),
    )
