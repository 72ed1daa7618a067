"""No thread of the sources keeps a program from ending: each goes with it, whatever it waits for. And where none can be
started, at the limit of processes, that is an answer like any other.
"""

import asyncio
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from exporter.facts.kube.endpoint import ServedEndpoint
from exporter.facts.source import Failure
from exporter.reason import Reason
from exporter.sources.azure.managed_cluster import AzureSource
from exporter.sources.azure.resource_manager import ResourceManager
from exporter.sources.deadline import Deadline
from exporter.sources.dial import Unresolved, dial
from exporter.sources.endpoints.look import in_thread
from exporter.sources.files.deadline import Workers
from exporter.sources.kube.exec_plugin import _output
from exporter.sources.parsing.process import ParserProcess
from exporter.sources.tls import probe


def started(before: set[threading.Thread], name: str) -> list[bool]:
    """Of each thread of such a name that is there since, whether it goes with the program."""
    return [one.daemon for one in set(threading.enumerate()) - before if name in one.name]


def mine() -> bool:
    """Likewise of the one that asks."""
    return threading.current_thread() is not threading.main_thread() and threading.current_thread().daemon


def test_one_that_waits_for_a_deadline() -> None:
    before = set(threading.enumerate())
    with Deadline(60, lambda: None):
        assert started(before, "deadline") == [True]


def test_one_that_looks_at_files() -> None:
    def work(numbers: Iterator[int]) -> Iterator[tuple[int, bool]]:
        for number in numbers:
            yield number, mine()

    assert Workers(30.0).answers(["a"], work, lambda _: False) == ([True], frozenset())


def test_one_that_asks_for_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[bool]()

    def resolve(*_: object, flags: int, **__: object) -> None:
        if not flags:
            asked.append(mine())
        raise socket.gaierror(0, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(Unresolved):
        dial(("a.example", 443), time.monotonic() + 20)
    assert asked == [True]


def test_one_that_asks_azure(source: AzureSource) -> None:
    def read(_manager: ResourceManager) -> bool:
        return mine()

    assert source._look(read, "5ab0") is True


def test_one_that_looks_at_an_endpoint() -> None:
    looked = list[bool]()

    def work() -> ServedEndpoint:
        looked.append(mine())
        raise LookupError

    with pytest.raises(LookupError):
        asyncio.run(in_thread(work))
    assert looked == [True]


@pytest.mark.skipif(sys.platform != "linux", reason="the child is Linux's")
def test_one_that_attends_to_a_parser() -> None:
    before = set(threading.enumerate())
    process = ParserProcess("import os; os.write(0, b'\\0\\0\\0\\2{}'); os.read(0, 1)")
    assert started(before, "parser") == [True]
    process.close()


def test_those_that_read_what_a_plugin_says() -> None:
    before = set(threading.enumerate())

    class Watched(subprocess.Popen[bytes]):
        threads: tuple[bool, ...] = ()

        def wait(self, timeout: float | None = None) -> int:
            self.threads = self.threads or tuple(started(before, "_read"))
            self.kill()
            return super().wait(timeout)

    process = Watched(["sleep", "600"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert _output(process, "sleep", 20.0, whole_group=False) == (b"", "")
    assert process.threads == (True, True)


NONE = "Resource temporarily unavailable"


@pytest.fixture
def none(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system, or the container, allows no more threads."""

    def never(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", never)


@pytest.mark.usefixtures("none")
def test_without_a_thread_no_name_is_resolved() -> None:
    assert probe(("a.example", 443), timeout=20) == Failure(Reason.ERROR, NONE)


@pytest.mark.usefixtures("none")
def test_without_a_thread_no_deadline_is_kept() -> None:
    with pytest.raises(BlockingIOError, match=NONE), Deadline(60, lambda: None):
        pass


@pytest.mark.usefixtures("none")
def test_without_a_thread_azure_is_not_asked() -> None:
    source = AzureSource("https://127.0.0.1", {})
    assert source._look(lambda _: True, "5ab0") == Failure(Reason.ERROR, NONE)
    assert (source._abandoned, source.asked_to_wait) == ([], None)


@pytest.mark.usefixtures("none")
def test_without_a_thread_no_endpoint_is_looked_at() -> None:
    with pytest.raises(BlockingIOError, match=NONE):
        asyncio.run(in_thread(lambda: pytest.fail("it cannot be done")))


@pytest.mark.usefixtures("none")
def test_without_a_thread_a_plugin_is_ended() -> None:
    """It would go on by itself, and nobody would hear it."""
    with subprocess.Popen(["sleep", "600"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        with pytest.raises(BlockingIOError, match=NONE):
            _output(process, "sleep", 20.0, whole_group=False)
        assert process.returncode == -9


@pytest.mark.usefixtures("none")
def test_without_a_thread_no_file_is_waited_for() -> None:
    """Whatever the deadline is: nobody is at work."""
    workers, began = Workers(60.0), time.monotonic()
    assert workers.answers(["a"], lambda _: pytest.fail("it cannot be done"), lambda _: False) == ([None], frozenset())
    assert time.monotonic() - began < 20
    assert workers._threads == 0
