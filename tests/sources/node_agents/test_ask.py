"""One node agent is asked for its facts: what it says, that nothing has changed, or why it said nothing."""

import asyncio
import json
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

import pytest

from exporter.facts.kube.endpoint_slice import PodAddress
from exporter.facts.source import Failure
from exporter.reason import Reason
from exporter.sources.exchange import ProtocolError
from exporter.sources.node_agents.ask import Said, ask
from exporter.sources.node_agents.client_config import ClientAccess
from tests.sources.hostile import http

NODE = "aks-1"


def facts(node: str = NODE, agent: str = "node") -> bytes:
    return json.dumps({"schema": 1, "agent": agent, "node": node, "looked_at": 1.0, "findings": []}).encode()


@contextmanager
def answering(answer: bytes) -> Iterator[tuple[PodAddress, list[str]]]:
    """An agent that says this once, and the head of what it was asked."""
    asked: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                head = b""
                while b"\r\n\r\n" not in head:
                    head += connection.recv(65536)
                asked.append(head.decode())
                connection.sendall(answer)
                connection.recv(1)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield PodAddress(NODE, "127.0.0.1", listening.getsockname()[1]), asked
        thread.join(10)


def told(answer: bytes, former: Said | None = None, **headers: str) -> tuple[Said | Failure, str]:
    with answering(answer) as (pod, asked):
        found = asyncio.run(ask(pod, former, ClientAccess(headers=headers), 10.0))
    return found, asked[0]


def said(etag: str = "") -> Said:
    found, _ = told(http(facts(), *([f"ETag: {etag}"] if etag else [])))
    assert isinstance(found, Said)
    return found


def test_it_is_asked_for_json_with_the_login_that_is_configured() -> None:
    found, asked = told(http(facts(), 'ETag: W/"a"'), Authorization="Basic x")
    assert isinstance(found, Said)
    assert (found.document.node, found.etag) == (NODE, 'W/"a"')
    assert asked.startswith("GET /facts HTTP/1.1\r\n")
    assert "\r\naccept: application/json\r\n" in asked.lower()
    assert "\r\nauthorization: basic x\r\n" in asked.lower()
    assert "if-none-match" not in asked.lower()


def test_where_nothing_has_changed_the_same_is_said_again() -> None:
    former = said('W/"a"')
    found, asked = told(http(b"", status="304 Not Modified"), former)
    assert found is former
    assert 'if-none-match: w/"a"\r\n' in asked.lower()


def test_what_has_changed_is_said_anew() -> None:
    former = said('"a"')
    found, asked = told(http(facts(), 'ETag: "b"'), former)
    assert isinstance(found, Said)
    assert (found.document, found.etag) == (former.document, '"b"')
    assert 'if-none-match: "a"\r\n' in asked.lower()
    assert told(http(b"", status="500 Oh"), former)[0] == Failure(Reason.SERVER_ERROR, "HTTP 500")


def test_without_a_validator_the_whole_is_asked_for() -> None:
    _, asked = told(http(facts()), said())
    assert "if-none-match" not in asked.lower()


def test_a_304_that_nobody_asked_for_is_no_answer() -> None:
    found, _ = told(http(b"", status="304 Not Modified"))
    assert found == Failure(Reason.ERROR, "HTTP 304")


@pytest.mark.parametrize(
    ("etag", "kept"), [('"' + "a" * 198 + '"', True), ('"' + "a" * 199 + '"', False), ('"\u00e4"', False)]
)
def test_a_validator_that_no_agent_makes_is_not_sent_back(etag: str, kept: bool) -> None:
    found, _ = told(http(facts(), f"ETag: {etag}"))
    assert not isinstance(found, Said) or found.etag == (etag if kept else "")


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("401 Unauthorized", Reason.UNAUTHORIZED),
        ("403 Forbidden", Reason.FORBIDDEN),
        ("404 Not Found", Reason.NOT_FOUND),
        ("429 Too Many Requests", Reason.THROTTLED),
        ("418 Teapot", Reason.ERROR),
        ("302 Found", Reason.ERROR),
        ("499 Odd", Reason.ERROR),
        ("500 Internal Server Error", Reason.SERVER_ERROR),
        ("503 Service Unavailable", Reason.SERVER_ERROR),
    ],
)
def test_a_status_has_its_reason(status: str, reason: Reason) -> None:
    found, _ = told(http(facts(), status=status))
    assert found == Failure(reason, f"HTTP {status[:3]}")


