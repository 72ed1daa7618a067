"""What changes rarely is asked for at intervals, and failures are told and retried."""

import threading
from collections.abc import Callable

import msgspec

from exporter.demo.apiserver import ApiServer, Fault, FaultKind
from exporter.facts.resource import API_SERVICES, ROOT_CA
from exporter.facts.source import Failure
from exporter.reason import Reason
from exporter.sources.kube import Connection
from exporter.sources.kube_poll import Poller
from exporter.sources.kube_watch import Backoff
from tests.sources.watching import decode


class Answers:
    def __init__(self) -> None:
        self.answers: list[str] = []
        self.failures: list[Failure] = []
        self.waits: list[float] = []
        self._heard = threading.Condition()

    def told(self, answer: str, now: float) -> None:
        with self._heard:
            self.answers.append(answer)
            self._heard.notify_all()

    def failed(self, failure: Failure, now: float) -> None:
        with self._heard:
            self.failures.append(failure)
            self._heard.notify_all()

    def pause(self, seconds: float) -> None:
        self.waits.append(seconds)
        threading.Event().wait(0.002)

    def until(self, true: Callable[[], bool]) -> None:
        with self._heard:
            assert self._heard.wait_for(true, 10), (self.answers, self.failures)


class ConfigMap(msgspec.Struct):
    data: dict[str, str]


def root_ca(body: bytes) -> str:
    return msgspec.json.decode(body, type=ConfigMap).data["ca.crt"]


def put(server: ApiServer, value: str) -> None:
    name = ROOT_CA.names[0]
    server.store.put("configmaps", {"metadata": {"name": name, "namespace": "kube-system"}, "data": {"ca.crt": value}})


def poller(connection: Connection, answers: Answers) -> Poller[str]:
    path = ROOT_CA.object_path(ROOT_CA.names[0])
    return Poller(
        "configmaps",
        lambda: connection.fetch(path, root_ca),
        answers,
        seconds=45,
        backoff=Backoff(draw=lambda: 0.0),
        pause=answers.pause,
    )


def test_an_object_is_asked_for_again_and_again(apiserver: ApiServer, connection: Connection) -> None:
    answers = Answers()
    put(apiserver, "one")
    polling = poller(connection, answers)
    polling.start()
    answers.until(lambda: answers.answers[-1:] == ["one"])
    put(apiserver, "two")
    answers.until(lambda: answers.answers[-1:] == ["two"])
    polling.stop()
    assert set(answers.waits) == {45}
    assert not answers.failures


def test_a_failure_is_told_and_retried_sooner(apiserver: ApiServer, connection: Connection) -> None:
    answers = Answers()
    put(apiserver, "one")
    apiserver.faults.add(Fault(FaultKind.STATUS, 429, {"Retry-After": "9"}))
    apiserver.faults.add(Fault(FaultKind.STATUS, 500))
    polling = poller(connection, answers)
    polling.start()
    answers.until(lambda: bool(answers.answers))
    polling.stop()
    assert [failure.reason for failure in answers.failures] == [Reason.THROTTLED, Reason.SERVER_ERROR]
    assert answers.waits[:3] == [9, 1.6, 45]


def test_an_object_that_is_absent_or_not_what_it_should_be_is_a_failure(
    apiserver: ApiServer, connection: Connection
) -> None:
    path = ROOT_CA.object_path(ROOT_CA.names[0])
    absent = connection.get(path, root_ca)
    assert isinstance(absent, Failure)
    assert absent.reason is Reason.NOT_FOUND
    assert absent.words == 'HTTP 404: configmaps "kube-root-ca.crt" not found'
    apiserver.store.put("configmaps", {"metadata": {"name": "kube-root-ca.crt", "namespace": "kube-system"}, "data": 7})
    wrong = connection.get(path, root_ca)
    assert isinstance(wrong, Failure)
    assert wrong.reason is Reason.DECODE


def test_a_defect_in_the_question_itself_is_told_and_not_the_end(apiserver: ApiServer, connection: Connection) -> None:
    answers = Answers()
    turns: list[int] = []

    def ask() -> str:
        turns.append(1)
        if len(turns) == 1:
            raise KeyError("a defect")
        return "well"

    polling = Poller("defect", ask, answers, pause=answers.pause)
    polling.start()
    answers.until(lambda: bool(answers.answers))
    polling.stop()
    assert [failure.reason for failure in answers.failures] == [Reason.ERROR]


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
