"""Which tables a report has, their columns, and what is in a row where there is nothing to tell."""

from dataclasses import replace

import pytest

from exporter.agents.cluster.kube_sources import KUBE_SOURCES
from exporter.agents.cluster.state import ClusterState
from exporter.check.cluster import cluster_sections
from exporter.check.cluster_report import Seen, cluster_report
from exporter.check.host import host_sections
from exporter.check.kubelet_look import KubeletsSeen
from exporter.check.kubelets import LONGEST, kubelets_section
from exporter.check.layout import widths
from exporter.check.render import as_json, as_markdown
from exporter.check.report import Report, Section, report
from exporter.facts.cluster import ClusterFacts, Endpoint
from exporter.facts.host.file_facts import FileFacts
from exporter.facts.host.host_facts import HostFacts
from exporter.facts.kube.kubelet_metrics import KubeletConfig
from exporter.facts.kube.kubelet_report import KubeletReport
from exporter.facts.kube.node import Node
from exporter.facts.kube.node_view import NodeView, node_view
from exporter.facts.source import REASONS, Failure, SourceFacts
from exporter.facts.x509 import certificates
from exporter.findings import Finding, Kind, Severity, Step, Subject
from exporter.reason import (
    BootstrapMethod,
    FileStatus,
    KubeletStatus,
    Reason,
    Role,
    Rotation,
    Source,
)
from exporter.sources.kube.kubeconfig import KubeconfigView
from simulation.pki import DAY, Authority
from tests.check.golden import table
from tests.check.test_cluster import NOW

CA = Authority("ca", NOW - DAY, NOW + 900 * DAY)
(ROOT,) = certificates(CA.pem)


HOST = HostFacts("n", False, (), (), (), BootstrapMethod.UNKNOWN, None, None, {})


def rows(sections: tuple[Section, ...], title: str) -> tuple[tuple[str, ...], ...]:
    (found,) = [one for one in sections if one.title == title]
    return found.rows


def test_an_address_that_served_nothing_has_no_row() -> None:
    seen = Endpoint("10.0.0.1:443", ROOT, None)
    facts = ClusterFacts(endpoints=(seen, Endpoint("10.0.0.2:443", None, None)))
    (row,) = rows(tuple(cluster_sections(facts, None, (), NOW)), "Control plane")
    assert (row[0], row[-1]) == ("API server 10.0.0.1:443", "trust unknown")


def test_a_pool_names_every_version_of_its_kubelets_once() -> None:
    def node(name: str, pool: str, version: str) -> Node:
        return Node(name, pool, version, "", "linux", "", "", Rotation.ENABLED, NOW, True, "", "")

    nodes = (node("a", "p", "v1.33.2"), node("b", "p", "v1.32.1"), node("c", "p", "v1.33.2"), node("d", "p", ""))
    facts = ClusterFacts(nodes=(*nodes, node("e", "q", "")))
    found = rows(tuple(cluster_sections(facts, None, (), NOW)), "Node pools and serving rotation")
    assert [(row[0], row[1], row[6]) for row in found] == [("p", "4", "v1.32.1, v1.33.2"), ("q", "1", "-")]


def source(up: bool | None, last: float | None = None, error: str = "", skipped: str = "") -> SourceFacts:
    return SourceFacts(Source.KUBELET, up, last, dict.fromkeys(REASONS[Source.KUBELET], 0), error, skipped=skipped)


@pytest.mark.parametrize(
    ("facts", "row"),
    [
        (source(True, 1_800_000_000.0), ("kubelet", "yes", "2027-01-15 08:00 UTC", "-")),
        (source(False, None, "refused"), ("kubelet", "no", "-", "refused")),
        (source(None), ("kubelet", "not asked", "-", "-")),
        (source(False, None, "", "no address"), ("kubelet", "not looked at", "-", "no address")),
    ],
)
def test_a_source_says_whether_it_answers_and_when_it_did(facts: SourceFacts, row: tuple[str, ...]) -> None:
    (found,) = rows(tuple(host_sections(HOST, [facts], NOW)), "Sources")
    assert found == row
    (short,) = rows(tuple(cluster_sections(ClusterFacts(), None, [facts], NOW)), "Sources")
    assert short[0] == "kubelet"


