"""What is wrong with a cluster, in words."""

from dataclasses import replace

import pytest

from exporter.facts.cluster import ClusterFacts, Endpoint
from exporter.facts.kube.ca_bundle import CaBundle, Holds
from exporter.facts.kube.csr import CLIENT_SIGNER, SERVING_SIGNER
from exporter.facts.kube.csr_ledger import CsrTotals
from exporter.facts.kube.node import Node
from exporter.facts.kube.node_requests import Issued, NodeRequests, Rejected
from exporter.facts.source import Failure, SourceFacts, SourceLedger
from exporter.facts.x509 import Certificate, certificates
from exporter.findings import Finding, Kind, Severity, Subject
from exporter.findings.cluster import cluster_findings
from exporter.findings.gathered import gathered
from exporter.reason import Ca, CaBundleStatus, CsrCondition, CsrOutcome, Lease, Reason, Requestor, Rotation, Source
from simulation.pki import DAY, YEAR, Authority, Credential

NOW = 1_800_000_000.0
MINUTE, HOUR = 60.0, 3600.0
CA = Authority.cluster(NOW - 3 * YEAR)
NODE = "aks-nodepool1-12345678-vmss000000"


def read(authority: Authority | Credential) -> tuple[Certificate, ...]:
    return certificates(authority.pem if isinstance(authority, Authority) else authority.certificate_pem)


def found(facts: ClusterFacts, *sources: SourceFacts) -> list[tuple[Severity, str, str]]:
    return [(one.severity, str(one.subject), one.alert) for one in cluster_findings(facts, sources, NOW)]


def only(facts: ClusterFacts, *sources: SourceFacts) -> Finding:
    (finding,) = cluster_findings(facts, sources, NOW)
    return finding


def waiting(*requests: NodeRequests) -> ClusterFacts:
    return ClusterFacts(csrs=CsrTotals({}, {}, {}, requests))


def pending(age: float, node: str = NODE, **changes: object) -> NodeRequests:
    one = NodeRequests(node, SERVING_SIGNER, pending_since=NOW - age, pending_name="csr-1", pending_objects=1)
    return replace(one, **changes)  # type: ignore[arg-type]


def node(name: str = NODE, **changes: object) -> Node:
    one = Node(
        name, "nodepool1", "v1.33.2", "AKSUbuntu-2204gen2containerd-202607.13.0", "linux", "Ubuntu", "cluster",
        Rotation.ENABLED, NOW - DAY, True, "", "",
    )  # fmt: skip
    return replace(one, **changes)  # type: ignore[arg-type]


def endpoint(not_before: float, not_after: float, **changes: object) -> Endpoint:
    served = read(CA.issue("apiserver", not_before, not_after))[0]
    return replace(Endpoint("10.0.0.1:443", served, True), **changes)  # type: ignore[arg-type]


def test_a_healthy_cluster_has_no_findings() -> None:
    """All certificates fresh, all leases renewed, all sources up."""
    ledger = SourceLedger(Source.NODES)
    ledger.success(NOW)
    facts = ClusterFacts(
        csrs=CsrTotals({}, {}, {}, (NodeRequests(NODE, SERVING_SIGNER, issued=Issued(NOW, None)),)),
        nodes=(node(),),
        endpoints=(endpoint(NOW - DAY, NOW + 729 * DAY),),
        cas={Ca.CLUSTER: read(CA), Ca.CLIENT: read(CA)},
        bundles=(CaBundle("APIService", "x", read(CA)),),
        leases=dict.fromkeys(Lease, NOW - 5),
        clock_offset=0.4,
    )
    assert found(facts, ledger.facts()) == []
    assert found(ClusterFacts()) == []


@pytest.mark.parametrize(
    ("age", "severity"),
    [(19 * MINUTE, None), (21 * MINUTE, Severity.WARNING), (7 * HOUR, Severity.CRITICAL)],
)
def test_a_waiting_node_is_found_after_20_minutes_and_critical_after_6_hours(
    age: float, severity: Severity | None
) -> None:
    """As the alert has it."""
    expected = [] if severity is None else [(severity, NODE, "AksCertCsrPending")]
    assert found(waiting(pending(age))) == expected


