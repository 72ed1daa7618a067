"""Bad input to the node agent: each ends in a status series and a clean scrape, and the rest is still told."""

import base64
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from simulation.pki import DAY, Authority, certificate_request, self_signed_linux
from tests.agents.nodes import CA, NOW, agent_of, series, simulated, status, values

CURRENT = "/var/lib/kubelet/pki/kubelet-client-current.pem"
KUBECONFIG = "/var/lib/kubelet/kubeconfig"
FLAGS = "/etc/default/kubelet"
CONFIGURATION = "/etc/default/kubeletconfig.json"
CLIENT = CA.kubelet_client("aks-1", NOW)
OTHER = CA.kubelet_client("aks-1", NOW - 100 * DAY)

Damage = Callable[[Path, Path], object]
"""Puts something in place of the file: its path, and the host root."""


def content(data: bytes) -> Damage:
    return lambda path, _root: path.write_bytes(data)


def link(target: str) -> Damage:
    return lambda path, _root: path.symlink_to(target)


def outside(path: Path, root: Path) -> None:
    (root.parent / "outside.pem").write_bytes(CLIENT.pem)
    path.symlink_to(root.parent / "outside.pem")


def climbing(path: Path, root: Path) -> None:
    (root.parent / "outside.pem").write_bytes(CLIENT.pem)
    path.symlink_to("../../../../../outside.pem")


def chained(path: Path, root: Path) -> None:
    climbing(path.with_name("hop.pem"), root)
    path.symlink_to("hop.pem")


def loop(path: Path, _root: Path) -> None:
    path.symlink_to("other.pem")
    path.with_name("other.pem").symlink_to(path.name)


def huge(path: Path, _root: Path) -> None:
    path.write_bytes(CLIENT.pem)
    os.truncate(path, 100_000_000)


def unix_socket(path: Path, _root: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # a socket's path has at most 107 bytes
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path.name)
    finally:
        os.chdir(here)


def der(pem: bytes) -> bytes:
    return base64.b64decode(b"".join(pem.split(b"-----")[2].split()))


CASES: dict[str, tuple[Damage, str]] = {
    "absent": (lambda _path, _root: None, "not_found"),
    "dangling link": (link("/var/lib/kubelet/pki/kubelet-client-2026-01-01-00-00-00.pem"), "broken_symlink"),
    "link loop": (loop, "broken_symlink"),
    "absolute link out of the root": (outside, "outside_root"),
    "relative link out of the root": (climbing, "outside_root"),
    "chained link out of the root": (chained, "outside_root"),
    "link to a directory": (link("/var/lib/kubelet/pki"), "not_a_file"),
    "directory": (lambda path, _root: path.mkdir(), "not_a_file"),
    "FIFO": (lambda path, _root: os.mkfifo(path), "not_a_file"),
    "socket": (unix_socket, "not_a_file"),
    "empty": (content(b""), "empty"),
    "white space": (content(b"\n \r\n"), "empty"),
    "100 MB": (huge, "too_large"),
    "binary junk": (content(bytes(range(256)) * 40), "no_certificate"),
    "truncated": (content(CLIENT.pem[:300]), "malformed"),
    "cut in the first": (content(CLIENT.certificate_pem[:300] + CLIENT.key_pem), "malformed"),
    "BOM": (content(b"\xef\xbb\xbf" + CLIENT.pem), "malformed"),
    "CR only": (content(CLIENT.pem.replace(b"\n", b"\r")), "malformed"),
    "line breaks lost": (content(CLIENT.pem.replace(b"\n", b" ")), "malformed"),
    "indented": (content(b"  " + CLIENT.pem.replace(b"\n", b"\n  ")), "malformed"),
    "DER": (content(der(CLIENT.certificate_pem)), "no_certificate"),
    "junk inside": (content(CLIENT.pem.replace(b"MII", b"%%%", 1)), "malformed"),
    "key alone": (content(CLIENT.key_pem), "no_certificate"),
    "request": (
        content(certificate_request("aks-1")),
        "no_certificate",
    ),
}


@pytest.mark.parametrize(("damage", "expected"), CASES.values(), ids=CASES)
def test_a_damaged_certificate_is_a_status_and_nothing_else(tmp_path: Path, damage: Damage, expected: str) -> None:
    """Its dates are absent, those of the others are there, and rotation is not called enabled."""
    node = simulated(tmp_path)
    path = node.root / CURRENT.lstrip("/")
    path.unlink()
    damage(path, node.root)
    agent = agent_of(node.root)
    assert status(agent, CURRENT) == expected
    found = series(agent)
    assert values(found, "akscert_certificate_not_after_timestamp_seconds", role="kubelet-client") == []
    assert len(values(found, "akscert_certificate_not_after_timestamp_seconds", role="kubelet-serving")) == 1
    assert values(found, "akscert_rotation_state", role="kubelet-client", state="enabled") == []
    assert values(found, "akscert_rotation_deadline_timestamp_seconds", role="kubelet-client") == []


