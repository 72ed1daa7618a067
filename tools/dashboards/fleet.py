"""The fleet's dashboard, first half: is anything wrong, is rotation on, what breaks next."""

from tools.dashboards.findings import CRITICAL, WARNING, found, number
from tools.dashboards.panel import (
    RUNBOOKS,
    Bars,
    Cell,
    Column,
    Histogram,
    Lines,
    Query,
    Row,
    Stat,
    Table,
    Threshold,
    Timeline,
    Unit,
)
from tools.dashboards.promql import KUBELET, OBSERVED, POOL, by, either, in_pools, labelled, of, of_nodes, pooled, share
from tools.dashboards.words import ALARM, LIFETIME, NOTICE, SEVERITIES, STATES, TIME_LEFT

__all__ = ["BREAKS", "NODE_LINK", "ROTATION", "RUNBOOK_LINK", "WRONG"]

NODE_LINK = "/d/akscert-node?${datasource:queryparam}&${cluster:queryparam}&var-node=${__value.raw}&${__url_time_range}"
RUNBOOK_LINK = f"{RUNBOOKS}/${{__value.raw}}.md"
STATE = "akscert_rotation_state"
ENDS, BEGAN = "akscert_certificate_not_after_timestamp_seconds", "akscert_certificate_not_before_timestamp_seconds"
ON = f"({by('node, role', STATE, state='enabled')} or 0 * {by('node, role', STATE)})"
NODE = Column("node", "node", width=260, link=NODE_LINK, link_title="Everything about ${__value.raw}")
CLUSTER = Column("cluster", "cluster", width=110)

_LINUX = of_nodes("", "akscert_node_info", os="linux")


def _alerts(severity: str) -> str:
    firing = of("ALERTS", alertname="=~AksCert.+", alertstate="firing", severity=severity)
    return f"count({firing}) or 0 * count({of('ALERTS', alertname='=~AksCert.+')})"


WRONG = Row(
    "Is anything wrong?",
    (
        Stat(
            title="Critical, by the series",
            description="Broken, or about to break. Counted from the agents' own series, without the patience of the "
            "alerts, so it shows things earlier. Anything but 0: the table below says which node and what "
            "to do. Empty: no agent reports at all.",
            queries=(Query(number(CRITICAL), "critical"),),
            width=4,
            height=4,
            thresholds=ALARM,
            empty="? no agent reports",
            runbooks=("AksCertExporterDown",),
        ),
        Stat(
            title="Warnings, by the series",
            description="Will break if nobody acts, or cannot be seen. Same counting as to the left. The table below "
            "lists them after the critical ones.",
            queries=(Query(number(WARNING), "warnings"),),
            width=4,
            height=4,
            thresholds=NOTICE,
            empty="? no agent reports",
            runbooks=("AksCertExporterDown",),
        ),
        Stat(
            title="Alerts firing",
            description="What the shipped rules fire now, inhibited or not. Empty where no rule has ever fired here, "
            "or where none are installed: then trust the counts to the left, and install the rules (the "
            "chart's rules.enabled, or the Azure rule groups, whose alerts stand in Azure Monitor and not "
            "here).",
            queries=(
                Query(_alerts("critical"), "✖ critical"),
                Query(_alerts("warning"), "▲ warning"),
                Query(_alerts("info"), "● info"),
            ),
            width=7,
            height=4,
            empty="none, or no rules",
        ),
        Stat(
            title="Nodes observed",
            description="Linux nodes with a node agent, of all that the cluster has. Below 100 %: see Blind spots at "
            "the end; silence about the others means nothing.",
            queries=(
                Query(
                    f"100 * avg(({_LINUX} and on (cluster, node) {OBSERVED}) or 0 * {_LINUX})",
                    "nodes",
                ),
            ),
            width=4,
            height=4,
            unit=Unit.PERCENT,
            decimals=0,
            thresholds=(Threshold(None, "red"), Threshold(90, "orange"), Threshold(100, "green")),
            empty="? no cluster agent",
            runbooks=("AksCertNodeNotObserved",),
        ),
        Stat(
            title="First kubelet certificate ends in",
            description="Until the first certificate of a kubelet ends that has not ended yet. Kubelets renew a "
            "one-year certificate between day 256 and day 329, so under a month means that one does not: "
            "see What breaks next.",
            queries=(Query(f"min({of_nodes('role', ENDS, role=KUBELET)} > time()) - time()"),),
            width=5,
            height=4,
            unit=Unit.SECONDS,
            decimals=1,
            thresholds=TIME_LEFT,
            filled=False,
            empty="? no certificate seen",
            runbooks=("AksCertRotationOverdue", "AksCertExpiringWithoutRotation"),
        ),
        Table(
            title="What is wrong now",
            description="One line for each broken thing, critical ones first, from the agents' own series. The name "
            "in the column alert leads to the runbook with the next step; the node's name to everything "
            "about it.",
            queries=(Query(found()),),
            width=24,
            height=10,
            sort="severity",
            empty="nothing found",
            columns=(
                Column("severity", "severity", words=SEVERITIES, cell=Cell.TEXT, width=110),
                CLUSTER,
                NODE,
                Column("object", "or what else", width=160),
                Column("role", "role", width=130),
                Column("finding", "what is wrong"),
                Column("detail", "detail", width=310),
                Column("alert", "alert and runbook", width=260, link=RUNBOOK_LINK, link_title="Runbook"),
            ),
        ),
    ),
)

