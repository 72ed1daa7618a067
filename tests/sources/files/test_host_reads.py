"""Which files of a node are looked at, how and in how many hand-offs, and what becomes of the answers."""

import json
from collections.abc import Mapping, Sequence

import pytest

from exporter import presets
from exporter.facts.host.evidence_file import EVIDENCE, EvidenceFile
from exporter.facts.host.host_reads import HostReads
from exporter.facts.host.kubelet_configuration import kubelet_configuration
from exporter.facts.host.paths import Means, PathTable, path_table
from exporter.facts.host.read import Look, Read, Way
from exporter.facts.host.systemd import environment_file, service_unit
from exporter.reason import FileStatus, Role
from exporter.sources.files.host_reads import read_host
from exporter.sources.parsing.in_process import InProcess
from exporter.sources.parsing.sealed import SealedParsing
from tests.facts.forge import CA, LEAF

LINUX, WINDOWS = (path_table(presets.preset(name)) for name in presets.PRESETS)
SMALL, LARGE = 256 * 1024, 1 << 20
UNIT = "/etc/systemd/system/kubelet.service"
DROP_INS, FLAGS, BASE = f"{UNIT}.d", "/etc/default/kubelet", "/etc/default/kubeletconfig.json"
PARSING = InProcess()


class Node:
    """A node by its files; notes every hand-off. What is None is there and cannot be read."""

    def __init__(self, files: Mapping[str, bytes | str | None]) -> None:
        self.files = files
        self.asked: list[list[Look]] = []

    def look_all(self, wanted: Sequence[Look]) -> list[Read[object]]:
        self.asked.append(list(wanted))
        return [self._read(*look) for look in wanted]

    def _read(self, path: str, way: object, cap: int) -> Read[object]:
        below = {one[len(path) + 1 :].split("/")[0] for one in self.files if one.startswith(f"{path}/")}
        if way is Way.NAMES:
            if path in self.files:
                return Read(path, FileStatus.ERROR, detail="Not a directory")
            return Read(path, FileStatus.OK, tuple(sorted(below))) if below else Read(path, FileStatus.NOT_FOUND)
        if below:
            return Read(path, FileStatus.NOT_A_FILE)
        if path not in self.files:
            return Read(path, FileStatus.NOT_FOUND)
        content = self.files[path]
        if content is None:
            return Read(path, FileStatus.PERMISSION_DENIED)
        if way is Way.PRESENCE:
            return Read(path, FileStatus.OK)
        assert callable(way)
        whole = content.encode() if isinstance(content, str) else content
        try:
            return Read(path, FileStatus.OK, way(whole[:cap]))
        except ValueError as error:
            return Read(path, FileStatus.MALFORMED, detail=str(error))


def looked(files: Mapping[str, bytes | str | None], table: PathTable = LINUX) -> tuple[HostReads, Node]:
    node = Node(files)
    return read_host(node, table), node


def configuration(**fields: object) -> str:
    return json.dumps({"kind": "KubeletConfiguration", "apiVersion": "kubelet.config.k8s.io/v1beta1", **fields})


def unit(*lines: str) -> str:
    return "\n".join(["[Service]", *lines, "ExecStart=/bin/kubelet $KUBELET_FLAGS", ""])


def flags(text: str) -> dict[str, str]:
    return {FLAGS: f"KUBELET_FLAGS={text}\n"}


def evidence_looks(table: PathTable, *files: EvidenceFile) -> list[Look]:
    return [Look(table.evidence[file], EVIDENCE[file].way, SMALL) for file in files or table.evidence]


def certificate_looks(reads: HostReads, table: PathTable) -> list[Look]:
    """What is looked at in the end: each certificate, what lies beside those that rotate, and each other key."""
    bundle, leaf = PARSING.authority_file, PARSING.certificate_file
    found = [Look(one.path, bundle if one.role is Role.CLUSTER_CA else leaf, LARGE) for one in reads.candidates]
    found += [Look(table.parent(one.path), Way.NAMES) for one in reads.candidates if one.means is Means.ROTATED]
    return list(dict.fromkeys(found))


@pytest.mark.parametrize("table", [LINUX, WINDOWS], ids=["linux", "windows"])
def test_a_node_without_any_file_takes_two_hand_offs(table: PathTable) -> None:
    """All of the evidence, and all of the certificates."""
    reads, node = looked({}, table)
    assert node.asked[0] == evidence_looks(table)
    assert node.asked[1] == certificate_looks(reads, table)
    assert len(node.asked) == 2
    assert list(reads.evidence.reads) == list(table.evidence)
    assert {one.status for one in reads.evidence.reads.values()} == {FileStatus.NOT_FOUND}
    assert reads.evidence.members == ()
    assert set(reads.certificates) == {one.path for one in reads.candidates}


