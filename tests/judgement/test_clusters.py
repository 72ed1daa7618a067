"""For clusters with one thing wrong each, and with all at once: findings are alerts."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from exporter.facts.azure.managed_cluster import AzureFacts, azure_cluster
from exporter.facts.azure.provisioning_state import StateClass
from exporter.facts.azure.resource_id import ResourceId
from exporter.facts.cluster import ClusterFacts, Endpoint
from exporter.facts.kube.ca_bundle import CaBundle
from exporter.facts.kube.csr import SERVING_SIGNER, CertificateIdentity
from exporter.facts.kube.csr_ledger import CsrTotals
from exporter.facts.kube.node_requests import Issued, NodeRequests
from exporter.facts.kube.preflight import Preflight, questions
from exporter.facts.kube.workload import WorkloadUse
from exporter.facts.node_observation import NodeObservation
from exporter.facts.opt_out_tag import TAG
from exporter.facts.source import Failure, SourceFacts, SourceLedger
from exporter.facts.x509 import Certificate, certificates
from exporter.families import build, cluster_agent
from exporter.findings import Finding
from exporter.findings.cluster import cluster_findings
from exporter.reason import (
    Ca,
    CaBundleStatus,
    CsrCondition,
    Lease,
    Mode,
    Observer,
    Reason,
    Requestor,
    RetiredPathUse,
    Source,
)
from simulation.azure.bodies import agent_pool, managed_cluster
from simulation.pki import DAY, YEAR, Authority
from tests.judgement.differences import Said, alert_without_finding, finding_without_alert, fired, heard, told
from tests.judgement.promtool import Alerts, Scrape, alerts
from tests.pages.example import CA, NOW
from tests.pages.fleet import FORMER, fleet

HOUR = 3600.0
RESOURCE = ResourceId("5ab0", "contoso", "managedClusters", "aks1")
PAIR = ("cluster", "aks1")
HEALTHY = fleet(12, 3)
SOURCES = (
    Source.APISERVER,
    Source.APISERVICES,
    Source.AZURE,
    Source.CONFIGMAPS,
    Source.CSRS,
    Source.LEASES,
    Source.NODES,
    Source.WEBHOOKS,
)


def read(authority: Authority) -> tuple[Certificate, ...]:
    return certificates(authority.pem)


def served(left: float, lifetime: float = 730 * DAY, **more: object) -> ClusterFacts:
    leaf = certificates(CA.issue("apiserver", NOW + left - lifetime, NOW + left).certificate_pem)[0]
    return replace(HEALTHY, endpoints=(replace(Endpoint("a:443", leaf, True), **more),))  # type: ignore[arg-type]


def authority(ca: Ca, left: float) -> ClusterFacts:
    return replace(HEALTHY, cas={**HEALTHY.cas, ca: read(Authority("ca", NOW - 9 * YEAR, NOW + left))})


def waiting(*ages: float, untracked: int = 0) -> ClusterFacts:
    nodes = tuple(
        NodeRequests(f"n{number}", SERVING_SIGNER, NOW - age, f"csr-{number}", pending_objects=1)
        for number, age in enumerate(ages)
    )
    return replace(HEALTHY, csrs=CsrTotals({}, {}, {}, nodes, untracked=untracked))


def unsigned(
    left: float | None, *ages: float, leases: Mapping[Lease, float] = HEALTHY.leases, joined: bool = True
) -> ClusterFacts:
    """Nodes that have waited so long, none signed; the first present certificate ends in so many seconds."""
    names = [node.name for node in HEALTHY.nodes or ()] if joined else [f"new{number}" for number in range(9)]
    identity = CertificateIdentity("1", "2", NOW + (left or 0) - 365 * DAY, NOW + (left or 0))
    issued = None if left is None else Issued(NOW + left - 365 * DAY, identity)
    requests = tuple(
        NodeRequests(name, SERVING_SIGNER, NOW - age, "csr", pending_objects=1, issued=issued)
        for name, age in zip(names, ages, strict=False)
    )
    counted = {(SERVING_SIGNER, Requestor.NODE, CsrCondition.PENDING): len(requests)}
    return replace(HEALTHY, csrs=CsrTotals(counted, {}, {}, requests), leases=leases)


def preflight(*, renewals: bool) -> tuple[Preflight, ...]:
    return tuple(
        Preflight(one, renewals or one.subresource != "selfnodeclient") for one in questions(HEALTHY.nodes or (), None)
    )


SILENT = {**HEALTHY.leases, Lease.KUBELET_SERVING_CSR_APPROVER: NOW - HOUR}


def bundle(held: CaBundle) -> ClusterFacts:
    return replace(HEALTHY, bundles=(held,))


def azure(*, since: float = 0.0, before: StateClass | None = None, tag: str = "", **options: object) -> ClusterFacts:
    pools = [agent_pool("pool0", tags={TAG: tag} if tag else None)]
    body = managed_cluster(RESOURCE, pools, **options)  # type: ignore[arg-type]
    facts = AzureFacts(azure_cluster(body, RESOURCE), {PAIR: NOW - since}, {PAIR: before} if before else {})
    return replace(HEALTHY, azure=facts)


EARLY = Authority("webhook", NOW + HOUR, NOW + 90 * DAY)
ENDED = Authority("webhook", NOW - 90 * DAY, NOW - HOUR)
CASES: dict[str, ClusterFacts] = {
    "healthy": HEALTHY,
    "everything broken": fleet(12, 3, broken=True),
    "API server, 31 days": served(31 * DAY),
    "API server, 29 days": served(29 * DAY),
    "API server, 6 days": served(6 * DAY),
    "API server, ended": served(-HOUR),
    "API server, a short life": served(29 * DAY, 40 * DAY),
    "API server, nothing renews it": replace(served(100 * DAY), azure=azure(rbac=False).azure),
    "API server, nothing renews it, 20 days": replace(served(20 * DAY), azure=azure(rbac=False).azure),
    "API server, untrusted": served(300 * DAY, trusted=False, untrusted=Reason.CERTIFICATE_UNTRUSTED),
    "cluster CA, 170 days": authority(Ca.CLUSTER, 170 * DAY),
    "cluster CA, 20 days": authority(Ca.CLUSTER, 20 * DAY),
    "cluster CA, ended": authority(Ca.CLUSTER, -DAY),
    "client CA, 20 days": authority(Ca.CLIENT, 20 * DAY),
    "request-header CA, 80 days": authority(Ca.REQUESTHEADER, 80 * DAY),
    "request-header CA, 100 days": authority(Ca.REQUESTHEADER, 100 * DAY),
    "request-header CA, ended": authority(Ca.REQUESTHEADER, -DAY),
    "cluster CA, of next year": replace(HEALTHY, cas={Ca.CLUSTER: read(Authority("ca", NOW + YEAR, NOW + 9 * YEAR))}),
    "client CA, of next hour": replace(HEALTHY, cas={**HEALTHY.cas, Ca.CLIENT: read(EARLY)}),
    "cluster CA, of in a moment": replace(HEALTHY, cas={Ca.CLUSTER: read(Authority("ca", NOW + 60, NOW + 9 * YEAR))}),
    "requests of minutes": waiting(60.0, 19 * 60.0),
    "requests of an hour": waiting(HOUR, 2 * HOUR),
    "requests of a day": waiting(HOUR, 24 * HOUR),
    "nobody signs for 4 minutes": unsigned(36 * DAY, 4 * 60.0, 3 * 60.0),
    "nobody signs for 6 minutes": unsigned(36 * DAY, 6 * 60.0, 60.0),
    "nobody signs, 36 days are left": unsigned(36 * DAY, 15 * 60.0, 60.0),
    "nobody signs for a day, 36 days are left": unsigned(36 * DAY, 24 * HOUR, HOUR),
    "nobody signs for five days, 36 are left": unsigned(36 * DAY, 120 * HOUR, HOUR),
    "nobody signs, hours are left": unsigned(7 * HOUR, 12 * 60.0, 11 * 60.0),
    "nobody signs, some ended meanwhile": unsigned(-60.0, 12 * 60.0, 11 * 60.0),
    "nobody signs, no end is known": unsigned(None, 12 * 60.0, 11 * 60.0),
    "nobody signs, nodes cannot join": unsigned(None, 12 * 60.0, 11 * 60.0, joined=False),
    "one request waits, the approver lives": unsigned(HOUR, 15 * 60.0),
    "one request waits, the approver is silent": unsigned(HOUR, 15 * 60.0, leases=SILENT),
    "the bindings are there": replace(HEALTHY, preflight=preflight(renewals=True)),
    "renewals are not approved any more": replace(HEALTHY, preflight=preflight(renewals=False)),
    "a flood": waiting(HOUR, untracked=900),
    "a former CA in a caBundle": bundle(CaBundle("APIService", "x", read(FORMER))),
    "a caBundle of next hour": bundle(CaBundle("APIService", "x", read(EARLY))),
    "an ended caBundle": bundle(CaBundle("ValidatingWebhookConfiguration", "x", read(ENDED))),
    "a caBundle cut off": bundle(CaBundle("APIService", "x", (), "cut off", CaBundleStatus.MALFORMED)),
    "no caBundle": bundle(CaBundle("APIService", "x", (), "", CaBundleStatus.EMPTY)),
    "a silent approver": replace(HEALTHY, leases={**HEALTHY.leases, Lease.KUBELET_SERVING_CSR_APPROVER: NOW - HOUR}),
    "clock, a minute and a half": replace(HEALTHY, clock_offset=90.0),
    "clock, five minutes behind": replace(HEALTHY, clock_offset=-300.0),
    "clock, half a minute": replace(HEALTHY, clock_offset=30.0),
    "Azure, at rest": azure(),
    "Azure, rotating": azure(state="RotatingClusterCertificates", since=600.0),
    "Azure, rotating for two hours": azure(state="RotatingClusterCertificates", since=2 * HOUR),
    "Azure, another operation failed": azure(state="Failed", before=StateClass.UPGRADING, since=HOUR),
    "Azure, an unseen operation failed": azure(state="Failed", since=HOUR),
    "Azure, opted out": azure(tag="true"),
    "Azure, stopped": azure(power="Stopped"),
    "a workload that reads the retired path": replace(
        HEALTHY, workloads=(WorkloadUse("DaemonSet", "monitoring", "agent", RetiredPathUse.MOUNT),)
    ),
    "a node nobody observes": replace(
        HEALTHY,
        observations={
            node.name: NodeObservation(Observer.NOBODY, silent=Failure(Reason.REFUSED, "refused"))
            if number == 0
            else NodeObservation(Observer.KUBELET)
            for number, node in enumerate(HEALTHY.nodes or ())
        },
    ),
}
DOWN = {f"{source}, down": source for source in SOURCES}


def sources(down: Source | None = None) -> tuple[SourceFacts, ...]:
    found = []
    for source in SOURCES:
        ledger = SourceLedger(source)
        if source is down:
            ledger.failure(Reason.TIMEOUT, "no answer")
        else:
            ledger.success(NOW)
        found.append(ledger.facts())
    return tuple(found)


def scrapes(facts: ClusterFacts, asked: Iterable[SourceFacts]) -> list[Scrape]:
    return [
        Scrape([*cluster_agent.families(facts, asked, "")], NOW, "cluster"),
        Scrape([*build.families(Mode.NODE, "")], NOW, "node"),
    ]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, tuple[Finding, ...]], dict[str, Alerts]]:
    """Every case's findings, and what promtool makes of its families."""
    folder: Path = tmp_path_factory.mktemp("clusters")
    cases = {name: (facts, sources()) for name, facts in CASES.items()}
    cases |= {name: (_without(source), sources(source)) for name, source in DOWN.items()}
    findings = {name: cluster_findings(facts, asked, NOW) for name, (facts, asked) in cases.items()}
    return findings, alerts({name: scrapes(facts, asked) for name, (facts, asked) in cases.items()}, folder)


