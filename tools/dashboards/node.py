"""The node's dashboard: everything that is known of one node."""

from tools.dashboards.findings import COLUMN, alert_words, found, since
from tools.dashboards.fleet import NO_DATE, RUNBOOK_LINK
from tools.dashboards.node_files import FILES
from tools.dashboards.panel import Cell, Column, Event, Lines, Query, Row, Stat, Table, Threshold, Timeline, Unit, Word
from tools.dashboards.promql import KUBELET, either, labelled, share, states
from tools.dashboards.this import by_node
from tools.dashboards.words import (
    AGE_OF_REQUEST,
    CODES,
    ISSUED,
    NUMBERS,
    PAST,
    READY,
    SAYS,
    SERIES,
    SERVED,
    SEVERITIES,
    STATES,
    USABLE,
    YES,
)

__all__ = ["EVENTS", "ROWS"]

STATE = "akscert_rotation_state"
ENDS, BEGAN = "akscert_certificate_not_after_timestamp_seconds", "akscert_certificate_not_before_timestamp_seconds"
CLIENT, SERVING = "kubelet-client", "kubelet-serving"
USABLE_AS = (
    f"topk by (cluster, node, role, origin) (1, {by_node('role, origin, reason', 'akscert_certificate_usable')})"
)
ISSUED_BY = "akscert_certificate_issued_by_cluster_ca"
LAST_ISSUED = by_node("signer_name", "akscert_csr_last_issued_timestamp_seconds")
PENDING_SINCE = by_node("signer_name", "akscert_csr_pending_since_timestamp_seconds", "min")
CERTIFICATE = "role, origin, rotation"


LATE = (Threshold(None, "orange"), Threshold(0, "text"))
"""Seconds until the deadline: past it a rotation is overdue, which is a warning."""
THIS = f"({either(by_node('', STATE), by_node('', 'akscert_node_info'))})"
"""The node, as whoever knows of it tells."""
NOBODY_KNOWS = labelled(f"0 * absent({THIS})", severity="0-unknown", about="nobody reports this node", column="date")


def _coded(**matchers: str) -> str:
    """The state of a rotation as a number."""
    return either(*(f"{NUMBERS[state]} * {part}" for state, part in states(node="=~$node", **matchers).items()))


def _about_it(findings: str) -> str:
    return f"(({findings}) and on (cluster, node) {THIS})"


def _rotating(expression: str) -> str:
    """Certificates, where a serving certificate that nothing rotates is for your information only."""
    both = f'label_join({expression}, "both", "/", "role", "rotation")'
    return f'label_replace({both}, "rotation", "unoffered", "both", "{SERVING}/disabled")'


def _rotation(title: str, role: str, consequence: str) -> Stat:
    return Stat(
        title=title,
        description=f"Whether the kubelet renews it by itself, and the reason. Anything but enabled: {consequence} The "
        "evidence below says which place claims what.",
        queries=(Query(_coded(role=role), "{{reason}}"),),
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
                Column("kubelet_serving_ca", "serving CA label", width=120),
                Column("A", "created", Unit.DATE, width=160),
            ),
        ),
    ),
)

CERTIFICATES = Row(
    "Certificates",
    (
        Table(
            title="All certificates",
            description="Every certificate on the node by role, as in its file and as served on the wire. issued by "
            "the cluster CA no, for a serving certificate: self-signed, or from a former CA. "
            "apiserver-copy is AKS's own copy from when the node was made, which nothing uses.",
            queries=(
                # A certificate that cannot be read has no dates, and is there all the same.
                Query(
                    either(
                        _rotating(f"1000 * {by_node(CERTIFICATE, BEGAN)}"),
                        f"0 * ({USABLE_AS} unless on (cluster, node, role, origin) {by_node(CERTIFICATE, BEGAN)})",
                    )
                ),
                Query(_rotating(f"1000 * {by_node(CERTIFICATE, ENDS)}")),
                Query(_rotating(share(by_node(CERTIFICATE, BEGAN), by_node(CERTIFICATE, ENDS)))),
                Query(
                    _rotating(
                        f"0 * {by_node(CERTIFICATE, ENDS)} + on (cluster, node, role, origin) group_left () ("
                        + either(
                            f"2 - {by_node('role, origin', ISSUED_BY, 'min', role=CLIENT)}",
                            by_node("role, origin", ISSUED_BY, "min", role=f"!={CLIENT}"),
                        )
                        + ")"
                    )
                ),
                Query(USABLE_AS),
            ),
            width=24,
            height=8,
            sort="ends",
            empty="? no node agent here",
            runbooks=("AksCertExpired", "AksCertExpiringWithoutRotation"),
            columns=(
                Column("role", "role", width=150),
                Column("origin", "seen in", width=80),
                Column("reason", "usable", words=USABLE, cell=Cell.TEXT, width=130),
                Column("rotation", "rotation", words=STATES, cell=Cell.TEXT, width=110),
                Column("D", "issued by the cluster CA", words=ISSUED, cell=Cell.TEXT, width=180),
                Column("A", "since", Unit.DATE, words=NO_DATE, width=170),
                Column("B", "ends", Unit.DATE, width=170),
                Column("C", "lifetime over", Unit.PERCENT, Cell.BAR),
            ),
        ),
        Lines(
            title="Lifetime over",
            description="A saw: it climbs, and falls where the kubelet renewed. The kubelet renews between 70 % and "
            "90 %; a line above 90 % is overdue. Look over months to see rotations.",
            queries=(
                Query(
                    share(
                        by_node("role", BEGAN, role=KUBELET, origin="file"),
                        by_node("role", ENDS, role=KUBELET, origin="file"),
                    ),
                    "{{role}}",
                ),
            ),
            width=12,
            unit=Unit.PERCENT,
            points=200,
            maximum=110,
            words=SERIES,
            empty="? none seen",
            runbooks=("AksCertRotationOverdue",),
        ),
        Table(
            title="Rotation: from when until when",
            description="Where rotation is enabled, the kubelet picks a random moment between the two dates. The "
            "second one past: it asked in vain or does not ask; see the requests below and journalctl -u "
            "kubelet.",
            queries=(
                Query(f"1000 * {by_node('role', 'akscert_rotation_due_timestamp_seconds')}"),
                Query(f"1000 * {by_node('role', 'akscert_rotation_deadline_timestamp_seconds')}"),
                Query(f"{by_node('role', 'akscert_rotation_deadline_timestamp_seconds')} - time()"),
            ),
            width=12,
            sort="at the latest",
            empty="? rotation is not enabled, or nobody tells",
            runbooks=("AksCertRotationOverdue",),
            columns=(
                Column("role", "role"),
                Column("A", "renewed from", Unit.DATE),
                Column("B", "at the latest", Unit.DATE),
                Column(
                    "C",
                    "which is in",
                    Unit.SECONDS,
                    Cell.TEXT,
                    thresholds=LATE,
                ),
            ),
        ),
    ),
)

