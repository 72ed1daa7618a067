"""Workloads that read the retired kubelet serving certificate in, what to set instead out."""

from collections import defaultdict
from collections.abc import Iterator
from shlex import quote

from exporter.facts.cluster import ClusterFacts
from exporter.facts.kube.workload import WorkloadUse
from exporter.facts.opt_out_tag import RETIRES
from exporter.findings import Finding, Kind, Severity, Step, Subject
from exporter.findings.formatting import names_listed
from exporter.reason import RetiredPathUse

__all__ = ["workload_findings"]

_HOW = {
    RetiredPathUse.MOUNT: "mounts it from its nodes",
    RetiredPathUse.ARGUMENT: "names it in its command, arguments or environment",
    RetiredPathUse.CONFIGMAP: "reads a ConfigMap that names it",
}


def workload_findings(cluster: ClusterFacts) -> Iterator[Finding]:
    """One for each workload."""
    ways: dict[tuple[str, str, str], list[WorkloadUse]] = defaultdict(list)
    for one in cluster.workloads or ():
        ways[one.namespace, one.kind, one.name].append(one)
    for (namespace, kind, name), uses in ways.items():
        yield _finding(namespace, kind, name, uses)


def _finding(namespace: str, kind: str, name: str, uses: list[WorkloadUse]) -> Finding:
    look = f"kubectl get {kind.lower()} -n {quote(namespace)} {quote(name)} -o yaml"
    how = names_listed(_HOW[one.how] for one in uses)
    first = (
        Step("AKS installs it and changes it: upgrade the cluster, and open a support request if it stays so.")
        if uses[0].of_aks
        else Step(
            "Have it verify the kubelet by the cluster's CA instead, and mount no file of the node for that: "
            "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt is in every Pod. An agent that must read the "
            "certificate itself finds it at /var/lib/kubelet/pki/kubelet-server-current.pem on the node."
        )
    )
    return Finding(
        Severity.WARNING,
        Subject(Kind.WORKLOAD, f"{kind} {namespace}/{name}"),
        f"It {how}: /etc/kubernetes/certs/kubeletserver.*, which is gone where serving certificates rotate.",
        (
            first,
            Step("Look at where it names the file.", look),
        ),
        "AksCertRetiredPathInUse",
        f"From {RETIRES} on AKS no longer honours the tag that keeps rotation off. On a node made anew after that, a "
        "mount of the file holds its Pods up, and whatever verifies the kubelet by it fails.",
    )
