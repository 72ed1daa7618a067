"""akscert_pod_certificate_*: PodCertificateRequests, which newer API servers have for Pods' own certificates."""

from collections.abc import Iterator

from exporter.facts.cluster import ClusterFacts
from exporter.facts.kube.certificates_api import POD_CERTIFICATE_REQUESTS
from exporter.metric import Family, Metric
from exporter.reason import ApiStatus, CsrCondition

__all__ = ["families"]

OBJECTS = Metric(
    "akscert_pod_certificate_request_objects",
    "PodCertificateRequest objects there are now.",
    ("signer_name", "condition"),
    words={
        "condition": (CsrCondition.PENDING, CsrCondition.ISSUED, CsrCondition.DENIED, CsrCondition.FAILED),
    },
)
STATUS = Metric(
    "akscert_pod_certificate_status",
    "1, with what came of looking for PodCertificateRequests. not_served: this API server has none, as those before "
    "Kubernetes 1.34.",
    ("status",),
    words={"status": tuple(ApiStatus)},
)


def families(cluster: ClusterFacts) -> Iterator[Family]:
    """Samples of what was counted."""
    counted = cluster.counted
    yield OBJECTS.family((key, float(count)) for key, count in (counted.requests if counted else {}).items())
    status = counted.statuses.get(POD_CERTIFICATE_REQUESTS) if counted else None
    yield STATUS.family([((status,), 1.0)] if status else ())
