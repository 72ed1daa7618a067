"""What one kubelet told in; what it means for that node's certificates and their rotation out.

The serving certificate was seen on the wire. Of the client certificate the kubelet tells the seconds that are left;
when it began is known where the CSR that issued it was seen. The kubelet's word is about itself: what it says of its
files and of its bootstrapping, only an agent on the node can tell.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from exporter.facts.certificate import Certificate
from exporter.facts.kube.kubelet_report import SAME, KubeletReport
from exporter.facts.path import issued_by
from exporter.facts.rotation import DEADLINE, DUE, RotationFacts, rotation_label
from exporter.facts.signature import signed_by
from exporter.facts.usability import Usability, usability
from exporter.reason import Evidence, Origin, Role, Rotation, RotationReason, RotationState

__all__ = ["NodeView", "ToldCertificate", "Validity", "node_view"]

Bundle = tuple[Certificate, ...]


@dataclass(frozen=True, slots=True)
class Validity:
    """When a certificate begins and ends, in Unix seconds."""

    not_before: float
    not_after: float


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
    usability: Usability | None = None
    """None: it was not seen."""
    window: tuple[float, float] | None = None
    """From when and by when it is rotated, in Unix seconds; None where rotation is not enabled or its start unknown."""
    alike: float | None = None
    """Seconds that the node's rotated serving certificate lives, of a client certificate whose beginning is not known:
    one signer makes both for the same time (kube-controller-manager, --cluster-signing-duration)."""


@dataclass(frozen=True, slots=True)
class NodeView:
    """A node as its kubelet shows it: the facts that a node agent would tell, as far as they can be had from afar."""

    report: KubeletReport
    certificates: tuple[ToldCertificate, ...]
    rotation: tuple[RotationFacts, RotationFacts]
    """Of the client and of the serving certificate."""

    @property
    def node(self) -> str:
        """Its name."""
        return self.report.node

    @property
    def client_known(self) -> bool:
        """Whether it is known when the client certificate ends, that there is none, or that nothing renews it."""
        told = any(one.role is Role.KUBELET_CLIENT for one in self.certificates)
        return told or self.rotation[0].state is not RotationState.UNKNOWN


def node_view(
    report: KubeletReport,
    authorities: Bundle,
    issued: Mapping[Role, Validity],
    *,
    addresses: tuple[str, ...] = (),
    opted_out: bool = False,
    labelled: bool = False,
) -> NodeView:
    """The view. `authorities`: the cluster's CAs; `issued`: what the node's last CSR of each role gave, where seen;
    `addresses`: the node's own; `opted_out`: by the node pool's tag; `labelled`: AKS labels the node as one whose
    serving certificate is rotated, which counts where the kubelet itself cannot be asked.
    """
    client, serving = _client(report), _serving(report, authorities, opted_out=opted_out, labelled=labelled)
    found = []
    if report.client_not_after is not None:
        validity = issued.get(Role.KUBELET_CLIENT)
        if validity is not None and abs(validity.not_after - report.client_not_after) > SAME:
            validity = None
        found.append(
            ToldCertificate(
                Role.KUBELET_CLIENT,
                Origin.KUBELET,
                rotation_label(client.state),
                validity.not_after if validity else report.client_not_after,
                validity.not_before if validity else None,
                window=_window(client, validity),
                alike=_alike(report, serving) if validity is None else None,
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
                _issued_by(report.served, authorities) if authorities else None,
                usability(Role.KUBELET_SERVING, leaf, report.node, addresses=addresses, authorities=authorities),
                _window(serving, Validity(leaf.not_before, leaf.not_after)),
            )
        )
    return NodeView(report, tuple(found), (client, serving))


def _alike(report: KubeletReport, serving: RotationFacts) -> float | None:
    return report.served[0].lifetime if serving.state is RotationState.ENABLED else None


def _client(report: KubeletReport) -> RotationFacts:
    configured = report.config.client_rotation if report.config is not None else None
    evidence = {} if configured is None else {Evidence.KUBELET_CONFIGZ: configured}
    state, reason = RotationState.UNKNOWN, RotationReason.UNDETERMINED
    if configured is False:
        state, reason = RotationState.DISABLED, RotationReason.NOT_CONFIGURED
    elif configured and report.client_not_after is not None:
        state, reason = RotationState.ENABLED, RotationReason.ROTATING
    elif configured and report.client_certificate is False:
        state, reason = RotationState.WAITING, RotationReason.CERTIFICATE_MISSING
    return RotationFacts(Role.KUBELET_CLIENT, state, reason, evidence)


def _serving(report: KubeletReport, authorities: Bundle, *, opted_out: bool, labelled: bool) -> RotationFacts:
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
    elif report.served and labelled and configured is None:
        # Neither the cluster's nor its own: what it was given instead is not fit for what AKS says it does.
        state, reason = RotationState.ENABLED, RotationReason.ROTATING
    elif report.no_certificate:
        # Only a kubelet that asks the cluster for its serving certificate can be without one.
        state, reason = RotationState.WAITING, RotationReason.CERTIFICATE_MISSING
    else:
        state, reason = RotationState.UNKNOWN, RotationReason.UNDETERMINED
    return RotationFacts(Role.KUBELET_SERVING, state, reason, evidence)


def _wire_word(served: Bundle, authorities: Bundle) -> bool | None:
    """1 for a certificate of the cluster CA, 0 for one that the kubelet signed itself, else no word."""
    if not served or not authorities:
        return None
    if _issued_by(served, authorities):
        return True
    signers = [one for one in served if one.self_issued and one not in authorities]
    return False if any(signed_by(served[0], one) for one in signers) else None


@lru_cache(maxsize=16384)
def _issued_by(served: Bundle, authorities: Bundle) -> bool:
    """`issued_by`, once for each chain: a signature costs 0.1 ms, and a fleet may have 5,000."""
    return issued_by(served[0], served, authorities)


def _window(rotation: RotationFacts, validity: Validity | None) -> tuple[float, float] | None:
    if rotation.state is not RotationState.ENABLED or validity is None:
        return None
    lifetime = validity.not_after - validity.not_before
    return validity.not_before + DUE * lifetime, validity.not_before + DEADLINE * lifetime
