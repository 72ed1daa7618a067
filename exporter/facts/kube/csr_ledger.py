"""CSRs as they come and go in; how many there are, how they ended and since when each node waits out.

What the API shows of a CSR is short-lived: the cleaner deletes an answered one after an hour and an unanswered one
after 24 (pkg/controller/certificates/cleaner). The ledger makes lasting facts of it:

* **A CSR counts once**, when it is first seen to have ended. It is known by its uid for as long as the object exists;
  a new list, a new watch or a repeated event finds it counted. CSRs that had ended before the agent started count when
  first seen: a refusal in the minutes of a restart must not pass unnoticed. A counter starts anew with the process.
* **Gone while pending** is `abandoned`, also where it went while nobody watched: an answer that was given and deleted
  within such a gap, of over an hour then, cannot be known.
* **The time to a certificate** is from creation to when the certificate was seen in a watch event; where it was found
  in a list, to the approval, which is the last moment that the object tells.
* Since when a node waits: `facts.csr_node`.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from exporter.facts.kube.csr import CLIENT_SIGNER, SERVING_SIGNER, Csr
from exporter.facts.kube.node_requests import RETRY, NodeRequests, Rejected, Requests
from exporter.reason import CsrCondition, CsrOutcome, Requestor

__all__ = ["BUCKETS", "CsrLedger", "CsrTotals", "Durations"]

BUCKETS = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 21600.0, 86400.0)
"""Upper bounds of the time to a certificate in seconds: usual is one second, and after 24 hours the CSR is gone."""

OTHER_SIGNER = "other"
SIGNERS_CAP, NODES_CAP = 50, 20_000
"""Signer names and (node, signer) pairs that are told apart. Whoever may create CSRs can invent both."""

_OPEN = frozenset({CsrCondition.PENDING, CsrCondition.APPROVED})
_OUTCOMES = {
    CsrCondition.ISSUED: CsrOutcome.ISSUED,
    CsrCondition.DENIED: CsrOutcome.DENIED,
    CsrCondition.FAILED: CsrOutcome.FAILED,
}

Group = tuple[str, Requestor]
"""Signer name and class of requestor."""

KUBELET_GROUPS: tuple[Group, ...] = (
    (CLIENT_SIGNER, Requestor.NODE),
    (CLIENT_SIGNER, Requestor.BOOTSTRAP),
    (CLIENT_SIGNER, Requestor.AKS_SERVICE),
    (SERVING_SIGNER, Requestor.NODE),
)
"""Those there are on every cluster: counted from 0, so that the first one is an increase."""


@dataclass(frozen=True, slots=True)
class Durations:
    """Times to a certificate: how many up to each bound of BUCKETS, the last those beyond, and the sum in seconds."""

    counts: tuple[int, ...] = (0,) * (len(BUCKETS) + 1)
    total: float = 0.0


@dataclass(frozen=True, slots=True)
class CsrTotals:
    """The ledger's reading."""

    objects: Mapping[tuple[str, Requestor, CsrCondition], int]
    completed: Mapping[tuple[str, Requestor, CsrOutcome], int]
    durations: Mapping[str, Durations]
    """By signer name."""
    nodes: tuple[NodeRequests, ...]
    untracked: int = 0
    """CSRs whose node was one too many to follow; they are in the other figures."""


@dataclass(slots=True, eq=False)
class _Record:
    """One CSR object. Small, for there may be 100,000."""

    uid: str
    group: Group
    node: str
    condition: CsrCondition
    round: int


