"""How far the kernel let a process seal itself."""

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["FilesystemSeal", "NetworkSeal", "Sandbox", "Seccomp"]


class FilesystemSeal(StrEnum):
    """What of the file system is still open to the process."""

    SEALED = "sealed"
    """Only the paths it needs, for reading; nothing can be written, and only the interpreter executed."""
    OPEN = "open"
    """Whatever its user may do."""


class NetworkSeal(StrEnum):
    """What of the network is."""

    TCP = "tcp"
    """TCP only to and on the ports it needs; UDP is not covered by the kernel's means."""
    OPEN = "open"


class Seccomp(StrEnum):
    """The system call filter that whoever started the process gave it (proc(5), Seccomp)."""

    NONE = "none"
    STRICT = "strict"
    FILTER = "filter"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The seal of this process."""

    landlock_abi: int
    """The kernel's version of Landlock (landlock(7)); 0: it has none, or it is switched off."""
    filesystem: FilesystemSeal
    network: NetworkSeal
    seccomp: Seccomp
    detail: str = ""
    """What the kernel could not do or refused, for the log; empty: nothing."""
