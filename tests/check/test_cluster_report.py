"""What a look at a cluster brought, and the report on it (exporter.check.cluster_report)."""

from dataclasses import replace

import msgspec
import pytest

from exporter.agents.cluster.kube_sources import KUBE_SOURCES
from exporter.agents.cluster.state import ClusterState
from exporter.check.cluster_report import Seen, cluster_report
from exporter.check.kubelet_look import KubeletsSeen
from exporter.check.report import Report, Section
from exporter.facts.azure.managed_cluster import azure_cluster
from exporter.facts.azure.resource_id import ResourceId
from exporter.facts.certificate import Certificate
from exporter.facts.cluster import Endpoint
from exporter.facts.cluster_document import ClusterDocument
from exporter.facts.kube.kubelet_metrics import KubeletConfig
from exporter.facts.kube.kubelet_report import KubeletReport
from exporter.facts.kube.node import Node
from exporter.facts.proxy import Proxy
from exporter.facts.source import Failure
from exporter.facts.x509 import certificates
from exporter.findings import Finding, Kind, Severity, Step, Subject
from exporter.reason import Ca, KubeletStatus, Reason, Rotation, Source
from exporter.sources.kube.cluster_agent import AgentSaid
from exporter.sources.kube.kubeconfig import KubeconfigView
from simulation.azure.bodies import managed_cluster
from simulation.pki import DAY, SERVER, Authority
from tests.check.known import NOW, certificate

CA, OTHER = Authority.cluster(NOW - 100 * DAY), Authority.cluster(NOW - 50 * DAY, number=1)
(ROOT,), (NEXT,) = certificates(CA.pem), certificates(OTHER.pem)
SERVED = certificates(CA.issue("apiserver", NOW - DAY, NOW + 300 * DAY, names=("a",), usages=(SERVER,)).certificate_pem)
VIEW = KubeconfigView("ctx", "clu", "me", "a token", "https://a", ("a", 443), True, False, "a", None, (ROOT,), ())
RESOURCE = ResourceId("5ab0", "contoso", "managedClusters", "aks1")
SOURCES = (*KUBE_SOURCES, Source.KUBELETS, Source.WORKLOADS, Source.PREFLIGHT)


def state(*nodes: str) -> ClusterState:
    """With the cluster's CA, and with nodes."""
    found = ClusterState(SOURCES)
    found.config_maps_read((ROOT,), {}, NOW - 99 * DAY, NOW)
    if nodes:
        found.nodes_listed([node(name) for name in nodes], NOW)
    return found


def node(name: str) -> Node:
    return Node(name, "p", "v1.33.2", "", "linux", "", "cluster", Rotation.ENABLED, NOW - DAY, True, "", "")


def reported(
    view: KubeconfigView | None = VIEW,
    kept: ClusterState | None = None,
    *,
    asked: str = "auto",
    max_age: float | None = None,
    **changed: object,
) -> Report:
    seen = Seen(view, kept or state(), **changed).closed()  # type: ignore[arg-type]
    return cluster_report(seen, NOW, max_age=max_age, kubelets=asked)


def table(found: Report, title: str) -> Section:
    (section,) = [one for one in found.sections if one.title == title]
    return section


def alerts(found: Report) -> list[tuple[str, str]]:
    return [(one.severity.value, one.alert) for one in found.findings]


@pytest.mark.parametrize(
    ("view", "server", "subject", "name"),
    [
        (VIEW, ("a", 443), "cluster ctx at a:443", "a:443"),
        (VIEW, None, "cluster ctx", "ctx"),
        (None, ("::1", 443), "cluster of this Pod at [::1]:443", "[::1]:443"),
        (None, None, "cluster of this Pod", "of this Pod"),
    ],
)
def test_a_cluster_is_called_by_its_context_and_its_place(
    view: KubeconfigView | None, server: tuple[str, int] | None, subject: str, name: str
) -> None:
    found = reported(view, server=server)
    assert (found.subject, found.generated, found.document["cluster"]) == (subject, NOW, name)
    assert ("Kubeconfig" in [one.title for one in found.sections]) is (view is not None)


def told(name: str, status: KubeletStatus = KubeletStatus.OK, detail: str = "") -> KubeletReport:
    config = KubeletConfig(True, True, "", True) if status is KubeletStatus.OK else None
    return KubeletReport(name, status, detail, config=config)


