"""How a connection without a socket ends: by its client, by order, and when it is lost."""

import asyncio

import pytest

from exporter.web.connection import PIECE
from exporter.web.response import Response
from tests.web.virtual import GET, LIMITS, Client, Secured, run, story


@story
async def test_to_close_is_said_by_who_closes() -> None:
    client = Client()
    await client.says(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    assert client.wire.said == ["close"]
    assert b"onnection: close\r\n" in client.wire.written


@story
async def test_a_client_that_ends_its_half_gets_its_answer() -> None:
    client = Client()
    client.released = {"/a": asyncio.Event()}
    await client.says(GET)
    assert client.connection.eof_received() is True
    client.released["/a"].set()
    await client.settled()
    assert (client.wire.statuses(), client.wire.said) == ([200], ["close"])


@story
async def test_a_client_that_ends_its_half_in_the_middle_of_a_body_gets_its_answer() -> None:
    client = Client()
    client.released = {"/a": asyncio.Event()}
    await client.says(b"POST /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3\r\n\r\nx")
    assert client.connection.eof_received() is True
    client.released["/a"].set()
    await client.settled()
    assert (client.wire.statuses(), client.wire.said) == ([200], ["close"])


@story
async def test_a_client_that_ends_without_a_request_is_not_kept() -> None:
    client = Client()
    assert client.connection.eof_received() is False
    await client.says(GET)
    assert client.connection.eof_received() is False


@story
async def test_under_tls_there_is_no_half_of_a_connection() -> None:
    client = Client(secured=Secured())
    client.released = {"/a": asyncio.Event()}
    await client.says(GET)
    assert client.connection.eof_received() is False
    client.connection.cancel()
    await client.settled()


@story
async def test_the_order_to_stop_ends_who_is_idle_and_lets_an_answer_go_out() -> None:
    idle, busy = Client(), Client()
    busy.released = {"/a": asyncio.Event()}
    await busy.says(GET)
    for one in (idle, busy):
        one.connection.stop()
    assert (idle.wire.said, busy.wire.said) == (["close"], [])
    busy.released["/a"].set()
    await busy.settled()
    assert b"connection: close\r\n" in busy.wire.written
    assert (busy.wire.statuses(), busy.wire.said) == ([200], ["close"])


@story
async def test_the_order_to_stop_in_the_middle_of_an_answer_ends_the_connection_after_it() -> None:
    client = Client()
    client.answers["/a"] = Response(200, b"x" * (PIECE + 1), "text/plain")
    client.connection.pause_writing()
    await client.says(GET)
    client.connection.stop()
    client.connection.resume_writing()
    await client.settled()
    assert client.wire.pieces[1:] == [1, 0]
    assert client.wire.said == ["close"]


@story
async def test_the_end_of_patience_ends_an_answer() -> None:
    client = Client()
    client.released = {"/a": asyncio.Event()}
    client.connection.cancel()  # nothing is under way: nothing happens
    await client.says(GET)
    client.connection.cancel()
    await client.settled()
    assert (client.wire.written, client.wire.said) == (b"", ["abort"])


@story
async def test_a_lost_connection_waits_for_nothing_and_is_told_once() -> None:
    client = Client(LIMITS)
    client.released = {"/a": asyncio.Event()}
    await client.says(GET)
    client.connection.pause_writing()
    client.connection.connection_lost(None)
    await client.settled()
    assert (client.lost, client.connection.waiting) == (1, False)
    said = list(client.wire.said)
    await asyncio.sleep(500)
    assert client.wire.said == said


def test_a_certificate_without_an_allowed_name_ends_the_connection(caplog: pytest.LogCaptureFixture) -> None:
    class Context:
        allowed_names = frozenset({"one"})

    class Stranger:
        context = Context()

        def getpeercert(self) -> dict[str, object]:
            return {"subjectAltName": (("DNS", "two"),)}

    async def told() -> None:
        client = Client(LIMITS, secured=Stranger())
        assert client.wire.said == ["abort"]
        assert (client.waits, client.connection.waiting) == (0, False)

    run(told)
    assert caplog.messages == ["client certificate refused: it bears none of client_allowed_sans"]


@pytest.mark.parametrize("end", ["lost", "eof"])
def test_nothing_is_sent_to_a_client_that_is_gone(end: str) -> None:
    """A transport of TLS does not say so, and who makes the answer may give another one when told to end."""

    async def told() -> None:
        client = Client(secured=Secured())
        client.released, client.excused = {"/a": asyncio.Event()}, True
        await client.says(GET)
        if end == "lost":
            client.connection.connection_lost(None)
        else:
            assert not client.connection.eof_received()
            client.released["/a"].set()
        await client.settled()
        assert (client.wire.written, client.wire.said, client.wire.paused) == (b"", [], False)

    run(told)


@story
async def test_a_client_that_sent_nonsense_and_has_reset_is_gone() -> None:
    """The end of what is sent to it cannot be said any more: that is an end, and nothing that went wrong."""
    client = Client()
    client.wire.reset = True
    await client.says(b"nonsense\r\n\r\n")
    assert client.wire.said == ["abort"]


@story
async def test_an_answer_is_not_written_on_when_its_client_is_gone() -> None:
    """asyncio tells of that in its next turn, and logs a line for each piece that is written nevertheless."""
    client = Client(secured=Secured())
    client.answers["/a"] = Response(200, bytes(PIECE * 20), "text/plain")
    asyncio.get_running_loop().call_soon(client.connection.data_received, GET)
    while not client.wire.pieces:
        await asyncio.sleep(0)
    client.connection.connection_lost(None)
    await client.settled()
    assert len(client.wire.pieces) == 1


@pytest.mark.parametrize(
    "sent",
    [
        [b"GET /a HTTP/1.0\r\n\r\n\n"],
        [b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", b"nonsense\r\n"],
    ],
)
def test_under_tls_a_connection_is_closed_once(sent: list[bytes]) -> None:
    """At a second time asyncio's transport forgets what it belongs to, and raises at the next question."""

    async def told() -> None:
        client = Client(secured=Secured())
        for one in sent:
            await client.says(one)
        client.connection.stop()
        assert (client.wire.statuses(), client.wire.said) == ([200], ["close"])

    run(told)
