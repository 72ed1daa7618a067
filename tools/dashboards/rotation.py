"""The fleet's dashboard: is rotation on, and does it work."""

from tools.dashboards.columns import BEGAN, CLUSTER
from tools.dashboards.panel import Bars, Cell, Column, Lines, Query, Row, Table, Threshold, Unit
from tools.dashboards.promql import KUBELET, by, counted, either, in_pools, labelled, of, pooled
from tools.dashboards.words import BLUE, GREEN, ORANGE, SERIES, STATES, UNKNOWN

__all__ = ["ROTATION"]

STATE = "akscert_rotation_state"
TINTS = (("enabled", GREEN), ("waiting", "light-orange"), ("disabled", ORANGE), ("unknown", UNKNOWN))
KUBELETS = ("kubelet-client", "kubelet-serving")
LAG = 600
"""Seconds: a certificate is dated back by five minutes, and is scraped within five more."""


def _on(role: str, below: str, color: str) -> Bars:
    enabled = by("node", STATE, role=role, state="enabled")
    return Bars(
        title=f"{role.removeprefix('kubelet-').capitalize()} rotation on, by pool",
        description=f"Share of nodes whose {role} certificate the kubelet renews by itself. Below 100 %: {below} "
        "Nodes that the cluster does not know count as pool (not known).",
        queries=(
            Query(
                "sort(100 * avg by (cluster, agentpool) (\n"
                + pooled(f"{enabled} or 0 * {by('node', STATE, role=role)}")
                + "\n))",
                "{{cluster}} {{agentpool}}",
            ),
        ),
        width=5,
        height=11,
        above=True,
        unit=Unit.PERCENT,
        decimals=0,
        maximum=100,
        thresholds=(Threshold(None, color), Threshold(100, GREEN)),
        empty="? no node agent reports",
        runbooks=("AksCertRotationDisabled",),
    )


def _over_time(role: str, disabled: str) -> Lines:
    return Lines(
        title=f"{role.removeprefix('kubelet-').capitalize()} certificates: nodes in each state",
        description="How many nodes are in each state of rotation, over time. Where anything but enabled begins is "
        "when it broke: compare with the marked upgrades and rotations at that time. One node over time is on its own "
        "dashboard.",
        queries=(
            Query(f"count by (state) (max by (cluster, node, state) ({in_pools(of(STATE, role=role))}))", "{{state}}"),
        ),
        width=8,
        height=9,
        filled=True,
        points=36,
        decimals=0,
        unit=Unit.COUNT,
        tints=tuple((word, disabled if word == "disabled" else color) for word, color in TINTS),
        empty="? no node agent reports",
        runbooks=("AksCertRotationDisabled", "AksCertRotationWaiting"),
    )


ROTATION = Row(
    "Is rotation on, and does it work?",
    (
        _on("kubelet-client", "those nodes leave the cluster when it ends.", ORANGE),
        _on("kubelet-serving", "opted out, an old image, or not offered yet; no outage on Linux.", BLUE),
        Table(
            title="Why: states and reasons",
            description="How many nodes for each state and reason. static, inline: made before TLS bootstrapping, "
            "upgrade the pool. opted_out: the pool's tag, which retires on 2027-04-01. self_signed: "
            "serving rotation not offered yet. undetermined: too little could be read, see Blind spots.",
            queries=(Query(counted()),),
            width=14,
            height=11,
            sort="state",
            empty="? no node agent reports",
            runbooks=("AksCertRotationDisabled", "AksCertRotationWaiting"),
            columns=(
                CLUSTER,
                Column("agentpool", "pool", width=110),
                Column("role", "role", width=130),
                Column("state", "state", words=STATES, cell=Cell.TEXT, width=120),
                Column("reason", "reason"),
                Column("A", "nodes", Unit.COUNT, width=80),
            ),
        ),
        _over_time("kubelet-client", ORANGE),
        _over_time("kubelet-serving", BLUE),
        Lines(
            title="Certificates issued to nodes",
            description="How many certificates on nodes were new in each step of time, by role: renewed, or of a new "
            "node. Shown ten minutes after the date in the certificate. A healthy fleet renews a few each day, more "
            "when pools are upgraded. Flat at zero for months in a large fleet: nothing rotates.",
            queries=(
                Query(
                    "count by (role) (\n"
                    + in_pools(
                        f"max by (cluster, node, role) ({of(BEGAN, role=KUBELET, origin='file')}"
                        f" > time() - $__interval_ms / 1000 - {LAG} <= time() - {LAG})"
                    )
                    + "\n)\nor "
                    + either(
                        *(labelled(f"0 * max({of('akscert_build_info', mode='node')})", role=role) for role in KUBELETS)
                    ),
                    "{{role}}",
                ),
            ),
            width=8,
            height=9,
            stacked=True,
            points=48,
            step="5m",
            unit=Unit.COUNT,
            decimals=0,
            words=SERIES,
            empty="? nothing in this time, or no node agent reports",
            runbooks=("AksCertRotationOverdue",),
        ),
    ),
)
