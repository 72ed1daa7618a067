"""akscert_preflight_*: whether the nodes' next certificate requests would be approved, asked months before."""

from collections.abc import Iterator

from exporter.facts.cluster import ClusterFacts
from exporter.metric import Family, Metric
from exporter.reason import PreflightStep, Requestor

__all__ = ["families"]

ALLOWED = Metric(
    "akscert_preflight_allowed",
    "1 if the API server says so, else 0. request: a kubelet may create a CertificateSigningRequest. approval: "
    "kube-controller-manager would approve the one for a client certificate. By node pool; without one, of nodes that "
    "bootstrap.",
    ("agentpool", "requestor", "step"),
    words={"requestor": (Requestor.NODE, Requestor.BOOTSTRAP), "step": tuple(PreflightStep)},
)


def families(cluster: ClusterFacts) -> Iterator[Family]:
    """Samples of each question."""
    yield ALLOWED.family(
        ((one.question.agentpool, one.question.requestor, one.question.step), float(one.allowed))
        for one in cluster.preflight or ()
    )
