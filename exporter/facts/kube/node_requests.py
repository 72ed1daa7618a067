"""One node's requests to one signer, as they come and go, in; since when it waits and what it got last out.

A node waits since the creation of its first request that has no answer and is newer than its last issued one. A request
that vanished unanswered still counts as that first one, so that retries, garbage collection and new lists do not move
the time. Approved is no answer: the kubelet has no certificate yet. Waiting ends

- with a certificate: older requests are moot from then on, though their objects remain;
- when no unanswered request is left, since then nothing is pending. The first time is remembered for RETRY seconds
  more, in case somebody deleted the requests and the kubelet sends the next one. A denial or failure as the last word
  ends that too: it was an answer, and the next request begins anew;
- with the node: a deleted node's requests are moot, and a new node of that name begins anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from exporter.facts.kube.believed import MARGIN
from exporter.facts.kube.csr import CertificateIdentity
from exporter.reason import CsrOutcome

__all__ = ["RETRY", "Issued", "NodeRequests", "Open", "Rejected", "Requests"]

RETRY = 3600.0
"""Seconds in which a kubelet without a certificate has asked again: it does so every 15 minutes and a backoff
(client-go, util/certificate/certificate_manager.go)."""

LONG_AGO = float("-inf")


@dataclass(frozen=True, slots=True)
class Issued:
    """A node's last issued certificate."""

    at: float
    """Unix seconds."""
    certificate: CertificateIdentity | None
    """None where it cannot be read."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A node's last denied or failed request."""

    name: str
    outcome: CsrOutcome
    at: float
    """Unix seconds."""
    words: str
    """Reason and message of the condition."""


@dataclass(frozen=True, slots=True)
class NodeRequests:
    """The reading."""

    node: str
    signer_name: str
    pending_since: float | None = None
    """Unix seconds; None where nothing is pending."""
    pending_name: str = ""
    """The oldest unanswered request that exists."""
    approved: bool = False
    """Whether that one is approved and merely not issued."""
    pending_objects: int = 0
    issued: Issued | None = None
    rejected: Rejected | None = None
    """None where a certificate was issued since."""


@dataclass(slots=True)
class Open:
    """A request without a certificate."""

    name: str
    created: float
    """Unix seconds, as believed."""
    approved: bool
    revision: int
    """As Csr.revision."""


class Requests:
    """Follows them. A request is known by its uid."""

    __slots__ = (
        "_carried",
        "_heap",
        "_issued_created",
        "_misdated_revision",
        "_misdated_seen",
        "_moot_until",
        "_open",
        "_quiet_since",
        "issued",
        "rejected",
    )

    def __init__(self) -> None:
        self.issued: Issued | None = None
        self.rejected: Rejected | None = None
        self._open: dict[str, Open] = {}
        self._heap: list[tuple[float, str]] = []  # (created, uid); those no longer open are dropped when they come up
        self._carried: float | None = None  # creation of the first request that vanished unanswered
        self._quiet_since = LONG_AGO
        self._moot_until = LONG_AGO
        self._issued_created = LONG_AGO
        self._misdated_revision = 0  # of the last issued request that was dated ahead of both clocks
        self._misdated_seen = LONG_AGO

    @property
    def open(self) -> Mapping[str, Open]:
        """Those without a certificate, by uid."""
        return self._open

    @property
    def waits(self) -> bool:
        """Whether it waits."""
        return bool(self._open)

    @property
    def _last_issued(self) -> float:
        return LONG_AGO if self.issued is None else self.issued.at

    def put_open(self, uid: str, found: Open, now: float, latest: float) -> None:
        """The request has no answer, or is approved and no more. `latest`: see facts.kube.believed."""
        created = found.created
        if (known := self._open.get(uid)) is not None:
            known.approved = found.approved
            return
        self._set_back(latest)
        if created <= self._moot_until or (found.revision < self._misdated_revision and created <= self._misdated_seen):
            return
        if not self._open and now - self._quiet_since > RETRY:
            self._carried = None
        self._open[uid] = found
        heappush(self._heap, (created, uid))
        if len(self._heap) > 2 * len(self._open) + 64:
            self._heap = [entry for entry in self._heap if entry[1] in self._open]
            heapify(self._heap)

    def issue(
        self, uid: str, created: float, at: float, certificate: CertificateIdentity | None, latest: float
    ) -> None:
        """The request has its certificate since `at`."""
        self._open.pop(uid, None)
        self._set_back(latest)
        if created >= self._issued_created:
            self._issued_created = created
            self.issued = Issued(at, certificate)
        if self.rejected is not None and self.rejected.at <= self._last_issued:
            self.rejected = None
        self._overtake(created)

    def issue_misdated(
        self, uid: str, revision: int, at: float, certificate: CertificateIdentity | None, now: float
    ) -> None:
        """Likewise, of a request that was dated ahead of both clocks: nobody knows when it was made, but for what the
        cluster's order of changes tells. A request that is not certainly older than it still waits.
        """
        self._open.pop(uid, None)
        self.issued, self.rejected = Issued(at, certificate), None
        self._misdated_revision, self._misdated_seen = revision, now
        for older in [uid for uid, one in self._open.items() if one.revision < revision]:
            del self._open[older]
        self._carried = None

    def reject(self, uid: str, rejected: Rejected) -> None:
        """The request was denied or has failed."""
        self._open.pop(uid, None)
        if not self._open:
            self._carried = None
        if rejected.at <= self._last_issued:
            return
        if self.rejected is None or rejected.at >= self.rejected.at:
            self.rejected = rejected

    def vanish(self, uid: str, now: float) -> None:
        """The unanswered request is gone."""
        gone = self._open.pop(uid, None)
        if gone is None:
            return
        self._carried = gone.created if self._carried is None else min(self._carried, gone.created)
        if not self._open:
            self._quiet_since = now

    def forget(self) -> None:
        """The node is gone."""
        self._overtake(max((one.created for one in self._open.values()), default=LONG_AGO))
        self._carried = self.issued = self.rejected = None
        self._issued_created = LONG_AGO

    def reading(self, node: str, signer_name: str) -> NodeRequests:
        """How it is now."""
        first = self._first()
        if first is None:
            return NodeRequests(node, signer_name, issued=self.issued, rejected=self.rejected)
        return NodeRequests(
            node,
            signer_name,
            pending_since=first.created if self._carried is None else min(first.created, self._carried),
            pending_name=first.name,
            approved=first.approved,
            pending_objects=len(self._open),
            issued=self.issued,
            rejected=self.rejected,
        )

    def _set_back(self, latest: float) -> None:
        """Moments ahead of both clocks are of a clock that has been set back since: they say nothing any more."""
        if self._moot_until > latest + MARGIN:
            self._moot_until = LONG_AGO
        if self._issued_created > latest + MARGIN:
            self._issued_created = LONG_AGO

    def _first(self) -> Open | None:
        while self._heap:
            if (found := self._open.get(self._heap[0][1])) is not None:
                return found
            heappop(self._heap)
        return None

    def _overtake(self, created: float) -> None:
        self._moot_until = max(self._moot_until, created)
        while (first := self._first()) is not None and first.created <= self._moot_until:
            del self._open[self._heap[0][1]]
        if self._carried is not None and self._carried <= self._moot_until:
            self._carried = None
