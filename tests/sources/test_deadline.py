"""A socket that is shut when its time is over, whoever reads from it; and urllib3's connections that keep to it."""

import socket
import threading
import time
from collections.abc import Iterator
from functools import partial

import pytest
import urllib3

from exporter.sources.deadline import Deadline, bounded


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


class Wrapped:
    """As urllib3 has TLS within TLS."""

    def __init__(self, inner: object) -> None:
        self.socket = inner


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_whoever_reads_when_time_is_over_gets_an_error(depth: int, pair: tuple[socket.socket, socket.socket]) -> None:
    """However deep the socket lies."""
    owned: object = pair[0]
    for _ in range(depth):
        owned = Wrapped(owned)
    pair[0].settimeout(3)  # has words of its own
    deadline = Deadline(0.02, lambda: owned)
    began = time.monotonic()
    with pytest.raises(TimeoutError, match=r"^no answer in time$"), deadline:
        assert pair[0].recv(1) == b""
    assert deadline.passed
    assert time.monotonic() - began < 0.9


@pytest.mark.parametrize(
    ("error", "words"), [(OSError("shut"), "no answer in time"), (TimeoutError("its own"), "its own")]
)
def test_an_error_that_the_shutting_caused_is_told_as_the_time(
    error: OSError, words: str, pair: tuple[socket.socket, socket.socket]
) -> None:
    """A timeout's own words are left."""

    def read() -> None:
        with Deadline(60, lambda: pair[0]) as deadline:
            deadline.shut()
            raise error

    with pytest.raises(TimeoutError, match=f"^{words}$") as raised:
        read()
    assert raised.value is error or raised.value.__cause__ is error


def test_who_ends_in_time_meets_nothing(pair: tuple[socket.socket, socket.socket]) -> None:
    """Nor does an error of one's own become another."""
    with Deadline(60, lambda: pair[0]) as deadline:
        pass
    deadline.shut()
    assert not deadline.passed
    with pytest.raises(LookupError), Deadline(60, lambda: pair[0]):
        raise LookupError
    pair[1].sendall(b"x")
    assert pair[0].recv(1) == b"x"


def test_it_may_be_put_off(pair: tuple[socket.socket, socket.socket]) -> None:
    threading.Timer(0.15, pair[1].sendall, (b"x",)).start()
    with Deadline(0.05, lambda: pair[0]) as deadline:
        deadline.extend(60)
        assert pair[0].recv(1) == b"x"
    assert not deadline.passed


def itself(owned: object) -> object:
    return owned


def test_where_there_is_no_socket_yet_there_is_nothing_to_shut() -> None:
    """Nor where it has gone by then."""
    closed = socket.socket()
    closed.close()
    for owned in (None, object(), closed, Wrapped(None)):
        with pytest.raises(TimeoutError), Deadline(60, partial(itself, owned)) as deadline:
            deadline.shut()


def test_its_thread_ends_with_it(pair: tuple[socket.socket, socket.socket]) -> None:
    before = set(threading.enumerate())
    with Deadline(60, lambda: pair[0]):
        (own,) = set(threading.enumerate()) - before
        assert own.daemon
    own.join(20)
    assert not own.is_alive()


def dripping(listener: socket.socket, over: threading.Event) -> None:
    """Headers without end, a byte at a time."""
    connection, _ = listener.accept()
    with connection:
        connection.recv(4096)
        try:
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
            while not over.wait(0.02):
                connection.sendall(b"X")
        except OSError:
            pass


def test_urllib3s_timeouts_are_over_all_of_the_headers() -> None:
    """Each byte comes in time."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=dripping, args=(listener, over))
        thread.start()
        with urllib3.PoolManager(retries=False) as manager:
            manager.pool_classes_by_scheme = bounded(manager.pool_classes_by_scheme)
            with pytest.raises(urllib3.exceptions.HTTPError):
                manager.request("GET", f"http://127.0.0.1:{listener.getsockname()[1]}/", timeout=0.2)
        over.set()
        thread.join()


def test_both_schemes_are_bounded_and_keep_their_names() -> None:
    """urllib3 prints them."""
    with urllib3.PoolManager() as manager:
        found = bounded(manager.pool_classes_by_scheme)
        assert {scheme: (one.__name__, one.ConnectionCls.__name__) for scheme, one in found.items()} == {
            "http": ("HTTPConnectionPool", "HTTPConnection"),
            "https": ("HTTPSConnectionPool", "HTTPSConnection"),
        }
        assert all(issubclass(found[one], manager.pool_classes_by_scheme[one]) for one in found)


@pytest.mark.parametrize("timeout", [None, 20.0, 20])
def test_a_connection_without_a_timeout_is_left_alone(timeout: float | None) -> None:
    """And one with a timeout answers within it."""

    def answer(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer, args=(listener,))
        thread.start()
        pool = bounded({"http": urllib3.HTTPConnectionPool})["http"]
        with pool("127.0.0.1", listener.getsockname()[1], timeout=timeout) as one:
            assert one.request("GET", "/", retries=False).status == 204
        thread.join()