def test_a_waiting_node_is_told_with_its_request_and_the_next_step() -> None:
    """Approved and not issued is another story than unanswered."""
    finding = only(waiting(pending(HOUR, pending_objects=4)))
    assert "csr-1 has no answer, like 3 more." in finding.what
    assert "kubectl certificate approve csr-1" in [step.command for step in finding.next]
    assert "nobody issues" in only(waiting(pending(HOUR, approved=True))).what


def test_many_waiting_nodes_are_one_entry_for_each_signer() -> None:
    """Each is a finding, as it is an alert; but 5,000 entries help nobody. The longest wait speaks for the others."""
    requests = [pending(HOUR + number, f"node{number:02}") for number in range(20)]
    requests += [replace(one, signer_name=CLIENT_SIGNER) for one in requests]
    findings = cluster_findings(waiting(*requests), (), NOW)
    assert len(findings) == 40
    entries = gathered(findings)
    assert [entry.about for entry in entries] == ["node19 and 19 more nodes"] * 2
    assert entries[0].others_named == "The same is wrong with node18, node17, node16 and 16 more."


def test_only_what_is_about_a_node_and_has_an_alert_is_gathered() -> None:
    """Five alike are five entries, whatever else is alike; six are one."""

    def entries(nodes: int, *others: Finding) -> list[str]:
        return [one.about for one in gathered([*(alike(f"n{number}") for number in range(nodes)), *others])]

    def alike(node: str, alert: str = "AksCertExpired") -> Finding:
        return Finding(Severity.WARNING, Subject(Kind.NODE, node or "all"), "It is so.", (), alert, node=node)

    assert entries(5) == [f"n{number}" for number in range(5)]
    assert entries(6) == ["n0 and 5 more nodes"]
    assert sorted(entries(5, alike(""))) == ["all", *(f"n{number}" for number in range(5))]
    assert sorted(entries(0, *(alike(f"m{number}", "") for number in range(6)))) == [f"m{n}" for n in range(6)]


@pytest.mark.parametrize("up", [True, False])
def test_a_lease_that_cannot_be_read_says_nothing_and_another_source_changes_nothing(up: bool) -> None:
    """That leases cannot be read is the finding, not that their holders are silent."""
    ledgers = {source: SourceLedger(source) for source in (Source.LEASES, Source.NODES)}
    for source, ledger in ledgers.items():
        if (source is Source.LEASES) is up:
            ledger.success(NOW)
        else:
            ledger.failure(Reason.TIMEOUT, "no answer")
    facts = ClusterFacts(leases={Lease.KUBE_CONTROLLER_MANAGER: NOW - HOUR})
    said = [alert for _, _, alert in found(facts, *(ledger.facts() for ledger in ledgers.values()))]
    assert ("AksCertSignerSilent" in said) is up
    assert "AksCertSourceDown" in said


@pytest.mark.parametrize("outcome", [CsrOutcome.DENIED, CsrOutcome.FAILED])
def test_a_refusal_is_told_with_its_reason_for_an_hour(outcome: CsrOutcome) -> None:
    """Then its object is gone."""
    recent = NodeRequests(NODE, SERVING_SIGNER, rejected=Rejected("csr-1", outcome, NOW - 60, "Policy: no"))
    finding = only(waiting(recent))
    assert (finding.severity, finding.alert) == (Severity.WARNING, "AksCertCsrRejected")
    assert "Policy: no" in finding.why
    old = NodeRequests(NODE, SERVING_SIGNER, rejected=Rejected("csr-1", outcome, NOW - 2 * HOUR, ""))
    assert found(waiting(old)) == []


def test_many_refused_nodes_are_one_entry_for_each_signer_and_outcome() -> None:
    """A second approver refuses a whole fleet at once; its words end a sentence only once."""
    refused = [
        NodeRequests(f"node-{n}", signer, rejected=Rejected(f"csr-{n}", outcome, NOW - n, "Deny: not mine."))
        for signer in (CLIENT_SIGNER, SERVING_SIGNER)
        for outcome in (CsrOutcome.DENIED, CsrOutcome.FAILED)
        for n in range(20)
    ]
    entries = gathered(cluster_findings(waiting(*refused), (), NOW))
    assert [entry.about for entry in entries] == ["node-19 and 19 more nodes"] * 4
    assert entries[0].finding.why.endswith("Deny: not mine.")


