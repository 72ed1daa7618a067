"""Simulated kubelets' HTTPS ports: certificates in, listening addresses out. Certificates may be swapped meanwhile."""

import contextlib
import selectors
import socket
import ssl
import threading
from email.utils import formatdate
from http import HTTPStatus
from types import TracebackType
from typing import Self

from simulation.node.kubelet_api import KubeletApi
from simulation.pki import Authority, Credential

__all__ = ["SimulatedKubelet", "SimulatedKubelets"]

PATIENCE = 10.0
"""Seconds that a connection may stay idle."""


class SimulatedKubelet:
    """One port. What it serves may be swapped while it runs, as a kubelet does after a rotation."""

    def __init__(
        self, serving: Credential | None, client_authority: Authority, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self._client_authority = client_authority
        self.api = KubeletApi()
        """What it answers to who is let in; by itself it lets in nobody."""
        self.listener = socket.create_server((host, port))
        host, port = self.listener.getsockname()
        self.address: tuple[str, int] = (host, port)
        self.context = _context(None, client_authority)
        # A context keeps one certificate of each key type, so that loading anew would leave the other: each
        # certificate has a context of its own, chosen in the handshake (called also where no name is sent).
        self.context.sni_callback = self._choose
        self.swap(serving)

    def swap(self, serving: Credential | None) -> None:
        """Serve this certificate from the next handshake on; None: none is there yet."""
        self._serving = _context(serving, self._client_authority) if serving else None

    def _choose(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> int | None:
        if self._serving is None:
            # "no serving certificate available for the kubelet" reaches the client as this alert.
            return ssl.ALERT_DESCRIPTION_INTERNAL_ERROR
        connection.context = self._serving
        return None


class SimulatedKubelets:
    """The ports of a fleet. A context manager: its threads run inside, and all ports close at the end."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._wakeup, self._bell = socket.socketpair()
        self._kubelets: list[SimulatedKubelet] = []
        self._silent: list[socket.socket] = []
        self._conversations: dict[socket.socket, threading.Thread] = {}
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._accept, name="kubelets", daemon=True)

    def __enter__(self) -> Self:
        self._selector.register(self._wakeup, selectors.EVENT_READ)
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._bell.send(b".")
        self._thread.join()
        self._selector.close()
        with self._lock:
            conversations = dict(self._conversations)
        for connection, thread in conversations.items():
            with contextlib.suppress(OSError):  # it may have ended by itself
                connection.shutdown(socket.SHUT_RDWR)
            thread.join()
        for one in (*(kubelet.listener for kubelet in self._kubelets), *self._silent, self._wakeup, self._bell):
            one.close()

    def start(
        self, serving: Credential | None, client_authority: Authority, host: str = "127.0.0.1", port: int = 0
    ) -> SimulatedKubelet:
        """Open a port that serves this certificate, or ends every handshake with an alert while there is none."""
        kubelet = SimulatedKubelet(serving, client_authority, host, port)
        self._kubelets.append(kubelet)
        self._selector.register(kubelet.listener, selectors.EVENT_READ, kubelet)
        self._bell.send(b"+")
        return kubelet

    def silent_address(self) -> tuple[str, int]:
        """An address of this machine where nothing listens, and nothing else will while this fleet runs."""
        reserved = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        reserved.bind(("127.0.0.1", 0))  # bound and not listening: a connection is refused
        self._silent.append(reserved)
        host, port = reserved.getsockname()
        return host, port

    def _accept(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if isinstance(key.data, SimulatedKubelet):
                    try:
                        connection, _ = key.data.listener.accept()
                    except OSError:  # gone before it was accepted
                        continue
                    thread = threading.Thread(target=self._converse, args=(connection, key.data), daemon=True)
                    with self._lock:
                        self._conversations[connection] = thread
                    thread.start()
                elif b"." in self._wakeup.recv(64):
                    return

    def _converse(self, connection: socket.socket, kubelet: SimulatedKubelet) -> None:
        connection.settimeout(PATIENCE)
        # The TLS layer gets a socket object of its own, so that this one can be shut down from outside.
        try:
            with (
                contextlib.suppress(OSError),  # whatever ends a connection, the next one is served
                kubelet.context.wrap_socket(connection.dup(), server_side=True) as secured,
            ):
                received = b""
                while True:
                    while b"\r\n\r\n" not in received and len(received) < 65536:
                        if not (more := secured.recv(4096)):
                            return
                        received += more
                    head, _, received = received.partition(b"\r\n\r\n")
                    secured.sendall(_answer(kubelet.api, head.decode("latin-1")))
        finally:
            with self._lock:
                del self._conversations[connection]
            connection.close()


def _answer(api: KubeletApi, head: str) -> bytes:
    """The response to one request that has no body."""
    request, *fields = head.split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
    path = request.partition(" ")[2].partition(" ")[0].partition("?")[0]
    status, content_type, body = api.answer(path, headers.get("authorization", "").removeprefix("Bearer "))
    lines = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        f"Content-Type: {content_type}",
        f"Date: {formatdate(api.clock(), usegmt=True)}",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join((*lines, "", "")).encode() + body


def _context(serving: Credential | None, client_authority: Authority) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    # As the kubelet: a client certificate is asked for, and whoever has none still gets an answer.
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(cadata=client_authority.pem.decode())
    if serving is not None:
        serving.show(context)
    return context
