"""akscert_cluster_*: how old the cluster is."""

from collections.abc import Iterator

from exporter.facts.cluster import ClusterFacts
from exporter.metric import Family, Metric

__all__ = ["families"]

CREATED = Metric(
    "akscert_cluster_created_timestamp_seconds",
    "Unix time of the creation of the namespace kube-system, which is the cluster's: Azure does not tell it.",
)


def families(cluster: ClusterFacts) -> Iterator[Family]:
    """The one sample."""
    yield CREATED.family(((), created) for created in (cluster.created,) if created is not None)