def asked(
    *reports: KubeletReport, left: int = 0, kept: ClusterState | None = None
) -> tuple[ClusterState, KubeletsSeen]:
    """The cluster and what came of asking its kubelets."""
    kept = kept or state(*(one.node for one in reports))
    for one in reports:
        kept.observed.kubelet_told(one, NOW)
    return kept, KubeletsSeen(reports)


def test_its_tables_stand_in_this_order() -> None:
    kept, kubelets = asked(told("aks-1"))
    found = reported(kept=kept, kubelets=kubelets, agent=Failure(Reason.NOT_FOUND, "there is none"))
    assert [one.title for one in found.sections] == [
        "Kubeconfig",
        "Control plane",
        "Signers",
        "CA bundles",
        "Node pools and serving rotation",
        "Certificate signing requests",
        "Sources",
        "Kubelets",
        "Cluster agent",
        "Azure",
        "Not looked at",
    ]
    (row,) = table(found, "Kubelets").rows
    assert row == ("aks-1", "not told", "-", "unknown", "configured", "unknown", "AksCertNodeNotObserved")
    # Sources that were not asked have no row.
    assert [row[:2] for row in table(found, "Sources").rows] == [("nodes", "yes"), ("configmaps", "yes")]


@pytest.mark.parametrize(
    ("kubelets", "setting", "shown"),
    [
        ((told("aks-1"),), "auto", True),
        ((told("aks-1"),), "true", True),
        ((told("aks-1", KubeletStatus.REFUSED),), "auto", False),
        ((told("aks-1", KubeletStatus.REFUSED),), "true", True),
        ((), "auto", False),
        ((), "true", False),
    ],
)
def test_the_kubelets_have_a_table_where_they_were_reached_or_had_to_be(
    kubelets: tuple[KubeletReport, ...], setting: str, shown: bool
) -> None:
    kept, seen = asked(*kubelets, kept=state("aks-1"))
    for given in (seen, None) if not kubelets else (seen,):
        found = reported(kept=kept, asked=setting, kubelets=given)
        assert ("Kubelets" in [one.title for one in found.sections]) is shown


SEEN = Endpoint("a:443", SERVED[0], None)


@pytest.mark.parametrize(
    ("view", "chain", "trust", "note"),
    [
        (VIEW, SERVED, (ROOT,), "trusted"),
        (VIEW, SERVED, (NEXT,), "not trusted: certificate_untrusted"),
        (replace(VIEW, server_name="b"), SERVED, (ROOT,), "not trusted: certificate_hostname"),
        (VIEW, SERVED, (), "trust unknown"),
        (VIEW, (), (ROOT,), "trust unknown"),
        (replace(VIEW, insecure=True), SERVED, (ROOT,), "trust unknown"),
        (None, SERVED, (ROOT,), "trust unknown"),
    ],
)
def test_what_was_served_is_judged_by_the_ca_of_the_clusters_own_clients(
    view: KubeconfigView | None, chain: tuple[object, ...], trust: tuple[object, ...], note: str
) -> None:
    """A CA that came over a connection that nobody verified proves nothing."""
    kept = ClusterState(SOURCES)
    if trust:
        kept.config_maps_read(trust, {}, NOW, NOW)  # type: ignore[arg-type]
    found = reported(view, kept, endpoint=SEEN, chain=chain)
    assert table(found, "Control plane").rows[0][-1] == note


@pytest.mark.parametrize(
    ("view", "chain", "reason", "found"),
    [
        (VIEW, SERVED, None, []),
        (replace(VIEW, authorities=(NEXT,)), SERVED, None, [("critical", "AksCertApiServerUntrusted")]),
        (replace(VIEW, server_name="b"), SERVED, None, [("critical", "AksCertApiServerUntrusted")]),
        (replace(VIEW, authorities=None), SERVED, None, []),
        (replace(VIEW, authorities=None), SERVED, Reason.REFUSED, []),
        (
            replace(VIEW, authorities=None),
            SERVED,
            Reason.CERTIFICATE_UNTRUSTED,
            [("critical", "AksCertApiServerUntrusted")],
        ),
        (VIEW, SERVED, Reason.CERTIFICATE_UNTRUSTED, []),
    ],
)
def test_whether_the_kubeconfig_trusts_what_was_served(
    view: KubeconfigView, chain: tuple[object, ...], reason: Reason | None, found: list[tuple[str, str]]
) -> None:
    """By its own CAs; by those of this machine only where it names none, as a source found out."""
    kept = state()
    if reason:
        kept.failed(Source.CSRS, Failure(reason, "so it is"))
    assert [one for one in alerts(reported(view, kept, chain=chain)) if one[0] == "critical"] == found


