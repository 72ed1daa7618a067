"""What came of looking at one file: its status and, if it could be read, what it says."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from exporter.reason import FileStatus

__all__ = ["Read"]

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Read(Generic[T_co]):
    """One look at one file."""

    path: str
    """As it was asked for: a path on the host."""
    status: FileStatus
    value: T_co | None = None
    """What the parser made of it, where the status is OK."""
    detail: str = ""
    """One line for a person on what is wrong."""
    target: str = ""
    """Where the path leads when its last part is a link, as written in the link."""
