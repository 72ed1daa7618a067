"""A cluster's facts in, what comes for it within a year out."""

from collections.abc import Iterator

from exporter.facts.certificate import ends_last
from exporter.facts.cluster import ClusterFacts
from exporter.facts.node_observation import NodeObservation
from exporter.findings.timeline import Event, node_rotations, retirement
from exporter.findings.wording import CA_WORDS, ROLE_WORDS
from exporter.reason import Ca, Role, Rotation

__all__ = ["cluster_events"]

_RENEWAL = {
    Rotation.ENABLED: "AKS renews it before",
    Rotation.DISABLED: "nothing renews it",
}


def cluster_events(cluster: ClusterFacts, now: float) -> Iterator[Event]:
    """Control plane, nodes and AKS's own dates; unordered, past ones too. `now` in Unix seconds."""
    for one in cluster.endpoints:
        if one.certificate is not None:
            rotation = cluster.apiserver_rotation
            renewal = _RENEWAL.get(rotation, "whether AKS renews it is unknown")
            what = f"The API server's certificate ends; {renewal}"
            yield Event(one.certificate.not_after, what, one.address, rotation is not Rotation.ENABLED)
    same = cluster.cas.get(Ca.CLIENT) == cluster.cas.get(Ca.CLUSTER)
    for ca in cluster.cas:
        use = cluster.ca_use(ca)
        if use is not None and not (ca is Ca.CLIENT and same):
            what = f"The {CA_WORDS[ca]} ends; only a rotation of all certificates renews it"
            yield Event(use.counts.not_after, what, ca.value, True)
    for held in cluster.bundles:
        if held.certificates:
            end = ends_last(held.certificates).not_after
            yield Event(end, "The last CA of its caBundle ends", f"{held.kind} {held.name}", True)
    for served in cluster.served or ():
        if served.certificate is not None and served.target.verified:
            what = "The certificate that it serves to the API server ends, unless its owner renews it"
            yield Event(served.certificate.not_after, what, f"{served.target.kind} {served.target.name}", False)
    yield from _nodes(cluster, now)
    for outlook in cluster.outlooks:
        if outlook.signing.silent_since is not None and (first := outlook.first) is not None:
            what = f"The first {ROLE_WORDS[outlook.role]} ends, if nobody signs until then"
            yield Event(first.not_after, what, first.node, True)
    off = [node.name for node in cluster.nodes or () if node.serving_rotation is Rotation.DISABLED]
    if off:
        yield retirement(off[0] if len(off) == 1 else f"{len(off):,} nodes")


def _nodes(cluster: ClusterFacts, now: float) -> Iterator[Event]:
    windows = []
    for name, observed in (cluster.observations or {}).items():
        windows += [window for window in _windows(name, observed) if window[3] >= now]
        if observed.document is None and observed.view is not None:
            for told in observed.view.certificates:
                if told.rotation is Rotation.DISABLED:
                    yield Event(told.not_after, f"The {ROLE_WORDS[told.role]} ends; nothing renews it", name, True)
    yield from node_rotations(windows)


def _windows(name: str, observed: NodeObservation) -> Iterator[tuple[str, Role, float, float]]:
    if observed.document is not None:
        for told in observed.document.rotation:
            if told.role in set(Role) and told.due is not None and told.deadline is not None:
                yield name, Role(told.role), told.due, told.deadline
    elif observed.view is not None:
        for seen in observed.view.certificates:
            if seen.window is not None:
                yield name, seen.role, *seen.window
