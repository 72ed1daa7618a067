"""Accepted sockets, from the first to the last: who makes room for whom, and how they all end, to the second."""

import asyncio
import contextlib
import errno
import os
import socket
import ssl
import time
from asyncio import sslproto
from functools import partial

import pytest

from exporter.web.limits import Limits
from exporter.web.listener import AT_ONCE, EXHAUSTED_LINES, EXHAUSTED_SECONDS, HANDSHAKE_SECONDS
from simulation.pki import DAY, Authority
from tests.web.served import CLOSING, SLOW, Served, told
from tests.web.virtual import GET


def test_connections_are_counted_from_the_first_to_the_last() -> None:
    async def story(served: Served) -> None:
        assert served.listener.open == 0
        first, second = await served.connects(GET), await served.connects()
        assert (served.listener.open, served.heard()) == (2, "a.")
        first.close()
        await served.settled()
        assert served.listener.open == 1
        second.close()
        await served.settled()
        assert served.listener.open == 0

    told(story)


def test_one_more_ends_the_one_that_has_waited_longest() -> None:
    async def story(served: Served) -> None:
        for _ in range(3):
            await served.connects()
        served.clients[0].sendall(GET)  # it waits since now
        await served.settled()
        await served.connects(GET)
        assert served.heard() == "ax.a"
        assert served.listener.open == 3

    told(story, Limits(connections=3))


def test_whose_place_was_taken_is_not_counted_twice() -> None:
    async def story(served: Served) -> None:
        for _ in range(5):
            await served.connects()
        assert served.heard() == "xx..."
        served.clients[-1].close()
        served.clients.pop()
        await served.settled()
        await served.connects()
        assert (served.heard(), served.listener.open) == ("xx...", 3)

    told(story, Limits(connections=3))


def test_whoever_is_being_ended_has_made_room_already() -> None:
    """Though it is open a moment longer, in which others may leave and come."""

    async def story(served: Served) -> None:
        for _ in range(3):
            await served.connects()
        _, second, _ = served.listener._seats()
        for number in range(2):
            served.clients.append(socket.create_connection(served.address))
            served.clients[-1].setblocking(False)
            served.listener._accept(served.socket)
            if not number:
                assert second.established is not None
                second.established.connection_lost(None)
                second.established.transport.abort()
        await served.settled()
        assert (served.heard(), served.listener.open) == ("xx...", 3)

    told(story, Limits(connections=3))


def test_one_more_ends_none_whose_answer_is_under_way() -> None:
    async def story(served: Served) -> None:
        await served.connects(SLOW)
        await served.connects()
        await served.connects(GET)
        assert served.heard() == ".xa"
        served.release.set()
        await served.settled()
        assert served.heard() == "ax."

    told(story, Limits(connections=2))


def test_of_several_clients_the_one_with_most_connections_loses_one() -> None:
    async def story(served: Served) -> None:
        await served.connects(source="127.0.0.2")
        for _ in range(2):
            await served.connects(source="127.0.0.3")
        await served.connects(GET, source="127.0.0.4")
        assert served.heard() == ".x.a"

    told(story, Limits(connections=3))


def test_where_nobody_can_be_ended_a_few_more_are_open_and_the_rest_wait() -> None:
    """All of them have their answers under way: the kernel keeps who comes then."""

    async def story(served: Served) -> None:
        for _ in range(2 + AT_ONCE + 3):
            await served.connects(SLOW)
        assert served.listener.open == 2 + AT_ONCE
        served.release.set()
        await served.settled()
        assert served.heard() == "a" * 10 + "..."
        served.clients.pop(0).close()
        await served.settled()
        assert served.heard().endswith("aaa")
        assert served.listener.open <= 2 + AT_ONCE

    told(story, Limits(connections=2))


