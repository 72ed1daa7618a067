"""The path table: presets, what files name, and what a user sets."""

from dataclasses import replace

import pytest

from exporter import presets
from exporter.facts.host.evidence_file import EvidenceFile
from exporter.facts.host.kubelet_flags import KubeletFlags
from exporter.facts.host.kubelet_settings import KubeletSettings
from exporter.facts.host.paths import Candidate, Means, NamedBy, PathTable, means_of, path_table
from exporter.facts.kubeconfig import Credential, HostKubeconfig
from exporter.reason import Role

LINUX, WINDOWS = (path_table(presets.preset(name)) for name in presets.PRESETS)


def kubeconfig(client: str, authority: str = "") -> HostKubeconfig:
    return HostKubeconfig(
        "c", "u", "", "", Credential.CERTIFICATE_FILE, client_certificate=client, certificate_authority=authority
    )


def paths(
    table: PathTable, role: Role, named: HostKubeconfig | None = None, settings: KubeletSettings | None = None
) -> list[str]:
    return [c.path for c in table.resolved(named, settings or KubeletSettings()) if c.role is role]


def test_the_shipped_tables_have_the_paths_of_aks() -> None:
    """In the order in which they are tried."""
    assert paths(LINUX, Role.KUBELET_SERVING) == [
        "/var/lib/kubelet/pki/kubelet-server-current.pem",
        "/var/lib/kubelet/kubelet-server-current.pem",
        "/etc/kubernetes/certs/kubeletserver.crt",
        "/var/lib/kubelet/pki/kubelet.crt",
    ]
    assert paths(WINDOWS, Role.KUBELET_CLIENT) == ["C:\\k\\pki\\kubelet-client-current.pem"]
    assert (LINUX.windows, WINDOWS.windows) == (False, True)


def test_a_path_that_two_places_give_is_looked_at_once() -> None:
    """And it is known that the kubeconfig names it, and what its name in the preset means."""
    found = LINUX.resolved(kubeconfig("/etc/kubernetes/certs/client.crt"), KubeletSettings())
    clients = [c for c in found if c.role is Role.KUBELET_CLIENT]
    assert [c.path for c in clients] == [
        "/var/lib/kubelet/pki/kubelet-client-current.pem",
        "/etc/kubernetes/certs/client.crt",
    ]
    assert (clients[1].named_by, clients[1].means) == (NamedBy.KUBECONFIG, Means.STATIC)


def test_a_relative_path_counts_from_the_file_that_names_it() -> None:
    """As in client-go, on Linux and on Windows, where letters' case and slashes make no difference."""
    assert "/var/lib/kubelet/own.crt" in paths(LINUX, Role.KUBELET_CLIENT, kubeconfig("own.crt"))
    assert "C:\\k\\own.crt" in paths(WINDOWS, Role.KUBELET_CLIENT, kubeconfig("own.crt"))
    assert len(paths(WINDOWS, Role.KUBELET_CLIENT, kubeconfig("c:/k/PKI/kubelet-client-current.pem"))) == 1


def test_the_kubelets_tls_cert_file_is_a_candidate() -> None:
    """Wherever it lies."""
    assert "/srv/tls.crt" in paths(LINUX, Role.KUBELET_SERVING, None, KubeletSettings(tls_cert_file="/srv/tls.crt"))


def test_a_users_path_is_expected_and_replaces_the_roles_list() -> None:
    """One that the preset has is not expected more than before."""
    table = path_table(
        presets.preset("aks-linux"),
        {
            "certificates": {
                "kubelet-client": ["/opt/new/kubelet-client-current.pem", "/etc/kubernetes/certs/client.crt"]
            },
            "evidence": {"kubeconfig": "/opt/new/kubeconfig", "instance-metadata": ""},
        },
    )
    found = [c for c in table.resolved(None, KubeletSettings()) if c.role is Role.KUBELET_CLIENT]
    assert [(c.path, c.means, c.expected) for c in found] == [
        ("/opt/new/kubelet-client-current.pem", Means.ROTATED, True),
        ("/etc/kubernetes/certs/client.crt", Means.STATIC, False),
    ]
    assert table.evidence[EvidenceFile.KUBECONFIG] == "/opt/new/kubeconfig"
    assert EvidenceFile.INSTANCE_METADATA not in table.evidence
    assert table.expected_evidence == {EvidenceFile.KUBECONFIG}


