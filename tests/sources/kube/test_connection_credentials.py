"""When a connection reads its credentials anew, and what it does without any."""

import logging
from dataclasses import replace

import pytest

from exporter.facts.source import Failure
from exporter.reason import Reason
from exporter.sources.kube.connection import Connection
from exporter.sources.kube.failure import ApiError
from tests.sources.hostile import http
from tests.sources.kube.asked import OK, REFUSED, Clock, Given, Server, access, bearer, shown, text


@pytest.mark.parametrize(
    ("status", "again"),
    [("401 Unauthorized", True), ("403 Forbidden", False), ("500 No", False), ("404 Not Found", False)],
)
def test_a_refused_token_is_read_anew_and_shown_once_more(status: str, again: bool) -> None:
    refusal = http(b"{}", status=status)
    with Server(refusal, refusal, OK) as server:
        given = Given(access(server, headers=bearer("first")), access(server, headers=bearer("second")))
        connection = Connection(given)
        assert isinstance(connection.get("/a", text), Failure)
        assert connection.get("/a", text) == "fine" if again else len(server.requests) == 1
        assert shown(server) == (["first", "second", "second"] if again else ["first"])
        assert given.reads == (2 if again else 1)


def test_credentials_are_read_anew_when_their_files_change() -> None:
    with Server(OK) as server:
        given = Given(*(access(server, headers=bearer(token)) for token in ("first", "second")))
        connection = Connection(given)
        for state in (0, 0, 1, 1):
            given.state = state
            connection.get("/a", text)
        assert connection.may(verb="get") == Failure(
            Reason.DECODE, "not what the API promises: Expected `object`, got `str`"
        )
        assert (shown(server), given.reads) == (["first", "first", "second", "second", "second"], 2)
        given.state = 2
        connection.may(verb="get")
        assert given.reads == 3


@pytest.mark.parametrize(("now", "reads"), [(70.0, 1), (70.5, 2)])
def test_credentials_are_read_anew_half_a_minute_before_they_run_out(now: float, reads: int) -> None:
    with Server(OK) as server:
        given = Given(access(server, expires=100.0))
        connection = Connection(given, clock=Clock(0.0, now))
        connection.get("/a", text)
        assert given.reads == reads


@pytest.mark.parametrize(
    ("slow", "now", "reads"),
    [(True, 1009.9, 1), (True, 1010.0, 2), (True, 1000.0, 1), (True, 999.9, 2), (False, 1000.0, 2)],
)
def test_slow_credentials_are_not_read_at_every_turn(slow: bool, now: float, reads: int) -> None:
    """Ten seconds lie between, unless the clock was turned back."""
    with Server(OK) as server:
        given = Given(access(server), slow=slow)
        connection = Connection(given, clock=Clock(1000.0, now))
        given.state = 1
        connection.get("/a", text)
        assert given.reads == reads


def test_slow_credentials_that_were_just_read_are_not_read_again() -> None:
    with Server(OK) as server:
        given = Given(access(server), slow=True)
        connection = Connection(given, clock=(clock := Clock(1000.0, 1010.0)))
        for seconds, reads in ((1010.0, 2), (1019.0, 2), (1020.0, 3)):
            given.state += 1
            clock.seconds = [seconds]
            connection.get("/a", text)
            assert given.reads == reads


def spoiled(words: str = "not YAML") -> ApiError:
    return ApiError(Failure(Reason.CREDENTIALS, words))


def test_credentials_that_cannot_be_read_leave_those_in_hand(caplog: pytest.LogCaptureFixture) -> None:
    """In the middle of a swap, say; each complaint is logged once, until they can be read."""
    with Server(OK) as server, caplog.at_level(logging.WARNING, "exporter.sources.kube.connection"):
        first, second = (access(server, headers=bearer(token)) for token in ("first", "second"))
        given = Given(first, spoiled(), spoiled(), spoiled("gone"), second, spoiled("gone"))
        connection = Connection(given)
        for state, token in ((1, "first"), (1, "first"), (1, "first"), (1, "second"), (1, "second"), (2, "second")):
            given.state = state
            assert connection.get("/a", text) == "fine"
            assert shown(server)[-1] == token
        assert caplog.messages == ["not YAML", "gone", "gone"]


@pytest.mark.parametrize(("now", "answer"), [(100.0, "fine"), (100.5, Failure(Reason.CREDENTIALS, "not YAML"))])
def test_credentials_that_have_run_out_are_none(now: float, answer: object) -> None:
    with Server(OK) as server:
        given = Given(access(server, expires=100.0), spoiled())
        assert Connection(given, clock=Clock(0.0, now)).get("/a", text) == answer
        assert Connection(Given(access(server), spoiled()), clock=Clock(0.0, now)).get("/a", text) == "fine"


def test_without_credentials_there_is_no_connection() -> None:
    with pytest.raises(ApiError, match="not YAML"):
        Connection(Given(spoiled()))


def test_another_identity_is_another_connection_and_other_authorities_are_told() -> None:
    """A token is only sent differently; where nothing differs all stays."""
    with Server(OK) as server:
        first = access(server)
        changes = [
            first,
            replace(first),
            replace(first, headers=bearer("abc")),
            replace(first, headers=bearer("abc"), identity=b"two"),
            replace(first, headers=bearer("abc"), identity=b"three", authorities=b"PEM"),
            replace(first, headers=bearer("abc"), identity=b"three", authorities=b"PEM"),
        ]
        given = Given(*changes)
        connection = Connection(given)
        connection.on_other_authorities()  # nobody is told where nobody asked
        told: list[bytes] = []
        connection.on_other_authorities = lambda: told.append(connection.authorities)
        accepted = []
        for _ in range(2):
            connection.get("/a", text)
        for _ in changes[1:]:
            given.state += 1
            connection.get("/a", text)
            accepted.append(server.accepted)
        assert accepted == [1, 1, 2, 3, 3]
        assert told == [b"PEM"]
        assert connection.token == "abc"


def test_whoever_comes_second_takes_what_the_first_has_read() -> None:
    """Two threads were refused with the same token: it is read once."""
    with Server(REFUSED) as server:
        used = access(server, headers=bearer("first"))
        given = Given(used, access(server, headers=bearer("second")), access(server, headers=bearer("third")))
        connection = Connection(given)
        assert [connection._renewed(used), connection._renewed(used)] == [True, True]
        assert (given.reads, connection.token) == (2, "second")
