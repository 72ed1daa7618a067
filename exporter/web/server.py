"""An agent, an address and a web configuration in; serves until told to stop, then an exit status out."""

import asyncio
import contextlib
import errno
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from uvicorn.config import Config
from uvicorn.server import Server

from exporter.web.app import Agent, Application
from exporter.web.listener import Listener
from exporter.web.protocol import Limits, bounded_by

if TYPE_CHECKING:
    from exporter.web.reload import ReloadingConfig

__all__ = ["WebServer", "serve"]

log = logging.getLogger(__name__)

Listening = Callable[[str, int], None]

GRACE_SECONDS = 1
"""How long responses under way may take after the order to stop."""


def serve(agent: Agent, listen: tuple[str, int], web_config: Path | None, on_listening: Listening | None = None) -> int:
    """Serve until SIGTERM or SIGINT and return the exit status. Raises SettingsError for a bad web configuration."""
    return WebServer(agent, listen, web_config, on_listening=on_listening).run()


def _reloading_config(path: Path | None) -> "ReloadingConfig | None":
    if path is None:
        return None
    from exporter.web.reload import ReloadingConfig  # TLS and passwords cost memory where nobody uses them

    return ReloadingConfig(path)


class WebServer:
    """One listening server. `run` blocks; `stop` may be called from any thread.

    Signals are obeyed where `run` is called in the main thread: SIGTERM and SIGINT stop, SIGHUP reads the web
    configuration and the certificates again.
    """

    def __init__(
        self,
        agent: Agent,
        listen: tuple[str, int],
        web_config: Path | None = None,
        *,
        on_listening: Listening | None = None,
        limits: Limits | None = None,
    ) -> None:
        """`on_listening` is told host and port once connections are accepted."""
        self._listen = listen
        self._live = _reloading_config(web_config)
        self._limits = limits or Limits()
        self._application = Application(agent, self._live.gate if self._live else None, self._limits.scrapes)
        self._on_listening = on_listening
        self._server: _Server | None = None
        self._stopped = threading.Event()

    def run(self) -> int:
        """Serve until stopped. 0 after an orderly stop, 1 where the address cannot be used."""
        try:
            sockets = _bound(*self._listen)
        except OSError as error:
            host, port = self._listen
            log.error("cannot listen on %s: %s", _authority(host, port), error.strerror or error)
            return 1
        context = self._live.context if self._live else None
        # Its lines about processes and waiting are for people at a terminal.
        logging.getLogger("uvicorn").setLevel(logging.WARNING)
        config = Config(
            self._application,
            http=bounded_by(self._limits),
            loop="asyncio:SelectorEventLoop",  # on Windows too, where the default has no add_reader
            interface="asgi3",
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=self._limits.idle,
            timeout_graceful_shutdown=GRACE_SECONDS,
            ssl_context_factory=(lambda _config, _default: context) if context is not None else None,
        )
        self._server = _Server(config, self._live, self._limits, lambda: self._announce(sockets))
        if self._stopped.is_set():
            self._server.should_exit = True
        try:
            self._server.run(sockets)
        finally:
            for one in sockets:
                one.close()
            self._application.close()
            if self._live is not None:
                self._live.close()
        return 0

    def stop(self) -> None:
        """Stop accepting, let responses under way end, and make `run` return."""
        self._stopped.set()
        if self._server is not None:
            self._server.stop()

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._server.server_state.connections) if self._server is not None else 0

    def _announce(self, sockets: list[socket.socket]) -> None:
        scheme = "https" if self._live and self._live.context else "http"
        for one in sockets:
            host, port = one.getsockname()[:2]
            log.info("listening on %s://%s", scheme, _authority(host, port))
        if self._on_listening is not None:
            host, port = sockets[0].getsockname()[:2]
            self._on_listening(host, port)


class _Server(Server):
    """uvicorn's server that wakes once a second instead of ten times, and does not end the process by a signal."""

    def __init__(
        self, config: Config, live: "ReloadingConfig | None", limits: Limits, announce: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._live, self._limits = live, limits
        self._announce = announce
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()
        self._reread = asyncio.Event()

    def stop(self) -> None:
        """Stop soon. From any thread."""
        self.should_exit = True
        self._call(self._wake.set)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept connections, with bounds on TLS handshakes."""
        self._loop = asyncio.get_running_loop()
        self.servers = [
            # uvicorn knows them as asyncio's, of which it wants no more than to close them.
            Listener(one, self._protocol, self.config.ssl, self._limits.handshakes)  # type: ignore[misc]
            for one in sockets or []
        ]
        self.started = True
        self._announce()

    def _protocol(self) -> asyncio.Protocol:
        return self.config.http_protocol_class(  # type: ignore[call-arg]  # the arguments of uvicorn's protocols
            config=self.config, server_state=self.server_state, app_state={}
        )

    async def main_loop(self) -> None:
        """Keep the Date header right, and look at the files, until the order to stop."""
        watching = asyncio.create_task(self._watch(self._live)) if self._live is not None else None
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), 1.0)
        if watching is not None:
            watching.cancel()

    async def _watch(self, live: "ReloadingConfig") -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._reread.wait(), self._limits.look)
            forced = self._reread.is_set()
            self._reread.clear()
            await live.look(forced=forced)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """SIGTERM and SIGINT stop, SIGHUP reads again; uvicorn's own would send itself the signal once more."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        handlers = {signal.SIGINT: self._on_stop, signal.SIGTERM: self._on_stop}
        if hasattr(signal, "SIGHUP"):
            handlers[signal.SIGHUP] = self._on_reread
        former = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        try:
            yield
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)

    def _on_stop(self, number: int, frame: FrameType | None) -> None:
        self.stop()

    def _on_reread(self, number: int, frame: FrameType | None) -> None:
        self._call(self._reread.set)

    def _call(self, function: Callable[[], None]) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: it has stopped already
                self._loop.call_soon_threadsafe(function)


def _bound(host: str, port: int) -> list[socket.socket]:
    """Sockets bound to every address of the host, on one port even where that is chosen by the system."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    sockets: list[socket.socket] = []
    try:
        for family, kind, number, _, address in dict.fromkeys(found):
            one = socket.socket(family, kind, number)
            sockets.append(one)
            if os.name == "posix":  # on Windows it would let two processes share the port
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                # As in Go, [::] takes IPv4 too.
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(host != "::"))
            chosen = sockets[0].getsockname()[1] if len(sockets) > 1 else port
            try:
                one.bind((address[0], chosen, *address[2:]))
            except OSError as error:
                if error.errno == errno.EADDRNOTAVAIL and len(found) > 1 and len(sockets) > 1:
                    sockets.pop().close()  # a name such as localhost with an address that this machine has not
                    continue
                raise
            one.listen(2048)
            one.setblocking(False)
    except OSError:
        for one in sockets:
            one.close()
        raise
    return sockets


def _authority(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