ROTATION = Row(
    "Is rotation on, and does it work?",
    (
        Bars(
            title="Rotation enabled, by role and node pool",
            description="Share of nodes whose certificate the kubelet renews by itself. kubelet-client below 100 %: "
            "those nodes leave the cluster when it ends. kubelet-serving below 100 %: opted out, an old "
            "image, or not offered yet; no outage on Linux. Nodes that the cluster does not know count as "
            "pool (not known).",
            queries=(
                Query(
                    f"100 * avg by (cluster, agentpool, role) (\n{pooled(ON)}\n)", "{{cluster}} {{agentpool}} {{role}}"
                ),
            ),
            width=10,
            height=11,
            unit=Unit.PERCENT,
            decimals=0,
            maximum=100,
            thresholds=(Threshold(None, "red"), Threshold(50, "orange"), Threshold(100, "green")),
            runbooks=("AksCertRotationDisabled",),
        ),
        Table(
            title="Why: states and reasons",
            description="How many nodes for each state and reason. static, inline: made before TLS bootstrapping, "
            "upgrade the pool. opted_out: the pool's tag, which retires on 2027-04-01. self_signed: "
            "serving rotation not offered yet. undetermined: too little could be read, see Blind spots.",
            queries=(
                Query(
                    "count by (cluster, agentpool, role, state, reason) (\n"
                    + pooled(by("node, role, state, reason", STATE))
                    + "\n)"
                ),
            ),
            width=14,
            height=11,
            sort="state",
            runbooks=("AksCertRotationDisabled", "AksCertRotationWaiting"),
            columns=(
                CLUSTER,
                Column("agentpool", "pool"),
                Column("role", "role"),
                Column("state", "state", words=STATES, cell=Cell.TEXT),
                Column("reason", "reason"),
                Column("A", "nodes", Unit.COUNT, width=80),
            ),
        ),
        Timeline(
            title="Rotation over time: nodes in each state",
            description="A band for each state and reason that any node was in, with the number of nodes. Where a band "
            "of anything but enabled begins is when it broke: compare with upgrades and tags at that time. One node "
            "over time is on its own dashboard.",
            queries=(
                Query(
                    f"count by (cluster, role, state, reason) ({in_pools(of(STATE))})",
                    "{{cluster}} {{role}}: {{state}}, {{reason}}",
                ),
            ),
            width=14,
            height=11,
            points=30,
            tints=tuple((word.value, word.color) for word in STATES),
            decimals=0,
            runbooks=("AksCertRotationDisabled", "AksCertRotationWaiting"),
        ),
        Lines(
            title="Certificates renewed within the hour before",
            description="How many certificates on nodes were an hour old or younger, by role. A healthy fleet renews "
            "a few each day, more when pools are upgraded. Flat at zero for months in a large fleet: "
            "nothing rotates.",
            queries=(
                Query(
                    "count by (role) (\n"
                    + in_pools(
                        f"max by (cluster, node, role) ({of(BEGAN, role=KUBELET, origin='file')} > time() - 3900)"
                    )
                    + "\n)",
                    "{{role}}",
                ),
            ),
            width=10,
            height=11,
            stacked=True,
            points=100,
            unit=Unit.COUNT,
            decimals=0,
            empty="none renewed",
            runbooks=("AksCertRotationOverdue",),
        ),
    ),
)

