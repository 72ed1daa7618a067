"""A simulated fleet in, the Kubernetes objects that the cluster's API server has of it out."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping

from simulation.api.objects import (
    NO_KUBELET,
    CsrOrder,
    api_service,
    authentication_config,
    csr_object,
    lease,
    namespace,
    node_object,
    root_ca_config,
    webhooks,
)
from simulation.api.server import Store
from simulation.csr_answer import CLIENT_SIGNER, SERVING_SIGNER, Answer
from simulation.node.build_options import Bootstrap, Client, OperatingSystem
from simulation.node.scenarios import Sent
from simulation.node.simulated_node import SimulatedNode
from simulation.pki import DAY, YEAR, Authority, certificate_request

__all__ = [
    "CLUSTER_AGE",
    "KUBELET_VERSION",
    "LEASES",
    "LEFT_BEHIND",
    "NAMESPACES",
    "OLDER_POOLS",
    "SILENT_APPROVER",
    "SILENT_FOR",
    "csr_name",
    "order",
    "populate",
]

CLUSTER_AGE = 7 * YEAR
NAMESPACES = ("default", "kube-system")
LEASES = ("kube-controller-manager", "kubelet-serving-csr-approver")
SILENT_APPROVER, SILENT_FOR = "kubelet-serving-csr-approver", 16 * 60.0
"""Who gave its last sign of life so many seconds before the beginning."""
LEFT_BEHIND = "windows-gmsa-webhook"
"""The webhook whose caBundle the rotation does not reach."""
KUBELET_VERSION = "v1.33.4"
OLDER_POOLS = {"legacy": "v1.22.6"}


Kubelets = Mapping[str, tuple[str, int]]
"""Where the kubelet of a node listens, by the node's name."""


def populate(
    store: Store,
    nodes: Iterable[SimulatedNode],
    now: float,
    authority: Authority,
    former: Authority,
    kubelets: Kubelets,
) -> None:
    """Put everything there as it is right before the cluster CA `former` gives way to `authority`.

    One webhook will be left behind with only the former CA; the others hold the new one already.
    """
    nodes = tuple(nodes)
    store.put_all("nodes", (_node(node, now, kubelets) for node in nodes if node.scenario.joined))
    store.put_all("certificatesigningrequests", (one for node in nodes for one in _requests(node, now, authority)))
    for name in NAMESPACES:
        store.put("namespaces", namespace(name, now - CLUSTER_AGE))
        store.put("configmaps", root_ca_config(name, former.pem))
    silent = {SILENT_APPROVER: SILENT_FOR}
    store.put_all("leases", [lease(name, now - silent.get(name, 0.0)) for name in LEASES])
    requestheader = Authority("aggregator-ca", now - 2 * YEAR, now + 8 * YEAR, number=2)
    store.put("configmaps", authentication_config(authority.pem, requestheader.pem))
    store.put("validatingwebhookconfigurations", webhooks("aks-node-validating-webhook", authority.pem))
    store.put("mutatingwebhookconfigurations", webhooks(LEFT_BEHIND, former.pem))
    store.put("apiservices", api_service("apps", "v1"))
    store.put("apiservices", api_service("metrics.k8s.io", "v1beta1", authority.pem))


def _node(node: SimulatedNode, now: float, kubelets: Kubelets) -> dict[str, object]:
    scenario = node.scenario
    return node_object(
        node.name,
        node.labels,
        now - scenario.options.age_days * DAY,
        ready=scenario.ready,
        windows=scenario.options.system is OperatingSystem.WINDOWS,
        version=OLDER_POOLS.get(scenario.pool, KUBELET_VERSION),
        kubelet=kubelets.get(node.name, NO_KUBELET),
    )


def _requests(node: SimulatedNode, now: float, authority: Authority) -> Iterator[dict[str, object]]:
    for number, sent in enumerate(node.scenario.requests):
        placed = order(node, sent, csr_name(node.name, sent.signer_name, number), now)
        names = (node.name, "10.224.0.4") if sent.signer_name == SERVING_SIGNER else ()
        certificate = b""
        if sent.answer is Answer.ISSUED:
            issue = authority.kubelet_serving if sent.signer_name == SERVING_SIGNER else authority.kubelet_client
            certificate = issue(node.name, placed.created).certificate_pem
        yield csr_object(placed, certificate_request(node.name, names=names), certificate)


def csr_name(*parts: object) -> str:
    """A name as the API server generates it, the same for the same parts."""
    return f"csr-{hashlib.sha256(repr(parts).encode()).hexdigest()[:5]}"


def order(node: SimulatedNode, sent: Sent, name: str, now: float) -> CsrOrder:
    """The request with the user that sends it: the node itself once it has a client certificate."""
    first = sent.signer_name == CLIENT_SIGNER and node.scenario.options.client is Client.PENDING
    username = f"system:node:{node.name}"
    if first:
        secure = node.scenario.options.bootstrap is Bootstrap.SECURE_TLS
        username = "aksService" if secure else "system:bootstrap:abc123"
    return CsrOrder(
        name=name,
        node=node.name,
        signer_name=sent.signer_name,
        username=username,
        created=now - 60 * sent.minutes_ago,
        answer=sent.answer,
    )