CLIENT, SERVING, CA, COPY = Role.KUBELET_CLIENT, Role.KUBELET_SERVING, Role.CLUSTER_CA, Role.APISERVER_COPY
PRESET: dict[str, object] = {
    "certificates": {"kubelet-client": ["/a/x-current.pem", {"from": "kubeconfig"}], "cluster-ca": ["/ca.crt"]},
    "certificate-directory": "/a",
    "evidence": {"kubeconfig": "/k", "kubelet-unit": "/u", "kubelet-flags": ""},
}
ROTATED = Candidate(CLIENT, "/a/x-current.pem", Means.ROTATED)
NAMED = Candidate(CLIENT, named_by=NamedBy.KUBECONFIG)
AUTHORITY = Candidate(CA, "/ca.crt", Means.AUTHORITY)
KUBECONFIG, UNIT = EvidenceFile.KUBECONFIG, EvidenceFile.KUBELET_UNIT
EVIDENCE = {KUBECONFIG: "/k", UNIT: "/u"}


@pytest.mark.parametrize(
    ("preset", "override", "expected"),
    [
        ({}, None, PathTable((), {})),
        ({"certificates": None, "evidence": None, "certificate-directory": None}, {}, PathTable((), {})),
        (PRESET, None, PathTable((ROTATED, NAMED, AUTHORITY), EVIDENCE, certificate_directory="/a")),
        (
            {"certificates": {"cluster-ca": ["/ca.crt"]}},
            {"certificates": {"kubelet-client": [{"from": "kubeconfig"}]}},
            PathTable((NAMED, AUTHORITY), {}),
        ),
        (
            PRESET,
            {"certificates": {"kubelet-client": ["/ca.crt", {"from": "kubelet-configuration"}], "apiserver-copy": []}},
            PathTable(
                (
                    Candidate(CLIENT, "/ca.crt", Means.STATIC),
                    Candidate(CLIENT, named_by=NamedBy.KUBELET_CONFIGURATION),
                    AUTHORITY,
                ),
                EVIDENCE,
                certificate_directory="/a",
            ),
        ),
        (
            PRESET,
            {"certificates": {"cluster-ca": ["/other.crt"]}, "evidence": {"kubeconfig": "/k", "kubelet-unit": None}},
            PathTable(
                (ROTATED, NAMED, Candidate(CA, "/other.crt", Means.AUTHORITY, expected=True)),
                {KUBECONFIG: "/k"},
                unlooked=frozenset({UNIT}),
                certificate_directory="/a",
            ),
        ),
        (
            PRESET,
            {"evidence": {"kubelet-flags": "/f", "kubelet-unit": "", "kubeconfig": "/other"}},
            PathTable(
                (ROTATED, NAMED, AUTHORITY),
                {KUBECONFIG: "/other", EvidenceFile.KUBELET_FLAGS: "/f"},
                frozenset({KUBECONFIG, EvidenceFile.KUBELET_FLAGS}),
                frozenset({UNIT}),
                "/a",
            ),
        ),
        (
            {"certificates": {"cluster-ca": ["C:\\ca.crt"]}},
            None,
            PathTable((Candidate(CA, "C:\\ca.crt", Means.AUTHORITY),), {}, windows=True),
        ),
        ({"evidence": {"kubeconfig": "C:\\k"}}, None, PathTable((), {KUBECONFIG: "C:\\k"}, windows=True)),
        ({"evidence": {"kubeconfig": "C:/k"}}, None, PathTable((), {KUBECONFIG: "C:/k"})),
    ],
)
def test_a_table_is_the_preset_with_the_users_section_over_it(
    preset: dict[str, object], override: dict[str, object] | None, expected: PathTable
) -> None:
    """What the user sets to nothing is not looked at; what only the user names is expected to be there."""
    assert path_table(preset, override) == expected