def test_pools_without_rotation_for_the_same_reason_are_one_finding() -> None:
    """A cluster of thirty old pools does not say the same thirty times."""
    old = [
        node(f"n-{pool}", agentpool=pool, serving_rotation=Rotation.DISABLED, kubelet_version="v1.26.1")
        for pool in ("one", "two", "three")
    ]
    finding = only(ClusterFacts(nodes=(*old, node("n-2", agentpool="two"))))
    assert finding.subject == Subject(Kind.NODE_POOL, "one, three and two")
    assert finding.what.startswith("Serving certificate rotation is off on 3 of 4 nodes: Kubernetes v1.26.1 has none")


@pytest.mark.parametrize(
    ("changes", "because"),
    [
        ({"kubelet_version": "v1.26.6"}, "1.27 has"),
        ({"node_image_version": "AKSUbuntu-2204gen2containerd-202412.01.0"}, "older than 202501.12.0"),
        ({}, "opted out"),
    ],
)
def test_nodes_without_serving_rotation_are_grouped_by_pool_with_the_probable_reason(
    changes: dict[str, object], because: str
) -> None:
    """One finding for a pool, however many nodes."""
    off = [node(f"n{number}", serving_rotation=Rotation.DISABLED, **changes) for number in range(3)]
    finding = only(ClusterFacts(nodes=(node(), *off)))
    assert (str(finding.subject), finding.alert) == ("node pool nodepool1", "AksCertRotationDisabled")
    assert "is off on 3 of 4 nodes" in finding.what
    assert because in finding.what


def test_nodes_that_aks_does_not_label_are_unknown_and_not_off() -> None:
    """A note, not a warning."""
    virtual = node("virtual", agentpool="", serving_rotation=Rotation.UNKNOWN)
    finding = only(ClusterFacts(nodes=(virtual,)))
    assert finding.severity is Severity.INFO
    assert "cannot be told" in finding.what


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (Reason.CERTIFICATE_UNTRUSTED, "not signed by a CA"),
        (Reason.CERTIFICATE_EXPIRED, "outside its dates"),
        (Reason.CERTIFICATE_HOSTNAME, "not for this host name"),
    ],
)
def test_an_untrusted_api_server_is_critical_with_its_reason(reason: Reason, words: str) -> None:
    """Each in words."""
    facts = ClusterFacts(endpoints=(endpoint(NOW - DAY, NOW + YEAR, trusted=False, untrusted=reason),))
    finding = only(facts)
    assert (finding.severity, finding.alert) == (Severity.CRITICAL, "AksCertApiServerUntrusted")
    assert words in finding.what


@pytest.mark.parametrize(
    ("lifetime", "left", "severity", "alert"),
    [
        (730, 31, None, ""),
        (730, 29, Severity.WARNING, "AksCertApiServerExpiring"),
        (730, 6, Severity.CRITICAL, "AksCertApiServerExpiring"),
        (730, -1, Severity.CRITICAL, "AksCertExpired"),
        (40, 29, None, ""),
    ],
)
def test_an_api_server_certificate_near_its_end(
    lifetime: float, left: float, severity: Severity | None, alert: str
) -> None:
    """A certificate so short-lived that 30 days are most of its life is not early."""
    facts = ClusterFacts(endpoints=(endpoint(NOW + (left - lifetime) * DAY, NOW + left * DAY),))
    assert found(facts) == ([] if severity is None else [(severity, "10.0.0.1:443", alert)])


def test_an_address_that_does_not_answer_is_a_blind_spot() -> None:
    """Its last certificate is judged all the same."""
    failure = Failure(Reason.DNS, "aks.example: no such name")
    silent = endpoint(NOW - 729 * DAY, NOW + DAY, failure=failure)
    assert found(ClusterFacts(endpoints=(silent,))) == [
        (Severity.CRITICAL, "10.0.0.1:443", "AksCertApiServerExpiring"),
        (Severity.UNKNOWN, "10.0.0.1:443", "AksCertSourceDown"),
    ]


