"""Where a node keeps its files: what other files name, what a flag moves, and what is not mounted."""

import shutil
from pathlib import Path

import pytest

from exporter.agents.node.kubelet_probe import KubeletProbe
from simulation.node.kubelet import SimulatedKubelets
from simulation.pki import self_signed_linux
from tests.agents.nodes import CA, NOW, agent_of, series, simulated, status, values

FLAGS = "etc/default/kubelet"
USUAL = "/etc/default/kubeletconfig.json"
STATIC = "/etc/kubernetes/certs/kubeletserver.crt"
FIXED = f"kind: KubeletConfiguration\nrotateCertificates: true\ntlsCertFile: {STATIC}\n"
ROTATED = "kind: KubeletConfiguration\nrotateCertificates: true\nserverTLSBootstrap: true\n"


def state(root: Path, role: str, config_file: str = "") -> tuple[str, str]:
    """State and reason of one role's rotation."""
    found = [
        dict(labels)
        for name, labels in series(agent_of(root, config_file=config_file))
        if name == "akscert_rotation_state"
    ]
    (of_role,) = [labels for labels in found if labels["role"] == role]
    return of_role["state"], of_role["reason"]


def named_elsewhere(root: Path, content: str | None, place: str = "/var/lib/kubelet/config.yaml") -> None:
    """A node whose kubelet is told with a flag where its configuration lies."""
    (root / FLAGS).write_text(f"KUBELET_FLAGS=--v=2 --config={place}\n")
    (root / STATIC[1:]).write_bytes(self_signed_linux("aks-1", NOW).certificate_pem)
    if content is not None:
        (root / place.lstrip("/")).write_text(content)


def test_the_configuration_that_a_flag_names_counts_and_not_the_usual_one(tmp_path: Path) -> None:
    """The usual file lies there too and says the opposite: the kubelet does not read it."""
    node = simulated(tmp_path)
    assert state(node.root, "kubelet-serving") == ("enabled", "rotating")
    named_elsewhere(node.root, FIXED)
    assert state(node.root, "kubelet-serving") == ("disabled", "static")
    found = series(agent_of(node.root))
    assert values(found, "akscert_file_status", path="/var/lib/kubelet/config.yaml", status="ok") == [1.0]
    assert values(found, "akscert_file_status", path=USUAL) == []


def test_a_named_configuration_that_is_missing_is_missed(tmp_path: Path) -> None:
    """And what the usual one says is not taken for it."""
    node = simulated(tmp_path)
    named_elsewhere(node.root, None)
    agent = agent_of(node.root)
    assert status(agent, "/var/lib/kubelet/config.yaml") == "not_found"
    assert values(series(agent), "akscert_rotation_evidence", evidence="kubelet_config") == []


@pytest.mark.parametrize("place", ["/etc/default/kubelet", "/etc/default/./kubelet"])
def test_one_path_that_is_named_as_two_files_has_one_status(tmp_path: Path, place: str) -> None:
    """As when a drop-in ends in the middle of a path: what is there is good for the one, and nonsense for the other."""
    node = simulated(tmp_path)
    drop_in = node.root / "etc/systemd/system/kubelet.service.d/10-componentconfig.conf"
    drop_in.write_text(f'[Service]\nEnvironment="KUBELET_CONFIG_FILE_FLAGS=--config {place}')
    statuses = [dict(labels) for name, labels in series(agent_of(node.root)) if name == "akscert_file_status"]
    told = [one["status"] for one in statuses if one["path"] in {place, "/etc/default/kubelet"}]
    assert told == ["malformed"]


def test_a_fixed_certificate_is_sought_from_the_directory_of_the_configuration_that_names_it(tmp_path: Path) -> None:
    """As the kubelet does with a relative path."""
    node = simulated(tmp_path)
    named_elsewhere(node.root, FIXED.replace(STATIC, "serving.crt"), "/opt/config.yaml")
    fixed = self_signed_linux("aks-1", NOW - 100)
    (node.root / "opt/serving.crt").write_bytes(fixed.certificate_pem)
    found = series(agent_of(node.root))
    assert values(found, "akscert_certificate_not_after_timestamp_seconds", role="kubelet-serving") == [fixed.not_after]


