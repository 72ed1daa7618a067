"""The calls that objects have made in, the CAs that their caBundles hold out, and which hold a CA of the past.

CAs are told apart by their key, for all cluster CAs of AKS are named `CN=ca`, the one before a rotation and the one
after; a CA that was issued again for its key verifies the same certificates.
"""

from dataclasses import dataclass
from enum import StrEnum

from exporter.facts.certificate import Certificate
from exporter.facts.kube.object_calls import BundleContent, ObjectCalls
from exporter.reason import CaBundleStatus

__all__ = ["FORMER_CAP", "CaBundle", "CaHistory", "Holds", "ca_bundle", "holds", "outdated"]

FORMER_CAP = 16
"""Former cluster CAs that are remembered: as many rotations in one life of the agent."""


@dataclass(frozen=True, slots=True)
class CaBundle:
    """The caBundle of one object; of a webhook configuration, those of all its webhooks."""

    kind: str
    """The Kubernetes kind."""
    name: str
    certificates: tuple[Certificate, ...]
    unreadable: str = ""
    """What is wrong with a bundle that cannot be read, in words."""
    status: CaBundleStatus = CaBundleStatus.OK

    @property
    def begins(self) -> float:
        """When the first of its certificates becomes valid, in Unix seconds. Of a bundle that holds one."""
        return min(one.not_before for one in self.certificates)


_ABSENT = BundleContent((), CaBundleStatus.EMPTY, "there is none")
_ORDER = list(CaBundleStatus)


def ca_bundle(found: ObjectCalls) -> CaBundle | None:
    """The bundle of one object; None where it has none and needs none: a local APIService, a Service that is not
    verified, or a URL, where the certificate may be one that everybody trusts.
    """
    contents = [
        call.bundle or _ABSENT
        for call in found.calls
        if call.bundle is not None or (call.service is not None and call.verified)
    ]
    if not contents:
        return None
    worst = max(contents, key=lambda one: _ORDER.index(one.status))
    held = dict.fromkeys(certificate for one in contents for certificate in one.certificates)
    return CaBundle(found.kind, found.name, tuple(held), worst.unreadable, worst.status)


class CaHistory:
    """Remembers which cluster CAs there were. What was before the agent's start, or longer ago than FORMER_CAP, is not
    known to it.
    """

    def __init__(self) -> None:
        self._present: frozenset[str] = frozenset()
        self._former: dict[str, None] = {}

    def observe(self, bundle: tuple[Certificate, ...]) -> None:
        """The bundle of cluster CAs is this one now. An empty one says nothing."""
        if not bundle:
            return
        present = frozenset(_identity(one) for one in bundle)
        for gone in sorted(self._present - present):
            self._former[gone] = None
        for back in present:
            self._former.pop(back, None)
        while len(self._former) > FORMER_CAP:
            del self._former[next(iter(self._former))]
        self._present = present

    @property
    def former(self) -> frozenset[str]:
        """Identities of the CAs that were."""
        return frozenset(self._former)


def outdated(bundle: CaBundle, present: tuple[Certificate, ...], former: frozenset[str]) -> bool:
    """Whether the bundle holds a former cluster CA and not the present one: it verifies nothing any more.

    A rotation makes every node anew, and with them the agent: it rarely remembers what was before. So one that looks
    like the CA before the present one counts as well.
    """
    held = {_identity(one) for one in bundle.certificates}
    if held & {_identity(one) for one in present}:
        return False
    return bool(held & former) or any(_precedes(old, new) for old in bundle.certificates for new in present)


class Holds(StrEnum):
    """What a caBundle is good for."""

    CLUSTER_CA = "cluster_ca"
    FORMER_CA = "former_ca"
    OWN = "own"
    """A CA of the component's own, or of cert-manager's: the cluster's has nothing to do with it."""
    ENDED = "ended"
    """Every certificate in it has ended: it verifies nothing any more."""
    EARLY = "early"
    """No certificate in it is valid yet: a clock was wrong where it was made."""


def holds(bundle: CaBundle, present: tuple[Certificate, ...], former: frozenset[str], now: float) -> Holds:
    """What a readable bundle holds, at `now` in Unix seconds. The cluster's CA beside others is what counts."""
    if outdated(bundle, present, former):
        return Holds.FORMER_CA
    if all(one.not_after <= now for one in bundle.certificates):
        return Holds.ENDED
    if bundle.begins > now:
        return Holds.EARLY
    of_the_cluster = {_identity(one) for one in present}
    return Holds.CLUSTER_CA if any(_identity(one) in of_the_cluster for one in bundle.certificates) else Holds.OWN


def _precedes(old: Certificate, new: Certificate) -> bool:
    """Whether the one looks like what the other replaced: an older CA of its name and, to the second, its lifetime.

    AKS makes all alike, `CN=ca` for 30 years and ten minutes; a CA of a webhook's own shares one of the two at most.
    """
    alike = old.self_issued and old.subject == new.subject and old.lifetime == new.lifetime
    return alike and old.not_before < new.not_before


def _identity(certificate: Certificate) -> str:
    return certificate.public_key_sha256 or certificate.fingerprint_sha256
