"""The demo's nodes, real node agents, Prometheus and Alertmanager: each broken thing is told once, and ends."""

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulation.demo.node_agents import Fleet, Member
from simulation.node.file_tree import NodeTree
from simulation.node.scenarios import SCENARIOS
from simulation.pki import YEAR, Authority
from tests.e2e.stack import Notification, Stack, Target, about

PKI = "/var/lib/kubelet/pki"
CLIENT, SERVING = "kubelet-client", "kubelet-serving"
PATIENCE = 90.0
"""Alertmanager's first delivery came up to a minute after its start."""

TOLD = {
    "healthy": set(),
    "healthy-secure-tls": set(),
    "overdue": {("AksCertRotationOverdue", "warning", CLIENT)},
    "expiring": {("AksCertRotationOverdue", "critical", CLIENT)},
    "expired": {("AksCertExpired", "critical", CLIENT)},
    "serving-off": {("AksCertRotationDisabled", "info", SERVING)},
    "serving-off-flags": {("AksCertRotationDisabled", "info", SERVING)},
    "opted-out": {("AksCertRotationDisabled", "info", SERVING)},
    "tagged-not-reimaged": {("AksCertRotationEvidenceConflict", "warning", SERVING)},
    "serves-old": {("AksCertKubeletServesOldCertificate", "warning", SERVING)},
    "static-client": {
        ("AksCertExpiringWithoutRotation", "warning", CLIENT),
        ("AksCertRotationDisabled", "info", SERVING),
    },
    "broken-link": {("AksCertFileUnreadable", "warning", f"{CLIENT} broken_symlink")},
    "unreadable": {("AksCertFileUnreadable", "warning", f"{CLIENT} permission_denied")},
    "malformed": {("AksCertUnusable", "critical", CLIENT)},
    "emptied": {("AksCertUnusable", "critical", CLIENT)},
    "waiting-serving": {("AksCertRotationWaiting", "warning", SERVING)},
    "stuck-bootstrap": {("AksCertRotationWaiting", "warning", CLIENT)},
    "former-ca": set(),  # only beside a control plane
    "another-node": {("AksCertUnusable", "critical", CLIENT)},
    "another-use": {("AksCertUnusable", "critical", CLIENT)},
    "key-lost": {("AksCertUnusable", "critical", CLIENT)},
    "former-ca-kept": set(),
    "windows-healthy": set(),
    "windows-self-signed": {("AksCertExpiringWithoutRotation", "warning", SERVING)},
}
"""What a person is told of each node, and nothing else."""
HELD = {
    "expiring": {("AksCertRotationOverdue", "warning", CLIENT)},
    "static-client": {("AksCertRotationDisabled", "warning", CLIENT)},
    "malformed": {("AksCertFileUnreadable", "warning", f"{CLIENT} malformed")},
    "emptied": {("AksCertFileUnreadable", "warning", f"{CLIENT} empty")},
    "stuck-bootstrap": {("AksCertRotationWaiting", "warning", SERVING)},
    "windows-self-signed": {("AksCertRotationDisabled", "info", SERVING)},
}
"""What fires as well and is held back, for it is the same cause."""
NO_CLUSTER_AGENT = ("AksCertExporterDown", "warning", "cluster", "")

Row = tuple[str, ...]


def rows(table: dict[str, set[tuple[str, str, str]]]) -> frozenset[Row]:
    """The table with the nodes' names for the scenarios'."""
    names = {scenario.name: scenario.node_name for scenario in SCENARIOS}
    return frozenset(
        (alert, severity, names[name], details) for name, alerts in table.items() for alert, severity, details in alerts
    )