def test_json_holds_of_each_node_what_is_severe_enough() -> None:
    def told(severity: str) -> dict[str, str]:
        return {"severity": severity, "what": "x"}

    nodes = [
        {"node": "a", "findings": [told("critical"), told("info"), told("unknown")]},
        {"node": "b", "findings": []},
    ]
    whole = report("cluster c", NOW, (), (), (), {"schema": 1, "nodes": nodes})
    found = as_json(whole.shown(Severity.WARNING, quiet=False))
    assert found.count('"severity": "critical"') == found.count('"severity": "unknown"') == 1
    assert '"severity": "info"' not in found
    assert '"schema": 1' in found
    assert as_json(whole).count('"severity": "info"') == 1


def test_markdown_escapes_what_is_markup_and_nothing_else() -> None:
    section = Section("T", ("A",), (("XYZ a-b (c) #1 + ! \\`*_[]<>|",),))
    found = as_markdown(report("node n", NOW, (), (section,)))
    assert "| XYZ a-b (c) #1 + ! \\\\\\`\\*\\_\\[\\]\\<\\>\\| |" in found


def test_where_there_is_only_ascii_our_own_words_are_written_with_it() -> None:
    section = Section("T", ("A",), (("a\u2026 b\u2013c d\u2014e \u201cf\u201d g\u2019s i \u00fc",),))
    assert 'a... b-c d-e "f" g\'s i ?' in table(report("node n", NOW, (), (section,)), 100, "ascii")


def test_a_table_that_cannot_be_narrower_stays_as_wide_as_it_must_be() -> None:
    assert widths([["x" * 50], ["y" * 50]], (False, False), 40) == [50, 50]
    assert widths([["x" * 50], ["a b"]], (False, True), 40) == [50, 1]


def finding(node: str, severity: Severity, alert: str) -> Finding:
    return Finding(severity, Subject(Kind.NODE, node), "So it is.", (Step("Look."),), alert, node=node)


def view(name: str, until: float | None = NOW + 30 * DAY, *, rotating: bool = True) -> NodeView:
    told = KubeletReport(
        name,
        KubeletStatus.OK,
        config=KubeletConfig(rotating, rotating, "", True),
        client_certificate=until is not None,
        client_not_after=until,
    )
    return node_view(told, (), {})


def kubelets(views: list[NodeView], findings: tuple[Finding, ...] = (), note: str = "") -> Section:
    return kubelets_section(views, {}, findings, NOW, note)


def test_kubelets_that_are_alike_are_one_row_and_the_worst_stand_first() -> None:
    views = [view("a"), view("b", NOW + 40 * DAY), view("c", None), view("d", NOW - DAY)]
    found = kubelets(
        views,
        (
            finding("d", Severity.CRITICAL, "AksCertExpired"),
            finding("d", Severity.WARNING, "AksCertUnusable"),
            finding("c", Severity.WARNING, "AksCertRotationWaiting"),
            finding("a", Severity.INFO, "AksCertRotationDisabled"),
        ),
        "A note.",
    )
    assert [(row[0], row[2], row[5], row[6]) for row in found.rows] == [
        ("d", "ended 24 hours ago", "critical", "AksCertExpired, AksCertUnusable"),
        ("c", "-", "warning", "AksCertRotationWaiting"),
        ("2 nodes of -", "30 days", "ok", "-"),
    ]
    assert [row[1] for row in found.rows] == ["2027-01-14", "not told", "2027-02-14 to 2027-02-24"]
    assert {row[3:5] for row in found.rows[:1]} == {("enabled", "configured")}
    assert found.note == "A note."


def test_no_more_than_forty_kinds_of_kubelets_are_shown_and_the_rest_counted() -> None:
    views = [view(f"n{number:03}") for number in range(LONGEST + 2)]
    wrong = tuple(finding(one.node, Severity.WARNING, f"Alert{one.node}") for one in views)
    found = kubelets(views, wrong, "A note.")
    assert len(found.rows) == LONGEST == 40
    assert found.note == "2 more rows are not shown, none worse than these. A note."
    assert kubelets(views[:LONGEST], wrong).note == ""


VIEW = KubeconfigView("ctx", "clu", "me", "a token", "https://a", ("a", 443), True, False, "a", None, (ROOT,), ())


def seen(view: KubeconfigView | None = VIEW, **changed: object) -> Report:
    return cluster_report(Seen(view, ClusterState(KUBE_SOURCES), **changed), NOW, max_age=None, kubelets="auto")  # type: ignore[arg-type]


