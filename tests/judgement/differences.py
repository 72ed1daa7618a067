"""Where findings and alerts differ on purpose: one table, each row with its reason."""

from collections.abc import Iterable

from exporter.findings import Finding
from tests.year.verdict import Firing, holds

__all__ = ["Said", "alert_without_finding", "finding_without_alert", "fired", "heard", "told"]

Said = tuple[str, str, str]
"""Alert, severity, node; the node is empty where it is not about one."""

ALERT_ONLY = {
    "AksCertExporterDown": "an agent that is gone cannot say so",
    "AksCertOlderThanPolicy": "Prometheus knows the policy by a recording rule; only `check --max-age` knows it too",
    "AksCertClusterCaMismatch": "it compares what nodes and control plane hold, which no single agent knows",
    "AksCertNodePoolMissedRotation": "it compares a node's dates with the API server's; each agent knows its own",
    "AksCertRotationEvidenceConflict": "it compares the words of both agents; the node's knows neither label nor tag",
    "AksCertClusterRotationStuck": "Prometheus remembers a rotation from before the agent's restart",
    "AksCertClusterRotationRunning": "of a rotation that is stuck, the finding says only that",
    "AksCertRotationDisabled": "the cluster agent says about a node pool what the node agents say about each node",
}
"""Alerts that may fire without a finding of the same node."""
FINDING_ONLY = {
    "AksCertNodePoolMissedRotation": "a cluster or pool that is stopped: told before the rotation is missed",
    "AksCertRotationDisabled": "of a whole node pool, by its label: the alert is each node's",
    "AksCertRotationEvidenceConflict": "of a whole node pool, by its tag: the alert is each node's",
    "AksCertCsrRejected": "a refusal of a minute ago; the alert counts what has increased between two scrapes",
    "AksCertNodeNotObserved": "of the present; the alert bridges five minutes, in which somebody may have told",
}
"""Findings that may name an alert which does not fire for the same node."""
CLUSTER_WIDE = {
    "AksCertClusterCaExpiring": "each node speaks about its copy; the alert is the cluster's",
    "AksCertCsrRejected": "the counters know signer and outcome; the finding knows the node too",
}
"""Alerts without a node whose findings have one."""
_AS_ALERT = {"unknown": "warning"}
"""That something could not be looked at is a ticket."""


def told(findings: Iterable[Finding]) -> set[Said]:
    """What findings say, as alerts would say it."""
    return {
        (one.alert, _AS_ALERT.get(one.severity.value, one.severity.value), _node(one.alert, one.node))
        for one in findings
        if one.alert
    }


def fired(alerts: Iterable[dict[str, str]]) -> set[Said]:
    """What alerts say, by their labels."""
    return {(one["alertname"], one["severity"], _node(one["alertname"], one.get("node", ""))) for one in alerts}


def heard(alerts: Iterable[dict[str, str]]) -> set[Said]:
    """The same of those that fire and that no other one holds back, by the shipped inhibition rules."""
    firing = [one for one in alerts if one["alertstate"] == "firing"]
    each = [Firing(one["alertname"], one["severity"], frozenset(one.items()), 0.0, 1.0) for one in firing]
    free = [one for one, it in zip(firing, each, strict=True) if not any(holds(other, it) for other in each)]
    return fired(free)


def _node(alert: str, node: str) -> str:
    return "" if alert in CLUSTER_WIDE else node


def alert_without_finding(firing: set[Said], findings: set[Said]) -> set[Said]:
    """Alerts that nobody finds, but for the table's."""
    return {one for one in firing - findings if one[0] not in ALERT_ONLY}


def finding_without_alert(findings: set[Said], active: set[Said]) -> set[Said]:
    """Findings that name an alert which is not even pending, but for the table's."""
    return {(alert, severity, node) for alert, severity, node in findings - active if alert not in FINDING_ONLY}
