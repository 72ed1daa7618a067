"""A simulation of a Kubernetes API server over real TLS: list, get and watch of the kinds the agents read, and faults.

It is no API server: it stores what Python code and kubectl put into it, checks nothing about objects and authorizes by
two sets. What it does, it does as a real one seen from a client: discovery, tables, paging, resource versions,
bookmarks, 410 in both styles, Status bodies, the Date header.
"""

import asyncio
import base64
import contextlib
import ssl
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Self

import yaml

from simulation.api.faults import Fault, FaultKind
from simulation.api.kinds import KINDS
from simulation.api.session import Session
from simulation.api.state import ServerState
from simulation.api.store import Store
from simulation.pki import Credential

__all__ = ["KINDS", "ApiServer", "Fault", "FaultKind", "Store", "write_kubeconfig"]


class _Stream(asyncio.StreamReaderProtocol):
    """A connection that ends when its client says goodbye.

    asyncio's own keeps the other half open unless it knows of TLS, which `StreamWriter.start_tls` tells it after the
    handshake: a client that leaves with its last flight is faster, and a warning was logged for each look at the port.
    """

    def eof_received(self) -> bool:
        """The client sends no more."""
        super().eof_received()
        return False


class ApiServer(ServerState):
    """The simulated API server in a thread of its own. A context manager: leaving it closes every connection."""

    def __init__(
        self,
        credential: Credential | None,
        *,
        store: Store | None = None,
        address: tuple[str, int] = ("127.0.0.1", 0),
        version: str = "v1.33.2",
    ) -> None:
        """`credential` is the serving certificate (None: plain HTTP); port 0 picks a free one and keeps it."""
        super().__init__(store, version)
        self.host, self.port = address
        if credential:
            self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self.rotate(credential)
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._sessions: set[Session] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="apiserver", daemon=True)
        self._waking = threading.Event()
        self.store.listen(self._changed)

    @property
    def url(self) -> str:
        """Where clients go."""
        return f"{'https' if self.context else 'http'}://{self.host}:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._do(self._drain)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def start(self) -> None:
        """Listen (again, on the same port)."""
        self._do(self._start)

    def stop(self) -> None:
        """Stop listening and cut every connection, as a server that dies."""
        self._do(self._stop)

    def restart(self, *, unsettled: float = 0.0) -> None:
        """Die and listen again: clients see resets, then answers.

        A real one refuses everybody at first, until it has read the roles, and has forgotten the versions to go on
        from: with `unsettled`, for so many seconds.
        """
        self.stop()
        if unsettled:
            self.store.expire()
            self.settled_at = time.monotonic() + unsettled
        self.start()

    def sever(self) -> None:
        """Cut every connection and go on listening."""
        self._do(self._sever)

    def rotate(self, credential: Credential) -> None:
        """Serve new connections with another certificate; the old ones go on."""
        assert self.context is not None, "plain HTTP has no certificate"
        credential.show(self.context)

    def bookmark(self) -> None:
        """Send a bookmark on every watch that allows them, now."""
        self._do(self._bookmark)

    def kubeconfig(self, authority_pem: bytes, *, token: str = "") -> dict[str, Any]:
        """A kubeconfig for this server."""
        cluster: dict[str, Any] = {"server": self.url}
        if self.context:
            cluster["certificate-authority-data"] = base64.b64encode(authority_pem).decode()
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "simulated", "cluster": cluster}],
            "users": [{"name": "reader", "user": {"token": token} if token else {}}],
            "contexts": [{"name": "simulated", "context": {"cluster": "simulated", "user": "reader"}}],
            "current-context": "simulated",
        }

    def _do(self, action: Callable[[], Awaitable[None]]) -> None:
        async def run() -> None:
            await action()

        future: Future[None] = asyncio.run_coroutine_threadsafe(run(), self._loop)
        future.result(30)

    async def _start(self) -> None:
        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            session = Session(self, reader, writer)
            self._sessions.add(session)
            session.task.add_done_callback(lambda _: self._sessions.discard(session))

        def stream() -> asyncio.StreamReaderProtocol:
            return _Stream(asyncio.StreamReader(), accept)

        self._server = await self._loop.create_server(stream, self.host, self.port, backlog=512)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        if self._server:
            # A connection that is being accepted while asyncio's listener closes would be lost and never closed.
            for listening in self._server.sockets:
                self._loop.remove_reader(listening.fileno())
            await self._settle()
            self._server.close()
            self._server = None
        await self._sever()

    async def _sever(self) -> None:
        sessions = list(self._sessions)
        for session in sessions:
            session.abort()
        for session in sessions:
            with contextlib.suppress(asyncio.CancelledError):
                await session.task

    async def _drain(self) -> None:
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        await self._settle()

    @staticmethod
    async def _settle() -> None:
        """Let asyncio finish what it scheduled: transports open and close in the loop's next turns."""
        for _ in range(3):
            await asyncio.sleep(0)

    async def _bookmark(self) -> None:
        for session in self._sessions:
            session.bookmark()

    def _changed(self) -> None:
        # Many changes at once wake the watches once: the flag is cleared before they look.
        if not self._waking.is_set() and self._loop.is_running():
            self._waking.set()
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._waking.clear()
        for session in self._sessions:
            session.wake()


def write_kubeconfig(path: Path, content: dict[str, Any]) -> Path:
    """A kubeconfig on disk, readable only by its owner."""
    path.touch(0o600)
    path.write_text(yaml.safe_dump(content))
    return path
