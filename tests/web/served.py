"""A listener and its clients in one event loop, whose clock jumps to whatever is due next."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from typing import Any

from exporter.web.limits import Limits
from exporter.web.listener import Listener
from exporter.web.request import Request
from exporter.web.response import Response
from tests.web.virtual import GET, run

SLOW = GET.replace(b"/a", b"/slow")
CLOSING = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")


class Odd(socket.socket):
    """A listening socket that may refuse to accept."""

    error: OSError | None = None
    tried = 0

    def accept(self) -> Any:
        self.tried += 1
        if self.error is not None:
            raise self.error
        return super().accept()


class Served:
    """A listener, and clients of it in the same loop."""

    def __init__(self, limits: Limits | None = None, context: ssl.SSLContext | None = None) -> None:
        self.loop = asyncio.get_running_loop()
        self.socket = Odd()
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(100)
        self.socket.setblocking(False)
        self.address = self.socket.getsockname()
        self.release, self.stubborn = asyncio.Event(), False
        self.listener = Listener([self.socket], self._answer, limits or Limits(), context)
        self.clients: list[socket.socket] = []

    async def _answer(self, request: Request) -> Response:
        while request.path == "/slow" and not self.release.is_set():
            with contextlib.suppress(asyncio.CancelledError) if self.stubborn else contextlib.nullcontext():
                await self.release.wait()
        return Response(200, b"ok\n", "text/plain")

    async def connects(self, sent: bytes = b"", source: str = "127.0.0.1") -> socket.socket:
        """One more client, which has said something."""
        client = socket.create_connection(self.address, source_address=(source, 0))
        client.setblocking(False)
        self.clients.append(client)
        client.sendall(sent)
        await self.settled()
        return client

    async def settled(self) -> None:
        for _ in range(30):
            await asyncio.sleep(0)

    def heard(self) -> str:
        """What each client knows: . nothing, a an answer, x the end."""
        return "".join(map(heard, self.clients))

    async def close(self, grace: float) -> float:
        """Seconds that closing takes."""
        began = self.loop.time()
        await self.listener.close(grace)
        await self.settled()
        return self.loop.time() - began


def heard(client: socket.socket) -> str:
    found = ""
    while True:
        try:
            received = client.recv(4096)
        except BlockingIOError:
            return found or "."
        except ConnectionResetError:
            return f"{found}x"
        if not received:
            return f"{found}x"
        found += "a"


def told(story: Callable[[Served], Any], limits: Limits | None = None, context: ssl.SSLContext | None = None) -> None:
    """Run a story of a listener, and end it in any case."""

    async def whole() -> None:
        served = Served(limits, context)
        try:
            await story(served)
        finally:
            served.release.set()
            await served.close(0)
            for client in served.clients:
                client.close()

    run(whole)
