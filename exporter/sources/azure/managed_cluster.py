"""Which managed cluster this is, and its state, asked of Resource Manager: facts or a Failure, always in time."""

import os
import threading
from collections.abc import Callable, Mapping
from typing import TypeVar

from exporter.facts.azure.managed_cluster import (
    AzureCluster,
    AzureError,
    Snapshot,
    azure_cluster,
    snapshot,
    with_snapshots,
)
from exporter.facts.azure.resource_id import NodeGroup, ResourceId, managing_cluster
from exporter.facts.source import Failure
from exporter.reason import Reason
from exporter.sources.azure.resource_manager import ResourceManager, Unanswered
from exporter.sources.bug import bug
from exporter.thread import begin

__all__ = ["MOST_ABANDONED", "AzureSource"]

CONTAINER_SERVICE, RESOURCE_GROUPS = "2026-08-01", "2021-04-01"
"""API versions."""
WHOLE = 60.0
"""Seconds for everything one look needs."""
MOST_ABANDONED = 4
"""Requests that did not come back in time and still run. Each ends: only name resolution knows no deadline."""

_T = TypeVar("_T")
_SAME_FOR_ALL = frozenset(Reason) - {Reason.NOT_FOUND, Reason.FORBIDDEN, Reason.DECODE, Reason.TOO_LARGE}
"""Failures that the next request would meet too. Rights and existence belong to one resource."""


class AzureSource:
    """Reads one cluster. Owned by one thread; one request is in flight at a time."""

    def __init__(self, endpoint: str, environment: Mapping[str, str] | None = None, *, whole: float = WHOLE) -> None:
        """`endpoint`: Resource Manager's URL. `whole`: seconds a look may take. Nothing is asked yet."""
        self._endpoint = endpoint.rstrip("/")
        self._environment = os.environ if environment is None else environment
        self._whole = whole
        self._manager: ResourceManager | None = None
        self._abandoned: list[threading.Thread] = []
        self._cluster: AzureCluster | None = None
        self._tag = ""
        self._snapshots: dict[str, Snapshot] = {}
        self.asked_to_wait: float | None = None
        """Seconds that the last look's answers asked to wait (Retry-After)."""

    def close(self) -> None:
        """Let the connections go, and forget the credentials."""
        if self._manager is not None:
            self._manager.close()
            self._manager = None

    def read_cluster(self, asked: ResourceId) -> AzureCluster | Failure:
        """The cluster and the snapshots of its pools. A snapshot that cannot be read is a Failure in its pool."""
        return self._look(lambda manager: self._read_cluster(manager, asked), asked.subscription)

    def read_managing_cluster(self, group: NodeGroup) -> ResourceId | Failure:
        """The id of the cluster whose nodes are in this resource group."""

        def read(manager: ResourceManager) -> ResourceId:
            body, _ = manager.get(group.path, RESOURCE_GROUPS, "Microsoft.Resources/subscriptions/resourceGroups/read")
            found = managing_cluster(group, body or {})
            if found is None:
                raise Unanswered(Reason.DECODE, f"resource group {group.name} names no cluster that manages it")
            return found

        return self._look(read, group.subscription)

    def _read_cluster(self, manager: ResourceManager, asked: ResourceId) -> AzureCluster:
        action = "Microsoft.ContainerService/managedClusters/read"
        body, tag = manager.get(asked.path, CONTAINER_SERVICE, action, self._tag)
        cluster = self._cluster
        if body is not None or cluster is None:
            cluster = _parsed(lambda: azure_cluster(body, asked))
            self._cluster, self._tag = cluster, tag
        return with_snapshots(cluster, self._read_snapshots(manager, cluster))

    def _read_snapshots(self, manager: ResourceManager, cluster: AzureCluster) -> dict[str, Snapshot | Failure]:
        """By ResourceId.key. A snapshot never changes, so each is read once."""
        wanted = {pool.created_from.key: pool.created_from for pool in cluster.pools if pool.created_from}
        self._snapshots = {key: known for key, known in self._snapshots.items() if key in wanted}
        found: dict[str, Snapshot | Failure] = dict(self._snapshots)
        blocked: Failure | None = None
        for key in wanted.keys() - found.keys():
            answer = blocked or self._read_snapshot(manager, wanted[key])
            found[key] = answer
            if isinstance(answer, Snapshot):
                self._snapshots[key] = answer
            elif answer.reason in _SAME_FOR_ALL:
                blocked = answer
        return found

    def _read_snapshot(self, manager: ResourceManager, resource: ResourceId) -> Snapshot | Failure:
        try:
            body, _ = manager.get(resource.path, CONTAINER_SERVICE, "Microsoft.ContainerService/snapshots/read")
            return _parsed(lambda: snapshot(body))
        except Unanswered as unanswered:
            return unanswered.failure

    def _look(self, read: Callable[[ResourceManager], _T], subscription: str) -> _T | Failure:
        """The result of `read` with credentials that work, in time."""
        self._abandoned = [thread for thread in self._abandoned if thread.is_alive()]
        if len(self._abandoned) >= MOST_ABANDONED:
            return Failure(Reason.TIMEOUT, f"{MOST_ABANDONED} requests have not come to an end yet")
        used = self._manager is not None
        result = self._in_time(read, subscription)
        if used and _credentials_fail(result):
            # The service account's token file is read anew every ten minutes only, and an access token is kept until
            # its end even if Azure takes it back: once more with nothing remembered, before it counts as a failure.
            self.close()
            result = self._in_time(read, subscription)
        if _credentials_fail(result):
            self.close()
        return result

    def _in_time(self, read: Callable[[ResourceManager], _T], subscription: str) -> _T | Failure:
        """A read in a thread of its own, since name resolution and a server that dribbles know no deadline."""
        outcome: list[_T | Failure] = []
        waits: list[float | None] = [None]

        def run() -> None:
            try:
                manager = self._manager = self._manager or ResourceManager(
                    self._endpoint, self._environment, subscription
                )
                manager.asked_to_wait = None
                try:
                    outcome.append(read(manager))
                finally:
                    waits.append(manager.asked_to_wait)
            except Unanswered as unanswered:
                outcome.append(unanswered.failure)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is a failure with a name and no dead thread
                outcome.append(bug("Azure", error))

        thread = threading.Thread(target=run, name="azure request", daemon=True)
        try:
            begin(thread)
        except OSError as error:
            return Failure(Reason.ERROR, str(error.strerror))
        thread.join(self._whole)
        self.asked_to_wait = waits[-1]
        if not outcome:
            self._abandoned.append(thread)
            self._manager = None
            return Failure(Reason.TIMEOUT, f"no answer from Azure within {self._whole:g} s")
        return outcome[0]


def _credentials_fail(result: object) -> bool:
    return isinstance(result, Failure) and result.reason in {Reason.UNAUTHORIZED, Reason.CREDENTIALS}


def _parsed(parse: Callable[[], _T]) -> _T:
    try:
        return parse()
    except AzureError as error:
        raise Unanswered(Reason.DECODE, str(error)) from None
