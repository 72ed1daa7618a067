"""Nodes and a deadline in; what their kubelets say through the API server's node proxy out, ten asked at a time."""

import queue
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from exporter.check.together import together
from exporter.facts.kube.kubelet_report import KubeletReport
from exporter.facts.source import Failure
from exporter.reason import KubeletStatus
from exporter.sources.bug import bug
from exporter.sources.kube.connection import Connection
from exporter.sources.kube.node_proxy import read_kubelet

__all__ = ["AT_ONCE", "KubeletsSeen", "look_at_kubelets"]

AT_ONCE = 10
"""A person's look is not to be felt by the API server."""


@dataclass(frozen=True, slots=True)
class KubeletsSeen:
    """What came of it."""

    reports: tuple[KubeletReport, ...] = ()
    left: int = 0
    """Nodes that the deadline left unasked."""
    refused: str = ""
    """Why no kubelet was asked; empty: they were."""

    @property
    def unreachable(self) -> str:
        """Why the API server leads to no kubelet at all, in the words of one; empty where any answered.

        One whose certificate the API server refused was reached.
        """
        if not self.reports or any(one.told or one.status is KubeletStatus.UNTRUSTED for one in self.reports):
            return ""
        return f"{self.reports[0].node}: {self.reports[0].detail or self.reports[0].status}"


def look_at_kubelets(
    connection: Connection,
    nodes: Iterable[str],
    deadline: float,
    tell: Callable[[Sequence[str]], None],
    *,
    everybody: bool,
) -> KubeletsSeen:
    """Ask each of them, where we may: that is asked first, and nothing is tried in vain.

    Not `everybody`: where none of the first AT_ONCE tells anything the way there is cut, and the others are spared.
    """
    may = connection.may(verb="get", resource="nodes", subresource="proxy")
    if isinstance(may, Failure):
        return KubeletsSeen(refused=f"whether you may ask them is not known: {may.words}")
    if not may:
        return KubeletsSeen(refused="you have no right to get nodes/proxy")
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    names = list(nodes)
    for name in names:
        waiting.put(name)
    found: dict[str, KubeletReport] = {}

    def cut() -> bool:
        reports = tuple(found.values())
        return not everybody and len(reports) >= AT_ONCE and not any(one.told for one in reports)

    def ask() -> None:
        while time.monotonic() < deadline and not cut():
            try:
                name = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                found[name] = read_kubelet(connection, name)
            except Exception as error:  # noqa: BLE001 - the others are asked all the same
                found[name] = KubeletReport(name, KubeletStatus.ERROR, bug(name, error).words)

    def told(_: Sequence[str]) -> None:
        tell([f"{len(names) - len(found)} of {len(names)} kubelets"])

    together({f"kubelets {number + 1}": ask for number in range(min(AT_ONCE, len(names)))}, deadline, told)
    reports = dict(found)
    return KubeletsSeen(tuple(reports.values()), len(names) - len(reports))
