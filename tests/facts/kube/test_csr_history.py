"""The ledger of CSRs against a model of the API server, through any history."""

from collections import Counter
from dataclasses import dataclass, field, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.facts.kube.csr import Csr
from exporter.facts.kube.csr_ledger import CsrLedger
from exporter.facts.kube.node_requests import RETRY
from exporter.reason import CsrOutcome
from tests.facts.kube.csrs import (
    APPROVED,
    DENIED,
    FAILED,
    ISSUED,
    PENDING,
    T0,
    completed,
    objects,
    request,
)

STEP = st.one_of(
    st.tuples(st.just("create"), st.sampled_from(["n0", "n1"])),
    st.tuples(st.sampled_from(["approve", "issue", "deny", "fail", "collect"]), st.integers(0, 9)),
    st.tuples(st.sampled_from(["connect", "lose", "repeat", "half a list", "wait"]), st.integers(0, 9)),
)


@dataclass
class World:
    """The server's objects, what the observer was shown, and what it should conclude."""

    ledger: CsrLedger = field(default_factory=CsrLedger)
    now: float = T0
    store: dict[str, Csr] = field(default_factory=dict)
    watching: bool = True
    shown: dict[str, Csr] = field(default_factory=dict)
    outcomes: Counter[CsrOutcome] = field(default_factory=Counter)
    ended: set[str] = field(default_factory=set)
    issued_until: dict[str, float] = field(default_factory=dict)
    carried: dict[str, float] = field(default_factory=dict)
    quiet: dict[str, float] = field(default_factory=dict)

    def waiting(self, node: str) -> list[Csr]:
        cut = self.issued_until.get(node, 0)
        return [
            c for c in self.shown.values() if c.node == node and c.condition in (PENDING, APPROVED) and c.created > cut
        ]

    def show(self, csr: Csr) -> None:
        known = self.shown.get(csr.uid)
        if known is not None and known.condition is csr.condition:
            return
        counts = csr.condition in (PENDING, APPROVED) and csr.created > self.issued_until.get(csr.node, 0)
        if counts and not self.waiting(csr.node) and self.now - self.quiet.get(csr.node, 0) > RETRY:
            self.carried.pop(csr.node, None)
        self.shown[csr.uid] = csr
        if csr.condition not in (PENDING, APPROVED) and csr.uid not in self.ended:
            self.ended.add(csr.uid)
            self.outcomes[CsrOutcome(csr.condition)] += 1
        if csr.condition is ISSUED:
            self.issued_until[csr.node] = max(csr.created, self.issued_until.get(csr.node, 0))
            if self.carried.get(csr.node, self.now) <= self.issued_until[csr.node]:
                self.carried.pop(csr.node, None)
        if csr.condition in (DENIED, FAILED) and not self.waiting(csr.node):
            self.carried.pop(csr.node, None)

    def hide(self, uid: str) -> None:
        gone = self.shown[uid]
        was_waiting = gone in self.waiting(gone.node)
        del self.shown[uid]
        if gone.condition in (PENDING, APPROVED):
            self.outcomes[CsrOutcome.ABANDONED] += 1
        if was_waiting:
            self.carried[gone.node] = min(gone.created, self.carried.get(gone.node, gone.created))
            if not self.waiting(gone.node):
                self.quiet[gone.node] = self.now

    def event(self, csr: Csr) -> None:
        self.store[csr.uid] = csr
        if self.watching:
            self.show(csr)
            self.ledger.put(csr, self.now, live=True)

    def list_all(self) -> None:
        self.ledger.begin_list()
        for csr in self.store.values():
            self.show(csr)
            self.ledger.put(csr, self.now)
        for uid in [uid for uid in self.shown if uid not in self.store]:
            self.hide(uid)
        self.ledger.end_list(self.now)

    def step(self, what: str, which: str | int) -> None:
        self.now += 60
        if isinstance(which, str):
            uid = f"u{len(self.store) + len(self.ended)}-{self.now}"
            return self.event(request(uid, self.now, node=which))
        chosen = sorted(self.store)[which % len(self.store)] if self.store else None
        match what:
            case "wait":
                self.now += 7 * 60 * which
            case "lose":
                self.watching = False
            case "connect":
                self.list_all()
                self.watching = True
            case "half a list":
                self.ledger.begin_list()
                for csr in list(self.store.values())[:which]:
                    self.show(csr)
                    self.ledger.put(csr, self.now)
                self.watching = False
            case _ if chosen is None:
                pass
            case "repeat":
                if self.watching:
                    self.event(self.store[chosen])
            case "collect":
                del self.store[chosen]
                if self.watching:
                    self.hide(chosen)
                    self.ledger.delete(chosen, self.now)
            case "approve" if self.store[chosen].condition is PENDING:
                self.event(replace(self.store[chosen], condition=APPROVED))
            case "issue" if self.store[chosen].condition is APPROVED:
                self.event(replace(self.store[chosen], condition=ISSUED))
            case "deny" if self.store[chosen].condition is PENDING:
                self.event(replace(self.store[chosen], condition=DENIED))
            case "fail" if self.store[chosen].condition is APPROVED:
                self.event(replace(self.store[chosen], condition=FAILED))
        return None


@settings(max_examples=300, deadline=None)
@given(st.lists(STEP, max_size=40))
def test_any_history_gives_the_counts_of_the_model(steps: list[tuple[str, str | int]]) -> None:
    """Events, lost connections, broken lists, garbage collection, in any order; at last a list equals the server."""
    world = World()
    for what, which in steps:
        world.step(what, which)
        totals = world.ledger.totals()
        assert objects(totals) == Counter(one.condition for one in world.shown.values())
        assert completed(totals) == {outcome: count for outcome, count in world.outcomes.items() if count}
        for node in ("n0", "n1"):
            firsts = [one.created for one in world.waiting(node)]
            expected = min([*firsts, world.carried.get(node, world.now)]) if firsts else None
            found = [one.pending_since for one in totals.nodes if one.node == node]
            assert (found or [None]) == [expected]
    world.list_all()
    assert objects(world.ledger.totals()) == Counter(one.condition for one in world.store.values())