def test_drop_ins_and_what_they_name_are_read_in_their_order() -> None:
    """Only *.conf, and none that is hidden; the file of flags that the table names is not read twice."""
    files = {
        UNIT: unit("EnvironmentFile=-/etc/a"),
        f"{DROP_INS}/20.conf": unit("EnvironmentFile=/etc/b"),
        f"{DROP_INS}/10.conf": unit(f"EnvironmentFile={FLAGS}"),
        f"{DROP_INS}/.hidden.conf": unit("EnvironmentFile=/etc/hidden"),
        f"{DROP_INS}/30.txt": unit("EnvironmentFile=/etc/text"),
        "/etc/b": "B=1\n",
        **flags("--rotate-certificates"),
    }
    reads, node = looked(files)
    assert node.asked[1:3] == [
        [Look(f"{DROP_INS}/{name}", service_unit, SMALL) for name in ("10.conf", "20.conf")],
        [Look(path, environment_file, SMALL) for path in ("/etc/a", "/etc/b")],
    ]
    assert len(node.asked) == 4
    assert [(kind, read.path, read.status) for kind, read in reads.evidence.members] == [
        (EvidenceFile.KUBELET_UNIT_DIRECTORY, f"{DROP_INS}/10.conf", FileStatus.OK),
        (EvidenceFile.KUBELET_UNIT_DIRECTORY, f"{DROP_INS}/20.conf", FileStatus.OK),
        (EvidenceFile.KUBELET_FLAGS, "/etc/a", FileStatus.NOT_FOUND),
        (EvidenceFile.KUBELET_FLAGS, "/etc/b", FileStatus.OK),
    ]
    assert reads.evidence.settings.rotate_certificates is True


MANY = "more drop-ins or environment files than 64"


@pytest.mark.parametrize(("number", "unread"), [(64, ""), (65, MANY)])
def test_sixty_four_drop_ins_are_read_and_no_more(number: int, unread: str) -> None:
    files = {f"{DROP_INS}/{one:03}.conf": unit() for one in range(number)} | flags("--rotate-certificates")
    reads, node = looked({UNIT: unit(f"EnvironmentFile={FLAGS}"), **files})
    assert [look.path for look in node.asked[1]] == [f"{DROP_INS}/{one:03}.conf" for one in range(64)]
    assert reads.evidence.settings.unread == unread
    assert reads.evidence.settings.rotate_certificates is (None if unread else True)


@pytest.mark.parametrize(("number", "unread"), [(64, ""), (65, MANY)])
def test_sixty_four_environment_files_are_read_and_no_more(number: int, unread: str) -> None:
    """Beside the one that the table names."""
    named = unit(f"EnvironmentFile={FLAGS}", *(f"EnvironmentFile=-/e/{one}" for one in range(number)))
    reads, node = looked({UNIT: named, **flags("--rotate-certificates")})
    assert [look.path for look in node.asked[1]] == [f"/e/{one}" for one in range(64)]
    assert reads.evidence.settings.unread == unread
    # A configuration file that no flag names is not in use, where all flags are known.
    assert (EvidenceFile.KUBELET_CONFIGURATION in reads.evidence.table.evidence) is (unread != "")


def test_places_that_flags_name_are_looked_at_in_one_more_hand_off() -> None:
    """Only those that moved."""
    said = flags("--kubeconfig=/srv/kc --bootstrap-kubeconfig=/var/lib/kubelet/bootstrap-kubeconfig --config=/srv/c")
    reads, node = looked(said)
    table = reads.evidence.table
    assert (table.evidence[EvidenceFile.KUBECONFIG], table.evidence[EvidenceFile.KUBELET_CONFIGURATION]) == (
        "/srv/kc",
        "/srv/c",
    )
    moved = [file for file in table.evidence if table.evidence[file] != LINUX.evidence.get(file)]
    assert node.asked[1] == evidence_looks(table, *moved)
    assert [reads.evidence.reads[file].path for file in moved] == [table.evidence[file] for file in moved]
    assert list(reads.evidence.reads) == list(table.evidence)
    assert len(node.asked) == 3


def directory(count: int, folder: str = "/etc/kubelet.d") -> dict[str, str]:
    return {f"{folder}/{one:03}.conf": configuration() for one in range(count)}


DIR = flags("--config-dir=/etc/kubelet.d --config=/c")
C = {"/c": configuration(rotateCertificates=True)}


