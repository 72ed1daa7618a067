"""One node agent is asked for its facts: what it says, that nothing has changed, or why it said nothing."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from exporter.facts.kube.endpoint_slice import PodAddress
from exporter.facts.source import Failure
from exporter.reason import Reason
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
    assert "accept: application/json\r\n" in asked.lower()
    assert "authorization: basic x\r\n" in asked.lower()
    assert "if-none-match" not in asked.lower()


def test_where_nothing_has_changed_the_same_is_said_again() -> None:
    former = said('W/"a"')
    found, asked = told(http(b"", status="304 Not Modified"), former)
    assert found is former
    assert 'if-none-match: w/"a"\r\n' in asked.lower()


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
        (http(facts() + b" " * (4 << 20)), Reason.DECODE, ""),
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
