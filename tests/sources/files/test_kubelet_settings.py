"""A node's files and the flags in them, and the settings the kubelet goes by: each row names the Kubernetes source."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from exporter import presets
from exporter.facts.host.evidence import HostEvidence, evidence_files
from exporter.facts.host.evidence_file import EvidenceFile
from exporter.facts.host.paths import path_table
from exporter.reason import FileStatus
from exporter.sources.files.host_files import HostFiles
from exporter.sources.files.host_reads import read_host

LINUX, WINDOWS = (path_table(presets.preset(name)) for name in presets.PRESETS)

SERVER = "cmd/kubelet/app/server.go"
OPTIONS = "cmd/kubelet/app/options/options.go"
PFLAG = "component-base/cli/flag/flags.go, WordSepNormalizeFunc"
GATES = "component-base/cli/flag/map_string_bool.go"
LOADER = "pkg/kubelet/kubeletconfig/configfiles/configfiles.go"
FEATURES = "pkg/features/kube_features.go"
UNIT = (
    "[Service]\nEnvironmentFile=/etc/default/kubelet\nExecStart=/opt/bin/kubelet --v=2 \\\n"
    " $KUBELET_TLS_BOOTSTRAP_FLAGS $KUBELET_CONFIG_FILE_FLAGS $KUBELET_FLAGS\n"
)
ON = {"rotateCertificates": True, "serverTLSBootstrap": True}
UNITS = "etc/systemd/system"


def kubelet_config(**fields: object) -> str:
    """A KubeletConfiguration."""
    return json.dumps({"kind": "KubeletConfiguration", "apiVersion": "kubelet.config.k8s.io/v1beta1", **fields})


def default(flags: str) -> dict[str, str]:
    """/etc/default/kubelet."""
    return {"etc/default/kubelet": f"KUBELET_FLAGS={flags}\n"}


def shipped(**fields: object) -> dict[str, str]:
    """The file that AKS passes as --config."""
    return {"etc/default/kubeletconfig.json": kubelet_config(**fields)}


def drop_in(name: str, **fields: object) -> dict[str, str]:
    """A file of --config-dir."""
    return {f"etc/kubelet.d/{name}": kubelet_config(**fields)}


@dataclass(frozen=True)
class Row:
    """Files on a node, and what follows for (client rotation, serving rotation, fixed serving certificate)."""

    source: str
    what: str
    files: dict[str, str]
    client: bool | None
    serving: bool | None
    tls: str | None = ""
    absent: list[str] = field(default_factory=list)


DIR = "--config-dir=/etc/kubelet.d"
ROWS = (
    Row(SERVER, "the file AKS writes", default("--v=1") | shipped(**ON), True, True),
    Row(SERVER, "what --config leaves out is off", default("") | shipped(), False, False),
    Row(f"{SERVER}, kubeletConfigFlagPrecedence", "a flag beats the file",
        default("--rotate-certificates=false --rotate-server-certificates=false") | shipped(**ON), False, False),
    Row(f"{SERVER}, kubeletConfigFlagPrecedence", "and switches on what the file leaves out",
        default("--rotate-certificates --rotate-server-certificates=true") | shipped(), True, True),
    Row(PFLAG, "underscores are dashes", default("--rotate_certificates=false") | shipped(**ON), False, True),
    Row(OPTIONS, "all in the flags, as on older pools", default("--rotate-certificates=true"), True, False),
    Row(OPTIONS, "--config elsewhere, in two words",
        default("--config /etc/own.yaml") | shipped(**ON) | {"etc/own.yaml": "kind: KubeletConfiguration\n"},
        False, False),
    Row(OPTIONS, "--config elsewhere, and that file is not there", default("--config=/etc/own.yaml") | shipped(**ON),
        None, None, None),
    Row(LOADER, "a relative path counts from the file that has it",
        default("--config=/srv/k/own.json") | {"srv/k/own.json": kubelet_config(tlsCertFile="tls/own.crt")},
        False, False, "/srv/k/tls/own.crt"),
    Row(OPTIONS, "a relative path in a flag counts from the working directory", default("--tls-cert-file=own.crt"),
        False, False, "/own.crt"),
    Row(f"{SERVER}, kubeletConfigFlagPrecedence", "an empty flag takes the file's path away",
        default("--tls-cert-file=") | shipped(tlsCertFile="/x.crt", **ON), True, True),
    Row(f"{SERVER}, mergeKubeletConfigurations", "a drop-in beats --config",
        default(DIR) | shipped(**ON) | drop_in("10-a.conf", rotateCertificates=False), False, True),
    Row(f"{SERVER}, mergeKubeletConfigurations", "drop-ins in the order of their names",
        default(DIR) | shipped() | drop_in("20.conf", rotateCertificates=True)
        | drop_in("10.conf", rotateCertificates=False), True, False),
    Row(f"{SERVER}, mergeKubeletConfigurations", "only *.conf",
        default(DIR) | shipped(**ON) | drop_in("10.yaml", rotateCertificates=False), True, True),
    Row(f"{SERVER}, mergeKubeletConfigurations (filepath.WalkDir)", "in directories below, too",
        default(DIR) | shipped(**ON) | drop_in("10-more/20.conf", serverTLSBootstrap=False), True, False),
    Row(f"{SERVER}, mergeKubeletConfigurations (JSON merge patch)", "null is the default",
        default(DIR) | shipped(tlsCertFile="/x.crt", **ON) | drop_in("10.conf", rotateCertificates=None,
        tlsCertFile=None), False, True),
    Row(f"{SERVER}, kubeletConfigFlagPrecedence", "a flag beats a drop-in",
        default(f"{DIR} --rotate-certificates=true") | shipped() | drop_in("10.conf", rotateCertificates=False),
        True, False),
    Row(f"{SERVER}, loadDropinConfigFileIntoJSON", "a drop-in that is no configuration: the kubelet does not start",
        default(DIR) | shipped(**ON) | {"etc/kubelet.d/10.conf": "rotateCertificates: false\n"}, None, None, None),
    Row(SERVER, "--config-dir that is not there", default(DIR) | shipped(**ON), None, None, None),
    Row(f"{SERVER}, NewKubeletCommand (unknown command)", "a boolean takes no second word",
        default("--rotate-certificates false") | shipped(**ON), None, None, None),
    Row("systemd.exec(5), EnvironmentFile=", "nothing expands a variable in there",
        {"etc/default/kubelet": "OTHER=--rotate-certificates=false\nKUBELET_FLAGS=$OTHER\n"} | shipped(**ON),
        None, None, None),
    Row(GATES, "a gate by flag", default("--feature-gates=RotateKubeletServerCertificate=false") | shipped(**ON),
        True, False),
    Row(GATES, "a gate by flag, among others and with underscores",
        default("--feature_gates A=true,RotateKubeletServerCertificate=0") | shipped(**ON), True, False),
    Row(FEATURES, "a gate in the file", shipped(featureGates={"RotateKubeletServerCertificate": False}, **ON),
        True, False),
    Row(f"{SERVER}, kubeletConfigFlagPrecedence (feature gates)", "a flag's gate beats the file's, one by one",
        default("--feature-gates=RotateKubeletServerCertificate=true")
        | shipped(
            featureGates={"RotateKubeletServerCertificate": False, "RotateKubeletClientCertificate": False}, **ON),
        False, True),
    Row(f"{SERVER}, mergeKubeletConfigurations", "a gate in a drop-in leaves the others alone",
        default(DIR) | shipped(featureGates={"RotateKubeletServerCertificate": False}, **ON)
        | drop_in("10.conf", featureGates={"Other": True}), True, False),
    Row(FEATURES, "AllBeta=false takes a beta gate along", default("--feature-gates=AllBeta=false") | shipped(**ON),
        True, False),
    Row(FEATURES, "the client's gate, until Kubernetes 1.19",
        default("--feature-gates=RotateKubeletClientCertificate=false --rotate-certificates"), False, False),
    Row("cmd/kubelet/app/options/options.go until 1.23", "a dynamic configuration comes from the API",
        default("--dynamic-config-dir=/var/lib/kubelet/dynamic") | shipped(**ON), None, None, None),
    Row("AgentBaker, kubelet.service", "the unit and its drop-in name --config",
        default("--v=1") | {f"{UNITS}/kubelet.service": UNIT,
        f"{UNITS}/kubelet.service.d/10-componentconfig.conf":
        '[Service]\nEnvironment="KUBELET_CONFIG_FILE_FLAGS=--config /etc/own.json"\n',
        "etc/own.json": kubelet_config(rotateCertificates=True)} | shipped(**ON), True, False),
    Row("AgentBaker, kubelet.service", "a unit that names no --config uses none",
        default("--v=1") | {f"{UNITS}/kubelet.service": UNIT} | shipped(**ON), False, False),
    Row("AgentBaker, kubelet.service", "flags in a drop-in where no unit is seen",
        default("--v=1") | shipped(**ON) | {f"{UNITS}/kubelet.service.d/99.conf":
        '[Service]\nEnvironment="KUBELET_TLS_BOOTSTRAP_FLAGS=--rotate-certificates=false"\n'}, False, True),
    Row("systemd.service(5)", "a drop-in replaces the command line",
        default("--rotate-certificates=true") | {f"{UNITS}/kubelet.service": UNIT,
        f"{UNITS}/kubelet.service.d/50.conf":
        "[Service]\nExecStart=\nExecStart=/opt/bin/kubelet --config=/etc/own.json\n",
        "etc/own.json": kubelet_config()}, False, False),
    Row("systemd.exec(5), EnvironmentFile=", "another environment file",
        default("--rotate-certificates=true") | {f"{UNITS}/kubelet.service": UNIT,
        f"{UNITS}/kubelet.service.d/50.conf": "[Service]\nEnvironmentFile=-/etc/sysconfig/kubelet\n",
        "etc/sysconfig/kubelet": "KUBELET_FLAGS=--rotate-certificates=false\n"}, False, False),
    Row("systemd.service(5)", "a start by a script cannot be followed",
        default("--rotate-certificates=true") | {f"{UNITS}/kubelet.service":
        "[Service]\nExecStart=/bin/bash /opt/start.sh\n"} | shipped(**ON), None, None, None),
    Row("systemd.service(5)", "a drop-in that is no unit file",
        default("--rotate-certificates=true") | {f"{UNITS}/kubelet.service.d/9.conf": "\x7fELF\0"} | shipped(**ON),
        None, None, None),
)  # fmt: skip


def tree(root: Path, files: dict[str, str]) -> HostEvidence:
    """The evidence of a node with these files."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    table = WINDOWS if any(name.startswith("k/") for name in files) else LINUX
    return read_host(HostFiles(root), table).evidence


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.what)
def test_the_settings_are_those_that_the_kubelet_goes_by(tmp_path: Path, row: Row) -> None:
    """A6: every source of settings, in the kubelet's order of precedence; what is not read is no word."""
    found = tree(tmp_path, row.files).settings
    assert (found.rotate_certificates, found.server_tls_bootstrap, found.tls_cert_file) == (
        row.client,
        row.serving,
        row.tls,
    ), row.source
    assert (found.unread != "") is (row.client is None)


