"""What is wrong with a kubeconfig, and what is likely to be behind it."""

import time
from dataclasses import replace
from typing import Any

import pytest

from exporter.facts.chain import distrust
from exporter.facts.kube.kubeconfig_trust import Cause, KubeconfigTrust
from exporter.facts.x509 import Certificate, certificates
from exporter.findings import Finding, Kind, Severity, Step, Subject
from exporter.findings.formatting import ends
from exporter.findings.kubeconfig import by_this_way, kubeconfig_findings
from exporter.reason import Reason
from simulation.pki import DAY, YEAR, Authority, Credential, new_key
from tests.facts.authorities import signed

NOW = float(int(time.time()))
CA, NEXT_CA = Authority.cluster(NOW - 3 * YEAR), Authority.cluster(NOW - DAY, number=1)
INSPECTION = Authority("Contoso TLS Inspection", NOW - YEAR, NOW + 9 * YEAR, number=2)
HOST = "contoso-dns-1a2b3c4d.hcp.westeurope.azmk8s.io"


def read(pki: Authority | Credential) -> tuple[Certificate, ...]:
    return certificates(pki.pem if isinstance(pki, Authority) else pki.certificate_pem)


def trust(
    served: Credential | None = None, authorities: tuple[Certificate, ...] | None = None, **more: Any
) -> KubeconfigTrust:
    chain = read(served) if served else ()
    against = distrust(chain, authorities, HOST, NOW) if chain and authorities else None
    settings: dict[str, Any] = {
        "context": "aks1",
        "server": f"https://{HOST}:443",
        "server_name": HOST,
        "authorities": authorities,
        "chain": chain,
        "untrusted": against,
    }
    return KubeconfigTrust(**{**settings, **more})


def judge(client: Credential | None = None, max_age: float | None = None, **more: Any) -> list[Finding]:
    found = trust(client=read(client) if client else (), **more)
    return list(kubeconfig_findings(found, NOW, max_age=max_age))


@pytest.mark.parametrize(
    ("served", "cause"),
    [
        (CA.apiserver((HOST,), NOW - 60), None),
        (NEXT_CA.apiserver((HOST,), NOW - 60), Cause.ROTATED),
        (NEXT_CA.apiserver(("*.hcp.westeurope.azmk8s.io",), NOW - 60), Cause.ROTATED),
        (NEXT_CA.apiserver(("other-dns.hcp.westeurope.azmk8s.io",), NOW - 60), Cause.ANOTHER_CLUSTER),
        (INSPECTION.apiserver((HOST,), NOW - 60), Cause.INTERCEPTED),
        (CA.apiserver(("other-dns.hcp.westeurope.azmk8s.io",), NOW - 60), Cause.NAME),
        (CA.apiserver((HOST,), NOW - 3 * YEAR), Cause.DATES),
    ],
)
def test_what_is_served_tells_what_is_behind_it(served: Credential, cause: Cause | None) -> None:
    """B8: a rotated CA, another cluster, TLS inspection, another name, dates."""
    assert trust(served, read(CA)).cause is cause


def test_a_firewall_that_opens_tls_is_not_answered_with_a_new_kubeconfig() -> None:
    """B8: both issuers are shown, and the proxy or firewall comes first."""
    (finding,) = judge(
        served=INSPECTION.apiserver((HOST,), NOW - 60), authorities=read(CA), through="http://proxy:3128"
    )
    assert finding.severity is Severity.CRITICAL
    assert "a proxy or firewall opens TLS" in finding.what
    assert finding.why == (
        "The served certificate was issued by CN=Contoso TLS Inspection; the kubeconfig trusts CN=ca. It came through "
        "the proxy http://proxy:3128. A new kubeconfig does not help against that."
    )
    assert finding.next[0].command == (
        f"openssl s_client -connect {HOST}:443 -proxy proxy:3128 -servername {HOST} -showcerts </dev/null"
    )
    assert not any("get-credentials" in step.command for step in finding.next)


def test_what_could_not_be_asked_leads_to_why_and_not_to_a_new_kubeconfig() -> None:
    """B6, B8: nowhere in the report."""
    told = Finding(Severity.UNKNOWN, Subject(Kind.SOURCE, "nodes"), "x", (Step("a", "az aks get-credentials"),))
    intercepted = trust(INSPECTION.apiserver((HOST,), NOW - 60), read(CA))
    assert by_this_way(told, intercepted).next == (
        Step("Find out first why the kubeconfig does not trust the API server."),
    )
    assert by_this_way(told, trust()) is told
    silent = Finding(Severity.UNKNOWN, Subject(Kind.APISERVER, HOST), "x", (Step("a", f"nslookup {HOST}"),))
    for proxy, steps in (("http://proxy:3128", 2), ("socks5://proxy:1080", 1)):
        found = by_this_way(silent, trust(through=proxy)).next
        assert len(found) == steps
        assert proxy in found[0].text
        assert found[0].command == "kubectl config view --minify"
        assert [step.text for step in found[1:]] == ["See whether it leads to the API server."][: steps - 1]
        assert not any("nslookup" in step.command for step in found)
    assert by_this_way(silent, trust()) is silent


