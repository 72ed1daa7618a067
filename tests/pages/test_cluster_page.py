"""The cluster page: what it says of trust, node pools and requests, also before anything has answered."""

import re
from dataclasses import replace

import pytest

from exporter.facts.cluster import ClusterFacts, Endpoint
from exporter.facts.kube.ca_bundle import CaBundle
from exporter.facts.kube.csr import CLIENT_SIGNER, SERVING_SIGNER
from exporter.facts.kube.csr_ledger import CsrTotals
from exporter.facts.kube.node import Node
from exporter.facts.source import REASONS, Failure, SourceFacts
from exporter.facts.x509 import certificates
from exporter.findings.cluster import cluster_findings
from exporter.pages.cluster_page import cluster_page
from exporter.reason import Ca, CsrCondition, Lease, Reason, Requestor, Rotation, Source
from simulation.pki import DAY, YEAR, Authority
from tests.pages.document import check, read
from tests.pages.example import CA, NOW

FORMER = Authority.cluster(NOW - 9 * YEAR, number=1)
APISERVER = certificates(CA.apiserver(["aks.example"], NOW - 100 * DAY).certificate_pem)[0]
ATTACK = "<script>alert(1)</script>\"'{0}%s"


def a_node(name: str, pool: str, rotation: Rotation, *, ready: bool = True) -> Node:
    return Node(name, pool, "v1.33.2", "AKSUbuntu", "linux", "Ubuntu", "", rotation, NOW - DAY, ready, "", "MC_a")


def full() -> ClusterFacts:
    return ClusterFacts(
        csrs=CsrTotals(
            objects={
                (signer, requestor, condition): count if condition is CsrCondition.ISSUED else 0
                for signer, requestor, count in (
                    (SERVING_SIGNER, Requestor.NODE, 7),
                    (CLIENT_SIGNER, Requestor.BOOTSTRAP, 0),
                )
                for condition in CsrCondition
            },
            completed={},
            durations={},
            nodes=(),
        ),
        nodes=(
            a_node("aks-a-0", "a", Rotation.ENABLED),
            a_node("aks-a-1", "a", Rotation.DISABLED, ready=False),
            a_node("vk", "", Rotation.UNKNOWN),
        ),
        endpoints=(Endpoint("aks.example:443", APISERVER, trusted=True),),
        cas={Ca.CLUSTER: certificates(CA.pem), Ca.CLIENT: certificates(CA.pem + FORMER.pem), Ca.REQUESTHEADER: ()},
        bundles=(
            CaBundle("APIService", "v1beta1.metrics.k8s.io", certificates(CA.pem)),
            CaBundle("ValidatingWebhookConfiguration", "policy", (), unreadable="not base64"),
        ),
        leases={Lease.KUBE_CONTROLLER_MANAGER: NOW - 3},
    )


def source(which: Source, up: bool | None) -> SourceFacts:
    return SourceFacts(which, up, NOW - 3 if up else None, dict.fromkeys(REASONS[which], 0))


def page(cluster: ClusterFacts, *sources: SourceFacts) -> str:
    html = cluster_page(cluster, cluster_findings(cluster, sources, NOW), sources, NOW, server="aks.example:443")
    check(html)
    return html


def test_a_cluster_is_told_from_its_api_server_to_its_requests() -> None:
    text = read(page(full(), source(Source.NODES, up=True))).text
    for words in (
        "aks.example:443",
        "Cluster CA",
        "1 more of the same bundle",
        "1 of 2",
        "no pool",
        "APIService v1beta1.metrics.k8s.io",
        "unreadable",
        "kube-controller-manager",
        SERVING_SIGNER,
        "answers",
    ):
        assert words in text, words
    assert "Request-header CA" not in text
    assert CLIENT_SIGNER not in text, "a group without a request is not a row"


def test_before_anything_has_answered_nothing_is_said_to_be_well() -> None:
    text = read(page(ClusterFacts(), source(Source.NODES, up=None), source(Source.CSRS, up=None))).text
    assert "All is ok" not in text
    assert "No first answer yet from: nodes, csrs." in text
    assert text.count("They have not been listed yet.") == 2
    assert "not asked yet" in text


def test_one_ca_for_both_sides_is_one_card() -> None:
    """It is so on every AKS cluster but in the midst of a rotation."""
    both = replace(full(), cas={ca: certificates(CA.pem) for ca in (Ca.CLUSTER, Ca.CLIENT)})
    apart = replace(full(), cas={Ca.CLUSTER: certificates(CA.pem), Ca.CLIENT: certificates(FORMER.pem)})
    assert [read(page(one)).text.count("Client CA") for one in (both, apart)] == [0, 1]
    assert "Cluster CA" in read(page(both)).text


