"""What Azure says of a cluster in, what is wrong with it out: which state, since when, what to do next."""

from collections.abc import Iterable, Iterator

from exporter.facts.azure.managed_cluster import AzureCluster, AzureFacts, AzurePool, Snapshot
from exporter.facts.azure.provisioning_state import StateClass
from exporter.facts.azure.serving_rotation import Obstacle, obstacles
from exporter.facts.kube.node import Node
from exporter.facts.opt_out_tag import RETIRES, TAG
from exporter.facts.source import Failure
from exporter.findings import Finding, Kind, Severity, Step, Subject, worst_first
from exporter.findings.azure_wording import OBSTACLE_WORDS, OPERATION_WORDS
from exporter.findings.commands import Place, step
from exporter.findings.formatting import lasting, some_of, span
from exporter.findings.limits import rotation_running
from exporter.reason import Reason, Rotation

__all__ = ["azure_findings", "azure_unanswered", "place_of", "serving_words"]

_STOPPED = "Stopped"

_LOGIN = (
    Step("On a laptop: log in.", "az login"),
    Step("For the agent: give it a workload identity as docs/azure.md shows."),
)
_NEXT_BY_REASON = {
    Reason.CREDENTIALS: _LOGIN,
    Reason.UNAUTHORIZED: _LOGIN,
    Reason.FORBIDDEN: (
        Step("Assign the role in docs/azure-role.json to the identity, at the scope that docs/azure.md names."),
    ),
    Reason.NOT_FOUND: (step("Compare --azure.resource-id with the cluster's own.", Place().aks("show", "--query id")),),
    Reason.THROTTLED: (
        Step("Wait: the agent asks again when Azure allows it. See who else asks with the same identity."),
    ),
}
_NEXT = (Step("See the troubleshooting table of docs/azure.md."),)


def azure_unanswered(failure: Failure) -> Finding:
    """That Azure could not be asked: the rest of the report holds without it."""
    return Finding(
        Severity.UNKNOWN,
        Subject(Kind.SOURCE, "Azure"),
        f"Azure could not be asked: {failure.words}.",
        _NEXT_BY_REASON.get(failure.reason, _NEXT),
        "AksCertSourceDown",
    )


def place_of(facts: AzureFacts | None) -> Place:
    """The cluster's names for commands; placeholders where Azure was not asked."""
    return Place(facts.cluster.resource_group, facts.cluster.name) if facts else Place()


