"""The findings say what the rules say: each alert they name is a rule with a runbook, and begins when it does."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from exporter.facts.azure.managed_cluster import AzureFacts, azure_cluster
from exporter.facts.azure.resource_id import ResourceId
from exporter.facts.cluster import ClusterFacts, Endpoint
from exporter.facts.host.host_facts import HostFacts, SeenCertificate
from exporter.facts.kube.csr import SERVING_SIGNER
from exporter.facts.kube.csr_ledger import CsrTotals
from exporter.facts.kube.node_requests import NodeRequests
from exporter.facts.rotation import client_rotation
from exporter.facts.x509 import certificates
from exporter.findings import PUBLIC_RUNBOOKS, Finding, runbook_url
from exporter.findings.cluster import cluster_findings
from exporter.findings.host import host_findings
from exporter.findings.limits import LONGEST_ROTATION, PENDING, REJECTED, SILENT
from exporter.reason import BootstrapMethod, Ca, Evidence, Lease, Origin, Role, Rotation
from simulation.azure.bodies import managed_cluster
from simulation.pki import DAY, YEAR, Authority

NOW = 1_795_500_000.0
CA = Authority.cluster(NOW - 3 * YEAR)
CLIENT_EVIDENCE = (Evidence.KUBELET_CONFIG, Evidence.KUBECONFIG, Evidence.FILE)
RESOURCE = ResourceId("5ab0", "contoso", "managedClusters", "aks1")
ROOT = Path(__file__).parents[2]
RULES = [
    rule
    for path in sorted((ROOT / "helm/aks-cert-exporter/files/rules").glob("*.yaml"))
    for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
ALERTS = {rule["alert"] for rule in RULES if "alert" in rule}
NAMED = {
    name
    for path in (ROOT / "exporter").rglob("*.py")
    for name in re.findall(r"\bAksCert[A-Za-z]+", path.read_text(encoding="utf-8"))
}


def expressions(alert: str, severity: str) -> Iterator[tuple[str, str]]:
    for rule in RULES:
        if rule.get("alert") == alert and rule["labels"]["severity"] == severity:
            yield rule["expr"], str(rule.get("for", "0s"))


def test_every_alert_that_a_finding_names_is_a_rule_with_a_runbook() -> None:
    assert len(NAMED) > 20
    assert set() == NAMED - ALERTS
    assert {name for name in NAMED if not (ROOT / f"docs/runbooks/{name}.md").is_file()} == set()


def test_a_finding_leads_to_the_runbook_that_its_alert_leads_to() -> None:
    for rule in RULES:
        if "alert" in rule:
            assert runbook_url(rule["alert"]) == rule["annotations"]["runbook_url"]
            assert runbook_url(rule["alert"]).startswith(PUBLIC_RUNBOOKS)


def node_findings(not_before: float, not_after: float, rotation: Rotation) -> tuple[Finding, ...]:
    pem = CA.issue("system:node:a", not_before, not_after).certificate_pem
    seen = SeenCertificate(Role.KUBELET_CLIENT, Origin.FILE, "/x", rotation, certificates(pem), True)
    state = client_rotation(dict.fromkeys(CLIENT_EVIDENCE, rotation is Rotation.ENABLED))
    host = HostFacts("a", False, (seen,), (), (state,), BootstrapMethod.TOKEN, True, None, {})
    return host_findings(host, (), NOW)


def share(part: float, rotation: Rotation) -> Callable[[float], tuple[Finding, ...]]:
    """A certificate of a year of which so much is over, and some seconds more."""
    return lambda late: node_findings(NOW - part * YEAR - late, NOW + (1 - part) * YEAR - late, rotation)


def authority(ca: Ca, days: float) -> Callable[[float], tuple[Finding, ...]]:
    def at(late: float) -> tuple[Finding, ...]:
        made = Authority("ca", NOW - 9 * YEAR, NOW + days * DAY - late)
        return cluster_findings(ClusterFacts(cas={ca: certificates(made.pem)}), (), NOW)

    return at


def served(days: float, rotation: Rotation = Rotation.ENABLED) -> Callable[[float], tuple[Finding, ...]]:
    """An API server's certificate of two years that ends in so many days."""

    def at(late: float) -> tuple[Finding, ...]:
        end = NOW + days * DAY - late
        leaf = certificates(CA.issue("apiserver", end - 2 * YEAR, end).certificate_pem)[0]
        rbac = rotation is Rotation.ENABLED
        azure = AzureFacts(azure_cluster(managed_cluster(RESOURCE, (), rbac=rbac), RESOURCE))
        return cluster_findings(ClusterFacts(endpoints=(Endpoint("a:443", leaf, True),), azure=azure), (), NOW)

    return at


