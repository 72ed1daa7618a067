"""Two clusters, a Prometheus in each without rules, and one above that both write to: the rules keep them apart."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from simulation.demo.node_agents import Fleet
from simulation.node.scenarios import SCENARIOS
from simulation.pki import YEAR, Authority
from tests.e2e.stack import Notification, Stack, Target
from tests.e2e.test_nodes import CLIENT, PATIENCE, SERVING

WEST, NORTH = "contoso-weu", "contoso-neu"
BROKEN = {WEST: {"healthy", "overdue", "serves-old"}, NORTH: {"healthy", "expired", "malformed"}}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """In both clusters a node of the same name is healthy; the others have one broken in either cluster."""
    now = time.time()
    targets = []
    with ExitStack() as fleets:
        for cluster, wanted in BROKEN.items():
            folder = tmp_path_factory.mktemp(cluster).resolve()
            fleet = fleets.enter_context(Fleet(folder, now, Authority.cluster(now - 3 * YEAR)))
            fleet.start([one for one in SCENARIOS if one.name in wanted], threading.Event())
            targets += [
                Target(member.agent.url.removeprefix("http://"), "aks-cert-exporter-node", f"node-{number}", cluster)
                for number, member in enumerate(fleet.members)
            ]
        stack = Stack(tmp_path_factory.mktemp("stack") / "it", tuple(targets), remote=True)
        yield fleets.enter_context(stack)


def rows(notifications: tuple[Notification, ...]) -> set[tuple[str, str, str]]:
    return {
        (one.labels.get("cluster", ""), one.alert, one.labels.get("role") or one.labels["mode"])
        for one in notifications
    }


def test_each_cluster_is_told_of_by_its_name(stack: Stack) -> None:
    wanted = {
        (WEST, "AksCertRotationOverdue", CLIENT),
        (WEST, "AksCertKubeletServesOldCertificate", SERVING),
        (NORTH, "AksCertExpired", CLIENT),
        (NORTH, "AksCertUnusable", CLIENT),
        ("", "AksCertExporterDown", "cluster"),  # nowhere is a cluster agent, so it is no cluster's
    }
    found = rows(stack.receiver.wait(lambda seen: rows(seen) == wanted, PATIENCE))
    assert not found ^ wanted, (found - wanted, wanted - found)
    assert stack.rule_errors() == []
    for one in stack.receiver.firing():
        if cluster := one.labels.get("cluster"):
            assert f" in {cluster} " in one.summary, one.summary


def test_a_cluster_whose_agents_fall_silent_is_told_of_and_the_other_is_not(stack: Stack) -> None:
    """Its Prometheus ends, as it does with a cluster that is stopped; the one above goes on without it."""
    north = stack.others[0]
    north.ask_to_stop()
    north.join(10)

    def silent(seen: tuple[Notification, ...]) -> bool:
        return (NORTH, "AksCertExporterDown", "node") in rows(seen)

    found = rows(stack.receiver.wait(silent, PATIENCE))
    assert (NORTH, "AksCertExporterDown", "node") in found
    assert (WEST, "AksCertExporterDown", "node") not in found
    assert (WEST, "AksCertRotationOverdue", CLIENT) in found
