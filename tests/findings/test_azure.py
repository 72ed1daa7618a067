"""What a person is told about Azure's side."""

import json
from dataclasses import replace

import pytest

from exporter.facts.azure.managed_cluster import AzureFacts, Snapshot, azure_cluster, with_snapshots
from exporter.facts.azure.provisioning_state import StateClass
from exporter.facts.azure.resource_id import ResourceId
from exporter.facts.kube.node import Node, node
from exporter.facts.opt_out_tag import TAG
from exporter.facts.source import REASONS, Failure
from exporter.findings import Finding, Kind, Severity, Subject
from exporter.findings.azure import azure_findings, azure_unanswered, serving_words
from exporter.findings.commands import Place
from exporter.reason import Reason, Source
from simulation.azure.bodies import JSON, agent_pool, managed_cluster

NOW = 1_795_500_000.0  # 2026-11-24 06:00 UTC
CLUSTER = ResourceId("5ab0", "rg", "managedClusters", "aks1")
SNAPSHOT = ResourceId("5ab0", "rg", "snapshots", "golden")
PAIR = ("cluster", "aks1")


def facts(
    *pools: JSON,
    since: float = NOW,
    before: StateClass | None = None,
    image: str = "",
    snapshot: Failure | None = None,
    **options: object,
) -> AzureFacts:
    """A cluster with these pools, in its present state since then, and the snapshot's image or failure."""
    found = azure_cluster(managed_cluster(CLUSTER, pools or [agent_pool("p")], **options), CLUSTER)  # type: ignore[arg-type]
    answer = snapshot or (Snapshot(image) if image else None)
    found = with_snapshots(found, {SNAPSHOT.key: answer} if answer else {})
    return AzureFacts(found, {PAIR: since}, {PAIR: before} if before else {})


def a_node(name: str, pool: str, *, serving: bool) -> Node:
    """A node with or without the label of serving rotation."""
    labels = {"kubernetes.azure.com/agentpool": pool}
    if serving:
        labels["kubernetes.azure.com/kubelet-serving-ca"] = "cluster"
    metadata = {"name": name, "labels": labels, "creationTimestamp": "2026-01-01T00:00:00Z", "uid": name}
    return node(json.dumps({"metadata": metadata}).encode())


def commands(found: Finding) -> list[str]:
    """What there is to paste."""
    return [step.command for step in found.next if step.command]


def only(found: tuple[Finding, ...]) -> Finding:
    """The one finding there is."""
    assert len(found) == 1, found
    return found[0]


def test_a_healthy_cluster_has_no_findings() -> None:
    """Succeeded, Running, RBAC on, no tag, every node with serving rotation."""
    assert azure_findings(facts(), [a_node("n", "p", serving=True)], NOW) == ()


@pytest.mark.parametrize(
    ("state", "what"),
    [
        ("RotatingClusterCertificates", "Azure rotates every certificate, the CA's included"),
        ("Certificate Rotating", "Azure rotates every certificate, the CA's included"),
        ("ReconcilingClusterCertificates", "Azure renews the control plane's certificates"),
    ],
)
def test_a_rotation_under_way_is_shown_with_its_beginning(state: str, what: str) -> None:
    """Information while it is young, critical after an hour."""
    young = only(azure_findings(facts(state=state, since=NOW - 1200), [], NOW))
    assert (young.severity, young.alert) == (Severity.INFO, "AksCertClusterRotationRunning")
    assert young.what == f"{what} ({state})."
    assert "since 2026-11-24 05:40 UTC" in young.why
    assert young.since == NOW - 1200
    assert "az aks get-credentials -g rg -n aks1 --overwrite-existing" in commands(young)
    stuck = only(azure_findings(facts(state=state, since=NOW - 7300), [], NOW))
    assert (stuck.severity, stuck.alert) == (Severity.CRITICAL, "AksCertClusterRotationStuck")
    assert "has not finished after 2 hours" in stuck.what
    assert "az aks rotate-certs -g rg -n aks1" in commands(stuck)


@pytest.mark.parametrize("state", ["Failed", "Canceled"])
def test_a_failure_after_a_rotation_is_critical(state: str) -> None:
    """The AKS page: run az aks rotate-certs again. Azure's own words of the failure are given."""
    found = only(
        azure_findings(
            facts(state=state, before=StateClass.ROTATING_CERTIFICATES, failure=("QuotaExceeded", "No cores.")), [], NOW
        )
    )
    assert (found.severity, found.alert) == (Severity.CRITICAL, "AksCertClusterRotationStuck")
    assert f"The certificate rotation ended as {state}" in found.what
    assert "Azure says: QuotaExceeded: No cores." in found.why
    assert "az aks rotate-certs -g rg -n aks1" in commands(found)


