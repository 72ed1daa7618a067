"""A CA bundle and the certificates in use in; which members signed them, and whose dates count, out."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from exporter.facts.certificate import Certificate, ends_first, ends_last
from exporter.facts.path import signers_in_use

__all__ = ["CaUse", "MemberUse", "ca_use"]


class MemberUse(StrEnum):
    """Whether a member of a CA bundle signed what is in use."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"
    """Nothing that any member signed has been seen."""


@dataclass(frozen=True, slots=True)
class CaUse:
    """A bundle, which is not empty, and its members in use."""

    bundle: tuple[Certificate, ...]
    signers: tuple[Certificate, ...]
    """The members that signed what is in use; empty: not known."""

    @property
    def counts(self) -> Certificate:
        """The member whose end matters: of those in use the first to end; where none is known, the last of all."""
        return ends_first(self.signers) if self.signers else ends_last(self.bundle)

    def of(self, member: Certificate) -> MemberUse:
        """The word for one member."""
        if not self.signers:
            return MemberUse.UNKNOWN
        return MemberUse.YES if member in self.signers else MemberUse.NO

    def superfluous(self, now: float) -> tuple[Certificate, ...]:
        """Members that have ended and signed nothing in use: they may be removed, and nobody need hurry."""
        return tuple(one for one in self.bundle if self.of(one) is MemberUse.NO and one.not_after <= now)


def ca_use(
    bundle: tuple[Certificate, ...], leaves: Iterable[Certificate], between: Iterable[Certificate] = ()
) -> CaUse:
    """The use of a bundle's members. `leaves`: certificates in use; `between`: intermediates at hand."""
    return CaUse(bundle, signers_in_use(bundle, leaves, between))
