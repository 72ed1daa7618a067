"""The fleet's dashboard, first part: what is wrong now, and what breaks when."""

from tools.dashboards.findings import COLUMN, alert_words, found, number, since
from tools.dashboards.panel import (
    RUNBOOKS,
    Cell,
    Column,
    Histogram,
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
    POOL,
    by,
    either,
    in_pools,
    labelled,
    linked,
    of,
    of_nodes,
    ranked,
    share,
)
from tools.dashboards.words import ALARM, GREEN, NOTICE, PAST, SEVERITIES, STATES, UNKNOWN

__all__ = [
    "BREAKS",
    "CLUSTER",
    "LINKED",
    "NOBODY",
    "NODE",
    "NODE_LINK",
    "NO_DATE",
    "NO_NUMBER",
    "RUNBOOK_LINK",
    "WRONG",
]

NODE_LINK = (
    "/d/akscert-node?${datasource:queryparam}&var-cluster=${__data.fields.of}&var-node=${__value.raw}"
    "&${__url_time_range}"
)
RUNBOOK_LINK = f"{RUNBOOKS}/${{__value.raw}}.md"
ENDS, BEGAN = "akscert_certificate_not_after_timestamp_seconds", "akscert_certificate_not_before_timestamp_seconds"
DEADLINE = "akscert_rotation_deadline_timestamp_seconds"

NOBODY = (Word("? *", "", UNKNOWN),)
NODE = Column(
    "node",
    "node",
    cell=Cell.TEXT,
    words=NOBODY,
    width=300,
    link=NODE_LINK,
    link_title="Everything about ${__value.raw}",
)
"""Wide enough for the 33 characters of a node in a scale set; a longer name is whole in the cell's own view."""
CLUSTER = Column("cluster", "cluster", width=90)
LINKED = Column("of", "of", hidden=True)
NO_NUMBER = (Word("NaN", "–", "text"),)
NO_DATE = (Word("0..1e12", "–", "text"), *NO_NUMBER)
"""A rule's value where it has no date to tell."""

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
                Column("severity", "severity", words=SEVERITIES, cell=Cell.TEXT, width=100),
                CLUSTER,
                NODE,
                Column(
                    "alertname",
                    "what is wrong",
                    words=alert_words(),
                    width=260,
                    link=RUNBOOK_LINK,
                    link_title="Runbook",
                ),
                Column("about", "about"),
                Column("date", "date", Unit.DATE, words=NO_DATE, width=170),
                Column("since", "since", Unit.FROM_NOW, width=130),
                LINKED,
            ),
        ),
    ),
)

API, CA = "akscert_apiserver_certificate_{}_timestamp_seconds", "akscert_ca_{}_timestamp_seconds"


def _unrenewed(node: str) -> str:
    """Of nodes' certificates, those that nothing is going to renew in time."""
    return f"({node}) unless on (cluster, node, role) ({by('node, role', DEADLINE)} > time())"


STATE = "akscert_rotation_state"


def _breaking(node: str, address: str, authority: str) -> str:
    """Values of nodes' certificates that nothing is going to renew in time, of API servers and of CAs.

    `node` has {} where the end of each certificate stands, in Unix seconds with its labels.
    """
    ends = (
        f"(({_unrenewed(_END[0])})"
        f" * on (cluster, node, role) group_left (state, reason)"
        f" topk by (cluster, node, role) (1, {by('node, role, state, reason', STATE)}))"
    )
    expired = labelled(f"({ends} < time())", state="expired")
    overdue = f'label_replace(({ends} >= time()), "state", "overdue", "state", "enabled")'
    known = f"({either(expired, ranked(overdue))})"
    return linked(
        either(
            f"({node.replace('{}', known)})\n* on (cluster, node) group_left (agentpool) {POOL}",
            labelled(address, role="API server", object="label:address", state="label:rotation"),
            labelled(authority, role="CA", object="label:ca", state="none"),
        )
    )


def _certificates(field: str) -> tuple[str, str, str]:
    return (
        by("node, role", f"akscert_certificate_{field}_timestamp_seconds", how="min", role=KUBELET),
        by("address, rotation", API.format(field)),
        by("ca", CA.format(field)),
    )


_BEGIN, _END = _certificates("not_before"), _certificates("not_after")
MONDAY, WEEK, YEAR = 4 * 86400, 7 * 86400, 365 * 86400
"""Seconds: Unix time begins on a Thursday."""


def _weekly(dates: str) -> str:
    """How many of these dates lie in each week of the coming year: the week's Monday in milliseconds as the label."""
    coming = f"({dates}) > time() < time() + {YEAR}"
    monday = f"1000 * (floor((({coming}) - {MONDAY}) / {WEEK}) * {WEEK} + {MONDAY})"
    return f'count_values by (cluster) ("week", {monday})'