ENTRY = "certificates.kubelet-serving: an entry is a path, or a mapping with `path` or `from`, and `means`"


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("/x", Candidate(SERVING, "/x", Means.STATIC)),
        ("/x-current.pem", Candidate(SERVING, "/x-current.pem", Means.ROTATED)),
        ("C:\\x", Candidate(SERVING, "C:\\x", Means.STATIC)),
        ("C:/x", Candidate(SERVING, "C:/x", Means.STATIC)),
        ({"path": "/x", "means": "rotated"}, Candidate(SERVING, "/x", Means.ROTATED)),
        ({"path": "/x", "means": "static"}, Candidate(SERVING, "/x", Means.STATIC)),
        ({"path": "/x", "means": "self_signed"}, Candidate(SERVING, "/x", Means.SELF_SIGNED)),
        ({"path": "/x", "means": "authority"}, Candidate(SERVING, "/x", Means.AUTHORITY)),
        ({"path": "/x", "means": "copy"}, Candidate(SERVING, "/x", Means.COPY)),
        ({"path": "/x", "means": None}, Candidate(SERVING, "/x", Means.STATIC)),
        ({"from": "kubeconfig"}, Candidate(SERVING, named_by=NamedBy.KUBECONFIG)),
        (
            {"from": "kubelet-configuration", "means": "static"},
            Candidate(SERVING, "", Means.STATIC, NamedBy.KUBELET_CONFIGURATION),
        ),
        (7, ENTRY),
        ({}, ENTRY),
        ({"means": "static"}, ENTRY),
        ({"path": "/x", "from": "kubeconfig"}, ENTRY),
        ({"path": "/x", "from": "kubeconfig", "means": "static"}, ENTRY),
        ({"path": "/x", "means": "static", 7: "x"}, ENTRY),
        ({"path": "/x", "role": "x"}, ENTRY),
        (
            {"path": "/x", "means": "y"},
            "certificates.kubelet-serving: means y is not one of rotated, static, self_signed, authority, copy",
        ),
        (
            {"from": "air"},
            "certificates.kubelet-serving: from air is not one of kubeconfig, kubelet-configuration",
        ),
        ("", "certificates.kubelet-serving: '' is not an absolute path"),
        ("x/y", "certificates.kubelet-serving: 'x/y' is not an absolute path"),
        ("\\x", "certificates.kubelet-serving: '\\\\x' is not an absolute path"),
        ("C:x", "certificates.kubelet-serving: 'C:x' is not an absolute path"),
        ({"path": 7}, "certificates.kubelet-serving: 7 is not an absolute path"),
        ({"path": None}, "certificates.kubelet-serving: None is not an absolute path"),
        ({"from": None}, "certificates.kubelet-serving: '' is not an absolute path"),
    ],
)
def test_an_entry_is_a_path_or_names_what_names_one(entry: object, expected: Candidate | str) -> None:
    section = {"certificates": {"kubelet-serving": [entry]}}
    if isinstance(expected, Candidate):
        assert path_table(section) == PathTable((expected,), {}, windows="\\" in expected.path)
        return
    with pytest.raises(ValueError, match=r"\w") as raised:
        path_table(section)
    assert str(raised.value) == expected


@pytest.mark.parametrize(
    ("role", "path", "means"),
    [
        (CA, "/x-current.pem", Means.AUTHORITY),
        (COPY, "/x-current.pem", Means.COPY),
        (SERVING, "/x-current.pem", Means.ROTATED),
        (CLIENT, "/x-current.pem", Means.ROTATED),
        (CLIENT, "/x-current.pem/y", Means.STATIC),
    ],
)
def test_a_name_says_what_a_path_means(role: Role, path: str, means: Means) -> None:
    assert means_of(role, path) is means


def test_a_path_is_the_same_however_it_is_written() -> None:
    linux, windows = PathTable((), {KUBECONFIG: "/a/k"}), PathTable((), {KUBECONFIG: "C:\\a\\k"}, windows=True)
    assert (linux.normal("/a//./b/../C/"), windows.normal("c:/A//b/../C\\")) == ("/a/C", "c:\\a\\c")
    assert (linux.parent("/a/b\\c"), windows.parent("C:\\a/b")) == ("/a", "C:\\a")
    assert (linux.join("/a", "b"), windows.join("C:\\a", "b")) == ("/a/b", "C:\\a\\b")
    assert (linux.join("/a", "/b"), windows.join("C:\\a", "D:\\b")) == ("/b", "D:\\b")
    assert (linux.join("/a", ""), windows.join("C:\\a", "")) == ("", "")
    assert (linux.from_flag(None), windows.from_flag(None)) == ("", "")
    assert (linux.from_flag("b"), windows.from_flag("b")) == ("/b", "C:\\k\\b")
    assert (linux.beside(KUBECONFIG, "b"), windows.beside(KUBECONFIG, "b")) == ("/a/b", "C:\\a\\b")
    assert (linux.beside(UNIT, "b"), linux.beside(UNIT, "/c/b"), linux.beside(KUBECONFIG, "")) == ("/b", "/c/b", "")


