"""akscert_csr_*: certificate signing requests, how they end, and which node waits for a certificate since when."""

from collections.abc import Iterator
from itertools import accumulate

from exporter.facts.cluster import ClusterFacts
from exporter.facts.kube.csr import SIGNER_ROLES
from exporter.facts.kube.csr_ledger import BUCKETS
from exporter.metric import Family, Histogram, Metric, MetricKind
from exporter.reason import CsrCondition, CsrOutcome, Requestor, Role

__all__ = ["families"]

OBJECTS = Metric(
    "akscert_csr_objects",
    "CertificateSigningRequest objects there are now. approved: and not issued yet.",
    ("signer_name", "requestor", "condition"),
    words={"requestor": tuple(Requestor), "condition": tuple(CsrCondition)},
)
PENDING_SINCE = Metric(
    "akscert_csr_pending_since_timestamp_seconds",
    "Unix time of the node's first unanswered request since its last issued one, also where that object is gone. "
    "Absent where nothing is pending.",
    ("node", "signer_name"),
)
COMPLETED = Metric(
    "akscert_csr_completed_total",
    "Requests that ended, each counted once. abandoned: gone while pending.",
    ("signer_name", "requestor", "outcome"),
    MetricKind.COUNTER,
    words={"requestor": tuple(Requestor), "outcome": tuple(CsrOutcome)},
)
ISSUE_DURATION = Metric(
    "akscert_csr_issue_duration_seconds",
    "Time from a request's creation to its certificate.",
    ("signer_name",),
    MetricKind.HISTOGRAM,
)
LAST_ISSUED = Metric(
    "akscert_csr_last_issued_timestamp_seconds",
    "Unix time when the node's last certificate of this signer was issued.",
    ("node", "signer_name"),
)
ISSUED_INFO = Metric(
    "akscert_csr_issued_certificate_info",
    "1, with the identity of the last certificate issued to the node, to set beside the installed one.",
    ("node", "role", "serial_number", "fingerprint_sha256"),
    words={"role": (Role.KUBELET_CLIENT, Role.KUBELET_SERVING)},
)
UNTRACKED = Metric(
    "akscert_csr_untracked",
    "Requests without a certificate that are kept by no node, since they name more nodes than can be followed. Nodes "
    "that exist are followed first.",
)


def families(cluster: ClusterFacts) -> Iterator[Family]:
    """Samples of the ledger; none before the first list."""
    totals = cluster.csrs
    nodes = totals.nodes if totals else ()
    yield OBJECTS.family((key, count) for key, count in (totals.objects if totals else {}).items())
    yield PENDING_SINCE.family(
        ((one.node, one.signer_name), one.pending_since) for one in nodes if one.pending_since is not None
    )
    yield COMPLETED.family((key, count) for key, count in (totals.completed if totals else {}).items())
    yield UNTRACKED.family([((), float(totals.untracked))] if totals else ())
    yield ISSUE_DURATION.histogram(_durations(cluster))
    yield LAST_ISSUED.family(((one.node, one.signer_name), one.issued.at) for one in nodes if one.issued)
    identities = (
        (one.node, SIGNER_ROLES[one.signer_name], one.issued.certificate)
        for one in nodes
        if one.issued and one.signer_name in SIGNER_ROLES
    )
    yield ISSUED_INFO.family(
        ((node, role, found.serial_number, found.fingerprint_sha256), 1.0) for node, role, found in identities if found
    )


def _durations(cluster: ClusterFacts) -> Iterator[Histogram]:
    bounds = (*BUCKETS, float("inf"))
    for signer, durations in (cluster.csrs.durations if cluster.csrs else {}).items():
        yield (signer,), tuple(zip(bounds, accumulate(durations.counts), strict=True)), durations.total
