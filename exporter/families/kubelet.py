"""akscert_kubelet_*: what came of asking each kubelet itself, and what it says of its renewals."""

from collections.abc import Iterator

from exporter.facts.cluster import ClusterFacts
from exporter.metric import Family, Metric, MetricKind
from exporter.reason import KubeletStatus, Role

__all__ = ["families"]

STATUS = Metric(
    "akscert_kubelet_status",
    "1, with what came of asking the node's kubelet. untrusted: its certificate does not verify for that node under "
    "the cluster CA, and no credential was sent.",
    ("node", "status"),
    words={"status": tuple(KubeletStatus)},
)
RENEW_ERRORS = Metric(
    "akscert_kubelet_renew_errors_total",
    "Failed renewals of the kubelet's certificate, by the kubelet's own counter.",
    ("node", "role"),
    MetricKind.COUNTER,
    words={"role": (Role.KUBELET_CLIENT, Role.KUBELET_SERVING)},
)


def families(cluster: ClusterFacts) -> Iterator[Family]:
    """Samples of every kubelet that was asked."""
    reports = [one.view.report for one in (cluster.observations or {}).values() if one.view is not None]
    yield STATUS.family(((one.node, one.status), 1.0) for one in reports)
    yield RENEW_ERRORS.family(((one.node, role), count) for one in reports for role, count in one.renew_errors)
