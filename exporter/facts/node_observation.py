"""Who tells about one node's certificates, and what they told: the record."""

from dataclasses import dataclass

from exporter.facts.kube.node_view import NodeView
from exporter.facts.node_document import NodeDocument
from exporter.facts.source import Failure
from exporter.reason import Observer

__all__ = ["NodeObservation"]


@dataclass(frozen=True, slots=True)
class NodeObservation:
    """Who tells about one node's certificates, and what."""

    by: Observer
    document: NodeDocument | None = None
    """What its node agent said last."""
    view: NodeView | None = None
    """What its kubelet said when it was asked last; beside a node agent it is evidence only."""
    silent: Failure | None = None
    """Why its node agent did not answer when it was asked last."""
