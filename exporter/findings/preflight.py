"""The answers about the next certificate requests in; which of them would not be approved, and what to do, out."""

from collections import defaultdict
from collections.abc import Iterator

from exporter.facts.cluster import ClusterFacts
from exporter.findings import Finding, Kind, Severity, Step, Subject
from exporter.findings.azure import place_of
from exporter.findings.commands import step
from exporter.findings.formatting import names_listed
from exporter.reason import PreflightStep, Requestor, Role

__all__ = ["preflight_findings"]

_ROLES = {
    (Requestor.NODE, PreflightStep.APPROVAL): (
        "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient",
        "system:nodes",
    ),
    (Requestor.BOOTSTRAP, PreflightStep.APPROVAL): (
        "system:certificates.k8s.io:certificatesigningrequests:nodeclient",
        "system:bootstrappers",
    ),
    (Requestor.BOOTSTRAP, PreflightStep.REQUEST): ("system:node-bootstrapper", "system:bootstrappers"),
}
"""ClusterRole, and the group that it is bound to (Kubernetes, TLS bootstrapping)."""
_BINDINGS = "kubectl get clusterrolebindings -o wide | grep -E 'nodeclient|node-bootstrapper'"


def preflight_findings(cluster: ClusterFacts) -> Iterator[Finding]:
    """One for each kind of requestor and step; node pools alike are one."""
    refused: dict[tuple[Requestor, PreflightStep], list[str]] = defaultdict(list)
    for one in cluster.preflight or ():
        if not one.allowed:
            refused[one.question.requestor, one.question.step].append(one.question.agentpool or "(no pool)")
    for (requestor, asked), pools in refused.items():
        yield _finding(cluster, requestor, asked, pools)


def _finding(cluster: ClusterFacts, requestor: Requestor, asked: PreflightStep, pools: list[str]) -> Finding:
    new = requestor is Requestor.BOOTSTRAP
    whose = "a new node's request" if new else "the nodes' next request"
    verb = "may not even be sent" if asked is PreflightStep.REQUEST else "would not be approved"
    role = _ROLES.get((requestor, asked))
    bound = (
        (
            Step(
                f"Bind it again, if nobody took it away on purpose: ClusterRole {role[0]}, group {role[1]}.",
                f"kubectl create clusterrolebinding akscert-{role[0].rpartition(':')[2]} --clusterrole={role[0]} "
                f"--group={role[1]}",
            ),
        )
        if role
        else ()
    )
    return Finding(
        Severity.WARNING,
        Subject(Kind.CLUSTER, "new nodes") if new else Subject(Kind.NODE_POOL, names_listed(pools)),
        f"The API server says that {whose} for a client certificate {verb}.",
        (
            Step("See what is bound.", _BINDINGS),
            *bound,
            step(
                "AKS makes these bindings: an update without flags reconciles them.",
                place_of(cluster.azure).aks("update", "--yes"),
            ),
        ),
        "AksCertRenewalNotAllowed",
        "No new node can join." if new else "Nothing is broken yet: each node drops out when its certificate ends.",
        role=Role.KUBELET_CLIENT,
    )
