"""The cluster agent is looked for and asked through its Service: what it says, or why it was not asked."""

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import pytest

from exporter.facts.cluster_document import cluster_document
from exporter.facts.source import Failure
from exporter.reason import Reason
from exporter.sources.kube.cluster_agent import AgentSaid, read_cluster_agent
from exporter.sources.kube.connection import Connection
from exporter.sources.kube.failure import ApiError
from exporter.sources.kube.listing import Listing

T = TypeVar("T")

FACTS = json.dumps({"schema": 1, "agent": "cluster", "looked_at": 5.0}).encode()
DOCUMENT = cluster_document(FACTS)
LABELS = {"app.kubernetes.io/name": "aks-cert-exporter", "app.kubernetes.io/component": "cluster"}
LIST = '{"verb": "list", "resource": "services"}'


def service(name: str = "agent", namespace: str = "monitoring", **more: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace, "labels": more.get("labels", LABELS)}
    return {"metadata": metadata, "spec": {"ports": more.get("ports", [{"port": 9876, "name": "http"}, {"port": 1}])}}


def proxied(scheme: str, port: str = "http", name: str = "agent", namespace: str = "monitoring") -> str:
    return f"/api/v1/namespaces/{namespace}/services/{scheme}:{name}:{port}/proxy/facts"


class Installed(Connection):
    """An API server with these Services and answers; `rights` are given to all that is asked but for these."""

    def __init__(
        self,
        services: list[dict[str, Any]] | Failure,
        answers: Mapping[str, bytes | Exception],
        rights: Mapping[str, bool | Failure] | None = None,
    ) -> None:
        self._services, self._answers, self._rights = services, answers, rights or {}
        self.asked: list[str] = []

    def may(self, **attributes: str) -> bool | Failure:
        what = json.dumps(attributes)
        self.asked.append(what)
        return self._rights.get(what, True)

    def list_all(
        self, path: str, decode: Callable[[bytes], T], selectors: Mapping[str, str] = {}, *, page: int = 0
    ) -> Listing[T] | Failure:
        self.asked.append(f"{path}?{selectors}")
        if isinstance(self._services, Failure):
            return self._services
        found: Listing[T] = Listing()
        found.extend(decode(json.dumps(one).encode()) for one in self._services)
        return found

    def body(self, path: str, query: Mapping[str, str], largest: int) -> bytearray:
        assert (query, largest) == ({}, 64 << 20)
        self.asked.append(path)
        found = self._answers.get(path, ApiError(Failure(Reason.SERVER_ERROR, "HTTP 503: nobody")))
        if isinstance(found, Exception):
            raise found
        return bytearray(found)


LISTED = "/api/v1/services?{'labelSelector': 'app.kubernetes.io/name=aks-cert-exporter'}"


def may_get(name: str = "agent") -> str:
    attributes = {"verb": "get", "resource": "services", "subresource": "proxy", "namespace": "monitoring"}
    return json.dumps({**attributes, "name": name})


NONE = Failure(Reason.NOT_FOUND, "no cluster agent is installed")


@pytest.mark.parametrize(
    ("scheme", "port", "ports"),
    [
        ("http", "http", [{"port": 9876, "name": "http"}, {"port": 1}]),
        ("https", "http", [{"port": 9876, "name": "http"}]),
        ("http", "9876", [{"port": 9876}]),
        ("http", "9876", [{"port": 9876, "name": ""}]),
        ("http", "a%2Fb", [{"port": 9876, "name": "a/b"}]),
    ],
)
def test_it_is_asked_at_its_first_port(scheme: str, port: str, ports: list[dict[str, Any]]) -> None:
    """Over plain HTTP first, then over TLS."""
    server = Installed([service(ports=ports)], {proxied(scheme, port): FACTS})
    assert read_cluster_agent(server) == AgentSaid("monitoring/agent", DOCUMENT)
    tried = [proxied(one, port) for one in ("http", "https")][: 1 if scheme == "http" else 2]
    assert server.asked == [LIST, LISTED, may_get(), *tried]


