"""The fleet's dashboard: what nobody sees, and why."""

from tools.dashboards.columns import CLUSTER, LINKED, NO_NUMBER, NODE
from tools.dashboards.panel import Bars, Cell, Column, Lines, Query, Row, Table, Threshold, Unit
from tools.dashboards.promql import SCRAPED, by, either, in_pools, labelled, linked, listed, of, pooled
from tools.dashboards.words import ANSWERS, TELLS, UP

__all__ = ["BLIND"]

_UNTOLD = in_pools(
    either(
        by("node, by", "akscert_node_observed", by="!=node_agent"),
        labelled(
            f"({by('node', 'akscert_node_observed', by='node_agent')} unless on (cluster, node) {SCRAPED})",
            by="unscraped",
        ),
    )
)
_ASKED = f"topk by (cluster, node) (1, {by('node, status', 'akscert_kubelet_status')})"

BLIND = Row(
    "Blind spots",
    (
        Table(
            title="Nodes without a node agent",
            description="The cluster agent asks their kubelets itself, which tells less: no files, no evidence. "
            "nobody: everything above is silent about them. not scraped: there is a node agent, and Prometheus does "
            "not have it. kubectl get pods -A -o wide -l app.kubernetes.io/name=aks-cert-exporter shows what became "
            "of it; a taint needs a toleration.",
            queries=(
                Query(
                    linked(
                        listed(
                            f"({_UNTOLD} * on (cluster, node) group_left (status) {_ASKED})"
                            f"\nor ({_UNTOLD} unless on (cluster, node) {_ASKED})",
                            "node",
                            "cluster",
                        )
                    )
                ),
            ),
            width=16,
            sort="told by",
            descending=True,
            empty="✔ every node has one",
            runbooks=("AksCertNodeNotObserved",),
            columns=(
                CLUSTER,
                NODE,
                Column("by", "told by", words=TELLS, cell=Cell.TEXT, width=170),
                Column("status", "asking its kubelet", words=ANSWERS, cell=Cell.TEXT, least=120),
                LINKED,
            ),
        ),
        Bars(
            title="Who tells about how many nodes",
            description="By whom the certificates of how many nodes are told: their own node agent, the kubelet (asked "
            "by the cluster agent), or nobody, of which nothing is known.",
            queries=(Query(f"count by (by) ({in_pools(by('node, by', 'akscert_node_observed'))})", "{{by}}"),),
            width=8,
            above=True,
            unit=Unit.COUNT,
            decimals=0,
            others=(("^nobody", (Threshold(None, "orange"),)), ("^node_agent", (Threshold(None, "green"),))),
            thresholds=(Threshold(None, "blue"),),
            empty="? no cluster agent",
            runbooks=("AksCertNodeNotObserved",),
        ),
        Table(
            title="Kubelets that do not answer their agents",
            description="Node agents whose TLS handshake with their kubelet fails, so nobody knows what it serves. "
            "Expected where a kubelet waits for its first serving certificate; else look at the kubelet "
            "and at network policies towards port 10250 of the node.",
            queries=(
                Query(
                    linked(
                        listed(
                            f"(min by (cluster, instance) ({of('akscert_source_up', source='kubelet')}) == 0)"
                            f" * on (cluster, instance) group_left (node)"
                            f" max by (cluster, instance, node) ({of('akscert_bootstrap_info')})",
                            "node",
                            "node",
                        )
                    )
                ),
            ),
            width=12,
            sort="node",
            empty="✔ all that are asked answer",
            runbooks=("AksCertSourceDown",),
            columns=(
                CLUSTER,
                NODE,
                Column("A", "kubelet", words=(*UP, *NO_NUMBER), cell=Cell.TEXT),
                LINKED,
            ),
        ),
        Table(
            title="Sources of the cluster agent",
            description="Where the cluster agent gets what it knows, and when it last did. forbidden: the chart's "
            "ClusterRole, or azure's role (docs/azure.md). What a source would have told is absent above.",
            queries=(
                Query(by("source", "akscert_source_up", source="!=kubelet", how="min")),
                Query(f"1000 * {by('source', 'akscert_source_last_success_timestamp_seconds', source='!=kubelet')}"),
            ),
            width=12,
            sort="source",
            empty="? no cluster agent reports",
            runbooks=("AksCertSourceDown",),
            columns=(
                CLUSTER,
                Column("source", "source"),
                Column("A", "now", words=UP, cell=Cell.TEXT, width=160),
                Column("B", "last answer", Unit.FROM_NOW, width=160),
            ),
        ),
        Table(
            title="Certificate files that cannot be read",
            description="What the node agent was to look at and could not. not_found: a certificate that is awaited, "
            "or a path of your own settings. permission_denied: the agent runs without the rights of the "
            "chart. broken_symlink, empty, malformed: repair the node, mostly by a reimage.",
            queries=(
                Query(
                    linked(
                        listed(
                            pooled(by("node, role, path, status", "akscert_file_status", status="!~ok|not_expected")),
                            "node",
                            "node",
                        )
                    )
                ),
            ),
            width=24,
            sort="status",
            empty="✔ all can be read, where a node agent reports",
            runbooks=("AksCertFileUnreadable",),
            columns=(
                CLUSTER,
                NODE,
                Column("agentpool", "pool", width=100),
                Column("role", "role", width=130),
                Column("path", "path"),
                Column("status", "status", width=150),
                LINKED,
            ),
        ),
        Lines(
            title="Failures of sources, by reason",
            description="How often a source failed in each step of time. A few now and then are retried; a "
            "steady line names the reason to look for in the agent's log and in docs/troubleshooting.md.",
            queries=(
                Query(
                    f"sum by (source, reason) (increase({of('akscert_source_errors_total')}[$__interval])) > 0"
                    f'\nor label_replace(0 * max({of("akscert_build_info")}), "source", "none", "", "")',
                    "{{source}} {{reason}}",
                ),
            ),
            width=24,
            points=100,
            height=7,
            step="5m",
            stacked=True,
            shade="orange",
            unit=Unit.COUNT,
            empty="? nothing in this time, or no agent reports",
            runbooks=("AksCertSourceDown",),
        ),
    ),
)