@pytest.mark.parametrize(
    ("answer", "reason", "words"),
    [
        (http(facts("aks-2")), Reason.DECODE, "it speaks of another node, aks-2"),
        (http(facts("x" * 300)), Reason.DECODE, f"it speaks of another node, {'x' * 253}"),
        (http(facts(agent="cluster")), Reason.DECODE, "not a node agent's facts: agent is 'cluster'"),
        (http(b"<html>"), Reason.DECODE, "not a node agent's facts"),
        (http(facts().ljust((4 << 20) + 1)), Reason.DECODE, "an answer of over 4096 KiB"),
        (b"nonsense\r\n\r\n", Reason.DECODE, ""),
    ],
)
def test_what_is_no_nodes_facts_is_told(answer: bytes, reason: Reason, words: str) -> None:
    found, _ = told(answer)
    assert isinstance(found, Failure)
    assert found.reason is reason
    assert found.words.startswith(words)
    assert found.words


def test_an_agent_that_says_nothing_is_waited_for_and_no_longer() -> None:
    with answering(b"") as (pod, _):
        assert asyncio.run(ask(pod, None, ClientAccess(), 0.2)) == Failure(Reason.TIMEOUT, "no answer within 0.2 s")


def test_where_nobody_listens_that_is_told() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        pod = PodAddress(NODE, "127.0.0.1", held.getsockname()[1])
        found = asyncio.run(ask(pod, None, ClientAccess(), 10.0))
    assert isinstance(found, Failure)
    assert found.reason is Reason.REFUSED
    assert found.words


def test_facts_may_be_as_long_as_this() -> None:
    found, _ = told(http(facts().ljust(4 << 20)))
    assert isinstance(found, Said)


class Raising(Mapping[str, str]):
    """Headers that cannot be had."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getitem__(self, key: str) -> str:
        raise self._error

    def __iter__(self) -> Iterator[str]:
        raise self._error

    def __len__(self) -> int:
        raise self._error


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (TimeoutError(), Failure(Reason.TIMEOUT, "no answer within 10 s")),
        (ProtocolError("no HTTP"), Failure(Reason.DECODE, "no HTTP")),
        (ConnectionResetError(104, "Connection reset by peer"), Failure(Reason.RESET, "Connection reset by peer")),
        (OSError(24, "Too many open files"), Failure(Reason.ERROR, "Too many open files")),
        (OSError("a\n " + "b" * 199), Failure(Reason.ERROR, f"a {'b' * 198}")),
        (OSError(), Failure(Reason.ERROR, "OSError")),
        (ValueError("not facts"), Failure(Reason.DECODE, "not facts")),
        (RecursionError("too deep"), Failure(Reason.DECODE, "too deep")),
    ],
)
def test_whatever_goes_wrong_is_a_failure_and_the_connection_is_let_go_of(error: Exception, failure: Failure) -> None:
    async def looked() -> Said | Failure:
        ended = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(OSError):
                await reader.read()
            ended.set()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            pod = PodAddress(NODE, *server.sockets[0].getsockname())
            found = await ask(pod, None, ClientAccess(headers=Raising(error)), 10.0)
            await asyncio.wait_for(ended.wait(), 5)
        return found

    assert asyncio.run(looked()) == failure


def test_who_is_asked_over_tls_is_known_by_the_name_of_the_settings() -> None:
    """Which is sent (SNI) before anything is shown."""
    named: list[str | None] = []

    async def looked() -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.sni_callback = lambda _, name, __: named.append(name)
        server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0, ssl=context)
        async with server:
            pod = PodAddress(NODE, *server.sockets[0].getsockname())
            access = ClientAccess(ssl.create_default_context(), "node-agents.internal")
            assert isinstance(await ask(pod, None, access, 10.0), Failure)

    asyncio.run(looked())
    assert named == ["node-agents.internal"]
