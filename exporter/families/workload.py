"""akscert_workload_*: who reads what AKS no longer has once kubelet serving certificates rotate."""

from collections.abc import Iterator

from exporter.facts.cluster import ClusterFacts
from exporter.metric import Family, Metric
from exporter.reason import RetiredPathUse

__all__ = ["families"]

USES_RETIRED_PATH = Metric(
    "akscert_workload_uses_retired_path",
    "1; a workload that reads /etc/kubernetes/certs/kubeletserver.* of its nodes, which AKS no longer has once serving "
    "certificate rotation is on, for good with 2027-04-01. configmap: a ConfigMap that it reads names the file.",
    ("namespace", "kind", "name", "how"),
    words={
        "kind": ("DaemonSet", "Deployment", "StatefulSet", "CronJob"),
        "how": tuple(RetiredPathUse),
    },
)


def families(cluster: ClusterFacts) -> Iterator[Family]:
    """Samples of each way of each workload."""
    yield USES_RETIRED_PATH.family(
        ((one.namespace, one.kind, one.name, one.how), 1.0) for one in cluster.workloads or ()
    )
