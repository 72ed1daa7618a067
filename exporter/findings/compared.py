"""What a node tells and what its cluster tells in, where the two do not fit together out.

Each is what a rule finds by joining the series of both agents: no node knows the control plane, and the control plane
does not know what is on a node's disk.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from exporter.facts.ca_use import MemberUse
from exporter.facts.cluster import ClusterFacts
from exporter.facts.kube.node import Node
from exporter.facts.node_observation import NodeObservation
from exporter.findings import Finding, Severity
from exporter.findings.commands import Machine, Place, machine
from exporter.findings.formatting import ends, lasting
from exporter.findings.kubelet_certificate import about, rotation_conflict
from exporter.reason import Ca, Evidence, Role

__all__ = ["compared_findings", "machine_of"]


def machine_of(name: str, node: Node | None, place: Place) -> Machine:
    """The machine of a node, from its Node object where there is one."""
    if node is None:
        return machine(name, place=place)
    windows = node.os.lower() == "windows"
    return machine(name, provider_id=node.provider_id, pool=node.agentpool, windows=windows, place=place)


def compared_findings(cluster: ClusterFacts, machines: Mapping[str, Machine], now: float) -> Iterator[Finding]:
    """The findings, in no order. `machines`: by node; `now` in Unix seconds."""
    places: dict[str, dict[Role, dict[Evidence, bool]]] = defaultdict(lambda: defaultdict(dict))
    for name, role, place, word in cluster.evidence():
        places[name][role][place] = word
    for name, observed in (cluster.observations or {}).items():
        this = machines[name]
        yield from _conflicts(observed, this, places[name])
        yield from _missed(cluster, observed, this, now)
        yield from _other_authority(cluster, observed, this)


def _conflicts(
    observed: NodeObservation, this: Machine, places: Mapping[Role, Mapping[Evidence, bool]]
) -> Iterator[Finding]:
    """Places disagree on a node's rotation; where its agent has found that by itself, it has said so."""
    alert = "AksCertRotationEvidenceConflict"
    if observed.document is not None:
        told = {one.known_role for one in observed.document.findings if one.alert == alert}
        words = {one.role: (one.state, one.evidence) for one in observed.document.rotation}
    elif observed.view is not None and observed.view.report.told:
        told = set()
        words = {one.role: (one.state.value, {}) for one in observed.view.rotation}  # its evidence is in `places`
    else:
        return
    for role in (Role.KUBELET_CLIENT, Role.KUBELET_SERVING):
        state, said = words.get(role, ("", {}))
        own = {Evidence(place): word for place, word in said.items() if place in set(Evidence)}
        if role not in told and (one := rotation_conflict(this, role, {**own, **places.get(role, {})}, state)):
            yield one


def _missed(cluster: ClusterFacts, observed: NodeObservation, this: Machine, now: float) -> Iterator[Finding]:
    """A client certificate past its deadline, although the control plane's was renewed since it fell due."""
    renewed = [one.certificate.not_before for one in cluster.endpoints if one.certificate]
    for due, deadline, end in _windows(observed):
        if renewed and deadline < now and due < max(renewed):
            yield about(
                this,
                Severity.WARNING,
                "AksCertNodePoolMissedRotation",
                "It missed the rotation that the control plane made: its client certificate has been overdue "
                f"{lasting(deadline, now)}{f' and {ends(end, now)}' if end else ''}.",
                this.replace,
                why="The node, or the whole cluster, was stopped while it should have rotated. AKS then rotates only "
                "the control plane, and the nodes must be made anew.",
                role=Role.KUBELET_CLIENT,
                since=deadline,
                until=end,
            )


def _windows(observed: NodeObservation) -> Iterator[tuple[float, float, float | None]]:
    """From when and by when the client certificate is renewed, and its end where that is known. Unix seconds."""
    if observed.document is not None:
        for told in observed.document.rotation:
            if told.role == Role.KUBELET_CLIENT and told.due is not None and told.deadline is not None:
                yield told.due, told.deadline, None
    elif observed.view is not None:
        for one in observed.view.certificates:
            if one.role is Role.KUBELET_CLIENT and one.window is not None:
                yield (*one.window, one.not_after)


def _other_authority(cluster: ClusterFacts, observed: NodeObservation, this: Machine) -> Iterator[Finding]:
    """None of the CAs that the node holds is one that the control plane hands out; while both change, that is right."""
    use = cluster.ca_use(Ca.CLUSTER)
    held = observed.document.authorities if observed.document is not None else frozenset()
    state = cluster.azure.cluster.state if cluster.azure is not None else None
    if use is None or not held or (state is not None and state.certificates_change):
        return
    present = {one.fingerprint_sha256 for one in use.bundle if use.of(one) is not MemberUse.NO}
    if not held & present:
        yield about(
            this,
            Severity.CRITICAL,
            "AksCertClusterCaMismatch",
            "It holds another cluster CA than the control plane.",
            this.replace,
            why="A rotation of the cluster's certificates did not reach it; what it trusts and what it serves are of "
            "another CA.",
            role=Role.CLUSTER_CA,
        )
