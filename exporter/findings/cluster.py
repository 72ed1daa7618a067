"""A cluster's facts in, what is wrong with it out: each finding says what, since or until when, why and what to do."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from shlex import quote

from exporter.facts.azure.node_image import SERVING_ROTATION_IMAGE, image_date
from exporter.facts.cluster import ClusterFacts
from exporter.facts.kube.csr import SIGNER_ROLES
from exporter.facts.kube.node import Node
from exporter.facts.kube.node_requests import NodeRequests, Rejected
from exporter.facts.source import Failure, SourceFacts
from exporter.findings import Finding, Kind, Severity, Step, Subject, worst_first
from exporter.findings.azure import azure_findings, azure_unanswered, place_of
from exporter.findings.commands import Place, step
from exporter.findings.compared import machine_of
from exporter.findings.control_plane import control_plane_findings
from exporter.findings.endpoints import endpoint_findings
from exporter.findings.formatting import lasting, names_listed, some_of, when
from exporter.findings.limits import REJECTED, csr_pending
from exporter.findings.observed import observed_findings
from exporter.findings.preflight import preflight_findings
from exporter.findings.wording import CERTIFICATE_WORDS, SOURCE_WORDS
from exporter.findings.workloads import workload_findings
from exporter.reason import Ca, CsrOutcome, Observer, Reason, Rotation, Source

__all__ = ["certificate_words", "cluster_findings", "serving_off_reason"]

_RIGHTS = Step("Grant the rights that the chart's ClusterRole lists.", "kubectl auth can-i --list")
_NAMESPACE = re.compile(r'in the namespace "([a-z0-9-]{1,63})"')
"""The API server says so of a right that a Role would give (apiserver, handlers/responsewriters: forbiddenMessage)."""
_UNTRUSTED = "The CA here is not the API server's. In a Pod, wait until the kubelet renews the mounted one."
_TRY = (Step("Try it by hand with the same kubeconfig.", "kubectl get --raw /readyz"),)


def _next(reason: Reason, words: str, place: Place) -> tuple[Step, ...]:
    match reason:
        case Reason.FORBIDDEN:
            return tuple(_rights(words))
        case Reason.BUG:
            return (Step("Report it with these words, and with what the agent's log level debug shows of it."),)
        case Reason.UNAUTHORIZED:
            return (
                step("The credentials are not accepted: log in, or write the kubeconfig anew.", place.get_credentials),
            )
        case Reason.CERTIFICATE_UNTRUSTED:
            return (Step(_UNTRUSTED), step("Elsewhere, write the kubeconfig anew.", place.get_credentials))
        case Reason.CREDENTIALS:
            return (Step("Log in again, or repair the kubeconfig.", "az login"),)
    return _TRY


def _rights(words: str) -> Iterator[Step]:
    """A refusal may be about objects of one namespace, whose rights are in a Role there and in no ClusterRole."""
    namespaces = dict.fromkeys(_NAMESPACE.findall(words))
    for namespace in namespaces:
        yield Step(
            f"Grant the rights that the chart's Role in the namespace {namespace} lists.",
            f"kubectl auth can-i --list -n {namespace}",
        )
    if not namespaces or "at the cluster scope" in words:
        yield _RIGHTS


def cluster_findings(
    cluster: ClusterFacts, sources: Iterable[SourceFacts], now: float, *, told: frozenset[str] = frozenset()
) -> tuple[Finding, ...]:
    """The findings about a cluster, worst first. `now` in Unix seconds.

    `told`: nodes of whose rotation somebody else tells who asked them; of the others their labels are all there is.
    """
    nodes, sources = cluster.nodes or (), tuple(sources)
    told |= {name for name, one in (cluster.observations or {}).items() if one.by is not Observer.NOBODY}
    by_label = [one for one in nodes if one.name not in told]
    asked = all(one.up is not None for one in sources if one.source in {Source.KUBELETS, Source.NODE_AGENTS})
    found = [
        *_sources(sources, place_of(cluster.azure)),
        *_requests(cluster, now),
        *control_plane_findings(replace(cluster, leases={}) if _unread(Source.LEASES, sources) else cluster, now),
        *endpoint_findings(cluster, now),
        *workload_findings(cluster),
        *preflight_findings(cluster),
        *_serving_off(cluster, by_label),
        *_serving_unknown(nodes),
        *observed_findings(cluster, now, everybody_asked=bool(sources) and asked),
        *(azure_findings(cluster.azure, by_label, now) if cluster.azure else ()),
    ]
    # Of its CA the cluster speaks once; no node's copy does so again, be it a former one.
    of_nodes = {"AksCertClusterCaExpiring"} if cluster.cas.get(Ca.CLUSTER) else set()
    return worst_first(tuple(one for one in found if not (one.node and one.alert in of_nodes)))


def _unread(which: Source, sources: Iterable[SourceFacts]) -> bool:
    """A lease that cannot be read says nothing about its holder: that it cannot be read is the finding."""
    return any(one.source is which and one.up is False for one in sources)


def _sources(sources: Iterable[SourceFacts], place: Place) -> Iterator[Finding]:
    alike: dict[tuple[Reason, str], list[Source]] = defaultdict(list)
    for facts in sources:
        if facts.up is not False:
            continue
        reason = facts.last_reason or Reason.ERROR
        if facts.source is Source.AZURE:
            yield azure_unanswered(Failure(reason, facts.last_error))
        elif facts.source in SOURCE_WORDS:  # each address of the API server that does not answer is another finding
            alike[reason, facts.last_error].append(facts.source)
    for (reason, words), those in alike.items():
        yield Finding(
            Severity.UNKNOWN,
            Subject(Kind.SOURCE, "Kubernetes API" if those[1:] else those[0]),
            f"{_list(SOURCE_WORDS[one] for one in those)} could not be looked at: {words}.",
            _next(reason, words, place),
            "AksCertSourceDown",
        )


def _list(words: Iterable[str]) -> str:
    joined = names_listed(words)
    return joined[0].upper() + joined[1:]


def _requests(cluster: ClusterFacts, now: float) -> Iterator[Finding]:
    if cluster.csrs is None:
        return
    nodes = {node.name: node for node in cluster.nodes or ()}
    for one in cluster.csrs.nodes:
        if one.pending_since is not None and (severity := csr_pending(one.pending_since, now)):
            yield _pending(one, severity, one.pending_since, now)
        if one.rejected is not None and now - one.rejected.at < REJECTED:
            yield _rejected(one, one.rejected, nodes.get(one.node), now)
    if cluster.csrs.untracked:
        yield Finding(
            Severity.UNKNOWN,
            Subject(Kind.CSR, "certificate signing requests"),
            f"There are {cluster.csrs.untracked} requests for more nodes than can be followed: how long those have "
            "waited is not known.",
            (
                Step(
                    "See who sends them.",
                    "kubectl get csr --no-headers -o custom-columns=USER:.spec.username,SIGNER:.spec.signerName "
                    "| sort | uniq -c | sort -rn | head -n 20",
                ),
            ),
            "AksCertCsrFlood",
        )


def _pending(one: NodeRequests, severity: Severity, since: float, now: float) -> Finding:
    state = "is approved, but nobody issues the certificate" if one.approved else "has no answer"
    more = f", like {one.pending_objects - 1} more" if one.pending_objects > 1 else ""
    name = quote(one.pending_name)
    leases = "kubectl get lease -n kube-system kube-controller-manager kubelet-serving-csr-approver"
    return Finding(
        severity,
        Subject(Kind.NODE, one.node),
        f"It has waited for its {certificate_words(one.signer_name)} {lasting(since, now)}: {one.pending_name} "
        f"{state}{more}.",
        (
            Step("Read the request, and whether it comes from this node.", f"kubectl describe csr {name}"),
            Step("See whether anybody approves and signs.", leases),
            *(
                ()
                if one.approved
                else (
                    Step(
                        "Approve it, if it comes from this node and nobody else approves it.",
                        f"kubectl certificate approve {name}",
                    ),
                )
            ),
        ),
        "AksCertCsrPending",
        node=one.node,
        role=SIGNER_ROLES.get(one.signer_name),
        since=since,
    )


def _rejected(one: NodeRequests, last: Rejected, node: Node | None, now: float) -> Finding:
    behind = machine_of(one.node, node, Place())
    denied = last.outcome is CsrOutcome.DENIED
    verb = "was denied" if denied else "failed at the signer"
    steps = (
        (Step("Look for a second approver beside AKS's own.", "kubectl get deployments -A"),)
        if denied
        else (
            Step("Compare the node's addresses with the request's.", f"kubectl get node {quote(one.node)} -o wide"),
            step(
                "Look at the node's clock.",
                behind.run("w32tm /query /status" if behind.windows else "chronyc tracking"),
            ),
        )
    )
    return Finding(
        Severity.WARNING,
        Subject(Kind.NODE, one.node),
        f"Its request for a {certificate_words(one.signer_name)}, {last.name}, {verb} {when(last.at, now)}.",
        (Step("Read the answer.", f"kubectl describe csr {quote(last.name)}"), *steps),
        "AksCertCsrRejected",
        f"The answer says: {last.words.rstrip('.')}." if last.words else "",
        node=one.node,
        role=SIGNER_ROLES.get(one.signer_name),
        since=last.at,
    )


def certificate_words(signer: str) -> str:
    """What a signer's certificates are to a node."""
    role = SIGNER_ROLES.get(signer)
    return CERTIFICATE_WORDS[role] if role else f"certificate of {signer}"