def test_a_configuration_that_the_user_named_is_not_moved_by_a_flag(tmp_path: Path) -> None:
    """The settings file has the last word."""
    node = simulated(tmp_path)
    named_elsewhere(node.root, FIXED)
    (node.root / "opt/mine.yaml").write_text(ROTATED)
    settings = tmp_path / "settings.yaml"
    settings.write_text("paths: {evidence: {kubelet-configuration: /opt/mine.yaml}}\n")
    assert state(node.root, "kubelet-serving", config_file=str(settings)) == ("enabled", "rotating")


def test_a_current_link_that_the_kubeconfig_names_and_that_is_not_there_is_waited_for(tmp_path: Path) -> None:
    """The usual one beside it is sound, but the kubelet does not use it."""
    node = simulated(tmp_path)
    kubeconfig = node.root / "var/lib/kubelet/kubeconfig"
    kubeconfig.write_text(kubeconfig.read_text().replace("/pki/kubelet-client", "/pki2/kubelet-client"))
    agent = agent_of(node.root)
    assert status(agent, "/var/lib/kubelet/pki2/kubelet-client-current.pem") == "not_found"
    assert state(node.root, "kubelet-client") == ("waiting", "certificate_missing")


@pytest.mark.parametrize("written", ["pki/kubelet-client-current.pem", "./pki/../pki/kubelet-client-current.pem"])
def test_a_relative_path_in_the_kubeconfig_counts_from_its_directory(tmp_path: Path, written: str) -> None:
    """As in client-go; each file has one status however it was written."""
    node = simulated(tmp_path)
    kubeconfig = node.root / "var/lib/kubelet/kubeconfig"
    kubeconfig.write_text(kubeconfig.read_text().replace("/var/lib/kubelet/pki/kubelet-client-current.pem", written))
    assert written in kubeconfig.read_text()
    agent = agent_of(node.root)
    assert status(agent, "/var/lib/kubelet/pki/kubelet-client-current.pem") == "ok"
    assert state(node.root, "kubelet-client") == ("enabled", "rotating")


def test_what_is_not_mounted_is_missed_and_says_nothing(tmp_path: Path) -> None:
    """Where only the pki directory of a node can be seen, it is not known how it bootstraps."""
    node = simulated(tmp_path)
    for name in ("etc", "opt", "var/lib/kubelet/kubeconfig", "var/lib/kubelet/bootstrap-kubeconfig"):
        path = node.root / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    agent = agent_of(node.root)
    assert status(agent, "/var/lib/kubelet/kubeconfig") == "not_found"
    found = series(agent)
    assert values(found, "akscert_bootstrap_info", method="unknown") == [1.0]
    assert values(found, "akscert_certificate_issued_by_cluster_ca") == []
    assert len(values(found, "akscert_rotation_state", state="enabled")) == 2


def test_a_host_root_that_goes_away_is_an_error_of_every_file_until_it_is_back(tmp_path: Path) -> None:
    """The scrape goes on, and nothing of the past is told."""
    node = simulated(tmp_path)
    agent = agent_of(node.root)
    before = series(agent)
    node.root.rename(tmp_path / "gone")
    found = series(agent)
    statuses = {dict(labels)["status"] for name, labels in found if name == "akscert_file_status"}
    assert statuses == {"error"}
    assert values(found, "akscert_certificate_not_after_timestamp_seconds") == []
    assert len(values(found, "akscert_rotation_state", state="unknown")) == 2
    (tmp_path / "gone").rename(node.root)
    assert {key for key in series(agent) if key[0].startswith("akscert_")} == {
        key for key in before if key[0].startswith("akscert_")
    }


def test_what_the_kubelet_no_longer_serves_is_no_longer_told(tmp_path: Path) -> None:
    """G2: a look that fails ends the former word, whatever the clocks say."""
    node = simulated(tmp_path)
    with SimulatedKubelets() as kubelets:
        address = kubelets.start(node.serving, CA).address
        wire = KubeletProbe(address, lambda: None, clock=lambda: NOW)
        wire.look()
        assert wire.served()
    wire.look()
    assert wire.served() is None
    assert wire.facts().last_success == NOW
