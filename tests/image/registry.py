"""A container registry on this machine: as much of the OCI distribution specification as a push and a pull need."""

import hashlib
import json
import re
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

__all__ = ["Registry"]

BLOB = re.compile(r"/v2/(.+)/blobs/(sha256:[0-9a-f]{64})$")
START = re.compile(r"/v2/(.+)/blobs/uploads/$")
UPLOAD = re.compile(r"/v2/(.+)/blobs/uploads/([0-9a-f]+)(?:\?digest=(sha256:[0-9a-f]{64}))?$")
MANIFEST = re.compile(r"/v2/(.+)/manifests/([^/?]+)$")


class Registry:
    """A context manager: inside it the registry listens on the loopback interface."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifests: dict[tuple[str, str], bytes] = {}
        """Manifests by repository and tag or digest."""
        outer = self

        class Handler(_Handler):
            registry = outer

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def host(self) -> str:
        """HOST:PORT."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "Registry":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def missing(self, repository: str, reference: str) -> list[str]:
        """Blobs that a manifest names and the registry does not hold."""
        manifest = json.loads(self.manifests[repository, reference])
        wanted = [manifest["config"]["digest"], *(layer["digest"] for layer in manifest["layers"])]
        return [digest for digest in wanted if not (self.folder / digest).exists()]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    registry: Registry

    def parse_request(self) -> bool:
        """As the standard library does, with the path's escapes undone: a digest has a colon."""
        parsed = super().parse_request()
        self.path = unquote(getattr(self, "path", ""))
        return parsed

    def do_GET(self) -> None:
        if self.path == "/v2/":
            self._answer(200)
        elif found := BLOB.match(self.path):
            file = self.registry.folder / found[2]
            self._answer(200, file.read_bytes(), digest=found[2]) if file.exists() else self._answer(404)
        elif found := MANIFEST.match(self.path):
            body = self.registry.manifests.get((found[1], found[2]))
            self._answer(404) if body is None else self._answer(200, body, kind=json.loads(body)["mediaType"])
        else:
            self._answer(404)

    do_HEAD = do_GET

    def do_POST(self) -> None:
        list(self._body())
        found = START.match(self.path)
        self._answer(202, at=f"{self.path}{uuid.uuid4().hex}") if found else self._answer(404)

    def do_PATCH(self) -> None:
        found = UPLOAD.match(self.path)
        assert found is not None
        with (self.registry.folder / found[2]).open("ab") as file:
            for part in self._body():
                file.write(part)
        self._answer(202, at=self.path)

    def do_PUT(self) -> None:
        if found := MANIFEST.match(self.path):
            body = b"".join(self._body())
            digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
            for reference in (found[2], digest):
                self.registry.manifests[found[1], reference] = body
            self._answer(201, digest=digest)
            return
        found = UPLOAD.match(self.path)
        assert found is not None
        file = self.registry.folder / found[2]
        with file.open("ab") as stream:
            for part in self._body():
                stream.write(part)
        with file.open("rb") as written:
            digest = f"sha256:{hashlib.file_digest(written, 'sha256').hexdigest()}"
        if digest != found[3]:
            self._answer(400)
            return
        file.rename(self.registry.folder / digest)
        self._answer(201, digest=digest)

    def _body(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding") != "chunked":
            yield self.rfile.read(int(self.headers.get("Content-Length", "0")))
            return
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _answer(self, status: int, body: bytes = b"", *, at: str = "", digest: str = "", kind: str = "") -> None:
        self.send_response(status)
        for name, value in (("Location", at), ("Docker-Content-Digest", digest), ("Content-Type", kind)):
            if value:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: a test says what went wrong."""
