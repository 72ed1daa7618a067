"""Azure Resource Manager's answers in, work for the owner of the cluster's state out."""

import random
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from exporter.agents.cluster.state import ClusterState
from exporter.agents.state_thread import StateThread
from exporter.facts.azure.managed_cluster import AzureCluster
from exporter.facts.azure.resource_id import ResourceId, node_group
from exporter.facts.source import Failure
from exporter.reason import Reason, Source
from exporter.sources.bug import bug

if TYPE_CHECKING:
    # The Azure SDK costs 30 MiB: it is imported where Azure is asked for.
    from exporter.sources.azure.managed_cluster import AzureSource

__all__ = ["AzureLook", "read_azure"]

PATIENCE = 6
"""So many tries without a node, and that is the answer: the agent must not wait for ever to be ready."""
ENDING = 1.0
"""Seconds at most that is waited for the end of a request under way."""
NO_NODE = Failure(Reason.NOT_FOUND, "no node is known to tell which cluster this is: set --azure.resource-id")


class AzureLook:
    """Asks about one cluster, in a thread of its own from start() to stop()."""

    def __init__(
        self,
        source: "AzureSource",
        wanted: ResourceId | None,
        provider_id: Callable[[], str | None],
        state: ClusterState,
        owner: StateThread,
        clock: Callable[[], float] = time.time,
        *,
        pause: Callable[[AzureCluster | None, float | None, float], float],
        without_nodes: float,
    ) -> None:
        """`wanted`: the cluster; None: the one that `provider_id`, a node's, leads to; while no node is known it looks
        again after `without_nodes` seconds. `pause` says after how many it looks again else.
        """
        self._source, self._wanted, self._provider_id = source, wanted, provider_id
        self._state, self._owner, self._clock = state, owner, clock
        self._pause, self._without_nodes = pause, without_nodes
        self._cluster: AzureCluster | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="azure", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End. A request under way is left to its own end."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(ENDING)
        self._source.close()

    def _run(self) -> None:
        vain = 0
        while not self._stopping.is_set():
            try:
                found, self._wanted = read_azure(self._source, self._wanted, self._provider_id())
            except Exception as error:  # noqa: BLE001 - a source always answers
                found = bug(Source.AZURE, error)
            now = self._clock()
            if found is None:
                vain += 1
                if vain == PATIENCE:
                    self._tell(NO_NODE, now)
                self._stopping.wait(self._without_nodes)
                continue
            if not isinstance(found, Failure):
                self._cluster = found
            self._tell(found, now)
            jitter = random.random()  # noqa: S311 - spreads load, keeps no secret
            self._stopping.wait(self._pause(self._cluster, self._source.asked_to_wait, jitter))

    def _tell(self, found: AzureCluster | Failure, now: float) -> None:
        def tell() -> None:
            try:
                self._state.azure_read(found, now)
            except Exception as error:  # noqa: BLE001 - a source always answers
                self._state.failed(Source.AZURE, bug(Source.AZURE, error))

        self._owner.post(tell)


def read_azure(
    source: "AzureSource", wanted: ResourceId | None, provider_id: str | None
) -> tuple[AzureCluster | Failure | None, ResourceId | None]:
    """The cluster and its id, found by way of a node's resource group where it is not given.

    None where that takes a node and none is known yet.
    """
    if wanted is None:
        if provider_id is None:
            return None, None
        group = node_group(provider_id)
        if group is None:
            return Failure(Reason.NOT_FOUND, "the nodes are none of Azure's: no resource id to be found"), None
        found = source.read_managing_cluster(group)
        if isinstance(found, Failure):
            return found, None
        wanted = found
    return source.read_cluster(wanted), wanted
