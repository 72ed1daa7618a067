"""How many kubelets are asked, where one may: ten at a time, until the deadline, and not in vain."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from exporter.check.kubelet_look import AT_ONCE, KubeletsSeen, look_at_kubelets
from exporter.facts.kube.kubelet_report import KubeletReport
from exporter.facts.source import Failure
from exporter.reason import KubeletStatus, Reason, Role
from exporter.sources.kube.connection import Connection, Kubeconfig
from exporter.sources.kube.failure import ApiError
from exporter.sources.kube.node_proxy import read_kubelet
from simulation.api.server import ApiServer
from simulation.pki import DAY
from tests.agents.clusters import NOW, serving
from tests.check.test_cluster_look import kubeconfig
from tests.check.test_nodes import behind, kubelet
from tests.web.test_tls import comes

NAMES = [f"aks-nodepool1-12345678-vmss{number:06}" for number in range(30)]


def quiet(waiting: Sequence[str]) -> None:
    """Nobody is told."""


@contextmanager
def connected(tmp_path: Path) -> Iterator[tuple[ApiServer, Connection]]:
    with ApiServer(serving()) as server:
        path = kubeconfig(tmp_path, server)
        with closing(Connection(Kubeconfig(path))) as connection:
            yield server, connection


def looked(
    connection: Connection,
    names: Sequence[str] = NAMES,
    seconds: float = 30.0,
    tell: Callable[[Sequence[str]], None] = quiet,
    *,
    everybody: bool = False,
) -> KubeletsSeen:
    return look_at_kubelets(connection, names, time.monotonic() + seconds, tell, everybody=everybody)


def test_every_kubelet_is_asked_once(tmp_path: Path) -> None:
    with connected(tmp_path) as (server, connection):
        asked = behind(server, dict.fromkeys(NAMES, kubelet()))
        found = looked(connection)
    assert sorted(one.node for one in found.reports) == NAMES
    assert {one.status for one in found.reports} == {KubeletStatus.OK}
    assert (found.left, found.refused, found.unreachable) == (0, "", "")
    assert len(asked) == 2 * len(NAMES)


def test_ten_are_asked_at_a_time_and_who_waits_is_told(tmp_path: Path) -> None:
    release, told = threading.Event(), list[str]()
    with connected(tmp_path) as (server, connection):
        behind(server, dict.fromkeys(NAMES, kubelet()))
        usual = server.node_proxy
        assert usual is not None

        def answer(name: str, path: str) -> tuple[int, str, bytes]:
            release.wait(20)
            return usual(name, path)

        def asked() -> int:
            return sum("/proxy/" in target for _, target in server.requests)

        server.node_proxy = answer
        found: list[KubeletsSeen] = []
        look = threading.Thread(target=lambda: found.append(looked(connection, tell=told.extend)))
        look.start()
        assert comes(lambda: asked() == AT_ONCE)
        assert comes(lambda: len(told) >= 4)  # some tenths of a second later
        assert asked() == AT_ONCE == 10
        release.set()
        look.join(20)
    assert len(found[0].reports) == len(NAMES)
    assert told[0] == "30 of 30 kubelets"


def test_those_that_the_deadline_left_unasked_are_counted(tmp_path: Path) -> None:
    release = threading.Event()
    with connected(tmp_path) as (server, connection):
        server.node_proxy = lambda *_: (release.wait(20), 500, "text/plain", b"")[1:]
        began = time.monotonic()
        found = looked(connection, seconds=0.5)
        took = time.monotonic() - began
        release.set()
    assert (found.reports, found.left) == ((), len(NAMES))
    assert found.unreachable == ""
    assert 0.5 <= took < 5


def test_after_the_deadline_nobody_is_asked_any_more(tmp_path: Path) -> None:
    with connected(tmp_path) as (server, connection):
        asked = behind(server, {})
        assert looked(connection, seconds=-1.0) == KubeletsSeen(left=len(NAMES))
        for thread in threading.enumerate():
            if thread.name.startswith("kubelets "):
                thread.join(20)
    assert asked == []


class Held(Connection):
    """Leads to no kubelet, and to nine of the first ten only once ten others have not answered."""

    def __init__(self, credentials: Kubeconfig) -> None:
        super().__init__(credentials)
        self.release = threading.Event()

    def dated(self, path: str, largest: int, *, within: float | None = None) -> tuple[bytearray, float | None]:
        if any(name in path for name in NAMES[1:10]):
            self.release.wait(20)
        raise ApiError(Failure(Reason.REFUSED, "connection refused"))

    def told(self, waiting: Sequence[str]) -> None:
        if int(waiting[0].partition(" of 30 kubelets")[0]) <= 20:
            self.release.set()


def test_the_tenth_that_tells_nothing_is_the_last_that_is_asked(tmp_path: Path) -> None:
    """Only one thread meets the tenth answer; nine are asking still."""
    with ApiServer(serving()) as server, closing(Held(Kubeconfig(kubeconfig(tmp_path, server)))) as connection:
        found = looked(connection, tell=connection.told)
    assert sorted(one.node for one in found.reports) == NAMES[:19]
    assert found.left == 11


@pytest.mark.parametrize("everybody", [True, False])
def test_where_the_first_ten_tell_nothing_the_others_are_spared(everybody: bool, tmp_path: Path) -> None:
    with connected(tmp_path) as (server, connection):
        behind(server, {})
        found = looked(connection, everybody=everybody)
    assert (len(found.reports) == len(NAMES)) is everybody
    assert len(found.reports) >= AT_ONCE
    assert found.left == len(NAMES) - len(found.reports)
    assert found.unreachable.startswith(f"{found.reports[0].node}: ")


def test_where_one_of_them_tells_something_all_are_asked(tmp_path: Path) -> None:
    with connected(tmp_path) as (server, connection):
        behind(server, {NAMES[0]: kubelet()})
        found = looked(connection)
    assert len(found.reports) == len(NAMES)
    assert found.unreachable == ""


def test_who_may_not_asks_nobody(tmp_path: Path) -> None:
    with connected(tmp_path) as (server, connection):
        asked = behind(server, dict.fromkeys(NAMES, kubelet()))
        server.forbidden.add("nodes/proxy")
        assert looked(connection) == KubeletsSeen(refused="you have no right to get nodes/proxy")
        assert asked == []
    found = looked(connection)  # the server is gone
    assert found.refused.startswith("whether you may ask them is not known: ")
    assert found.reports == ()


def test_a_bug_is_what_a_kubelet_answers(tmp_path: Path) -> None:
    with connected(tmp_path) as (_, connection):
        connection.dated = None  # type: ignore[assignment, method-assign]
        (report,) = looked(connection, NAMES[:1]).reports
    assert report == KubeletReport(NAMES[0], KubeletStatus.ERROR, report.detail)
    assert report.detail.startswith("a bug in this program: TypeError at node_proxy.py")


def test_without_nodes_there_is_nothing_to_ask(tmp_path: Path) -> None:
    with connected(tmp_path) as (_, connection):
        assert looked(connection, ()) == KubeletsSeen()


@pytest.mark.parametrize(
    ("reports", "words"),
    [
        ((), ""),
        ((KubeletReport("a", KubeletStatus.REFUSED, "connection refused"),), "a: connection refused"),
        ((KubeletReport("a", KubeletStatus.TIMEOUT),), "a: timeout"),
        ((KubeletReport("a", KubeletStatus.TIMEOUT), KubeletReport("b", KubeletStatus.UNTRUSTED, "x509: ")), ""),
        ((KubeletReport("a", KubeletStatus.TLS_ERROR, no_certificate=True),), ""),
    ],
)
def test_a_way_is_blocked_where_nobody_was_reached(reports: tuple[KubeletReport, ...], words: str) -> None:
    """One that serves no certificate was reached, and so was one whose certificate was refused."""
    assert KubeletsSeen(reports).unreachable == words


def status(code: int, message: str) -> tuple[int, str, bytes]:
    body = {"kind": "Status", "status": "Failure", "message": message, "code": code}
    return code, "application/json", json.dumps(body).encode()


@pytest.mark.parametrize(
    ("answer", "expected", "words", "no_certificate"),
    [
        (status(403, "no"), KubeletStatus.FORBIDDEN, "HTTP 403: no", False),
        (status(401, "no"), KubeletStatus.UNAUTHORIZED, "HTTP 401: no", False),
        (status(500, "no"), KubeletStatus.ERROR, "HTTP 500: no", False),
        (status(503, "remote error: tls: internal error"), KubeletStatus.TLS_ERROR, "tls: internal error", True),
        (status(503, "tls: x509: unknown authority"), KubeletStatus.UNTRUSTED, "x509: unknown authority", False),
        ((200, "application/json", b"<html>"), KubeletStatus.ERROR, "Expecting value", False),
        ((200, "application/json", b"[" * 100_000), KubeletStatus.ERROR, "recursion", False),
        ((200, "application/json", b" " * (1 << 20) + b"{}"), KubeletStatus.ERROR, "over 1 MiB", False),
    ],
)
def test_why_a_kubelet_did_not_tell_is_its_status(
    tmp_path: Path, answer: tuple[int, str, bytes], expected: KubeletStatus, words: str, no_certificate: bool
) -> None:
    with connected(tmp_path) as (server, connection):
        server.node_proxy = lambda *_: answer
        found = read_kubelet(connection, "aks-1")
    assert (found.node, found.status, found.no_certificate) == ("aks-1", expected, no_certificate)
    assert words in found.detail
    assert found.told is no_certificate


def test_what_a_kubelet_tells_is_in_its_report(tmp_path: Path) -> None:
    with connected(tmp_path) as (server, connection):
        asked = behind(server, {"aks-1": kubelet(30 * DAY)})
        found = read_kubelet(connection, "aks-1")
    assert asked == ["aks-1/configz", "aks-1/metrics"]
    assert (found.node, found.status, found.detail) == ("aks-1", KubeletStatus.OK, "")
    assert found.config is not None
    assert (found.config.client_rotation, found.config.serving_rotation) == (True, True)
    assert found.client_certificate is True
    assert found.client_not_after == pytest.approx(NOW + 30 * DAY, abs=120)
    assert dict(found.renew_errors).keys() <= {Role.KUBELET_CLIENT, Role.KUBELET_SERVING}