def told(notifications: tuple[Notification, ...]) -> frozenset[Row]:
    return frozenset(about(one.labels) for one in notifications)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Every scenario, with its real agent."""
    now = time.time()
    with Fleet(tmp_path_factory.mktemp("nodes").resolve(), now, Authority.cluster(now - 3 * YEAR)) as fleet:
        fleet.start(SCENARIOS, threading.Event())
        yield fleet


@pytest.fixture(scope="module")
def stack(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    targets = tuple(
        Target(member.agent.url.removeprefix("http://"), "aks-cert-exporter-node", f"node-agent-{number}")
        for number, member in enumerate(fleet.members)
    )
    with Stack(tmp_path_factory.mktemp("stack") / "it", targets) as stack:
        yield stack


def member(fleet: Fleet, scenario: str) -> Member:
    return next(one for one in fleet.members if one.node.scenario.name == scenario)


def test_every_scenario_of_the_demo_has_its_expectation() -> None:
    assert set(TOLD) == {scenario.name for scenario in SCENARIOS}


def test_each_broken_node_is_told_of_exactly_as_expected(stack: Stack) -> None:
    wanted = rows(TOLD) | {NO_CLUSTER_AGENT}
    found = told(stack.receiver.wait(lambda seen: told(seen) == wanted, PATIENCE))
    assert not found ^ wanted, (found - wanted, wanted - found)
    assert stack.rule_errors() == []


def test_one_cause_is_told_once_and_the_rest_is_held_back(stack: Stack) -> None:
    assert stack.alerts() - told(stack.receiver.firing()) == rows(HELD)


def test_what_is_told_says_where_until_when_and_what_to_type_next(stack: Stack, fleet: Fleet) -> None:
    for one in stack.receiver.firing():
        both = f"{one.summary} {one.description}"
        assert one.labels.get("node", "") in one.summary
        assert one.labels["cluster" if "node" in one.labels else "mode"] in one.summary
        assert not re.search(r"<no value>|<error|\{\{|%!", both), both
        assert one.runbook_url.endswith(f"/docs/runbooks/{one.alert}.md")
        assert (Path(__file__).parents[2] / "docs/runbooks" / f"{one.alert}.md").is_file()
    expired = next(one for one in stack.receiver.firing() if one.alert == "AksCertExpired")
    client = member(fleet, "expired").node.client
    assert client is not None
    ended = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(client.not_after))
    name = member(fleet, "expired").node.name
    assert expired.summary == f"The kubelet-client certificate of node {name} in contoso ended 2 days ago ({ended})"
    assert f"--machine-names {name}" in expired.description


def test_repairs_end_what_was_told(stack: Stack, fleet: Fleet) -> None:
    """A rotation, a restarted kubelet, a file put back, a serving certificate that comes at last."""
    now = time.time()
    for scenario in ("overdue", "expiring", "expired", "malformed", "emptied", "broken-link"):
        node = member(fleet, scenario).node
        NodeTree(node.root).rotated(PKI, CLIENT, node.authority.kubelet_client(node.name, now))
    stale = member(fleet, "serves-old")
    assert stale.kubelet is not None
    stale.kubelet.swap(stale.node.installed)
    waiting = member(fleet, "waiting-serving")
    serving = waiting.node.authority.kubelet_serving(waiting.node.name, now)
    assert waiting.kubelet is not None
    NodeTree(waiting.node.root).rotated(PKI, "kubelet-server", serving)
    waiting.kubelet.swap(serving)

    repaired = {
        "overdue",
        "expiring",
        "expired",
        "malformed",
        "emptied",
        "broken-link",
        "serves-old",
        "waiting-serving",
    }
    left = rows({name: alerts for name, alerts in TOLD.items() if name not in repaired}) | {NO_CLUSTER_AGENT}
    found = told(stack.receiver.wait(lambda seen: told(seen) == left, PATIENCE))
    assert not found ^ left, (found - left, left - found)


def test_the_alerts_of_an_agent_that_dies_end_and_no_others_do(stack: Stack, fleet: Fleet) -> None:
    """Its series linger over missed scrapes; a cluster agent would then say that nobody observes the node."""
    gone = member(fleet, "tagged-not-reimaged")
    before = told(stack.receiver.firing())
    gone.agent.ask_to_stop()
    gone.agent.join(10)
    wanted = before - {row for row in before if row[2] == gone.node.name}
    assert wanted != before
    assert told(stack.receiver.wait(lambda seen: told(seen) == wanted, PATIENCE)) == wanted
