"""What happens in the simulated cluster as time goes by: leases, a node's renewals, the control plane's certificate."""

from dataclasses import dataclass, replace

from cryptography.hazmat.primitives.asymmetric import ec

from simulation.api.cluster_objects import LEASES, csr_name
from simulation.api.objects import CsrOrder, csr_object, lease
from simulation.api.server import ApiServer
from simulation.csr_answer import CLIENT_SIGNER, SERVING_SIGNER, Answer
from simulation.node.file_tree import NodeTree
from simulation.node.kubelet import SimulatedKubelet
from simulation.node.linux import PKI
from simulation.node.simulated_node import SimulatedNode
from simulation.pki import Authority, certificate_request

__all__ = ["Activity", "RenewingNode"]

# What takes AKS months or years happens here while one looks on.
LEASE_SECONDS = 10.0
RENEWAL_SECONDS = 30.0
ISSUE_SECONDS = 2.0
"""From the request to the certificate."""
CLEANUP_SECONDS = 120.0
"""Answered requests are cleared away after that; kube-controller-manager waits an hour."""
CONTROL_PLANE_SECONDS = 120.0
REFUSAL_SECONDS = 90.0
KEPT = 3
"""Dated files of former certificates that stay. A kubelet never removes one, but it does not make one a minute."""


@dataclass(frozen=True, slots=True)
class _Request:
    """A request under way, with the key that stays on the node."""

    order: CsrOrder
    key: ec.EllipticCurvePrivateKey
    pem: bytes


@dataclass(frozen=True, slots=True)
class RenewingNode:
    """The node whose kubelet renews its certificates meanwhile."""

    node: SimulatedNode
    kubelet: SimulatedKubelet


class Activity:
    """Moves on with every `tick`. Owned by one thread; what it changes may be looked at by any."""

    def __init__(
        self,
        server: ApiServer,
        names: tuple[str, ...],
        lively: RenewingNode,
        authority: Authority,
        now: float,
        *,
        refused: str = "",
    ) -> None:
        """`names`: host names and addresses of the API server. Times in Unix seconds.

        `refused`: a node whose requests for a client certificate are denied again and again.
        """
        self._server, self._names = server, names
        self._lively = lively
        self._authority = authority
        self._round = 0
        self._sent: list[_Request] = []
        self._answered: list[CsrOrder] = []
        self._refused = refused
        self._leased = self._renewed = self._rotated = self._denied = now
        self._renew_leases(now)

    def tick(self, now: float) -> None:
        """Do what is due."""
        if now - self._leased >= LEASE_SECONDS:
            self._renew_leases(now)
        if self._sent and now - self._sent[0].order.created >= ISSUE_SECONDS:
            self._issue(now)
        if now - self._renewed >= RENEWAL_SECONDS:
            self._ask(now)
        if now - self._rotated >= CONTROL_PLANE_SECONDS:
            self._rotated = now
            self._server.rotate(self._authority.apiserver(self._names, now))
        if self._refused and now - self._denied >= REFUSAL_SECONDS:
            self._deny(now)
        while self._answered and now - self._answered[0].created >= CLEANUP_SECONDS:
            self._server.store.delete("certificatesigningrequests", self._answered.pop(0).name)

    def _renew_leases(self, now: float) -> None:
        self._leased = now
        self._server.store.put_all("leases", [lease(name, now) for name in LEASES])

    def _ask(self, now: float) -> None:
        self._renewed = now
        self._round += 1
        node = self._lively.node.name
        for signer in (CLIENT_SIGNER, SERVING_SIGNER):
            order = CsrOrder(
                name=csr_name(node, signer, self._round),
                node=node,
                signer_name=signer,
                username=f"system:node:{node}",
                created=now,
            )
            key = ec.generate_private_key(ec.SECP256R1())
            request = _Request(order, key, certificate_request(node, key, names=_names(order)))
            self._sent.append(request)
            self._server.store.put("certificatesigningrequests", csr_object(order, request.pem))

    def _deny(self, now: float) -> None:
        self._denied = now
        self._round += 1
        order = CsrOrder(
            name=csr_name(self._refused, CLIENT_SIGNER, self._round),
            node=self._refused,
            signer_name=CLIENT_SIGNER,
            username=f"system:node:{self._refused}",
            created=now,
            answer=Answer.DENIED,
        )
        self._answered.append(order)
        self._server.store.put("certificatesigningrequests", csr_object(order, certificate_request(order.node)))

    def _issue(self, now: float) -> None:
        tree, node = NodeTree(self._lively.node.root), self._lively.node.name
        for request in self._sent:
            serving = request.order.signer_name == SERVING_SIGNER
            issue = self._authority.kubelet_serving if serving else self._authority.kubelet_client
            credential = issue(node, now, key=request.key)
            answered = replace(request.order, answer=Answer.ISSUED)
            issued = csr_object(answered, request.pem, credential.certificate_pem)
            self._server.store.put("certificatesigningrequests", issued)
            self._answered.append(answered)
            tree.rotated(PKI, "kubelet-server" if serving else "kubelet-client", credential)
            if serving:
                self._lively.kubelet.swap(credential)
        self._sent.clear()
        for kind in ("kubelet-client", "kubelet-server"):
            for former in sorted(tree.at(PKI).glob(f"{kind}-2*.pem"))[: -KEPT - 1]:
                former.unlink()


def _names(order: CsrOrder) -> tuple[str, ...]:
    return (order.node, "10.224.0.4") if order.signer_name == SERVING_SIGNER else ()
