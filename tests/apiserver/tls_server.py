"""A server of ours that the real API server calls over TLS."""

import contextlib
import http.server
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

from simulation.pki import Credential

__all__ = ["JsonHandler", "serving_tls"]


class JsonHandler(http.server.BaseHTTPRequestHandler):
    """What its kinds have in common: they answer with JSON."""

    def answer(self, body: bytes) -> None:
        """Send it."""
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def serving_tls(handler: type[JsonHandler], serving: Credential, folder: Path) -> Iterator[int]:
    """The port where it answers with that certificate."""
    file = folder / "serving.pem"
    file.write_bytes(serving.pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