def kubeconfig_note(view: KubeconfigView) -> str:
    (found,) = [one for one in seen(view).sections if one.title == "Kubeconfig"]
    return found.note


def test_the_kubeconfigs_table_says_who_asks_and_whom_it_trusts() -> None:
    first = "Context ctx, cluster clu, user me."
    assert kubeconfig_note(VIEW) == f"{first} It asks with a token."
    assert kubeconfig_note(replace(VIEW, client=(ROOT,))) == first
    assert kubeconfig_note(replace(VIEW, user="", client=(ROOT,))) == "Context ctx, cluster clu, no user."
    own = "It names no CA: those of this machine are trusted."
    assert kubeconfig_note(replace(VIEW, authorities=None)).endswith(own)
    assert own not in kubeconfig_note(replace(VIEW, authorities=None, insecure=True))
    assert own not in kubeconfig_note(replace(VIEW, authorities=None, tls=False))
    assert kubeconfig_note(replace(VIEW, unreadable="x")).endswith("Could not be read: x.")
    two = seen(replace(VIEW, client=(ROOT, ROOT)))
    assert [row[0] for row in rows(two.sections, "Kubeconfig")] == ["CA it trusts", "client certificate"]
    assert rows(two.sections, "Kubeconfig")[1][-1] == "renewed by hand only"


EVERYWHERE = "install the node agents, or run check --host-root / on a node"


def test_what_was_not_looked_at_is_named_with_the_way_to_look_at_it() -> None:
    assert {one.what: one.how for one in seen().not_looked_at} == {
        "the kubelets' certificates of any node: the nodes could not be listed": EVERYWHERE,
        "what webhooks, CRD conversions and aggregated APIs serve: only the cluster's own network reaches them": (
            "install the cluster agent"
        ),
        "whether the nodes' next certificate requests would be approved": "--preflight",
        "Azure's state of the cluster and its node pools": "--azure.enabled true, after az login",
    }
    more = seen(
        replace(VIEW, tls=False),
        endpoints_left=3,
        workloads_unseen=Failure(Reason.FORBIDDEN, "no right"),
        azure=Failure(Reason.FORBIDDEN, "no right"),
        kubelets=KubeletsSeen(refused="you have no right"),
    )
    found = {one.what: one.how for one in more.not_looked_at}
    assert found["the API server's certificate: its server is plain HTTP"] == "use an https:// server"
    assert found["what 3 more of those that the API server calls serve: no time was left"] == "--timeout 5m"
    workloads = "all workloads that may read the retired serving certificate: no right"
    assert found[workloads] == "the right to list workloads and ConfigMaps"
    assert found["the kubelets' certificates of any node: you have no right"] == EVERYWHERE
    assert not [what for what in found if "Azure" in what]


def test_where_kubelets_told_the_rest_of_the_nodes_is_named() -> None:
    told = KubeletsSeen((KubeletReport("a", KubeletStatus.OK, client_certificate=True),), left=2)
    state = ClusterState((*KUBE_SOURCES, Source.KUBELETS))
    found = cluster_report(Seen(VIEW, state, kubelets=told), NOW, max_age=None, kubelets="auto").not_looked_at
    how = {one.what: one.how for one in found}
    assert how["the kubelets' certificates of 2 more nodes: no time was left"] == "--timeout 5m"
    assert how["the nodes' files, and what the kubelets serve on their ports"] == EVERYWHERE


def test_a_file_says_in_its_own_words_what_its_status_means() -> None:
    files = tuple(
        FileFacts(Role.KUBELET_CLIENT, path, status, detail)
        for path, status, detail in (
            ("/ok", FileStatus.OK, "not shown"),
            ("/own", FileStatus.MALFORMED, "its own words"),
            ("/none", FileStatus.NOT_FOUND, ""),
            ("/absent", FileStatus.NOT_EXPECTED, ""),
        )
    )
    (section,) = [one for one in host_sections(replace(HOST, files=files), (), NOW) if one.title == "Files"]
    assert [row[0] for row in section.rows] == ["/own", "/none", "/ok"]
    assert section.rows[0][3] == "its own words"
    assert section.rows[1][3] not in {"", "-"}
    assert section.rows[2][3] == "-"
    assert section.note == "1 more is absent, as expected."
