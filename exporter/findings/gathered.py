"""Findings in, what a person is shown out: where many nodes have the same trouble, one entry that names them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from exporter.findings import Finding, worst_first

__all__ = ["MANY", "Gathered", "gathered"]

MANY = 5
"""Nodes with the same trouble above which they are one entry."""
NAMED = 3
"""Names that are given beside the first."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """One entry: a finding, and the other nodes of which the same is to be said."""

    finding: Finding
    others: tuple[str, ...] = ()

    @property
    def about(self) -> str:
        """Its subject, with how many more there are."""
        more = f" and {len(self.others)} more nodes" if self.others else ""
        return f"{self.finding.subject}{more}"

    @property
    def others_named(self) -> str:
        """A sentence that names some of the others; empty where there are none."""
        if not self.others:
            return ""
        shown = ", ".join(self.others[:NAMED])
        rest = len(self.others) - NAMED
        tail = f" and {rest} more" if rest > 0 else ""
        return f"The same is wrong with {shown}{tail}."


def gathered(findings: Iterable[Finding]) -> tuple[Gathered, ...]:
    """Worst first; of those of one kind, the one that has lasted longest speaks for all."""
    return tuple(_entries(worst_first(tuple(findings))))


def _entries(ordered: tuple[Finding, ...]) -> Iterator[Gathered]:
    alike: dict[tuple[object, ...], list[Finding]] = defaultdict(list)
    for one in ordered:
        if one.node:
            alike[_likeness(one)].append(one)
    for one in ordered:
        those = alike.get(_likeness(one), [])
        if not (one.node and one.alert) or len(those) <= MANY:
            yield Gathered(one)
        elif one is those[0]:
            first, *others = sorted(those, key=_age)
            yield Gathered(first, tuple(other.node for other in others))


def _likeness(one: Finding) -> tuple[object, ...]:
    return one.severity, one.alert, one.role, tuple(step.text for step in one.next)


def _age(one: Finding) -> float:
    return one.since if one.since is not None else float("inf")
