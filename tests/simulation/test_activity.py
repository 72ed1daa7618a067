"""As time goes by in the simulated cluster, certificates are renewed as in a real one."""

import base64
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exporter.facts.source import Failure
from exporter.facts.x509 import Certificate, certificates
from exporter.sources.tls import probe
from simulation.api.activity import (
    CLEANUP_SECONDS,
    CONTROL_PLANE_SECONDS,
    ISSUE_SECONDS,
    LEASE_SECONDS,
    REFUSAL_SECONDS,
    RENEWAL_SECONDS,
    Activity,
    RenewingNode,
)
from simulation.api.server import ApiServer
from simulation.node.kubelet import SimulatedKubelets
from simulation.node.scenarios import scenario
from simulation.node.simulated_node import SimulatedNode, build
from simulation.pki import YEAR, Authority

NOW = time.time()  # the TLS library looks at the clock
AUTHORITY = Authority.cluster(NOW - 3 * YEAR)
ADDRESS = "127.0.0.1"


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with ApiServer(AUTHORITY.apiserver((ADDRESS,), NOW - YEAR)) as started:
        yield started


@pytest.fixture
def lively(tmp_path: Path) -> Iterator[RenewingNode]:
    node = build(scenario("healthy"), tmp_path / "node", NOW, AUTHORITY)
    with SimulatedKubelets() as kubelets:
        yield RenewingNode(node, kubelets.start(node.serving, AUTHORITY))


@pytest.fixture
def activity(server: ApiServer, lively: RenewingNode) -> Activity:
    return Activity(server, (ADDRESS,), lively, AUTHORITY, NOW)


def installed(node: SimulatedNode, kind: str) -> Certificate:
    target = os.readlink(node.root / f"var/lib/kubelet/pki/kubelet-{kind}-current.pem")
    return certificates((node.root / target.lstrip("/")).read_bytes())[0]


def served(address: tuple[str, int]) -> Certificate:
    answer = probe(address, timeout=5)
    assert not isinstance(answer, Failure)
    return answer.chain[0]


def requests(server: ApiServer) -> list[dict[str, Any]]:
    return server.store.objects("certificatesigningrequests")


def renewed_lease(server: ApiServer) -> str:
    found = server.store.get("leases", "kube-controller-manager", "kube-system")
    assert found is not None
    return str(json.loads(found)["spec"]["renewTime"])


def test_approver_and_signer_renew_their_leases(activity: Activity, server: ApiServer) -> None:
    before = renewed_lease(server)
    activity.tick(NOW + LEASE_SECONDS - 1)
    assert renewed_lease(server) == before
    activity.tick(NOW + LEASE_SECONDS)
    assert renewed_lease(server) > before


def test_a_renewal_is_first_asked_for_then_issued_installed_and_served(
    activity: Activity, server: ApiServer, lively: RenewingNode
) -> None:
    """And the request that was answered is the one that was sent."""
    before = {kind: installed(lively.node, kind) for kind in ("client", "server")}
    activity.tick(NOW + RENEWAL_SECONDS)
    asked = requests(server)
    assert [one["status"] for one in asked] == [{}, {}]
    assert {one["spec"]["username"] for one in asked} == {f"system:node:{lively.node.name}"}
    assert installed(lively.node, "client") == before["client"]
    activity.tick(NOW + RENEWAL_SECONDS + ISSUE_SECONDS)
    issued = {
        one["spec"]["signerName"].rpartition("/")[2]: certificates(base64.b64decode(one["status"]["certificate"]))[0]
        for one in requests(server)
    }
    assert [one["spec"] for one in requests(server)] == [one["spec"] for one in asked]
    assert issued["kube-apiserver-client-kubelet"] == installed(lively.node, "client") != before["client"]
    assert issued["kubelet-serving"] == installed(lively.node, "server") == served(lively.kubelet.address)


def test_answered_requests_are_cleared_away(activity: Activity, server: ApiServer) -> None:
    activity.tick(NOW + RENEWAL_SECONDS)
    activity.tick(NOW + RENEWAL_SECONDS + ISSUE_SECONDS)
    (first, second) = server.store.names("certificatesigningrequests")
    activity.tick(NOW + RENEWAL_SECONDS + CLEANUP_SECONDS)
    assert not {first, second} & set(server.store.names("certificatesigningrequests"))


def test_a_node_is_refused_again_and_again(server: ApiServer, lively: RenewingNode) -> None:
    """So that a refusal is also seen as an increase of a counter."""
    activity = Activity(server, (ADDRESS,), lively, AUTHORITY, NOW, refused="aks-x-1-vmss000000")
    activity.tick(NOW + REFUSAL_SECONDS)
    activity.tick(NOW + 2 * REFUSAL_SECONDS)
    denied = [one for one in requests(server) if one["status"].get("conditions", [{}])[0].get("type") == "Denied"]
    assert [one["spec"]["username"] for one in denied] == ["system:node:aks-x-1-vmss000000"] * 2


def test_dated_files_do_not_pile_up(activity: Activity, lively: RenewingNode) -> None:
    moment = NOW
    for _ in range(6):
        moment += RENEWAL_SECONDS
        activity.tick(moment)
        activity.tick(moment + ISSUE_SECONDS)
    pki = lively.node.root / "var/lib/kubelet/pki"
    assert len(list(pki.glob("kubelet-client-2*.pem"))) == len(list(pki.glob("kubelet-server-2*.pem"))) == 4
    assert installed(lively.node, "client").not_before == int(moment + ISSUE_SECONDS - 300)


def test_the_control_planes_certificate_is_renewed(activity: Activity, server: ApiServer) -> None:
    before = served((server.host, server.port))
    activity.tick(NOW + CONTROL_PLANE_SECONDS)
    assert served((server.host, server.port)).not_after > before.not_after