def _serving_off(cluster: ClusterFacts, nodes: Iterable[Node]) -> Iterator[Finding]:
    """Where Azure describes a pool, it knows better why."""
    place = place_of(cluster.azure)
    described = {pool.name for pool in cluster.azure.cluster.pools} if cluster.azure else set()
    pools: dict[str, list[Node]] = defaultdict(list)
    for one in nodes:
        pools[one.agentpool].append(one)
    alike: dict[str, list[tuple[str, int, int]]] = defaultdict(list)
    for pool, members in sorted(pools.items()):
        off = [one for one in members if one.serving_rotation is Rotation.DISABLED]
        if off and pool not in described:
            reasons = "; ".join(sorted({serving_off_reason(one) for one in off}))
            alike[reasons].append((pool, len(off), len(members)))
    for reasons, those in alike.items():
        off_nodes, all_nodes = sum(some for _, some, _ in those), sum(whole for _, _, whole in those)
        yield Finding(
            Severity.INFO,
            Subject(Kind.NODE_POOL, names_listed(pool for pool, _, _ in those)),
            f"Serving certificate rotation is off on {some_of(off_nodes, all_nodes)}: {reasons}.",
            (
                step(
                    "Upgrade the control plane, unless it is recent.",
                    place.aks("upgrade", "--control-plane-only --kubernetes-version VERSION"),
                ),
                step("Make the node pool's nodes anew.", place.nodepool("upgrade", those[0][0], "--node-image-only")),
            ),
            "AksCertRotationDisabled",
        )


