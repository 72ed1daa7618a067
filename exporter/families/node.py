"""akscert_node_*: each node of the cluster as the API describes it, and its label's word on serving rotation."""

from collections.abc import Iterator

from exporter.facts.cluster import ClusterFacts
from exporter.metric import Family, Metric, Row
from exporter.reason import Observer, Rotation

__all__ = ["evidence_rows", "families"]

INFO = Metric(
    "akscert_node_info",
    "1, with the node's pool, versions and system. kubelet_serving_ca: value of the label "
    "kubernetes.azure.com/kubelet-serving-ca; serving_rotation: what it means, unknown for a node that AKS does not "
    "label.",
    (
        "node",
        "agentpool",
        "kubelet_version",
        "node_image_version",
        "os",
        "os_sku",
        "kubelet_serving_ca",
        "serving_rotation",
    ),
    words={"serving_rotation": (Rotation.ENABLED, Rotation.DISABLED, Rotation.UNKNOWN)},
)
CREATED = Metric(
    "akscert_node_created_timestamp_seconds",
    "Unix time of the Node object's creation.",
    ("node",),
)
READY = Metric(
    "akscert_node_ready",
    "1 if the node's Ready condition is true, 0 if it is false or unknown. Absent where the node has none yet.",
    ("node",),
)

OBSERVED = Metric(
    "akscert_node_observed",
    "1, with who tells about the node's certificates: its node agent, its kubelet when the cluster agent asks it, or "
    "nobody.",
    ("node", "by"),
    words={"by": tuple(Observer)},
)


def families(cluster: ClusterFacts) -> Iterator[Family]:
    """Samples of all nodes."""
    nodes = cluster.nodes or ()
    yield INFO.family(
        (
            (
                one.name,
                one.agentpool,
                one.kubelet_version,
                one.node_image_version,
                one.os,
                one.os_sku,
                one.kubelet_serving_ca,
                one.serving_rotation,
            ),
            1.0,
        )
        for one in nodes
    )
    yield CREATED.family(((one.name,), one.created) for one in nodes)
    yield READY.family(((one.name,), float(one.ready)) for one in nodes if one.ready is not None)
    yield OBSERVED.family(((name, one.by), 1.0) for name, one in (cluster.observations or {}).items())


def evidence_rows(cluster: ClusterFacts) -> Iterator[Row]:
    """Rows of akscert_rotation_evidence: what each node's label says, its pool's tag, and its kubelet."""
    for node, role, place, word in cluster.evidence():
        yield (node, role, place), float(word)
