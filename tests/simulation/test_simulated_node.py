"""The simulated nodes' trees are what AKS and the kubelet write."""

import base64
import json
import os
import stat
import time
from pathlib import Path

import pytest
import yaml
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from exporter.facts.path import issued_by
from exporter.facts.x509 import CertificateError, certificates
from simulation.node.build_options import Damage, OperatingSystem
from simulation.node.scenarios import SCENARIOS, scenario
from simulation.node.simulated_node import SimulatedNode, build, former_authority
from simulation.pki import DAY, YEAR, Authority

NOW = 1_790_000_000.0
AUTHORITY = Authority.cluster(NOW - 3 * YEAR)


def node(tmp_path: Path, name: str) -> SimulatedNode:
    return build(scenario(name), tmp_path / name, NOW, AUTHORITY)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def files(root: Path) -> dict[str, int]:
    return {
        str(path.relative_to(root)): mode(path)
        for path in sorted(root.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


@pytest.mark.parametrize("one", SCENARIOS, ids=lambda one: one.name)
def test_every_scenario_can_be_built(tmp_path: Path, one: object) -> None:
    assert isinstance(one, type(SCENARIOS[0]))
    built = build(one, tmp_path / "root", NOW, AUTHORITY)
    assert built.name == one.node_name
    assert files(built.root)
    if built.serving is not None:
        assert built.listening


def test_names_and_node_names_are_unique() -> None:
    """Two nodes of one name would hide one another in the demo's table."""
    assert len({one.name for one in SCENARIOS}) == len(SCENARIOS)
    assert len({one.node_name for one in SCENARIOS}) == len(SCENARIOS)


def test_a_healthy_linux_node_has_the_files_and_modes_of_aks(tmp_path: Path) -> None:
    healthy = node(tmp_path, "healthy-secure-tls")
    signed = time.strftime("%Y-%m-%d-%H-%M-%S", time.gmtime(NOW - 0.1 * YEAR + 300))
    assert files(healthy.root) == {
        "etc/default/kubelet": 0o600,
        "etc/default/kubeletconfig.json": 0o600,
        "etc/default/secure-tls-bootstrap": 0o600,
        "etc/kubernetes/azure.json": 0o600,
        "etc/kubernetes/certs/apiserver.crt": 0o644,
        "etc/kubernetes/certs/ca.crt": 0o600,
        "etc/systemd/system/kubelet.service.d/10-componentconfig.conf": 0o600,
        "etc/systemd/system/kubelet.service.d/10-tlsbootstrap.conf": 0o600,
        "opt/azure/containers/imds_instance_metadata_cache.json": 0o644,
        "var/lib/kubelet/bootstrap-kubeconfig": 0o644,
        "var/lib/kubelet/kubeconfig": 0o600,
        f"var/lib/kubelet/pki/kubelet-client-{signed}.pem": 0o600,
        f"var/lib/kubelet/pki/kubelet-server-{signed}.pem": 0o600,
    }
    assert mode(healthy.root / "var/lib/kubelet/pki") == 0o755


def test_the_current_links_are_absolute_as_the_kubelet_makes_them(tmp_path: Path) -> None:
    healthy = node(tmp_path, "healthy")
    for kind in ("client", "server"):
        target = os.readlink(healthy.root / f"var/lib/kubelet/pki/kubelet-{kind}-current.pem")
        assert target.startswith(f"/var/lib/kubelet/pki/kubelet-{kind}-2")
        assert (healthy.root / target.lstrip("/")).is_file()


def test_a_rotated_pem_holds_the_certificate_and_then_its_key(tmp_path: Path) -> None:
    healthy = node(tmp_path, "healthy")
    target = os.readlink(healthy.root / "var/lib/kubelet/pki/kubelet-client-current.pem")
    content = (healthy.root / target.lstrip("/")).read_bytes()
    assert content.startswith(b"-----BEGIN CERTIFICATE-----")
    assert b"-----BEGIN EC PRIVATE KEY-----" in content
    (leaf,) = certificates(content)
    assert leaf.lifetime == YEAR
    assert leaf.not_before == pytest.approx(NOW - 0.4 * YEAR, abs=1)
    assert issued_by(leaf, (), certificates(AUTHORITY.pem))
    assert healthy.client is not None
    assert load_pem_private_key(content, None).public_key() == healthy.client.certificate.public_key()


def test_former_client_certificates_are_left_lying_about(tmp_path: Path) -> None:
    healthy = node(tmp_path, "healthy")
    dated = sorted(path.name for path in (healthy.root / "var/lib/kubelet/pki").glob("kubelet-client-2*.pem"))
    assert len(dated) == 3
    target = os.readlink(healthy.root / "var/lib/kubelet/pki/kubelet-client-current.pem")
    assert target.endswith(dated[-1])


def test_the_provisioning_copy_of_the_api_servers_certificate_is_as_old_as_the_node(tmp_path: Path) -> None:
    """On the healthy node it expired long ago, which means nothing."""
    (copy,) = certificates((node(tmp_path, "healthy").root / "etc/kubernetes/certs/apiserver.crt").read_bytes())
    assert copy.not_after == pytest.approx(NOW - 70 * DAY, abs=1)


def test_secure_tls_bootstrapping_shows_in_the_kubeconfigs_context_alone(tmp_path: Path) -> None:
    token = yaml.safe_load((node(tmp_path, "healthy").root / "var/lib/kubelet/kubeconfig").read_text())
    secure = yaml.safe_load((node(tmp_path, "healthy-secure-tls").root / "var/lib/kubelet/kubeconfig").read_text())
    assert token["contexts"][0]["context"].pop("namespace") == "default"
    assert token == secure


def test_opting_out_leaves_its_traces(tmp_path: Path) -> None:
    root = node(tmp_path, "opted-out").root
    config = json.loads((root / "etc/default/kubeletconfig.json").read_text())
    assert config["serverTLSBootstrap"] is False
    assert config["tlsCertFile"] == "/etc/kubernetes/certs/kubeletserver.crt"
    cache = json.loads((root / "opt/azure/containers/imds_instance_metadata_cache.json").read_text())
    assert cache["compute"]["tagsList"] == [
        {"name": "aks-disable-kubelet-serving-certificate-rotation", "value": "true"}
    ]
    (leaf,) = certificates((root / "etc/kubernetes/certs/kubeletserver.crt").read_bytes())
    assert leaf.lifetime == 7300 * DAY
    assert "kubelet-serving-ca" not in (root / "etc/default/kubelet").read_text()


def test_settings_in_flags_leave_no_component_config(tmp_path: Path) -> None:
    root = node(tmp_path, "serving-off-flags").root
    assert not (root / "etc/default/kubeletconfig.json").exists()
    line = (root / "etc/default/kubelet").read_text().splitlines()[0]
    assert line.startswith("KUBELET_FLAGS=--cloud-config= ")
    assert " --tls-cert-file=/etc/kubernetes/certs/kubeletserver.crt " in line
    assert "--rotate-server-certificates" not in line


def test_a_static_client_has_no_bootstrap_kubeconfig_and_lives_two_years(tmp_path: Path) -> None:
    root = node(tmp_path, "static-client").root
    assert not (root / "var/lib/kubelet/bootstrap-kubeconfig").exists()
    assert mode(root / "var/lib/kubelet/kubeconfig") == 0o644
    (leaf,) = certificates((root / "etc/kubernetes/certs/client.crt").read_bytes())
    assert leaf.lifetime == 730 * DAY


def test_a_stuck_bootstrap_leaves_nothing_and_no_port(tmp_path: Path) -> None:
    """G11: a kubelet with rotateCertificates keeps the key of its first request in memory."""
    stuck = node(tmp_path, "stuck-bootstrap")
    assert [path.name for path in (stuck.root / "var/lib/kubelet/pki").iterdir()] == []
    assert not (stuck.root / "var/lib/kubelet/kubeconfig").exists()
    assert not stuck.listening
    assert stuck.client is stuck.serving is None


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("broken-link", Damage.REMOVED),
        ("unreadable", Damage.UNREADABLE),
        ("malformed", Damage.TRUNCATED),
        ("emptied", Damage.EMPTIED),
    ],
)
def test_damage_is_done_to_the_file_behind_the_link(tmp_path: Path, name: str, damage: Damage) -> None:
    root = node(tmp_path, name).root
    place = root / os.readlink(root / "var/lib/kubelet/pki/kubelet-client-current.pem").lstrip("/")
    match damage:
        case Damage.REMOVED:
            assert not place.exists()
        case Damage.UNREADABLE:
            assert mode(place) == 0
        case _:
            with pytest.raises(CertificateError):
                certificates(place.read_bytes())


