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
* **Nodes that exist come first.** Whoever may create CSRs can invent nodes: those are followed while there is room, and
  make way for a node that is there. What is not followed is counted (`facts.kube.csr_tracking`).
* Since when a node waits: `facts.kube.node_requests`.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from exporter.facts.kube.believed import MARGIN
from exporter.facts.kube.csr import CLIENT_SIGNER, SERVING_SIGNER, Csr
from exporter.facts.kube.csr_tracking import CsrTracking
from exporter.facts.kube.node_requests import NodeRequests, Open, Rejected
from exporter.reason import CsrCondition, CsrOutcome, Requestor

__all__ = ["BUCKETS", "CsrLedger", "CsrTotals", "Durations"]

BUCKETS = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 21600.0, 86400.0)
"""Upper bounds of the time to a certificate in seconds: usual is one second, and after 24 hours the CSR is gone."""

OTHER_SIGNER = "other"
SIGNERS_CAP, RECORDS_CAP = 50, 200_000
"""Signer names that are told apart, and requests that are remembered. Whoever may create CSRs can invent both."""

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
    """Requests without a certificate that are kept for no node, since those are too many."""
    last_issued: Mapping[str, float] = field(default_factory=dict)
    """By signer name, Unix seconds of the last certificate of any node."""


@dataclass(slots=True, eq=False)
class _Record:
    """One CSR object. Small, for there may be 100,000."""

    uid: str
    group: Group
    node: str
    condition: CsrCondition
    round: int

    @property
    def key(self) -> tuple[str, str]:
        """Node and signer name."""
        return self.node, self.group[0]


class CsrLedger:
    """Follows CSRs. Owned by one thread; `totals` is a copy that any thread may read.

    `version` changes with every change of what `totals` would say.
    """

    def __init__(self, *, most: int = RECORDS_CAP) -> None:
        """`most`: requests that are remembered one by one; those beyond are counted in each list."""
        self.version = 0
        self._most = most
        self._records: dict[str, _Record] = {}
        self._tracking = CsrTracking()
        self._signers: set[str] = {CLIENT_SIGNER, SERVING_SIGNER}
        self._groups: dict[Group, None] = dict.fromkeys(KUBELET_GROUPS)
        self._objects: Counter[tuple[Group, CsrCondition]] = Counter()
        self._completed: Counter[tuple[Group, CsrOutcome]] = Counter()
        self._durations: dict[str, Durations] = {}
        self._last_issued: dict[str, float] = {}
        self._round = 0
        self._beyond = 0  # requests beyond the most that are remembered

    def begin_list(self) -> None:
        """A complete list follows, as `put` of each object. A list that broke off is simply begun again."""
        self._round += 1
        self._beyond = 0

    def end_list(self, now: float) -> None:
        """The list is complete: what was not in it is gone."""
        for record in [one for one in self._records.values() if one.round != self._round]:
            self._vanish(record, now)

    def put(self, csr: Csr, now: float, *, live: bool = False, latest: float | None = None) -> None:
        """The CSR is so now. `live`: a watch event, which says that it has just become so, at `now`. `latest`:
        see facts.kube.believed; None: nothing is known of the server's clock.
        """
        latest = now if latest is None else latest
        record = self._records.get(csr.uid)
        if record is None:
            if len(self._records) >= self._most and not self._tracking.known(csr.node):
                self._beyond += csr.condition in _OPEN
                self.version += 1
                return
            record = self._admitted(csr)
        elif record.condition is csr.condition or record.condition not in _OPEN:
            record.round = self._round
            return
        else:
            self._objects[record.group, record.condition] -= 1
            record.round, record.condition = self._round, csr.condition
        self.version += 1
        self._objects[record.group, csr.condition] += 1
        created = min(csr.created, latest)
        if csr.condition in _OPEN:
            if record.node:
                found = Open(csr.name, created, csr.condition is CsrCondition.APPROVED, csr.revision)
                self._tracking.put_open(record.key, csr.uid, found, now, latest)
            return
        outcome = _OUTCOMES[csr.condition]
        self._completed[record.group, outcome] += 1
        answered = None if csr.answered is None else min(csr.answered, latest)
        at = now if live else answered
        if outcome is CsrOutcome.ISSUED and at is not None:
            self._observe(record.group[0], max(0.0, at - created))
        at = created if at is None else at
        signer = record.group[0]
        if outcome is CsrOutcome.ISSUED and csr.requestor is not Requestor.OTHER:
            self._last_issued[signer] = max(at, self._last_issued.get(signer, at))
        if not record.node:
            return
        requests = self._tracking.answered(record.key, csr.uid, now)
        if requests is None:
            return
        if outcome is not CsrOutcome.ISSUED:
            requests.reject(csr.uid, Rejected(csr.name, outcome, answered or now, csr.words))
        elif csr.created > latest + MARGIN:
            requests.issue_misdated(csr.uid, csr.revision, at, csr.certificate, now)
        else:
            requests.issue(csr.uid, created, at, csr.certificate, latest)

    def delete(self, uid: str, now: float) -> None:
        """The object is gone. Its last state, where the watch event tells it, is `put` first."""
        if record := self._records.get(uid):
            self._vanish(record, now)

    def know_nodes(self, nodes: Iterable[str]) -> None:
        """These are all the nodes there are."""
        self.version += self._tracking.know(nodes)

    def know_node(self, node: str) -> None:
        """A node has come."""
        self.version += self._tracking.know_too(node)

    def forget_node(self, node: str) -> None:
        """The Node object was deleted."""
        self.version += self._tracking.forget(node, (*self._signers, OTHER_SIGNER))

    def tidy(self, now: float) -> None:
        """Time has passed: what is known of nodes that are not there is dropped, if they have been silent for long."""
        self.version += self._tracking.tidy(now)

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
            nodes=self._tracking.readings(),
            untracked=self._tracking.untracked + self._beyond,
            last_issued=dict(self._last_issued),
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
        if record.node:
            self._tracking.vanish(record.key, record.uid, now)
