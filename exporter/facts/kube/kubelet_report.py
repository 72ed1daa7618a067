"""What came of asking one kubelet: what it serves, what it says of its certificates, or why it did not answer."""

import math
from dataclasses import dataclass, replace

from exporter.facts.certificate import Certificate
from exporter.facts.kube.kubelet_metrics import KubeletConfig, KubeletMetrics
from exporter.reason import KubeletStatus, Role

__all__ = ["SAME", "KubeletReport", "followed", "with_metrics"]

SAME = 120.0
"""Seconds within which two ends are those of one certificate: a TTL is told in whole seconds, by a clock of its own."""
LAST = 253402300799.0
"""Unix seconds of 99991231235959Z, X.509's last moment (RFC 5280 §4.1.2.5): what is said to end later is not told."""


@dataclass(frozen=True, slots=True)
class KubeletReport:
    """One kubelet, as it was when it was last asked. Two looks at an unchanged kubelet are equal once `followed`."""

    node: str
    status: KubeletStatus
    detail: str = ""
    """Why it is not `ok`, in one line without secrets."""
    served: tuple[Certificate, ...] = ()
    """The chain on its port, the leaf first; empty where none was seen."""
    no_certificate: bool = False
    """It ended the handshake because it has no certificate to serve (TLS alert 80, internal error)."""
    config: KubeletConfig | None = None
    client_certificate: bool | None = None
    """Whether it has a valid client certificate; None: it does not tell."""
    client_not_after: float | None = None
    """Unix seconds at which that one ends."""
    renew_errors: tuple[tuple[Role, float], ...] = ()
    """Failed renewals since the kubelet's start, by role."""

    @property
    def told(self) -> bool:
        """Whether anything about its certificates was seen or told when it was last asked."""
        return (
            bool(self.served) or self.no_certificate or self.config is not None or self.client_certificate is not None
        )


def with_metrics(report: KubeletReport, metrics: KubeletMetrics, now: float) -> KubeletReport:
    """The report with what the metrics say. `now`: Unix seconds by the kubelet's own clock, which its TTL counts by."""
    ttl = metrics.client_ttl
    valid = None if ttl is None else math.isfinite(ttl)
    end = float(round(now + ttl)) if ttl is not None and math.isfinite(ttl) else None
    errors = {Role.KUBELET_CLIENT: metrics.client_renew_errors, Role.KUBELET_SERVING: metrics.server_renew_errors}
    return replace(
        report,
        client_certificate=valid,
        client_not_after=end if end is not None and 0 <= end <= LAST else None,
        renew_errors=tuple((role, count) for role, count in errors.items() if count is not None),
    )


def followed(former: KubeletReport | None, report: KubeletReport, now: float) -> KubeletReport:
    """The report of a look at `now`, in Unix seconds, in the light of the one before.

    An end that moved by less than SAME is the same end. A client certificate that was there and is told as gone once
    its end is past has ended (the TTL turns to +Inf then): its end is kept, so that an ended certificate stays one.
    So is that of a kubelet which answered until its certificate ended and tells nothing since: it exits some minutes
    later, again and again (client-go, transport.go). One that fell silent before is a machine that was stopped.
    """
    if former is None or former.client_not_after is None:
        return report
    if report.client_not_after is not None:
        same = abs(report.client_not_after - former.client_not_after) <= SAME
        return replace(report, client_not_after=former.client_not_after) if same else report
    if report.client_certificate is False or (
        report.client_certificate is None and now >= former.client_not_after - SAME
    ):
        return replace(report, client_not_after=former.client_not_after)
    return report
