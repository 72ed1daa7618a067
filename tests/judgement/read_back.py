"""The series of a promtool case in, the facts that an agent would have told with them out.

Only what is in the series is made up into facts; what a case leaves out is as it is where nothing is wrong.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from exporter.facts.azure.managed_cluster import AzureFacts, azure_cluster
from exporter.facts.azure.resource_id import ResourceId
from exporter.facts.cluster import ClusterFacts, Endpoint
from exporter.facts.host.file_facts import FileFacts
from exporter.facts.host.host_facts import HostFacts, SeenCertificate
from exporter.facts.kube.ca_bundle import CaBundle
from exporter.facts.kube.csr_ledger import CsrTotals
from exporter.facts.kube.endpoint import ServedEndpoint
from exporter.facts.kube.endpoint_target import EndpointTarget
from exporter.facts.kube.node_requests import NodeRequests
from exporter.facts.kube.workload import WorkloadUse
from exporter.facts.node_observation import NodeObservation
from exporter.facts.rotation import RotationFacts
from exporter.facts.source import SourceFacts
from exporter.facts.usability import Usability
from exporter.facts.x509 import Certificate
from exporter.reason import (
    BootstrapMethod,
    Ca,
    CaBundleStatus,
    Evidence,
    FailurePolicy,
    FileStatus,
    Lease,
    Observer,
    Origin,
    Reason,
    RetiredPathUse,
    Role,
    Rotation,
    RotationReason,
    RotationState,
    Source,
)
from simulation.azure.bodies import managed_cluster

__all__ = ["READ", "Told", "observed", "steps", "told_at"]

YEAR = 365 * 86400.0
RESOURCE = ResourceId("5ab0", "contoso", "managedClusters", "aks1")
SCRAPED = {"cluster", "job", "instance", "pod"}
"""Labels that a scrape adds."""
LOOKBACK = 5
"""Steps of a minute for which a scrape that was missed does not count."""
READ = frozenset(
    f"akscert_{name}"
    for name in (
        *("apiserver_certificate_not_after_timestamp_seconds", "apiserver_certificate_not_before_timestamp_seconds"),
        *("apiserver_clock_offset_seconds", "apiserver_trusted", "bootstrap_info"),
        *("ca_bundle_not_after_timestamp_seconds", "ca_bundle_status", "ca_info", "ca_not_after_timestamp_seconds"),
        *("certificate_info", "certificate_issued_by_cluster_ca", "certificate_served_matches_file"),
        *("certificate_not_after_timestamp_seconds", "certificate_not_before_timestamp_seconds"),
        *("certificate_usable", "csr_last_issued_timestamp_seconds", "csr_objects"),
        *("csr_pending_since_timestamp_seconds", "csr_untracked", "endpoint_info", "endpoint_trusted"),
        *("endpoint_certificate_not_after_timestamp_seconds", "endpoint_certificate_not_before_timestamp_seconds"),
        *("file_status", "rotation_deadline_timestamp_seconds", "rotation_due_timestamp_seconds"),
        *("rotation_evidence", "rotation_state", "signer_lease_renewed_timestamp_seconds"),
        *("source_last_success_timestamp_seconds", "source_up", "workload_uses_retired_path"),
    )
)
"""Metrics that are read; a case with any other is not."""

Labels = frozenset[tuple[str, str]]
Values = list[float | None]
"""By step; None: not there."""


def steps(notation: str) -> Values:
    """promtool's notation, a missed scrape filled in with what was scraped before, for as long as Prometheus does."""
    found: list[float | str | None] = []
    for word in notation.split():
        match = re.fullmatch(r"(_|stale|-?[\d.e+]+?)(?:([+-][\d.]+))?(?:x(\d+))?", word)
        assert match, word
        first, by, times = match[1], float(match[2] or 0), int(match[3] or 0)
        if first in {"_", "stale"}:
            found += [None if first == "_" else "stale"] * max(1, times)
        else:
            found += [float(first) + by * each for each in range(times + 1)]
    shown: Values = []
    last: tuple[int, float] | None = None
    for at, value in enumerate(found):
        last = (at, value) if isinstance(value, float) else None if value == "stale" else last
        shown.append(last[1] if last and at - last[0] < LOOKBACK else None)
    return shown