def test_a_kubeconfig_from_before_a_rotation_says_get_credentials() -> None:
    """The source page's own remedy."""
    (finding,) = judge(served=NEXT_CA.apiserver((HOST,), NOW - 60), authorities=read(CA))
    assert finding.severity is Severity.CRITICAL
    assert finding.next[0].command == "az aks get-credentials -g RESOURCE_GROUP -n CLUSTER --overwrite-existing"
    other = CA.apiserver(("other.hcp.westeurope.azmk8s.io",), NOW - 60)
    (finding,) = judge(served=other, authorities=read(CA))
    assert not any("get-credentials" in step.command for step in finding.next)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"tls": False, "server": "http://127.0.0.1:8001"}, "No certificate was seen: its server is http://127.0.0.1"),
        ({"insecure": True}, "Nothing was verified: it says insecure-skip-tls-verify"),
    ],
)
def test_what_nobody_vouched_for_is_unknown(more: dict[str, Any], words: str) -> None:
    """A9: kubectl proxy, and a server that is not verified."""
    (finding,) = judge(served=CA.apiserver((HOST,), NOW - 60), **more)
    assert finding.severity is Severity.UNKNOWN
    assert finding.what.startswith(words)


def test_without_a_ca_the_machines_own_are_named() -> None:
    """The chain was refused by them."""
    served = CA.apiserver((HOST,), NOW - 60)
    (finding,) = judge(served=served, untrusted=Reason.CERTIFICATE_UNTRUSTED)
    assert "the kubeconfig trusts the CAs of this machine" in finding.why


@pytest.mark.parametrize(("left", "alert"), [(100, ""), (20, "AksCertExpiringWithoutRotation"), (-1, "AksCertExpired")])
def test_a_kubeconfigs_client_certificate_near_its_end(left: float, alert: str) -> None:
    """Two years, and nothing renews it."""
    client = CA.issue("masterclient", NOW + (left - 730) * DAY, NOW + left * DAY)
    assert [one.alert for one in judge(client)] == ([alert] if alert else [])


def test_a_policy_on_age_reaches_the_client_certificate() -> None:
    """Off until it is given."""
    client = CA.issue("masterclient", NOW - 100 * DAY, NOW + 630 * DAY)
    assert judge(client) == []
    assert [one.alert for one in judge(client, 90 * DAY)] == ["AksCertOlderThanPolicy"]
    young = CA.issue("masterclient", NOW + DAY, NOW + 630 * DAY)
    assert [one.alert for one in judge(young)] == ["AksCertClockSkew"]


def test_a_client_certificate_is_valid_and_young_enough_to_the_second() -> None:
    begun = CA.issue("masterclient", NOW - 90 * DAY, NOW + 630 * DAY)
    assert judge(begun, 90 * DAY) == []
    assert [one.alert for one in judge(begun, 90 * DAY - 1)] == ["AksCertOlderThanPolicy"]
    found = [
        [one.alert for one in judge(CA.issue("masterclient", NOW + after, NOW + 630 * DAY))] for after in (-1, 0, 1)
    ]
    assert found == [[], [], ["AksCertClockSkew"]]


def test_a_client_certificate_that_no_client_may_show_is_critical() -> None:
    """A2, A3: a serving certificate, or the CA, in its place."""
    (finding,) = judge(CA.apiserver((HOST,), NOW - 60))
    assert finding.severity is Severity.CRITICAL
    assert "its extendedKeyUsage does not allow clients to show it" in finding.what
    ca = Credential(CA.certificate, CA.key)
    (finding,) = judge(ca)
    assert "it is a CA" in finding.what


def test_a_kubeconfigs_ca_near_its_end() -> None:
    """Where the cluster's own is not known."""
    ending = read(Authority("ca", NOW - 700 * DAY, NOW + 20 * DAY))
    (finding,) = judge(authorities=ending)
    assert (finding.severity, finding.alert) == (Severity.CRITICAL, "AksCertClusterCaExpiring")
    assert judge(authorities=read(CA)) == []
    assert list(kubeconfig_findings(trust(authorities=ending), NOW, known=ending)) == []


