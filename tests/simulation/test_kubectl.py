"""The real kubectl works with the simulated cluster, by the kubeconfig that the demo writes."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from simulation.api.control_plane import SimulatedCluster
from simulation.node.scenarios import scenario
from simulation.node.simulated_node import build
from simulation.pki import YEAR, Authority
from tools.helm import binary

Kubectl = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SimulatedCluster, Path]]:
    now = time.time()
    authority = Authority.cluster(now - YEAR)
    folder = tmp_path_factory.mktemp("cluster")
    nodes = [build(scenario(name), folder / name, now, authority) for name in ("healthy", "expiring")]
    with SimulatedCluster(nodes, now, authority) as cluster:
        cluster.server.rotate(authority.apiserver(("127.0.0.1",), now))
        path = folder / "kubeconfig"
        path.write_text(json.dumps(cluster.server.kubeconfig(authority.pem, token="demo")))
        yield cluster, path


@pytest.fixture
def kubectl(cluster: tuple[SimulatedCluster, Path], tmp_path: Path) -> Kubectl:
    program = str(binary("kubectl"))

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
        command = [program, "--kubeconfig", str(cluster[1]), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, check=False)

    return run


def test_nodes_and_requests_are_printed_with_the_columns_of_a_real_server(
    cluster: tuple[SimulatedCluster, Path], kubectl: Kubectl
) -> None:
    """`kubectl get` asks for tables and prints what the server says is in them."""
    shown = kubectl("get", "nodes").stdout.splitlines()
    assert shown[0].split() == ["NAME", "STATUS", "ROLES", "AGE", "VERSION"]
    assert len(shown) == 1 + len(cluster[0].server.store.names("nodes"))
    head = kubectl("get", "csr").stdout.splitlines()[0]
    assert head.split() == ["NAME", "AGE", "SIGNERNAME", "REQUESTOR", "REQUESTEDDURATION", "CONDITION"]
    chosen = kubectl("get", "csr", "--field-selector", "spec.signerName=kubernetes.io/kubelet-serving").stdout
    assert "kube-apiserver-client-kubelet" not in chosen


def test_what_an_operator_does_with_a_request_works(cluster: tuple[SimulatedCluster, Path], kubectl: Kubectl) -> None:
    """`describe csr` reads it, `certificate approve` and `deny` leave the condition that the agents read."""
    store = cluster[0].server.store
    store.put(
        "certificatesigningrequests",
        {**store.objects("certificatesigningrequests")[0], "metadata": {"name": "csr-new"}, "status": {}},
    )
    uid = json.loads(store.get("certificatesigningrequests", "csr-new") or b"")["metadata"]["uid"]
    assert "Pending" in kubectl("describe", "csr", "csr-new").stdout
    done = kubectl("certificate", "approve", "csr-new")
    assert done.returncode == 0, done.stderr
    found = json.loads(store.get("certificatesigningrequests", "csr-new") or b"")
    assert [one["type"] for one in found["status"]["conditions"]] == ["Approved"]
    assert found["metadata"]["uid"] == uid, "an update does not make it another object"


def test_the_rest_of_what_runbooks_print_works(kubectl: Kubectl) -> None:
    """Raw paths, leases, rights, and putting a node out of service."""
    assert kubectl("get", "--raw", "/readyz").stdout == "ok"
    assert "kube-controller-manager" in kubectl("get", "lease", "-n", "kube-system").stdout
    assert "certificatesigningrequests.certificates.k8s.io" in kubectl("auth", "can-i", "--list").stdout
    assert kubectl("auth", "can-i", "list", "nodes").stdout.strip() == "yes"
    node = kubectl("get", "nodes", "-o", "name").stdout.split()[0]
    assert kubectl("cordon", node).returncode == 0
    assert "SchedulingDisabled" in kubectl("get", node).stdout
    drained = kubectl("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=5s")
    assert drained.returncode == 0, drained.stderr


def test_a_right_that_is_missing_is_named_as_a_real_server_names_it(
    cluster: tuple[SimulatedCluster, Path], kubectl: Kubectl
) -> None:
    """G9: resource, API group and namespace."""
    cluster[0].server.forbidden.add("leases")
    refused = kubectl("get", "lease", "-n", "kube-system").stderr
    cluster[0].server.forbidden.clear()
    assert 'in API group "coordination.k8s.io" in the namespace "kube-system"' in refused
