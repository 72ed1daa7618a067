"""What a look at a cluster did not see, and how it can be seen (exporter.check.cluster_report)."""

from dataclasses import replace

import pytest

from exporter.agents.cluster.state import ClusterState
from exporter.check.kubelet_look import KubeletsSeen
from exporter.check.report import NotLookedAt
from exporter.facts.source import Failure
from exporter.reason import KubeletStatus, Reason, Source
from exporter.sources.kube.kubeconfig import KubeconfigView
from tests.check.known import NOW
from tests.check.test_cluster_report import SOURCES, VIEW, node, reported, said, state, told

EVERYWHERE = "install the node agents, or run check --host-root / on a node"
BEHIND = "what webhooks, CRD conversions and aggregated APIs serve: only the cluster's own network reaches them"
READERS = "all workloads that may read the retired serving certificate: no right"
PREFLIGHT = "whether the nodes' next certificate requests would be approved"
FILES = "the nodes' files, and what the kubelets serve on their ports"


def apart(view: KubeconfigView | None = VIEW, kept: ClusterState | None = None, **changed: object) -> dict[str, str]:
    found = reported(view, kept, **changed)  # type: ignore[arg-type]
    listed = {one.what: one.how for one in found.not_looked_at}
    assert found.not_looked_at == tuple(NotLookedAt(what, how) for what, how in listed.items())
    return listed


def kubelets(of: str, why: str) -> str:
    return f"the kubelets' certificates of {of}: {why}"


NOT_ASKED, NOT_LISTED = "--kubelets false was given", "the nodes could not be listed"
BLOCKED = "the API server reaches none of them (aks-1: connection refused)"
TRUE = f"--kubelets true; or {EVERYWHERE}"
CUT = KubeletsSeen((told("aks-1", KubeletStatus.REFUSED, "connection refused"),))


@pytest.mark.parametrize(
    ("nodes", "by_agent", "seen", "expected"),
    [
        (None, (), None, {kubelets("any node", NOT_LISTED): EVERYWHERE}),
        (None, (), KubeletsSeen(refused="no right"), {kubelets("any node", "no right"): EVERYWHERE}),
        ((), (), None, {}),
        (("aks-1",), (), None, {kubelets("1 node", NOT_ASKED): TRUE}),
        (("aks-1", "aks-2"), (), None, {kubelets("2 nodes", NOT_ASKED): TRUE}),
        (("aks-1", "aks-2"), ("aks-2",), None, {kubelets("1 of 2 nodes", NOT_ASKED): TRUE}),
        (("aks-1",), ("aks-1",), None, {}),
        (("aks-1",), (), KubeletsSeen(refused="no right"), {kubelets("1 node", "no right"): EVERYWHERE}),
        (("aks-1",), (), CUT, {kubelets("1 node", BLOCKED): EVERYWHERE}),
        (("aks-1",), (), KubeletsSeen((told("aks-1"),)), {FILES: EVERYWHERE}),
        (
            ("aks-1",),
            (),
            KubeletsSeen((told("aks-1"),), 1),
            {kubelets("1 more node", "no time was left"): "--timeout 5m", FILES: EVERYWHERE},
        ),
        (
            ("aks-1",),
            (),
            KubeletsSeen((told("aks-1"),), 2),
            {kubelets("2 more nodes", "no time was left"): "--timeout 5m", FILES: EVERYWHERE},
        ),
    ],
)
def test_of_which_nodes_nothing_was_seen_and_why(
    nodes: tuple[str, ...] | None, by_agent: tuple[str, ...], seen: KubeletsSeen | None, expected: dict[str, str]
) -> None:
    kept = state()
    if nodes is not None:
        kept.nodes_listed([node(name) for name in nodes], NOW)
    looks = said(nodes=by_agent, looks=("endpoints", "preflight", "workloads"))
    found = apart(kept=kept, kubelets=seen, agent=looks)
    assert found.pop("Azure's state, from here; the cluster agent may ask it") == "--azure.enabled true"
    assert found == expected


def test_what_else_was_not_looked_at() -> None:
    rest = {
        BEHIND: "install the cluster agent",
        PREFLIGHT: "--preflight",
        "Azure's state of the cluster and its node pools": "--azure.enabled true, after az login",
    }
    kept = state()
    kept.nodes_listed([], NOW)
    assert apart(kept=kept) == rest
    failure = Failure(Reason.FORBIDDEN, "no right")
    assert apart(replace(VIEW, tls=False), kept, endpoints_left=3, workloads_unseen=failure, azure=failure) == {
        "the API server's certificate: its server is plain HTTP": "use an https:// server",
        BEHIND: "install the cluster agent",
        "what 3 more of those that the API server calls serve: no time was left": "--timeout 5m",
        READERS: "the right to list workloads and ConfigMaps",
        PREFLIGHT: "--preflight",
    }
    assert apart(None, kept, agent=Failure(Reason.NOT_FOUND, "none")) == rest


@pytest.mark.parametrize("looks", [(), ("endpoints",), ("workloads",), ("preflight",)])
def test_what_the_cluster_agent_looks_at_needs_no_second_look(looks: tuple[str, ...]) -> None:
    kept, failure = state(), Failure(Reason.FORBIDDEN, "no right")
    kept.nodes_listed([], NOW)
    found = apart(kept=kept, agent=said(looks=looks), workloads_unseen=failure, azure=failure)
    assert found == {
        what: how
        for source, what, how in (
            ("endpoints", BEHIND, "start the cluster agent with --endpoints.enabled true"),
            ("workloads", READERS, "the right to list workloads and ConfigMaps"),
            ("preflight", PREFLIGHT, "--preflight"),
        )
        if source not in looks
    }


def test_what_was_looked_at_from_here_is_not_named() -> None:
    kept = ClusterState((*SOURCES, Source.ENDPOINTS))
    kept.nodes_listed([], NOW)
    kept.preflight_asked((), NOW)
    assert apart(kept=kept, azure=Failure(Reason.FORBIDDEN, "no right")) == {}
