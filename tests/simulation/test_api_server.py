"""The simulated API server answers as a real one does, seen from a client."""

import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from exporter.sources.tls import Handshake, probe
from simulation.api.server import KINDS, ApiServer, Store
from simulation.pki import Authority

AUTHORITY = Authority.cluster(time.time())
CONTEXT = ssl.create_default_context(cadata=AUTHORITY.pem.decode())
NODES = "/api/v1/nodes"


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with ApiServer(AUTHORITY.apiserver(("127.0.0.1",), time.time())) as server:
        server.store.put_all("nodes", ({"metadata": {"name": f"node-{number}"}} for number in range(5)))
        yield server


def asked(server: ApiServer, target: str, *, method: str = "GET", token: str = "") -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(server.url + target, method=method)
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, context=CONTEXT, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def names(answer: dict[str, Any]) -> list[str]:
    return [item["metadata"]["name"] for item in answer["items"]]


def test_a_list_has_pages_that_say_how_much_is_left(server: ApiServer) -> None:
    _, first = asked(server, f"{NODES}?limit=2")
    assert (first["kind"], first["apiVersion"]) == ("NodeList", "v1")
    assert names(first) == ["node-0", "node-1"]
    assert first["metadata"]["remainingItemCount"] == 3
    server.store.put("nodes", {"metadata": {"name": "node-1-late"}})
    _, second = asked(server, f"{NODES}?limit=9&continue={first['metadata']['continue']}")
    assert names(second) == ["node-2", "node-3", "node-4"], "as it was when the list began"
    assert second["metadata"] == {"resourceVersion": first["metadata"]["resourceVersion"]}


def test_a_page_that_was_forgotten_is_gone_and_one_that_never_was_is_a_bad_request(server: ApiServer) -> None:
    _, first = asked(server, f"{NODES}?limit=2")
    server.store.expire()
    status, gone = asked(server, f"{NODES}?limit=2&continue={first['metadata']['continue']}")
    assert (status, gone["kind"], gone["reason"]) == (410, "Status", "Expired")
    assert asked(server, f"{NODES}?continue=nonsense")[0] == 400


def test_objects_carry_what_a_server_fills_in(server: ApiServer) -> None:
    server.store.put("configmaps", {"metadata": {"name": "one", "namespace": "kube-system"}, "data": {"key": "value"}})
    _, found = asked(server, "/api/v1/namespaces/kube-system/configmaps/one")
    assert (found["kind"], found["apiVersion"], found["data"]) == ("ConfigMap", "v1", {"key": "value"})
    assert set(found["metadata"]) == {"name", "namespace", "uid", "creationTimestamp", "resourceVersion"}
    assert asked(server, "/api/v1/namespaces/default/configmaps/one")[0] == 404
    assert names(asked(server, "/api/v1/namespaces/default/configmaps")[1]) == []
    assert names(asked(server, "/api/v1/configmaps")[1]) == ["one"]


def test_a_field_selector_chooses_by_name(server: ApiServer) -> None:
    assert names(asked(server, f"{NODES}?fieldSelector=metadata.name%3Dnode-3")[1]) == ["node-3"]
    assert asked(server, f"{NODES}?fieldSelector=spec.providerID%3Dx")[0] == 400


def watched(server: ApiServer, query: str) -> list[dict[str, Any]]:
    """All events of a watch of one second."""
    url = f"{server.url}{NODES}?watch=1&timeoutSeconds=1&{query}"
    with urllib.request.urlopen(url, context=CONTEXT, timeout=10) as answer:
        return [json.loads(line) for line in answer]


def test_a_watch_tells_what_came_after_a_version_and_ends_with_a_bookmark(server: ApiServer) -> None:
    version = server.store.resource_version
    server.store.put("nodes", {"metadata": {"name": "node-1", "labels": {"a": "b"}}})
    server.store.delete("nodes", "node-2")
    events = watched(server, f"resourceVersion={version}&allowWatchBookmarks=true")
    assert [(event["type"], event["object"]["metadata"].get("name")) for event in events] == [
        ("MODIFIED", "node-1"),
        ("DELETED", "node-2"),
        ("BOOKMARK", None),
    ]
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in events]
    assert versions == [version + 1, version + 2, version + 2]


def test_a_watch_from_nowhere_begins_with_what_there_is(server: ApiServer) -> None:
    assert [event["type"] for event in watched(server, "")] == ["ADDED"] * 5


@pytest.mark.parametrize("as_status", [True, False])
def test_a_watch_from_a_forgotten_version_is_gone_in_either_style(server: ApiServer, as_status: bool) -> None:
    version = server.store.resource_version
    server.store.expire()
    server.gone_as_status = as_status
    if as_status:
        assert asked(server, f"{NODES}?watch=1&resourceVersion={version}")[0] == 410
    else:
        (event,) = watched(server, f"resourceVersion={version}")
        assert (event["type"], event["object"]["code"]) == ("ERROR", 410)


def test_it_changes_one_object_at_a_time_and_knows_whom_it_lets_in(server: ApiServer) -> None:
    assert asked(server, NODES, method="DELETE")[0] == 405
    server.tokens = {"right"}
    assert asked(server, NODES)[0] == 401
    assert asked(server, NODES, token="wrong")[0] == 401
    assert asked(server, NODES, token="right")[0] == 200
    server.forbidden.add("nodes")
    assert asked(server, NODES, token="right")[0] == 403
    assert asked(server, "/api/v1/secrets", token="right")[0] == 404
    assert asked(server, "/version", token="right")[1]["gitVersion"] == server.version


def test_a_rotated_certificate_is_served_to_new_connections(server: ApiServer) -> None:
    def served() -> str:
        return ssl.get_server_certificate((server.host, server.port))

    before = served()
    server.rotate(AUTHORITY.apiserver(("127.0.0.1",), time.time()))
    assert served() != before
    port = server.port
    server.restart()
    assert server.port == port
    assert asked(server, "/version")[0] == 200


def test_every_kind_is_listed_at_its_own_path(server: ApiServer) -> None:
    for plural, kind in KINDS.items():
        status, answer = asked(server, f"{kind.root}/{plural}")
        assert (status, answer["kind"], answer["apiVersion"]) == (200, f"{kind.name}List", kind.api_version)


def test_deleting_what_is_not_there_is_an_error_of_the_caller() -> None:
    with pytest.raises(KeyError):
        Store().delete("nodes", "nobody")


def test_a_client_may_leave_with_its_last_flight(caplog: pytest.LogCaptureFixture) -> None:
    """A look at the certificate ends in one packet with the handshake: nothing is to be said about it."""
    with ApiServer(AUTHORITY.apiserver(("127.0.0.1",), time.time())) as server:
        for _ in range(5):
            assert isinstance(probe((server.host, server.port)), Handshake)
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []
