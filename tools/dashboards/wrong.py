"""The fleet's dashboard: what is wrong now."""

from tools.dashboards.columns import CLUSTER, DEADLINE, ENDS, LINKED, NO_DATE, NODE, RUNBOOK_LINK
from tools.dashboards.findings import COLUMN, alert_words, found, number, since
from tools.dashboards.panel import (
    Cell,
    Column,
    Query,
    Row,
    Stat,
    Table,
    Threshold,
    Unit,
    Word,
)
from tools.dashboards.promql import (
    KUBELET,
    OBSERVED,
    by,
    of,
    of_nodes,
)
from tools.dashboards.words import ALARM, GREEN, NOTICE, SEVERITIES

__all__ = ["WRONG"]

_LINUX = of_nodes("", "akscert_node_info", os="linux")


def _alerts(severity: str) -> str:
    firing = of("ALERTS", alertname="=~AksCert.+", alertstate="firing", severity=severity)
    return f"count({firing}) or 0 * count({of('ALERTS', alertname='=~AksCert.+')})"


WRONG = Row(
    "What is wrong?",
    (
        Stat(
            title="Critical now",
            description="Broken, or about to break. Counted by the rules' own conditions, before they have lasted as "
            "long as the rules wait, so it shows things earlier. Anything but 0: the table below says which node and "
            "what to do. ? means that no agent reports at all.",
            queries=number("critical"),
            total="critical",
            width=4,
            height=4,
            thresholds=ALARM,
            empty="? no agent",
            runbooks=("AksCertExporterDown",),
        ),
        Stat(
            title="Warnings now",
            description="Will break if nobody acts, or cannot be seen. Same counting as to the left. The table below "
            "lists them after the critical ones.",
            queries=number("warning"),
            total="warnings",
            width=4,
            height=4,
            thresholds=NOTICE,
            empty="? no agent",
            runbooks=("AksCertExporterDown",),
        ),
        Stat(
            title="Alerts firing",
            description="What the shipped rules fire now, inhibited or not. ? where no rule has fired here yet, "
            "or where none are installed: then trust the counts to the left, and install the rules (the "
            "chart's prometheusRule.enabled, or the Azure rule groups, whose alerts are in Azure Monitor and not "
            "here).",
            queries=(
                Query(_alerts("critical"), "✖ critical"),
                Query(_alerts("warning"), "▲ warning"),
                Query(_alerts("info"), "● info"),
            ),
            width=6,
            height=4,
            empty="? none, or no rules here",
        ),
        Stat(
            title="Nodes observed",
            description="Linux nodes whose certificates somebody reports, of all that the cluster has. Below 100 %: "
            "see Blind spots at the end; silence about the others means nothing.",
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
            thresholds=(Threshold(None, "orange"), Threshold(100, "green")),
            empty="? no cluster agent",
            runbooks=("AksCertNodeNotObserved",),
        ),
        Stat(
            title="Next end that nothing prevents",
            description="Until the first kubelet certificate ends of those that nothing is going to renew: rotation "
            "off, unknown or overdue. Which one it is: the table What ends next. A certificate that rotates as it "
            "should does not count.",
            queries=(
                Query(
                    f"(min(({of_nodes('role', ENDS, role=KUBELET)} unless on (cluster, node, role)"
                    f" ({by('node, role', DEADLINE)} > time())) > time()) - time())"
                    f" or on () (0 * count({of('akscert_build_info', mode='node')}) + 1e12)",
                    "until it ends",
                ),
            ),
            width=6,
            height=4,
            unit=Unit.SECONDS,
            decimals=1,
            words=(Word("1e12..1e13", "✔ none known", GREEN),),
            filled=False,
            empty="? no node agent",
            runbooks=("AksCertRotationOverdue", "AksCertExpiringWithoutRotation"),
        ),
        Table(
            title="What is wrong now",
            description="One line for each broken thing, critical ones first, by the rules' own conditions. What is "
            "wrong leads to the runbook with the next step; the node's name to everything about it. date: when it "
            "ends, ended or began; since: how long the rules in this Prometheus have seen it.",
            queries=(*found("date"), since("since")),
            gathered=COLUMN,
            width=24,
            height=11,
            sort="severity",
            empty="✔ nothing is wrong, say the agents that report",
            columns=(
                Column("severity", "severity", words=SEVERITIES, cell=Cell.TEXT, width=95),
                CLUSTER,
                NODE,
                Column(
                    "alertname",
                    "what is wrong",
                    words=alert_words(),
                    width=220,
                    link=RUNBOOK_LINK,
                    link_title="Runbook",
                ),
                Column("about", "about"),
                Column("date", "date", Unit.DATE, words=NO_DATE, width=165),
                Column("since", "since", Unit.FROM_NOW, width=130),
                LINKED,
            ),
        ),
    ),
)