@pytest.mark.parametrize(
    ("ca", "left", "severity", "alert"),
    [
        (Ca.CLUSTER, 200, None, ""),
        (Ca.CLUSTER, 170, Severity.WARNING, "AksCertClusterCaExpiring"),
        (Ca.CLUSTER, 20, Severity.CRITICAL, "AksCertClusterCaExpiring"),
        (Ca.CLUSTER, -1, Severity.CRITICAL, "AksCertClusterCaExpiring"),
        (Ca.REQUESTHEADER, 100, None, ""),
        (Ca.REQUESTHEADER, 80, Severity.WARNING, "AksCertRequestHeaderCaExpiring"),
    ],
)
def test_a_ca_near_its_end_is_found_months_before(ca: Ca, left: float, severity: Severity | None, alert: str) -> None:
    """It takes a maintenance window."""
    authority = Authority("ca", NOW + left * DAY - 30 * YEAR, NOW + left * DAY)
    facts = found(ClusterFacts(cas={ca: read(authority)}))
    assert [(which, name) for which, _, name in facts] == ([] if severity is None else [(severity, alert)])


def test_a_ca_of_the_two_year_class_is_said_from_the_start() -> None:
    """Clusters made before May 2019."""
    finding = only(ClusterFacts(cas={Ca.CLUSTER: read(Authority("ca", NOW - DAY, NOW + 730 * DAY))}))
    assert finding.severity is Severity.INFO
    assert "2-year class" in finding.what


def test_silent_signers_outdated_bundles_and_clocks_apart() -> None:
    """Each under its alert."""
    next_ca = Authority.cluster(NOW - DAY, number=1)
    facts = ClusterFacts(
        cas={Ca.CLUSTER: read(next_ca)},
        former_cas=frozenset({read(CA)[0].public_key_sha256}),
        bundles=(
            CaBundle("APIService", "old", read(CA)),
            CaBundle("APIService", "bad", (), "not base64", CaBundleStatus.MALFORMED),
        ),
        leases={Lease.KUBE_CONTROLLER_MANAGER: NOW - HOUR},
        clock_offset=-300.0,
    )
    assert found(facts) == [
        (Severity.CRITICAL, "clock", "AksCertClockSkew"),
        (Severity.WARNING, "APIService bad", "AksCertCaBundleUnreadable"),
        (Severity.WARNING, "APIService old", "AksCertCaBundleOutdated"),
        (Severity.WARNING, "kube-controller-manager", "AksCertSignerSilent"),
    ]


def test_a_bundle_that_has_ended_is_told_under_the_alert_that_says_so() -> None:
    """G6: an ended caBundle with failurePolicy Fail blocks writes, and had a finding without an alert."""
    ended = read(Authority("webhook", NOW - 90 * DAY, NOW - HOUR))
    finding = only(
        ClusterFacts(cas={Ca.CLUSTER: read(CA)}, bundles=(CaBundle("ValidatingWebhookConfiguration", "a", ended),))
    )
    assert (finding.severity, finding.alert, finding.until) == (
        Severity.WARNING,
        "AksCertCaBundleOutdated",
        NOW - HOUR,
    )
    assert "failurePolicy Fail" in finding.why
    beside = CaBundle("ValidatingWebhookConfiguration", "a", (*ended, *read(CA)))
    assert found(ClusterFacts(cas={Ca.CLUSTER: read(CA)}, bundles=(beside,))) == [], "an ended one beside a valid one"


def test_a_bundle_that_is_not_valid_yet_is_as_one_that_has_ended() -> None:
    """G6: no answer can be verified by it, and nothing was said. Within the signers' five minutes nothing is."""
    early = read(Authority("webhook", NOW + HOUR, NOW + 90 * DAY))
    held = CaBundle("ValidatingWebhookConfiguration", "a", early)
    cluster = ClusterFacts(cas={Ca.CLUSTER: read(CA)}, bundles=(held,))
    finding = only(cluster)
    assert (finding.severity, finding.alert, finding.until) == (
        Severity.WARNING,
        "AksCertCaBundleOutdated",
        NOW + HOUR,
    )
    assert "becomes valid in 60 minutes" in finding.what
    assert cluster.holds(held, NOW) is Holds.EARLY
    for beside in (read(CA), read(Authority("webhook", NOW + MINUTE, NOW + 90 * DAY))):
        both = CaBundle("ValidatingWebhookConfiguration", "a", (*early, *beside))
        assert found(ClusterFacts(cas={Ca.CLUSTER: read(CA)}, bundles=(both,))) == []