def pending(seconds: float) -> Callable[[float], tuple[Finding, ...]]:
    def at(late: float) -> tuple[Finding, ...]:
        one = NodeRequests("a", SERVING_SIGNER, pending_since=NOW - seconds - late, pending_name="csr-1")
        return cluster_findings(ClusterFacts(csrs=CsrTotals({}, {}, {}, (one,))), (), NOW)

    return at


def clock(seconds: float) -> Callable[[float], tuple[Finding, ...]]:
    return lambda late: cluster_findings(ClusterFacts(clock_offset=seconds + late / 10), (), NOW)


def lease(seconds: float) -> Callable[[float], tuple[Finding, ...]]:
    renewed = {Lease.KUBE_CONTROLLER_MANAGER: NOW - seconds}
    return lambda late: cluster_findings(
        ClusterFacts(leases={one: when - late for one, when in renewed.items()}), (), NOW
    )


THRESHOLDS = [
    ("AksCertExpired", "critical", "< time()", "0s", share(1.0, Rotation.ENABLED)),
    ("AksCertRotationOverdue", "warning", "deadline", "1h", share(0.9, Rotation.ENABLED)),
    ("AksCertRotationOverdue", "critical", "/ 2 < time()", "0s", share(0.95, Rotation.ENABLED)),
    ("AksCertExpiringWithoutRotation", "warning", "0.8 *", "0s", share(0.8, Rotation.DISABLED)),
    ("AksCertExpiringWithoutRotation", "critical", "0.95 *", "0s", share(0.95, Rotation.DISABLED)),
    ("AksCertExpiringWithoutRotation", "warning", "0.8 *", "0s", served(146, Rotation.DISABLED)),
    ("AksCertExpiringWithoutRotation", "critical", "0.95 *", "0s", served(36.5, Rotation.DISABLED)),
    ("AksCertCsrPending", "warning", "20 * 60", "0s", pending(20 * 60)),
    ("AksCertCsrPending", "critical", "6 * 3600", "0s", pending(6 * 3600)),
    ("AksCertSignerSilent", "warning", "10 * 60", "5m", lease(15 * 60)),
    ("AksCertClusterCaExpiring", "warning", "180 * 86400", "0s", authority(Ca.CLUSTER, 180)),
    ("AksCertClusterCaExpiring", "critical", "30 * 86400", "0s", authority(Ca.CLUSTER, 30)),
    ("AksCertRequestHeaderCaExpiring", "warning", "90 * 86400", "0s", authority(Ca.REQUESTHEADER, 90)),
    ("AksCertApiServerExpiring", "warning", "30 * 86400", "0s", served(30)),
    ("AksCertApiServerExpiring", "critical", "7 * 86400", "0s", served(7)),
    ("AksCertClockSkew", "warning", "> 60", "15m", clock(60)),
    ("AksCertClockSkew", "critical", "> 240", "5m", clock(240)),
]


@pytest.mark.parametrize(
    ("alert", "severity", "figure", "held", "at"),
    THRESHOLDS,
    ids=[f"{one[0]}-{one[1]}-{n}" for n, one in enumerate(THRESHOLDS)],
)
def test_a_finding_begins_where_its_alert_does(
    alert: str, severity: str, figure: str, held: str, at: Callable[[float], tuple[Finding, ...]]
) -> None:
    """The contract's figure is in the rule; the finding is not there before it, and is after it."""
    found = [{(one.alert, one.severity.value) for one in at(late)} for late in (-30.0, 30.0)]
    assert [(alert, severity) in each for each in found] == [False, True]
    assert [(figure in expression, held_) for expression, held_ in expressions(alert, severity)] == [(True, held)]


def test_what_lasts_for_an_hour_does_so_in_both() -> None:
    """A refusal is news for an hour; a rotation takes half of one at the most."""
    (rejected,) = expressions("AksCertCsrRejected", "warning")
    assert "[1h]" in rejected[0]
    assert REJECTED == 3600
    assert LONGEST_ROTATION == 3600
    assert (PENDING, SILENT) == ((1200.0, 21600.0), 900.0)
