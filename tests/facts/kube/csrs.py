"""Certificate signing requests and readings of the ledger, for its tests."""

from collections import Counter
from dataclasses import replace

from exporter.facts.kube.csr import SERVING_SIGNER, Csr
from exporter.facts.kube.csr_ledger import CsrLedger, CsrTotals
from exporter.reason import CsrCondition, CsrOutcome, Requestor

T0 = 1_800_000_000.0
NODE = "aks-nodepool1-12345678-vmss000000"
PENDING, APPROVED, ISSUED, DENIED, FAILED = CsrCondition
HOUR, DAY = 3600.0, 86400.0


def request(uid: str, created: float, condition: CsrCondition = PENDING, **changes: object) -> Csr:
    """A renewal of a serving certificate."""
    found = Csr(
        uid=uid,
        name=f"csr-{uid}",
        signer_name=SERVING_SIGNER,
        username=f"system:node:{NODE}",
        requestor=Requestor.NODE,
        node=NODE,
        condition=condition,
        created=created,
    )
    return replace(found, **changes)  # type: ignore[arg-type]


def completed(totals: CsrTotals) -> dict[CsrOutcome, int]:
    """Over all signers and requestors, what is not 0."""
    counts: Counter[CsrOutcome] = Counter()
    for (_, _, outcome), count in totals.completed.items():
        counts[outcome] += count
    return {outcome: count for outcome, count in counts.items() if count}


def objects(totals: CsrTotals) -> dict[CsrCondition, int]:
    """Likewise."""
    counts: Counter[CsrCondition] = Counter()
    for (_, _, condition), count in totals.objects.items():
        counts[condition] += count
    return {condition: count for condition, count in counts.items() if count}


def since(ledger: CsrLedger) -> float | None:
    """When the node began to wait for its serving certificate."""
    for one in ledger.totals().nodes:
        if (one.node, one.signer_name) == (NODE, SERVING_SIGNER):
            return one.pending_since
    return None


def relist(ledger: CsrLedger, now: float, *csrs: Csr) -> None:
    ledger.begin_list()
    for one in csrs:
        ledger.put(one, now)
    ledger.end_list(now)