@dataclass(slots=True)
class _Series:
    """The series of one cluster at one moment."""

    values: dict[str, dict[Labels, float]] = field(default_factory=lambda: defaultdict(dict))

    def of(self, name: str) -> Iterator[tuple[Mapping[str, str], float]]:
        for labels, value in self.values.get(f"akscert_{name}", {}).items():
            yield dict(labels), value

    def one(self, metric: str, /, **wanted: str) -> float | None:
        return next((value for labels, value in self.of(metric) if labels.items() >= wanted.items()), None)

    def holding(self, metric: str, /, **wanted: str) -> Mapping[str, str] | None:
        """The labels of a series that is 1."""
        those = (labels for labels, value in self.of(metric) if value == 1)
        return next((labels for labels in those if labels.items() >= wanted.items()), None)


@dataclass(frozen=True, slots=True)
class Told:
    """What the agents of one cluster know."""

    hosts: tuple[tuple[HostFacts, tuple[SourceFacts, ...]], ...]
    cluster: ClusterFacts
    sources: tuple[SourceFacts, ...]


def told_at(series: Mapping[tuple[str, Labels], Values], cluster: str, at: int, now: float) -> Told:
    """Facts of one cluster at a step. `series`: by metric and labels; a later Pod's word replaces a former one's.

    `now` in seconds since the test's begin.
    """
    here = _Series()
    for (name, labels), values in series.items():
        value = values[at] if at < len(values) else None
        if dict(labels).get("cluster", "") == cluster and value is not None:
            here.values[name][frozenset(pair for pair in labels if pair[0] not in SCRAPED)] = value
    by_node = {"certificate_not_after_timestamp_seconds", "certificate_not_before_timestamp_seconds"}
    by_node |= {"file_status", "rotation_state", "certificate_usable"}
    by_node |= {"certificate_info", "rotation_evidence", "bootstrap_info", "certificate_served_matches_file"}
    nodes = {labels["node"] for name in by_node for labels, _ in here.of(name)}
    nodes |= {labels["node"] for labels, _ in here.of("source_up") if "node" in labels}
    hosts = tuple((_host(here, node, now), _sources(here, node)) for node in sorted(nodes))
    return Told(hosts, _cluster(here, now), _sources(here, ""))


def _made(not_before: float, not_after: float, name: str) -> Certificate:
    return Certificate(not_before, not_after, f"CN={name}", "CN=ca", "1", name, name, "", "", b"", None)


