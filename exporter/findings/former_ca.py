"""A CA bundle and the use of its members in; the ended ones that nothing needs out, as information."""

from collections.abc import Iterator

from exporter.facts.ca_use import CaUse
from exporter.findings import Finding, Severity, Step, Subject
from exporter.findings.formatting import ends
from exporter.reason import Role

__all__ = ["former_members"]


def former_members(
    use: CaUse | None,
    subject: Subject,
    now: float,
    *,
    where: str = "the bundle",
    node: str = "",
    role: Role | None = None,
) -> Iterator[Finding]:
    """One finding for each member that has ended and signed nothing in use: it may be removed, and nothing breaks."""
    for one in use.superfluous(now) if use else ():
        yield Finding(
            Severity.INFO,
            subject,
            f"A former CA in {where} {ends(one.not_after, now)}.",
            (Step("It may be removed: it signed nothing that is in use."),),
            why=f"Its serial number is {one.serial_number}.",
            node=node,
            role=role,
            until=one.not_after,
        )