def serving_off_reason(node: Node) -> str:
    """The probable reason why a node of AKS has no serving certificate rotation."""
    version = re.match(r"v?(\d{1,4})\.(\d{1,4})", node.kubelet_version)
    if version and (int(version[1]), int(version[2])) < (1, 27):
        return f"Kubernetes {node.kubelet_version} has none, 1.27 has"
    image = image_date(node.node_image_version)
    if image is not None and image < SERVING_ROTATION_IMAGE:
        return f"its image {node.node_image_version} is older than 202501.12.0, by itself or from a snapshot"
    return "opted out by the node pool's tag, or not made anew since AKS offers it there"


def _serving_unknown(nodes: Iterable[Node]) -> Iterator[Finding]:
    unknown = sorted(one.name for one in nodes if one.serving_rotation is Rotation.UNKNOWN)
    if unknown:
        shown = ", ".join(unknown[:3]) + (", …" if unknown[3:] else "")
        yield Finding(
            Severity.INFO,
            Subject(Kind.NODE, unknown[0] if len(unknown) == 1 else f"{len(unknown)} nodes"),
            f"AKS does not label them, so whether their serving certificate rotates cannot be told from here: {shown}.",
            (
                Step(
                    "Look at the label. Virtual nodes have no serving certificate; on others the node agent knows.",
                    "kubectl get nodes -L kubernetes.azure.com/kubelet-serving-ca",
                ),
            ),
        )
