"""What Azure says of a cluster in, what is wrong with it out: which state, since when, what to do next."""

from collections.abc import Iterable, Iterator

from exporter.facts.azure.managed_cluster import AzureCluster, AzureFacts, AzurePool, Snapshot
from exporter.facts.azure.provisioning_state import StateClass
from exporter.facts.azure.serving_rotation import Obstacle, obstacles
from exporter.facts.kube.node import Node
from exporter.facts.opt_out_tag import RETIRES, TAG
from exporter.facts.source import Failure
from exporter.findings import Finding, Severity, worst_first
from exporter.findings.formatting import some_of, span, utc_time
from exporter.reason import Reason, Rotation

__all__ = ["LONGEST_ROTATION", "OBSTACLE_WORDS", "azure_findings", "azure_unanswered", "serving_words"]

LONGEST_ROTATION = 3600.0
"""Seconds. The AKS page on certificate rotation says up to 30 minutes."""

OBSTACLE_WORDS = {
    Obstacle.OPT_OUT_TAG: "off by the node pool's tag",
    Obstacle.VERSION: "not before Kubernetes 1.27",
    Obstacle.SNAPSHOT: "not with so old a snapshot",
    Obstacle.RBAC: "not without Kubernetes RBAC",
}

_STOPPED = "Stopped"

_OPERATIONS = {
    StateClass.ROTATING_CERTIFICATES: "rotates every certificate, the CA's included",
    StateClass.RECONCILING_CERTIFICATES: "renews the control plane's certificates",
}

_NEXT_BY_REASON = {
    Reason.CREDENTIALS: "Give the agent a workload identity as docs/azure.md shows; on a laptop: az login.",
    Reason.UNAUTHORIZED: "Give the agent a workload identity as docs/azure.md shows; on a laptop: az login.",
    Reason.FORBIDDEN: "Assign the role in docs/azure-role.json to the identity, at the scope that docs/azure.md names.",
    Reason.NOT_FOUND: "Check --azure.resource-id: az aks show -g RG -n NAME --query id.",
    Reason.THROTTLED: "Wait: the agent asks again when Azure allows it. See who else asks with the same identity.",
}
_NEXT = "See the troubleshooting table of docs/azure.md."


def azure_unanswered(failure: Failure) -> Finding:
    """That Azure could not be asked: the rest of the report stands without it."""
    return Finding(
        Severity.BLIND,
        "Azure",
        f"Azure's part is not known: {failure.words}.",
        _NEXT_BY_REASON.get(failure.reason, _NEXT),
        "AksCertSourceDown",
    )


def azure_findings(facts: AzureFacts, nodes: Iterable[Node], now: float) -> tuple[Finding, ...]:
    """The findings about a cluster and its node pools, worst first. `now` in Unix seconds."""
    cluster, by_pool = facts.cluster, dict[str, list[Node]]()
    for node in nodes:
        by_pool.setdefault(node.agentpool, []).append(node)
    found = [*_cluster_state(facts, now), *_cluster_power(cluster)]
    if cluster.rbac is False:
        found.append(
            Finding(
                Severity.WARNING,
                cluster.name,
                "Kubernetes RBAC is off: AKS rotates no certificate of such a cluster by itself.",
                "It cannot be switched on later: make a new cluster, or rotate by hand in time (az aks rotate-certs).",
            )
        )
    for pool in cluster.pools:
        found += [*_pool_state(facts, pool), *_serving(cluster, pool, by_pool.get(pool.name, []))]
        if isinstance(pool.snapshot, Failure):
            found.append(
                Finding(
                    Severity.BLIND,
                    f"node pool {pool.name}",
                    f"The snapshot this node pool was made from could not be read: {pool.snapshot.words}.",
                    _NEXT_BY_REASON.get(pool.snapshot.reason, _NEXT),
                )
            )
    return worst_first(tuple(found))


