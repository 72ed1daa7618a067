"""What a person reads of webhooks and aggregated APIs: the worst first, and no claim that all of it was seen."""

from exporter.facts.cluster import ClusterFacts
from exporter.facts.kube.endpoint import ServedEndpoint
from exporter.facts.kube.endpoint_target import EndpointTarget
from exporter.facts.source import Failure
from exporter.facts.x509 import certificates
from exporter.findings import Severity
from exporter.findings.endpoints import endpoint_findings
from exporter.pages.cluster_page import cluster_page
from exporter.pages.endpoint_section import endpoint_section, unreached
from exporter.reason import FailurePolicy, Reason
from simulation.pki import DAY
from tests.pages.example import CA, NOW

SEEN = certificates(CA.issue("x", NOW - DAY, NOW + 300 * DAY).certificate_pem)[0]


def target(name: str, *, verified: bool = True) -> EndpointTarget:
    host = f"{name}.n.svc"
    return EndpointTarget(
        "MutatingWebhookConfiguration", name, host, 443, ("n", name), FailurePolicy.FAIL, verified=verified
    )


def test_the_worst_comes_first_and_what_is_well_last() -> None:
    served = (
        ServedEndpoint(target("well"), SEEN, True),
        ServedEndpoint(target("unseen"), failure=Failure(Reason.UNREACHABLE, "no connection"), silent_since=NOW),
        ServedEndpoint(target("bad"), SEEN, False, Reason.CERTIFICATE_UNTRUSTED),
        ServedEndpoint(target("unverified", verified=False), SEEN),
    )
    text = str(endpoint_section(ClusterFacts(served=served), NOW))
    places = [text.index(f"MutatingWebhookConfiguration {name}<") for name in ("bad", "unseen", "unverified", "well")]
    assert places == sorted(places)
    for words in ("is not reachable from here", "not verified: insecureSkipTLSVerify", "writes are refused"):
        assert words in text


def test_what_is_out_of_reach_is_not_said_to_have_been_looked_at() -> None:
    """All else is ok, and the page is not green for it: what nobody saw is the note in /facts and here alike."""
    silent = ServedEndpoint(target("a"), failure=Failure(Reason.DNS, "no address"), silent_since=NOW)
    known = ServedEndpoint(target("b"), SEEN, True)
    assert unreached(ClusterFacts(served=(known,))) == unreached(ClusterFacts()) == 0
    facts = ClusterFacts(served=(silent, known))
    (note,) = endpoint_findings(facts, NOW)
    assert note.severity is Severity.INFO
    html = cluster_page(facts, (note,), (), NOW)
    assert "Not everything has been looked at" in html
    assert "1 note below. One address that the API server calls could not be seen from here." in html
    assert "All is ok" not in html
    well = cluster_page(ClusterFacts(served=(known,)), (), (), NOW)
    assert "Every place was looked at, and nothing needs to be done." in well


def test_where_they_are_not_looked_at_there_is_no_section() -> None:
    assert endpoint_section(ClusterFacts(), NOW) == ""
    assert "None has been looked at" in endpoint_section(ClusterFacts(served=()), NOW)