def windows(*arguments: str) -> dict[str, str]:
    r"""C:\k\kubeclusterconfig.json."""
    return {"k/kubeclusterconfig.json": json.dumps({"Kubernetes": {"Kubelet": {"ConfigArgs": list(arguments)}}})}


@pytest.mark.parametrize(
    ("files", "client", "serving"),
    [
        (windows("--rotate-certificates=true", "--rotate-server-certificates=true"), True, True),
        (windows("--rotate_certificates=true --rotate-server-certificates=false"), True, False),
        (windows("--rotate-certificates=true", "--rotate-server-certificates", "--feature-gates", "AllBeta=false"),
         True, False),
        (windows("--config=c:\\k\\own.json") | {"k/own.json": kubelet_config(**ON)}, True, True),
        (windows("--config=c:\\k\\own.json", "--rotate-certificates=false")
         | {"k/own.json": kubelet_config(**ON)}, False, True),
        (windows('--config="c:\\k\\my own.json"') | {"k/my own.json": kubelet_config(**ON)}, True, True),
        (windows("--config=c:\\k\\own.json", "--config-dir=c:\\k\\d")
         | {"k/own.json": kubelet_config(**ON), "k/d/1.conf": kubelet_config(rotateCertificates=False)}, False, True),
        (windows("--config=c:\\k\\gone.json"), None, None),
        (windows("--rotate-certificates", "false"), None, None),
    ],
)  # fmt: skip
def test_windows_has_the_same_settings_by_its_own_ways(
    tmp_path: Path, files: dict[str, str], client: bool | None, serving: bool | None
) -> None:
    """A6: all arguments are in one JSON file, and backslashes are plain characters."""
    found = tree(tmp_path, files).settings
    assert (found.rotate_certificates, found.server_tls_bootstrap) == (client, serving)


