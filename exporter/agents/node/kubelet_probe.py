"""A kubelet's address in; what it serves there out, seen in the background so that a slow kubelet delays nobody."""

import logging
import threading
import time
from collections.abc import Callable

from exporter.facts.source import Failure, SourceFacts, SourceLedger
from exporter.facts.x509 import Certificate
from exporter.reason import Source
from exporter.sources.tls import probe

__all__ = ["KubeletProbe"]

log = logging.getLogger(__name__)

Bundle = tuple[Certificate, ...]

PERIOD = 60.0
"""Seconds between two looks."""
LASTING = 300.0
"""Seconds for which what was seen last still counts while the kubelet does not answer: it may be restarting."""
TIMEOUT = 5.0
"""Seconds for one handshake."""


class KubeletProbe:
    """Looks at a kubelet's port every minute, and at once when told that the file changed.

    Thread-safe: `served` and `facts` may be called from any thread and never wait for the network.
    """

    def __init__(
        self,
        address: tuple[str, int],
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` dates what is told; `steady` measures ages, since a node's clock may be set."""
        self._address = address
        self._clock, self._steady = clock, steady
        self._ledger = SourceLedger(Source.KUBELET)
        self._lock = threading.Lock()
        self._served: tuple[float, Bundle] | None = None
        self._installed: Certificate | None = None
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
        """Look once, now, in this thread."""
        answer = probe(self._address, timeout=TIMEOUT)
        with self._lock:
            if isinstance(answer, Failure):
                if self._ledger.facts().up is not False:
                    log.warning("kubelet %s:%d: %s: %s", *self._address, answer.reason, answer.words)
                self._ledger.failure(answer.reason, answer.words)
            else:
                if self._ledger.facts().up is False:
                    log.info("kubelet %s:%d answers again", *self._address)
                self._ledger.success(self._clock())
                self._served = (self._steady(), answer.chain)

    def served(self) -> Bundle | None:
        """The chain served, None where none was seen lately."""
        with self._lock:
            if self._served is None:
                return None
            seen, chain = self._served
            return chain if self._steady() - seen <= LASTING else None

    def installed(self, certificate: Certificate | None) -> None:
        """Tell which serving certificate lies on the disk: when it is another than last time, the wire is looked at."""
        changed = certificate != self._installed
        self._installed = certificate
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
