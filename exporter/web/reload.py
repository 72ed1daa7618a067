"""A web configuration that follows its files: read at start, read again on change, kept as it was when they are bad."""

import logging
import time
from pathlib import Path

from exporter.file_state import PathState, path_state
from exporter.settings import SettingsError
from exporter.web.auth import ConfiguredGate
from exporter.web.config import WebConfig, read_web_config
from exporter.web.protection import taken_away
from exporter.web.thread_pool import ThreadPool
from exporter.web.tls import LiveContext, ServerContext, ssl_context

__all__ = ["ReloadingConfig"]

log = logging.getLogger(__name__)

REPEATED = 600.0
"""Seconds after which a refusal is logged again, for as long as the files stay refused."""


class ReloadingConfig:
    """The configuration in force. The constructor raises SettingsError; later errors are logged, and the former
    configuration stays in force, as it does where the new one would protect less.
    """

    def __init__(self, path: Path, logins: int) -> None:
        self._path = path
        self._workers = ThreadPool("web-config", threads=1, waiting=1)
        self._seen: dict[Path, PathState] = {}
        config, context = self._read()
        self._notes(config)
        self._config, self._refusal, self._told = config, "", 0.0
        self.gate = ConfiguredGate(config, logins)
        self.context = LiveContext(context) if context is not None else None
        """What connections are wrapped with; None: plain HTTP."""

    async def look(self, *, forced: bool) -> None:
        """Read the files again where one of them has changed, or where `forced`."""
        try:
            await self._workers.call(lambda: self._look(forced=forced))
        except Exception:  # what nobody foresaw must not end the looking
            log.exception("%s: cannot look for changes", self._path)

    def close(self) -> None:
        """Let the worker threads end."""
        self._workers.close()
        self.gate.close()

    def _look(self, *, forced: bool) -> None:
        if not forced and all(path_state(path) == seen for path, seen in self._seen.items()):
            if self._refusal and time.monotonic() - self._told >= REPEATED:
                self._tell()
            return
        try:
            config, context = self._read()
            if context is not None and self.context is None:
                raise SettingsError(f"{self._path}: tls_server_config: a restart is needed to switch TLS on")
            if less := ", ".join(taken_away(self._config, config)):
                raise SettingsError(f"{self._path}: {less}: a restart is needed to protect less than before")
        except SettingsError as error:
            self._refusal = str(error)
            self._tell()
            return
        if self.context is not None and context is not None:
            self.context.current = context
        self.gate.use(config)
        self._config, self._refusal = config, ""
        self._notes(config)
        log.info("%s: web configuration read again", self._path)

    def _tell(self) -> None:
        self._told = time.monotonic()
        log.error("%s; the former web configuration stays in force", self._refusal)

    def _read(self) -> tuple[WebConfig, ServerContext | None]:
        """The configuration and its context, and which versions of the files they come from.

        The versions are taken first: whatever changes while the files are read is a change at the next look. An error
        leaves those behind that it got to see, so that it is not met again before a file has changed.
        """
        self._seen[self._path] = path_state(self._path)
        config = read_web_config(self._path)
        files = config.tls.files if config.tls else ()
        self._seen = {path: path_state(path) for path in files} | {self._path: self._seen[self._path]}
        return config, ssl_context(config.tls) if config.tls else None

    def _notes(self, config: WebConfig) -> None:
        for note in config.notes:
            log.warning("%s: %s", self._path, note)
