"""Facts of a large cluster in which some nodes are broken, the same for the same figures."""

from collections.abc import Iterator

from exporter.facts.cluster import ClusterFacts, Endpoint
from exporter.facts.kube.ca_bundle import CaBundle
from exporter.facts.kube.csr import CLIENT_SIGNER, SERVING_SIGNER
from exporter.facts.kube.csr_ledger import CsrTotals
from exporter.facts.kube.endpoint import ServedEndpoint
from exporter.facts.kube.endpoint_target import EndpointTarget
from exporter.facts.kube.node import Node
from exporter.facts.kube.node_requests import NodeRequests, Rejected
from exporter.facts.source import Failure
from exporter.facts.x509 import Certificate, certificates
from exporter.reason import (
    Ca,
    CsrCondition,
    CsrOutcome,
    FailurePolicy,
    Lease,
    Reason,
    Requestor,
    Rotation,
)
from simulation.pki import DAY, YEAR, Authority
from tests.pages.example import CA, NOW

HOUR = 3600.0

AGGREGATOR = Authority("aggregator-ca", NOW - 2 * YEAR, NOW + 8 * YEAR, number=2)
FORMER = Authority.cluster(NOW - 9 * YEAR, number=1)


def fleet(count: int, pools: int = 8, *, broken: bool = False) -> ClusterFacts:
    """So many nodes in so many pools; the last pool has no serving rotation. `broken`: nothing at all is ok."""
    nodes = tuple(_node(number, pools, broken) for number in range(count))
    requests = [one for number, node in enumerate(nodes) for one in _requests(number, node.name, broken)]
    return ClusterFacts(
        csrs=CsrTotals(
            objects={(CLIENT_SIGNER, Requestor.NODE, condition): len(nodes) // 20 for condition in CsrCondition},
            completed={},
            durations={},
            nodes=tuple(requests),
        ),
        nodes=nodes,
        endpoints=(
            Endpoint("aks.example:443", certificates(CA.apiserver(["aks"], NOW - 100 * DAY).certificate_pem)[0], True),
        ),
        cas={Ca.CLUSTER: certificates(CA.pem), Ca.CLIENT: certificates(CA.pem), Ca.REQUESTHEADER: _read(AGGREGATOR)},
        bundles=(
            CaBundle("APIService", "v1beta1.metrics.k8s.io", certificates(CA.pem)),
            CaBundle("MutatingWebhookConfiguration", "windows-gmsa-webhook", _read(FORMER)),
        ),
        served=tuple(_served(broken)),
        former_cas=frozenset({_read(FORMER)[0].public_key_sha256}),
        leases={Lease.KUBE_CONTROLLER_MANAGER: NOW - 3, Lease.KUBELET_SERVING_CSR_APPROVER: NOW - 5},
        created=NOW - 2 * YEAR,
    )


def _served(broken: bool) -> Iterator[ServedEndpoint]:
    """One that is ok, or one of each kind and owner of trouble."""
    found = certificates(AGGREGATOR.issue("m", NOW - 80 * DAY, NOW + (2 if broken else 200) * DAY).certificate_pem)[0]
    kinds = ("APIService", "CustomResourceDefinition", "ValidatingWebhookConfiguration")
    untrusted = (Reason.CERTIFICATE_UNTRUSTED, Reason.CERTIFICATE_HOSTNAME, Reason.CERTIFICATE_EXPIRED)
    services = (("kube-system", "metrics-server"), ("security", "policy"), None)
    if not broken:
        target = EndpointTarget(kinds[0], "v1beta1.metrics.k8s.io", "metrics-server.kube-system.svc", 443, services[0])
        yield ServedEndpoint(target, found, True)
        return
    policies = (FailurePolicy.NONE, FailurePolicy.NONE, FailurePolicy.FAIL)
    for kind, reason, service, policy in zip(kinds, untrusted, services, policies, strict=True):
        target = EndpointTarget(kind, "one", "policy.security.svc", 443, service, policy)
        yield ServedEndpoint(target, found, False, reason)
    for way in (Reason.DNS, Reason.REFUSED):
        target = EndpointTarget(kinds[2], f"{way}-one", "policy.security.svc", 443, services[1], FailurePolicy.IGNORE)
        yield ServedEndpoint(target, failure=Failure(way, "some words"), silent_since=NOW - 600)


def _read(authority: Authority) -> tuple[Certificate, ...]:
    return certificates(authority.pem)


def _node(number: int, pools: int, broken: bool) -> Node:
    place = number % pools
    old = broken or place == pools - 1
    return Node(
        name=f"aks-pool{place}-26535897-vmss{number // pools:06x}",
        agentpool=f"pool{place}",
        kubelet_version="v1.33.4",
        node_image_version=f"AKSUbuntu-2204gen2containerd-{'202411.12.0' if old else '202607.13.0'}",
        os="linux",
        os_sku="Ubuntu",
        kubelet_serving_ca="" if old else "cluster",
        serving_rotation=Rotation.DISABLED if old else Rotation.ENABLED,
        created=NOW - 40 * DAY,
        ready=not broken and number % 97 != 5,
        provider_id="",
        node_resource_group="MC_contoso_aks1_westeurope",
    )


def _requests(number: int, node: str, broken: bool) -> list[NodeRequests]:
    name = f"csr-{number:05x}"
    if broken:
        signers = (CLIENT_SIGNER, SERVING_SIGNER)
        return [NodeRequests(node, one, NOW - DAY - number, name, pending_objects=90) for one in signers]
    if number % 211 == 3:
        return [NodeRequests(node, SERVING_SIGNER, NOW - 7 * HOUR - number, name, pending_objects=28)]
    if number % 61 == 7:
        return [NodeRequests(node, CLIENT_SIGNER, NOW - HOUR - number, name, pending_objects=4)]
    if number % 173 == 11:
        words = "AutoDenied: the node's address is not one that Azure knows"
        return [NodeRequests(node, SERVING_SIGNER, rejected=Rejected(name, CsrOutcome.DENIED, NOW - 900, words))]
    return []
