"""What is told of one file."""

from dataclasses import dataclass

from exporter.reason import FileStatus, Role

__all__ = ["FileFacts"]


@dataclass(frozen=True, slots=True)
class FileFacts:
    """One file the agent is to look at."""

    role: Role
    path: str
    status: FileStatus
    detail: str = ""
    """One line for a person; empty where the status says it all."""
