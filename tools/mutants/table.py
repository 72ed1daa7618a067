"""results.json and equivalents.yaml in, the tables of docs/testing.md out."""

from tools.generated import Generated
from tools.mutants.results import Measured, equivalents, excused, read, unnoticed

__all__ = ["GENERATED"]

GOALS = {"rules": 95, "chart": 100}
"""Percent of those that can be noticed; 95 for the code."""


def _share(caught: int, known: int) -> str:
    return f"{100 * caught / known:.1f} %" if known else "—"


def _row(one: Measured) -> str:
    known = len(set(one.tried) - excused(one.room))
    missed = len(unnoticed(one))
    how = f"all {one.present:,}" if len(one.tried) == one.present else f"{len(one.tried):,} drawn of {one.present:,}"
    goal = GOALS.get(one.room, 95)
    return (
        f"| `{one.room}` | {how} | {len(one.tried) - known} | {known - missed} | {missed} "
        f"| {_share(known - missed, known)} | {goal} % |"
    )


def rates() -> str:
    """One row for each room."""
    head = "| room | tried | equivalent | noticed | not noticed | share of those that can be | goal |"
    return "\n".join([head, "|---" * 7 + "|", *(_row(one) for _, one in sorted(read().items()))])


def shortfalls() -> str:
    """Every fault that was tried and that nothing notices."""
    lines = [f"* `{name.replace('`', chr(39))}`" for _, one in sorted(read().items()) for name in unnoticed(one)]
    return "\n".join(lines) or "None."


def reasons() -> str:
    """The equivalents by reason."""
    rows = [f"| `{one.room}` | {len(one.names)} | {one.reason} |" for one in equivalents()]
    return "\n".join(["| room | faults | why nobody could notice |", "|---|---|---|", *rows])


GENERATED: tuple[Generated, ...] = (
    Generated("docs/testing.md", rates, "rates"),
    Generated("docs/testing.md", reasons, "reasons"),
    Generated("docs/testing.md", shortfalls, "shortfalls"),
)
