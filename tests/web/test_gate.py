"""Who passes a gate, asked without a socket: whole answers, what is remembered, and what is logged."""

import asyncio
import base64
import itertools
import threading
from dataclasses import replace

import bcrypt
import pytest

from exporter.web.auth import BCRYPT_BYTES, REMEMBERED, ConfiguredGate, credentials
from exporter.web.config import WebConfig
from exporter.web.request import Request
from exporter.web.response import Response


def hashed(word: bytes) -> bytes:
    return bcrypt.hashpw(word, bcrypt.gensalt(4))


USERS = {b"alice": hashed(b"wonder"), b"bob": hashed(b"builder")}
UNAUTHORIZED = Response(
    401,
    b"Unauthorized\n",
    "text/plain; charset=utf-8",
    (("www-authenticate", 'Basic realm="aks-cert-exporter", charset="UTF-8"'),),
)
LIMITED = Response(429, b"Too Many Requests\n", "text/plain; charset=utf-8")


def request(name: bytes, word: bytes, path: str = "/metrics") -> Request:
    return Request("GET", path, "", ((b"authorization", b"Basic " + base64.b64encode(name + b":" + word)),), "10.0.0.1")


ANYBODY = Request("GET", "/metrics", "", ())


def asked(config: WebConfig, *requests: Request, at: float = 0.0) -> list[Response | None]:
    """What a gate says to requests that come one after another."""
    gate = ConfiguredGate(config, 9, clock=lambda: at)

    async def story() -> list[Response | None]:
        return [await gate.refusal(one) for one in requests]

    try:
        return asyncio.run(story())
    finally:
        gate.close()


def test_where_nobody_has_to_log_in_everybody_passes() -> None:
    assert asked(WebConfig(), ANYBODY) == [None]
    assert asked(WebConfig(users={}), ANYBODY, request(b"x", b"y")) == [None, None]


def test_who_has_to_log_in_hears_how() -> None:
    config = WebConfig(users=USERS)
    right, wrong = request(b"alice", b"wonder"), request(b"alice", b"builder")
    assert asked(config, ANYBODY, right, wrong, right, wrong) == [UNAUTHORIZED, None, UNAUTHORIZED, None, UNAUTHORIZED]
    for path in ("/healthz", "/readyz"):
        assert asked(config, Request("GET", path, "", ())) == [None]
    assert asked(config, Request("GET", "/healthz/", "", ())) == [UNAUTHORIZED]


def test_a_word_of_another_is_not_ones_own() -> None:
    config = WebConfig(users=USERS)
    found = asked(config, request(b"alice", b"builder"), request(b"bob", b"builder"), request(b"carol", b"builder"))
    assert found == [UNAUTHORIZED, None, UNAUTHORIZED]


def test_an_unknown_name_does_not_pass_with_the_word_it_is_checked_against() -> None:
    """It is checked against one of the real hashes, so that nobody learns from the time which names there are."""
    config = WebConfig(users={b"alice": USERS[b"alice"]})
    unknown = request(b"nobody", b"wonder")
    assert asked(config, unknown, unknown, request(b"alice", b"wonder"), unknown) == [
        *(UNAUTHORIZED, UNAUTHORIZED, None, UNAUTHORIZED)
    ]


def test_the_limit_is_asked_before_the_login() -> None:
    config = WebConfig(users=USERS, interval=10.0, burst=2)
    assert asked(config, ANYBODY, request(b"alice", b"wonder"), request(b"alice", b"wonder")) == [
        *(UNAUTHORIZED, None, LIMITED)
    ]


def test_bcrypt_looks_at_72_bytes() -> None:
    word = b"w" * BCRYPT_BYTES
    config = WebConfig(users={b"a": hashed(word)})
    longer, shorter = request(b"a", word + b"x"), request(b"a", word[:-1])
    assert BCRYPT_BYTES == 72
    assert asked(config, request(b"a", word), longer, shorter) == [None, None, UNAUTHORIZED]