def _without(source: Source) -> ClusterFacts:
    """An API server that does not answer is an address that does not."""
    if source is not Source.APISERVER:
        return HEALTHY
    failure = Failure(Reason.TIMEOUT, "no answer")
    return replace(HEALTHY, endpoints=tuple(replace(one, failure=failure) for one in HEALTHY.endpoints))


def test_what_fires_is_found_and_what_is_found_fires(
    judged: tuple[dict[str, tuple[Finding, ...]], dict[str, Alerts]],
) -> None:
    """B12, G6: name, severity and node are the same, `for` apart: what is found is pending at least."""
    wrong: dict[str, set[Said]] = {}
    for name, findings in judged[0].items():
        seen = judged[1][name]
        if missing := alert_without_finding(heard(seen), told(findings)):
            wrong[f"{name}: fires, and is not found"] = missing
        if silent := finding_without_alert(told(findings), fired(seen)):
            wrong[f"{name}: is found, and does not fire"] = silent
    assert not wrong, "\n".join(f"{name}: {sorted(those)}" for name, those in wrong.items())


def test_the_cases_are_of_all_kinds(judged: tuple[dict[str, tuple[Finding, ...]], dict[str, Alerts]]) -> None:
    """An agreement on nothing would be none."""
    said = {one["alertname"] for each in judged[1].values() for one in each}
    assert said >= {
        "AksCertApiServerExpiring",
        "AksCertApiServerUntrusted",
        "AksCertCaBundleOutdated",
        "AksCertCaBundleUnreadable",
        "AksCertClockSkew",
        "AksCertClusterCaExpiring",
        "AksCertClusterRotationRunning",
        "AksCertClusterRotationStuck",
        "AksCertCsrFlood",
        "AksCertCsrPending",
        "AksCertExpired",
        "AksCertExpiringWithoutRotation",
        "AksCertNobodySigns",
        "AksCertNodeNotObserved",
        "AksCertRenewalNotAllowed",
        "AksCertRequestHeaderCaExpiring",
        "AksCertRetiredPathInUse",
        "AksCertServingOptOutTag",
        "AksCertSignerSilent",
        "AksCertSourceDown",
    }
