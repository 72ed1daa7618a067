"""What is known of a cluster at one moment: everything the cluster agent shows, as one value."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from exporter.facts.azure.managed_cluster import AzureFacts
from exporter.facts.azure.serving_rotation import opted_out_nodes
from exporter.facts.ca_use import CaUse, ca_use
from exporter.facts.certificate import Certificate
from exporter.facts.kube.ca_bundle import CaBundle, Holds, holds, outdated
from exporter.facts.kube.certificates_api import Counted
from exporter.facts.kube.csr_ledger import CsrTotals
from exporter.facts.kube.endpoint import ServedEndpoint
from exporter.facts.kube.node import Node
from exporter.facts.kube.node_view import NodeView
from exporter.facts.kube.preflight import Preflight
from exporter.facts.kube.signing import Signing, signing
from exporter.facts.kube.workload import WorkloadUse
from exporter.facts.node_observation import NodeObservation
from exporter.facts.outlook import Outlook, outlooks
from exporter.facts.source import Failure
from exporter.reason import Ca, Evidence, Lease, Reason, Role, Rotation

__all__ = ["ClusterFacts", "Endpoint"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address of the API server, as last seen."""

    address: str
    """HOST:PORT."""
    certificate: Certificate | None
    """The leaf it served when it last answered."""
    trusted: bool | None
    """Whether clients in the cluster accept it there; None where that could not be told."""
    untrusted: Reason | None = None
    """Why they do not."""
    failure: Failure | None = None
    """Why it did not answer when it was last asked."""
    between: tuple[Certificate, ...] = ()
    """What it sent behind the leaf."""


@dataclass(frozen=True)  # without slots, for what is derived from the facts and kept with them
class ClusterFacts:
    """The last facts of each source. None or empty: it has given none yet."""

    csrs: CsrTotals | None = None
    nodes: tuple[Node, ...] | None = None
    endpoints: tuple[Endpoint, ...] = ()
    cas: Mapping[Ca, tuple[Certificate, ...]] = field(default_factory=dict)
    former_cas: frozenset[str] = frozenset()
    bundles: tuple[CaBundle, ...] = ()
    leases: Mapping[Lease, float] = field(default_factory=dict)
    """Unix seconds of the last renewal, as believed: never ahead of the later of the two clocks."""
    leases_ahead: Mapping[Lease, float] = field(default_factory=dict)
    """Seconds by which a lease claims to have been renewed ahead of both."""
    created: float | None = None
    """Unix seconds of kube-system's creation."""
    clock_offset: float | None = None
    """Seconds that the API server's clock is ahead of ours."""
    azure: AzureFacts | None = None
    observations: Mapping[str, NodeObservation] | None = None
    """By node; None: neither node agents nor kubelets are asked."""
    served: tuple[ServedEndpoint, ...] | None = None
    """What answers to the API server's calls: webhooks, CRD conversions, aggregated APIs. None: they are not looked
    at."""
    workloads: tuple[WorkloadUse, ...] | None = None
    """Those that read the retired kubelet serving certificate. None: they are not looked at, or not known yet."""

    preflight: tuple[Preflight, ...] | None = None
    """Whether the nodes' next certificate requests would be approved. None: it is not asked, or not known yet."""
    counted: Counted | None = None
    """PodCertificateRequests and ClusterTrustBundles. None: not looked for yet."""

    @property
    def apiserver_rotation(self) -> Rotation:
        """Whether AKS renews the API server's certificate by itself: it does so with Kubernetes RBAC only."""
        if self.azure is None or self.azure.cluster.rbac is None:
            return Rotation.UNKNOWN
        return Rotation.ENABLED if self.azure.cluster.rbac else Rotation.DISABLED

    def ca_use(self, ca: Ca) -> CaUse | None:
        """Which members of a CA's bundle signed what the API servers serve; None where the bundle is not known.

        AKS signs those and the kubelets' client certificates with one CA; what the request-header CA signed is not
        served anywhere.
        """
        bundle = self.cas.get(ca)
        if not bundle:
            return None
        leaves = [] if ca is Ca.REQUESTHEADER else [one.certificate for one in self.endpoints if one.certificate]
        return ca_use(bundle, leaves, (issuer for one in self.endpoints for issuer in one.between))

    def holds(self, bundle: CaBundle, now: float) -> Holds | None:
        """What a caBundle holds; None where it cannot be read, or the cluster's CA is not known."""
        present = self.cas.get(Ca.CLUSTER)
        return holds(bundle, present, self.former_cas, now) if present and bundle.certificates else None

    def views(self) -> Iterator[NodeView]:
        """What the kubelets told of the nodes without a node agent's word: one voice for each node."""
        for one in (self.observations or {}).values():
            if one.view is not None and one.document is None:
                yield one.view

    def evidence(self) -> Iterator[tuple[str, Role, Evidence, bool]]:
        """What places outside the nodes say of a node's rotation: its label, its pool's tag, its kubelet when asked."""
        words = {Rotation.ENABLED: True, Rotation.DISABLED: False}
        for one in self.nodes or ():
            if one.serving_rotation in words:
                yield one.name, Role.KUBELET_SERVING, Evidence.NODE_LABEL, words[one.serving_rotation]
        for name in opted_out_nodes(self.azure.cluster.pools if self.azure else (), self.nodes or ()):
            yield name, Role.KUBELET_SERVING, Evidence.AGENTPOOL_TAG, False
        for name, observed in (self.observations or {}).items():
            for facts in observed.view.rotation if observed.view is not None else ():
                for place, word in facts.evidence.items():
                    # Beside a node agent, which looks at the port itself, only the kubelet's own word is news.
                    if observed.document is None or place is Evidence.KUBELET_CONFIGZ:
                        yield name, facts.role, place, word

    @cached_property
    def signing(self) -> tuple[Signing, ...]:
        """For each signer of kubelet certificates, whether anybody approves and signs."""
        return signing(self.csrs, self.leases)

    @cached_property
    def outlooks(self) -> tuple[Outlook, ...]:
        """What ends and when if they sign no more. Some 10 ms for 5,000 nodes, once for a whole page."""
        return outlooks(self.signing, self.csrs, self.nodes, self.observations or {})

    def outdated(self, bundle: CaBundle) -> bool | None:
        """Whether a bundle holds only cluster CAs of the past; None while the present one is not known."""
        present = self.cas.get(Ca.CLUSTER)
        return outdated(bundle, present, self.former_cas) if present else None
