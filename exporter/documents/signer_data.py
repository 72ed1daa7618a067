"""A signer of kubelet certificates and what its silence costs in, its part of a cluster's /facts out."""

from exporter.facts.outlook import Outlook
from exporter.reason import Held

__all__ = ["signer_data"]


def signer_data(one: Outlook, now: float) -> dict[str, object]:
    """One of them. `now` in Unix seconds."""
    signing, first = one.signing, one.first
    return {
        "signer_name": signing.signer_name,
        "waiting": signing.waiting,
        "approved": signing.approved,
        "silent_since": signing.silent_since,
        "last_issued": signing.last_issued,
        "waiting_nodes": {held.value: one.count(held) for held in Held},
        "due_nodes": sum(each.due <= now < each.not_after for each in one.certificates),
        "first_end": {"node": first.node, "not_after": first.not_after} if first else None,
    }
