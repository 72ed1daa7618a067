"""The whole demo with a control plane left half rotated: what is told while Azure rotates, when it fails, and after."""

import time
from collections.abc import Iterator

import pytest

from tests.e2e.fleet_agents import WholeCluster
from tests.e2e.stack import Notification, Stack, about
from tests.e2e.test_nodes import SERVING, TOLD, rows, told

PATIENCE = 180.0
"""The agent looks at config maps and at Azure once a minute."""

RUNNING = ("AksCertClusterRotationRunning", "info", "aks1", "RotatingClusterCertificates")
STUCK = ("AksCertClusterRotationStuck", "critical", "aks1", "Failed")
TAG = ("AksCertServingOptOutTag", "info", "optout", "")
DENIED = ("AksCertCsrRejected", "warning", "", "denied")
WEBHOOK = ("AksCertCaBundleOutdated", "warning", "MutatingWebhookConfiguration windows-gmsa-webhook", "")

WITH_CONTROL_PLANE = {
    **TOLD,
    "overdue": set(),
    "waiting-serving": {("AksCertCsrPending", "critical", SERVING)},
    "stuck-bootstrap": set(),
}
"""With its requests in sight the cause takes the symptom's place."""
UNSIGNED = {("AksCertNobodySigns", "warning", "", ""), ("AksCertNobodySigns", "info", "", "")}
"""Two nodes wait for a client certificate, one of which cannot join; one waits for a serving one, beside a living
approver."""
WHILE_ROTATING = {
    name: {
        row
        for row in alerts
        if row[0] in {"AksCertExpired", "AksCertExpiringWithoutRotation", "AksCertRotationDisabled"}
    }
    for name, alerts in TOLD.items()
}
"""What no rotation explains."""

Row = tuple[str, ...]

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeCluster]:
    with WholeCluster(tmp_path_factory.mktemp("cluster").resolve(), "RotatingClusterCertificates") as cluster:
        cluster.control_plane.rotate()
        yield cluster


@pytest.fixture(scope="module")
def stack(cluster: WholeCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("stack") / "it", cluster.targets) as stack:
        yield stack


def settled(stack: Stack, wanted: frozenset[Row], *, firing: frozenset[Row] = frozenset()) -> frozenset[Row]:
    """What is told once that is `wanted` and Prometheus has `firing` too; after a while whatever is told then."""

    def right(seen: tuple[Notification, ...]) -> bool:
        return told(seen) == wanted and firing <= stack.alerts()

    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if right(found := stack.receiver.wait(lambda seen: told(seen) == wanted, 5.0)):
            return told(found)
    return told(stack.receiver.firing())


def test_while_azure_rotates_the_churn_is_held_back(cluster: WholeCluster, stack: Stack) -> None:
    mismatch = ("AksCertClusterCaMismatch", "critical", cluster.member("former-ca").node.name, "")
    untrusted = ("AksCertApiServerUntrusted", "critical", cluster.control_plane.addresses[1], "")
    wanted = rows(WHILE_ROTATING) | {RUNNING, TAG}
    found = settled(stack, wanted, firing=frozenset({untrusted, WEBHOOK}))
    assert not found ^ wanted, (found - wanted, wanted - found)
    assert {untrusted, WEBHOOK, DENIED} <= stack.alerts() - found
    assert mismatch not in stack.alerts(), "while a rotation runs, different CAs are what a rotation is"
    assert stack.rule_errors() == []


def test_a_rotation_that_fails_is_the_page_and_hides_only_what_it_left_behind(
    cluster: WholeCluster, stack: Stack
) -> None:
    cluster.leases()
    cluster.provisioning("Failed")
    wanted = rows(WITH_CONTROL_PLANE) | UNSIGNED | {STUCK, TAG, DENIED}
    mismatch = ("AksCertClusterCaMismatch", "critical", cluster.member("former-ca").node.name, "")
    found = settled(stack, wanted, firing=frozenset({mismatch}))
    assert not found ^ wanted, (found - wanted, wanted - found)
    untrusted = ("AksCertApiServerUntrusted", "critical", cluster.control_plane.addresses[1], "")
    assert {mismatch, untrusted, WEBHOOK} <= stack.alerts() - found
    words = next(one for one in stack.receiver.firing() if one.alert == "AksCertClusterRotationStuck")
    assert words.summary.startswith("The certificate rotation of cluster aks1 is stuck: it has been Failed for ")
    assert "az aks rotate-certs -g RESOURCE_GROUP -n aks1" in words.description


def test_after_a_success_what_is_left_behind_is_told_by_itself(cluster: WholeCluster, stack: Stack) -> None:
    """The agent is restarted, and tells the webhook's former CA by its likeness to the present one all the same."""
    cluster.stop_agent()
    cluster.provisioning("Succeeded")
    cluster.leases()
    cluster.start_agent()
    name, address = cluster.member("former-ca").node.name, cluster.control_plane.addresses[1]
    wanted = (
        rows(WITH_CONTROL_PLANE)
        | UNSIGNED
        | {
            ("AksCertClusterCaMismatch", "critical", name, ""),
            ("AksCertApiServerUntrusted", "critical", address, ""),
            WEBHOOK,
            TAG,
            DENIED,
        }
    )
    found = settled(stack, wanted)
    assert not found ^ wanted, (found - wanted, wanted - found)
    said = {one.alert: one for one in stack.receiver.firing() if about(one.labels)[2] in {name, address}}
    mismatch, untrusted = said["AksCertClusterCaMismatch"], said["AksCertApiServerUntrusted"]
    assert mismatch.summary == f"Node {name} in contoso holds another cluster CA than the control plane"
    assert f"kubectl drain {name}" in mismatch.description
    assert untrusted.summary.startswith(
        f"Clients in the cluster contoso do not trust the API server at {address}, whose"
    )


def test_a_silent_signer_explains_requests_that_wait_until_they_turn_critical(
    cluster: WholeCluster, stack: Stack
) -> None:
    """Alertmanager does not take back what it told; it says no more of it and marks it as suppressed."""
    cluster.leases(age=3000)
    silent = {
        ("AksCertSignerSilent", "warning", "kube-controller-manager", ""),
        ("AksCertSignerSilent", "warning", "kubelet-serving-csr-approver", ""),
    }
    before = told(stack.receiver.firing())
    found = settled(stack, before | silent)
    assert found == before | silent
    pending = {row for row in stack.alerts() if row[0] == "AksCertCsrPending"}
    assert {row[1] for row in pending} == {"warning", "critical"}
    assert {row for row in pending if row in stack.suppressed()} == {row for row in pending if row[1] == "warning"}


def test_signers_that_come_back_end_what_was_told_of_them(cluster: WholeCluster, stack: Stack) -> None:
    cluster.leases()
    wanted = frozenset(row for row in told(stack.receiver.firing()) if row[0] != "AksCertSignerSilent")
    assert settled(stack, wanted) == wanted