def test_a_flag_that_switches_off_needs_no_other_source(tmp_path: Path) -> None:
    """A6: what could not be read cannot switch it on again."""
    flags = "--rotate-certificates=false --feature-gates=RotateKubeletServerCertificate=false --config=/gone.json"
    found = tree(tmp_path, default(flags)).settings
    assert (found.rotate_certificates, found.server_tls_bootstrap) == (False, False)
    assert found.unread == "/gone.json"


@pytest.mark.parametrize(
    "path",
    ["etc/default/kubelet", "etc/default/kubeletconfig.json", f"{UNITS}/kubelet.service", f"{UNITS}/kubelet.service.d"],
)
def test_a_source_that_is_there_and_cannot_be_read_is_no_word(tmp_path: Path, path: str) -> None:
    """A6: here each is something else than it should be; its status says so."""
    files = default("--rotate-certificates=true") | shipped(**ON)
    files.pop(path, None)
    link = tmp_path / path
    link.parent.mkdir(parents=True)
    link.symlink_to("gone")
    found = tree(tmp_path, files)
    assert (found.settings.rotate_certificates, found.settings.server_tls_bootstrap) == (None, None)
    assert f"/{path}" in found.settings.unread
    assert (f"/{path}", FileStatus.BROKEN_SYMLINK) in {(file.path, file.status) for file in evidence_files(found)}


