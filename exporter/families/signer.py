"""akscert_signer_*: is anybody there to approve and sign, months before the next renewal, and what if not."""

from collections.abc import Iterator

from exporter.facts.cluster import ClusterFacts
from exporter.metric import Family, Metric
from exporter.reason import Held, Lease

__all__ = ["families", "outlook_families"]

LEASE_RENEWED = Metric(
    "akscert_signer_lease_renewed_timestamp_seconds",
    "Unix time at which the holder last renewed its lease in kube-system. kube-controller-manager approves kubelet "
    "client certificates and signs all; kubelet-serving-csr-approver approves kubelet serving certificates.",
    ("lease",),
    words={"lease": tuple(Lease)},
)

SILENT_SINCE = Metric(
    "akscert_signer_silent_since_timestamp_seconds",
    "Unix time since when kubelets' requests to the signer wait and none at all was signed. Absent where none waits. A "
    "request that was passed over when others were signed does not count.",
    ("signer_name",),
)
WAITING_NODES = Metric(
    "akscert_signer_waiting_nodes",
    "Nodes whose requests wait meanwhile, by whether they have a certificate of this signer. none: a node that cannot "
    "join, or whose kubelet serves nothing.",
    ("signer_name", "certificate"),
    words={"certificate": tuple(Held)},
)
FIRST_END = Metric(
    "akscert_signer_first_end_timestamp_seconds",
    "Unix time at which the first certificate of this signer ends if nobody signs from now on, or none has since "
    "requests wait. Absent where no end is known.",
    ("signer_name",),
)


def families(cluster: ClusterFacts) -> Iterator[Family]:
    """Samples of the leases that are there."""
    yield LEASE_RENEWED.family(((lease,), renewed) for lease, renewed in cluster.leases.items())


def outlook_families(cluster: ClusterFacts) -> Iterator[Family]:
    """Samples of each signer; none before the first list of requests."""
    found = cluster.outlooks
    yield SILENT_SINCE.family(
        ((one.signing.signer_name,), since) for one in found if (since := one.signing.silent_since) is not None
    )
    yield WAITING_NODES.family(
        ((one.signing.signer_name, held), float(one.count(held))) for one in found for held in Held
    )
    yield FIRST_END.family(
        ((one.signing.signer_name,), first.not_after) for one in found if (first := one.first) is not None
    )
