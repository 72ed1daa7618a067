"""Both agents as the chart starts them: image, rendered Pods and a real container runtime."""

import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from exporter.facts.host.paths import path_table
from exporter.presets import preset
from simulation.api.server import ApiServer
from simulation.node.scenarios import scenario
from simulation.node.simulated_node import build
from simulation.pki import DAY, Authority
from tests.agents.clusters import CA, populate, serving
from tests.chart.rendering import Helm, container
from tests.image.built import Image
from tests.image.pod import Kubelet, Running, bundle, free_port, started

pytestmark = pytest.mark.timeout(1800)

SECRET = "var/lib/kubelet/pods/0b1c/volumes/kubernetes.io~projected/token"
FIELDS = {"spec.nodeName": "aks-pool-1", "status.hostIP": "127.0.0.1"}


@dataclass(frozen=True, slots=True)
class OnNode:
    """The node agent, the node it looks at, and how that was before."""

    agent: Running
    root: Path
    before: list[str]
    capabilities: list[str]
    filtered: bool


def listing(node: Path) -> list[str]:
    """Every file below a node's root with its mode, owner, size and times of change."""
    found = ((path, path.lstat()) for path in sorted(node.rglob("*")))
    return [
        f"{path} {one.st_mode:o} {one.st_uid} {one.st_size} {one.st_mtime_ns} {one.st_ctime_ns}" for path, one in found
    ]


PROFILE = {"type": "Localhost", "localhostProfile": "aks-cert-exporter/node.json"}
HARDENED = {"capabilities": [], "seccompProfile": PROFILE}


@pytest.fixture(scope="module", params=[{}, HARDENED], ids=["as it is", "no capability and few system calls"])
def node(
    request: pytest.FixtureRequest, node_image: Image, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OnNode]:
    """The chart's node agent on a healthy simulated node, with the capability the chart keeps and without."""
    folder, now, port = tmp_path_factory.mktemp("node"), time.time(), free_port()
    root = build(scenario("healthy"), folder / "node", now, Authority.cluster(now - 400 * DAY)).root
    (root / SECRET).parent.mkdir(parents=True)
    (root / SECRET).write_text("a Pod's token")
    for name in ("plugins", "plugins_registry", "pod-resources", "device-plugins"):  # the kubelet makes all of these
        (root / "var/lib/kubelet" / name).mkdir()
    pod = (
        Helm(folder)
        .objects({"port": port, "node": {"kubeletWireCheck": False, **request.param}})
        .pod("DaemonSet", "-node")
    )
    kept = container(pod)["securityContext"]["capabilities"].get("add", [])
    directory = bundle(folder / "bundle", pod, node_image, Kubelet(root, FIELDS, folder / "absent"))
    before = listing(root)
    with started(directory, port) as agent:
        yield OnNode(agent, root, before, kept, bool(request.param))


@pytest.fixture(scope="module")
def cluster(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The chart's cluster agent with a service account, beside a simulated API server that lets in nobody else."""
    folder, port = tmp_path_factory.mktemp("cluster"), free_port()
    account = folder / "account"
    account.mkdir()
    for name, content in (("token", b"of-the-cluster-agent"), ("ca.crt", CA.pem), ("namespace", b"monitoring")):
        (account / name).write_bytes(content)
    folder.chmod(0o755)  # the agent is not root
    pod = Helm(folder).objects({"port": port}).pod("Deployment", "-cluster")
    with ApiServer(serving()) as server:
        server.tokens = {"of-the-cluster-agent"}
        populate(server)
        kubelet = Kubelet(folder, FIELDS, account, (server.host, server.port))
        with started(bundle(folder / "bundle", pod, image, kubelet), port) as agent:
            yield agent


def test_every_file_of_a_healthy_node_is_read_or_rightly_absent(node: OnNode) -> None:
    statuses = [line for line in node.agent.get("/metrics").splitlines() if line.startswith("akscert_file_status{")]
    table = path_table(preset("aks-linux"))
    assert {path for path in table.evidence.values() if not any(f'path="{path}"' in line for line in statuses)} == set()
    assert [line for line in statuses if 'status="ok"' not in line and 'status="not_expected"' not in line] == []


def test_it_sees_the_state_of_both_rotations_and_of_bootstrapping(node: OnNode) -> None:
    metrics = node.agent.get("/metrics").splitlines()
    states = [line for line in metrics if line.startswith("akscert_rotation_state{")]
    for role in ("kubelet-client", "kubelet-serving"):
        (state,) = [line for line in states if f'role="{role}"' in line]
        assert 'node="aks-pool-1"' in state
        assert 'state="enabled"' in state
    assert 'akscert_bootstrap_kubeconfig_present{node="aks-pool-1"} 1.0' in metrics


def test_the_build_information_names_the_revision_of_the_image(node: OnNode, node_image: Image) -> None:
    assert f'revision="{node_image.config["Labels"]["org.opencontainers.image.revision"]}"' in node.agent.get(
        "/metrics"
    )


def test_volumes_of_pods_are_out_of_its_sight(node: OnNode) -> None:
    assert (node.root / SECRET).read_text() == "a Pod's token"
    assert node.agent.inside("ls", "-A", "/host/var/lib/kubelet/pods") == ""
    assert "kubeconfig" in node.agent.inside("ls", "/host/var/lib/kubelet").split()


def test_it_can_write_nowhere(node: OnNode) -> None:
    options = {line.split()[4]: line.split()[5] for line in node.agent.inside("cat", "/proc/1/mountinfo").splitlines()}
    host = {target: words for target, words in options.items() if target == "/" or target.startswith("/host")}
    assert len(host) > 5
    assert [target for target, words in host.items() if "ro" not in words.split(",")] == []


def capabilities(agent: Running) -> tuple[set[str], str]:
    """The process's capability sets, and whether it can gain none."""
    lines = agent.inside("cat", "/proc/1/status").splitlines()
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    return {status[f"Cap{kind}"] for kind in ("Eff", "Prm", "Bnd")}, status["NoNewPrivs"]


def test_it_holds_the_one_capability_or_none_and_can_gain_no_other(node: OnNode) -> None:
    bits = (1 << 2) * len(node.capabilities)  # CAP_DAC_READ_SEARCH is bit 2
    assert capabilities(node.agent) == ({f"{bits:016x}"}, "1")


def test_the_shipped_filter_of_system_calls_is_in_force_and_refuses_what_the_agent_never_needs(node: OnNode) -> None:
    status = node.agent.inside("cat", "/proc/1/status")
    assert ("Seccomp:\t2" in status) == node.filtered
    if node.filtered:
        with pytest.raises(subprocess.CalledProcessError):
            node.agent.inside("chmod", "700", "/tmp")  # fchmodat


def test_it_changes_nothing_on_the_node(node: OnNode) -> None:
    node.agent.get("/metrics")
    assert listing(node.root) == node.before


def test_the_cluster_agent_hears_of_every_source_with_its_token_alone(cluster: Running) -> None:
    metrics = cluster.get("/metrics").splitlines()
    up = {
        line.split('source="')[1].split('"')[0]: line[-3:] for line in metrics if line.startswith("akscert_source_up{")
    }
    wanted = {"csrs", "nodes", "configmaps", "leases", "webhooks", "apiservices", "apiserver"}
    assert {name: up.get(name) for name in wanted} == dict.fromkeys(wanted, "1.0")


def test_the_cluster_agent_is_not_root_and_holds_no_capability(cluster: Running) -> None:
    assert cluster.inside("stat", "--format=%u", "/proc/1") == "65532\n"
    assert capabilities(cluster) == ({f"{0:016x}"}, "1")
