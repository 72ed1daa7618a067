"""What is wrong with API servers and CAs, to the last field: exporter/findings/control_plane.py."""

from dataclasses import replace

import pytest

from exporter.facts.azure.managed_cluster import AzureFacts, azure_cluster
from exporter.facts.azure.resource_id import ResourceId
from exporter.facts.certificate import Certificate
from exporter.facts.cluster import ClusterFacts, Endpoint
from exporter.facts.source import Failure
from exporter.facts.x509 import certificates
from exporter.findings import Finding, Kind, Severity, Step, Subject
from exporter.findings.commands import Place, step
from exporter.findings.control_plane import control_plane_findings, lifetime_class, rotate_steps
from exporter.findings.formatting import ends, when
from exporter.reason import Ca, Reason
from simulation.azure.bodies import managed_cluster
from simulation.pki import DAY, YEAR, Authority

NOW = 1_800_000_000.0
CA = Authority("ca", NOW - YEAR, NOW + 29 * YEAR)
RESOURCE = ResourceId("5ab0", "rg", "managedClusters", "aks1")
HERE = Place("rg", "aks1")
CRITICAL, WARNING, UNKNOWN, INFO = Severity.CRITICAL, Severity.WARNING, Severity.UNKNOWN, Severity.INFO


def leaf(begin: float, end: float) -> Certificate:
    """Days before and after now."""
    return certificates(CA.issue("x", NOW + begin * DAY, NOW + end * DAY).certificate_pem)[0]


def authority(begin: float, end: float) -> Certificate:
    return certificates(Authority("ca", NOW + begin * DAY, NOW + end * DAY).pem)[0]


def azure(*, rbac: bool | None = None) -> AzureFacts:
    return AzureFacts(replace(azure_cluster(managed_cluster(RESOURCE, []), RESOURCE), rbac=rbac))


def said(**known: object) -> list[Finding]:
    return list(control_plane_findings(ClusterFacts(**known), NOW))  # type: ignore[arg-type]


API = Subject(Kind.APISERVER, "a.b:443")


@pytest.mark.parametrize(
    ("address", "name", "connect"),
    [("a.b:443", "a.b", "a.b:443"), ("[fd00::1]:443", "fd00::1", "'[fd00::1]:443'")],
)
def test_an_address_that_does_not_answer_is_asked_by_hand(address: str, name: str, connect: str) -> None:
    """What was seen of it before is judged all the same."""
    silent = Endpoint(address, None, None, failure=Failure(Reason.TIMEOUT, "no answer"))
    expected = Finding(
        UNKNOWN,
        Subject(Kind.APISERVER, address),
        "The API server's certificate could not be looked at: no answer (timeout).",
        (
            Step("See whether the name resolves: a private cluster needs its DNS zone.", f"nslookup {name}"),
            Step(
                "See whether anything answers: a firewall may be in the way.",
                f"openssl s_client -connect {connect} -servername {name} </dev/null",
            ),
        ),
        "AksCertSourceDown",
    )
    assert said(endpoints=(silent,)) == [expected]
    ended = replace(silent, certificate=leaf(-9, -1))
    assert [one.alert for one in said(endpoints=(ended,))] == ["AksCertSourceDown", "AksCertExpired"]


@pytest.mark.parametrize(
    ("untrusted", "words"),
    [
        (Reason.CERTIFICATE_UNTRUSTED, "is not signed by a CA that clients in the cluster trust"),
        (Reason.CERTIFICATE_HOSTNAME, "is not for this host name"),
        (Reason.ERROR, "does not verify"),
        (None, "does not verify"),
    ],
)
def test_an_api_server_that_clients_do_not_trust(untrusted: Reason | None, words: str) -> None:
    seen = leaf(-30, 700)
    expected = Finding(
        CRITICAL,
        API,
        f"Clients do not trust the API server: its certificate {words}.",
        (
            step("See whether a rotation runs or has failed.", HERE.state),
            step("After Failed, rotate again.", HERE.rotate_certs),
            step("Write a kubeconfig from before a rotation anew.", HERE.get_credentials),
        ),
        "AksCertApiServerUntrusted",
        f"The certificate {ends(seen.not_after, NOW)}.",
        until=seen.not_after,
    )
    known = Endpoint("a.b:443", seen, False, untrusted)
    assert said(endpoints=(known,), azure=azure()) == [expected]
    for trusted in (True, None):
        assert said(endpoints=(replace(known, trusted=trusted),), azure=azure()) == []


@pytest.mark.parametrize(
    ("end", "rbac", "severity", "alert", "words", "why"),
    [
        (0, True, CRITICAL, "AksCertExpired", ".", ""),
        (-1, False, CRITICAL, "AksCertExpired", ".", ""),
        (6, True, CRITICAL, "AksCertApiServerExpiring", "; AKS should have renewed it.", ""),
        (29, None, WARNING, "AksCertApiServerExpiring", "; AKS should have renewed it.", ""),
        (
            29,
            False,
            CRITICAL,
            "AksCertExpiringWithoutRotation",
            ", and nothing renews it.",
            "AKS renews it only on clusters with Kubernetes RBAC.",
        ),
    ],
)
def test_an_api_servers_certificate_ends(
    end: float, rbac: bool | None, severity: Severity, alert: str, words: str, why: str
) -> None:
    """By whether AKS renews it."""
    seen = leaf(end - 730, end)
    expected = Finding(
        severity,
        API,
        f"The API server's certificate {ends(seen.not_after, NOW)}{words}",
        rotate_steps(HERE),
        alert,
        why,
        until=seen.not_after,
    )
    found = said(endpoints=(Endpoint("a.b:443", seen, True),), azure=azure(rbac=rbac))
    assert found == [expected]