@pytest.mark.parametrize(
    "data",
    [
        CLIENT.pem.replace(b"\n", b"\r\n"),
        CLIENT.key_pem + CLIENT.certificate_pem,
        b"subject=/CN=x\nissuer=/CN=ca\n\n" + CLIENT.pem,
        CLIENT.certificate_pem + OTHER.certificate_pem,
        CLIENT.certificate_pem * 3,
        CLIENT.pem + OTHER.certificate_pem[:300],
        CLIENT.pem.replace(b"-----\n", b"-----\nbagAttributes: none\n\n", 1),
    ],
    ids=["CRLF", "key first", "text before", "two leaves", "thrice the same", "cut in the second", "a header line"],
)
def test_an_odd_file_is_still_read(tmp_path: Path, data: bytes) -> None:
    """The first certificate is the leaf, as for the kubelet."""
    node = simulated(tmp_path)
    path = node.root / CURRENT.lstrip("/")
    path.unlink()
    path.write_bytes(data)
    found = series(agent_of(node.root))
    assert values(found, "akscert_certificate_not_after_timestamp_seconds", role="kubelet-client") == [CLIENT.not_after]


def test_a_bundle_of_300_certificates_tells_the_one_that_ends_first(tmp_path: Path) -> None:
    """And the identity of each."""
    node = simulated(tmp_path)
    bundle = b"".join(Authority("ca", NOW - DAY, NOW + (1000 + n) * DAY).pem for n in range(300))
    (node.root / "etc/kubernetes/certs/ca.crt").write_bytes(bundle)
    found = series(agent_of(node.root))
    assert values(found, "akscert_certificate_not_after_timestamp_seconds", role="cluster-ca") == [NOW + 1000 * DAY]
    assert len(values(found, "akscert_certificate_info", role="cluster-ca")) == 300
    assert values(found, "akscert_certificate_issued_by_cluster_ca", role="kubelet-client") == [1.0]


KUBECONFIGS = {
    "another kind": b"kind: Deployment\napiVersion: apps/v1\n",
    "an alias bomb": b"a: &a [x]\nb: &b [*a,*a]\nc: &c [*b,*b]\n",
    "two contexts and none current": b"kind: Config\nclusters: []\ncontexts: [{name: a}, {name: b}]\n",
    "no current context": b"kind: Config\nclusters: []\n",
    "junk": b"\x00\xff",
    "JSON junk": b"{]",
}


@pytest.mark.parametrize("data", KUBECONFIGS.values(), ids=KUBECONFIGS)
def test_a_kubeconfig_that_cannot_be_read_leaves_the_other_places_their_word(tmp_path: Path, data: bytes) -> None:
    """The certificate is told from its usual path."""
    node = simulated(tmp_path)
    (node.root / KUBECONFIG.lstrip("/")).write_bytes(data)
    agent = agent_of(node.root)
    assert status(agent, KUBECONFIG) == "malformed"
    found = series(agent)
    assert values(found, "akscert_rotation_evidence", evidence="kubeconfig") == []
    assert values(found, "akscert_rotation_state", role="kubelet-client", state="enabled") == [1.0]


def test_a_key_where_a_path_should_stand_is_not_shown_as_one(tmp_path: Path) -> None:
    """A path is told as it is written, and this is none."""
    node = simulated(tmp_path)
    key = " ".join(CLIENT.key_pem.decode().split())
    (node.root / CONFIGURATION.lstrip("/")).write_text(f'kind: KubeletConfiguration\ntlsCertFile: "/etc/{key}"\n')
    kubeconfig = node.root / KUBECONFIG.lstrip("/")
    kubeconfig.write_text(
        kubeconfig.read_text().replace(f"client-certificate: {CURRENT}", f"client-certificate: '{key}'")
    )
    agent = agent_of(node.root)
    assert (status(agent, CONFIGURATION), status(agent, KUBECONFIG)) == ("malformed", "malformed")
    shown = agent.page({}) + agent.exposition("", False).body.decode()
    assert key.split("----- ")[1].split()[0] not in shown
    assert "PRIVATE" not in shown


