"""The node's dashboard: what matters at a glance."""

from tools.dashboards.columns import ENDS, NO_DATE, RUNBOOK_LINK
from tools.dashboards.findings import COLUMN, alert_words, found, since
from tools.dashboards.panel import Cell, Column, Query, Row, Stat, Table, Unit
from tools.dashboards.promql import either, labelled, states
from tools.dashboards.this import by_node
from tools.dashboards.words import (
    CODES,
    NUMBERS,
    PAST,
    READY,
    SERVED,
    SEVERITIES,
)

__all__ = ["GLANCE", "coded"]

STATE = "akscert_rotation_state"
CLIENT, SERVING = "kubelet-client", "kubelet-serving"


THIS = f"({either(by_node('', STATE), by_node('', 'akscert_node_info'))})"
"""The node, as whoever knows of it tells."""
NOBODY_KNOWS = labelled(f"0 * absent({THIS})", severity="0-unknown", about="nobody reports this node", column="date")


def coded(**matchers: str) -> str:
    """The state of a rotation as a number."""
    return either(*(f"{NUMBERS[state]} * {part}" for state, part in states(node="=~$node", **matchers).items()))


def _about_it(findings: str) -> str:
    return f"(({findings}) and on (cluster, node) {THIS})"


def _rotation(title: str, role: str, consequence: str) -> Stat:
    return Stat(
        title=title,
        description=f"Whether the kubelet renews it by itself, and the reason. Anything but enabled: {consequence} The "
        "evidence below says which place claims what.",
        queries=(Query(coded(role=role), "{{reason}}"),),
        width=4,
        height=4,
        words=CODES,
        empty="? nobody tells",
        runbooks=("AksCertRotationDisabled", "AksCertRotationWaiting"),
    )


def _end(title: str, role: str, consequence: str) -> Stat:
    return Stat(
        title=title,
        description=f"Time until notAfter, of file and served one the earlier. At zero {consequence}. Where rotation "
        "is enabled, the kubelet renews it between 70 % and 90 % of its lifetime.",
        queries=(Query(f"{by_node('', ENDS, 'min', role=role)} - time()"),),
        width=4,
        height=4,
        unit=Unit.SECONDS,
        decimals=1,
        thresholds=PAST,
        filled=False,
        empty="? none seen",
        runbooks=("AksCertExpired", "AksCertRotationOverdue"),
    )


GLANCE = Row(
    "At a glance",
    (
        _rotation("Client certificate", CLIENT, "the node leaves the cluster when the certificate ends."),
        _end("Client ends in", CLIENT, "the node leaves the cluster"),
        _rotation("Serving certificate", SERVING, "clients cannot verify this kubelet; no outage on Linux."),
        _end("Serving ends in", SERVING, "kubectl logs, exec and metrics fail"),
        Stat(
            title="Node",
            description="The Node object's Ready condition. Not ready together with an expired client certificate: "
            "that is the cause. Empty: the node never joined, or no cluster agent runs.",
            queries=(Query(by_node("", "akscert_node_ready")),),
            width=4,
            height=4,
            words=READY,
            empty="? not joined",
            runbooks=("AksCertExpired",),
        ),
        Stat(
            title="Kubelet serves",
            description="Whether the certificate on the kubelet's port is the one in its file. Another one: the "
            "kubelet did not notice the renewal; systemctl restart kubelet on the node.",
            queries=(Query(by_node("", "akscert_certificate_served_matches_file", how="min")),),
            width=4,
            height=4,
            words=SERVED,
            empty="? not compared",
            runbooks=("AksCertKubeletServesOldCertificate",),
        ),
        Table(
            title="What is wrong with it",
            description="By the rules' own conditions, critical ones first. What is wrong leads to the runbook with "
            "the next step. date: when it ends, ended or began; since: how long the rules here have seen it. "
            "Of a node that nobody observes only that is known, and is said here.",
            queries=(
                *(Query(either(_about_it(one.expression), NOBODY_KNOWS)) for one in found("date", node=True)),
                Query(_about_it(since("since").expression)),
            ),
            gathered=COLUMN,
            width=24,
            height=7,
            sort="severity",
            empty="✔ nothing is wrong with it, say the agents that report",
            columns=(
                Column("severity", "severity", words=SEVERITIES, cell=Cell.TEXT, width=100),
                Column(
                    "alertname",
                    "what is wrong",
                    words=alert_words(),
                    width=300,
                    link=RUNBOOK_LINK,
                    link_title="Runbook",
                ),
                Column("about", "about"),
                Column("date", "date", Unit.DATE, words=NO_DATE, width=170),
                Column("since", "since", Unit.FROM_NOW, width=140),
            ),
        ),
        Table(
            title="What the cluster knows of it",
            description="From the Node object. kubelet-serving-ca: cluster means that AKS switched serving rotation "
            "on for it. Versions below 1.27 and old images cannot: upgrade the pool.",
            queries=(
                Query(
                    f"1000 * {by_node('', 'akscert_node_created_timestamp_seconds')}"
                    "\n* on (cluster, node) group_right () "
                    + by_node(
                        "agentpool, kubelet_version, node_image_version, os, os_sku, kubelet_serving_ca",
                        "akscert_node_info",
                    )
                ),
            ),
            width=24,
            height=4,
            sort="created",
            empty="? not joined, or no cluster agent",
            columns=(
                Column("agentpool", "pool"),
                Column("kubelet_version", "kubelet", width=90),
                Column("node_image_version", "node image"),
                Column("os_sku", "OS", width=90),
                Column("kubelet_serving_ca", "serving CA label", width=140),
                Column("A", "created", Unit.DATE, width=170),
            ),
        ),
    ),
)
