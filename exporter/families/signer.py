"""akscert_signer_*: is anybody there to approve and sign, months before the next renewal."""

from collections.abc import Iterator

from exporter.facts.cluster import ClusterFacts
from exporter.metric import Family, Metric
from exporter.reason import Lease

__all__ = ["families"]

LEASE_RENEWED = Metric(
    "akscert_signer_lease_renewed_timestamp_seconds",
    "Unix time at which the holder last renewed its lease in kube-system. kube-controller-manager approves kubelet "
    "client certificates and signs all; kubelet-serving-csr-approver approves kubelet serving certificates.",
    ("lease",),
    words={"lease": tuple(Lease)},
)


def families(cluster: ClusterFacts) -> Iterator[Family]:
    """Samples of the leases that are there."""
    yield LEASE_RENEWED.family(((lease,), renewed) for lease, renewed in cluster.leases.items())
