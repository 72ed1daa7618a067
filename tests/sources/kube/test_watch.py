"""A watcher, turn by turn and without a server: what it asks, what it tells, how long it waits, when it lists anew."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import cast

import pytest
import urllib3
from urllib3.response import BaseHTTPResponse

from exporter.facts.kube.reader import Change
from exporter.facts.source import Failure
from exporter.reason import Reason
from exporter.sources.kube.failure import ApiError
from exporter.sources.kube.listing import Listing
from exporter.sources.kube.watch import PROMPT, SETTLING, SILENCE, Backoff, lines
from tests.sources.kube.scripted import Stream, event, listed, watcher
from tests.sources.kube.watching import Item


@pytest.mark.parametrize(
    ("draw", "largest", "waits"),
    [
        (0.0, None, [0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0]),
        (0.5, None, [1.2, 2.4, 4.8, 9.6, 19.2, 38.4, 45.0, 45.0]),
        (0.0, 2.5, [0.8, 1.6, 2.5, 2.5]),
        (1.0, 2.5, [1.6, 3.2, 5.0, 5.0]),
        (0.0, 60.0, [0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0]),
    ],
)
def test_waits_grow_to_their_bound(draw: float, largest: float | None, waits: list[float]) -> None:
    backoff = Backoff(draw=lambda: draw)
    for _ in range(2):
        assert [backoff.next(largest) for _ in waits] == pytest.approx(waits)
        assert backoff.tries == len(waits)
        backoff.reset()
        assert backoff.tries == 0


def test_waits_do_not_grow_beyond_what_a_number_holds() -> None:
    backoff = Backoff(first=1.0, largest=1e300, draw=lambda: 0.0)
    waits = [backoff.next() for _ in range(2000)]
    assert waits[29:33] == [2.0**29, 2.0**30, 2.0**30, 2.0**30]
    assert 0.8 <= Backoff().next() < 1.6


def found(stream: Stream, longest: int = 8) -> Iterator[bytes]:
    return lines(cast("BaseHTTPResponse", stream), longest)


CUT = Failure(Reason.DECODE, "the stream ended in the middle of an event")
LONG = Failure(Reason.TOO_LARGE, "an event of over 0 MiB")
BROKEN = Failure(Reason.RESET, "the connection was closed in the middle of an answer")


@pytest.mark.parametrize(
    ("pieces", "whole", "failure"),
    [
        ([b"a\nb\n"], [b"a", b"b"], None),
        ([b"a", b"b\n\n \nc", b"\n \n"], [b"ab", b"c"], None),
        ([b"a\n", b" \n", b"b\n "], [b"a", b"b"], None),
        ([b"a\nb"], [b"a"], CUT),
        ([b"12345678", b"\n"], [b"12345678"], None),
        ([b"a\n12345678", b"\n"], [b"a", b"12345678"], None),
        ([b"123456789", b"\n"], [], LONG),
        ([b"a\n123456789\nb\n"], [b"a", b"123456789", b"b"], None),
        ([b"a\n123456789"], [b"a"], LONG),
        ([b"a\n", urllib3.exceptions.ProtocolError("ended")], [b"a"], Failure(Reason.RESET, "ended")),
        ([b"a", OSError("broken")], [], Failure(Reason.ERROR, "broken")),
        ([http.client.IncompleteRead(b"")], [], BROKEN),
        ([ValueError("odd")], [], Failure(Reason.ERROR, "ValueError: odd")),
    ],
)
def test_the_lines_of_a_stream_are_given_as_they_come(
    pieces: list[bytes | Exception], whole: list[bytes], failure: Failure | None
) -> None:
    given, told = list[bytes](), None
    try:
        given.extend(found(Stream(*pieces)))
    except ApiError as error:
        told = error.failure
    assert (given, told) == (whole, failure)


Script = list[Listing[Item] | Stream | Exception]


def test_it_lists_and_then_watches_from_there() -> None:
    """Each change and each bookmark moves the place from which it goes on, and is an answer."""
    stream = Stream(
        event("ADDED", "c", "2") + event("MODIFIED", "a", "3"), event("DELETED", "b", "4"), event("BOOKMARK", "", "9")
    )
    one, connection, told, waits = watcher(listed("a", "b"), stream, Stream(event("BOOKMARK", "", "10")))
    one.run()
    answered = ("answered", 5.0)
    assert told.calls == [
        ("listed", ["a", "b"], 5.0),
        answered,
        (Change.ADDED, "c", 5.0),
        answered,
        (Change.MODIFIED, "a", 5.0),
        answered,
        (Change.DELETED, "b", 5.0),
        answered,
        answered,
        answered,
        answered,
        answered,
        answered,
    ]
    assert (waits, connection.kinds, stream.closed, one._stream) == ([], "lwww", True, None)
    assert connection.asked[0] == ("list", "/api/v1/nodes")
    for (_, path, query, within), version in zip(connection.asked[1:], ("1", "9", "10"), strict=True):
        assert (path, within) == ("/api/v1/nodes", 10.0)
        assert {**query, "timeoutSeconds": ""} == {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": "",
        }


@pytest.mark.parametrize(("seconds", "least", "most"), [(None, 300, 600), (1000.0, 1000, 2000), (0.1, 1, 1)])
def test_a_watch_lasts_so_long_to_twice_that(seconds: float | None, least: int, most: int) -> None:
    """Spread, so that a fleet of agents does not come all at once."""
    settings = {} if seconds is None else {"watch_seconds": seconds}
    script: Script = [listed("a"), *(Stream(event("BOOKMARK")) for _ in range(60))]
    one, connection, *_ = watcher(*script, **settings)
    one.run()
    asked = [int(query["timeoutSeconds"]) for _, _, query, _ in connection.asked[1:]]
    assert least <= min(asked) <= max(asked) <= most
    assert least == most or max(asked) - min(asked) > least / 2
    assert (SILENCE, one._silence, one._watch_seconds) == (70.0, 70.0, seconds or 300.0)


def failure(reason: Reason, words: str = "no", retry_after: float | None = None) -> ApiError:
    return ApiError(Failure(reason, words), retry_after=retry_after)


ANEW = {Reason.DECODE, Reason.TOO_LARGE, Reason.ERROR, Reason.BUG}
PROMPTLY = {
    Reason.DNS,
    Reason.REFUSED,
    Reason.UNREACHABLE,
    Reason.RESET,
    Reason.TIMEOUT,
    Reason.TLS_ALERT,
    Reason.TLS_PROTOCOL,
    Reason.SERVER_ERROR,
}


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason is not Reason.EXPIRED])
def test_a_failure_is_told_and_waited_after(reason: Reason) -> None:
    """Longer each time; not as long where nobody was reached; anew from a list where the place may be the fault."""
    one, _, told, _ = watcher()
    waits = []
    for tries in range(7):
        one._version = "1"
        waits.append(one._failure(failure(reason)))
        assert one._version == ("" if reason in ANEW or tries >= 5 else "1")
    grow = [0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0]
    assert waits == pytest.approx([min(wait, 2.5) if reason in PROMPTLY else wait for wait in grow])
    assert told.calls == [(reason, "no")] * 7
    assert (one._lost > 0) is (reason in PROMPTLY)


def test_a_place_that_ran_out_is_listed_anew_at_once_but_not_again_and_again() -> None:
    one, _, told, _ = watcher()
    waits = []
    for reason in (Reason.EXPIRED, Reason.EXPIRED, Reason.EXPIRED, Reason.FORBIDDEN, Reason.EXPIRED):
        one._version = "1"
        waits.append(one._failure(failure(reason)))
        assert one._version == ("1" if reason is Reason.FORBIDDEN else "")
    assert waits == pytest.approx([0.0, 0.8, 1.6, 3.2, 0.0])
    assert len(told.calls) == 5


@pytest.mark.parametrize(
    ("reason", "ago", "promptly"),
    [
        (Reason.UNAUTHORIZED, 0.0, True),
        (Reason.FORBIDDEN, 0.0, True),
        (Reason.NOT_FOUND, 0.0, True),
        (Reason.NOT_FOUND, SETTLING - 1, True),
        (Reason.NOT_FOUND, SETTLING + 1, False),
        (Reason.THROTTLED, 0.0, False),
    ],
)
def test_a_server_that_has_just_started_knows_no_roles_yet(reason: Reason, ago: float, promptly: bool) -> None:
    one, *_ = watcher()
    one._lost = time.monotonic() - ago
    assert [one._failure(failure(reason)) for _ in range(3)][2] == pytest.approx(PROMPT if promptly else 3.2)
    assert (PROMPT, SETTLING) == (2.5, 30.0)


def test_it_waits_as_long_as_the_server_asks_and_no_shorter_than_it_would() -> None:
    one, *_ = watcher()
    waits = [one._failure(failure(Reason.THROTTLED, retry_after=after)) for after in (7.0, 0.0, 1.0, None)]
    assert waits == pytest.approx([7.0, 1.6, 3.2, 6.4])


def test_without_other_waits_they_are_those_of_client_go() -> None:
    one, *_ = watcher(backoff=None)
    assert 0.8 <= one._failure(failure(Reason.FORBIDDEN)) < 1.6


def test_one_that_is_stopped_tells_no_failure() -> None:
    one, _, told, _ = watcher()
    one._stopping.set()
    assert (one._failure(failure(Reason.RESET)), told.calls) == (0.0, [])


def test_a_failure_on_the_way_is_survived() -> None:
    """Whatever it is: a watch goes on from where it was, a bug is told and begins anew."""
    script: Script = [
        failure(Reason.REFUSED),
        listed("a"),
        failure(Reason.FORBIDDEN),
        Stream(event("BOOKMARK", "", "7")),
        RuntimeError("s3cr3t"),
        listed("a", version="8"),
        Stream(b"no JSON\n"),
        listed("a", version="9"),
        Stream(json.dumps({"type": "ERROR", "object": {"code": 410, "message": "too old"}}).encode() + b"\n"),
        listed("a", version="10"),
        Stream(event("ADDED", "b", "11"), OSError("broken")),
    ]
    one, connection, told, waits = watcher(*script)
    one.run()
    assert connection.kinds == "llwwwlwlwlwl"
    failures = [call for call in told.calls if isinstance(call[0], Reason)]
    assert [reason for reason, _ in failures] == [
        Reason.REFUSED,
        Reason.FORBIDDEN,
        Reason.BUG,
        Reason.DECODE,
        Reason.EXPIRED,
        Reason.ERROR,
    ]
    assert failures[2][1].startswith("a bug in this program: RuntimeError at scripted.py:")  # type: ignore[attr-defined]
    assert failures[3][1].startswith("not the expected object: ")  # type: ignore[attr-defined]
    assert failures[4][1] == "HTTP 410: too old"
    assert waits == pytest.approx([0.8, 1.6, 0.8, 1.6, 0.8])


def test_what_cannot_be_read_is_told_until_it_can() -> None:
    """As long as one is unreadable nothing counts as an answer, though all else is told."""
    bad = {"b": Failure(Reason.DECODE, "nodes b: odd"), "c": Failure(Reason.DECODE, "nodes c: odd")}
    events = [event("MODIFIED", name, f"{number}") for number, name in enumerate(("a", "b", "c", "a"), 2)]
    one, _, told, _ = watcher(listed("a", unreadable=bad), Stream(*events))
    one.run()
    answered = ("answered", 5.0)
    assert told.calls == [
        ("listed", ["a"], 5.0),
        (Reason.DECODE, "nodes b: odd"),
        (Reason.DECODE, "nodes c: odd"),
        (Change.MODIFIED, "a", 5.0),
        (Change.MODIFIED, "b", 5.0),
        (Change.MODIFIED, "c", 5.0),
        answered,
        (Change.MODIFIED, "a", 5.0),
        answered,
        answered,
    ]


@pytest.mark.parametrize(("more", "kinds"), [(0, "lww"), (1, "lwl")])
def test_an_event_has_so_many_bytes_at_most(more: int, kinds: str) -> None:
    line = event("BOOKMARK").strip().ljust((4 << 20) + more)
    one, connection, told, _ = watcher(listed("a"), Stream(line, b"\n"))
    one.run()
    assert connection.kinds == kinds
    words = (Reason.TOO_LARGE, "an event of over 4 MiB")
    assert (words in told.calls) is bool(more)


def pauses(seconds: float) -> Callable[[], object]:
    return lambda: threading.Event().wait(seconds)


def test_a_watch_that_ends_as_soon_as_it_began_is_none() -> None:
    """Unless it told something, or lasted a second."""
    script: Script = [listed("a"), Stream(event("BOOKMARK", "", "3")), Stream(), Stream(pauses(1.02)), Stream()]
    one, connection, told, waits = watcher(*script, silence=30.0)
    one.run()
    ended = (Reason.RESET, "the watch ended as soon as it began")
    assert [call for call in told.calls if call[0] is Reason.RESET] == [ended, ended]
    assert waits == pytest.approx([0.8, 0.8])
    assert connection.kinds == "lwwwww"


@pytest.mark.parametrize(("seconds", "lost"), [(60.0, True), (0.0, False)])
def test_a_watch_that_ends_before_its_time_may_be_a_lost_connection(seconds: float, lost: bool) -> None:
    one, *_ = watcher(listed("a"), Stream(event("BOOKMARK")), watch_seconds=seconds)
    one.run()
    assert (one._lost > 0) is lost


def test_an_event_ends_what_failed_before() -> None:
    """The waits begin anew, and so does a place that ran out."""
    one, *_ = watcher()
    for reason in (Reason.FORBIDDEN, Reason.EXPIRED):
        one._failure(failure(reason))
    one._settled()
    assert one._failure(failure(Reason.EXPIRED)) == 0.0
    assert one._failure(failure(Reason.FORBIDDEN)) == pytest.approx(0.8)


def test_one_that_is_stopped_while_a_watch_is_opened_tells_nothing() -> None:
    one, connection, told, _ = watcher(listed("a"), stream := Stream(event("ADDED", "b")))
    connection.on_open = one._stopping.set
    one.run()
    assert (told.calls, stream.closed, one._stream) == ([("listed", ["a"], 5.0)], True, None)


def test_one_that_is_stopped_in_a_watch_does_not_answer_for_its_end() -> None:
    one, connection, told, _ = watcher(listed("a"))
    connection.script.append(Stream(event("BOOKMARK"), connection.stop))
    one.run()
    assert told.calls == [("listed", ["a"], 5.0), ("answered", 5.0), ("answered", 5.0)]
    assert connection.kinds == "lw"


def test_a_watch_in_doubt_is_opened_anew_without_a_word() -> None:
    def doubted() -> None:
        one.doubt()
        raise OSError("shut")

    one, connection, told, waits = watcher(listed("a"), Stream(event("BOOKMARK"), doubted))
    one.doubt()  # nothing is open yet
    one.run()
    assert (waits, connection.kinds) == ([], "lww")
    assert [call[0] for call in told.calls] == ["listed", "answered", "answered"]


def test_silence_is_counted_from_the_last_event() -> None:
    """A watch of which something is heard now and then goes on."""
    stream = Stream(*(piece for _ in range(4) for piece in (pauses(0.3), event("BOOKMARK"))))
    one, connection, told, _ = watcher(listed("a"), stream, silence=1.0)
    one.run()
    assert connection.kinds == "lww"
    assert [call[0] for call in told.calls] == ["listed", *["answered"] * 6]


def test_its_thread_is_named_after_what_it_watches_and_ends_with_it() -> None:
    heard, over = threading.Event(), threading.Event()
    one, *_ = watcher(listed("a"), Stream(event("BOOKMARK"), heard.set, lambda: over.wait(5)))
    assert (one._thread.name, one._thread.daemon) == ("watch nodes", True)
    one.start()
    assert heard.wait(5)
    threading.Timer(0.05, over.set).start()
    one.stop()
    assert not one._thread.is_alive()
    never, *_ = watcher()
    never.stop()
    assert never._stopping.is_set()
    waited = list[float]()
    never._thread = SimpleNamespace(ident=1, join=waited.append)  # type: ignore[assignment]
    never.stop()
    assert waited == [5]


def test_a_watch_that_waits_is_cut_short_by_the_stop() -> None:
    heard = threading.Event()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        stream = Stream(event("BOOKMARK"), heard.set, lambda: ours.recv(1))
        stream.connection = SimpleNamespace(sock=ours)
        one, connection, told, _ = watcher(listed("a"), stream)
        one.start()
        assert heard.wait(5)
        began = time.monotonic()
        one.stop()
        assert time.monotonic() - began < 2
        assert not one._thread.is_alive()
    assert [call[0] for call in told.calls] == ["listed", "answered", "answered"]
    assert connection.kinds == "lw"


def test_without_another_it_waits_until_it_is_stopped() -> None:
    one, *_ = watcher(failure(Reason.FORBIDDEN), pause=None, backoff=Backoff(first=60.0, largest=60.0))
    threading.Timer(0.1, one.stop).start()
    began = time.monotonic()
    one.run()
    assert 0.05 < time.monotonic() - began < 5