def test_without_descriptors_it_says_so_once_a_minute_and_tries_five_times_a_second(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story(served: Served) -> None:
        served.socket.error = OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        await served.connects(GET)
        assert (served.socket.tried, served.heard()) == (1, ".")
        await asyncio.sleep(EXHAUSTED_SECONDS * 10.5)
        assert served.socket.tried == 11
        assert caplog.messages == ["cannot accept connections: Too many open files"]
        await asyncio.sleep(EXHAUSTED_LINES)
        assert len(caplog.messages) == 2
        served.socket.error = None
        await asyncio.sleep(EXHAUSTED_SECONDS)
        await served.settled()
        assert served.heard() == "a"

    told(story)
    assert (EXHAUSTED_SECONDS, EXHAUSTED_LINES) == (0.2, 60.0)


@pytest.mark.parametrize("error", [BlockingIOError(), InterruptedError(), ConnectionAbortedError()])
def test_a_client_that_was_gone_already_is_nothing_to_speak_of(
    error: OSError, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(served: Served) -> None:
        served.socket.error = error
        await served.connects(GET)
        served.socket.error = None
        await served.settled()
        assert served.heard() == "a"

    told(story)
    assert caplog.messages == []


def test_the_end_comes_at_once_where_nothing_is_under_way() -> None:
    async def story(served: Served) -> None:
        for sent in (b"", GET, GET[:9]):
            await served.connects(sent)
        number = served.socket.fileno()
        assert await served.close(10.0) == 0
        assert not served.loop.remove_reader(number)  # another socket may have the number now
        assert served.heard() == "xaxx"
        assert served.listener.open == 0
        with pytest.raises(ConnectionRefusedError):
            await served.connects()

    told(story)


def test_an_answer_under_way_has_its_time() -> None:
    async def story(served: Served) -> None:
        await served.connects(SLOW)
        served.loop.call_later(3.0, served.release.set)
        assert await served.close(10.0) == pytest.approx(3.0)
        assert served.heard() == "ax"

    told(story)


@pytest.mark.parametrize(("stubborn", "seconds"), [(False, 10.0), (True, 12.5)])
def test_an_answer_that_takes_longer_is_ended(stubborn: bool, seconds: float) -> None:
    """First whoever makes it is told; a quarter of the time later the connection is ended."""

    async def story(served: Served) -> None:
        served.stubborn = stubborn
        await served.connects(SLOW)
        assert await served.close(10.0) == pytest.approx(seconds)
        assert served.heard() == "x"

    told(story)


@pytest.fixture(scope="module")
def context() -> ssl.SSLContext:
    now = time.time()
    return Authority("ca", now - DAY, now + DAY).kubelet_serving("localhost", now).server_context()


def test_a_tls_connection_reads_one_record_at_a_time(context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 8446 §5.1: 16 KiB at most."""
    monkeypatch.setattr(sslproto.SSLProtocol, "max_size", 1)

    async def story(served: Served) -> None:
        sizes.append(sslproto.SSLProtocol.max_size)

    sizes: list[int] = []
    told(story)
    told(story, context=context)
    assert sizes == [1, 16384]


def test_who_says_nothing_to_a_tls_port_is_ended_in_ten_seconds(context: ssl.SSLContext) -> None:
    async def story(served: Served) -> None:
        await served.connects()
        await asyncio.sleep(HANDSHAKE_SECONDS - 0.5)
        assert (served.heard(), served.listener.open) == (".", 1)
        await asyncio.sleep(1)
        assert (served.heard(), served.listener.open) == ("x", 0)

    told(story, context=context)
    assert HANDSHAKE_SECONDS == 10.0


def test_who_does_not_hear_of_the_end_of_tls_is_ended_two_seconds_later(context: ssl.SSLContext) -> None:
    async def story(served: Served) -> None:
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        received, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
        secured = trusting.wrap_bio(received, sent)
        client = await served.connects()
        for act in (secured.do_handshake, secured.do_handshake, partial(secured.write, CLOSING)):
            with contextlib.suppress(ssl.SSLWantReadError):
                act()
            client.sendall(sent.read())
            await served.settled()
            received.write(client.recv(65536))
        assert secured.read(15) == b"HTTP/1.1 200 OK"
        await asyncio.sleep(1.9)
        assert served.listener.open == 1
        await asyncio.sleep(0.2)
        assert served.listener.open == 0

    told(story, context=context)


def test_nothing_is_made_for_a_tls_client_before_its_first_byte(context: ssl.SSLContext) -> None:
    """A handshake takes 60 KiB."""

    async def story(served: Served) -> None:
        silent = await served.connects()
        assert [one.connection for one in served.listener._seats()] == [None]
        silent.sendall(b"\x16")
        await served.settled()
        assert [one.connection is None for one in served.listener._seats()] == [False]

    told(story, context=context)


def test_who_begins_a_handshake_and_does_not_go_on_is_ended_too(context: ssl.SSLContext) -> None:
    async def story(served: Served) -> None:
        await served.connects(b"\x16\x03\x01")
        await asyncio.sleep(HANDSHAKE_SECONDS - 0.5)
        assert served.listener.open == 1
        await asyncio.sleep(1)
        assert (served.heard(), served.listener.open) == ("x", 0)

    told(story, context=context)


def test_plain_http_to_a_tls_port_is_ended_at_once(context: ssl.SSLContext) -> None:
    async def story(served: Served) -> None:
        await served.connects(GET)
        await served.settled()
        assert served.heard()[-1] == "x"
        assert served.listener.open == 0

    told(story, context=context)


def test_one_more_handshake_ends_the_oldest(context: ssl.SSLContext) -> None:
    async def story(served: Served) -> None:
        for _ in range(3):
            await served.connects()
        assert (served.heard(), served.listener.open) == ("...", 3)
        await served.connects()
        assert (served.heard(), served.listener.open) == ("x...", 3)
        assert await served.close(10.0) == 0
        assert served.heard() == "xxxx"

    told(story, Limits(handshakes=3), context)


def test_who_is_past_the_handshake_is_not_counted_among_those_who_are_in_it(context: ssl.SSLContext) -> None:
    async def story(served: Served) -> None:
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        streams = [await asyncio.open_connection(*served.address, ssl=trusting) for _ in range(3)]
        await served.connects()
        await served.settled()
        assert (served.heard(), served.listener.open) == (".", 4)
        await served.connects()
        assert (served.heard(), served.listener.open) == ("x.", 4)
        for reader, writer in streams:
            writer.write(GET)
            assert (await reader.read(15)) == b"HTTP/1.1 200 OK"
        for _, writer in streams:
            writer.transport.abort()
        await served.settled()

    told(story, Limits(handshakes=1), context)
