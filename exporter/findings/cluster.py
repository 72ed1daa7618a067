"""A cluster's facts in, what is wrong with it out: each finding says what, since or until when, why and what to do."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from exporter.facts.azure.node_image import SERVING_ROTATION_IMAGE, image_date
from exporter.facts.cluster import ClusterFacts
from exporter.facts.kube.csr import SIGNER_ROLES
from exporter.facts.kube.node import Node
from exporter.facts.kube.node_requests import NodeRequests, Rejected
from exporter.facts.source import Failure, SourceFacts
from exporter.findings import Finding, Severity, worst_first
from exporter.findings.azure import azure_findings, azure_unanswered
from exporter.findings.control_plane import control_plane_findings
from exporter.findings.formatting import names_listed, some_of, until
from exporter.reason import CsrOutcome, Reason, Role, Rotation, Source

__all__ = ["PENDING", "RECENT", "certificate_words", "cluster_findings", "serving_off_reason"]

PENDING = (20 * 60.0, 6 * 3600.0)
"""Seconds a request may wait before it is a warning, and before it is critical."""
RECENT = 3600.0
"""Seconds for which a refusal is news: as long as its object exists."""
MANY = 5
"""Nodes that wait for, or were refused by, the same signer, above which they are one finding."""

_ROLE_WORDS = {Role.KUBELET_CLIENT: "client certificate", Role.KUBELET_SERVING: "serving certificate"}

_SOURCE_WORDS = {
    Source.CSRS: "certificate signing requests",
    Source.NODES: "nodes",
    Source.CONFIGMAPS: "the cluster's CAs and age",
    Source.LEASES: "the signers' leases",
    Source.WEBHOOKS: "admission webhooks",
    Source.APISERVICES: "APIServices",
}

_NEXT_BY_REASON = {
    Reason.FORBIDDEN: "Grant the rights that the chart's ClusterRole lists: kubectl auth can-i --list.",
    Reason.UNAUTHORIZED: "The credentials are not accepted: az aks get-credentials --overwrite-existing, or log in.",
    Reason.CERTIFICATE_UNTRUSTED: "The CA here is not the one of the API server: az aks get-credentials "
    "--overwrite-existing; in a Pod, wait for the kubelet to renew the mounted one.",
    Reason.CREDENTIALS: "Log in anew (az login, kubelogin), or repair the kubeconfig.",
}
_NEXT = "Try it by hand with the same kubeconfig: kubectl get --raw /readyz."


def cluster_findings(cluster: ClusterFacts, sources: Iterable[SourceFacts], now: float) -> tuple[Finding, ...]:
    """The findings about a cluster, worst first. `now` in Unix seconds."""
    nodes = cluster.nodes or ()
    found = [
        *_sources(sources),
        *_requests(cluster, now),
        *control_plane_findings(cluster, now),
        *_serving_off(cluster, nodes),
        *_serving_unknown(nodes),
        *(azure_findings(cluster.azure, nodes, now) if cluster.azure else ()),
    ]
    return worst_first(tuple(found))


def _sources(sources: Iterable[SourceFacts]) -> Iterator[Finding]:
    alike: dict[tuple[Reason, str], list[Source]] = defaultdict(list)
    for facts in sources:
        if facts.up is not False or facts.last_reason is None:
            continue
        if facts.source is Source.AZURE:
            yield azure_unanswered(Failure(facts.last_reason, facts.last_error))
        elif facts.source in _SOURCE_WORDS:  # each address of the API server that does not answer is another finding
            alike[facts.last_reason, facts.last_error].append(facts.source)
    for (reason, words), those in alike.items():
        yield Finding(
            Severity.BLIND,
            "Kubernetes API" if those[1:] else those[0],
            f"{_list(_SOURCE_WORDS[one] for one in those)} could not be looked at: {words}.",
            _NEXT_BY_REASON.get(reason, _NEXT),
            "AksCertSourceDown",
        )


def _list(words: Iterable[str]) -> str:
    joined = names_listed(words)
    return joined[0].upper() + joined[1:]


def _requests(cluster: ClusterFacts, now: float) -> Iterator[Finding]:
    if cluster.csrs is None:
        return
    waiting: dict[tuple[str, Severity], list[tuple[float, NodeRequests]]] = defaultdict(list)
    refused: dict[tuple[str, CsrOutcome], list[tuple[Rejected, NodeRequests]]] = defaultdict(list)
    for one in cluster.csrs.nodes:
        if one.pending_since is not None and now - one.pending_since > PENDING[0]:
            critical = now - one.pending_since > PENDING[1]
            key = (one.signer_name, Severity.CRITICAL if critical else Severity.WARNING)
            waiting[key].append((one.pending_since, one))
        if one.rejected is not None and now - one.rejected.at < RECENT:
            refused[one.signer_name, one.rejected.outcome].append((one.rejected, one))
    for (signer, outcome), lot in refused.items():
        yield from _rejected(signer, outcome, sorted(lot, key=lambda pair: (pair[0].at, pair[1].node)), now)
    for (signer, severity), those in waiting.items():
        yield from _pending(signer, severity, sorted(those, key=lambda pair: (pair[0], pair[1].node)), now)
    if cluster.csrs.untracked:
        yield Finding(
            Severity.BLIND,
            "certificate signing requests",
            f"{cluster.csrs.untracked} requests are for more nodes than can be followed: since when those wait is not "
            "known.",
            "See who sends them: kubectl get csr -o wide.",
        )


def _pending(signer: str, severity: Severity, those: list[tuple[float, NodeRequests]], now: float) -> Iterator[Finding]:
    what = certificate_words(signer)
    if len(those) > MANY:
        since, first = those[0]
        yield Finding(
            severity,
            f"{len(those)} nodes",
            f"They wait for a {what}; the first, {first.node}, has since {until(since, now)}. So many at once are a "
            "matter of the control plane.",
            f"kubectl get csr --field-selector spec.signerName={signer} shows them; kubectl get lease -n kube-system "
            "kube-controller-manager kubelet-serving-csr-approver shows whether anybody approves and signs.",
            "AksCertCsrPending",
        )
        return
    for since, one in those:
        state = "is approved, but nobody issues the certificate" if one.approved else "has no answer"
        yield Finding(
            severity,
            one.node,
            f"It has waited for its {what} since {until(since, now)}: {one.pending_name} {state}"
            + (f", like {one.pending_objects - 1} more." if one.pending_objects > 1 else "."),
            f"kubectl describe csr {one.pending_name} shows why. If requestor and node are the same, and nobody else "
            f"does it: kubectl certificate approve {one.pending_name}.",
            "AksCertCsrPending",
        )


def _rejected(
    signer: str, outcome: CsrOutcome, those: list[tuple[Rejected, NodeRequests]], now: float
) -> Iterator[Finding]:
    denied = outcome is CsrOutcome.DENIED
    what = certificate_words(signer)
    verb = "was denied" if denied else "failed at the signer"
    next_step = (
        "Look for a second approver beside AKS's own: kubectl get deploy -A | grep -i csr."
        if denied
        else "Check the node's addresses and clock, and whether the cluster CA is near its end."
    )
    if len(those) > MANY:
        last, one = those[-1]
        yield Finding(
            Severity.WARNING,
            f"{len(those)} nodes",
            f"The last request of each for a {what} {verb}; the latest, {last.name} of {one.node}, at "
            f"{until(last.at, now)}{_answer(last)}.",
            next_step,
            "AksCertCsrRejected",
        )
        return
    for last, one in those:
        yield Finding(
            Severity.WARNING,
            one.node,
            f"Its request for a {what}, {last.name}, {verb} at {until(last.at, now)}{_answer(last)}.",
            next_step,
            "AksCertCsrRejected",
        )


def certificate_words(signer: str) -> str:
    """What a signer's certificates are to a node."""
    role = SIGNER_ROLES.get(signer)
    return _ROLE_WORDS[role] if role else f"certificate of {signer}"


def _answer(rejected: Rejected) -> str:
    return f": {rejected.words.rstrip('.')}" if rejected.words else ""


def _serving_off(cluster: ClusterFacts, nodes: Iterable[Node]) -> Iterator[Finding]:
    """Where Azure describes a pool, it knows better why."""
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
            f"node pool{'s' if those[1:] else ''} {names_listed(pool for pool, _, _ in those)}",
            f"Serving certificate rotation is off on {some_of(off_nodes, all_nodes)}: {reasons}.",
            "Upgrade cluster and node pool (az aks nodepool upgrade, with --node-image-only where the version is "
            "recent): it comes with that and cannot be switched on.",
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
            f"{len(unknown)} node{'s' if unknown[1:] else ''}",
            f"AKS does not label them, so whether their serving certificate rotates cannot be told from here: {shown}.",
            "Virtual nodes have no such certificate; on others look at the node agent's akscert_rotation_state.",
        )
