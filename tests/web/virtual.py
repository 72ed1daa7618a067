"""A connection that a test plays both ends of: an event loop whose clock jumps to whatever is due next, and a transport
that writes down what is done with it.
"""

import asyncio
import errno
import selectors
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from exporter.web.connection import ClientConnection
from exporter.web.limits import Limits
from exporter.web.request import Request
from exporter.web.response import Response

T = TypeVar("T")
Story = Callable[[], Awaitable[None]]

GET = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
LIMITS = Limits(request=10.0, take=30.0, idle=75.0)


class _Selector(selectors.DefaultSelector):
    """Does not wait where nothing is there: time passes instead."""

    passed = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        found: list[Any] = super().select(0)
        if not found and timeout:
            self.passed += timeout
        return found


def run(story: Callable[[], Awaitable[T]]) -> T:
    """Run a story to its end, without waiting for anything."""
    selector = _Selector()
    loop = asyncio.SelectorEventLoop(selector)
    loop.time = lambda: 1000.0 + selector.passed  # type: ignore[method-assign]
    try:
        return loop.run_until_complete(story())
    finally:
        loop.close()


def story(told: Story) -> Callable[[], None]:
    """A test that is a coroutine."""

    def test() -> None:
        run(told)

    test.__name__, test.__doc__ = told.__name__, told.__doc__
    return test


class Secured:
    """What TLS says about a connection without a client certificate."""

    context = None

    def getpeercert(self) -> None:
        return None


class Wire(asyncio.Transport):
    """The other end of a connection, and what became of the connection, in words."""

    def __init__(self, peer: tuple[str, int] | None = ("10.0.0.1", 4), secured: object = None) -> None:
        super().__init__({"peername": peer, "ssl_object": secured})
        self.said: list[str] = []
        self.written = b""
        self.pieces: list[int] = []
        self.unsent = 0
        self.paused = self.closing = self.reset = False

    def write(self, data: Any) -> None:
        self.written += data
        self.pieces.append(len(data))

    def write_eof(self) -> None:
        if self.reset:
            raise OSError(errno.ENOTCONN, "as a socket says that its client has reset")
        self.said.append("eof")

    def close(self) -> None:
        self.said.append("close")
        self.closing = True

    def abort(self) -> None:
        self.said.append("abort")
        self.closing = True

    def is_closing(self) -> bool:
        return self.closing

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def statuses(self) -> list[int]:
        """Of the answers written so far."""
        return [int(part[:3]) for part in self.written.split(b"HTTP/1.1 ")[1:]]


class Client:
    """A connection whose answers a test gives, and whose client a test plays."""

    def __init__(self, limits: Limits | None = None, **wire: Any) -> None:
        self.loop = asyncio.get_running_loop()
        self.began = self.loop.time()
        self.wire = Wire(**wire)
        self.requests: list[Request] = []
        self.answers: dict[str, Response] = {}
        self.released: Mapping[str, asyncio.Event] = {}
        self.excused = False
        """Whether who makes the answer gives another one when told to end."""
        self.waits = self.lost = 0
        self.connection = ClientConnection(self._answer, limits or Limits(), waits=self._waits, lost=self._lost)
        self.connection.connection_made(self.wire)

    def _waits(self) -> None:
        self.waits += 1

    def _lost(self) -> None:
        self.lost += 1

    async def _answer(self, request: Request) -> Response:
        self.requests.append(request)
        try:
            if request.path in self.released:
                await self.released[request.path].wait()
        except asyncio.CancelledError:
            if not self.excused:
                raise
            await asyncio.sleep(0)  # to clear up takes a moment
        return self.answers.get(request.path) or Response(200, b"ok\n", "text/plain")

    async def says(self, *sent: bytes) -> None:
        """Bytes of the client, and everything that follows at once."""
        for one in sent:
            self.connection.data_received(one)
        await self.settled()

    async def settled(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)

    async def ends(self, most: float = 1000.0) -> float:
        """Seconds from the beginning to when the connection is closed or aborted; -1 where it is neither by then."""
        while not self.wire.closing:
            if self.loop.time() - self.began >= most:
                return -1.0
            await asyncio.sleep(0.5)
        return self.loop.time() - self.began
