"""One object or one list: an answer, or a failure with its words."""

import msgspec

from exporter.facts.source import Failure
from exporter.reason import Reason
from exporter.sources.kube.connection import Connection
from exporter.sources.kube.resource import API_SERVICES, ROOT_CA
from simulation.api.server import ApiServer, Fault, FaultKind
from tests.sources.kube.watching import decode

PATH = ROOT_CA.object_path(ROOT_CA.names[0])


class ConfigMap(msgspec.Struct):
    data: dict[str, str]


def root_ca(body: bytes) -> str:
    return msgspec.json.decode(body, type=ConfigMap).data["ca.crt"]


def put(server: ApiServer, value: str) -> None:
    name = ROOT_CA.names[0]
    server.store.put("configmaps", {"metadata": {"name": name, "namespace": "kube-system"}, "data": {"ca.crt": value}})


def test_an_object_is_asked_for_by_its_name(apiserver: ApiServer, connection: Connection) -> None:
    put(apiserver, "one")
    assert connection.get(PATH, root_ca) == "one"
    assert apiserver.requests[-1] == ("GET", "/api/v1/namespaces/kube-system/configmaps/kube-root-ca.crt")


def test_a_server_that_asks_to_be_left_alone_is(apiserver: ApiServer, connection: Connection) -> None:
    put(apiserver, "one")
    apiserver.faults.add(Fault(FaultKind.STATUS, 429, {"Retry-After": "60"}))
    throttled = connection.get(PATH, root_ca)
    assert isinstance(throttled, Failure)
    assert throttled.reason is Reason.THROTTLED
    asked = len(apiserver.requests)
    assert connection.get(PATH, root_ca) == throttled
    assert len(apiserver.requests) == asked
    assert connection.list_all(API_SERVICES.path, decode) == [], "it was about that one question"


def test_a_server_that_asks_for_no_patience_is_asked_again(apiserver: ApiServer, connection: Connection) -> None:
    put(apiserver, "one")
    apiserver.faults.add(Fault(FaultKind.STATUS, 503, {"Retry-After": "0"}))
    assert isinstance(connection.get(PATH, root_ca), Failure)
    assert connection.get(PATH, root_ca) == "one"


def test_an_object_that_is_absent_or_not_what_it_should_be_is_a_failure(
    apiserver: ApiServer, connection: Connection
) -> None:
    absent = connection.get(PATH, root_ca)
    assert isinstance(absent, Failure)
    assert absent.reason is Reason.NOT_FOUND
    assert absent.words == 'HTTP 404: configmaps "kube-root-ca.crt" not found'
    apiserver.store.put("configmaps", {"metadata": {"name": "kube-root-ca.crt", "namespace": "kube-system"}, "data": 7})
    wrong = connection.get(PATH, root_ca)
    assert isinstance(wrong, Failure)
    assert wrong.reason is Reason.DECODE


def test_an_object_beyond_what_etcd_takes_is_refused(apiserver: ApiServer, connection: Connection) -> None:
    put(apiserver, "one")
    apiserver.faults.add(Fault(FaultKind.HUGE, size=5 * 1024 * 1024))
    assert connection.get(PATH, root_ca) == Failure(Reason.TOO_LARGE, "an answer of over 4 MiB")
    assert connection.get(PATH, root_ca) == "one"


def test_a_collection_is_listed_whole_or_not_at_all(apiserver: ApiServer, connection: Connection) -> None:
    apiserver.store.put_all("apiservices", ({"metadata": {"name": f"v1.group-{n:04}"}} for n in range(700)))
    found = connection.list_all(API_SERVICES.path, decode)
    assert not isinstance(found, Failure)
    assert [item.metadata.name for item in found] == apiserver.store.names("apiservices")
    apiserver.faults.add(Fault(FaultKind.TRUNCATED), verb="list")
    broken = connection.list_all(API_SERVICES.path, decode)
    assert isinstance(broken, Failure)
    assert broken.reason is Reason.DECODE


def test_the_servers_clock_is_told_against_ours(apiserver: ApiServer, connection: Connection) -> None:
    before = connection.clock_offset
    assert before is None
    apiserver.clock_offset = 300.0
    connection.list_all(API_SERVICES.path, decode)
    offset = connection.clock_offset
    assert offset is not None
    assert abs(offset - 300) < 2