def serving_words(cluster: AzureCluster, pool: AzurePool) -> str:
    """What keeps kubelet serving certificate rotation off in a node pool, in a few words."""
    if found := obstacles(cluster, pool):
        return ", ".join(OBSTACLE_WORDS[one] for one in found)
    if pool.opted_out is None:
        return "the tags cannot be read"
    if isinstance(pool.snapshot, Failure):
        return f"the snapshot cannot be read: {pool.snapshot.reason}"
    if isinstance(pool.snapshot, Snapshot) and pool.snapshot.serving_rotation is None:
        return "the snapshot's image has no date"
    return "nothing in the way"


def _cluster_state(facts: AzureFacts, now: float) -> Iterator[Finding]:
    cluster = facts.cluster
    pair, where = ("cluster", cluster.name), f"-g {cluster.resource_group} -n {cluster.name}"
    since = facts.since.get(pair, now)
    begun = f"as this process has seen since {utc_time(since)}"
    if cluster.state in _OPERATIONS:
        what = f"Azure {_OPERATIONS[cluster.state]} ({cluster.provisioning_state}), {begun}"
        if now - since > LONGEST_ROTATION:
            yield Finding(
                Severity.CRITICAL,
                cluster.name,
                f"{what}: {span(now - since)}, where half an hour is usual.",
                f"Look: az aks operation show-latest {where}; end it with az aks operation-abort {where}, then run "
                f"az aks rotate-certs {where} again.",
                "AksCertClusterRotationStuck",
            )
        else:
            yield Finding(
                Severity.INFO,
                cluster.name,
                f"{what}. Nodes and API server may be away for up to 30 minutes.",
                "Wait for Succeeded. After a rotation of the CA: az aks get-credentials --overwrite-existing "
                f"{where}, and restart what still trusts the old CA.",
                "AksCertClusterRotationRunning",
            )
    elif cluster.state in {StateClass.FAILED, StateClass.CANCELED}:
        before = facts.before.get(pair)
        error = f" Azure's words: {cluster.error}" if cluster.error else ""
        if before in _OPERATIONS:
            yield Finding(
                Severity.CRITICAL,
                cluster.name,
                f"The certificate rotation ended as {cluster.provisioning_state}, {begun}.{error}",
                f"Run it again, as the AKS page says: az aks rotate-certs {where}.",
                "AksCertClusterRotationStuck",
            )
        else:
            unknown = "" if before else " Which operation that was, was not seen."
            yield Finding(
                Severity.WARNING,
                cluster.name,
                f"Azure's last operation on the cluster is {cluster.provisioning_state}, {begun}.{unknown}{error}",
                f"See which: az aks operation show-latest {where}. If it was a certificate rotation, run "
                f"az aks rotate-certs {where} again.",
                "" if before else "AksCertClusterRotationStuck",
            )
    elif cluster.state is StateClass.ROTATING_SIGNING_KEYS:
        yield Finding(
            Severity.INFO,
            cluster.name,
            f"Azure rotates the service accounts' signing keys ({cluster.provisioning_state}), {begun}.",
            "Other operations wait for it. Pods that keep a copy of their token need a restart afterwards.",
        )


def _cluster_power(cluster: AzureCluster) -> Iterator[Finding]:
    if cluster.power_state == _STOPPED:
        yield Finding(
            Severity.WARNING,
            cluster.name,
            "The cluster is stopped: a rotation meanwhile renews the control plane's certificates and no node's.",
            "Start it before its nodes' certificates end, within a year of the last rotation: az aks start "
            f"-g {cluster.resource_group} -n {cluster.name}. If nodes stay NotReady, make their pool anew.",
            "AksCertNodePoolMissedRotation",
        )


