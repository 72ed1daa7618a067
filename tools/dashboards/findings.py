"""What can be wrong, as expressions without the rules' patience: for Prometheuses that have no rules, and for the first
minutes. Each yields one series for each broken thing; its value is the date in question, in Unix seconds, or just 1.
"""

from dataclasses import dataclass

from tools.dashboards.promql import KUBELET, OBSERVED, by, either, in_pools, labelled, of

__all__ = ["CRITICAL", "FINDINGS", "WARNING", "Finding", "found", "number"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of broken thing. `alert` names the rule that pages for it, and so the runbook."""

    severity: str
    words: str
    alert: str
    expression: str
    about: str = ""
    """The label that names the thing where it is not a node."""
    detail: str = ""
    """The label that says more."""


NOT_AFTER = "akscert_certificate_not_after_timestamp_seconds"
NOT_BEFORE = "akscert_certificate_not_before_timestamp_seconds"
API_NOT_AFTER = "akscert_apiserver_certificate_not_after_timestamp_seconds"
DEADLINE = "akscert_rotation_deadline_timestamp_seconds"
PENDING = "akscert_csr_pending_since_timestamp_seconds"

ENDS = by("node, role", NOT_AFTER, role=KUBELET)
OFF = {"role": KUBELET, "rotation": "disabled"}
OFF_ENDS = by("node, role", NOT_AFTER, **OFF)
OFF_BEGAN = by("node, role", NOT_BEFORE, **OFF)
EXPIRED = f"min by (cluster, node, role) ({of(NOT_AFTER, role=KUBELET)} < time())"
OVERDUE = f"max by (cluster, node, role) ({of(DEADLINE)} < time())"
API_ENDS = by("address", API_NOT_AFTER)
CLUSTER_CA = by("", "akscert_ca_not_after_timestamp_seconds", ca="cluster")
REQUESTHEADER_CA = by("", "akscert_ca_not_after_timestamp_seconds", ca="requestheader")
EVIDENCE = "akscert_rotation_evidence"
WAITING = by("node, role", "akscert_rotation_state", state="waiting")
BAD_FILES = {"role": "!=apiserver-copy", "status": "!~ok|not_expected|not_found"}
STRANGE_CA = (
    f"({by('node', 'akscert_certificate_info', role='cluster-ca')}"
    f" and on (cluster) {of('akscert_ca_info', ca='cluster')})"
    f" unless on (cluster, node) ({of('akscert_certificate_info', role='cluster-ca')}"
    f" and on (cluster, fingerprint_sha256) {of('akscert_ca_info', ca='cluster')})"
)
UNOBSERVED = (
    f"{by('node', 'akscert_node_info', os='linux', kubelet_version='!~.*-vk-.*')} unless on (cluster, node) {OBSERVED}"
)
OFFSET = of("akscert_apiserver_clock_offset_seconds")

CRITICAL, WARNING = "1-critical", "2-warning"

FINDINGS = (
    Finding(CRITICAL, "certificate has expired", "AksCertExpired", EXPIRED),
    Finding(CRITICAL, "certificate has expired", "AksCertExpired", f"{API_ENDS} < time()", "address"),
    Finding(
        CRITICAL,
        "kubelet cannot use the certificate",
        "AksCertUnusable",
        f"{by('node, role, reason', 'akscert_certificate_usable', how='min', reason='!=ok')} == bool 0 > 0",
        detail="reason",
    ),
    Finding(
        CRITICAL,
        "not rotated, and half of the rest is gone",
        "AksCertRotationOverdue",
        f"({OVERDUE} + {ENDS} < 2 * time()) unless {EXPIRED}",
    ),
    Finding(
        WARNING,
        "not rotated by 90 % of its lifetime",
        "AksCertRotationOverdue",
        f"{OVERDUE} + {ENDS} >= 2 * time()",
    ),
    Finding(
        CRITICAL,
        "nothing renews it, 95 % is over",
        "AksCertExpiringWithoutRotation",
        f"({OFF_ENDS} and {OFF_ENDS} - time() < 0.05 * ({OFF_ENDS} - {OFF_BEGAN})) > time()",
    ),
    Finding(
        WARNING,
        "nothing renews it, 80 % is over",
        "AksCertExpiringWithoutRotation",
        f"{OFF_ENDS} and {OFF_ENDS} - time() < 0.2 * ({OFF_ENDS} - {OFF_BEGAN})"
        f" unless {OFF_ENDS} - time() < 0.05 * ({OFF_ENDS} - {OFF_BEGAN})",
    ),
    Finding(CRITICAL, "knows another cluster CA than the control plane", "AksCertClusterCaMismatch", STRANGE_CA),
    Finding(
        CRITICAL,
        "API server not trusted in the cluster",
        "AksCertApiServerUntrusted",
        f"{by('address', 'akscert_apiserver_trusted', how='min')} == bool 0 > 0",
        "address",
    ),
    Finding(
        CRITICAL,
        "request unanswered for 6 hours",
        "AksCertCsrPending",
        f"{by('node, signer_name', PENDING, how='min')} < time() - 6 * 3600",
        detail="signer_name",
    ),
    Finding(
        WARNING,
        "request unanswered for 20 minutes",
        "AksCertCsrPending",
        f"({by('node, signer_name', PENDING, how='min')} < time() - 20 * 60) >= time() - 6 * 3600",
        detail="signer_name",
    ),
    Finding(
        CRITICAL, "CA ends within 30 days", "AksCertClusterCaExpiring", f"{CLUSTER_CA} < time() + 30 * 86400", "ca"
    ),
    Finding(
        WARNING,
        "CA ends within 180 days",
        "AksCertClusterCaExpiring",
        f"({CLUSTER_CA} < time() + 180 * 86400) >= time() + 30 * 86400",
        "ca",
    ),
    Finding(
        WARNING,
        "request-header CA ends within 90 days",
        "AksCertRequestHeaderCaExpiring",
        f"{REQUESTHEADER_CA} < time() + 90 * 86400",
        "ca",
    ),
    Finding(
        CRITICAL,
        "API server's certificate ends within 7 days",
        "AksCertApiServerExpiring",
        f"({API_ENDS} < time() + 7 * 86400) > time()",
        "address",
    ),
    Finding(
        WARNING,
        "API server's certificate ends within 30 days",
        "AksCertApiServerExpiring",
        f"({API_ENDS} < time() + 30 * 86400) >= time() + 7 * 86400",
        "address",
    ),
    Finding(
        WARNING,
        "nothing renews the client certificate",
        "AksCertRotationDisabled",
        by("node, role, reason", "akscert_rotation_state", role="kubelet-client", state="disabled"),
        detail="reason",
    ),
    Finding(
        WARNING,
        "waits for its first certificate",
        "AksCertRotationWaiting",
        by("node, role, reason", "akscert_rotation_state", state="waiting"),
        detail="reason",
    ),
    Finding(
        WARNING,
        "places disagree on whether rotation is on",
        "AksCertRotationEvidenceConflict",
        f"({by('node, role', EVIDENCE, how='avg')} > 0) < 1 unless {WAITING}",
    ),
    Finding(
        WARNING,
        "kubelet serves another certificate than its file's",
        "AksCertKubeletServesOldCertificate",
        f"{by('node', 'akscert_certificate_served_matches_file', how='min')} == bool 0 > 0",
    ),
    Finding(
        WARNING,
        "certificate file cannot be read",
        "AksCertFileUnreadable",
        by("node, role, status", "akscert_file_status", **BAD_FILES),
        detail="status",
    ),
    Finding(
        WARNING,
        "could not bootstrap a new certificate",
        "AksCertBootstrapMissing",
        f"{by('node', 'akscert_bootstrap_info', method='none')}"
        f" and on (cluster, node) {of('akscert_rotation_state', role='kubelet-client', state='enabled')}",
    ),
    Finding(WARNING, "nobody observes this node", "AksCertNodeNotObserved", UNOBSERVED),
    Finding(
        WARNING,
        "caBundle holds a former cluster CA",
        "AksCertCaBundleOutdated",
        f"{by('kind, name', 'akscert_ca_bundle_outdated')} > 0",
        "name",
        "kind",
    ),
    Finding(
        WARNING,
        "signer or approver gives no sign of life",
        "AksCertSignerSilent",
        f"{by('lease', 'akscert_signer_lease_renewed_timestamp_seconds')} < time() - 600",
        "lease",
    ),
    Finding(
        WARNING,
        "Azure ended an operation on the cluster with a failure",
        "AksCertClusterRotationStuck",
        by("name, state", "akscert_azure_provisioning_state", resource="cluster", state="=~Failed|Canceled"),
        "name",
        "state",
    ),
    Finding(
        WARNING,
        "clocks are over a minute apart",
        "AksCertClockSkew",
        f"max by (cluster) (abs({OFFSET})) > bool 60 > 0",
    ),
    Finding(
        WARNING,
        "a source does not answer",
        "AksCertSourceDown",
        f"{by('source', 'akscert_source_up', source='!=kubelet', how='min')} == bool 0 > 0",
        "source",
    ),
)
"""Critical and warning; what is for information alone has panels of its own."""


def found(severity: str = "") -> str:
    """Everything found of a severity, or of all: labels severity, finding, alert, node or object, and more."""
    parts = [
        labelled(either(*(_told(one) for one in FINDINGS if one.severity == each)), severity=each)
        for each in (CRITICAL, WARNING)
        if severity in ("", each)
    ]
    return in_pools(f"({either(*parts)})")


def number(severity: str) -> str:
    """How many are found of a severity; 0 where there are none, nothing where there is no agent to find any."""
    counts = [
        f"(count({in_pools(f'({one.expression})')}) or vector(0))" for one in FINDINGS if one.severity == severity
    ]
    return "\n+ ".join(counts) + f"\nand on () count({of('akscert_build_info')})"


def _told(finding: Finding) -> str:
    named = {"object": f"label:{finding.about}"} if finding.about else {}
    named |= {"detail": f"label:{finding.detail}"} if finding.detail else {}
    return labelled(finding.expression, finding=finding.words, alert=finding.alert, **named)