def _host(here: _Series, node: str, now: float) -> HostFacts:
    seen = []
    ends = {frozenset(labels.items()): end for labels, end in here.of("certificate_not_after_timestamp_seconds")}
    begun = {frozenset(labels.items()): one for labels, one in here.of("certificate_not_before_timestamp_seconds")}
    for labels, end in [(dict(key), ends.get(key, begun.get(key, 0) + YEAR)) for key in {**ends, **begun}]:
        if labels["node"] == node and (role := Role(labels["role"])) is not Role.CLUSTER_CA:
            origin, label = Origin(labels["origin"]), Rotation(labels["rotation"])
            place = {"node": node, "role": role.value}
            deadline = here.one("rotation_deadline_timestamp_seconds", **place)
            begin = here.one("certificate_not_before_timestamp_seconds", origin=labels["origin"], **place)
            if begin is None:  # young, unless its deadline says how old it is
                begin = 10 * deadline - 9 * end if deadline is not None else min(now - 60, end - YEAR / 1000)
            issued = here.one("certificate_issued_by_cluster_ca", origin=labels["origin"], **place)
            leaf = _made(begin, end, f"{node} {role} {origin}")
            known = None if issued is None else issued == 1
            seen.append(SeenCertificate(role, origin, "p" if origin is Origin.FILE else "", label, (leaf,), known))
    own = {"node": node, "role": "cluster-ca"}
    ending = here.one("certificate_not_after_timestamp_seconds", **own)
    held = [labels for labels, _ in here.of("certificate_info") if labels.items() >= own.items()]
    cas = tuple(_made(now - YEAR, ending or now + 20 * YEAR, one["fingerprint_sha256"]) for one in held)
    if ending is not None and not cas:
        cas = (_made(now - YEAR, ending, "ca cluster"),)
    if cas:
        seen.append(SeenCertificate(Role.CLUSTER_CA, Origin.FILE, "ca.crt", Rotation.NONE, cas, None))
    files = tuple(_files(here, node))
    usable = {
        (Role(labels["role"]), Origin(labels["origin"])): Usability(labels["reason"])
        for labels, _ in here.of("certificate_usable")
        if labels["node"] == node
    }
    matches = here.one("certificate_served_matches_file", node=node)
    method = (here.holding("bootstrap_info", node=node) or {"method": "token"})["method"]
    rotation = tuple(_rotation(here, node, role) for role in (Role.KUBELET_CLIENT, Role.KUBELET_SERVING))
    return HostFacts(
        *(node, False, tuple(seen), files, rotation, BootstrapMethod(method), True),
        *(None if matches is None else matches == 1, {}, usable),
    )


def _files(here: _Series, node: str) -> Iterator[FileFacts]:
    for labels, value in here.of("file_status"):
        if labels["node"] == node and value == 1:
            evidence = labels["role"] == "evidence"
            about = Role.KUBELET_CLIENT if evidence else Role(labels["role"])
            yield FileFacts(about, labels["path"], FileStatus(labels["status"]), evidence=evidence)


def _rotation(here: _Series, node: str, role: Role) -> RotationFacts:
    place = {"node": node, "role": role.value}
    evidence = {
        Evidence(labels["evidence"]): value == 1
        for labels, value in here.of("rotation_evidence")
        if labels.items() >= place.items()
    }
    known = here.holding("rotation_state", **place)
    if known is not None:
        return RotationFacts(role, RotationState(known["state"]), RotationReason(known["reason"]), evidence)
    on = here.one("rotation_deadline_timestamp_seconds", **place) is not None
    state = RotationState.ENABLED if on else RotationState.UNKNOWN
    return RotationFacts(role, state, RotationReason.UNDETERMINED, evidence)


def _sources(here: _Series, node: str) -> tuple[SourceFacts, ...]:
    found = []
    for labels, up in here.of("source_up"):
        if labels.get("node", "") == node:
            own = {"node": node} if node else {}
            last = here.one("source_last_success_timestamp_seconds", source=labels["source"], **own)
            reason = None if up else Reason.TIMEOUT
            words = "" if up else f"no answer from {labels['source']}"
            found.append(SourceFacts(Source(labels["source"]), up == 1, last, {}, words, reason))
    return tuple(found)