EVIDENCE = Row(
    "Rotation and its evidence",
    (
        Timeline(
            title="Rotation state",
            description="When it changed. A change to waiting or unknown that lasts is when something broke on the "
            "node.",
            queries=(
                Query(
                    _coded(),
                    "{{role}}",
                ),
            ),
            width=12,
            height=9,
            points=200,
            words=CODES,
            empty="? no node agent here",
            runbooks=("AksCertRotationWaiting",),
        ),
        Timeline(
            title="What each place says",
            description="kubelet_config and kubeconfig: the kubelet's settings; file: the current link; wire: what is "
            "served; provisioning_tag: the tag as the node was made; node_label, agentpool_tag: what the "
            "cluster and Azure say. They must agree; a tag against the rest means that the pool was not "
            "reimaged.",
            queries=(Query(by_node("role, evidence", "akscert_rotation_evidence"), "{{role}} {{evidence}}"),),
            width=12,
            height=9,
            points=200,
            words=SAYS,
            empty="? no place says anything",
            runbooks=("AksCertRotationEvidenceConflict",),
        ),
        Table(
            title="Bootstrap",
            description="How the kubelet would obtain a new client certificate if it lost this one. none while "
            "rotation is enabled: a node that sleeps past its certificate's end cannot come back.",
            queries=(
                Query(by_node("method", "akscert_bootstrap_info")),
                Query(
                    f"0 * {by_node('method', 'akscert_bootstrap_info')} + on (cluster, node) group_left () "
                    + by_node("", "akscert_bootstrap_kubeconfig_present")
                ),
            ),
            width=8,
            height=6,
            sort="method",
            empty="? no node agent here",
            runbooks=("AksCertBootstrapMissing",),
            columns=(
                Column("method", "method"),
                Column("B", "bootstrap kubeconfig there", words=YES, cell=Cell.TEXT),
            ),
        ),
        Table(
            title="Requests",
            description="When the last certificate was issued to this node, and since when it waits for the next. "
            "Waiting for over 20 minutes: kubectl get csr | grep -v Issued.",
            queries=(
                # Each has a value wherever the other has one: the column of a query without any would be missing.
                Query(f"1000 * {LAST_ISSUED}\nor 0 * {PENDING_SINCE}"),
                Query(f"time() - {PENDING_SINCE}\nor 0 * {LAST_ISSUED} - 1"),
            ),
            width=16,
            height=6,
            sort="signer",
            empty="? none is known: none waits and none was issued lately, or no cluster agent reports",
            runbooks=("AksCertCsrPending", "AksCertCsrRejected"),
            columns=(
                Column("signer_name", "signer"),
                Column("A", "last issued", Unit.DATE, words=(Word("0", "not seen", "text"),), width=170),
                Column(
                    "B",
                    "waits for",
                    Unit.SECONDS,
                    Cell.TEXT,
                    (Word("-1", "nothing", "text"),),
                    thresholds=AGE_OF_REQUEST,
                    width=130,
                ),
            ),
        ),
    ),
)

EVENTS = (
    Event(
        "Rotations",
        "{{role}}: a new certificate",
        f"1000 * {by_node('role', BEGAN, role=KUBELET, origin='file')}",
        "green",
        moment=True,
    ),
)

ROWS = (GLANCE, CERTIFICATES, EVIDENCE, FILES)
