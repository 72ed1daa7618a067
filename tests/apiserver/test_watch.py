"""Against a real API server the watcher's view equals what kubectl gets, whatever happens in between."""

import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from exporter.facts.kube.reader import Change
from exporter.reason import Reason
from exporter.sources.kube.connection import Connection, Kubeconfig, ServiceAccount
from exporter.sources.kube.failure import ApiError
from exporter.sources.kube.resource import CERTIFICATE_SIGNING_REQUESTS, NODES, Resource
from exporter.sources.kube.watch import Backoff, Watcher
from simulation.pki import Authority
from tests.apiserver import requests
from tests.apiserver.controlplane import ControlPlane, stopped, wait
from tests.sources.kube.watching import Pod, View, decode

DOWN = {
    Reason.RESET,
    Reason.REFUSED,
    Reason.TIMEOUT,
    Reason.SERVER_ERROR,
    Reason.THROTTLED,
    Reason.EXPIRED,
    Reason.FORBIDDEN,  # for a moment after its start, while the API server has not yet read the roles
}
"""What a restart may look like to a client."""


@contextmanager
def watching(connection: Connection, resource: Resource = CERTIFICATE_SIGNING_REQUESTS) -> Iterator[View]:
    view = View(resource)
    watcher = Watcher(connection, resource, decode, view, backoff=Backoff(first=0.1, largest=0.5))
    watcher.start()
    try:
        view.until(lambda: view.answers > 0, "a watch is open")
        yield view
    finally:
        watcher.stop()


def agrees(view: View, plane: ControlPlane, kind: str = "csr") -> None:
    def same() -> bool:
        metadata = (item["metadata"] for item in plane.objects(kind))
        return view.items == {one["name"]: (one["uid"], one["resourceVersion"]) for one in metadata}

    wait(lambda: bool(view.ledger.facts().up) and same(), "the view equals kubectl's")


@pytest.fixture
def connection(plane: ControlPlane, token: str) -> Iterator[Connection]:
    with closing(Connection(Kubeconfig(plane.kubeconfig("", token=token)))) as connection:
        yield connection


def test_requests_are_seen_from_creation_to_deletion(plane: ControlPlane, connection: Connection) -> None:
    with watching(connection) as view:
        requests.all_kinds(plane, "seen")
        agrees(view, plane)
        assert (Change.DELETED, "seen-gone") in view.changes
        plane.kubectl("delete", "csr", "seen-pending", "seen-denied")
        agrees(view, plane)
        assert view.lists == 1
        assert view.reasons() == set()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_restart_of_the_api_server_is_survived(
    plane: ControlPlane, connection: Connection, how: signal.Signals
) -> None:
    with watching(connection) as view:
        requests.serving(plane, f"before-{how.name.lower()}")
        agrees(view, plane)
        with stopped(plane, how):
            view.until(lambda: view.ledger.facts().up is False, "it is noticed")
        requests.serving(plane, f"after-{how.name.lower()}")
        agrees(view, plane)
        assert view.reasons() <= DOWN


def test_a_version_that_was_compacted_away_leads_to_a_new_list(plane: ControlPlane, connection: Connection) -> None:
    with watching(connection) as view:
        requests.serving(plane, "compacted-0")
        agrees(view, plane)
        plane.kubectl("create", "configmap", "some-other-change")
        with stopped(plane, signal.SIGKILL):
            plane.compact()
        requests.serving(plane, "compacted-1")
        agrees(view, plane)
        assert Reason.EXPIRED in view.reasons()
        assert view.lists == 2


def test_a_list_whose_version_is_compacted_away_between_two_pages_is_whole_or_none(
    plane: ControlPlane, connection: Connection
) -> None:
    """Up to 1.32 its next page has expired; later API servers keep snapshots of what they listed (KEP-4988)."""
    nodes = [{"apiVersion": "v1", "kind": "Node", "metadata": {"name": f"aks-many-{n:03}"}} for n in range(510)]
    plane.apply({"apiVersion": "v1", "kind": "List", "items": nodes})
    asked: list[str] = []

    def compacting(body: bytes) -> str:
        name = decode(body).metadata.name
        if not asked:
            plane.kubectl("create", "configmap", "one-more-change")
            plane.compact()
        asked.append(name)
        return name

    try:
        found = connection.listing(NODES.path, compacting)
    except ApiError as error:
        assert error.reason is Reason.EXPIRED
    else:
        assert sorted(found) == [node["metadata"]["name"] for node in nodes]  # type: ignore[index]
    with watching(connection, NODES) as view:
        agrees(view, plane, "nodes")
        assert len(view.items) == 510
        plane.kubectl("delete", "--raw", NODES.path)  # all at once: one by one kubectl takes its time
        agrees(view, plane, "nodes")
        assert view.items == {}


def test_rotated_certificates_are_untrusted_until_the_new_ca_is_mounted(
    plane: ControlPlane, token: str, tmp_path: Path
) -> None:
    """`az aks rotate-certs` as an agent in the cluster sees it: the API server's CA changes before the Pod's."""
    pod = Pod(tmp_path / "serviceaccount")
    pod.mount(plane.authority.pem, token)
    environment = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(plane.port)}
    before, after = plane.authority, Authority.cluster(plane.began, number=1)
    try:
        with closing(Connection(ServiceAccount(pod.folder, environment))) as connection, watching(connection) as view:
            plane.stop_apiserver(signal.SIGKILL)
            plane.rotate(after)
            plane.start_apiserver()
            view.until(lambda: Reason.CERTIFICATE_UNTRUSTED in view.reasons(), "untrusted")
            assert view.ledger.facts().up is False
            pod.mount(after.pem, token)
            requests.serving(plane, "after-rotation")
            agrees(view, plane)
            assert view.reasons() <= {*DOWN, Reason.CERTIFICATE_UNTRUSTED}
    finally:
        plane.stop_apiserver(signal.SIGKILL)
        plane.rotate(before)
        plane.start_apiserver()


def test_a_bookmark_comes_from_a_real_server_too(plane: ControlPlane, connection: Connection) -> None:
    """It sends one at the latest before it ends a watch in its time."""
    view = View(NODES)
    watcher = Watcher(connection, NODES, decode, view, watch_seconds=1.0)
    watcher.start()
    view.until(lambda: view.answers >= 4, "the watch begins, a bookmark, its end, and the next begins")
    watcher.stop()
    assert view.lists == 1
    assert view.reasons() == set()


def test_the_servers_clock_is_ours(connection: Connection) -> None:
    connection.list_all(NODES.path, decode)
    offset = connection.clock_offset
    assert offset is not None
    assert abs(offset) < 2