def test_a_node_left_behind_knows_the_former_ca_of_the_same_name(tmp_path: Path) -> None:
    left = node(tmp_path, "former-ca")
    (known,) = certificates((left.root / "etc/kubernetes/certs/ca.crt").read_bytes())
    (present,) = certificates(AUTHORITY.pem)
    assert known.subject == present.subject
    assert known.public_key_sha256 != present.public_key_sha256
    assert known.fingerprint_sha256 == former_authority(NOW).fingerprint_sha256


def test_the_kubelet_that_serves_its_old_certificate_serves_a_valid_one(tmp_path: Path) -> None:
    old = node(tmp_path, "serves-old")
    assert old.installed is not None
    assert old.serving is not None
    assert old.installed.fingerprint_sha256 != old.serving.fingerprint_sha256
    assert old.serving.not_before < old.installed.not_before < NOW < old.serving.not_after


def test_a_windows_node_has_its_files_under_k_with_crlf_where_powershell_wrote_them(tmp_path: Path) -> None:
    root = node(tmp_path, "windows-self-signed").root
    assert files(root).keys() >= {"k/ca.crt", "k/config", "k/bootstrap-config", "k/kubeclusterconfig.json"}
    assert b"\r\n" in (root / "k/ca.crt").read_bytes()
    assert b"\r" not in (root / "k/config").read_bytes()
    config = yaml.safe_load((root / "k/config").read_text())
    assert config["users"][0]["user"]["client-certificate"] == r"C:\k\pki\kubelet-client-current.pem"
    assert base64.b64decode(config["clusters"][0]["cluster"]["certificate-authority-data"]) == AUTHORITY.pem
    assert (root / os.readlink(root / "k/pki/kubelet-client-current.pem").lstrip("/")).is_file()
    leaf, own_authority = certificates((root / "k/pki/kubelet.crt").read_bytes())
    assert leaf.lifetime == own_authority.lifetime == YEAR


def test_the_windows_cluster_config_is_utf_16_as_powershell_writes_it(tmp_path: Path) -> None:
    content = (node(tmp_path, "windows-healthy").root / "k/kubeclusterconfig.json").read_bytes()
    kubelet = json.loads(content.decode("utf-16"))["Kubernetes"]["Kubelet"]
    assert "--rotate-server-certificates=true" in kubelet["ConfigArgs"]
    assert "kubernetes.azure.com/kubelet-serving-ca=cluster" in kubelet["NodeLabels"]
    assert scenario("windows-healthy").options.system is OperatingSystem.WINDOWS
