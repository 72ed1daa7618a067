"""The nodes of a cluster in; each one's node agent and kubelet asked again and again, what they told posted out."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from exporter.agents.cluster.fleet_poll import SOON, FleetPoll
from exporter.agents.cluster.state import ClusterState
from exporter.agents.periodic import Periodic
from exporter.facts.certificate import Certificate
from exporter.facts.kube.endpoint_slice import PodAddress, endpoint_slice
from exporter.facts.kube.node import Node
from exporter.facts.source import Failure
from exporter.file_state import PathState, path_state
from exporter.reason import Source
from exporter.settings import SettingsError
from exporter.sources.kube.connection import Connection
from exporter.sources.kube.resource import SERVICE_LABEL, endpoint_slices
from exporter.sources.kubelets.ask import Kubelet, KubeletAsker
from exporter.sources.node_agents.ask import Said, ask
from exporter.sources.node_agents.client_config import ClientAccess, client_access

__all__ = ["KubeletLooks", "NodeAgentLooks", "Observing"]

Post = Callable[[Callable[[], None]], None]
Nodes = Callable[[], tuple[Node, ...] | None]

log = logging.getLogger(__name__)

JUDGED = 10.0
"""Seconds between two conclusions on whether a fleet answers."""


@dataclass(frozen=True, slots=True)
class Observing:
    """Which nodes' words are asked for, and how often."""

    kubelets: bool = False
    kubelet_interval: float = 300.0
    kubelet_port: int = 10250
    """Of a node that names none."""
    kubelet_timeout: float = 10.0
    kubelet_apart: float = SOON
    """Seconds between two looks at a kubelet whose certificate requests change."""
    service: tuple[str, str] | None = None
    """Namespace and name of the node agents' Service; None: there are none."""
    client_config: Path | None = None
    agent_interval: float = 60.0
    agent_timeout: float = 10.0
    slices_interval: float = 30.0
    judged: float = JUDGED

    @property
    def sources(self) -> tuple[Source, ...]:
        """Those that are asked."""
        kubelets = (Source.KUBELETS,) if self.kubelets else ()
        return (*kubelets, Source.NODE_AGENTS) if self.service else kubelets


