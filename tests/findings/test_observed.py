"""What node agents and kubelets tell is judged once; a node that nobody tells about is never ok."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from exporter.facts.cluster import ClusterFacts
from exporter.facts.kube.csr_ledger import CsrTotals
from exporter.facts.kube.kubelet_metrics import KubeletConfig
from exporter.facts.kube.kubelet_report import KubeletReport, followed
from exporter.facts.kube.node import Node
from exporter.facts.kube.node_view import Validity, node_view
from exporter.facts.node_document import NodeDocument, ToldFinding, ToldRotation, ToldStep
from exporter.facts.node_observation import NodeObservation
from exporter.facts.source import Failure
from exporter.facts.x509 import certificates
from exporter.findings import Finding, Kind, Severity, Step, Subject
from exporter.findings.cluster_timeline import cluster_events
from exporter.findings.observed import observed_findings
from exporter.reason import KubeletStatus, Observer, Reason, Role, Rotation
from simulation.pki import DAY, YEAR, Authority, Credential, self_signed_linux

NOW = 1_800_000_000.0
NODE = "aks-nodepool1-12345678-vmss00000a"
AUTHORITY = Authority.cluster(NOW - 3 * YEAR)
CA = certificates(AUTHORITY.pem)
ON = KubeletConfig(True, True, "", True)


def node(name: str = NODE) -> Node:
    return Node(
        name,
        "nodepool1",
        "v1.33.2",
        "",
        "linux",
        "",
        "cluster",
        Rotation.ENABLED,
        NOW - DAY,
        True,
        "",
        "",
        ("10.224.0.4", name),
    )


def report(serving: Credential | None = None, **more: object) -> KubeletReport:
    served = certificates((serving or AUTHORITY.kubelet_serving(NODE, NOW - DAY)).certificate_pem)
    known: dict[str, object] = {
        "served": served,
        "config": ON,
        "client_certificate": True,
        "client_not_after": NOW + 300 * DAY,
    }
    return KubeletReport(NODE, KubeletStatus.OK, **{**known, **more})  # type: ignore[arg-type]


def told(found: KubeletReport, issued: Mapping[Role, Validity] | None = None) -> list[Finding]:
    view = node_view(found, CA, issued or {}, addresses=("10.224.0.4", NODE))
    by = Observer.KUBELET if found.told else Observer.NOBODY
    return [*observed_findings(facts({NODE: NodeObservation(by, view=view)}), NOW)]


def facts(observations: Mapping[str, NodeObservation]) -> ClusterFacts:
    return ClusterFacts(nodes=tuple(node(name) for name in observations), observations=observations)


def brief(findings: list[Finding]) -> list[tuple[str, str, Role | None]]:
    return [(one.severity.value, one.alert, one.role) for one in findings]


def test_a_healthy_node_has_no_finding() -> None:
    """Both certificates rotate and are in date."""
    assert told(report()) == []
    year = Validity(NOW - 0.6 * YEAR, NOW + 0.4 * YEAR)
    assert told(report(client_not_after=year.not_after), {Role.KUBELET_CLIENT: year}) == []


@pytest.mark.parametrize(
    ("found", "issued", "said"),
    [
        (report(client_not_after=NOW - 60), {}, [("critical", "AksCertExpired", Role.KUBELET_CLIENT)]),
        (
            report(AUTHORITY.kubelet_serving(NODE, NOW - 366 * DAY)),
            {},
            [("critical", "AksCertExpired", Role.KUBELET_SERVING)],
        ),
        (
            report(client_not_after=NOW + 0.09 * YEAR),
            {Role.KUBELET_CLIENT: Validity(NOW - 0.91 * YEAR, NOW + 0.09 * YEAR)},
            [("warning", "AksCertRotationOverdue", Role.KUBELET_CLIENT)],
        ),
        (
            report(client_not_after=NOW + 0.04 * YEAR),
            {Role.KUBELET_CLIENT: Validity(NOW - 0.96 * YEAR, NOW + 0.04 * YEAR)},
            [("critical", "AksCertRotationOverdue", Role.KUBELET_CLIENT)],
        ),
        (report(client_not_after=NOW + 31 * DAY), {}, []),
        (report(client_not_after=NOW + 29 * DAY), {}, [("warning", "AksCertRotationOverdue", Role.KUBELET_CLIENT)]),
        (report(client_not_after=NOW + 6 * DAY), {}, [("critical", "AksCertRotationOverdue", Role.KUBELET_CLIENT)]),
        (report(AUTHORITY.kubelet_serving(NODE, NOW - DAY, days=50), client_not_after=NOW + 6 * DAY), {}, []),
        (
            report(AUTHORITY.kubelet_serving(NODE, NOW - DAY, days=50), client_not_after=NOW + 4 * DAY),
            {},
            [("warning", "AksCertRotationOverdue", Role.KUBELET_CLIENT)],
        ),
        (
            report(config=None, client_not_after=NOW + 6 * DAY),
            {},
            [("critical", "AksCertExpiringWithoutRotation", Role.KUBELET_CLIENT)],
        ),
        (
            report(served=(), config=None, client_not_after=NOW + 29 * DAY),
            {},
            [("warning", "AksCertExpiringWithoutRotation", Role.KUBELET_CLIENT)],
        ),
        (
            report(AUTHORITY.kubelet_serving("aks-other-vmss000001", NOW - DAY)),
            {},
            [("critical", "AksCertUnusable", Role.KUBELET_SERVING)],
        ),
        (
            report(config=KubeletConfig(False, True, "", True)),
            {},
            [("warning", "AksCertRotationDisabled", Role.KUBELET_CLIENT)],
        ),
        (
            report(self_signed_linux(NODE, NOW - DAY), config=KubeletConfig(True, False, "", True)),
            {},
            [
                ("info", "AksCertRotationDisabled", Role.KUBELET_SERVING),
                ("warning", "AksCertRotationEvidenceConflict", Role.KUBELET_SERVING),  # its label says on
            ],
        ),
        (
            report(client_certificate=False, client_not_after=None),
            {},
            [("warning", "AksCertRotationWaiting", Role.KUBELET_CLIENT)],
        ),
    ],
    ids=[
        "client-ended",
        "serving-ended",
        "overdue",
        "overdue-critical",
        "unknown-lifetime-31-days",
        "unknown-lifetime-29-days",
        "unknown-lifetime-6-days",
        "50-days-of-which-6-are-left",
        "50-days-of-which-4-are-left",
        "unknown-lifetime-and-rotation",
        "nothing-served",
        "another-nodes",
        "client-off",
        "serving-off",
        "no-client-certificate",
    ],
)
def test_what_a_kubelet_tells_is_judged_by_the_same_limits(
    found: KubeletReport, issued: dict[Role, Validity], said: list[tuple[str, str, Role | None]]
) -> None:
    """A7: of a certificate of which only the end is known the days count, and how long the one beside it lives."""
    assert brief(told(found, issued)) == said


def test_a_kubelet_without_a_serving_certificate_waits_and_the_rest_is_unknown() -> None:
    """G1: approval heals it; reimaging would be harm for nothing, and is not proposed."""
    found = KubeletReport(NODE, KubeletStatus.TLS_ERROR, no_certificate=True)
    waiting, unknown = told(found)
    assert brief([waiting, unknown]) == [
        ("warning", "AksCertRotationWaiting", Role.KUBELET_SERVING),
        ("unknown", "", None),
    ], "the request that waits is the alert"
    assert "delete-machines" not in str(waiting.next)
    assert "serves no certificate" in unknown.what


def test_a_node_that_nobody_tells_about_is_unknown_once_it_was_asked() -> None:
    """A7, A8: not looked at is never ok; before the first question it is not a fault either."""
    silent = Failure(Reason.REFUSED, "connection refused")
    asked = {f"aks-a-12345678-vmss{i:06d}": NodeObservation(Observer.NOBODY, silent=silent) for i in range(7)}
    found = [*observed_findings(facts(asked), NOW)]
    assert [(one.severity, one.alert, one.node) for one in found] == [
        (Severity.UNKNOWN, "AksCertNodeNotObserved", name) for name in asked
    ]
    unasked = facts({NODE: NodeObservation(Observer.NOBODY)})
    assert [*observed_findings(unasked, NOW)] == []
    assert [one.node for one in observed_findings(unasked, NOW, everybody_asked=True)] == [NODE]
    assert [*observed_findings(unasked, NOW - DAY + 60, everybody_asked=True)] == [], "a node of a minute"


@pytest.mark.parametrize("status", [KubeletStatus.UNTRUSTED, KubeletStatus.UNAUTHORIZED, KubeletStatus.FORBIDDEN])
def test_what_a_kubelet_would_not_tell_is_said(status: KubeletStatus) -> None:
    """Of a node of which only the serving certificate was seen, nothing is known of the client's: never silence."""
    found = KubeletReport(NODE, status, served=certificates(AUTHORITY.kubelet_serving(NODE, NOW).certificate_pem))
    unknown = [one for one in told(found) if one.severity is Severity.UNKNOWN]
    assert [(one.node, one.alert) for one in unknown] == [(NODE, "AksCertNodeNotObserved")]
    assert unknown[0].what.startswith("Nothing is known of this node's client certificate")


