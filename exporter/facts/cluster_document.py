"""What a cluster agent says of its cluster: its /facts in, as far as `check` passes it on, out."""

import msgspec

from exporter.facts.node_document import ToldFinding

__all__ = ["ClusterDocument", "ClusterFinding", "NodeSeen", "cluster_document"]


class ClusterFinding(ToldFinding, frozen=True):
    """One finding, with the node it is about."""

    node: str | None = None


class NodeSeen(msgspec.Struct, frozen=True):
    """One node, and who tells about it."""

    node: str
    observed_by: str = "nobody"


class SourceSeen(msgspec.Struct, frozen=True):
    """One source of the agent's."""

    source: str


class ClusterDocument(msgspec.Struct, frozen=True):
    """One cluster in its agent's words."""

    schema: int
    agent: str
    looked_at: float
    """Unix seconds."""
    findings: tuple[ClusterFinding, ...] = ()
    nodes: tuple[NodeSeen, ...] = ()
    sources: tuple[SourceSeen, ...] = ()

    @property
    def observed(self) -> frozenset[str]:
        """Nodes that somebody tells about."""
        return frozenset(one.node for one in self.nodes if one.observed_by != "nobody")

    def looks_at(self, source: str) -> bool:
        """Whether the agent looks at this at all: some things are off until they are wanted."""
        return any(one.source == source for one in self.sources)


_DECODER = msgspec.json.Decoder(ClusterDocument)


def cluster_document(body: bytes) -> ClusterDocument:
    """The document. Raises ValueError in one line where the body is none of a cluster agent."""
    try:
        found = _DECODER.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ValueError(f"not a cluster agent's facts: {' '.join(str(error).split())[:200]}") from None
    if found.agent != "cluster":
        raise ValueError(f"not a cluster agent's facts: agent is {found.agent[:40]!r}")
    return found