def test_what_is_wrong_with_the_kubeconfig_itself_is_found() -> None:
    (mine,) = certificates(CA.issue("me", NOW - 99 * DAY, NOW + 900 * DAY).certificate_pem)
    assert alerts(reported(replace(VIEW, client=(mine,)), max_age=90 * DAY)) == [("warning", "AksCertOlderThanPolicy")]
    assert alerts(reported(replace(VIEW, client=(mine,)))) == []
    assert [one[0] for one in alerts(reported(replace(VIEW, tls=False)))] == ["unknown"]
    assert [one[0] for one in alerts(reported(replace(VIEW, insecure=True)))] == ["unknown"]


def test_the_kubeconfigs_table_is_its_certificates_and_who_asks() -> None:
    mine, other = certificate("CN=me", NOW - DAY, NOW + 900 * DAY), certificate("CN=i", NOW - DAY, NOW + 900 * DAY)
    trusted = (certificate("CN=ca", NOW - DAY, NOW + 730 * DAY), certificate("CN=cb", NOW - DAY, NOW + DAY))
    found = table(reported(replace(VIEW, authorities=trusted, client=(mine, other))), "Kubeconfig")
    assert found.columns == ("WHAT", "SUBJECT", "FROM", "UNTIL", "LEFT", "NOTE")
    assert found.wrapping == ("WHAT", "SUBJECT", "NOTE")
    assert [(row[0], row[1], row[-1]) for row in found.rows] == [
        ("CA it trusts", "CN=ca", "2-year class"),
        ("CA it trusts", "CN=cb", "lives 2 days"),
        ("client certificate", "CN=me", "renewed by hand only"),
    ]


ASKS = "Context ctx, cluster clu, user me. It asks with a token."


@pytest.mark.parametrize(
    ("changed", "note"),
    [
        ({}, ASKS),
        ({"user": ""}, "Context ctx, cluster clu, no user. It asks with a token."),
        ({"client": (ROOT,)}, "Context ctx, cluster clu, user me."),
        ({"authorities": None}, f"{ASKS} It names no CA: those of this machine are trusted."),
        ({"authorities": None, "tls": False}, ASKS),
        ({"authorities": None, "insecure": True}, ASKS),
        ({"authorities": ()}, ASKS),
        (
            {"proxy": Proxy("http", "proxy", 3128, "u", "secret"), "unreadable": "client.key"},
            f"{ASKS} The API server is reached through http://proxy:3128. Could not be read: client.key.",
        ),
    ],
)
def test_below_it_is_how_the_api_server_is_reached(changed: dict[str, object], note: str) -> None:
    assert table(reported(replace(VIEW, **changed)), "Kubeconfig").note == note  # type: ignore[arg-type]


REFUSED = Finding(
    Severity.UNKNOWN,
    Subject(Kind.SOURCE, "kubelets"),
    "The kubelets could not be asked: no right.",
    (Step("See what you may do.", "kubectl auth can-i get nodes/proxy"),),
    "AksCertSourceDown",
)


@pytest.mark.parametrize(("setting", "found"), [("true", [REFUSED]), ("auto", [])])
def test_kubelets_that_had_to_be_asked_and_could_not_are_a_finding(setting: str, found: list[Finding]) -> None:
    kubelets = KubeletsSeen(refused="no right")
    assert [one for one in reported(asked=setting, kubelets=kubelets).findings if one == REFUSED] == found
    assert REFUSED not in reported(asked=setting).findings
    unasked = reported(asked=setting, kubelets=KubeletsSeen()).findings
    assert not [one for one in unasked if "could not be asked" in one.what]


def said(*findings: dict[str, object], nodes: tuple[str, ...] = (), looks: tuple[str, ...] = ()) -> AgentSaid:
    """By the cluster agent, ten minutes ago."""
    document = {
        "schema": 1,
        "agent": "cluster",
        "looked_at": NOW - 600,
        "findings": findings,
        "nodes": [{"node": name, "observed_by": "node_agent"} for name in nodes],
        "sources": [{"source": name} for name in looks],
    }
    return AgentSaid("monitoring/agent", msgspec.convert(document, ClusterDocument))