CONFIG, CONFIG_DIR, BOOTSTRAP = (
    EvidenceFile.KUBELET_CONFIGURATION,
    EvidenceFile.KUBELET_CONFIGURATION_DIRECTORY,
    EvidenceFile.BOOTSTRAP_KUBECONFIG,
)


@pytest.mark.parametrize(
    ("flags", "known", "changed"),
    [
        (KubeletFlags(), False, {}),
        (KubeletFlags(), True, {CONFIG: None}),
        (KubeletFlags(config=""), False, {CONFIG: None}),
        (KubeletFlags(config="/x"), True, {CONFIG: "/x"}),
        (KubeletFlags(config="x"), False, {CONFIG: "/x"}),
        (KubeletFlags(config="//c/../c"), True, {}),
        (KubeletFlags(config_dir="/d"), False, {CONFIG_DIR: "/d"}),
        (KubeletFlags(config_dir=""), False, {}),
        (KubeletFlags(kubeconfig="/x", bootstrap_kubeconfig="b"), False, {KUBECONFIG: "/x", BOOTSTRAP: "/b"}),
        (KubeletFlags(kubeconfig=""), False, {}),
        (KubeletFlags(dynamic_config_dir="/x", tls_cert_file="/x"), False, {}),
    ],
)
def test_flags_name_where_the_kubelet_has_its_files(
    flags: KubeletFlags, known: bool, changed: dict[EvidenceFile, str | None]
) -> None:
    """A6: what all of its flags do not name it does not use. What the user set, or left out, stays as it is."""
    table = PathTable((ROTATED,), {**EVIDENCE, CONFIG: "/c"}, certificate_directory="/a")
    found = {file: path for file, path in {**table.evidence, **changed}.items() if path is not None}
    assert table.with_flags(flags, known=known) == replace(table, evidence=found)
    for kept in ("expected_evidence", "unlooked"):
        own = replace(table, **{kept: frozenset(EvidenceFile)})  # type: ignore[arg-type]
        assert own.with_flags(flags, known=known) == own


@pytest.mark.parametrize(
    ("directory", "moved"),
    [
        (None, False),
        ("", False),
        ("/a", False),
        ("/a/.", False),
        ("/b", True),
        ("b", True),
    ],
)
def test_another_certificate_directory_has_what_the_usual_one_has(directory: str | None, moved: bool) -> None:
    """A6: --cert-dir. Not what the user placed, and not what lies elsewhere, also below."""
    table = PathTable(
        (
            ROTATED,
            NAMED,
            replace(ROTATED, path="//a/./y.pem"),
            replace(ROTATED, path="/a/sub/z.pem"),
            replace(ROTATED, path="/a/own.pem", expected=True),
            AUTHORITY,
        ),
        {EvidenceFile.PENDING_CLIENT_KEY: "/a/key.tmp", UNIT: "/a/unit", KUBECONFIG: "/k"},
        frozenset({UNIT}),
        frozenset({BOOTSTRAP}),
        "/a",
    )
    found = table.with_flags(KubeletFlags(cert_dir=directory), known=False)
    if not moved:
        assert found == table
        return
    assert [one.path for one in found.candidates] == [
        "/b/x-current.pem",
        "",
        "/b/y.pem",
        "/a/sub/z.pem",
        "/a/own.pem",
        "/ca.crt",
    ]
    evidence = {EvidenceFile.PENDING_CLIENT_KEY: "/b/key.tmp", UNIT: "/a/unit", KUBECONFIG: "/k"}
    expected = tuple(
        replace(one, path=moved.path) for one, moved in zip(table.candidates, found.candidates, strict=True)
    )
    assert found == PathTable(expected, evidence, table.expected_evidence, table.unlooked, "/b")


