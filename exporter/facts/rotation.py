"""Evidence in; out: whether a kubelet certificate is rotated, why, and between which moments the next one is due."""

from collections.abc import Mapping
from dataclasses import dataclass

from exporter.facts.certificate import Certificate
from exporter.reason import Evidence, Role, Rotation, RotationReason, RotationState

__all__ = [
    "DEADLINE",
    "DUE",
    "RotationFacts",
    "client_rotation",
    "deadline",
    "due",
    "rotation_label",
    "serving_rotation",
]

DUE, DEADLINE = 0.7, 0.9
"""A kubelet rotates at a random moment between these parts of a certificate's lifetime (client-go,
util/certificate/certificate_manager.go, nextRotationDeadline)."""

Word = Mapping[Evidence, bool]


@dataclass(frozen=True, slots=True)
class RotationFacts:
    """What follows for one role, and what each place said. A place that does not say is not in `evidence`."""

    role: Role
    state: RotationState
    reason: RotationReason
    evidence: Word


def client_rotation(evidence: Word, *, inline: bool = False, bootstrap_pending: bool = False) -> RotationFacts:
    """Rotation of the kubelet's client certificate.

    `inline`: the kubeconfig holds its certificate itself. `bootstrap_pending`: the key of an unanswered first request
    lies on the disk. Only a kubelet that does not rotate leaves one there while it waits (LoadClientCert in
    pkg/kubelet/certificate/bootstrap/bootstrap.go); with rotateCertificates the key stays in memory until there is a
    certificate, so that beside it such a file is a left-over of another time.
    """
    configuration, kubeconfig, file = (
        evidence.get(place) for place in (Evidence.KUBELET_CONFIG, Evidence.KUBECONFIG, Evidence.FILE)
    )
    if kubeconfig is False:
        state, reason = RotationState.DISABLED, RotationReason.INLINE if inline else RotationReason.STATIC
    elif configuration is False:
        waits = bootstrap_pending and file is False
        state = RotationState.DISABLED
        reason = RotationReason.BOOTSTRAP_PENDING if waits else RotationReason.NOT_CONFIGURED
    elif file:
        state, reason = RotationState.ENABLED, RotationReason.ROTATING
    elif file is False and (configuration or kubeconfig):
        state, reason = RotationState.WAITING, RotationReason.CERTIFICATE_MISSING
    else:
        state, reason = RotationState.UNKNOWN, RotationReason.UNDETERMINED
    return RotationFacts(Role.KUBELET_CLIENT, state, reason, evidence)


def serving_rotation(evidence: Word, *, static: bool, gate_off: bool = False) -> RotationFacts:
    """Rotation of the kubelet's serving certificate.

    `static`: a fixed certificate is configured or, where the configuration cannot be read, lies there. `gate_off`: the
    feature gate RotateKubeletServerCertificate is off. The node pool tag by itself switches nothing off: a node made
    before the tag was set still rotates, and that is a conflict to report.
    """
    configuration, file, wire = (
        evidence.get(place) for place in (Evidence.KUBELET_CONFIG, Evidence.FILE, Evidence.WIRE)
    )
    opted_out = evidence.get(Evidence.PROVISIONING_TAG) is False
    if configuration is False or (configuration is None and file is False and wire is False):
        state = RotationState.DISABLED
        if opted_out:
            reason = RotationReason.OPTED_OUT
        elif gate_off and not static:
            reason = RotationReason.NOT_CONFIGURED
        else:
            reason = RotationReason.STATIC if static else RotationReason.SELF_SIGNED
    elif file and wire is not False:
        state, reason = RotationState.ENABLED, RotationReason.ROTATING
    elif file is False and configuration:
        state, reason = RotationState.WAITING, RotationReason.CERTIFICATE_MISSING
    else:
        state, reason = RotationState.UNKNOWN, RotationReason.UNDETERMINED
    return RotationFacts(Role.KUBELET_SERVING, state, reason, evidence)


def rotation_label(state: RotationState) -> Rotation:
    """The `rotation` label of a kubelet certificate's series. Waiting is not yet a rotation that works."""
    return {RotationState.ENABLED: Rotation.ENABLED, RotationState.DISABLED: Rotation.DISABLED}.get(
        state, Rotation.UNKNOWN
    )


def due(certificate: Certificate) -> float:
    """Unix seconds from which a kubelet may rotate."""
    return certificate.not_before + DUE * certificate.lifetime


def deadline(certificate: Certificate) -> float:
    """Unix seconds by which a kubelet has rotated, if rotation works."""
    return certificate.not_before + DEADLINE * certificate.lifetime
