"""Requests and the nodes that exist in; which requests are followed by node, and how many are not, out.

Whoever may create CSRs can invent nodes. Those that exist come first: one of them is followed however many others there
are, and takes the place of an invented one. A node that is being made asks before it has a Node object, so that one
which is not there is followed too, while there is room.
"""

from collections.abc import Iterable

from exporter.facts.kube.csr import SERVING_SIGNER
from exporter.facts.kube.node_requests import RETRY, NodeRequests, Open, Requests

__all__ = ["NODES_CAP", "CsrTracking"]

NODES_CAP = 20_000
"""(node, signer) pairs that are followed."""

Key = tuple[str, str]
"""Node and signer name."""


class CsrTracking:
    """Owned by one thread."""

    def __init__(self, *, most: int = NODES_CAP) -> None:
        """`most`: (node, signer) pairs that are followed."""
        self._most = most
        self._nodes: set[str] = set()
        self._listed = False
        """Whether it is known which nodes there are."""
        self._requests: dict[Key, Requests] = {}
        self._touched: dict[Key, float] = {}
        self._strangers: dict[Key, None] = {}
        """Those of them whose node is not known to exist, the newest last."""
        self._left: dict[Key, dict[str, Open]] = {}
        """Requests that are not followed, by uid."""
        self.untracked = 0
        """How many those are."""

    def known(self, node: str) -> bool:
        """Whether the node exists."""
        return node in self._nodes

    def put_open(self, key: Key, uid: str, found: Open, now: float, latest: float) -> None:
        """A request has no certificate."""
        requests = self._tracked(key, now)
        if requests is not None:
            requests.put_open(uid, found, now, latest)
        else:
            self._leave(key, uid, found)

    def answered(self, key: Key, uid: str, now: float) -> Requests | None:
        """A request has its answer, which the node's requests are to be told; None: they are not followed."""
        self._found(key, uid)
        return self._tracked(key, now)

    def vanish(self, key: Key, uid: str, now: float) -> None:
        """A request is gone unanswered."""
        self._found(key, uid)
        if (requests := self._requests.get(key)) is not None:
            self._touched[key] = now
            requests.vanish(uid, now)

    def know(self, nodes: Iterable[str]) -> bool:
        """These are all the nodes there are; whether that changes what is followed."""
        self._nodes, self._listed = set(nodes), True
        self._strangers = {key: None for key in self._requests if key[0] not in self._nodes}
        return self._take_up(key for key in self._left if key[0] in self._nodes)

    def know_too(self, node: str) -> bool:
        """And so does this one; likewise."""
        self._nodes.add(node)
        for key in [key for key in self._strangers if key[0] == node]:
            del self._strangers[key]
        return self._take_up(key for key in self._left if key[0] == node)

    def forget(self, node: str, signers: tuple[str, ...]) -> bool:
        """The node is gone, and its requests are moot; likewise."""
        self._nodes.discard(node)
        found = [key for key in ((node, signer) for signer in signers) if key in self._requests]
        for key in found:
            self._requests[key].forget()
            self._strangers[key] = None
        return bool(found)

    def tidy(self, now: float) -> bool:
        """Drop what is known of nodes that are not there and have been silent for long; whether there was any."""
        old = [key for key in self._strangers if not self._requests[key].waits and now - self._touched[key] > RETRY]
        for key in old:
            del self._requests[key], self._touched[key], self._strangers[key]
        return bool(old)

    def readings(self) -> tuple[NodeRequests, ...]:
        """How each is now. Nobody waits for the serving certificate of a node that is not there: a kubelet asks for it
        once its Node object exists (pkg/kubelet/certificate/kubelet.go, getAddresses), and nobody approves it before.
        """
        found = []
        for (node, signer), requests in self._requests.items():
            if self._listed and signer == SERVING_SIGNER and node not in self._nodes:
                found.append(NodeRequests(node, signer, issued=requests.issued, rejected=requests.rejected))
            else:
                found.append(requests.reading(node, signer))
        return tuple(found)

    def _tracked(self, key: Key, now: float) -> Requests | None:
        requests = self._requests.get(key)
        if requests is None:
            exists = key[0] in self._nodes
            if len(self._requests) >= self._most and not (exists and self._make_room()):
                return None
            requests = self._requests[key] = Requests()
            if not exists:
                self._strangers[key] = None
        self._touched[key] = now
        return requests

    def _make_room(self) -> bool:
        if not self._strangers:
            return False
        key, _ = self._strangers.popitem()
        for uid, found in self._requests.pop(key).open.items():
            self._leave(key, uid, found)
        del self._touched[key]
        return True

    def _take_up(self, keys: Iterable[Key]) -> bool:
        """Follow what was left: its nodes exist after all. Whether there was anything."""
        taken = False
        for key in tuple(keys):
            if len(self._requests) >= self._most and not self._make_room():
                break
            left = self._left.pop(key)
            self.untracked -= len(left)
            latest = max(one.created for one in left.values())
            requests = self._requests[key] = Requests()
            self._touched[key] = latest
            for uid, one in left.items():
                requests.put_open(uid, one, latest, latest)
            taken = True
        return taken

    def _leave(self, key: Key, uid: str, found: Open) -> None:
        left = self._left.setdefault(key, {})
        self.untracked += uid not in left
        left[uid] = found

    def _found(self, key: Key, uid: str) -> None:
        """A request that was left needs no following any more."""
        left = self._left.get(key)
        if left is not None and left.pop(uid, None) is not None:
            self.untracked -= 1
            if not left:
                del self._left[key]