def test_a_kubelet_that_answers_and_does_not_tell_of_its_client_certificate_is_named_too() -> None:
    """K1: the metric is absent, though rotation is on; where rotation is off, that is what is said."""
    silent = told(report(client_certificate=None, client_not_after=None))
    assert brief(silent) == [("unknown", "AksCertNodeNotObserved", Role.KUBELET_CLIENT)]
    off = report(config=KubeletConfig(False, True, "", True), client_certificate=None, client_not_after=None)
    assert brief(told(off)) == [("warning", "AksCertRotationDisabled", Role.KUBELET_CLIENT)]


def test_a_kubelet_of_another_ca_is_told_by_what_its_node_is_labelled() -> None:
    """A9: it cannot be asked whether it rotates, for no credential is sent; AKS labels the node as one that does."""
    another = Authority("ca", NOW - YEAR, NOW + YEAR, number=7)
    foreign = certificates(another.kubelet_serving(NODE, NOW - DAY).certificate_pem)
    found = KubeletReport(NODE, KubeletStatus.UNTRUSTED, "it is not signed by the cluster CA", served=foreign)
    for labelled, said in ((True, [("critical", "AksCertUnusable", Role.KUBELET_SERVING)]), (False, [])):
        view = node_view(found, CA, {}, addresses=("10.224.0.4", NODE), labelled=labelled)
        every = [*observed_findings(facts({NODE: NodeObservation(Observer.KUBELET, view=view)}), NOW)]
        assert brief(every) == [*said, ("unknown", "AksCertNodeNotObserved", Role.KUBELET_CLIENT)]