def _cluster(here: _Series, now: float) -> ClusterFacts:
    ends = {labels["address"]: end for labels, end in here.of("apiserver_certificate_not_after_timestamp_seconds")}
    begins = {labels["address"]: one for labels, one in here.of("apiserver_certificate_not_before_timestamp_seconds")}
    trusts = {labels["address"]: word == 1 for labels, word in here.of("apiserver_trusted")}
    endpoints = []
    for address in sorted({*ends, *begins, *trusts}):
        end = ends.get(address, now + 2 * YEAR)
        leaf = _made(begins.get(address, min(now - 60, end - YEAR)), end, address)
        distrust = None if trusts.get(address, True) else Reason.CERTIFICATE_UNTRUSTED
        endpoints.append(Endpoint(address, leaf, trusts.get(address), distrust))
    cas: dict[Ca, tuple[Certificate, ...]] = {}
    for labels, end in here.of("ca_not_after_timestamp_seconds"):
        cas[Ca(labels["ca"])] = (_made(now - YEAR, end, f"ca {labels['ca']}"),)
    for labels, _ in here.of("ca_info"):
        end = here.one("ca_not_after_timestamp_seconds", ca=labels["ca"]) or now + 20 * YEAR
        known = cas.get(Ca(labels["ca"]), ())
        kept = tuple(one for one in known if not one.fingerprint_sha256.startswith("ca "))
        cas[Ca(labels["ca"])] = (*kept, _made(now - YEAR, end, labels["fingerprint_sha256"]))
    untracked = here.one("csr_untracked")
    requests = [
        NodeRequests(labels["node"], labels["signer_name"], since, "csr-1", pending_objects=1)
        for labels, since in here.of("csr_pending_since_timestamp_seconds")
    ]
    leases = {Lease(labels["lease"]): at for labels, at in here.of("signer_lease_renewed_timestamp_seconds")}
    workloads = tuple(
        WorkloadUse(labels["namespace"], labels["kind"], labels["name"], RetiredPathUse(labels["how"]))
        for labels, value in here.of("workload_uses_retired_path")
        if value == 1
    )
    rotations = {labels["rotation"] for labels, _ in here.of("apiserver_certificate_not_after_timestamp_seconds")}
    azure = AzureFacts(azure_cluster(managed_cluster(RESOURCE, [], rbac=False), RESOURCE))
    return ClusterFacts(
        azure=azure if rotations == {"disabled"} else None,
        csrs=CsrTotals({}, {}, {}, tuple(requests), untracked=int(untracked or 0)),
        endpoints=tuple(endpoints),
        cas=cas,
        bundles=tuple(_bundles(here, now)),
        leases=leases,
        clock_offset=here.one("apiserver_clock_offset_seconds"),
        served=tuple(_served(here, now)),
        workloads=workloads,
    )


def _bundles(here: _Series, now: float) -> Iterator[CaBundle]:
    for labels, end in here.of("ca_bundle_not_after_timestamp_seconds"):
        yield CaBundle(labels["kind"], labels["name"], (_made(now - YEAR, end, labels["name"]),))
    for labels, value in here.of("ca_bundle_status"):
        if value == 1 and labels["status"] != "ok":
            yield CaBundle(labels["kind"], labels["name"], (), "cut off", CaBundleStatus(labels["status"]))


def _served(here: _Series, now: float) -> Iterator[ServedEndpoint]:
    names = ("kind", "name", "address")
    for info, _ in here.of("endpoint_info"):
        place = {name: info[name] for name in names}
        host, _, port = info["address"].rpartition(":")
        policy, verified = FailurePolicy(info["failure_policy"]), info["verified"] == "yes"
        target = EndpointTarget(info["kind"], info["name"], host, int(port), None, policy, verified=verified)
        end = here.one("endpoint_certificate_not_after_timestamp_seconds", **place)
        begin = here.one("endpoint_certificate_not_before_timestamp_seconds", **place)
        trusted = here.one("endpoint_trusted", **place)
        why = Reason.CERTIFICATE_UNTRUSTED if trusted == 0 else None
        leaf = _made(begin if begin is not None else now - 60, end if end is not None else now + YEAR, info["name"])
        yield ServedEndpoint(target, leaf, None if trusted is None else trusted == 1, why)


def observed(told: Told, documents: Mapping[str, object]) -> Mapping[str, NodeObservation]:
    """Every node with what its agent's document says."""
    return {
        host.node: NodeObservation(Observer.NODE_AGENT, documents[host.node])  # type: ignore[arg-type]
        for host, _ in told.hosts
    }