API, CA = "akscert_apiserver_certificate_{}_timestamp_seconds", "akscert_ca_{}_timestamp_seconds"


def _breaking(node: str, address: str, authority: str) -> str:
    """Values of nodes' certificates that nothing is going to renew in time, of API servers and of CAs."""
    role_and_reason = f"topk by (cluster, node, role) (1, {by('node, role, state, reason', STATE)})"
    due = f"{by('node, role', 'akscert_rotation_deadline_timestamp_seconds')} > time()"
    return either(
        f"(({node}) unless on (cluster, node, role) ({due}))"
        f"\n* on (cluster, node, role) group_left (state, reason) {role_and_reason}"
        f"\n* on (cluster, node) group_left (agentpool) {POOL}",
        labelled(address, role="API server", object="label:address", state="label:rotation"),
        labelled(authority, role="CA", object="label:ca", reason="nothing ever renews a CA"),
    )


def _certificates(field: str) -> tuple[str, str, str]:
    return (
        by("node, role", f"akscert_certificate_{field}_timestamp_seconds", how="min", role=KUBELET),
        by("address, rotation", API.format(field)),
        by("ca", CA.format(field)),
    )


_BEGIN, _END = _certificates("not_before"), _certificates("not_after")

BREAKS = Row(
    "What breaks next?",
    (
        Table(
            title="What ends next, of what nothing is going to renew",
            description="Kubelet certificates whose rotation is off, unknown or overdue, the API server's and the "
            "CAs, the first to end on top. A kubelet certificate that rotates as it should is not listed. "
            "Red bar: act now, by the runbook. An API server whose rotation is enabled is renewed by AKS "
            "at about 80 %.",
            queries=(
                Query(_breaking(*(f"1000 * {one}" for one in _END))),
                Query(_breaking(*(f"{one} - time()" for one in _END))),
                Query(_breaking(*(f"({share(*pair)})" for pair in zip(_BEGIN, _END, strict=True)))),
            ),
            width=24,
            height=11,
            sort="time left",
            empty="nothing: all rotates as it should, or nobody looks",
            runbooks=(
                "AksCertExpiringWithoutRotation",
                "AksCertRotationOverdue",
                "AksCertApiServerExpiring",
                "AksCertClusterCaExpiring",
            ),
            columns=(
                CLUSTER,
                NODE,
                Column("object", "or what else", width=170),
                Column("agentpool", "pool", width=100),
                Column("role", "role", width=130),
                Column("state", "rotation", words=STATES, cell=Cell.TEXT, width=110),
                Column("reason", "reason", width=200),
                Column("A", "ends", Unit.DATE, width=170),
                Column(
                    "B",
                    "time left",
                    Unit.SECONDS,
                    Cell.TEXT,
                    thresholds=(Threshold(None, "red"), Threshold(7 * 86400, "orange"), Threshold(90 * 86400, "text")),
                    width=120,
                ),
                Column("C", "lifetime over", Unit.PERCENT, Cell.BAR, thresholds=LIFETIME),
            ),
        ),
        Histogram(
            title="How much of the lifetime is over",
            description="The fleet's kubelet certificates by how much of their lifetime is gone. Where rotation "
            "works, nothing stands right of 90 %: whatever does is overdue. A heap at one place means "
            "that those nodes were made together and will renew within the same weeks.",
            queries=tuple(
                Query(
                    "max by (cluster, node) ("
                    + share(*(of_nodes("", series, role=role, origin="file") for series in (BEGAN, ENDS)))
                    + ")",
                    role,
                )
                for role in ("kubelet-client", "kubelet-serving")
            ),
            width=12,
            height=9,
            bucket=10,
            unit=Unit.PERCENT,
            runbooks=("AksCertRotationOverdue",),
        ),
        Histogram(
            title="Days left",
            description="The same certificates by the days they have left, overdue and unrenewed ones at the left "
            "end. 20-year certificates are serving certificates that the kubelet signed itself.",
            queries=tuple(
                Query(
                    "(" + of_nodes("", ENDS, role=role, origin="file") + " - time()) / 86400 < 800",
                    role,
                )
                for role in ("kubelet-client", "kubelet-serving")
            ),
            width=12,
            height=9,
            bucket=30,
            unit=Unit.COUNT,
            runbooks=("AksCertExpired",),
        ),
    ),
)