def azure_findings(facts: AzureFacts, nodes: Iterable[Node], now: float) -> tuple[Finding, ...]:
    """The findings about a cluster and its node pools, worst first. `now` in Unix seconds."""
    cluster = facts.cluster
    by_pool: dict[str, list[Node]] = {}
    for node in nodes:
        by_pool.setdefault(node.agentpool, []).append(node)
    found = [*_cluster_state(facts, now), *_cluster_power(facts)]
    if cluster.rbac is False:
        found.append(
            Finding(
                Severity.WARNING,
                Subject(Kind.CLUSTER, cluster.name),
                "Kubernetes RBAC is off: AKS rotates no certificate of such a cluster by itself.",
                (
                    step("Rotate by hand before the certificates end.", place_of(facts).rotate_certs),
                    Step("RBAC cannot be switched on later: plan a new cluster."),
                ),
            )
        )
    for pool in cluster.pools:
        found += [*_pool_state(facts, pool), *_serving(facts, pool, by_pool.get(pool.name, []))]
        if isinstance(pool.snapshot, Failure):
            found.append(
                Finding(
                    Severity.UNKNOWN,
                    Subject(Kind.NODE_POOL, pool.name),
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
    cluster, place = facts.cluster, place_of(facts)
    pair, subject = ("cluster", cluster.name), Subject(Kind.CLUSTER, cluster.name)
    since = facts.since.get(pair, now)
    begun = f"This process has seen it {lasting(since, now)}."
    abort = place.aks("operation-abort")
    if cluster.state in OPERATION_WORDS:
        what = f"Azure {OPERATION_WORDS[cluster.state]} ({cluster.provisioning_state})"
        if (severity := rotation_running(since, now)) is Severity.CRITICAL:
            yield Finding(
                severity,
                subject,
                f"{what}, and has not finished after {span(now - since)}.",
                (
                    *_last_operation(place),
                    step("End the operation.", abort),
                    step("Then rotate again.", place.rotate_certs),
                ),
                "AksCertClusterRotationStuck",
                f"Half an hour is usual. {begun}",
                since=since,
            )
        else:
            yield Finding(
                severity,
                subject,
                f"{what}.",
                (
                    step("Wait until this prints Succeeded.", place.state),
                    step("After a rotation of the CA, write the kubeconfigs anew.", place.get_credentials),
                    Step("Then restart whatever still trusts the former CA."),
                ),
                "AksCertClusterRotationRunning",
                f"Nodes and API server may be away for up to 30 minutes. {begun}",
                since=since,
            )
    elif cluster.state in {StateClass.FAILED, StateClass.CANCELED}:
        before = facts.before.get(pair)
        error = f" Azure says: {cluster.error}" if cluster.error else ""
        if before in OPERATION_WORDS:
            yield Finding(
                Severity.CRITICAL,
                subject,
                f"The certificate rotation ended as {cluster.provisioning_state}.",
                (step("Run it again, as the AKS page says.", place.rotate_certs),),
                "AksCertClusterRotationStuck",
                f"{begun}{error}",
                since=since,
            )
        else:
            unknown = "" if before else " Which operation that was, this process has not seen."
            yield Finding(
                Severity.WARNING,
                subject,
                f"Azure's last operation on the cluster is {cluster.provisioning_state}.",
                (
                    *_last_operation(place),
                    step("If it was a certificate rotation, run it again.", place.rotate_certs),
                ),
                why=f"{begun}{unknown}{error}",
                since=since,
            )
    elif cluster.state is StateClass.ROTATING_SIGNING_KEYS:
        yield Finding(
            Severity.INFO,
            subject,
            f"Azure rotates the service accounts' signing keys ({cluster.provisioning_state}).",
            (
                step("Wait until this prints Succeeded; other operations wait for it too.", place.state),
                Step("Then restart Pods that keep a copy of their token."),
            ),
            why=begun,
            since=since,
        )


def _last_operation(place: Place) -> tuple[Step, ...]:
    return (
        Step("Install the extension that knows operations, once.", "az extension add --name aks-preview"),
        step("See which operation it was and how it went.", place.aks("operation show-latest")),
    )


def _cluster_power(facts: AzureFacts) -> Iterator[Finding]:
    if facts.cluster.power_state == _STOPPED:
        yield Finding(
            Severity.WARNING,
            Subject(Kind.CLUSTER, facts.cluster.name),
            "The cluster is stopped: a rotation meanwhile renews the control plane's certificates and no node's.",
            (
                step("Start it within a year of the last rotation.", place_of(facts).aks("start")),
                Step("If nodes stay NotReady after that, make their node pool anew."),
            ),
            "AksCertNodePoolMissedRotation",
        )


def _pool_state(facts: AzureFacts, pool: AzurePool) -> Iterator[Finding]:
    place, subject = place_of(facts), Subject(Kind.NODE_POOL, pool.name)
    if pool.state in {StateClass.FAILED, StateClass.CANCELED}:
        rotated = facts.before.get(("agentpool", pool.name)) in OPERATION_WORDS
        yield Finding(
            Severity.WARNING,
            subject,
            f"{'The certificate rotation' if rotated else 'The last operation'} on the node pool is "
            f"{pool.provisioning_state}.",
            (step("See why.", place.nodepool("show", pool.name, "--query status.provisioningError")),),
            why=f"Azure says: {pool.error}" if pool.error else "",
        )
    if pool.power_state == _STOPPED and facts.cluster.power_state != _STOPPED:
        yield Finding(
            Severity.INFO,
            subject,
            "The node pool is stopped: its nodes' certificates grow older, and nothing renews them meanwhile.",
            (
                step("Start it within a year of the last rotation.", place.nodepool("start", pool.name)),
                Step("If it is no longer needed, delete it."),
            ),
            "AksCertNodePoolMissedRotation",
        )


def _serving(facts: AzureFacts, pool: AzurePool, nodes: list[Node]) -> Iterator[Finding]:
    """Kubelet serving certificate rotation: what keeps it off, and nodes that do not follow."""
    place, subject = place_of(facts), Subject(Kind.NODE_POOL, pool.name)
    renew = step("Make the nodes anew.", place.nodepool("upgrade", pool.name, "--node-image-only"))
    remove = step(
        "Remove the tag: this replaces all tags of the node pool, so give those to keep in place of ''.",
        place.nodepool("update", pool.name, "--tags ''"),
    )
    found = obstacles(facts.cluster, pool)
    on = sum(node.serving_rotation is Rotation.ENABLED for node in nodes)
    off = sum(node.serving_rotation is Rotation.DISABLED for node in nodes)
    if Obstacle.OPT_OUT_TAG in found:
        yield Finding(
            Severity.INFO,
            subject,
            f"The tag {pool.opt_out_tag} switches serving certificate rotation off for the node pool{_odd(pool)}.",
            (remove, renew),
            "AksCertServingOptOutTag",
            f"AKS ignores the tag from {RETIRES} on.",
        )
        if on:
            yield Finding(
                Severity.WARNING,
                subject,
                f"Serving certificate rotation still runs on {some_of(on, len(nodes))} although the node pool's tag "
                "switches it off.",
                (renew, remove),
                "AksCertRotationEvidenceConflict",
                "A node reads the tag only once, when it is made.",
            )
    if Obstacle.VERSION in found:
        yield Finding(
            Severity.INFO,
            subject,
            f"Kubernetes {pool.kubernetes_version} has no serving certificate rotation on AKS; 1.27 has.",
            (
                step(
                    "Upgrade the control plane.",
                    place.aks("upgrade", "--control-plane-only --kubernetes-version VERSION"),
                ),
                step("Then the node pool.", place.nodepool("upgrade", pool.name, "--kubernetes-version VERSION")),
            ),
        )
    if Obstacle.SNAPSHOT in found:
        yield Finding(
            Severity.INFO,
            subject,
            "The node pool was made from a snapshot older than node image 202501.12.0, which has no "
            "serving certificate rotation.",
            (Step("Take a new snapshot of a node pool with a newer image, and make this node pool from that one."),),
        )
    if not found and off and pool.opted_out is False and not isinstance(pool.snapshot, Failure):
        yield Finding(
            Severity.INFO,
            subject,
            f"Serving certificate rotation is off on {some_of(off, len(nodes))}, and nothing in Azure keeps it off.",
            (renew,),
            "AksCertRotationDisabled",
            "The nodes were made before the tag was removed, or before AKS offered rotation there; it comes with the "
            "first upgrade of cluster and node pool.",
        )


def _odd(pool: AzurePool) -> str:
    """On Linux AKS looks for the tag's name and for `true` anywhere in a tag, so that one of another meaning may do."""
    plain = pool.opt_out_tag.lower() == f"{TAG}=true"
    return (
        "" if plain else f": on Linux AKS takes any tag for it whose name contains {TAG} and whose value contains true"
    )
