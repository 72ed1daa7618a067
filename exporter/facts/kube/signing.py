"""What is known of requests and leases in; for each signer of kubelet certificates, whether anybody signs, out.

A kubelet's request passes two hands: an approver, and the signer, which is kube-controller-manager for both kinds.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from exporter.facts.kube.csr import CLIENT_SIGNER, SERVING_SIGNER
from exporter.facts.kube.csr_ledger import CsrTotals
from exporter.reason import CsrCondition, Lease, Requestor

__all__ = ["APPROVERS", "Signing", "signing"]

APPROVERS = {
    CLIENT_SIGNER: Lease.KUBE_CONTROLLER_MANAGER,
    SERVING_SIGNER: Lease.KUBELET_SERVING_CSR_APPROVER,
}
"""Whose lease tells that requests are approved (AKS page on certificate rotation; csrapproving controller)."""
PASSED_OVER = 60.0
"""Seconds: a request that had waited longer than that when another one was signed is no proof that nobody signs. A
healthy cluster answers each within a minute."""


@dataclass(frozen=True, slots=True)
class Signing:
    """One signer. Requests of requestor `other` are left out: they are none of a kubelet's, and may wait for ever."""

    signer_name: str
    waiting: int
    """Requests that nobody approved."""
    approved: int
    """Requests that are approved, and nobody signed."""
    waiting_since: float | None
    """Unix seconds of the first request that still waits, by node, and was not passed over; None where there is
    none."""
    last_issued: float | None
    """Unix seconds of the last certificate, of any node; None where none was seen."""
    approver_renewed: float | None
    """Unix seconds at which the approver last renewed its lease; None where there is none."""
    signer_renewed: float | None
    """Likewise the signer's."""
    nodes: tuple[str, ...] = ()
    """The nodes whose requests wait and were not passed over."""

    @property
    def total(self) -> int:
        """Requests without a certificate."""
        return self.waiting + self.approved

    @property
    def silent_since(self) -> float | None:
        """Unix seconds since when requests wait and nobody has signed any; None where nothing waits.

        `now - silent_since` is how long; how long is too long is for the findings to say.
        """
        if not self.total or self.waiting_since is None:
            return None
        return self.waiting_since if self.last_issued is None else max(self.waiting_since, self.last_issued)


def signing(totals: CsrTotals | None, leases: Mapping[Lease, float]) -> tuple[Signing, ...]:
    """Both signers; nothing before the first list of requests."""
    if totals is None:
        return ()
    return tuple(_of(signer, totals, leases) for signer in APPROVERS)


def _of(signer: str, totals: CsrTotals, leases: Mapping[Lease, float]) -> Signing:
    def count(condition: CsrCondition) -> int:
        return sum(
            totals.objects.get((signer, requestor, condition), 0)
            for requestor in Requestor
            if requestor is not Requestor.OTHER
        )

    last = totals.last_issued.get(signer)
    oldest = float("-inf") if last is None else last - PASSED_OVER
    since = {
        one.node: one.pending_since
        for one in totals.nodes
        if one.signer_name == signer and one.pending_since is not None and one.pending_since >= oldest
    }
    return Signing(
        signer_name=signer,
        waiting=count(CsrCondition.PENDING),
        approved=count(CsrCondition.APPROVED),
        waiting_since=min(since.values(), default=None),
        last_issued=last,
        approver_renewed=leases.get(APPROVERS[signer]),
        signer_renewed=leases.get(Lease.KUBE_CONTROLLER_MANAGER),
        nodes=tuple(since),
    )
