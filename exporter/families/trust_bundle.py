"""akscert_trust_bundle_*: ClusterTrustBundles, by which newer API servers hand CAs to Pods."""

from collections.abc import Iterator

from exporter.facts.cluster import ClusterFacts
from exporter.facts.kube.certificates_api import CLUSTER_TRUST_BUNDLES
from exporter.metric import Family, Metric
from exporter.reason import ApiStatus, TrustBundleState

__all__ = ["families"]

OBJECTS = Metric(
    "akscert_trust_bundle_objects",
    "ClusterTrustBundle objects there are now, by the signer they belong to (empty: to none) and what they hold. "
    "ended: every certificate in it has ended.",
    ("signer_name", "state"),
    words={"state": tuple(TrustBundleState)},
)
STATUS = Metric(
    "akscert_trust_bundle_status",
    "1, with what came of looking for ClusterTrustBundles. not_served: this API server has none, or they are not "
    "switched on.",
    ("status",),
    words={"status": tuple(ApiStatus)},
)


def families(cluster: ClusterFacts) -> Iterator[Family]:
    """Samples of what was counted."""
    counted = cluster.counted
    yield OBJECTS.family((key, float(count)) for key, count in (counted.bundles if counted else {}).items())
    status = counted.statuses.get(CLUSTER_TRUST_BUNDLES) if counted else None
    yield STATUS.family([((status,), 1.0)] if status else ())
