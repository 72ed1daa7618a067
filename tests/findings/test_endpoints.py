"""What the page, `check` and the alerts say of what the API server calls, to the second."""

import pytest

from exporter.facts.cluster import ClusterFacts
from exporter.facts.kube.endpoint import ServedEndpoint
from exporter.facts.kube.endpoint_target import EndpointTarget
from exporter.facts.source import Failure
from exporter.facts.x509 import certificates
from exporter.findings import Finding, Severity
from exporter.findings.endpoints import endpoint_findings
from exporter.reason import FailurePolicy, Reason
from simulation.pki import DAY, YEAR, Authority

NOW = 1_800_000_000.0
CA = Authority("ca", NOW - 2 * YEAR, NOW + 2 * YEAR)


def findings(*served: ServedEndpoint) -> list[Finding]:
    return list(endpoint_findings(ClusterFacts(served=served), NOW))


def served(
    left: float,
    lifetime: float,
    *,
    kind: str = "ValidatingWebhookConfiguration",
    service: tuple[str, str] | None = ("security", "policy"),
    policy: FailurePolicy = FailurePolicy.FAIL,
    verified: bool = True,
    untrusted: Reason | None = None,
) -> ServedEndpoint:
    found = certificates(CA.issue("x", NOW + left - lifetime, NOW + left).certificate_pem)[0]
    host = f"{service[1]}.{service[0]}.svc" if service else "hooks.example"
    return ServedEndpoint(
        EndpointTarget(kind, "one", host, 443, service, policy, verified), found, untrusted is None, untrusted
    )


@pytest.mark.parametrize(
    ("left", "lifetime", "severity"),
    [
        (21 * DAY - 1, YEAR, Severity.WARNING),
        (21 * DAY, YEAR, None),
        (18 * DAY - 1, 90 * DAY, Severity.WARNING),
        (18 * DAY, 90 * DAY, None),
        (3 * DAY - 1, YEAR, Severity.CRITICAL),
        (3 * DAY, YEAR, Severity.WARNING),
        (0.05 * 30 * DAY - 1, 30 * DAY, Severity.CRITICAL),
        (0.05 * 30 * DAY + 1, 30 * DAY, Severity.WARNING),
        (-DAY, YEAR, Severity.CRITICAL),
        (DAY / 3, DAY, None),
    ],
)
def test_the_lesser_of_days_and_share_counts(left: float, lifetime: float, severity: Severity | None) -> None:
    """A certificate of cert-manager's that is renewed at two thirds is never told of, of whatever lifetime."""
    assert [one.severity for one in findings(served(left, lifetime))] == ([severity] if severity else [])


@pytest.mark.parametrize(
    ("kind", "policy", "severity"),
    [
        ("ValidatingWebhookConfiguration", FailurePolicy.FAIL, Severity.CRITICAL),
        ("MutatingWebhookConfiguration", FailurePolicy.IGNORE, Severity.WARNING),
        ("APIService", FailurePolicy.NONE, Severity.CRITICAL),
        ("CustomResourceDefinition", FailurePolicy.NONE, Severity.WARNING),
    ],
)
def test_what_is_not_accepted_is_as_bad_as_what_hangs_on_it(
    kind: str, policy: FailurePolicy, severity: Severity
) -> None:
    """G6: writes that are blocked and APIs that are gone are a page."""
    (found,) = findings(served(YEAR / 2, YEAR, kind=kind, policy=policy, untrusted=Reason.CERTIFICATE_UNTRUSTED))
    assert (found.alert, found.severity) == ("AksCertEndpointUntrusted", severity)


def test_nothing_hangs_on_what_is_not_verified() -> None:
    """insecureSkipTLSVerify."""
    assert findings(served(-DAY, YEAR, kind="APIService", verified=False)) == []


def test_what_aks_ships_is_said_to_be_aks_s_to_mend() -> None:
    (of_aks,) = findings(served(DAY, YEAR, kind="APIService", service=("kube-system", "metrics-server")))
    assert "which AKS installs and mends" in of_aks.next[0].text
    (own,) = findings(served(DAY, YEAR))
    assert "cert-manager" in own.next[0].text
    (outside,) = findings(served(DAY, YEAR, service=None))
    assert "whoever runs hooks.example" in outside.next[0].text


def test_those_out_of_reach_are_one_note_and_a_refusal_is_another() -> None:
    """Not a fault of theirs, and not green: it is said that nothing is known of them."""
    ways = [Reason.UNREACHABLE, Reason.DNS, Reason.UNREACHABLE, Reason.UNREACHABLE, Reason.REFUSED]
    silent = [
        ServedEndpoint(EndpointTarget("APIService", "a", f"s{number}.n.svc", 443, None), failure=Failure(way, "words"))
        for number, way in enumerate(ways)
    ]
    found = findings(*silent)
    assert [one.severity for one in found] == [Severity.INFO] * 2
    assert "refuses the connection" in found[0].what
    assert "s0.n.svc:443, s1.n.svc:443" in found[1].what
    assert str(found[1].subject) == "4 endpoints"


def test_nothing_is_said_where_nobody_looks() -> None:
    assert list(endpoint_findings(ClusterFacts(), NOW)) == []
