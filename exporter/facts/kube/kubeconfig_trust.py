"""What a kubeconfig trusts and what its API server served in; whether they fit, and if not what is behind it, out."""

from dataclasses import dataclass
from enum import StrEnum

from exporter.facts.certificate import Certificate
from exporter.reason import Reason

__all__ = ["Cause", "KubeconfigTrust"]


class Cause(StrEnum):
    """The likeliest reason why a served certificate is not trusted."""

    ROTATED = "rotated"
    """A CA of the trusted one's name and of another key signed it, for this very server name."""
    ANOTHER_CLUSTER = "another_cluster"
    """The same, and it is for other names only."""
    INTERCEPTED = "intercepted"
    """Its issuer has never been the cluster's: something between opens TLS, or another server answers."""
    DATES = "dates"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class KubeconfigTrust:
    """One context of a kubeconfig beside what its server showed."""

    context: str
    server: str
    """The URL, without a password."""
    server_name: str
    """The name that the served certificate is to be for."""
    tls: bool = True
    """Whether the server is an https:// one."""
    insecure: bool = False
    """Whether nothing is verified."""
    through: str = ""
    """The proxy that leads there."""
    authorities: tuple[Certificate, ...] | None = None
    """None: those of the system."""
    client: tuple[Certificate, ...] = ()
    chain: tuple[Certificate, ...] = ()
    """What was served, the leaf first; empty where nothing was seen."""
    untrusted: Reason | None = None
    """Why the chain does not verify."""

    @property
    def issuers(self) -> tuple[str, ...]:
        """Who issued what was served, up to the last name that it leads to."""
        names = dict.fromkeys(one.issuer for one in self.chain if one.issuer)
        return tuple(names)

    @property
    def served_names(self) -> tuple[str, ...]:
        """The names that the leaf is for."""
        made_for = self.chain[0].purpose if self.chain else None
        return (*made_for.dns_names, *made_for.addresses) if made_for else ()

    @property
    def cause(self) -> Cause | None:
        """What is likely to be behind it; None where it is trusted, or nothing was seen."""
        if self.untrusted is None or not self.chain:
            return None
        if self.untrusted is Reason.CERTIFICATE_EXPIRED:
            return Cause.DATES
        if self.untrusted is Reason.CERTIFICATE_HOSTNAME:
            return Cause.NAME
        # AKS names every cluster's CA alike, and a rotated one like the former.
        trusted = {one.subject for one in self.authorities or ()}
        if trusted.isdisjoint(self.issuers):
            return Cause.INTERCEPTED
        return Cause.ROTATED if _fits(self.server_name, self.served_names) else Cause.ANOTHER_CLUSTER


def _fits(host: str, names: tuple[str, ...]) -> bool:
    host = host.lower().removesuffix(".")
    _, _, parent = host.partition(".")
    return any(name.lower() in {host, f"*.{parent}"} for name in names)
