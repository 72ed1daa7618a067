"""What is told of one file."""

from dataclasses import dataclass

from exporter.reason import FileRole, FileStatus, Role

__all__ = ["FileFacts"]


@dataclass(frozen=True, slots=True)
class FileFacts:
    """One file the agent is to look at."""

    about: Role
    """The certificate that is in it, or that it says most about."""
    path: str
    status: FileStatus
    detail: str = ""
    """One line for a person; empty where the status says it all."""
    evidence: bool = False
    """Whether it is no certificate, but says something about one."""

    @property
    def role(self) -> FileRole:
        """The label of its series."""
        return FileRole.EVIDENCE if self.evidence else FileRole(self.about.value)