@pytest.mark.parametrize(
    ("files", "unread", "found"),
    [
        ({}, "/etc/kubelet.d", 0),
        (directory(64), "", 64),
        (directory(65), "all below /etc/kubelet.d", 0),
        (directory(62) | directory(1, "/etc/kubelet.d/x"), "", 63),
        (directory(32) | directory(32, "/etc/kubelet.d/x"), "", 64),
        (directory(32) | directory(33, "/etc/kubelet.d/x"), "all below /etc/kubelet.d/x", 32),
        (directory(1, "/etc/kubelet.d/a/b/c"), "", 1),
        (directory(1, "/etc/kubelet.d/a/b/c/d"), "all below /etc/kubelet.d/a/b/c/d", 0),
        ({"/etc/kubelet.d/00.yaml": "no directory"} | directory(1), "", 1),
        (directory(1, "/etc/kubelet.d/10.conf"), "", 1),
        ({"/etc/kubelet.d/10.conf": "- none\n"}, "/etc/kubelet.d/10.conf", 1),
        ({"/etc/kubelet.d/10.conf": None, "/etc/kubelet.d/20.conf": "x"},
         "/etc/kubelet.d/10.conf, /etc/kubelet.d/20.conf", 2),
    ],
)  # fmt: skip
def test_drop_ins_of_the_configuration_are_walked_as_the_kubelet_does(
    files: dict[str, str | None], unread: str, found: int
) -> None:
    """A directory is told by its name; what cannot all be read is not guessed."""
    reads, _ = looked({**DIR, **C, **files})
    members = [read for kind, read in reads.evidence.members if kind is EvidenceFile.KUBELET_CONFIGURATION_DIRECTORY]
    assert (reads.evidence.settings.unread, len(members)) == (unread, found)
    assert reads.evidence.settings.rotate_certificates is (None if unread else True)


def test_a_directory_of_drop_ins_is_looked_at_level_by_level() -> None:
    files = directory(1) | {"/etc/kubelet.d/a/20.conf": configuration(), "/etc/kubelet.d/30.conf/x": ""}
    _, node = looked({**DIR, **C, **files})
    below = [looks for looks in node.asked if looks[0].path.startswith("/etc/kubelet.d/")]
    assert below == [
        [
            Look("/etc/kubelet.d/000.conf", kubelet_configuration, SMALL),
            Look("/etc/kubelet.d/30.conf", kubelet_configuration, SMALL),
            Look("/etc/kubelet.d/a", Way.NAMES, SMALL),
        ],
        [Look("/etc/kubelet.d/30.conf", Way.NAMES)],
        [Look("/etc/kubelet.d/30.conf/x", Way.NAMES, SMALL)],
        [Look("/etc/kubelet.d/a/20.conf", kubelet_configuration, SMALL)],
    ]


@pytest.mark.parametrize(
    ("files", "unread"),
    [
        ({}, ""),
        ({BASE: configuration()}, ""),
        ({BASE: None}, BASE),
        ({BASE: "- none\n"}, BASE),
        (flags("--config=/c"), "/c"),
        (flags("--config=/c") | {"/c": None}, "/c"),
        (flags("--config=c") | {"/c": configuration()}, ""),
        (flags("--dynamic-config-dir=/d"), "the dynamic configuration"),
        (flags("--config=/c --dynamic-config-dir=/d --config-dir=/e"), "/e, /c, the dynamic configuration"),
    ],
)
def test_what_the_kubelet_reads_and_we_could_not_is_named(files: dict[str, str | None], unread: str) -> None:
    """A file that no flag names may well not be there."""
    assert looked(files)[0].evidence.settings.unread == unread


@pytest.mark.parametrize(
    ("left_out", "said", "unread"),
    [
        ("kubelet-configuration", "--config=c", "/c"),
        ("kubelet-configuration", "--v=1", ""),
        ("kubelet-configuration", "--dynamic-config-dir=/d", "the dynamic configuration"),
        ("kubelet-unit-directory", "--v=1", ""),
        ("kubelet-configuration-directory", "--config-dir=d", "/d"),
    ],
)
def test_what_the_user_leaves_out_is_named_where_a_flag_names_it(left_out: str, said: str, unread: str) -> None:
    table = path_table(presets.preset("aks-linux"), {"evidence": {left_out: ""}})
    assert looked(flags(said), table)[0].evidence.settings.unread == unread


