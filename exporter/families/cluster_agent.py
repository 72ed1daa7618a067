"""What the cluster agent emits: facts of a cluster in, every family of its exposition out, by how often they change.

The process's own metrics (`process_*`, `python_info`) are added by the agent: they read the system.
"""

from collections.abc import Iterable, Iterator

from exporter.facts.cluster import ClusterFacts
from exporter.facts.source import SourceFacts
from exporter.families import (
    apiserver,
    azure,
    build,
    ca,
    certificate,
    cluster,
    csr,
    endpoint,
    kubelet,
    node,
    pod_certificate,
    preflight,
    rotation,
    signer,
    source,
    trust_bundle,
    workload,
)
from exporter.metric import Family
from exporter.reason import Mode

__all__ = ["families", "fresh", "settled", "steady"]


def steady(facts: ClusterFacts) -> Iterator[Family]:
    """Those that change when the cluster does."""
    yield from apiserver.families(facts)
    yield from ca.families(facts)
    yield from endpoint.families(facts)
    yield from workload.families(facts)
    yield from preflight.families(facts)
    yield from pod_certificate.families(facts)
    yield from trust_bundle.families(facts)
    yield from node.families(facts)
    yield rotation.evidence_family(node.evidence_rows(facts))
    yield from kubelet.families(facts)
    views = tuple(facts.views())
    yield from certificate.told_families(views)
    yield from rotation.told_families(views)
    yield from csr.families(facts)
    yield from signer.outlook_families(facts)
    yield from cluster.families(facts)
    yield from azure.families(facts.azure)


def settled(sources: Iterable[SourceFacts], revision: str) -> Iterator[Family]:
    """Those that change when a source fails or recovers, or never. `revision` as in akscert_build_info."""
    yield from source.outcomes(sources)
    yield from build.families(Mode.CLUSTER, revision)


def fresh(facts: ClusterFacts, sources: Iterable[SourceFacts]) -> Iterator[Family]:
    """Those that change with every answer."""
    yield apiserver.clock_family(facts.clock_offset)
    yield from signer.families(facts)
    yield source.answers(sources)


def families(facts: ClusterFacts, sources: Iterable[SourceFacts], revision: str) -> Iterator[Family]:
    """All of them, each once."""
    sources = tuple(sources)
    yield from steady(facts)
    yield from settled(sources, revision)
    yield from fresh(facts, sources)
