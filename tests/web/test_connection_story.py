"""One connection without a socket: what is read, written and ended, to the second."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest

from exporter.web.connection import PIECE
from exporter.web.limits import Limits
from exporter.web.response import Response
from tests.web.virtual import Client, run

GET = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
LIMITS = Limits(request=10.0, take=30.0, idle=75.0)
Story = Callable[[], Awaitable[None]]


def story(told: Story) -> Callable[[], None]:
    """A test that is a coroutine."""

    def test() -> None:
        run(told)

    test.__name__, test.__doc__ = told.__name__, told.__doc__
    return test


@story
async def test_a_request_is_taken_as_it_was_sent() -> None:
    client = Client()
    await client.says(b"GET /a%20b?c=d HTTP/1.1\r\nHost: a\r\nX-Odd: 1\r\nX-Odd: 2\r\n\r\n")
    (request,) = client.requests
    assert (request.method, request.path, request.query_string, request.client) == ("GET", "/a b", "c=d", "10.0.0.1")
    assert request.headers == ((b"host", b"a"), (b"x-odd", b"1"), (b"x-odd", b"2"))
    assert client.wire.written.startswith(b"HTTP/1.1 200 OK\r\n")
    assert client.wire.written.endswith(b"\r\n\r\nok\n")
    assert b"connection" not in client.wire.written
    assert client.wire.said == []


@story
async def test_a_client_without_an_address_has_none() -> None:
    client = Client(peer=None)
    await client.says(GET)
    assert client.requests[0].client == ""


@story
async def test_requests_that_come_together_are_answered_one_after_the_other() -> None:
    client = Client()
    client.released = {"/a": asyncio.Event()}
    await client.says(GET + GET.replace(b"/a", b"/b"))
    assert [one.path for one in client.requests] == ["/a"]
    assert client.wire.paused
    client.released["/a"].set()
    await client.settled()
    assert [one.path for one in client.requests] == ["/a", "/b"]
    assert client.wire.statuses() == [200, 200]
    assert not client.wire.paused


@story
async def test_a_long_answer_goes_out_in_pieces_as_they_are_taken() -> None:
    client = Client()
    client.answers["/a"] = Response(200, b"x" * (2 * PIECE + 1), "text/plain")
    client.connection.pause_writing()
    await client.says(GET)
    assert len(client.wire.pieces) == 1
    assert PIECE < client.wire.pieces[0] < PIECE + 400
    client.connection.resume_writing()
    await client.settled()
    assert client.wire.pieces[1:] == [PIECE, 1, 0]
    assert PIECE == 64 * 1024


@story
async def test_an_answer_to_head_has_no_body() -> None:
    client = Client()
    await client.says(GET.replace(b"GET", b"HEAD"))
    assert client.wire.written.endswith(b"\r\n\r\n")
    assert b"content-length: 3\r\n" in client.wire.written


@story
async def test_nothing_is_written_to_who_has_gone_meanwhile() -> None:
    client = Client()
    client.released = {"/a": asyncio.Event()}
    await client.says(GET)
    client.wire.closing = True
    client.released["/a"].set()
    await client.settled()
    assert client.wire.written == b""


@story
async def test_the_rest_is_not_written_to_who_goes_in_the_middle() -> None:
    client = Client()
    client.answers["/a"] = Response(200, b"x" * (2 * PIECE), "text/plain")
    client.connection.pause_writing()
    await client.says(GET)
    client.wire.closing = True
    client.connection.resume_writing()
    await client.settled()
    assert len(client.wire.pieces) == 1


@pytest.mark.parametrize(
    ("sent", "answered", "seconds"),
    [
        (b"", 0, 10.0),
        (GET[:9], 0, 10.0),
        (GET, 1, 75.0),
        (GET + b"G", 1, 10.0),
        (b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nx", 1, 10.0),
    ],
)
def test_who_does_not_go_on_is_ended_in_time(sent: bytes, answered: int, seconds: float) -> None:
    async def told() -> None:
        client = Client(LIMITS)
        await client.says(*filter(None, [sent]))
        assert len(client.wire.statuses()) == answered
        assert await client.ends() == pytest.approx(seconds, abs=0.5)
        assert client.wire.said == ["abort"]

    run(told)


@story
async def test_a_request_in_pieces_has_one_time_for_all_of_them() -> None:
    client = Client(LIMITS)
    for at in range(3):
        await client.says(GET[at : at + 1])
        await asyncio.sleep(4)
    assert client.wire.said == ["abort"]


@story
async def test_the_time_of_a_later_request_begins_with_its_first_byte() -> None:
    client = Client(LIMITS)
    await client.says(GET)
    await asyncio.sleep(70)
    await client.says(GET[:5])
    assert await client.ends() == pytest.approx(80, abs=0.5)


@story
async def test_an_answer_may_take_as_long_as_it_takes() -> None:
    client = Client(LIMITS)
    client.released = {"/a": asyncio.Event()}
    await client.says(GET)
    assert not client.connection.waiting
    assert await client.ends(most=500) == -1
    client.released["/a"].set()
    await client.settled()
    assert client.wire.statuses() == [200]
    assert client.connection.waiting


@story
async def test_who_takes_nothing_of_an_answer_is_ended_and_who_takes_it_late_is_not() -> None:
    client, other = Client(LIMITS), Client(LIMITS)
    for one in (client, other):
        one.connection.pause_writing()
        await one.says(GET)
        assert one.connection.waiting
    await asyncio.sleep(29)
    other.connection.resume_writing()
    await asyncio.sleep(2)
    assert (client.wire.said, other.wire.said) == (["abort"], [])
    assert await other.ends() == pytest.approx(29 + 75, abs=1)


@story
async def test_what_lies_unsent_after_the_answer_has_the_same_time() -> None:
    client, other = Client(LIMITS), Client(LIMITS)
    for one in (client, other):
        one.wire.unsent = 10
        await one.says(GET)
    await asyncio.sleep(29)
    other.wire.unsent = 0  # the transport says this to nobody
    await asyncio.sleep(2)
    assert (client.wire.said, other.wire.said) == (["abort"], [])
    assert await other.ends() == pytest.approx(30 + 75, abs=1)


@story
async def test_an_answer_that_is_kept_back_can_be_ended_and_comes_after_its_time() -> None:
    client = Client(LIMITS)
    client.answers["/a"] = Response(503, b"busy\n", "text/plain", after=2.0)
    await client.says(GET)
    assert (client.waits, client.connection.waiting, client.wire.written) == (2, True, b"")
    await asyncio.sleep(1.9)
    assert client.wire.written == b""
    await asyncio.sleep(0.2)
    assert client.wire.statuses() == [503]


@story
async def test_waiting_is_told_once_for_each_thing_that_is_waited_for() -> None:
    client = Client()
    assert (client.waits, client.connection.waiting) == (1, True)
    await client.says(GET[:4])
    assert client.waits == 1
    await client.says(GET[4:])
    assert client.waits == 2
    await client.says(GET)
    assert client.waits == 3


@story
async def test_to_close_is_said_by_who_closes() -> None:
    client = Client()
    await client.says(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    assert client.wire.said == ["close"]
    assert b"onnection: close\r\n" in client.wire.written


@story
async def test_whoever_waits_for_leave_to_send_a_body_gets_the_answer_and_no_second_one() -> None:
    client = Client(LIMITS)
    await client.says(b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
    assert b"connection: close\r\n" in client.wire.written
    assert client.wire.statuses() == [200]
    assert client.wire.said == ["eof"]
    await client.says(GET)
    assert client.wire.statuses() == [200]


@pytest.mark.parametrize(
    ("sent", "status", "said"),
    [
        (b"\x00\r\n\r\n", 400, ["eof"]),
        (b"GET / HTTP/1.1\r\n\r\n", 400, ["eof"]),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501, ["eof"]),
        (b"GET /" + b"x" * 40_000, 431, ["eof"]),
    ],
)
def test_what_is_no_request_is_answered_and_the_rest_thrown_away(sent: bytes, status: int, said: list[str]) -> None:
    """The socket is closed only when the client has read the answer, or has had the time to."""

    async def told() -> None:
        client = Client(LIMITS)
        await client.says(sent)
        assert client.wire.statuses() == [status]
        assert client.wire.written.count(b"connection: close\r\n") == 1
        assert client.wire.said == said
        await client.says(GET, sent)
        assert (client.requests, client.wire.statuses()) == ([], [status])
        assert await client.ends() == pytest.approx(10, abs=1)
        assert client.wire.said == [*said, "abort"]

    run(told)


@story
async def test_under_tls_what_is_no_request_ends_the_connection() -> None:
    client = Client(secured=Secured())
    await client.says(b"\x00\r\n\r\n")
    assert (client.wire.statuses(), client.wire.said) == ([400], ["close"])


@story
async def test_nonsense_behind_a_request_ends_its_answer() -> None:
    client = Client()
    client.released = {"/a": asyncio.Event()}
    await client.says(b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    await client.says(b"nonsense\r\n")
    assert client.wire.written == b""
    assert client.wire.said == ["eof", "abort"]


@story
async def test_nonsense_behind_a_request_is_not_answered_by_who_makes_the_answer() -> None:
    """However they take the order to end."""
    client = Client()
    client.released, client.excused = {"/a": asyncio.Event()}, True
    await client.says(b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    await client.says(b"nonsense\r\n")
    assert (client.wire.written, client.wire.said) == (b"", ["eof"])


@story
async def test_an_answer_that_fails_is_logged_and_ends_the_connection() -> None:
    client = Client()
    client.answers["/a"] = Response(200, b"", "a\r\nb")
    await client.says(GET)
    assert client.wire.said == ["abort"]


def test_an_answer_that_fails_is_one_record(caplog: pytest.LogCaptureFixture) -> None:
    async def told() -> None:
        client = Client()
        client.answers["/a"] = Response(200, b"", "a\r\nb")
        await client.says(GET)

    run(told)
    assert [(one.levelno, one.getMessage()) for one in caplog.records] == [
        (logging.ERROR, "/a: the answer cannot be sent")
    ]


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


class Secured:
    """What TLS says about a connection without a client certificate."""

    context = None

    def getpeercert(self) -> None:
        return None


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
async def test_who_takes_the_end_of_a_last_answer_late_is_ended_all_the_same() -> None:
    client = Client(LIMITS)
    client.wire.unsent = 10
    await client.says(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    assert client.wire.said == ["close"]
    client.wire.unsent = 0
    await asyncio.sleep(31)
    assert client.wire.said == ["close", "abort"]


@pytest.mark.parametrize(("length", "statuses"), [(32 * 1024, []), (32 * 1024 + 1, [431])])
def test_the_head_of_a_request_is_at_most_32_kib(length: int, statuses: list[int]) -> None:
    async def told() -> None:
        client = Client()
        await client.says(GET[:-2] + b"X: " + b"x" * (length - len(GET) - 1))
        assert client.wire.statuses() == statuses

    run(told)


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
