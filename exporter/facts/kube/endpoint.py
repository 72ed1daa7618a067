"""What came of a look at what the API server calls: its certificate, whether it is accepted, or why it is unseen."""

from dataclasses import dataclass, replace

from exporter.facts.certificate import Certificate
from exporter.facts.chain import distrust
from exporter.facts.kube.endpoint_target import EndpointTarget
from exporter.facts.source import Failure
from exporter.reason import EndpointStatus, Reason

__all__ = ["ServedEndpoint", "against", "followed"]

KEPT = 3600.0
"""Seconds for which what was last seen counts while an endpoint does not answer: it may have been renewed since."""


_STATUS = {
    Reason.TIMEOUT: EndpointStatus.TIMEOUT,
    Reason.UNREACHABLE: EndpointStatus.UNREACHABLE,
    Reason.DNS: EndpointStatus.UNRESOLVED,
    Reason.REFUSED: EndpointStatus.REFUSED,
    Reason.RESET: EndpointStatus.TLS_ERROR,
    Reason.TLS_ALERT: EndpointStatus.TLS_ERROR,
    Reason.TLS_PROTOCOL: EndpointStatus.TLS_ERROR,
    Reason.CERTIFICATE_MALFORMED: EndpointStatus.TLS_ERROR,
    Reason.NO_CERTIFICATE: EndpointStatus.TLS_ERROR,
}


@dataclass(frozen=True, slots=True)
class ServedEndpoint:
    """One endpoint, as it was when it was last looked at."""

    target: EndpointTarget
    certificate: Certificate | None = None
    """The leaf that was last seen, for an hour after it was."""
    trusted: bool | None = None
    """Whether the API server accepts it; None: it does not verify it, or that could not be told."""
    untrusted: Reason | None = None
    """Why it does not."""
    failure: Failure | None = None
    """Why the last look brought nothing."""
    silent_since: float | None = None
    """Unix seconds of the first look that brought nothing, of those since one that did."""

    @property
    def status(self) -> EndpointStatus:
        """In one word."""
        return _STATUS.get(self.failure.reason, EndpointStatus.ERROR) if self.failure else EndpointStatus.OK


def against(
    target: EndpointTarget, chain: tuple[Certificate, ...], roots: tuple[Certificate, ...] | None, now: float
) -> tuple[bool | None, Reason | None]:
    """Whether the API server accepts the chain, and why not. `roots`: those of a host, None where they are not known.

    The API server's host is not ours: where an object has no caBundle the answer is for a host with our roots.
    """
    unknown = not target.verified
    for trust in target.trusts:
        authorities = roots if trust is None else trust
        if authorities is None:
            unknown = True
        elif (reason := distrust(chain, authorities, target.host, now)) is not None:
            return False, reason
    return (None if unknown else True), None


def followed(former: ServedEndpoint | None, look: ServedEndpoint, now: float) -> ServedEndpoint:
    """The look in the light of the one before: one that brought nothing leaves what was known, for KEPT seconds."""
    if look.failure is None or former is None:
        return look if look.failure is None else replace(look, silent_since=now)
    since = now if former.silent_since is None else former.silent_since
    if now - since > KEPT or former.target != look.target:
        return replace(look, silent_since=since)
    return replace(former, failure=look.failure, silent_since=since)
