"""What parses certificates: one interface for the two ways, in this process and in a sealed child."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from exporter.facts.certificate import Certificate
from exporter.facts.host.read import Parse
from exporter.reason import FileStatus

__all__ = ["Later", "ParserFailure", "Parsing", "in_process"]

T_co = TypeVar("T_co", covariant=True)


class ParserFailure(Exception):
    """Nothing is known of these bytes, since what was to parse them failed: it could not start, died or took too long.

    It is no property of the bytes by itself: they are tried again.
    """

    def __init__(self, status: FileStatus, words: str, certificate: Certificate | None = None) -> None:
        """`certificate`: the one whose signature was to be verified."""
        super().__init__(words)
        self.status, self.certificate = status, certificate


@dataclass(frozen=True, slots=True)
class Later(Generic[T_co]):
    """A parser's value that is still to be asked of another process.

    Files are read under a deadline that is meant for disks; another process has a deadline of its own.
    """

    value: Callable[[], T_co]
    """Raises what a parser raises, and ParserFailure."""


class Parsing(Protocol):
    """How an agent parses certificates. Thread-safe."""

    @property
    def certificate_file(self) -> Parse[object]:
        """A leaf's file to CertificateFile, or Later with one: see `x509.certificate_file`. Always the same object."""
        ...

    @property
    def authority_file(self) -> Parse[object]:
        """A CA bundle likewise: see `x509.authority_file`."""
        ...

    @property
    def kubeconfig(self) -> Parse[object]:
        """A kubeconfig to HostKubeconfig, or Later with one."""
        ...

    def served_chain(self, chain: Sequence[bytes]) -> tuple[Certificate, ...]:
        """See `x509.served_chain`. Raises CertificateError and ParserFailure."""
        ...

    def signed_by(self, child: Certificate, authority: Certificate) -> bool:
        """See `signature.signed_by`. Raises ParserFailure."""
        ...


def in_process() -> Parsing:
    """Parses in this process; what that takes is imported only here."""
    from exporter.sources.parsing.in_process import InProcess

    return InProcess()
