"""Names of the flags of open(2) in; those that this system has, together, out."""

import os

__all__ = ["flags"]


def flags(names: str) -> int:
    """What the names come to that have `|` between them. Windows knows few of them: the others are left out there."""
    found = 0
    for name in names.split("|"):
        found |= getattr(os, name, 0)
    return found
