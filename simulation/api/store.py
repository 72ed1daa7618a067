"""The simulated API server's memory: objects put and deleted in, list pages and watch events out, all encoded once."""

import base64
import json
import threading
import uuid
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from simulation.api.kinds import KINDS
from simulation.api.selectors import picks

__all__ = ["Gone", "Page", "Store"]

Key = tuple[str, str]
"""Namespace (empty for what has none) and name."""


class Gone(Exception):
    """410: the asked position is older than what is kept."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list: the objects' JSON, the list's version, where it goes on and how many are left."""

    items: tuple[bytes, ...]
    resource_version: int
    token: str = ""
    remaining: int = 0


class _Collection:
    """Objects of one kind, and the newest changes to them."""

    def __init__(self, window: int) -> None:
        self.objects: dict[Key, tuple[int, bytes]] = {}
        self.events: deque[tuple[int, Key, bytes, bytes]] = deque(maxlen=window)
        self.ordered: list[tuple[Key, bytes]] | None = None
        self.forgotten = 0
        """Changes up to this version cannot be told any more."""

    def change(self, version: int, key: Key, kind: str, encoded: bytes) -> None:
        if len(self.events) == self.events.maxlen:
            self.forgotten = self.events[0][0]
        self.events.append((version, key, kind.encode(), encoded))
        self.ordered = None

    def snapshot(self) -> list[tuple[Key, bytes]]:
        if self.ordered is None:
            self.ordered = [(key, self.objects[key][1]) for key in sorted(self.objects)]
        return self.ordered


class Store:
    """What the simulated cluster holds. Every method may be called from any thread."""

    def __init__(self, *, window: int = 10_000) -> None:
        """`window` is how many changes of a kind a watch can go back."""
        self._lock = threading.RLock()
        self._version = 1000
        self._collections = {plural: _Collection(window) for plural in KINDS}
        self._snapshots: dict[tuple[str, int], list[tuple[Key, bytes]]] = {}
        self._listeners: list[Callable[[], None]] = []

    @property
    def resource_version(self) -> int:
        """The version of the last change to anything."""
        return self._version

    def put(self, plural: str, item: Mapping[str, Any]) -> int:
        """Create or replace an object; what a server fills in is filled in. Returns its resourceVersion."""
        return self.put_all(plural, (item,))

    def put_all(self, plural: str, items: Iterable[Mapping[str, Any]]) -> int:
        """Like put, for many, waking the watches once."""
        kind, collection = KINDS[plural], self._collections[plural]
        with self._lock:
            for item in items:
                self._version += 1
                metadata = dict(item["metadata"])
                key = (metadata.get("namespace", "default") if kind.namespaced else "", metadata["name"])
                if kind.namespaced:
                    metadata.setdefault("namespace", "default")
                former = self._metadata(collection, key)
                lasting = former.get("uid")
                metadata.setdefault("uid", lasting if isinstance(lasting, str) else str(uuid.uuid4()))
                made = former.get("creationTimestamp") or f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
                metadata.setdefault("creationTimestamp", made)
                metadata["resourceVersion"] = str(self._version)
                encoded = _json({"apiVersion": kind.api_version, "kind": kind.name, **item, "metadata": metadata})
                known = key in collection.objects
                collection.objects[key] = (self._version, encoded)
                collection.change(self._version, key, "MODIFIED" if known else "ADDED", encoded)
            version = self._version
        self._wake()
        return version

    @staticmethod
    def _metadata(collection: _Collection, key: Key) -> dict[str, Any]:
        """That of the object which is replaced, whose identity lasts; empty for a new object."""
        known = collection.objects.get(key)
        return dict(json.loads(known[1])["metadata"]) if known else {}

    def delete(self, plural: str, name: str, namespace: str = "") -> None:
        """Remove an object. KeyError where there is none."""
        collection = self._collections[plural]
        with self._lock:
            old, encoded = collection.objects.pop((namespace, name))
            self._version += 1
            was, now = (f'"resourceVersion":"{version}"'.encode() for version in (old, self._version))
            collection.change(self._version, (namespace, name), "DELETED", encoded.replace(was, now))
        self._wake()

    def get(self, plural: str, name: str, namespace: str = "") -> bytes | None:
        """One object's JSON."""
        found = self._collections[plural].objects.get((namespace, name))
        return found[1] if found else None

    def names(self, plural: str) -> list[str]:
        """Names of all objects of a kind, in order."""
        with self._lock:
            return sorted(name for _, name in self._collections[plural].objects)

    def objects(self, plural: str) -> list[dict[str, Any]]:
        """All objects of a kind, in the order of a list: what a fresh list would say."""
        with self._lock:
            return [json.loads(encoded) for _, encoded in self._collections[plural].snapshot()]

    def page(
        self, plural: str, *, namespace: str = "", fields: str = "", labels: str = "", limit: int = 0, token: str = ""
    ) -> Page:
        """A page of a list, consistent with the pages before it.

        Gone: the token's version is forgotten. SelectorError: a field that cannot be selected by.
        """
        with self._lock:
            if token:
                version, start = _position(token)
                snapshot = self._snapshots.get((plural, version))
                if snapshot is None:
                    raise Gone
            else:
                version, start, snapshot = self._version, ("", ""), self._collections[plural].snapshot()
            if namespace or fields or labels:
                chosen = (one for one in snapshot if not namespace or one[0][0] == namespace)
                kind = KINDS[plural]
                return Page(tuple(encoded for _, encoded in chosen if picks(encoded, fields, labels, kind)), version)
            begin = bisect_right(snapshot, start, key=lambda entry: entry[0]) if token else 0
            part = snapshot[begin : begin + limit] if limit else snapshot[begin:]
            remaining = len(snapshot) - begin - len(part)
            if remaining:
                self._snapshots[plural, version] = snapshot
                while len(self._snapshots) > 8:
                    self._snapshots.pop(next(iter(self._snapshots)))
                token = base64.urlsafe_b64encode(_json([version, *part[-1][0]])).decode()
            return Page(tuple(e for _, e in part), version, token if remaining else "", remaining)

    def changes(
        self, plural: str, after: int, *, namespace: str = "", fields: str = "", labels: str = ""
    ) -> list[tuple[int, bytes]]:
        """(version, watch line) of each change after a version. Gone: some of them are forgotten."""
        collection, kind = self._collections[plural], KINDS[plural]
        with self._lock:
            if after < collection.forgotten:
                raise Gone
            found: list[tuple[int, bytes]] = []
            for version, key, event, encoded in reversed(collection.events):
                if version <= after:
                    break
                if (not namespace or key[0] == namespace) and picks(encoded, fields, labels, kind):
                    found.append((version, b'{"type":"' + event + b'","object":' + encoded + b"}\n"))
            return found[::-1]

    def expire(self) -> None:
        """Forget all changes and begun lists, as a compaction does: older positions are Gone, running watches' too."""
        with self._lock:
            self._version += 1
            for collection in self._collections.values():
                collection.events.clear()
                collection.forgotten = self._version
            self._snapshots.clear()
        self._wake()

    def listen(self, listener: Callable[[], None]) -> None:
        """Call this after each change, from the thread that made it."""
        self._listeners.append(listener)

    def _wake(self) -> None:
        for listener in self._listeners:
            listener()


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _position(token: str) -> tuple[int, Key]:
    try:
        version, namespace, name = json.loads(base64.urlsafe_b64decode(token))
        return int(version), (str(namespace), str(name))
    except (ValueError, TypeError) as error:
        raise ValueError("continue key is not valid") from error