def test_a_drop_in_that_cannot_be_read_has_a_status_of_its_own(tmp_path: Path) -> None:
    """The others are told by their directory's."""
    files = default(DIR) | shipped(**ON) | drop_in("10.conf") | {"etc/kubelet.d/20.conf": "- no\n"}
    told = {file.path: file.status for file in evidence_files(tree(tmp_path, files))}
    assert told["/etc/kubelet.d"] is FileStatus.OK
    assert told["/etc/kubelet.d/20.conf"] is FileStatus.MALFORMED
    assert "/etc/kubelet.d/10.conf" not in told


def test_places_that_flags_name_are_looked_at_instead(tmp_path: Path) -> None:
    """A6: --kubeconfig, --bootstrap-kubeconfig and --cert-dir elsewhere."""
    flags = "--kubeconfig=/srv/kc --bootstrap-kubeconfig /srv/bs --cert-dir=/srv/pki --rotate-certificates"
    reads = read_host(HostFiles(tmp_path), LINUX)
    assert reads.evidence.table.evidence[EvidenceFile.KUBECONFIG] == "/var/lib/kubelet/kubeconfig"
    tree(tmp_path, default(flags))
    reads = read_host(HostFiles(tmp_path), LINUX)
    evidence = reads.evidence.table.evidence
    assert (evidence[EvidenceFile.KUBECONFIG], evidence[EvidenceFile.BOOTSTRAP_KUBECONFIG]) == ("/srv/kc", "/srv/bs")
    assert evidence[EvidenceFile.PENDING_CLIENT_KEY] == "/srv/pki/kubelet-client.key.tmp"
    paths = {one.path for one in reads.candidates}
    assert {"/srv/pki/kubelet-client-current.pem", "/srv/pki/kubelet.crt", "/etc/kubernetes/certs/ca.crt"} <= paths
    assert not any(path.startswith("/var/lib/kubelet/pki") for path in paths)


def test_what_the_user_leaves_out_and_a_flag_names_is_not_read(tmp_path: Path) -> None:
    """A6: the settings of the agent do not make the kubelet's disappear."""
    table = path_table(presets.preset("aks-linux"), {"evidence": {"kubelet-configuration": ""}})
    tree(tmp_path, default("--config=/etc/default/kubeletconfig.json --rotate-certificates") | shipped())
    found = read_host(HostFiles(tmp_path), table).evidence.settings
    assert (found.rotate_certificates, found.unread) == (None, "/etc/default/kubeletconfig.json")


def test_more_files_than_anybody_has_are_not_read_and_not_guessed(tmp_path: Path) -> None:
    """A6: a bound on what one file can make the agent open."""
    named = "".join(f"EnvironmentFile=-/etc/e/{number}\n" for number in range(3000))
    unit = {f"{UNITS}/kubelet.service": f"[Service]\n{named}ExecStart=/opt/bin/kubelet --rotate-certificates\n"}
    found = tree(tmp_path, unit)
    assert found.settings.rotate_certificates is None
    assert len(found.members) <= 64
    many = {f"etc/kubelet.d/{number}.conf": kubelet_config() for number in range(80)}
    found = tree(tmp_path / "other", default(DIR) | shipped(**ON) | many)
    assert (found.settings.rotate_certificates, found.settings.unread) == (None, "all below /etc/kubelet.d")


@pytest.mark.parametrize(("folder", "rotates", "unread"), [("a/b/c", False, ""), ("a/b/c/d", None, "all below ")])
def test_four_levels_of_directories_are_read_and_no_more(
    tmp_path: Path, folder: str, rotates: bool | None, unread: str
) -> None:
    files = default(DIR) | shipped(**ON) | drop_in(f"{folder}/10.conf", rotateCertificates=False)
    found = tree(tmp_path, files).settings
    assert (found.rotate_certificates, found.unread) == (rotates, unread and f"{unread}/etc/kubelet.d/{folder}")