@pytest.mark.parametrize("made", [b"$2x$04$" + b"." * 53, b"$2b$04$" + b"z" * 53, b"$2$04$" + b"." * 53])
def test_a_hash_that_bcrypt_cannot_have_made_lets_nobody_pass(made: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """Of the form that the file is held to, but with a wrong digest, a salt that is none, or of another version."""
    assert asked(WebConfig(users={b"a": made}), request(b"a", b"")) == [UNAUTHORIZED]
    assert caplog.messages == ["login of 'a' refused"]


def test_each_refused_login_is_logged_once_by_its_name(caplog: pytest.LogCaptureFixture) -> None:
    wrong, other = request(b"alice", b"x"), request(b"alice", b"y")
    asked(WebConfig(users=USERS), wrong, wrong, other, other, request(b"n" * 65, b"z"), ANYBODY)
    assert caplog.messages == [*["login of 'alice' refused"] * 2, f"login of {'n' * 64!r} refused"]


def test_who_logs_in_the_same_way_at_once_is_checked_once(caplog: pytest.LogCaptureFixture) -> None:
    gate = ConfiguredGate(WebConfig(users=USERS), 9)

    async def story(word: bytes) -> list[Response | None]:
        return await asyncio.gather(*(gate.refusal(request(b"alice", word)) for _ in range(5)))

    try:
        assert asyncio.run(story(b"wonder")) == [None] * 5
        assert [one and replace(one, after=0.0) for one in asyncio.run(story(b"wrong"))] == [UNAUTHORIZED] * 5
    finally:
        gate.close()
    assert (len(gate._accepted), len(gate._refused)) == (1, 1)
    assert caplog.messages == ["login of 'alice' refused"]


@pytest.mark.parametrize(
    ("took", "after"),
    [(0.25, [0.25, 0.0, 0.5, 0.0]), (5.0, [5.0, 0.0, 10.0, 0.0]), (6.0, [6.0, 0.0, 10.0, 0.0])],
)
def test_a_refusal_is_kept_back_until_the_logins_that_wait_are_checked(took: float, after: list[float]) -> None:
    """C3: who guesses again at once would push in before them. Those of other addresses do not count."""
    clock = itertools.count(0.0, took)  # a check looks at it twice
    gate, release = ConfiguredGate(WebConfig(users=USERS), 9, clock=lambda: next(clock)), threading.Event()

    async def story() -> list[Response | None]:
        busy = asyncio.create_task(gate._workers.call(release.wait))
        await asyncio.sleep(0)
        logins = [
            replace(request(b"alice", word), client=client)
            for word, client in zip((b"1", b"2", b"3", b"4"), "aaab", strict=True)
        ]
        refusals = [asyncio.create_task(gate.refusal(login)) for login in logins]
        await asyncio.sleep(0)
        release.set()
        await busy
        return await asyncio.gather(*refusals)

    try:
        found = asyncio.run(story())
    finally:
        gate.close()
    assert found == [replace(UNAUTHORIZED, after=seconds) for seconds in after]  # the newest first, then the oldest


def test_a_login_that_was_refused_while_it_waited_is_not_checked_again_and_not_kept_back() -> None:
    gate, release = (
        ConfiguredGate(WebConfig(users=USERS), 9, clock=itertools.count(0.0, 0.5).__next__),
        threading.Event(),
    )

    async def story() -> list[Response | None]:
        busy = asyncio.create_task(gate._workers.call(release.wait, "a"))
        await asyncio.sleep(0)
        refusals = []
        for word in (b"1", b"2", b"1"):
            refusals.append(asyncio.create_task(gate.refusal(replace(request(b"alice", word), client="a"))))
            await asyncio.sleep(0)
        told = threading.Event()
        between = asyncio.create_task(gate._workers.call(told.wait, "b"))  # after the newest, before the others
        await asyncio.sleep(0)
        release.set()
        newest = await refusals[-1]
        told.set()
        await asyncio.gather(busy, between)
        return [newest, await refusals[0]]

    try:
        found = asyncio.run(story())
    finally:
        gate.close()
    assert found == [replace(UNAUTHORIZED, after=1.0), UNAUTHORIZED]


def test_another_configuration_holds_from_the_next_request_on() -> None:
    gate = ConfiguredGate(WebConfig(users=USERS, headers=(("a", "1"),)), 9)

    async def story() -> None:
        assert await gate.refusal(request(b"alice", b"wonder")) is None
        assert list(gate.headers) == [("a", "1")]
        gate.use(WebConfig(users={b"alice": hashed(b"other")}))
        assert list(gate.headers) == []
        assert await gate.refusal(request(b"alice", b"wonder")) == UNAUTHORIZED
        assert await gate.refusal(request(b"alice", b"other")) is None
        gate.use(WebConfig())
        assert await gate.refusal(ANYBODY) is None

    try:
        asyncio.run(story())
    finally:
        gate.close()


def test_a_remembered_login_does_not_pass_under_a_name_that_is_gone() -> None:
    """An unknown name is checked against a hash that there is: here the one that the name itself had."""
    gate = ConfiguredGate(WebConfig(users={b"alice": USERS[b"alice"]}), 9)

    async def story() -> list[Response | None]:
        found = [await gate.refusal(request(b"alice", b"wonder"))]
        gate.use(WebConfig(users={b"carol": USERS[b"alice"]}))
        return [*found, *[await gate.refusal(request(name, b"wonder")) for name in (b"alice", b"carol")]]

    try:
        assert asyncio.run(story()) == [None, UNAUTHORIZED, None]
    finally:
        gate.close()


def test_a_gate_that_is_closed_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    gate = ConfiguredGate(WebConfig(users=USERS), 9)
    asyncio.run(gate.refusal(request(b"alice", b"wonder")))
    (thread,) = set(threading.enumerate()) - before
    gate.close()
    assert (thread.name, thread.is_alive()) == ("login-1", False)


def test_a_gate_is_closed_when_the_check_under_way_is_over() -> None:
    """bcrypt's frames do not bear it that Python ends their thread: the process would abort."""
    before = set(threading.enumerate())
    gate = ConfiguredGate(WebConfig(users={b"alice": bcrypt.hashpw(b"wonder", bcrypt.gensalt(10))}), 9)

    async def story() -> asyncio.Task[Response | None]:
        login = asyncio.create_task(gate.refusal(request(b"alice", b"wrong")))
        await asyncio.sleep(0)
        while gate._workers.waiting("10.0.0.1"):
            await asyncio.sleep(0)
        return login

    assert asyncio.run(story()).cancelled()
    (thread,) = set(threading.enumerate()) - before
    gate.close()
    assert not thread.is_alive()


def test_what_is_remembered_is_no_password() -> None:
    gate = ConfiguredGate(WebConfig(users=USERS), 9)

    async def story() -> None:
        await gate.refusal(request(b"alice", b"wonder"))
        await gate.refusal(request(b"alice", b"wrong"))

    try:
        asyncio.run(story())
        other = ConfiguredGate(WebConfig(users=USERS), 9)
        other.close()
    finally:
        gate.close()
    kept = [*gate._accepted, *gate._refused]
    assert [len(one) for one in kept] == [32, 32]
    assert gate._digest(b"a", b"bc") != gate._digest(b"ab", b"c")
    assert gate._digest(b"a") == gate._digest(b"a") != other._digest(b"a")
    assert REMEMBERED == 100


def test_more_logins_than_may_wait_are_turned_away() -> None:
    from exporter.web.thread_pool import BusyError

    async def story() -> list[object]:
        gate = ConfiguredGate(WebConfig(users=USERS), logins=2)
        try:
            calls = [gate.refusal(request(b"alice", str(number).encode())) for number in range(4)]
            return await asyncio.gather(*calls, return_exceptions=True)
        finally:
            gate.close()

    found = asyncio.run(story())
    assert [str(one) for one in found if isinstance(one, BusyError)] == ["login: 2 calls wait"] * 2
    assert [replace(one, after=0.0) for one in found if isinstance(one, Response)] == [UNAUTHORIZED] * 2


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (b"Basic " + base64.b64encode(b"a:b"), (b"a", b"b")),
        (b"bAsIC  " + base64.b64encode(b"a:b:c") + b" ", (b"a", b"b:c")),
        (b"Basic " + base64.b64encode(b":"), (b"", b"")),
        (b"Basic " + base64.b64encode(b"\xff:\x00"), (b"\xff", b"\x00")),
        (b"Basic " + base64.b64encode(b"ab"), None),
        (b"Basic" + base64.b64encode(b"a:b"), None),
        (b"Digest " + base64.b64encode(b"a:b"), None),
        (b"Basic YTpi!", None),
        (b"Basic YTp", None),
        (b"Basic \xe4", None),
        (b"Basic ", None),
        (b"", None),
    ],
)
def test_name_and_word_of_a_header(header: bytes, found: tuple[bytes, bytes] | None) -> None:
    assert credentials(header.decode("latin-1")) == found
