"""A certificate's dates and who signs it in, the real certificate out, made when it is first looked at."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from exporter.facts.x509 import Certificate, certificate
from simulation.pki import SERVER, Authority, self_signed_linux, self_signed_windows

__all__ = ["Ca", "Kind", "Leaf"]


class Kind(StrEnum):
    """What a leaf is for, and who made it."""

    CLIENT = "client"
    SERVING = "serving"
    APISERVER = "apiserver"
    ENDPOINT = "endpoint"
    SELF_SIGNED_LINUX = "self_signed_linux"
    SELF_SIGNED_WINDOWS = "self_signed_windows"


@dataclass(frozen=True, slots=True)
class Ca:
    """A cluster CA, `CN=ca` as all of them; the number picks the key."""

    number: int
    not_before: float
    not_after: float

    @property
    def bundle(self) -> tuple[Certificate, ...]:
        """As a file or ConfigMap holds it."""
        return _bundle(self)


@dataclass(frozen=True, slots=True)
class Leaf:
    """One issued certificate."""

    kind: Kind
    name: str
    ca: Ca
    not_before: float
    not_after: float

    @property
    def chain(self) -> tuple[Certificate, ...]:
        """The certificate, and those that are sent along."""
        return _chain(self)

    def at(self, part: float) -> float:
        """Unix seconds at which this part of the lifetime is over."""
        return self.not_before + part * (self.not_after - self.not_before)


@cache
def _authority(ca: Ca) -> Authority:
    return Authority("ca", ca.not_before, ca.not_after, number=ca.number)


@cache
def _bundle(ca: Ca) -> tuple[Certificate, ...]:
    return (_facts(_authority(ca).certificate),)


@cache
def _chain(leaf: Leaf) -> tuple[Certificate, ...]:
    authority, days = _authority(leaf.ca), (leaf.not_after - leaf.not_before) / 86400
    match leaf.kind:
        case Kind.CLIENT:
            made = authority.kubelet_client(leaf.name, leaf.not_before + 300, days=days)
        case Kind.SERVING:
            made = authority.kubelet_serving(leaf.name, leaf.not_before + 300, days=days)
        case Kind.APISERVER:
            made = authority.issue("apiserver", leaf.not_before, leaf.not_after, names=(leaf.name,))
        case Kind.ENDPOINT:
            made = authority.issue(leaf.name, leaf.not_before, leaf.not_after, names=(leaf.name,), usages=(SERVER,))
        case Kind.SELF_SIGNED_LINUX:
            made = self_signed_linux(leaf.name, leaf.not_before)
        case Kind.SELF_SIGNED_WINDOWS:
            made = self_signed_windows(leaf.name, leaf.not_before)
    return tuple(_facts(one) for one in (made.certificate, *made.chain))


def _facts(found: x509.Certificate) -> Certificate:
    return certificate(found.public_bytes(Encoding.DER))