def test_a_rotation_by_hand_has_two_steps() -> None:
    assert [one.command for one in rotate_steps(HERE)] == [HERE.rotate_certs, HERE.get_credentials]


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (30 * 365, "30-year class"),
        (2 * 365, "2-year class"),
        (1.6 * 365, "2-year class"),
        (1.4 * 365, "lives 511 days"),
        (1, "lives 24 hours"),
    ],
)
def test_a_ca_is_of_a_class_by_its_lifetime(days: float, words: str) -> None:
    assert lifetime_class(authority(0, days)) == words


ROTATED, ENDING = rotate_steps(Place()), "AksCertClusterCaExpiring"


@pytest.mark.parametrize(
    ("ca", "begin", "end", "severity", "what", "alert", "why"),
    [
        (Ca.CLUSTER, -1000, 179, WARNING, "cluster CA (3-year class) {}, and nothing renews it by itself.", ENDING, ""),
        (Ca.CLUSTER, -1000, 29, CRITICAL, "cluster CA (3-year class) {}, and nothing renews it by itself.", ENDING, ""),
        (
            Ca.REQUESTHEADER,
            -1000,
            89,
            WARNING,
            "request-header CA of the API aggregator (3-year class) {}, and nothing renews it by itself.",
            "AksCertRequestHeaderCaExpiring",
            "",
        ),
        (
            Ca.CLIENT,
            -1000,
            29,
            CRITICAL,
            "CA of client certificates (3-year class) {}, and nothing renews it by itself.",
            ENDING,
            "",
        ),
        (
            Ca.CLUSTER,
            -100,
            630,
            INFO,
            "cluster CA is of the 2-year class, not of 30 years, and {}.",
            "",
            "Nothing renews it by itself.",
        ),
        (Ca.CLUSTER, -100, 3 * 365 - 100, None, "", "", ""),
        (Ca.CLIENT, -100, 630, None, "", "", ""),
        (
            Ca.CLUSTER,
            -800,
            190,
            INFO,
            "cluster CA is of the 3-year class, not of 30 years, and {}.",
            "",
            "Nothing renews it by itself.",
        ),
    ],
)
def test_a_ca_ends(
    ca: Ca, begin: float, end: float, severity: Severity | None, what: str, alert: str, why: str
) -> None:
    """One that does not live for three years is told from its first day, that of the cluster."""
    one = authority(begin, end)
    names = {Ca.CLUSTER: "cluster CA", Ca.CLIENT: "CA of client certificates"}
    subject = Subject(Kind.CA, names.get(ca, "request-header CA of the API aggregator"))
    expected = Finding(
        severity or INFO,
        subject,
        "The " + what.format(ends(one.not_after, NOW)),
        ROTATED,
        alert,
        why,
        until=one.not_after,
    )
    assert said(cas={ca: (one,)}) == ([] if severity is None else [expected])


@pytest.mark.parametrize(("begin", "severity"), [(120.0, WARNING), (301.0, CRITICAL)])
def test_a_ca_that_is_not_valid_yet_signs_nothing_that_counts(begin: float, severity: Severity) -> None:
    one = authority(begin / DAY, 9000)
    assert said(cas={Ca.REQUESTHEADER: (one,)}) == [
        Finding(
            severity,
            Subject(Kind.CA, "request-header CA of the API aggregator"),
            f"The request-header CA of the API aggregator becomes valid {when(one.not_before, NOW)}: until then nobody "
            "trusts what it signed.",
            (Step("Compare the clock here with the right time.", "date -u"), *ROTATED),
            "AksCertUnusable" if severity is CRITICAL else "",
            until=one.not_before,
        )
    ]


def test_a_ca_of_two_names_is_told_once_and_an_empty_bundle_never() -> None:
    ending, other = authority(-1000, 20), authority(-1000, 25)
    assert len(said(cas={Ca.CLUSTER: (ending,), Ca.CLIENT: (ending,)})) == 1
    assert len(said(cas={Ca.CLUSTER: (ending,), Ca.CLIENT: (other,)})) == 2
    assert len(said(cas={Ca.CLUSTER: (ending,), Ca.REQUESTHEADER: (ending,)})) == 2
    assert said(cas={Ca.CLUSTER: (), Ca.CLIENT: ()}) == []


def test_a_former_ca_beside_the_one_that_signed_what_is_served() -> None:
    former, present = authority(-9000, -1), certificates(CA.pem)[0]
    served = (Endpoint("a.b:443", leaf(-30, 700), True),)
    (one,) = said(cas={Ca.CLUSTER: (former, present)}, endpoints=served)
    assert (one.severity, one.subject, one.until) == (INFO, Subject(Kind.CA, "cluster CA"), former.not_after)
    assert one.what == f"A former CA in the bundle {ends(former.not_after, NOW)}."


@pytest.mark.parametrize(
    ("offset", "severity", "words"),
    [
        (60.0, None, ""),
        (61.4, WARNING, "61 seconds behind the API server's"),
        (-61.4, WARNING, "61 seconds ahead of the API server's"),
        (241.0, CRITICAL, "241 seconds behind the API server's"),
        (None, None, ""),
    ],
)
def test_two_clocks_are_apart(offset: float | None, severity: Severity | None, words: str) -> None:
    expected = Finding(
        severity or INFO,
        Subject(Kind.CLOCK, "clock"),
        f"The clock here is {words}.",
        (Step("Look at the time service where this runs.", "chronyc tracking"),),
        "AksCertClockSkew",
        "A new certificate is dated back by 5 minutes; a clock further behind calls it not yet valid.",
    )
    assert said(clock_offset=offset) == ([] if severity is None else [expected])
