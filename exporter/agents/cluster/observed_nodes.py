"""What kubelets and node agents told in; who tells about each node, and what, out. Owned by the state's thread."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from exporter.facts.certificate import Certificate
from exporter.facts.kube.kubelet_report import KubeletReport, followed
from exporter.facts.kube.node import Node
from exporter.facts.kube.node_view import NodeView, Validity, node_view
from exporter.facts.node_document import NodeDocument
from exporter.facts.node_observation import NodeObservation
from exporter.facts.source import Failure
from exporter.reason import KubeletStatus, Observer, Reason, Role, Rotation

__all__ = ["ObservedNodes"]

LASTING = 180.0
"""Seconds for which a node agent's last word counts while it does not answer: three rounds, as for a scrape."""

_KUBELET_REASONS = {
    KubeletStatus.REFUSED: Reason.REFUSED,
    KubeletStatus.TIMEOUT: Reason.TIMEOUT,
    KubeletStatus.TLS_ERROR: Reason.TLS_ALERT,
    KubeletStatus.UNTRUSTED: Reason.CERTIFICATE_UNTRUSTED,
    KubeletStatus.UNAUTHORIZED: Reason.UNAUTHORIZED,
    KubeletStatus.FORBIDDEN: Reason.FORBIDDEN,
}

Issued = Callable[[str], Mapping[Role, Validity]]
"""A node's last issued certificates."""


class ObservedNodes:
    """Keeps the last word about each node."""

    def __init__(self) -> None:
        self.version = 0
        """Changes with every change of what `observations` would say."""
        self._reports: dict[str, KubeletReport] = {}
        self._documents: dict[str, tuple[NodeDocument, float]] = {}
        self._silent: dict[str, Failure] = {}
        self._views: dict[str, tuple[object, NodeView]] = {}

    def kubelet_told(self, report: KubeletReport, now: float) -> None:
        """A kubelet was asked at `now`, in Unix seconds."""
        former = self._reports.get(report.node)
        found = followed(former, report, now)
        if found != former:
            self._reports[report.node] = found
            self.version += 1

    def agent_told(self, document: NodeDocument, now: float) -> None:
        """A node agent answered at `now`; an unchanged document may be the very one of before."""
        known = self._documents.get(document.node)
        self._documents[document.node] = (document, now)
        if self._silent.pop(document.node, None) or known is None or known[0] is not document:
            self.version += 1

    def agent_silent(self, node: str, failure: Failure, now: float) -> None:
        """A node agent did not answer: its last word counts a while longer."""
        self.version += self._silent.get(node) != failure
        self._silent[node] = failure
        known = self._documents.get(node)
        if known is not None and now - known[1] > LASTING:
            del self._documents[node]
            self.version += 1

    def kubelet_left(self, node: str) -> None:
        """The node is gone."""
        self._views.pop(node, None)
        self.version += self._reports.pop(node, None) is not None

    def agent_left(self, node: str) -> None:
        """The node has no agent any more."""
        silent = self._silent.pop(node, None)
        self.version += bool(self._documents.pop(node, None) or silent)

    def kubelet_failures(self) -> tuple[int, int, Failure | None]:
        """How many kubelets were asked, how many told anything, and a failure of those that did not."""
        told = sum(report.told for report in self._reports.values())
        failed = next((report for report in self._reports.values() if not report.told), None)
        if failed is None:
            return len(self._reports), told, None
        reason = _KUBELET_REASONS.get(failed.status, Reason.ERROR)
        return len(self._reports), told, Failure(reason, f"{failed.node}: {failed.detail or failed.status}")

    def agent_failures(self) -> tuple[int, int, Failure | None]:
        """Likewise of the node agents."""
        silent = next(iter(self._silent.items()), None)
        failure = Failure(silent[1].reason, f"{silent[0]}: {silent[1].words}") if silent else None
        return len(self._documents.keys() | self._silent.keys()), len(self._documents), failure

    def observations(
        self,
        nodes: Mapping[str, Node],
        authorities: tuple[Certificate, ...],
        issued: Issued,
        opted_out: frozenset[str],
    ) -> Mapping[str, NodeObservation]:
        """Of every node but virtual ones, who tells about it and what."""
        found = {}
        for name, node in nodes.items():
            if node.virtual:
                continue
            document = self._documents.get(name)
            report = self._reports.get(name)
            view = None
            if report is not None:
                validities = issued(name)
                label = node.serving_rotation is Rotation.ENABLED
                opted = name in opted_out
                key = (report, authorities, tuple(sorted(validities.items())), opted, node.addresses, label)
                known = self._views.get(name)
                if known is None or known[0] != key:
                    made = node_view(
                        report,
                        authorities,
                        validities,
                        addresses=node.addresses,
                        opted_out=opted,
                        labelled=label,
                    )
                    known = self._views[name] = (key, made)
                view = known[1]
            if document is not None:
                by = Observer.NODE_AGENT
            else:
                by = Observer.KUBELET if report is not None and report.told else Observer.NOBODY
            silent = self._silent.get(name)
            found[name] = NodeObservation(by, document[0] if document else None, view, silent)
        return MappingProxyType(found)
