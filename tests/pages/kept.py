"""Whole pages at a fixed moment: `python -m tests.pages.kept` writes them again.

They are in tests/pages/kept/, so that a review shows what people will see otherwise. What differs each time, serial
numbers and fingerprints, is left out, as are stylesheet and script.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from exporter import __version__
from exporter.facts.azure.managed_cluster import AzureFacts
from exporter.facts.cluster import ClusterFacts, Endpoint
from exporter.facts.host.host_facts import HostFacts
from exporter.facts.kube.ca_bundle import CaBundle
from exporter.facts.kube.certificates_api import Counted
from exporter.facts.kube.kubelet_metrics import KubeletConfig
from exporter.facts.kube.kubelet_report import KubeletReport
from exporter.facts.kube.node_requests import NodeRequests
from exporter.facts.kube.node_view import node_view
from exporter.facts.kube.preflight import Preflight, Question
from exporter.facts.node_document import node_document as read_document
from exporter.facts.node_observation import NodeObservation
from exporter.facts.source import Failure, SourceFacts, skipped
from exporter.facts.x509 import certificates
from exporter.findings.cluster import cluster_findings
from exporter.findings.host import host_findings
from exporter.findings.limits import STALE
from exporter.pages.cluster_page import cluster_page
from exporter.pages.node_page import node_page
from exporter.pages.told_node_page import told_node_page
from exporter.reason import (
    BootstrapMethod,
    Ca,
    CsrCondition,
    KubeletStatus,
    Observer,
    PreflightStep,
    Reason,
    Requestor,
    Source,
    TrustBundleState,
)
from simulation.pki import DAY
from tests.documents.test_parts import CLUSTER, POOL
from tests.pages.example import CA, NODE, NOW, broken, source, well
from tests.pages.fleet import FORMER, fleet
from tests.pages.test_told_node_page import cluster, told

FOLDER = Path(__file__).parent / "kept"
BY = (Observer.NODE_AGENT, Observer.KUBELET, Observer.NOBODY)
SOURCES = (
    SourceFacts(Source.CSRS, True, NOW - 5, {Reason.TIMEOUT: 2, Reason.DNS: 1}),
    SourceFacts(Source.NODES, False, NOW - STALE - 60, {Reason.DNS: 1}, "no such host", Reason.DNS),
    SourceFacts(Source.LEASES, False, NOW - STALE, {Reason.DNS: 1}, "no such host", Reason.DNS),
    SourceFacts(Source.AZURE, None, None, {}),
    skipped(Source.KUBELETS, "it is switched off", on_purpose=True),
)


def pages() -> Iterator[tuple[str, Callable[[], str]]]:
    """Each with the name of its file."""
    yield "cluster-unknown", lambda: of_cluster(ClusterFacts())
    yield "cluster", lambda: of_cluster(many(), server="aks:443", grafana="https://g.example/x?var-cluster=weu")
    second = {"state": "all", "page": "2", "refresh": "0", "other": "a&b"}
    yield "cluster-second-page", lambda: of_cluster(many(), query=second)
    yield "cluster-broken", lambda: of_cluster(fleet(3, broken=True), runbooks="https://r.example/")
    few = ClusterFacts(nodes=fleet(3, broken=True).nodes)
    yield "cluster-attention", lambda: of_cluster(few, query={"q": "pool1", "state": "attention"})
    yield "cluster-asked-for-what-is-not", lambda: of_cluster(few, query={"pool": "x", "state": "y", "page": "0"})
    yield "node", lambda: of_node(well(), (source(up=True),), grafana="https://g.example")
    yield "node-broken", lambda: of_node(broken(), (source(up=False),), query={"refresh": "0"})
    yield "node-little-known", lambda: of_node(little(), (*SOURCES[3:], source(up=None)), query={"a": "b"})
    yield "told-by-its-agent", lambda: of_told(told(broken()), grafana="https://g.example")
    yield "told-well-by-its-agent", lambda: of_told(told(well()), runbooks="https://r.example/")
    yield "told-in-words-not-known-here", lambda: of_told(newer())
    yield "told-by-its-kubelet", lambda: of_told(by_kubelet())
    yield "told-by-nobody", lambda: of_told(NodeObservation(Observer.NOBODY, silent=Failure(Reason.REFUSED, "refused")))


def many() -> ClusterFacts:
    """A cluster of 14 pools of which everything is known."""
    found = fleet(70, 14)
    names = [one.name for one in found.nodes or ()]
    assert found.csrs is not None
    waits = NodeRequests(names[1], "kubernetes.io/kubelet-serving", NOW - 7 * 3600, "csr-1", True, 28)
    (leaf,) = certificates(CA.apiserver(["aks"], NOW - 700 * DAY).certificate_pem)
    return replace(
        found,
        csrs=replace(found.csrs, nodes=(*found.csrs.nodes, waits)),
        endpoints=(
            *found.endpoints,
            Endpoint("10.0.0.1:443", leaf, False, Reason.CERTIFICATE_HOSTNAME, Failure(Reason.TIMEOUT, "it is late")),
            Endpoint("10.0.0.2:443", None, None, failure=Failure(Reason.REFUSED, "refused")),
        ),
        cas={**found.cas, Ca.CLIENT: (*certificates(CA.pem), *certificates(FORMER.pem))},
        bundles=(*found.bundles, CaBundle("MutatingWebhookConfiguration", "unreadable", (), "no PEM")),
        observations={name: NodeObservation(BY[number % 3]) for number, name in enumerate(names)},
        azure=AzureFacts(
            replace(
                CLUSTER, pools=(POOL, replace(POOL, name="pool2", provisioning_state="", power_state="", error=""))
            ),
            {("cluster", "aks1"): NOW - 60, ("agentpool", "pool1"): NOW - 120},
        ),
        preflight=(
            Preflight(Question(Requestor.NODE, "pool1", PreflightStep.REQUEST, "u", ()), True),
            Preflight(Question(Requestor.NODE, "pool1", PreflightStep.APPROVAL, "u", ()), False),
            Preflight(Question(Requestor.BOOTSTRAP, "", PreflightStep.REQUEST, "u", ()), True),
        ),
        counted=Counted({("a.example/b", CsrCondition.PENDING): 1234}, {("", TrustBundleState.ENDED): 1}),
        clock_offset=-40.0,
    )


def little() -> HostFacts:
    """A Windows node of which hardly anything could be looked at."""
    return replace(
        broken(),
        windows=True,
        certificates=(),
        bootstrap_method=BootstrapMethod.UNKNOWN,
        bootstrap_kubeconfig_present=None,
        served_matches_file=None,
        leftovers={},
    )


def by_kubelet() -> NodeObservation:
    """What a kubelet told, whose serving certificate is about to end."""
    serving = certificates(CA.kubelet_serving(NODE, NOW - 360 * DAY).certificate_pem)
    report = KubeletReport(
        NODE,
        KubeletStatus.OK,
        served=serving,
        config=KubeletConfig(True, False, "", True),
        client_certificate=True,
        client_not_after=NOW + 20 * DAY,
    )
    view = node_view(report, certificates(CA.pem), {}, addresses=(NODE, "10.224.0.4"))
    return NodeObservation(Observer.KUBELET, view=view)


def newer() -> NodeObservation:
    """What an agent of a later version told, by a clock that is ahead of ours."""
    content = told(broken()).document
    assert content is not None
    whole = json.loads(content.content) | {"looked_at": NOW + 5}
    for kind in ("certificates", "files", "rotation"):
        for one in whole[kind]:
            one["severity"] = one["severity"] and "dire"
    document = read_document(json.dumps(whole).encode())
    return NodeObservation(Observer.NODE_AGENT, document)


def of_cluster(facts: ClusterFacts, **options: object) -> str:
    """The page of a cluster."""
    return cluster_page(facts, cluster_findings(facts, SOURCES, NOW), SOURCES, NOW, **options)  # type: ignore[arg-type]


def of_node(facts: HostFacts, sources: tuple[SourceFacts, ...], **options: object) -> str:
    """The page of a node."""
    return node_page(facts, host_findings(facts, sources, NOW), sources, NOW, **options)  # type: ignore[arg-type]


def of_told(observation: NodeObservation, **options: str) -> str:
    """The page of a node that the cluster agent serves."""
    facts = cluster(observation)
    (node,) = facts.nodes or ()
    first = replace(node, name="a", ready=True)
    if observation.document is None:
        node = replace(
            node, ready=None, agentpool="", kubelet_version="", node_image_version="", provider_id="azure:///x"
        )
    facts = replace(facts, nodes=(first, node))
    html = told_node_page(facts, cluster_findings(facts, (), NOW), NODE, NOW, query={}, **options)
    assert html is not None
    return html


def shown(html: str) -> str:
    """A page without what differs each time, and without stylesheet and script."""
    html = re.sub(r"(<(style|script)>).*?(</\2>)", r"\1…\3", html, flags=re.DOTALL)
    html = html.replace(f"aks-cert-exporter {__version__}", "aks-cert-exporter …")
    return re.sub(r"\b[0-9a-f]{20,}\b", "…", html)


if __name__ == "__main__":
    for name, page in pages():
        (FOLDER / f"{name}.html").write_text(shown(page()), encoding="utf-8")