def _pool_state(facts: AzureFacts, pool: AzurePool) -> Iterator[Finding]:
    cluster = facts.cluster
    where = f"-g {cluster.resource_group} --cluster-name {cluster.name} -n {pool.name}"
    if pool.state in {StateClass.FAILED, StateClass.CANCELED}:
        rotated = facts.before.get(("agentpool", pool.name)) in _OPERATIONS
        error = f" Azure's words: {pool.error}" if pool.error else ""
        yield Finding(
            Severity.WARNING,
            f"node pool {pool.name}",
            f"{'The certificate rotation' if rotated else 'The last operation'} on the node pool is "
            f"{pool.provisioning_state}.{error}",
            f"See why: az aks nodepool show {where} --query status.provisioningError.",
        )
    if pool.power_state == _STOPPED and cluster.power_state != _STOPPED:
        yield Finding(
            Severity.INFO,
            f"node pool {pool.name}",
            "The node pool is stopped: its nodes' certificates go on ageing, and nothing renews them meanwhile.",
            f"Start it within a year of the last rotation (az aks nodepool start {where}), or make it anew.",
            "AksCertNodePoolMissedRotation",
        )


def _serving(cluster: AzureCluster, pool: AzurePool, nodes: list[Node]) -> Iterator[Finding]:
    """Kubelet serving certificate rotation: what keeps it off, and nodes that do not follow."""
    where = f"-g {cluster.resource_group} --cluster-name {cluster.name} -n {pool.name}"
    reimage = f"az aks nodepool upgrade {where} --node-image-only"
    found = obstacles(cluster, pool)
    on = sum(node.serving_rotation is Rotation.ENABLED for node in nodes)
    off = sum(node.serving_rotation is Rotation.DISABLED for node in nodes)
    if Obstacle.OPT_OUT_TAG in found:
        yield Finding(
            Severity.INFO,
            f"node pool {pool.name}",
            f"The tag {pool.opt_out_tag} switches serving certificate rotation off for the node pool{_odd(pool)}. "
            f"AKS no longer honours it from {RETIRES} on.",
            f"Remove the tag (az aks nodepool update {where} --tags …) and make the nodes anew: {reimage}.",
            "AksCertServingOptOutTag",
        )
        if on:
            yield Finding(
                Severity.WARNING,
                f"node pool {pool.name}",
                f"Serving certificate rotation still runs on {some_of(on, len(nodes))} although the node pool's tag "
                "says no: a node reads the tag once, when it is made.",
                f"Make the nodes anew ({reimage}), or remove the tag.",
                "AksCertRotationEvidenceConflict",
            )
    if Obstacle.VERSION in found:
        yield Finding(
            Severity.INFO,
            f"node pool {pool.name}",
            f"Kubernetes {pool.kubernetes_version} has no serving certificate rotation on AKS; 1.27 has.",
            f"Upgrade the cluster and the node pool: az aks nodepool upgrade {where} --kubernetes-version VERSION.",
        )
    if Obstacle.SNAPSHOT in found:
        yield Finding(
            Severity.INFO,
            f"node pool {pool.name}",
            "The node pool was made from a snapshot older than node image 202501.12.0, which has no "
            "serving certificate rotation.",
            "Take a new snapshot (az aks nodepool snapshot create) and make the node pool from that one.",
        )
    if not found and off and pool.opted_out is False and not isinstance(pool.snapshot, Failure):
        yield Finding(
            Severity.INFO,
            f"node pool {pool.name}",
            f"Serving certificate rotation is off on {some_of(off, len(nodes))}, and nothing that Azure tells keeps it "
            "off: made before the tag was removed or before AKS offered it there.",
            f"Make the nodes anew: {reimage}. It comes with the first upgrade of cluster and node pool.",
            "AksCertRotationDisabled",
        )


def _odd(pool: AzurePool) -> str:
    """On Linux AKS looks for the tag's name and for `true` anywhere in a tag, so that one of another meaning may do."""
    plain = pool.opt_out_tag.lower() == f"{TAG}=true"
    return (
        "" if plain else f": on Linux AKS takes any tag for it whose name contains {TAG} and whose value contains true"
    )