@pytest.mark.parametrize("ca", Ca)
def test_a_ca_that_is_not_valid_yet_signs_nothing_that_counts(ca: Ca) -> None:
    """A15: whoever verifies by it refuses everything (crypto/x509, Verify), and its own end is far."""
    finding = only(ClusterFacts(cas={ca: read(Authority("ca", NOW + 300 * DAY, NOW + 9000 * DAY))}))
    assert (finding.severity, finding.alert, finding.until) == (Severity.CRITICAL, "AksCertUnusable", NOW + 300 * DAY)


def test_that_nobody_signs_is_told_before_each_node_is() -> None:
    """G13: requests wait and none was signed for 11 minutes; each node's wait is a finding after 20."""
    requests = tuple(pending(11 * MINUTE, f"node{number}") for number in range(7))
    counted = {(SERVING_SIGNER, Requestor.NODE, CsrCondition.PENDING): 7}
    finding = only(ClusterFacts(csrs=CsrTotals(counted, {}, {}, requests)))
    assert finding.severity is Severity.WARNING
    assert finding.what.startswith("Nobody has signed a kubelet's serving certificate for 11 minutes")
    assert finding.what.endswith("and 7 requests wait.")
    assert "kubelet-serving-csr-approver" in finding.why
    lately = CsrTotals(counted, {}, {}, requests, last_issued={SERVING_SIGNER: NOW - 60})
    assert found(ClusterFacts(csrs=lately)) == [], "another node's was signed a minute ago"


def test_a_missing_approver_matters_where_nodes_rotate() -> None:
    """Elsewhere it is how such clusters are."""
    leases = {Lease.KUBE_CONTROLLER_MANAGER: NOW}
    finding = only(ClusterFacts(nodes=(node(),), leases=leases))
    assert finding.subject == Subject(Kind.SIGNER, "kubelet-serving-csr-approver")
    off = node(serving_rotation=Rotation.DISABLED)
    assert [name for _, name, _ in found(ClusterFacts(nodes=(off,), leases=leases))] == ["node pool nodepool1"]


def test_sources_that_fail_alike_are_one_blind_spot_with_the_next_step() -> None:
    """And those that fail otherwise another."""
    ledgers = {source: SourceLedger(source) for source in (Source.CSRS, Source.NODES, Source.LEASES, Source.AZURE)}
    ledgers[Source.CSRS].failure(Reason.TIMEOUT, "no answer")
    ledgers[Source.NODES].failure(Reason.TIMEOUT, "no answer")
    ledgers[Source.LEASES].failure(Reason.FORBIDDEN, "HTTP 403")
    ledgers[Source.AZURE].failure(Reason.CREDENTIALS, "no login")
    findings = cluster_findings(ClusterFacts(), [ledger.facts() for ledger in ledgers.values()], NOW)
    assert [(one.severity, str(one.subject)) for one in findings] == [
        (Severity.UNKNOWN, "Azure"),
        (Severity.UNKNOWN, "Kubernetes API"),
        (Severity.UNKNOWN, "leases"),
    ]
    assert findings[1].what == "Certificate signing requests and nodes could not be looked at: no answer."
    assert "ClusterRole" in findings[2].next[0].text


@pytest.mark.parametrize(
    ("words", "commands"),
    [
        ("HTTP 403", ["kubectl auth can-i --list"]),
        (
            'HTTP 403: configmaps "kube-root-ca.crt" is forbidden: User "system:serviceaccount:x:exporter" cannot '
            'get resource "configmaps" in API group "" in the namespace "kube-system"',
            ["kubectl auth can-i --list -n kube-system"],
        ),
        (
            'HTTP 403: namespaces "kube-system" is forbidden: User "x" cannot get resource "namespaces" at the cluster '
            'scope; HTTP 403: … in the namespace "kube-system"',
            ["kubectl auth can-i --list -n kube-system", "kubectl auth can-i --list"],
        ),
    ],
)
def test_a_refusal_leads_to_the_role_that_lacks_the_right(words: str, commands: list[str]) -> None:
    """G9: what is in a Role is in no ClusterRole, and the whole message is there."""
    ledger = SourceLedger(Source.CONFIGMAPS)
    ledger.failure(Reason.FORBIDDEN, words)
    (found,) = [one for one in cluster_findings(ClusterFacts(), [ledger.facts()], NOW) if words in one.what]
    assert [one.command for one in found.next] == commands
    assert ("Role in the namespace kube-system" in found.next[0].text) == ("namespace" in words)