SECRET = "abc123.0123456789abcdef"


@pytest.mark.parametrize(
    "data",
    [
        f"kind: Config\nclusters: []\ncurrent-context: {SECRET}\n",
        f"kind: Config\nclusters: []\ncontexts: [{{name: a, context: {{cluster: {SECRET}}}}}]\n",
        f"kind: Config\nclusters: []\ncontexts: [{{name: {SECRET}, context: 1}}]\n",
        f"kind: Config\nclusters: *{SECRET.replace('.', '')}\n",
        f"kind: !{SECRET} Config\n",
        f"kind: &{SECRET} Config\n",
        f"a: '{SECRET}' '\nb: {SECRET}'",
        f'"\\{SECRET}"',
    ],
    ids=["current context", "cluster", "context", "alias", "tag", "anchor", "quotes", "escape"],
)
def test_what_is_said_of_a_kubeconfig_that_cannot_be_read_quotes_nothing_of_it(tmp_path: Path, data: str) -> None:
    """In a damaged one a token may be where a name should be."""
    node = simulated(tmp_path)
    (node.root / KUBECONFIG.lstrip("/")).write_text(data)
    agent = agent_of(node.root)
    assert status(agent, KUBECONFIG) == "malformed"
    shown = agent.page({}) + agent.exposition("", False).body.decode()
    for part in SECRET.split("."):
        assert part not in shown


@pytest.mark.parametrize("data", [b"{", b"[]", b"\xff", b'{"kind": "Pod"}'])
def test_a_kubelet_configuration_that_cannot_be_read_is_no_evidence(tmp_path: Path, data: bytes) -> None:
    """The flags of a node of today say nothing on rotation, so only the file does."""
    node = simulated(tmp_path)
    (node.root / CONFIGURATION.lstrip("/")).write_bytes(data)
    agent = agent_of(node.root)
    assert status(agent, CONFIGURATION) == "malformed"
    assert values(series(agent), "akscert_rotation_evidence", evidence="kubelet_config") == []


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'KUBELET_FLAGS="--rotate-certificates=false"\n', "ok"),
        (b"KUBELET_FLAGS=--v=2 \\\n  --rotate-certificates=false\n", "ok"),
        (b"KUBELET_NODE_LABELS=a=b\n", "malformed"),
        (None, "not_expected"),
    ],
    ids=["quoted", "multi-line", "without the line", "missing"],
)
def test_kubelet_flags_override_the_configuration_however_they_are_written(
    tmp_path: Path, data: bytes | None, expected: str
) -> None:
    """Missing beside a configuration file they are not missed."""
    node = simulated(tmp_path)
    path = node.root / FLAGS.lstrip("/")
    path.unlink()
    if data is not None:
        path.write_bytes(data)
    agent = agent_of(node.root)
    assert status(agent, FLAGS) == expected
    state = "disabled" if expected == "ok" else "enabled"
    assert values(series(agent), "akscert_rotation_state", role="kubelet-client", state=state) == [1.0]


def test_a_path_that_the_user_added_is_missed_when_it_is_not_there(tmp_path: Path) -> None:
    """Unlike an alternative of the preset."""
    node = simulated(tmp_path)
    file = tmp_path / "settings.yaml"
    file.write_text(f"paths: {{certificates: {{kubelet-client: [{CURRENT}, /opt/added.pem]}}}}\n")
    agent = agent_of(node.root, config_file=str(file))
    assert status(agent, "/opt/added.pem") == "not_found"
    assert status(agent, CURRENT) == "ok"


def test_no_private_key_leaves_a_file(tmp_path: Path) -> None:
    """Neither in the scrape nor on the page."""
    node = simulated(tmp_path)
    agent = agent_of(node.root)
    assert node.client is not None
    key = node.client.key_pem.decode().splitlines()[1]
    shown = agent.exposition("", False).body.decode() + agent.page({})
    assert key not in shown
    assert "PRIVATE" not in shown


def test_a_20_year_certificate_of_the_kubelet_itself_is_rotation_that_is_off(tmp_path: Path) -> None:
    """No date would ever raise the alarm."""
    node = simulated(tmp_path, "serving-off")
    found = series(agent_of(node.root))
    (end,) = values(
        found, "akscert_certificate_not_after_timestamp_seconds", role="kubelet-serving", rotation="disabled"
    )
    assert end - NOW > 6000 * DAY
    assert self_signed_linux("x", NOW).not_after - NOW == 7300 * DAY
    assert values(found, "akscert_certificate_issued_by_cluster_ca", role="kubelet-serving") == [0.0]
