"""A connection in; how many PodCertificateRequests and ClusterTrustBundles there are out, where the server has them."""

import time
from collections.abc import Callable
from functools import partial

from exporter.agents.cluster.state import ClusterState
from exporter.agents.periodic import Looks
from exporter.facts.kube.certificates_api import (
    CLUSTER_TRUST_BUNDLES,
    GROUP,
    KINDS,
    POD_CERTIFICATE_REQUESTS,
    Counted,
    pod_certificate_request,
    served,
    tallied,
    trust_bundle,
    versions,
)
from exporter.facts.source import Failure
from exporter.reason import ApiStatus, Reason
from exporter.sources.kube.connection import Connection

__all__ = ["CertificatesApiLooks", "count_certificate_objects"]

Post = Callable[[Callable[[], None]], None]


def count_certificate_objects(connection: Connection, now: float) -> Counted:
    """What there is. `now` in Unix seconds."""
    paths = _paths(connection)
    if isinstance(paths, Failure):
        return Counted(statuses=dict.fromkeys(KINDS, _status(paths)))
    statuses = {kind: ApiStatus.OK if kind in paths else ApiStatus.NOT_SERVED for kind in KINDS}
    counted = Counted(statuses=statuses)
    if POD_CERTIFICATE_REQUESTS in paths:
        requests = connection.list_all(paths[POD_CERTIFICATE_REQUESTS], pod_certificate_request)
        if isinstance(requests, Failure):
            statuses[POD_CERTIFICATE_REQUESTS] = _status(requests)
        else:
            counted = Counted(tallied(requests), counted.bundles, statuses)
    if CLUSTER_TRUST_BUNDLES in paths:
        bundles = connection.list_all(paths[CLUSTER_TRUST_BUNDLES], partial(trust_bundle, now=now))
        if isinstance(bundles, Failure):
            statuses[CLUSTER_TRUST_BUNDLES] = _status(bundles)
        else:
            counted = Counted(counted.requests, tallied(bundles), statuses)
    return counted


def _paths(connection: Connection) -> dict[str, str] | Failure:
    """By kind, the path of the best version that the server has."""
    root = f"/apis/{GROUP}"
    known = connection.get(root, versions)
    if isinstance(known, Failure):
        return known
    paths: dict[str, str] = {}
    for version in known:
        there = connection.get(f"{root}/{version}", served)
        if isinstance(there, Failure):
            return there
        for kind in there:
            paths.setdefault(kind, f"{root}/{version}/{kind}")
    return paths


def _status(failure: Failure) -> ApiStatus:
    """None of them is a fault of the cluster's, and that the API server does not answer others say."""
    return {Reason.NOT_FOUND: ApiStatus.NOT_SERVED, Reason.FORBIDDEN: ApiStatus.FORBIDDEN}.get(
        failure.reason, ApiStatus.ERROR
    )


class CertificatesApiLooks(Looks):
    """Counts again and again."""

    def __init__(
        self,
        connection: Connection,
        state: ClusterState,
        post: Post,
        interval: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._connection, self._state, self._post, self._clock = connection, state, post, clock
        super().__init__("certificates API", interval)

    def look(self) -> bool:
        """Both kinds, once. Whether all went well."""
        found = count_certificate_objects(self._connection, self._clock())
        self._post(lambda: self._state.certificate_objects_counted(found))
        return ApiStatus.ERROR not in found.statuses.values()