def document(*findings: ToldFinding, rotation: tuple[ToldRotation, ...] = ()) -> NodeDocument:
    return NodeDocument(NODE, findings, rotation, b"")


def test_a_node_agents_findings_are_passed_on_in_its_words() -> None:
    """Also those of a newer one, whose words are not known here: they are unknown, not ok."""
    known = ToldFinding(
        "critical",
        "It ended.",
        "AksCertExpired",
        role="kubelet-client",
        until=NOW,
        next=(ToldStep("Do.", "kubectl x"),),
    )
    newer = ToldFinding("catastrophic", "It is new.", role="kubelet-other")
    observed = {NODE: NodeObservation(Observer.NODE_AGENT, document(known, newer))}
    subject = Subject(Kind.NODE, NODE)
    assert list(observed_findings(facts(observed), NOW)) == [
        Finding(
            Severity.CRITICAL,
            subject,
            "It ended.",
            (Step("Do.", "kubectl x"),),
            "AksCertExpired",
            node=NODE,
            role=Role.KUBELET_CLIENT,
            until=NOW,
        ),
        Finding(Severity.UNKNOWN, subject, "It is new.", (), node=NODE),
    ]


def test_a_kubelet_that_runs_with_other_settings_than_its_files_say_is_a_finding() -> None:
    """Two places disagree, though only one of them is the node's voice."""
    rotation = tuple(
        ToldRotation(role, "enabled", evidence={"file": True}) for role in ("kubelet-serving", "kubelet-client")
    )
    says_on = document(rotation=rotation)
    view = node_view(report(config=KubeletConfig(True, False, "", True)), CA, {})
    (finding,) = observed_findings(facts({NODE: NodeObservation(Observer.NODE_AGENT, says_on, view)}), NOW)
    assert (finding.alert, finding.role) == ("AksCertRotationEvidenceConflict", Role.KUBELET_SERVING)
    agrees = node_view(report(), CA, {})
    assert [*observed_findings(facts({NODE: NodeObservation(Observer.NODE_AGENT, says_on, agrees)}), NOW)] == []