def test_a_table_without_a_certificate_directory_has_none_moved() -> None:
    """A user's own table, or one of files that the kubelet does not renew."""
    table = PathTable((ROTATED,), {})
    assert table.with_flags(KubeletFlags(cert_dir="/b"), known=False) == table
    moved = WINDOWS.with_flags(KubeletFlags(cert_dir="c:/K/PKI/"), known=False)
    assert moved == WINDOWS
    elsewhere = WINDOWS.with_flags(KubeletFlags(cert_dir="d:\\pki"), known=False)
    assert paths(elsewhere, CLIENT) == ["d:\\pki\\kubelet-client-current.pem"]


FIXED = Candidate(CLIENT, "/x.crt", Means.SELF_SIGNED)
BY_CONFIG = Candidate(SERVING, named_by=NamedBy.KUBELET_CONFIGURATION)
OWN = kubeconfig("/x.crt", "/ca.crt")


@pytest.mark.parametrize(
    ("candidates", "config", "settings", "found"),
    [
        ((NAMED, BY_CONFIG), None, KubeletSettings(), ()),
        ((NAMED,), kubeconfig(""), KubeletSettings(), ()),
        ((NAMED,), OWN, KubeletSettings(), (replace(NAMED, path="/x.crt", means=Means.STATIC),)),
        (
            (replace(NAMED, means=Means.COPY),),
            OWN,
            KubeletSettings(),
            (replace(NAMED, path="/x.crt", means=Means.COPY),),
        ),
        (
            (NAMED,),
            kubeconfig("y-current.pem"),
            KubeletSettings(),
            (replace(NAMED, path="/e/y-current.pem", means=Means.ROTATED),),
        ),
        (
            (replace(NAMED, role=CA),),
            OWN,
            KubeletSettings(),
            (Candidate(CA, "/ca.crt", Means.AUTHORITY, NamedBy.KUBECONFIG),),
        ),
        ((BY_CONFIG,), OWN, KubeletSettings(tls_cert_file="t"), (replace(BY_CONFIG, path="/t", means=Means.STATIC),)),
        ((BY_CONFIG,), OWN, KubeletSettings(tls_cert_file=""), ()),
        ((FIXED, NAMED), OWN, KubeletSettings(), (replace(FIXED, named_by=NamedBy.KUBECONFIG),)),
        ((NAMED, FIXED), OWN, KubeletSettings(), (replace(FIXED, named_by=NamedBy.KUBECONFIG),)),
        ((FIXED, replace(FIXED, path="/./x.crt", means=Means.COPY)), None, KubeletSettings(), (FIXED,)),
        ((FIXED, replace(FIXED, role=SERVING)), None, KubeletSettings(), (FIXED, replace(FIXED, role=SERVING))),
    ],
)
def test_what_files_name_is_filled_in_and_each_path_is_there_once_for_its_role(
    candidates: tuple[Candidate, ...],
    config: HostKubeconfig | None,
    settings: KubeletSettings,
    found: tuple[Candidate, ...],
) -> None:
    """The fixed entry knows what the path means, the other that something names it."""
    assert PathTable(candidates, {KUBECONFIG: "/e/k"}).resolved(config, settings) == found


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"certificate": {}}, "unknown key certificate"),
        ({"certificates": []}, "certificates: not a mapping"),
        ({"certificates": {"kubelet": []}}, "certificates: unknown role kubelet"),
        ({"certificates": {"cluster-ca": "/x"}}, "certificates.cluster-ca: not a list"),
        ({"evidence": ["/x"]}, "evidence: not a mapping"),
        ({"evidence": {"kubeconfig": "x"}}, "evidence.kubeconfig: 'x' is not an absolute path"),
        ({"evidence": {"kubeconfigs": "/x"}}, "evidence: unknown file kubeconfigs"),
        ({"evidence": {"kubeconfig": 7}}, "evidence.kubeconfig: 7 is not an absolute path"),
    ],
)
def test_a_section_that_cannot_be_used_names_its_key(section: dict[str, object], message: str) -> None:
    """Nothing is ignored."""
    with pytest.raises(ValueError, match=r"\w") as raised:
        path_table(presets.preset("aks-linux"), section)
    assert str(raised.value) == message
