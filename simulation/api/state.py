"""What one simulated API server is set to do: its store, its faults, whom it lets in. Read by every connection."""

import ssl
import time
from collections import deque
from collections.abc import Callable

from simulation.api.faults import Faults
from simulation.api.store import Store

__all__ = ["Proxied", "ServerState"]

Proxied = tuple[int, str, bytes]
"""Status, content type and body of an answer from behind the server."""


class ServerState:
    """The switches of a simulated API server. Tests and the demo turn them while it runs."""

    def __init__(self, store: Store | None, version: str) -> None:
        self.store = store or Store()
        self.faults = Faults()
        self.tokens: set[str] | None = None
        """Bearer tokens that are let in; None: everybody is."""
        self.forbidden: set[str] = set()
        """Plurals, and plural/subresource, that are answered with 403."""
        self.settled_at = 0.0
        """Until then (monotonic seconds) all are: the server has just started, and knows no roles."""
        self.absent: set[str] = set()
        """Plurals whose API does not exist: 404."""
        self.gone_as_status = False
        """Whether a watch from a forgotten version is answered with status 410 (else: 200 and an ERROR event)."""
        self.bookmark_seconds = 60.0
        self.clock_offset = 0.0
        """Seconds that the Date header is ahead."""
        self.version = version
        self.requests: deque[tuple[str, str]] = deque(maxlen=10_000)
        """Method and target of what was asked."""
        self.watches = 0
        """Watches that are open now."""
        self.context: ssl.SSLContext | None = None
        self.node_proxy: Callable[[str, str], Proxied] | None = None
        """(node, path and query) to the kubelet's answer, called in a thread of its own; None: 503."""
        self.service_proxy: Callable[[str, str, str], Proxied] | None = None
        """(namespace, NAME, NAME:PORT or SCHEME:NAME:PORT, path and query) to the Service's answer; None: 503."""

    def refuses(self, resource: str) -> bool:
        """Whether nobody may read it now."""
        return resource in self.forbidden or time.monotonic() < self.settled_at
