"""The fleet's dashboard: what nobody sees, and why."""

from tools.dashboards.fleet import CLUSTER, LINKED, NO_DATE, NO_NUMBER, NODE
from tools.dashboards.panel import Cell, Column, Lines, Query, Row, Table, Unit
from tools.dashboards.promql import OBSERVED, by, linked, listed, of, pooled
from tools.dashboards.words import UP

__all__ = ["BLIND"]

BLIND = Row(
    "Blind spots",
    (
        Table(
            title="Nodes that nobody observes",
            description="Linux nodes of the cluster about whose certificates nobody reports: everything above is "
            "silent about them. kubectl get pods -A -o wide -l app.kubernetes.io/name=aks-cert-exporter shows what "
            "became of the node agent; a taint needs a toleration.",
            queries=(
                Query(
                    linked(
                        listed(
                            f"1000 * {by('node', 'akscert_node_created_timestamp_seconds')}"
                            "\n* on (cluster, node) group_left (agentpool) ("
                            + by(
                                "node, agentpool",
                                "akscert_node_info",
                                os="linux",
                                kubelet_version="!~.*-vk-.*",
                                agentpool="=~$pool",
                            )
                            + f"\nunless on (cluster, node) {OBSERVED})",
                            "node",
                            "cluster",
                        )
                    )
                ),
            ),
            width=12,
            sort="created",
            empty="✔ every node is observed",
            runbooks=("AksCertNodeNotObserved",),
            columns=(
                CLUSTER,
                NODE,
                Column("agentpool", "pool", width=90),
                Column("A", "created", Unit.DAY, words=NO_DATE, width=105),
                LINKED,
            ),
        ),
        Table(
            title="Kubelets that do not answer",
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
            width=12,
            points=100,
            step="5m",
            shade="orange",
            unit=Unit.COUNT,
            empty="? no agent reports",
            runbooks=("AksCertSourceDown",),
        ),
    ),
)
