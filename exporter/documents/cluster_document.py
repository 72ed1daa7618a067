"""A cluster's facts and findings in, the content of its agent's /facts out (docs/cluster-facts.schema.json).

What changes by itself, such as when a source last answered or a lease was last renewed, is in it only where it
matters: two looks at an unchanged cluster have one entity tag.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from exporter.documents.azure_data import azure_data
from exporter.documents.certificate_data import certificate_data
from exporter.documents.counted_data import counted_data
from exporter.documents.encoding import SCHEMA
from exporter.documents.endpoint_data import endpoint_data
from exporter.documents.preflight_data import preflight_data
from exporter.documents.signer_data import signer_data
from exporter.facts.ca_use import MemberUse
from exporter.facts.certificate import Certificate
from exporter.facts.cluster import ClusterFacts, Endpoint
from exporter.facts.kube.csr_ledger import CsrTotals
from exporter.facts.kube.node import Node
from exporter.facts.kube.node_requests import NodeRequests
from exporter.facts.node_observation import NodeObservation
from exporter.facts.outlook import Outlook
from exporter.facts.source import SourceFacts
from exporter.findings import PUBLIC_RUNBOOKS, Finding, finding_data, worst_first
from exporter.findings.limits import SILENT
from exporter.reason import Ca, Observer

__all__ = ["cluster_document"]


def cluster_document(
    cluster: ClusterFacts,
    findings: Sequence[Finding],
    sources: Iterable[SourceFacts],
    now: float,
    *,
    name: str = "",
    runbooks: str = PUBLIC_RUNBOOKS,
) -> dict[str, object]:
    """The whole content. `now` in Unix seconds; `name`: what the cluster is called where Azure does not say.

    `runbooks`: the base of the links to them.
    """
    ordered = worst_first(tuple(findings))
    told: dict[str, list[dict[str, object]]] = defaultdict(list)
    every = []
    for finding in ordered:
        data = finding_data(finding, runbooks)
        every.append(data)
        if finding.node:
            told[finding.node].append(data)
    observations = cluster.observations or {}
    requests: dict[str, list[dict[str, object]]] = defaultdict(list)
    for one in cluster.csrs.nodes if cluster.csrs else ():
        requests[one.node].append(_requests(one))
    known = cluster.azure.cluster.name if cluster.azure else ""
    return {
        "schema": SCHEMA,
        "agent": "cluster",
        "cluster": known or name,
        "looked_at": now,
        "nodes": [
            _node(one, observations.get(one.name), requests.get(one.name, []), told.get(one.name, []))
            for one in cluster.nodes or ()
        ],
        "control_plane": _control_plane(cluster, now),
        "csrs": _csrs(cluster.csrs, cluster.outlooks, now) if cluster.csrs else None,
        "preflight": None if cluster.preflight is None else [preflight_data(one) for one in cluster.preflight],
        "certificate_objects": counted_data(cluster.counted) if cluster.counted else None,
        "endpoints": [endpoint_data(one) for one in cluster.served or ()],
        "azure": azure_data(cluster.azure) if cluster.azure else None,
        "sources": [_source(one) for one in sources],
        "findings": every,
    }


def _node(
    node: Node,
    observation: NodeObservation | None,
    requests: list[dict[str, object]],
    findings: list[dict[str, object]],
) -> dict[str, object]:
    return {
        "node": node.name,
        "observed_by": (observation.by if observation else Observer.NOBODY).value,
        "agentpool": node.agentpool or None,
        "ready": node.ready,
        "created": node.created,
        "kubelet_version": node.kubelet_version or None,
        "node_image_version": node.node_image_version or None,
        "os": node.os or None,
        "os_sku": node.os_sku or None,
        "provider_id": node.provider_id or None,
        "kubelet_serving_ca": node.kubelet_serving_ca or None,
        "serving_rotation": node.serving_rotation.value,
        "requests": requests,
        "findings": findings,
    }


def _requests(one: NodeRequests) -> dict[str, object]:
    issued, rejected = one.issued, one.rejected
    identity = issued.certificate if issued else None
    return {
        "signer_name": one.signer_name,
        "pending_since": one.pending_since,
        "pending_name": one.pending_name or None,
        "pending_objects": one.pending_objects,
        "approved": one.approved,
        "last_issued": issued.at if issued else None,
        "serial_number": identity.serial_number if identity else None,
        "fingerprint_sha256": identity.fingerprint_sha256 if identity else None,
        "rejected": (
            {"name": rejected.name, "outcome": rejected.outcome.value, "at": rejected.at, "words": rejected.words}
            if rejected
            else None
        ),
    }


def _control_plane(cluster: ClusterFacts, now: float) -> dict[str, object]:
    offset = cluster.clock_offset
    return {
        "created": cluster.created,
        "rotation": cluster.apiserver_rotation.value,
        # To the nearest 10 seconds: the Date header it rests on has whole ones.
        "clock_offset": None if offset is None else round(offset / 10) * 10,
        "apiserver": [_endpoint(one) for one in cluster.endpoints],
        "cas": [_authority(cluster, ca, one) for ca, bundle in cluster.cas.items() for one in bundle],
        "ca_bundles": [
            {
                "kind": one.kind,
                "name": one.name,
                "outdated": cluster.outdated(one),
                "holds": held.value if (held := cluster.holds(one, now)) else None,
                "unreadable": one.unreadable or None,
                "certificates": [certificate_data(member) for member in one.certificates],
            }
            for one in cluster.bundles
        ],
        "signers": [
            {"lease": lease.value, "silent_since": renewed if now - renewed > SILENT else None}
            for lease, renewed in cluster.leases.items()
        ],
    }


def _authority(cluster: ClusterFacts, ca: Ca, member: Certificate) -> dict[str, object]:
    use = cluster.ca_use(ca)
    return {"ca": ca.value, "in_use": (use.of(member) if use else MemberUse.UNKNOWN).value, **certificate_data(member)}


def _endpoint(one: Endpoint) -> dict[str, object]:
    return {
        "address": one.address,
        "trusted": one.trusted,
        "untrusted": one.untrusted.value if one.untrusted else None,
        "failure": {"reason": one.failure.reason.value, "words": one.failure.words} if one.failure else None,
        "certificate": certificate_data(one.certificate) if one.certificate else None,
    }


def _csrs(totals: CsrTotals, signers: Iterable[Outlook], now: float) -> dict[str, object]:
    return {
        "objects": [
            {"signer_name": signer, "requestor": requestor.value, "condition": condition.value, "count": count}
            for (signer, requestor, condition), count in totals.objects.items()
        ],
        "untracked": totals.untracked,
        "signers": [signer_data(one, now) for one in signers],
    }


def _source(one: SourceFacts) -> dict[str, object]:
    return {
        "source": one.source.value,
        "up": one.up,
        "last_success": None if one.up else one.last_success,
        "errors": {reason.value: count for reason, count in one.errors.items() if count},
        "last_error": one.last_error or None,
    }
