"""The fleet's dashboard: what breaks when."""

from tools.dashboards.columns import BEGAN, CLUSTER, DEADLINE, ENDS, LINKED, NODE
from tools.dashboards.panel import Cell, Column, Histogram, Query, Row, Table, Unit
from tools.dashboards.promql import POOL, breaking, by, either, in_pools, labelled, linked, of_nodes, share, unrenewed
from tools.dashboards.words import PAST, STATES

__all__ = ["BREAKS"]

API, CA = "akscert_apiserver_certificate_{}_timestamp_seconds", "akscert_ca_{}_timestamp_seconds"


def _breaking(node: str, address: str, authority: str) -> str:
    """Values of nodes' certificates that nothing is going to renew in time, of API servers and of CAs."""
    return linked(
        either(
            f"({node})\n* on (cluster, node, role) group_left (state) {breaking()}\n"
            f"* on (cluster, node) group_left (agentpool) {POOL}",
            labelled(address, role="API server", object="label:address", state="label:rotation"),
            labelled(authority, role="CA", object="label:ca", state="none"),
        )
    )


def _dates(field: str) -> tuple[str, str, str]:
    return (
        unrenewed(f"akscert_certificate_{field}_timestamp_seconds"),
        by("address, rotation", API.format(field)),
        by("ca", CA.format(field)),
    )


_BEGIN, _END = _dates("not_before"), _dates("not_after")
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
_UNRENEWED = either(in_pools(_END[0]), by("address", API.format("not_after"), rotation="!=enabled"), _END[2])

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
                Query(_breaking(*(f"1000 * {one}" for one in _END))),
                Query(_breaking(*(f"{one} - time()" for one in _END))),
                Query(_breaking(*(share(*pair) for pair in zip(_BEGIN, _END, strict=True)))),
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
                Column("object", "API server or CA", least=130),
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
