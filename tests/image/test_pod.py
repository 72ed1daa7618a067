"""The node agent as the chart starts it: image, rendered Pod and a real container runtime on a simulated node."""

import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from exporter.demo.nodes import build
from exporter.demo.pki import Authority
from exporter.demo.scenarios import scenario
from exporter.facts.paths import path_table
from exporter.presets import preset
from tests.chart.rendering import Helm
from tests.image.built import Image
from tests.image.pod import bundle

pytestmark = pytest.mark.timeout(1800)

# crun 1.8 stops where cgroup v1 and v2 are mounted side by side; in a mount namespace of its own the second one can go.
CRUN = (
    "unshare",
    "--mount",
    "bash",
    "-c",
    'umount /sys/fs/cgroup/unified 2>/dev/null; exec crun --cgroup-manager=disabled "$@"',
    "crun",
)
SECRET = "var/lib/kubelet/pods/0b1c/volumes/kubernetes.io~projected/token"


@dataclass(frozen=True, slots=True)
class Running:
    """A started agent and the node it looks at."""

    name: str
    port: int
    node: Path
    before: list[str]

    def get(self, path: str) -> str:
        """The body of an answer."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return str(answer.read().decode())

    def inside(self, *command: str) -> str:
        """The output of a command in the container."""
        return subprocess.run([*CRUN, "exec", self.name, *command], capture_output=True, text=True, check=True).stdout


def listing(node: Path) -> list[str]:
    """Every file below a node's root with its mode, owner, size and times of change."""
    found = ((path, path.lstat()) for path in sorted(node.rglob("*")))
    return [
        f"{path} {one.st_mode:o} {one.st_uid} {one.st_size} {one.st_mtime_ns} {one.st_ctime_ns}" for path, one in found
    ]


@pytest.fixture(scope="module", params=[["DAC_READ_SEARCH"], []], ids=["one capability", "no capability"])
def running(
    request: pytest.FixtureRequest, image: Image, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """The chart's node agent on a healthy simulated node, with the capability the chart keeps and without."""
    folder = tmp_path_factory.mktemp("pod")
    now = time.time()
    node = build(scenario("healthy"), folder / "node", now, Authority.cluster(now - 86400 * 400)).root
    (node / SECRET).parent.mkdir(parents=True)
    (node / SECRET).write_text("a Pod's token")
    for name in ("plugins", "plugins_registry", "pod-resources", "device-plugins"):  # the kubelet makes all of these
        (node / "var/lib/kubelet" / name).mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    helm = Helm(folder / "helm")
    values = {"port": port, "node": {"kubeletWireCheck": False, "capabilities": request.param}}
    pod = helm.objects(values).pod("DaemonSet", "-node")
    fields = {"spec.nodeName": "aks-pool-1", "status.hostIP": "127.0.0.1"}
    directory = bundle(folder / "bundle", pod, image, node, fields)
    before = listing(node)
    name = f"akscert-{port}"
    with subprocess.Popen(
        [*CRUN, "run", "--bundle", str(directory), name], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        started = Running(name, port, node, before)
        deadline = time.monotonic() + 60
        while True:
            try:
                started.get("/readyz")
                break
            except (urllib.error.URLError, ConnectionError):
                assert process.poll() is None, process.communicate()[0]
                assert time.monotonic() < deadline, "the agent does not become ready"
                time.sleep(0.1)
        yield started
        subprocess.run([*CRUN, "kill", name, "TERM"], check=True)
        output, _ = process.communicate(timeout=10)
        assert process.returncode == 0, output


def test_every_file_of_a_healthy_node_is_read_or_rightly_absent(running: Running) -> None:
    statuses = [line for line in running.get("/metrics").splitlines() if line.startswith("akscert_file_status{")]
    table = path_table(preset("aks-linux"))
    assert {path for path in table.evidence.values() if not any(f'path="{path}"' in line for line in statuses)} == set()
    assert [line for line in statuses if 'status="ok"' not in line and 'status="not_expected"' not in line] == []


def test_it_sees_the_state_of_both_rotations_and_of_bootstrapping(running: Running) -> None:
    metrics = running.get("/metrics").splitlines()
    states = [line for line in metrics if line.startswith("akscert_rotation_state{")]
    for role in ("kubelet-client", "kubelet-serving"):
        (state,) = [line for line in states if f'role="{role}"' in line]
        assert 'node="aks-pool-1"' in state
        assert 'state="enabled"' in state
    assert 'akscert_bootstrap_kubeconfig_present{node="aks-pool-1"} 1.0' in metrics


def test_the_build_information_names_the_revision_of_the_image(running: Running, image: Image) -> None:
    assert f'revision="{image.config["Labels"]["org.opencontainers.image.revision"]}"' in running.get("/metrics")


def test_volumes_of_pods_are_out_of_its_sight(running: Running) -> None:
    assert (running.node / SECRET).read_text() == "a Pod's token"
    assert running.inside("find", "/host/var/lib/kubelet/pods").splitlines() == ["/host/var/lib/kubelet/pods"]
    assert "kubeconfig" in running.inside("ls", "/host/var/lib/kubelet").split()


def test_it_can_write_nowhere(running: Running) -> None:
    options = {line.split()[4]: line.split()[5] for line in running.inside("cat", "/proc/1/mountinfo").splitlines()}
    host = {target: words for target, words in options.items() if target == "/" or target.startswith("/host")}
    assert len(host) > 5
    assert [target for target, words in host.items() if "ro" not in words.split(",")] == []


def test_it_holds_the_one_capability_or_none_and_can_gain_no_other(
    running: Running, request: pytest.FixtureRequest
) -> None:
    status = dict(
        line.split(":\t", 1) for line in running.inside("cat", "/proc/1/status").splitlines() if ":\t" in line
    )
    wanted = f"{1 << 2:016x}" if "one capability" in request.node.name else f"{0:016x}"  # CAP_DAC_READ_SEARCH is bit 2
    assert [status[f"Cap{kind}"] for kind in ("Eff", "Prm", "Bnd")] == [wanted] * 3
    assert status["NoNewPrivs"] == "1"


def test_it_changes_nothing_on_the_node(running: Running) -> None:
    running.get("/metrics")
    assert listing(running.node) == running.before
