"""What the tests of the Kubernetes source share: a simulated API server, a pod's service account, and a view that a
watcher keeps."""

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from exporter.facts.kube.metadata import Metadata
from exporter.facts.kube.reader import Change, ObjectReader
from exporter.facts.source import Failure, SourceLedger
from exporter.reason import Reason
from exporter.sources.kube.connection import Connection, ServiceAccount
from exporter.sources.kube.resource import CERTIFICATE_SIGNING_REQUESTS, Resource
from exporter.sources.kube.watch import Backoff, Watcher
from simulation.api.server import ApiServer
from simulation.pki import Authority, Credential

CSRS = CERTIFICATE_SIGNING_REQUESTS.plural
T0 = time.time()


class Item(msgspec.Struct):
    """As much of an object as shows which state of it is known."""

    metadata: Metadata


decode: ObjectReader[Item, Item] = ObjectReader(Item, lambda item: item)


def csr(name: str, padding: str = "") -> dict[str, object]:
    return {"metadata": {"name": name}, "spec": {"signerName": "kubernetes.io/kubelet-serving", "request": padding}}


def serving(authority: Authority, *names: str) -> Credential:
    return authority.apiserver(names or ("127.0.0.1", "localhost"), T0)


@dataclass
class Pod:
    """A service account as the kubelet mounts it: the files are links through a folder that is swapped at once."""

    folder: Path
    turn: int = 0

    def mount(self, authority_pem: bytes, token: str) -> None:
        self.turn += 1
        data = self.folder / f"..data_{self.turn}"
        data.mkdir(parents=True)
        (data / "ca.crt").write_bytes(authority_pem)
        (data / "token").write_text(token)
        link = self.folder / "..data_tmp"
        link.symlink_to(data.name)
        link.rename(self.folder / "..data")
        for name in ("ca.crt", "token"):
            if not os.path.lexists(self.folder / name):
                (self.folder / name).symlink_to(f"..data/{name}")

    def connection(self, server: ApiServer, *, timeout: float = 5.0) -> Connection:
        environment = {"KUBERNETES_SERVICE_HOST": server.host, "KUBERNETES_SERVICE_PORT": str(server.port)}
        return Connection(ServiceAccount(self.folder, environment), timeout=timeout)


class View:
    """A sink: what a watcher makes known, and the ledger of its source."""

    def __init__(self, resource: Resource) -> None:
        self.ledger = SourceLedger(resource.source)
        self.items: dict[str, tuple[str, str]] = {}
        self.lists = self.answers = 0
        self.changes: list[tuple[Change, str]] = []
        self.failures: list[Failure] = []
        self.waits: list[float] = []
        self._told = threading.Condition()

    def listed(self, items: list[Item], now: float) -> None:
        with self._told:
            self.items = {item.metadata.name: (item.metadata.uid, item.metadata.resourceVersion) for item in items}
            self.lists += 1
            self.ledger.success(now)
            self._told.notify_all()

    def changed(self, change: Change, item: Item, now: float) -> None:
        with self._told:
            name = item.metadata.name
            self.changes.append((change, name))
            if change is Change.DELETED:
                self.items.pop(name, None)
            else:
                self.items[name] = (item.metadata.uid, item.metadata.resourceVersion)
            self._told.notify_all()

    def answered(self, now: float) -> None:
        with self._told:
            self.answers += 1
            self.ledger.success(now)
            self._told.notify_all()

    def failed(self, failure: Failure) -> None:
        with self._told:
            self.failures.append(failure)
            self.ledger.failure(failure.reason, failure.words)
            self._told.notify_all()

    def pause(self, seconds: float) -> None:
        """In the place of the wait between two tries: remembers it, and lets a little of it pass."""
        self.waits.append(seconds)
        threading.Event().wait(0.002)

    def until(self, true: Callable[[], bool], what: str = "") -> None:
        """Wait for what the watcher is to find out; ten seconds are a failure."""
        with self._told:
            assert self._told.wait_for(true, 10), f"{what}: {self.failures[-3:]} {len(self.items)} items"

    def reasons(self) -> set[Reason]:
        """Every reason that was counted."""
        return {reason for reason, count in self.ledger.facts().errors.items() if count}


def fresh(server: ApiServer, plural: str = CSRS) -> dict[str, tuple[str, str]]:
    """What a list would say now."""
    return {
        o["metadata"]["name"]: (o["metadata"]["uid"], o["metadata"]["resourceVersion"])
        for o in server.store.objects(plural)
    }


class Watched:
    """A watcher of the simulated server, its view, and the wish that both agree."""

    def __init__(
        self,
        server: ApiServer,
        connection: Connection,
        resource: Resource = CERTIFICATE_SIGNING_REQUESTS,
        *,
        watch_seconds: float = 60.0,
        silence: float = 70.0,
    ) -> None:
        self.server, self.resource, self.view = server, resource, View(resource)
        self.watcher = Watcher(
            connection,
            resource,
            decode,
            self.view,
            watch_seconds=watch_seconds,
            silence=silence,
            backoff=Backoff(draw=lambda: 0.0),
            pause=self.view.pause,
        )

    def __enter__(self) -> "Watched":
        self.watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.watcher.stop()

    def agree(self) -> None:
        """Wait until the view equals a fresh list and the source is up."""

        def same() -> bool:
            return self.view.items == fresh(self.server, self.resource.plural) and bool(self.view.ledger.facts().up)

        self.view.until(same, "the view equals a fresh list")

    def recovers(self, *reasons: Reason) -> None:
        """Wait until exactly these failures were counted and everything is right again."""
        self.view.until(lambda: self.view.reasons() >= set(reasons), f"counts {reasons}")
        self.agree()
        assert self.view.reasons() == set(reasons)
        facts = self.view.ledger.facts()
        assert facts.up is True
        assert facts.last_error == ""