def test_of_many_bundles_the_outdated_stand_first_and_those_that_are_well_are_folded() -> None:
    well = [CaBundle("APIService", f"v1.{n}.example", certificates(CA.pem)) for n in range(30)]
    old = CaBundle("MutatingWebhookConfiguration", "zz", certificates(FORMER.pem))
    former = frozenset({certificates(FORMER.pem)[0].public_key_sha256})
    text = read(page(replace(full(), bundles=(*well, old, CaBundle("APIService", "x", ())), former_cas=former))).text
    names = [part for part in text if part.startswith(("APIService ", "MutatingWebhookConfiguration "))]
    assert names.index("MutatingWebhookConfiguration zz") < names.index("APIService x")
    assert names.index("APIService x") < names.index("APIService v1.0.example")
    assert "20 more CA bundles, none worse" in text


def test_a_cluster_without_requests_says_so() -> None:
    """An empty table would look as if it could not be filled."""
    facts = full()
    assert facts.csrs is not None
    none = replace(facts, csrs=replace(facts.csrs, objects={}))
    assert any(part.startswith("There are none now") for part in read(page(none)).text)


def test_the_way_to_each_section_stands_on_top() -> None:
    reader = read(page(full()))
    ways = [attributes["href"] for tag, attributes in reader.elements if tag == "a"][1:6]
    assert ways == ["#findings", "#timeline", "#nodes", "#control-plane", "#requests"]


@pytest.mark.parametrize("trusted", [False, None])
def test_an_untrusted_or_silent_api_server_is_shown_as_such(trusted: bool | None) -> None:
    endpoint = Endpoint(
        "aks.example:443", APISERVER, trusted, Reason.CERTIFICATE_UNTRUSTED, Failure(Reason.TIMEOUT, "no answer in 5 s")
    )
    text = read(page(replace(full(), endpoints=(endpoint,)), source(Source.APISERVER, up=trusted is False))).text
    assert ("no" if trusted is False else "unknown") in text
    assert "no answer: no answer in 5 s" in text


def test_names_of_the_cluster_are_text_and_never_markup() -> None:
    hostile = replace(
        full(),
        nodes=(a_node(ATTACK, ATTACK, Rotation.DISABLED),),
        bundles=(CaBundle("APIService", ATTACK, certificates(FORMER.pem)),),
        former_cas=frozenset({certificates(FORMER.pem)[0].public_key_sha256}),
        endpoints=(Endpoint(ATTACK, APISERVER, None, failure=Failure(Reason.ERROR, ATTACK)),),
    )
    html = page(hostile, replace(source(Source.NODES, up=False), last_error=ATTACK))
    assert html.count("<script") == 1  # our own
    assert sum(ATTACK in part for part in read(html).text) >= 5


def test_the_worst_state_stands_in_title_and_icon() -> None:
    silent = Endpoint("aks.example:443", APISERVER, False, Reason.CERTIFICATE_UNTRUSTED)
    bad, unseen = page(replace(full(), endpoints=(silent,))), page(ClusterFacts(), source(Source.NODES, up=None))
    found = [re.findall(r'<title>([^·]*) · .*\n<link rel="icon" href="([^"]*)">', html) for html in (bad, unseen)]
    assert [[word for word, _ in one] for one in found] == [["critical"], ["not looked at"]]
    assert found[0][0][1] != found[1][0][1]


@pytest.mark.parametrize(("trusted", "word"), [(True, "yes"), (False, "no"), (None, "unknown")])
def test_whether_clients_trust_the_api_server_is_said_in_a_word(trusted: bool | None, word: str) -> None:
    html = page(replace(full(), endpoints=(Endpoint("aks.example:443", APISERVER, trusted),)))
    assert re.search(rf"Trusted by clients in the cluster</dt><dd><span [^>]+><svg .*?</svg>\s*{word}<", html)


def test_facts_that_are_old_are_marked() -> None:
    """A source that has stopped answering: what it told last is shown, and that it is old."""
    silent = replace(source(Source.NODES, up=False), last_success=NOW - 3 * 3600)
    html = page(full(), silent)
    assert "Old facts:" in read(html).text
    assert '<time datetime="2026-11-24T03:00Z" title="2026-11-24 03:00 UTC">3 hours ago</time>' in html
    assert "Old facts:" not in page(full(), replace(silent, last_success=NOW - 60))
    assert "Old facts:" not in page(full(), replace(silent, up=True))
