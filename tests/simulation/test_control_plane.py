"""The simulated control plane is an AKS cluster's, before and after a half-finished rotation of its CA."""

import base64
import http.client
import json
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from simulation.api.cluster_objects import LEFT_BEHIND
from simulation.api.control_plane import SimulatedCluster
from simulation.node.scenarios import SCENARIOS
from simulation.node.simulated_node import SimulatedNode, build, former_authority
from simulation.pki import YEAR, Authority

NOW = time.time()  # the TLS library looks at the clock
AUTHORITY = Authority.cluster(NOW - 3 * YEAR)
FORMER = former_authority(NOW)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> tuple[SimulatedNode, ...]:
    folder = tmp_path_factory.mktemp("nodes")
    return tuple(build(one, folder / one.name, NOW, AUTHORITY) for one in SCENARIOS)


@pytest.fixture
def cluster(nodes: tuple[SimulatedNode, ...]) -> Iterator[SimulatedCluster]:
    with SimulatedCluster(nodes, NOW, AUTHORITY) as started:
        yield started


def trusted(address: str, authority: Authority) -> bool:
    """Whether a client that has this CA, and checks the name, gets an answer."""
    host, _, port = address.rpartition(":")
    context = ssl.create_default_context(cadata=authority.pem.decode())
    connection = http.client.HTTPSConnection(host, int(port), timeout=5, context=context)
    try:
        connection.request("GET", "/version")
        return connection.getresponse().status == 200
    except ssl.SSLCertVerificationError:
        return False
    finally:
        connection.close()


def trusted_in_the_cluster(cluster: SimulatedCluster) -> bytes:
    found = cluster.server.store.get("configmaps", "kube-root-ca.crt", "kube-system")
    assert found is not None
    return str(json.loads(found)["data"]["ca.crt"]).encode()


def test_before_the_rotation_everything_is_the_former_cas(cluster: SimulatedCluster) -> None:
    assert trusted_in_the_cluster(cluster) == FORMER.pem
    assert [trusted(address, FORMER) for address in cluster.addresses] == [True, True]


def test_the_rotation_reaches_the_api_server_and_its_clients_but_not_the_stray_address(
    cluster: SimulatedCluster,
) -> None:
    cluster.rotate()
    assert trusted_in_the_cluster(cluster) == AUTHORITY.pem
    assert [trusted(address, AUTHORITY) for address in cluster.addresses] == [True, False]
    assert [trusted(address, FORMER) for address in cluster.addresses] == [False, True]


def test_the_rotation_leaves_one_webhook_behind(cluster: SimulatedCluster) -> None:
    cluster.rotate()
    held = {
        item["metadata"]["name"]: base64.b64decode(item["webhooks"][0]["clientConfig"]["caBundle"])
        for plural in ("mutatingwebhookconfigurations", "validatingwebhookconfigurations")
        for item in cluster.server.store.objects(plural)
    }
    assert held == {LEFT_BEHIND: FORMER.pem, "aks-node-validating-webhook": AUTHORITY.pem}


def test_every_node_that_joined_has_a_node_object_with_its_labels(
    cluster: SimulatedCluster, nodes: tuple[SimulatedNode, ...]
) -> None:
    found = {item["metadata"]["name"]: item for item in cluster.server.store.objects("nodes")}
    assert found.keys() == {node.name for node in nodes if node.scenario.joined}
    for node in nodes:
        if node.scenario.joined:
            assert found[node.name]["metadata"]["labels"].items() >= node.labels.items()


def test_the_kubeconfigs_ca_is_replaced_on_disk_as_a_pods_is(cluster: SimulatedCluster, tmp_path: Path) -> None:
    content = yaml.safe_load(cluster.write_kubeconfig(tmp_path).read_text())
    file = Path(content["clusters"][0]["cluster"]["certificate-authority"])
    assert file.read_bytes() == FORMER.pem
    cluster.rotate()
    assert file.read_bytes() == AUTHORITY.pem


def test_pending_requests_are_asked_anew_every_quarter_of_an_hour(cluster: SimulatedCluster) -> None:
    """And by a user that tells a first certificate from a renewal."""
    stuck = [
        item
        for item in cluster.server.store.objects("certificatesigningrequests")
        if item["spec"]["username"] == "system:bootstrap:abc123"
    ]
    assert len(stuck) == 4
    assert all(item["status"] == {} for item in stuck)