def test_a_former_ca_that_a_kubeconfig_still_holds_may_be_removed() -> None:
    """It has ended, and signed nothing of what is served. While nothing is seen, that is not known."""
    former = Authority.cluster(NOW - 31 * YEAR, number=3)
    both, served = read(former) + read(CA), CA.apiserver((HOST,), NOW - 60)
    (finding,) = judge(served=served, authorities=both)
    (ended,) = read(former)
    assert finding == Finding(
        Severity.INFO,
        Subject(Kind.KUBECONFIG, "aks1"),
        f"A former CA in the bundle {ends(ended.not_after, NOW)}.",
        (Step("It may be removed: it signed nothing that is in use."),),
        why=f"Its serial number is {ended.serial_number}.",
        until=ended.not_after,
    )
    assert judge(authorities=both) == []
    assert list(kubeconfig_findings(trust(served, both), NOW, known=both)) == []


def test_of_a_served_chain_the_leaf_is_what_is_in_use_and_the_others_lead_to_its_ca() -> None:
    """What else a server sends keeps no former CA in use."""
    former = Authority("former", NOW - 20 * YEAR, NOW - DAY, number=3)
    sent = trust(CA.apiserver((HOST,), NOW - 60), read(former) + read(CA))
    stray = read(former.apiserver((HOST,), NOW - YEAR))
    for chain in (sent.chain, sent.chain + stray):
        (finding,) = kubeconfig_findings(replace(sent, chain=chain), NOW)
        assert (finding.severity, finding.until) == (Severity.INFO, NOW - DAY)
    key = new_key()
    middle = signed("middle", "ca", CA.key, key=key, begin=NOW - YEAR)
    leaf = signed("leaf", "middle", key, ca=False, begin=NOW - DAY)
    below = replace(sent, chain=(leaf, middle))
    (finding,) = kubeconfig_findings(below, NOW)
    assert (finding.severity, finding.until) == (Severity.INFO, NOW - DAY)


@pytest.mark.parametrize(
    ("kind", "name", "changed"),
    [
        (Kind.SOURCE, "nodes", True),
        (Kind.SOURCE, "Azure", False),
        (Kind.NODE, "n1", False),
        (Kind.KUBECONFIG, "aks1", False),
    ],
)
def test_only_what_the_way_bears_on_has_other_steps(kind: Kind, name: str, changed: bool) -> None:
    """Azure is asked by another way, and what is known is known."""
    told = Finding(Severity.UNKNOWN, Subject(kind, name), "x", (Step("a"),))
    intercepted = trust(INSPECTION.apiserver((HOST,), NOW - 60), read(CA), through="http://proxy:3128")
    assert (by_this_way(told, intercepted) is told) is not changed
    for severity in (Severity.CRITICAL, Severity.WARNING, Severity.INFO):
        known = replace(told, severity=severity)
        assert by_this_way(known, intercepted) is known
    assert by_this_way(told, trust(through="http://proxy:3128")) is told
    address = replace(told, subject=Subject(Kind.APISERVER, HOST), severity=Severity.WARNING)
    assert by_this_way(address, intercepted) is address


@pytest.mark.parametrize(
    ("server", "through", "connect"),
    [
        (f"https://{HOST}", "", f"{HOST}:443"),
        (f"https://{HOST}:6443", "socks5://p:1080", f"{HOST}:6443"),
        (f"https://{HOST}:443", "https://p:3128", f"{HOST}:443 -proxy p:3128"),
    ],
)
def test_the_chain_is_shown_by_the_way_that_leads_there(server: str, through: str, connect: str) -> None:
    served = INSPECTION.apiserver((HOST,), NOW - 60)
    (finding,) = judge(served=served, authorities=read(CA), server=server, through=through)
    shown, _, resolved = finding.next
    assert shown.command == f"openssl s_client -connect {connect} -servername {HOST} -showcerts </dev/null"
    assert resolved.command == f"nslookup {HOST}"
    assert ("It came through the proxy" in finding.why) is bool(through)


@pytest.mark.parametrize(
    ("made_by", "words"), [(CA, "It is for {}. "), (NEXT_CA, "It is for {}, and " + HOST + " was asked for.")]
)
def test_of_the_names_that_a_certificate_is_for_four_are_told(made_by: Authority, words: str) -> None:
    """Another cluster's may have a dozen."""
    names = [f"n{number}.example" for number in range(6)]
    (finding,) = judge(served=made_by.apiserver(names, NOW - 60), authorities=read(CA))
    assert words.format("n0.example, n1.example, n2.example and n3.example") in finding.why
    (finding,) = judge(served=made_by.apiserver((), NOW - 60), authorities=read(CA))
    assert words.format("no name") in finding.why


def test_an_issuer_without_a_name_is_said_to_have_none() -> None:
    found = trust(INSPECTION.apiserver((HOST,), NOW - 60), read(CA))
    (leaf,) = found.chain
    (finding,) = kubeconfig_findings(replace(found, chain=(replace(leaf, issuer=""),)), NOW, max_age=None)
    assert finding.why.startswith("The served certificate was issued by a CA without a name; the kubeconfig trusts CN=")