class CsrLedger:
    """Follows CSRs. Owned by one thread; `totals` is a copy that any thread may read.

    `version` changes with every change of what `totals` would say.
    """

    def __init__(self) -> None:
        self.version = 0
        self._records: dict[str, _Record] = {}
        self._requests: dict[tuple[str, str], Requests] = {}
        self._touched: dict[tuple[str, str], float] = {}
        self._signers: set[str] = {CLIENT_SIGNER, SERVING_SIGNER}
        self._groups: dict[Group, None] = dict.fromkeys(KUBELET_GROUPS)
        self._objects: Counter[tuple[Group, CsrCondition]] = Counter()
        self._completed: Counter[tuple[Group, CsrOutcome]] = Counter()
        self._durations: dict[str, Durations] = {}
        self._round = 0
        self._untracked = 0

    def begin_list(self) -> None:
        """A complete list follows, as `put` of each object. A list that broke off is simply begun again."""
        self._round += 1

    def end_list(self, now: float) -> None:
        """The list is complete: what was not in it is gone."""
        for record in [one for one in self._records.values() if one.round != self._round]:
            self._vanish(record, now)

    def put(self, csr: Csr, now: float, *, live: bool = False) -> None:
        """The CSR stands so. `live`: a watch event, which tells that it has just come to stand so at `now`."""
        record = self._records.get(csr.uid)
        if record is None:
            record = self._admitted(csr)
        elif record.condition is csr.condition or record.condition not in _OPEN:
            record.round = self._round
            return
        else:
            self._objects[record.group, record.condition] -= 1
        self.version += 1
        record.round, record.condition = self._round, csr.condition
        self._objects[record.group, csr.condition] += 1
        requests = self._of_node(record, now)
        if csr.condition in _OPEN:
            if requests is not None:
                approved = csr.condition is CsrCondition.APPROVED
                requests.put_open(csr.uid, csr.name, csr.created, now, approved=approved)
            return
        outcome = _OUTCOMES[csr.condition]
        self._completed[record.group, outcome] += 1
        at = now if live else csr.answered
        if outcome is CsrOutcome.ISSUED and at is not None:
            self._observe(record.group[0], max(0.0, at - csr.created))
        if requests is None:
            return
        if outcome is CsrOutcome.ISSUED:
            requests.issue(csr.uid, csr.created, csr.created if at is None else at, csr.certificate)
        else:
            requests.reject(csr.uid, Rejected(csr.name, outcome, csr.answered or now, csr.words))

    def delete(self, uid: str, now: float) -> None:
        """The object is gone. Its last state, where the watch event tells it, is `put` first."""
        if record := self._records.get(uid):
            self._vanish(record, now)

    def forget_node(self, node: str) -> None:
        """The Node object was deleted."""
        for signer in (*self._signers, OTHER_SIGNER):
            if (requests := self._requests.get((node, signer))) is not None:
                self.version += 1
                requests.forget()

    def keep_nodes(self, nodes: frozenset[str], now: float) -> None:
        """These are all the nodes there are: what is known of others is dropped, if they have been silent for long.

        A node that is being made has its first certificate before it has a Node object.
        """
        for key, requests in list(self._requests.items()):
            if key[0] not in nodes and not requests.waits and now - self._touched[key] > RETRY:
                self.version += 1
                del self._requests[key], self._touched[key]

    def totals(self) -> CsrTotals:
        """The figures now."""
        signers = sorted({signer for signer, _ in self._groups})
        return CsrTotals(
            objects={
                (*group, condition): self._objects[group, condition]
                for group in self._groups
                for condition in CsrCondition
            },
            completed={
                (*group, outcome): self._completed[group, outcome] for group in self._groups for outcome in CsrOutcome
            },
            durations={signer: self._durations.get(signer, Durations()) for signer in signers},
            nodes=tuple(requests.reading(*key) for key, requests in self._requests.items()),
            untracked=self._untracked,
        )

    def _admitted(self, csr: Csr) -> _Record:
        signer = csr.signer_name
        if signer not in self._signers:
            if len(self._signers) < SIGNERS_CAP:
                self._signers.add(signer)
            else:
                signer = OTHER_SIGNER
        group = (signer, csr.requestor)
        self._groups.setdefault(group)
        record = self._records[csr.uid] = _Record(csr.uid, group, csr.node, csr.condition, self._round)
        return record

    def _of_node(self, record: _Record, now: float) -> Requests | None:
        if not record.node:
            return None
        key = (record.node, record.group[0])
        requests = self._requests.get(key)
        if requests is None:
            if len(self._requests) >= NODES_CAP:
                self._untracked += 1
                return None
            requests = self._requests[key] = Requests()
        self._touched[key] = now
        return requests

    def _observe(self, signer: str, seconds: float) -> None:
        former = self._durations.get(signer, Durations())
        place = bisect_left(BUCKETS, seconds)
        counts = tuple(count + (place == position) for position, count in enumerate(former.counts))
        self._durations[signer] = Durations(counts, former.total + seconds)

    def _vanish(self, record: _Record, now: float) -> None:
        self.version += 1
        del self._records[record.uid]
        self._objects[record.group, record.condition] -= 1
        if record.condition not in _OPEN:
            return
        self._completed[record.group, CsrOutcome.ABANDONED] += 1
        key = (record.node, record.group[0])
        if (requests := self._requests.get(key)) is not None:
            self._touched[key] = now
            requests.vanish(record.uid, now)