@pytest.mark.parametrize(
    "services",
    [
        [],
        [service(labels=None)],
        [service(labels={"app.kubernetes.io/component": "node"})],
        [service(ports=None)],
        [service(ports=[])],
        [{"metadata": {"name": "agent"}, "spec": {}}],
    ],
)
def test_what_is_no_service_of_its_own_is_passed_over(services: list[dict[str, Any]]) -> None:
    server = Installed(services, {})
    assert read_cluster_agent(server) == NONE
    assert server.asked == [LIST, LISTED]


def test_a_service_may_be_without_a_namespace() -> None:
    one = service()
    del one["metadata"]["namespace"]
    found = read_cluster_agent(Installed([one], {proxied("http", namespace=""): FACTS}))
    assert found == AgentSaid("/agent", DOCUMENT)


UNREACHED = Failure(Reason.REFUSED, "Connection refused")


@pytest.mark.parametrize(
    ("right", "failure"),
    [(False, Failure(Reason.FORBIDDEN, "you have no right to list services")), (UNREACHED, UNREACHED)],
)
def test_without_a_right_to_list_nothing_is_tried(right: bool | Failure, failure: Failure) -> None:
    server = Installed([service()], {proxied("http"): FACTS}, {LIST: right})
    assert read_cluster_agent(server) == failure
    assert server.asked == [LIST]


def test_a_list_that_fails_is_told() -> None:
    assert read_cluster_agent(Installed(UNREACHED, {})) == UNREACHED


@pytest.mark.parametrize(
    ("right", "failure"),
    [
        (False, Failure(Reason.FORBIDDEN, "you have no right to get services/proxy of monitoring/agent")),
        (UNREACHED, UNREACHED),
    ],
)
def test_without_a_right_to_the_proxy_it_is_not_asked(right: bool | Failure, failure: Failure) -> None:
    server = Installed([service()], {proxied("http"): FACTS}, {may_get(): right})
    assert read_cluster_agent(server) == failure
    assert server.asked == [LIST, LISTED, may_get()]


def test_the_next_is_asked_where_one_does_not_answer() -> None:
    """And the last one's failure is told where none does."""
    services = [service("one"), service("two"), service("three")]
    server = Installed(services, {proxied("https", name="two"): FACTS}, {may_get("one"): False})
    assert read_cluster_agent(server) == AgentSaid("monitoring/two", DOCUMENT)
    assert "three" not in str(server.asked)
    silent = Installed(services, {}, {may_get("three"): False})
    assert read_cluster_agent(silent) == Failure(
        Reason.FORBIDDEN, "you have no right to get services/proxy of monitoring/three"
    )


@pytest.mark.parametrize(
    ("http", "https", "failure", "tries"),
    [
        (None, None, Failure(Reason.SERVER_ERROR, "monitoring/agent: HTTP 503: nobody"), 2),
        (Reason.UNAUTHORIZED, FACTS, Failure(Reason.UNAUTHORIZED, "monitoring/agent: it says no"), 1),
        (Reason.FORBIDDEN, FACTS, Failure(Reason.FORBIDDEN, "monitoring/agent: it says no"), 1),
        (b"{}", Reason.UNAUTHORIZED, Failure(Reason.UNAUTHORIZED, "monitoring/agent: it says no"), 2),
        (
            None,
            b"[]",
            Failure(
                Reason.DECODE,
                "monitoring/agent: not a cluster agent's facts: Expected `object`, got `array`",
            ),
            2,
        ),
    ],
)
def test_one_that_does_not_answer_is_told_by_its_service(
    http: bytes | Reason | None, https: bytes | Reason | None, failure: Failure, tries: int
) -> None:
    """Where it wants a password none is tried again: no proxy passes one on."""

    def answer(what: bytes | Reason) -> bytes | Exception:
        return ApiError(Failure(what, "it says no")) if isinstance(what, Reason) else what

    answers = {proxied(scheme): answer(what) for scheme, what in (("http", http), ("https", https)) if what}
    server = Installed([service()], answers)
    assert read_cluster_agent(server) == failure
    assert len(server.asked) == 3 + tries