@pytest.mark.parametrize(
    ("before", "unknown"), [(None, True), (StateClass.UPGRADING, False), (StateClass.SUCCEEDED, False)]
)
def test_a_failure_of_another_operation_is_a_warning(before: StateClass | None, unknown: bool) -> None:
    """What was not seen is not claimed: `check` looks once and cannot tell which operation failed."""
    found = only(azure_findings(facts(state="Failed", before=before), [], NOW))
    assert found.severity is Severity.WARNING
    assert ("this process has not seen" in found.why) is unknown
    assert "az aks operation show-latest -g rg -n aks1" in commands(found)


@pytest.mark.parametrize("state", ["Upgrading", "Updating", "SomethingOfNextYear"])
def test_other_operations_are_no_finding(state: str) -> None:
    """They have nothing to do with certificates, or nobody knows what they have to do with."""
    assert azure_findings(facts(state=state), [], NOW) == ()


def test_rotating_signing_keys_are_told() -> None:
    """They block other operations, sometimes for hours."""
    found = only(azure_findings(facts(state="RotatingServiceAccountSigningKeysInternal"), [], NOW))
    assert (found.severity, found.alert) == (Severity.INFO, "")


def test_a_stopped_cluster_is_a_warning_and_its_pools_do_not_repeat_it() -> None:
    """What a rotation meanwhile leaves behind is said before it is found out."""
    found = only(azure_findings(facts(agent_pool("p", power="Stopped"), power="Stopped"), [], NOW))
    assert (found.severity, found.alert) == (Severity.WARNING, "AksCertNodePoolMissedRotation")
    assert "az aks start -g rg -n aks1" in commands(found)


def test_a_stopped_pool_is_told() -> None:
    """Its nodes age unseen."""
    found = only(azure_findings(facts(agent_pool("p", power="Stopped")), [], NOW))
    assert (found.severity, found.subject) == (Severity.INFO, Subject(Kind.NODE_POOL, "p"))
    assert "az aks nodepool start -g rg --cluster-name aks1 -n p" in commands(found)


def test_a_failed_pool_is_a_warning() -> None:
    """With the command that says why."""
    found = only(azure_findings(facts(agent_pool("p", state="Failed")), [], NOW))
    assert (found.severity, found.subject) == (Severity.WARNING, Subject(Kind.NODE_POOL, "p"))
    assert "status.provisioningError" in commands(found)[0]


def test_a_cluster_without_rbac_is_a_warning() -> None:
    """Nothing rotates there, and serving rotation is not looked for in its pools."""
    found = only(azure_findings(facts(rbac=False), [a_node("n", "p", serving=False)], NOW))
    assert found.severity is Severity.WARNING
    assert "RBAC is off" in found.what


def test_the_opt_out_tag_is_information_and_nodes_that_do_not_follow_a_warning() -> None:
    """Two of three nodes were made before the tag was set."""
    nodes = [a_node("n1", "p", serving=True), a_node("n2", "p", serving=True), a_node("n3", "p", serving=False)]
    drift, tag = azure_findings(facts(agent_pool("p", tags={TAG: "true"})), nodes, NOW)
    assert (tag.severity, tag.alert) == (Severity.INFO, "AksCertServingOptOutTag")
    assert "2027-04-01" in tag.why
    assert (drift.severity, drift.alert) == (Severity.WARNING, "AksCertRotationEvidenceConflict")
    assert drift.what.startswith("Serving certificate rotation still runs on 2 of 3 nodes")
    assert "--node-image-only" in commands(drift)[0]


def test_a_tag_of_another_meaning_that_opts_out_is_explained() -> None:
    """Linux nodes look for substrings: `untrue` contains `true`."""
    plain = only(azure_findings(facts(agent_pool("p", tags={TAG: "True"})), [], NOW))
    assert f"The tag {TAG}=True switches" in plain.what
    assert "any tag" not in plain.what
    odd = only(azure_findings(facts(agent_pool("p", tags={f"old-{TAG}": "untrue"})), [], NOW))
    assert f"The tag old-{TAG}=untrue switches" in odd.what
    assert "on Linux AKS takes any tag for it" in odd.what


