"""An agent, an address and a web configuration in; serves until told to stop, then an exit status out."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from exporter.web.app import Agent, Application
from exporter.web.bound_sockets import authority, bound_sockets
from exporter.web.limits import Limits
from exporter.web.listener import Listener

if TYPE_CHECKING:
    from exporter.web.reload import ReloadingConfig

__all__ = ["WebServer", "serve"]

log = logging.getLogger(__name__)

Listening = Callable[[str, int], None]

WINDOWS_TICK = 1.0
"""Seconds after which the loop wakes by itself on Windows, where a signal does not wake it."""


def serve(agent: Agent, listen: tuple[str, int], web_config: Path | None) -> int:
    """Serve until SIGTERM or SIGINT and return the exit status. Raises SettingsError for a bad web configuration."""
    return WebServer(agent, listen, web_config).run()


def _reloading_config(path: Path | None, limits: Limits) -> "ReloadingConfig | None":
    if path is None:
        return None
    from exporter.web.reload import ReloadingConfig  # TLS and passwords cost memory where nobody uses them

    return ReloadingConfig(path, logins=limits.logins)


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
        self._listen, self._on_listening = listen, on_listening
        self._limits = limits or Limits()
        self._live = _reloading_config(web_config, self._limits)
        self._application = Application(agent, self._live.gate if self._live else None, self._limits)
        self._listener: Listener | None = None
        self._stopped = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop, self._reread = asyncio.Event(), asyncio.Event()

    def run(self) -> int:
        """Serve until stopped. 0 after an orderly stop, 1 where the address cannot be used."""
        try:
            sockets = bound_sockets(*self._listen)
        except (OSError, UnicodeError) as error:
            log.error("cannot listen on %s: %s", authority(*self._listen), getattr(error, "strerror", None) or error)
            return 1
        try:
            # The selector loop on Windows too, where the default has no add_reader.
            with self._obeying_signals(), asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
                runner.run(self._serve(sockets))
        finally:
            self._loop = None
            for one in sockets:
                one.close()
            self._application.close()
            if self._live is not None:
                self._live.close()
        return 0

    def stop(self) -> None:
        """Stop accepting, let responses under way end, and make `run` return."""
        self._stopped.set()
        self._call(self._stop.set)

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return self._listener.open if self._listener is not None else 0

    async def _serve(self, sockets: list[socket.socket]) -> None:
        self._loop = asyncio.get_running_loop()
        context = self._live.context if self._live else None
        self._listener = Listener(sockets, self._application, self._limits, context)
        watching = asyncio.create_task(self._watch(self._live)) if self._live is not None else None
        with _woken_by_signals(self._loop):
            self._announce(sockets)
            while not self._stopped.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), WINDOWS_TICK if os.name == "nt" else None)
        if watching is not None:
            watching.cancel()
        await self._listener.close(self._limits.grace)

    async def _watch(self, live: "ReloadingConfig") -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._reread.wait(), self._limits.look)
            forced = self._reread.is_set()
            self._reread.clear()
            await live.look(forced=forced)

    def _announce(self, sockets: list[socket.socket]) -> None:
        scheme = "https" if self._live and self._live.context else "http"
        for one in sockets:
            log.info("listening on %s://%s", scheme, authority(*one.getsockname()[:2]))
        if self._on_listening is not None:
            self._on_listening(*sockets[0].getsockname()[:2])

    @contextlib.contextmanager
    def _obeying_signals(self) -> Iterator[None]:
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
        loop = self._loop
        if loop is None:
            function()  # nothing runs yet that would have to be woken
            return
        with contextlib.suppress(RuntimeError):  # the loop is closed: it has stopped already
            loop.call_soon_threadsafe(function)


@contextlib.contextmanager
def _woken_by_signals(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Wake the loop for every signal. Its handler runs in this thread, but the system may give the signal to another
    one, and then this one would wait on: of two signals that come together the second goes to any thread.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard, told = socket.socketpair()
    with heard, told:
        for one in (heard, told):
            one.setblocking(False)
        loop.add_reader(heard, heard.recv, 1024)
        former = signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(former)
            loop.remove_reader(heard)