def test_one_certificate_has_one_end() -> None:
    """A TTL in whole seconds, by another clock, moves a little; a rotation moves the end by far."""
    first = report(client_not_after=NOW)
    before = NOW - DAY
    assert followed(first, report(client_not_after=NOW + 90), before).client_not_after == NOW
    for moved, end in ((120, NOW), (-120, NOW), (121, NOW + 121), (-121, NOW - 121)):
        assert followed(first, report(client_not_after=NOW + moved), before).client_not_after == end
    assert followed(first, report(client_not_after=NOW + 3600), before).client_not_after == NOW + 3600
    gone = report(client_certificate=False, client_not_after=None)
    assert followed(first, gone, NOW).client_not_after == NOW
    assert followed(None, gone, NOW).client_not_after is None


def test_what_comes_of_a_node_is_known_from_its_kubelet_too() -> None:
    """When a certificate is renewed, and that one which nothing renews ends."""
    year = Validity(NOW - 0.5 * YEAR, NOW + 0.5 * YEAR)
    served = self_signed_linux(NODE, NOW - DAY)
    found = report(served, client_not_after=year.not_after, config=KubeletConfig(True, False, "", True))
    view = node_view(found, CA, {Role.KUBELET_CLIENT: year}, addresses=("10.224.0.4", NODE))
    events = [*cluster_events(facts({NODE: NodeObservation(Observer.KUBELET, view=view)}), NOW)]
    told = {(one.what, one.about, one.breaks) for one in events}
    assert ("The kubelet renews its client certificate", NODE, False) in told
    assert ("The kubelet serving certificate ends; nothing renews it", NODE, True) in told


def test_a_kubelet_that_exits_over_its_ended_certificate_stays_one_whose_certificate_ended() -> None:
    """K6: it exits minutes after the end and no longer answers. A machine that was stopped before is no such case."""
    first = report(client_not_after=NOW)
    silent = KubeletReport(NODE, KubeletStatus.REFUSED, "Connection refused")
    ended = followed(first, silent, NOW + 240)
    assert ended.client_not_after == NOW
    ended = followed(ended, silent, NOW + 30 * DAY)
    view = node_view(ended, CA, {})
    assert not ended.told
    said = [*observed_findings(facts({NODE: NodeObservation(Observer.NOBODY, view=view)}), NOW + 30 * DAY)]
    assert [one.alert for one in said] == ["AksCertExpired", "AksCertNodeNotObserved"]
    stopped = followed(first, silent, NOW - DAY)
    assert followed(stopped, silent, NOW + DAY).client_not_after is None


def test_what_a_kubelet_tells_of_each_certificate_is_the_outlook_of_its_own_signer() -> None:
    """The client's end for the one, the served one's for the other."""
    year = Validity(NOW - 0.5 * YEAR, NOW + 0.5 * YEAR)
    found = report(AUTHORITY.kubelet_serving(NODE, NOW - DAY, days=50), client_not_after=year.not_after)
    view = node_view(found, CA, {Role.KUBELET_CLIENT: year}, addresses=("10.224.0.4", NODE))
    known = replace(facts({NODE: NodeObservation(Observer.KUBELET, view=view)}), csrs=CsrTotals({}, {}, {}, ()))
    ends = {one.role: [held.not_after for held in one.certificates] for one in known.outlooks}
    assert ends == {Role.KUBELET_CLIENT: [year.not_after], Role.KUBELET_SERVING: [found.served[0].not_after]}
    assert {one.role: one.window for one in view.certificates} == {
        Role.KUBELET_CLIENT: (NOW + 0.2 * YEAR, NOW + 0.4 * YEAR),
        Role.KUBELET_SERVING: tuple(found.served[0].not_before + part * 50 * DAY for part in (0.7, 0.9)),
    }
