"""What the watches of the API server tell (kube_sources), and how all its looks are begun and ended."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from exporter.agents.cluster.kube_sources import KUBE_SOURCES, Intervals, KubeSources, _Sink
from exporter.agents.cluster.state import ClusterState
from exporter.facts.kube.csr import SERVING_SIGNER, Csr
from exporter.facts.kube.csr import csr as csr_reader
from exporter.facts.kube.node import Node
from exporter.facts.kube.node import node as node_reader
from exporter.facts.kube.reader import Change
from exporter.facts.source import Failure
from exporter.reason import CsrCondition, Reason, Requestor, Rotation, Source
from exporter.sources.kube import resource
from tests.agents.clusters import NODE
from tests.agents.test_kube_sources_looks import Asking, asking
from tests.check.known import NOW

__all__ = ["asking"]


def test_what_a_watch_tells_is_work_for_the_states_owner_and_its_first_answer_after_failures_a_recovery() -> None:
    told: list[object] = []
    state = ClusterState(KUBE_SOURCES)
    sink: _Sink[str] = _Sink(
        lambda source, work: (told.append(source), work())[1],  # type: ignore[func-returns-value]
        state,
        Source.CSRS,
        lambda items, now: told.append((items, now)),
        lambda change, item, now: told.append((change, item, now)),
        lambda: told.append("recovered"),
    )

    def said(tell: Callable[[], None]) -> list[object]:
        told.clear()
        tell()
        return list(told)

    csrs, failure = Source.CSRS, Failure(Reason.REFUSED, "no")
    assert said(lambda: sink.listed(["a"], NOW)) == [csrs, (["a"], NOW)]
    assert said(lambda: sink.changed(Change.DELETED, "a", NOW)) == [csrs, (Change.DELETED, "a", NOW)]
    assert said(lambda: sink.answered(NOW)) == [csrs]
    assert state.sources()[0].last_success == NOW
    for answers in (lambda: sink.listed([], NOW), lambda: sink.answered(NOW)):
        assert said(lambda: sink.failed(failure)) == [csrs]
        assert (state.sources()[0].up, state.sources()[0].last_error) == (False, "no")
        assert said(lambda: sink.changed(Change.ADDED, "a", NOW))[1:] == [(Change.ADDED, "a", NOW)]
        assert said(answers)[-1] == "recovered"
        assert "recovered" not in said(answers)


def test_what_a_watch_of_requests_and_nodes_changes(asking: Asking) -> None:
    """Of requests that a node sent, its kubelet is to be asked."""
    sources = asking.sources()
    asked: list[str] = []
    sources.on_node_request("nobody listens")
    sources.on_node_request = asked.append
    request = Csr("u", "a", SERVING_SIGNER, f"system:node:{NODE}", Requestor.NODE, NODE, CsrCondition.PENDING, NOW)
    asking.state.csrs_listed([], NOW)

    def objects_() -> int:
        csrs = asking.state.facts().csrs
        return sum(csrs.objects.values()) if csrs else -1

    sources._csr_changed(Change.ADDED, request, NOW)
    assert (objects_(), asked) == (1, [NODE])
    sources._csr_changed(Change.DELETED, request, NOW)
    assert (objects_(), asked) == (0, [NODE] * 2)
    sources._csr_changed(Change.ADDED, replace(request, node=""), NOW)
    assert asked == [NODE] * 2
    made = Node(NODE, "p", "", "", "linux", "", "", Rotation.ENABLED, NOW, True, "", "")
    asking.state.nodes_listed([], NOW)
    sources._node_changed(Change.MODIFIED, made, NOW)
    assert asking.state.facts().nodes == (made,)
    sources._node_changed(Change.DELETED, made, NOW)
    assert asking.state.facts().nodes == ()


def test_every_part_is_begun_and_ended(asking: Asking) -> None:
    sources = asking.sources()
    intervals = [one._interval for one in sources._looks]
    assert intervals == [60.0, 30.0, 300.0, 300.0, 60.0]
    names = ["config maps", "leases", "webhooks", "apiservices", "apiserver"]
    assert [one._thread.name for one in sources._looks] == names
    sources.start()
    threads = [one._thread for one in sources._parts]
    assert [thread.is_alive() for thread in threads] == [True] * 7
    closed: list[bool] = []
    setattr(asking.connection, "close", lambda: closed.append(True))  # noqa: B010 - a method, which a type holds fast
    sources.stop()
    assert ([thread.is_alive() for thread in threads], closed) == ([False] * 7, [True])


def test_requests_and_nodes_are_watched_each_with_its_own_reader(asking: Asking) -> None:
    sources = asking.sources()
    state, recovered = asking.state, sources._recovered
    watched = [
        (resource.CERTIFICATE_SIGNING_REQUESTS, csr_reader, Source.CSRS, state.csrs_listed, sources._csr_changed),
        (resource.NODES, node_reader, Source.NODES, state.nodes_listed, sources._node_changed),
    ]
    watches: tuple[Any, ...] = sources._watches
    sink: Any = _Sink
    for watch, (what, read, source, on_list, on_change) in zip(watches, watched, strict=True):
        assert watch._resource is what
        assert watch._read is read
        assert watch._sink == sink(sources._tell, state, source, on_list, on_change, recovered)
        assert (watch._watch_seconds, watch._clock()) == (300.0, NOW)
        assert (watch._backoff._first, watch._backoff._largest) == (0.8, 30.0)


@pytest.mark.parametrize(("first", "largest"), [(0.8, 30.0), (0.08, 3.0), (0.002, 0.1), (0.0, 0.1)])
def test_the_longest_pause_of_a_watch_follows_from_its_first(first: float, largest: float, asking: Asking) -> None:
    sources = KubeSources(asking.connection, asking.state, lambda _: None, tuple, Intervals(backoff=first))
    watches: tuple[Any, ...] = sources._watches
    assert [(one._backoff._first, one._backoff._largest) for one in watches] == [(first, pytest.approx(largest))] * 2