@pytest.mark.parametrize(
    ("files", "certificate"),
    [
        (flags("--tls-cert-file=a.crt --tls-private-key-file=a.key"), ("/a.crt", "/a.key")),
        (flags("--config=/srv/k/c") | {"/srv/k/c": configuration(tlsCertFile="a.crt", tlsPrivateKeyFile="/a.key")},
         ("/srv/k/a.crt", "/a.key")),
        (DIR | C | {"/etc/kubelet.d/1.conf": configuration(tlsCertFile="a.crt", tlsPrivateKeyFile="b/a.key")},
         ("/a.crt", "/b/a.key")),
    ],
)  # fmt: skip
def test_a_relative_path_counts_from_where_the_kubelet_counts_it(
    files: dict[str, str], certificate: tuple[str, str]
) -> None:
    reads, node = looked({**files, "/a.crt": LEAF.certificate_pem, "/srv/k/a.crt": LEAF.certificate_pem})
    settings = reads.evidence.settings
    assert (settings.tls_cert_file, settings.tls_private_key_file) == certificate
    (read,) = (one for path, one in reads.certificates.items() if path == certificate[0])
    present = certificate[0] in node.files
    assert read.value == (PARSING.certificate_file(LEAF.certificate_pem) if present else None)


def test_a_key_in_a_file_of_its_own_is_looked_for_and_never_read() -> None:
    said = flags("--tls-cert-file=/a.crt --tls-private-key-file=/a.key --config=/c") | {"/c": configuration()}
    reads, node = looked({**said, "/a.crt": LEAF.certificate_pem, "/a.key": LEAF.key_pem})
    assert {path: (one.path, one.status) for path, one in reads.keys.items()} == {"/a.crt": ("/a.key", FileStatus.OK)}
    assert [look for look in node.asked[-1] if look.way is Way.PRESENCE] == [Look("/a.key", Way.PRESENCE)]


def test_each_certificate_has_its_own_answer() -> None:
    """A CA's bundle, a leaf, what lies beside one that rotates; in one hand-off, each path once."""
    files = {
        "/etc/kubernetes/certs/ca.crt": CA.pem,
        "/var/lib/kubelet/pki/kubelet-client-current.pem": LEAF.pem,
        "/var/lib/kubelet/pki/kubelet-client-1.pem": LEAF.pem,
    }
    reads, node = looked(files)
    found = {path: (one.path, one.status, one.value) for path, one in reads.certificates.items()}
    assert found["/etc/kubernetes/certs/ca.crt"][1:] == (FileStatus.OK, PARSING.authority_file(CA.pem))
    current = "/var/lib/kubelet/pki/kubelet-client-current.pem"
    assert found[current] == (current, FileStatus.OK, PARSING.certificate_file(LEAF.pem))
    assert reads.names[current] == ("kubelet-client-1.pem", "kubelet-client-current.pem")
    assert set(reads.names) == {one.path for one in reads.candidates if one.means is Means.ROTATED}
    assert len(node.asked[-1]) == len(set(node.asked[-1]))


def test_a_node_of_windows_has_its_arguments_in_one_file() -> None:
    said = {"Kubernetes": {"Kubelet": {"ConfigArgs": ["--rotate-certificates=true", "--config=c:\\k\\own.json"]}}}
    place = WINDOWS.evidence[EvidenceFile.KUBELET_ARGUMENTS]
    reads, _ = looked({place: json.dumps(said), "c:\\k\\own.json": configuration()}, WINDOWS)
    assert reads.evidence.members == ()
    assert reads.evidence.settings.rotate_certificates is True


def test_a_directory_of_drop_ins_that_cannot_be_listed_may_hold_any_flag() -> None:
    reads, _ = looked({DROP_INS: "no directory", **flags("--rotate-certificates")})
    assert (reads.evidence.settings.unread, reads.evidence.settings.rotate_certificates) == (DROP_INS, None)


def test_certificates_are_parsed_by_what_was_given() -> None:
    """Kubeconfigs, bundles and leaves."""
    node, other = Node({}), SealedParsing()
    reads = read_host(node, LINUX, other)
    kubeconfigs = [Look(reads.evidence.table.evidence[one], other.kubeconfig, SMALL) for one in KUBECONFIGS]
    assert [look for look in node.asked[0] if look in kubeconfigs] == kubeconfigs
    ways = {look.way for look in node.asked[1]}
    assert ways >= {other.certificate_file, other.authority_file}
    assert not ways & {PARSING.certificate_file, PARSING.authority_file}


KUBECONFIGS = [file for file in (EvidenceFile.KUBECONFIG, EvidenceFile.BOOTSTRAP_KUBECONFIG) if file in LINUX.evidence]