class KubeletLooks:
    """Asks the kubelet of every node."""

    def __init__(
        self,
        connection: Connection,
        state: ClusterState,
        post: Post,
        nodes: Nodes,
        authorities: Callable[[], tuple[Certificate, ...]],
        observing: Observing,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`nodes` and `authorities`: those known now, the same tuple as long as nothing changed. The nodes are
        None before their first list.
        """
        self._state, self._post, self._nodes, self._clock = state, post, nodes, clock
        self._port = observing.kubelet_port
        self._asker = KubeletAsker(authorities, lambda: connection.token, clock, timeout=observing.kubelet_timeout)
        self._known: tuple[Node, ...] = ()
        self._members: Mapping[str, Kubelet] = MappingProxyType({})
        self._poll = FleetPoll(
            "kubelets",
            self._fleet,
            self._look,
            interval=observing.kubelet_interval,
            apart=observing.kubelet_apart,
            left=self._left,
        )
        self._judge = Periodic("kubelets judged", observing.judged, self._judged)

    def start(self) -> None:
        """Begin to ask."""
        self._poll.start()
        self._judge.start()

    def stop(self) -> None:
        """End."""
        self._judge.stop()
        self._poll.stop()

    def soon(self, node: str) -> None:
        """Something happened to the node's certificates: ask its kubelet within seconds."""
        self._poll.soon(node)

    def _fleet(self) -> Mapping[str, Kubelet]:
        nodes = self._nodes() or ()
        if nodes is not self._known:
            self._known = nodes
            found = {
                node.name: Kubelet(node.name, node.addresses[0], node.kubelet_port or self._port, node.addresses)
                for node in nodes
                if node.addresses and not node.virtual
            }
            if found != self._members:
                self._members = MappingProxyType(found)
        return self._members

    async def _look(self, kubelet: Kubelet) -> bool:
        report = await self._asker.ask(kubelet)
        now = self._clock()
        self._post(lambda: self._state.observed.kubelet_told(report, now))
        return report.told

    def _left(self, node: str) -> None:
        self._asker.forget(node)
        self._post(lambda: self._state.observed.kubelet_left(node))

    def _judged(self) -> bool:
        members = len(self._members)
        now = self._clock()

        def judge() -> None:
            asked, told, failure = self._state.observed.kubelet_failures()
            known = self._nodes()
            if known is not None and (asked or not members):
                self._state.observation_judged(Source.KUBELETS, asked, told, failure, now)

        self._post(judge)
        return True


class NodeAgentLooks:
    """Finds the node agents behind their Service and asks each one's facts."""

    def __init__(
        self,
        connection: Connection,
        state: ClusterState,
        post: Post,
        observing: Observing,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Raises SettingsError where the client configuration cannot be used."""
        assert observing.service is not None
        self._connection, self._state, self._post, self._clock = connection, state, post, clock
        namespace, self._service = observing.service
        self._path = endpoint_slices(namespace).path
        self._timeout = observing.agent_timeout
        self._file = observing.client_config
        self._access = client_access(self._file)
        self._stamp = _stamp(self._access.files)
        self._complaint = ""
        self._said: dict[str, Said] = {}
        self._members: Mapping[str, PodAddress] = MappingProxyType({})
        self._listed = False
        self._poll = FleetPoll(
            "node agents", lambda: self._members, self._look, interval=observing.agent_interval, left=self._left
        )
        self._slices = Periodic("endpoint slices", observing.slices_interval, self.look_at_slices)
        self._judge = Periodic("node agents judged", observing.judged, self._judged)

    def start(self) -> None:
        """Begin to ask."""
        self._slices.start()
        self._poll.start()
        self._judge.start()

    def stop(self) -> None:
        """End."""
        for part in (self._slices, self._judge, self._poll):
            part.stop()

    def look_at_slices(self) -> bool:
        """Which node agents there are; and how to log in to them, where that changed on disk."""
        self._renew_access()
        query = {"labelSelector": f"{SERVICE_LABEL}={self._service}"}
        found = self._connection.list_all(self._path, endpoint_slice, query)
        if isinstance(found, Failure):
            self._post(lambda: self._state.failed(Source.NODE_AGENTS, found))
            return False
        members = {pod.node: pod for slice_ in found for pod in slice_}
        self._listed = True
        if members != self._members:
            self._members = MappingProxyType(members)
        return True

    def _renew_access(self) -> None:
        stamp = _stamp(self._access.files)
        if stamp == self._stamp:
            return
        try:
            self._access, self._complaint = client_access(self._file), ""
            self._stamp = _stamp(self._access.files)
        except SettingsError as error:  # half written: what is in hand is used until it is whole
            if str(error) != self._complaint:
                self._complaint = str(error)
                log.warning("%s", error)

    async def _look(self, pod: PodAddress) -> bool:
        access: ClientAccess = self._access
        found = await ask(pod, self._said.get(pod.node), access, self._timeout)
        now = self._clock()
        if isinstance(found, Failure):
            self._post(lambda: self._state.observed.agent_silent(pod.node, found, now))
            return False
        self._said[pod.node] = found
        self._post(lambda: self._state.observed.agent_told(found.document, now))
        return True

    def _left(self, node: str) -> None:
        self._said.pop(node, None)
        self._post(lambda: self._state.observed.agent_left(node))

    def _judged(self) -> bool:
        members, listed, now = len(self._members), self._listed, self._clock()

        def judge() -> None:
            asked, told, failure = self._state.observed.agent_failures()
            if listed and (asked or not members):
                self._state.observation_judged(Source.NODE_AGENTS, asked, told, failure, now)

        self._post(judge)
        return True


def _stamp(files: tuple[Path, ...]) -> tuple[PathState, ...]:
    return tuple(map(path_state, files))