def test_what_the_cluster_agent_found_is_among_the_findings() -> None:
    mine: dict[str, object] = {
        "severity": "critical",
        "alert": "AksCertExpired",
        "what": "It ended.",
        "subject": {"kind": "node", "name": "aks-1"},
    }
    found = reported(replace(VIEW, insecure=True), agent=said(mine))
    assert alerts(found)[0] == ("critical", "AksCertExpired")
    assert table(found, "Cluster agent") == Section(
        "Cluster agent",
        (),
        (),
        "monitoring/agent was asked through the API server's service proxy; it looked 10 minutes ago. "
        "What it found is among the findings.",
    )
    assert [one["severity"] for one in found.document["findings"]] == ["critical", "unknown"]  # type: ignore[attr-defined]
    failed = reported(agent=Failure(Reason.NOT_FOUND, "there is none"))
    assert table(failed, "Cluster agent") == Section("Cluster agent", (), (), "It was not asked: there is none.")
    assert "Cluster agent" not in [one.title for one in reported().sections]


def test_of_nodes_that_the_agent_tells_about_their_labels_say_nothing() -> None:
    kept = state()
    kept.nodes_listed([replace(node("aks-1"), serving_rotation=Rotation.DISABLED)], NOW)
    assert alerts(reported(kept=kept)) == [("info", "AksCertRotationDisabled")]
    assert alerts(reported(kept=kept, agent=said(nodes=("aks-1",)))) == []


def test_a_clock_that_is_wrong_is_found() -> None:
    assert alerts(reported(offset=300.0)) == [("critical", "AksCertClockSkew")]
    assert alerts(reported()) == []


def test_a_look_that_is_closed_changes_no_more() -> None:
    kept = state()
    closed = Seen(VIEW, kept).closed()
    before = closed.facts, closed.sources
    kept.nodes_listed([node("aks-1")], NOW)
    assert (closed.facts, closed.sources) == before
    assert closed.facts.cas == {Ca.CLUSTER: (ROOT,)}
    assert [one.source for one in closed.sources if one.up] == [Source.CONFIGMAPS]


def azure() -> ClusterState:
    """A cluster of which Azure tells its name."""
    found = ClusterState((*SOURCES, Source.AZURE))
    found.config_maps_read((ROOT,), {}, NOW - 99 * DAY, NOW)
    found.azure_read(azure_cluster(managed_cluster(RESOURCE, (), fqdn="aks1.invalid"), RESOURCE), NOW)
    return found


def test_what_to_do_names_the_cluster_where_azure_tells_it() -> None:
    wrong = replace(VIEW, authorities=(NEXT,), proxy=Proxy("http", "proxy", 3128), server_name="a")
    found = reported(wrong, azure(), chain=SERVED)
    (finding,) = [one for one in found.findings if one.severity is Severity.CRITICAL]
    assert "az aks get-credentials -g contoso -n aks1" in str(finding.next)
    assert "the kubeconfig trusts CN=ca." in finding.why


def test_who_opens_tls_is_told_with_the_proxy_that_leads_there() -> None:
    other = Authority("Contoso TLS Inspection", NOW - DAY, NOW + 900 * DAY, number=2)
    chain = certificates(other.issue("apiserver", NOW - DAY, NOW + DAY, names=("a",), usages=(SERVER,)).certificate_pem)
    through = replace(VIEW, proxy=Proxy("http", "proxy", 3128))
    (finding,) = [one for one in reported(through, chain=chain).findings if one.severity is Severity.CRITICAL]
    assert "It came through the proxy http://proxy:3128." in finding.why
    (finding,) = [one for one in reported(chain=chain).findings if one.severity is Severity.CRITICAL]
    assert "came through" not in finding.why


def test_of_a_ca_that_is_the_clusters_the_kubeconfig_says_nothing_again() -> None:
    """Its end is told once."""
    ending = certificate("CN=ca", NOW - 900 * DAY, NOW + 20 * DAY)

    def ends(trusted: Certificate) -> list[str]:
        kept = ClusterState(SOURCES)
        kept.config_maps_read((ending,), {}, NOW - 99 * DAY, NOW)
        found = reported(replace(VIEW, authorities=(trusted,)), kept).findings
        return [one.subject.kind.value for one in found if one.severity is not Severity.UNKNOWN]

    once = ends(ending)
    assert "kubeconfig" not in once
    assert "kubeconfig" in ends(certificate("CN=other", NOW - 900 * DAY, NOW + 20 * DAY))


def test_kubelets_that_are_alike_are_named_by_their_pool() -> None:
    kept, kubelets = asked(told("aks-1"), told("aks-2"))
    assert [row[0] for row in table(reported(kept=kept, kubelets=kubelets), "Kubelets").rows] == ["2 nodes of p"]