def test_a_tag_that_was_removed_without_new_nodes_is_told() -> None:
    """Nothing that Azure tells keeps rotation off, and yet it is off."""
    nodes = [a_node("n1", "p", serving=False), a_node("n2", "q", serving=False)]
    found = only(azure_findings(facts(agent_pool("p")), nodes, NOW))
    assert (found.severity, found.alert) == (Severity.INFO, "AksCertRotationDisabled")
    assert found.what.startswith("Serving certificate rotation is off on its one node")


@pytest.mark.parametrize(
    ("pool", "image", "words"),
    [
        (agent_pool("p", version="1.26.3"), "", "Kubernetes 1.26.3 has no serving certificate rotation"),
        (agent_pool("p", snapshot=SNAPSHOT), "AKSUbuntu-2204gen2containerd-202412.04.0", "older than node image"),
    ],
)
def test_what_keeps_serving_rotation_off_is_named_once(pool: JSON, image: str, words: str) -> None:
    """With its cause, and without a second finding that says there is none."""
    found = only(azure_findings(facts(pool, image=image), [a_node("n", "p", serving=False)], NOW))
    assert found.severity is Severity.INFO
    assert words in found.what


def test_an_unreadable_snapshot_is_could_not_look() -> None:
    """Never hidden behind well, and nothing is concluded for the pool."""
    failure = Failure(Reason.FORBIDDEN, "the identity has no right to Microsoft.ContainerService/snapshots/read there")
    found = only(
        azure_findings(
            facts(agent_pool("p", snapshot=SNAPSHOT), snapshot=failure), [a_node("n", "p", serving=False)], NOW
        )
    )
    assert (found.severity, found.subject) == (Severity.UNKNOWN, Subject(Kind.NODE_POOL, "p"))
    assert "snapshots/read" in found.what
    assert "docs/azure-role.json" in found.next[0].text


@pytest.mark.parametrize("reason", REASONS[Source.AZURE])
def test_an_azure_that_does_not_answer_is_could_not_look_with_a_next_step(reason: Reason) -> None:
    """For every reason there is."""
    found = azure_unanswered(Failure(reason, "some words"))
    assert (found.severity, found.alert) == (Severity.UNKNOWN, "AksCertSourceDown")
    assert "some words" in found.what
    login = [("laptop", "az login"), ("docs/azure.md", "")]
    leads = {
        Reason.CREDENTIALS: login,
        Reason.UNAUTHORIZED: login,
        Reason.FORBIDDEN: [("docs/azure-role.json", "")],
        Reason.NOT_FOUND: [("--azure.resource-id", Place().aks("show", "--query id"))],
        Reason.THROTTLED: [("asks again", "")],
    }.get(reason, [("troubleshooting", "")])
    for step, (words, command) in zip(found.next, leads, strict=True):
        assert words in step.text
        assert step.command == command


@pytest.mark.parametrize(
    ("pool", "more", "words"),
    [
        ({}, {}, "nothing in the way"),
        ({"tags": {TAG: "true"}}, {}, "off by the node pool's tag"),
        ({"version": "1.26.9"}, {}, "not before Kubernetes 1.27"),
        ({"version": "1.26.9", "tags": {TAG: "true"}}, {}, "off by the node pool's tag, not before Kubernetes 1.27"),
        ({}, {"rbac": False}, "not without Kubernetes RBAC"),
        ({"snapshot": SNAPSHOT}, {"image": "AKSUbuntu-2204gen2containerd-202411.12.0"}, "not with so old a snapshot"),
        ({"snapshot": SNAPSHOT}, {"image": "AKSUbuntu-2204gen2containerd-202501.12.0"}, "nothing in the way"),
        ({"snapshot": SNAPSHOT}, {"image": "golden"}, "the snapshot's image has no date"),
        (
            {"snapshot": SNAPSHOT},
            {"snapshot": Failure(Reason.FORBIDDEN, "no right")},
            "the snapshot cannot be read: forbidden",
        ),
    ],
)
def test_what_keeps_serving_rotation_off_is_told_in_a_few_words(
    pool: dict[str, object], more: dict[str, object], words: str
) -> None:
    """What is certain first, then what could not be read."""
    cluster = facts(agent_pool("p", **pool), **more).cluster  # type: ignore[arg-type]
    assert serving_words(cluster, cluster.pools[0]) == words


def test_tags_that_cannot_be_read_may_keep_it_off() -> None:
    """Told where nothing is certain, and before the snapshot's."""
    cluster = facts(agent_pool("p", snapshot=SNAPSHOT), image="golden").cluster
    unread = replace(cluster.pools[0], opted_out=None)
    assert serving_words(cluster, unread) == "the tags cannot be read"
    assert serving_words(replace(cluster, rbac=False), unread) == "not without Kubernetes RBAC"
