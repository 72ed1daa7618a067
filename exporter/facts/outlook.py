"""Nodes, requests and observations in; for each signer, what ends and when if nobody signs any more, out.

Until when a node's certificate lives is the word of its node agent, else of its kubelet, else of the last request of
the node that was signed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from exporter.facts.kube.csr import SIGNER_ROLES
from exporter.facts.kube.csr_ledger import CsrTotals
from exporter.facts.kube.node import Node
from exporter.facts.kube.signing import Signing
from exporter.facts.node_observation import NodeObservation
from exporter.facts.rotation import DEADLINE, DUE
from exporter.reason import Held, Role, RotationState

__all__ = ["HeldCertificate", "Outlook", "outlooks"]


@dataclass(frozen=True, slots=True)
class HeldCertificate:
    """One node's present certificate of a signer. Unix seconds."""

    node: str
    due: float
    """From when the kubelet asks for the next one."""
    not_after: float


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a signer's silence costs, and when."""

    signing: Signing
    certificates: tuple[HeldCertificate, ...]
    """Those that are lost one by one while nobody signs: while requests wait, all that had not ended when that began;
    else those of nodes that are not known to be NotReady."""
    waiting: tuple[tuple[str, Held], ...]
    """The nodes whose requests wait, and whether each has a certificate meanwhile."""

    @property
    def role(self) -> Role:
        """What the signer's certificates are to a node."""
        return SIGNER_ROLES[self.signing.signer_name]

    @property
    def first(self) -> HeldCertificate | None:
        """The one that ends first; None: no end is known."""
        return min(self.certificates, key=lambda one: (one.not_after, one.node), default=None)

    def count(self, held: Held) -> int:
        """How many nodes wait with, or without, a certificate."""
        return sum(one is held for _, one in self.waiting)


def outlooks(
    signers: tuple[Signing, ...],
    csrs: CsrTotals | None,
    nodes: tuple[Node, ...] | None,
    observations: Mapping[str, NodeObservation],
) -> tuple[Outlook, ...]:
    """Of each signer. `csrs` and `nodes` are None before their first list."""
    return tuple(_outlook(one, csrs, nodes, observations) for one in signers)


def _outlook(
    signing: Signing,
    csrs: CsrTotals | None,
    nodes: tuple[Node, ...] | None,
    observations: Mapping[str, NodeObservation],
) -> Outlook:
    there = None if nodes is None else {node.name for node in nodes}
    known = {one.node: one for one in _certificates(signing.signer_name, csrs, there, observations)}
    since = signing.silent_since
    if since is not None:
        lost = [one for one in known.values() if one.not_after > since]
    else:
        away = {node.name for node in nodes or () if node.ready is False}
        lost = [one for one in known.values() if one.node not in away]
    waiting = [(node, _held(node, signing, known, there, observations)) for node in signing.nodes] if since else []
    return Outlook(signing, tuple(lost), tuple(waiting))


def _certificates(
    signer: str, csrs: CsrTotals | None, there: set[str] | None, observations: Mapping[str, NodeObservation]
) -> Iterator[HeldCertificate]:
    """One of each node at most; the later of those of a node takes the place of the former."""
    role = SIGNER_ROLES[signer]
    for one in csrs.nodes if csrs else ():
        certificate = one.issued.certificate if one.issued else None
        if certificate is None or not certificate.not_after or one.signer_name != signer:
            continue
        if there is not None and one.node not in there:
            continue
        lifetime = certificate.not_after - certificate.not_before
        yield HeldCertificate(one.node, certificate.not_before + DUE * lifetime, certificate.not_after)
    for name, observed in observations.items():
        yield from _told(name, observed, role)


def _told(name: str, observed: NodeObservation, role: Role) -> Iterator[HeldCertificate]:
    if observed.document is not None:
        for told in observed.document.rotation:
            if told.role == role and told.due is not None and told.deadline is not None:
                lifetime = (told.deadline - told.due) / (DEADLINE - DUE)
                yield HeldCertificate(name, told.due, told.deadline + (1 - DEADLINE) * lifetime)
    elif observed.view is not None:
        for seen in observed.view.certificates:
            if seen.role is role and seen.window is not None:
                yield HeldCertificate(name, seen.window[0], seen.not_after)


def _held(
    node: str,
    signing: Signing,
    known: dict[str, HeldCertificate],
    there: set[str] | None,
    observations: Mapping[str, NodeObservation],
) -> Held:
    """A node that never had a client certificate has not joined; one without a serving certificate says that it waits
    for it.
    """
    if node in known:
        return Held.CERTIFICATE
    if SIGNER_ROLES[signing.signer_name] is Role.KUBELET_CLIENT:
        return Held.UNKNOWN if there is None else Held.CERTIFICATE if node in there else Held.NONE
    if there is not None and node not in there:
        return Held.NONE
    observed = observations.get(node)
    if observed is not None and observed.document is not None:
        states = [told.state for told in observed.document.rotation if told.role == Role.KUBELET_SERVING]
        return Held.NONE if RotationState.WAITING in states else Held.UNKNOWN
    if observed is not None and observed.view is not None:
        return Held.NONE if observed.view.rotation[1].state is RotationState.WAITING else Held.UNKNOWN
    return Held.UNKNOWN