def _weeks(dates: str) -> str:
    """How many weeks from now; what is past is at the left end."""
    return f"clamp_min((({dates}) - time()) / {WEEK}, -1) < 53"


_DUE = of_nodes("role", DEADLINE)
_UNRENEWED = either(
    in_pools(f"({_unrenewed(_END[0])})"), by("address", API.format("not_after"), rotation="!=enabled"), _END[2]
)

BREAKS = Row(
    "What breaks when?",
    (
        Table(
            title="What ends next, of what nothing is going to renew",
            description="Kubelet certificates whose rotation is off, unknown or overdue, the API server's and the "
            "CAs, the first to end on top. A kubelet certificate that rotates as it should is not listed. An API "
            "server whose rotation is enabled is renewed by AKS at about 80 %. The bar only shows how much of the "
            "lifetime is over: what that means depends on the rotation beside it, and is judged in the table above.",
            queries=(
                Query(_breaking("1000 * {}", *(f"1000 * {one}" for one in _END[1:]))),
                Query(_breaking("{} - time()", *(f"{one} - time()" for one in _END[1:]))),
                Query(
                    _breaking(
                        f"0 * {{}} + on (cluster, node, role) group_left () ({share(_BEGIN[0], _END[0])})",
                        *(f"({share(*pair)})" for pair in zip(_BEGIN[1:], _END[1:], strict=True)),
                    )
                ),
            ),
            width=24,
            height=11,
            sort="time left",
            empty="? nothing that ends is known: no agent reports",
            runbooks=(
                "AksCertExpiringWithoutRotation",
                "AksCertRotationOverdue",
                "AksCertApiServerExpiring",
                "AksCertClusterCaExpiring",
            ),
            columns=(
                CLUSTER,
                NODE,
                Column("object", "or what else", least=110),
                Column("agentpool", "pool", width=90),
                Column("role", "role", width=125),
                Column("state", "rotation", words=STATES, cell=Cell.TEXT, width=100),
                Column("A", "ends", Unit.DATE, width=170),
                Column("B", "time left", Unit.SECONDS, Cell.TEXT, thresholds=PAST, width=100),
                Column("C", "lifetime over", Unit.PERCENT, Cell.BAR, width=115),
                LINKED,
            ),
        ),
        Table(
            title="The coming year, week by week",
            description="How many kubelets must have rotated by then (the end of their window, 90 % of the lifetime), "
            "and how many certificates end that nothing is going to renew. Many in one week: those nodes were made "
            "together; expect that many requests, or plan for that many ends. Weeks without either are left out.",
            queries=(
                # Each has a value wherever the other has one: the column of a query without any would be missing.
                Query(f"{_weekly(_DUE)}\nor 0 * {_weekly(_UNRENEWED)}"),
                Query(f"{_weekly(_UNRENEWED)}\nor 0 * {_weekly(_DUE)}"),
            ),
            width=8,
            height=9,
            sort="week of",
            empty="? no date is known: no agent reports",
            runbooks=("AksCertExpiringWithoutRotation", "AksCertCsrPending"),
            columns=(
                CLUSTER,
                Column("week", "week of", Unit.DAY, width=110, number=True),
                Column("A", "rotate", Unit.COUNT, width=75),
                Column("B", "end", Unit.COUNT, least=75),
            ),
        ),
        Histogram(
            title="Rotations and ends, by weeks from now",
            description="The same as a picture: how far away the ends of the rotation windows are, and the ends of "
            "what nothing renews, within a year. A heap means that many nodes will renew, or end, within the same "
            "weeks.",
            queries=(
                Query(_weeks(_DUE), "rotate"),
                Query(_weeks(_UNRENEWED), "end, and nothing renews"),
            ),
            width=8,
            height=9,
            bucket=1,
            unit=Unit.WEEKS,
            empty="? no date is known: no agent reports",
            runbooks=("AksCertExpiringWithoutRotation",),
        ),
        Histogram(
            title="How much of the lifetime is over",
            description="The fleet's kubelet certificates by how much of their lifetime is gone. Where rotation "
            "works, nothing is right of 90 %: whatever is there is overdue or nothing renews it. A heap in one place "
            "means that those nodes were made together and will renew within the same weeks.",
            queries=tuple(
                Query(
                    "max by (cluster, node) ("
                    + share(*(of_nodes("", series, role=role, origin="file") for series in (BEGAN, ENDS)))
                    + ")",
                    role,
                )
                for role in ("kubelet-client", "kubelet-serving")
            ),
            width=8,
            height=9,
            bucket=10,
            unit=Unit.PERCENT,
            empty="? no certificate is known: no node agent reports",
            runbooks=("AksCertRotationOverdue",),
        ),
    ),
)
