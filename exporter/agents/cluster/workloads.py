"""A connection in; the workloads that read the retired kubelet serving certificate out, or why they are not known."""

import time
from collections.abc import Callable
from functools import partial

from exporter.agents.cluster.state import ClusterState
from exporter.agents.periodic import Looks
from exporter.facts.kube.workload import WorkloadUse, config_texts, workload_uses
from exporter.facts.source import Failure
from exporter.reason import Source
from exporter.sources.bug import bug
from exporter.sources.kube import resource
from exporter.sources.kube.connection import Connection
from exporter.sources.kube.listing import Listing

__all__ = ["WorkloadLooks", "read_workloads"]

PAGE = 100
"""Objects asked for at once: a ConfigMap may have a megabyte."""

Post = Callable[[Callable[[], None]], None]


def read_workloads(connection: Connection) -> tuple[tuple[WorkloadUse, ...], tuple[Failure, ...]]:
    """Those that are found, and what could not be listed or read."""
    failures: list[Failure] = []
    named = connection.list_all(resource.CONFIG_MAPS.path, config_texts, page=PAGE)
    config_maps = {}
    if isinstance(named, Failure):
        failures.append(named)
    else:
        config_maps = {(one.namespace, one.name): one for one in named if one is not None}
    uses: list[WorkloadUse] = []
    for kind, what in resource.WORKLOADS.items():
        read = partial(workload_uses, kind, config_maps=config_maps)
        found: Listing[tuple[WorkloadUse, ...]] | Failure = connection.list_all(what.path, read)
        if isinstance(found, Failure):
            failures.append(found)
        else:
            failures += found.unreadable.values()
            uses += [use for each in found for use in each]
    return tuple(uses), tuple(dict.fromkeys(failures))


class WorkloadLooks(Looks):
    """Looks at the workloads again and again."""

    def __init__(
        self,
        connection: Connection,
        state: ClusterState,
        post: Post,
        interval: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._connection, self._state, self._post, self._clock = connection, state, post, clock
        super().__init__("workloads", interval)

    def look(self) -> bool:
        """All of them, once. Whether all went well."""
        try:
            uses, failures = read_workloads(self._connection)
        except Exception as error:  # noqa: BLE001 - a source always answers
            failure = bug(Source.WORKLOADS, error)
            self._post(lambda: self._state.failed(Source.WORKLOADS, failure))
            return False
        now = self._clock()
        self._post(lambda: self._state.workloads_read(uses, failures, now))
        return not failures
