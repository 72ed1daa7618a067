"""A kubelet's address in; what it serves there out, seen in the background so that a slow kubelet delays nobody."""

import logging
import threading
import time
from collections.abc import Callable

from exporter.facts.certificate import Certificate
from exporter.facts.host.host_facts import Served
from exporter.facts.source import Failure, SourceFacts, SourceLedger
from exporter.reason import FileStatus, Reason, Source
from exporter.sources.parsing.interface import ParserFailure, Parsing
from exporter.sources.tls import probe

__all__ = ["KubeletProbe"]

log = logging.getLogger(__name__)

PERIOD = 60.0
"""Seconds between two looks."""
TIMEOUT = 5.0
"""Seconds for one handshake."""


class KubeletProbe:
    """Looks at a kubelet's port every minute, and at once when told that the file changed.

    What a look no longer sees is no longer told: a kubelet that restarts, or that has no usable certificate any more,
    serves nothing. Thread-safe: `served` and `facts` may be called from any thread and never wait for the network.
    """

    def __init__(
        self,
        address: tuple[str, int],
        installed: Callable[[], Certificate | None],
        clock: Callable[[], float] = time.time,
        parsing: Parsing | None = None,
    ) -> None:
        """`installed` reads which serving certificate lies on the disk; `clock` dates what is told (Unix seconds).

        `parsing`: what parses the served chain, without one this process.
        """
        self._parse = parsing.served_chain if parsing is not None else None
        self._address = address
        self._installed = installed
        self._clock = clock
        self._ledger = SourceLedger(Source.KUBELET)
        self._lock = threading.Lock()
        self._served: Served | None = None
        self._told: Certificate | None = None
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="kubelet-wire", daemon=True)

    @property
    def host(self) -> str:
        """The address or name that the kubelet is asked at."""
        return self._address[0]

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more. Does not wait for a handshake under way."""
        self._stopping = True
        self._wake.set()

    def look(self) -> None:
        """Look once, now, in this thread. Whatever happens is an answer."""
        served: Served | None = None
        try:
            installed = self._installed()  # before the handshake: a file that changes meanwhile is not compared
            answer = probe(self._address, timeout=TIMEOUT, parse=self._parse)
            if not isinstance(answer, Failure):
                served = Served(answer.chain, installed)
        except ParserFailure as failure:
            timeout = failure.status is FileStatus.TIMEOUT
            answer = Failure(Reason.TIMEOUT if timeout else Reason.CERTIFICATE_MALFORMED, str(failure))
        except Exception as error:
            log.exception("a bug: kubelet %s:%d", *self._address)
            answer = Failure(Reason.BUG, f"{type(error).__name__} while looking")
        with self._lock:
            self._served = served
            if isinstance(answer, Failure):
                if self._ledger.facts().up is not False:
                    log.warning("kubelet %s:%d: %s: %s", *self._address, answer.reason, answer.words)
                self._ledger.failure(answer.reason, answer.words)
            else:
                if self._ledger.facts().up is False:
                    log.info("kubelet %s:%d answers again", *self._address)
                self._ledger.success(self._clock())

    def served(self) -> Served | None:
        """What the last look saw, None where it saw nothing."""
        with self._lock:
            return self._served

    def installed(self, certificate: Certificate | None) -> None:
        """Tell which serving certificate lies on the disk: when it is another than last time, the wire is looked at."""
        changed = certificate != self._told
        self._told = certificate
        if changed:
            self._wake.set()

    def facts(self) -> SourceFacts:
        """How the looks went."""
        with self._lock:
            return self._ledger.facts()

    def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            self.look()
            self._wake.wait(PERIOD)
