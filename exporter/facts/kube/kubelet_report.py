"""What came of asking one kubelet in; what it means for that node's certificates and their rotation out.

The serving certificate was seen on the wire. Of the client certificate the kubelet tells the seconds that are left;
when it began is known where the CSR that issued it was seen. The kubelet's word is about itself: what it says of its
files and of its bootstrapping, only an agent on the node can tell.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from exporter.facts.kube.kubelet_metrics import KubeletConfig, KubeletMetrics
from exporter.facts.path import issued_by
from exporter.facts.rotation import DEADLINE, DUE, RotationFacts, rotation_label
from exporter.facts.signature import signed_by
from exporter.facts.x509 import Certificate
from exporter.reason import (
    Evidence,
    KubeletStatus,
    Origin,
    Role,
    Rotation,
    RotationReason,
    RotationState,
)

__all__ = ["KubeletReport", "ToldCertificate", "Validity", "told_certificates", "told_rotation"]

SAME = 120.0
"""Seconds within which two ends are those of one certificate: a TTL is told in whole seconds, by a clock of its own."""


@dataclass(frozen=True, slots=True)
class Validity:
    """When a certificate begins and ends, in Unix seconds."""

    not_before: float
    not_after: float


@dataclass(frozen=True, slots=True)
class KubeletReport:
    """One kubelet, as it was when it was last asked."""

    node: str
    status: KubeletStatus
    detail: str = ""
    """Why it is not `ok`, in one line without secrets."""
    served: tuple[Certificate, ...] = ()
    """The chain on its port, the leaf first; empty where none was seen."""
    no_certificate: bool = False
    """It ended the handshake because it has no certificate to serve (TLS alert 80, internal error)."""
    metrics: KubeletMetrics | None = None
    config: KubeletConfig | None = None
    client_not_after: float | None = None
    """Unix seconds; None: it has no valid client certificate, or does not tell."""

    @property
    def told(self) -> bool:
        """Whether anything about its certificates was seen."""
        return bool(self.served) or self.no_certificate or self.metrics is not None or self.config is not None


@dataclass(frozen=True, slots=True)
class ToldCertificate:
    """A certificate that a kubelet serves or speaks of."""

    role: Role
    origin: Origin
    rotation: Rotation
    not_after: float
    """Unix seconds."""
    not_before: float | None
    """None: not known."""
    certificate: Certificate | None = None
    """What was seen on the wire; None of what was only told."""
    issued_by_cluster_ca: bool | None = None
    window: tuple[float, float] | None = field(default=None)
    """From when and by when it is rotated, in Unix seconds; None where rotation is not enabled or its start unknown."""


def told_rotation(
    report: KubeletReport, authorities: tuple[Certificate, ...], *, opted_out: bool = False
) -> tuple[RotationFacts, RotationFacts]:
    """The conclusions about the client and the serving certificate. `opted_out`: by the node pool's tag."""
    return _client(report), _serving(report, authorities, opted_out=opted_out)


def _client(report: KubeletReport) -> RotationFacts:
    evidence: dict[Evidence, bool] = {}
    if report.config is not None:
        evidence[Evidence.KUBELET_CONFIGZ] = report.config.client_rotation
    ttl = report.metrics.client_ttl if report.metrics is not None else None
    state, reason = RotationState.UNKNOWN, RotationReason.UNDETERMINED
    if report.config is not None and not report.config.client_rotation:
        state, reason = RotationState.DISABLED, RotationReason.NOT_CONFIGURED
    elif report.config is not None and ttl is not None:
        if math.isinf(ttl) and report.client_not_after is None:
            state, reason = RotationState.WAITING, RotationReason.CERTIFICATE_MISSING
        else:
            state, reason = RotationState.ENABLED, RotationReason.ROTATING
    return RotationFacts(Role.KUBELET_CLIENT, state, reason, evidence)


def _serving(report: KubeletReport, authorities: tuple[Certificate, ...], *, opted_out: bool) -> RotationFacts:
    evidence: dict[Evidence, bool] = {}
    configured = report.config.serving_rotation if report.config is not None else None
    if configured is not None:
        evidence[Evidence.KUBELET_CONFIGZ] = configured
    wire = _wire_word(report.served, authorities)
    if wire is not None:
        evidence[Evidence.WIRE] = wire
    if configured is False or (configured is None and wire is False):
        static = report.config is not None and bool(report.config.tls_cert_file)
        reason = RotationReason.STATIC if static else RotationReason.SELF_SIGNED
        state, reason = RotationState.DISABLED, RotationReason.OPTED_OUT if opted_out else reason
    elif wire:
        state, reason = RotationState.ENABLED, RotationReason.ROTATING
    elif configured and report.no_certificate:
        state, reason = RotationState.WAITING, RotationReason.CERTIFICATE_MISSING
    else:
        state, reason = RotationState.UNKNOWN, RotationReason.UNDETERMINED
    return RotationFacts(Role.KUBELET_SERVING, state, reason, evidence)


def _wire_word(served: tuple[Certificate, ...], authorities: tuple[Certificate, ...]) -> bool | None:
    """1 for a certificate of the cluster CA, 0 for one that the kubelet signed itself, else no word."""
    if not served or not authorities:
        return None
    if issued_by(served[0], served, authorities):
        return True
    signers = [one for one in served if one.self_issued and one not in authorities]
    return False if any(signed_by(served[0], one) for one in signers) else None


def told_certificates(
    report: KubeletReport,
    rotation: tuple[RotationFacts, RotationFacts],
    authorities: tuple[Certificate, ...],
    issued: Mapping[Role, Validity],
) -> tuple[ToldCertificate, ...]:
    """The certificates a kubelet serves and speaks of. `issued`: what its last CSR of each role gave, where seen."""
    client, serving = rotation
    found = []
    if report.client_not_after is not None:
        known = issued.get(Role.KUBELET_CLIENT)
        same = known is not None and abs(known.not_after - report.client_not_after) <= SAME
        not_before = known.not_before if known is not None and same else None
        found.append(
            ToldCertificate(
                Role.KUBELET_CLIENT,
                Origin.KUBELET,
                rotation_label(client.state),
                known.not_after if known is not None and same else report.client_not_after,
                not_before,
                window=_window(client, not_before, report.client_not_after),
            )
        )
    if report.served:
        leaf = report.served[0]
        found.append(
            ToldCertificate(
                Role.KUBELET_SERVING,
                Origin.WIRE,
                rotation_label(serving.state),
                leaf.not_after,
                leaf.not_before,
                leaf,
                issued_by(leaf, report.served, authorities) if authorities else None,
                _window(serving, leaf.not_before, leaf.not_after),
            )
        )
    return tuple(found)


def _window(rotation: RotationFacts, not_before: float | None, not_after: float) -> tuple[float, float] | None:
    if rotation.state is not RotationState.ENABLED or not_before is None:
        return None
    lifetime = not_after - not_before
    return not_before + DUE * lifetime, not_before + DEADLINE * lifetime
