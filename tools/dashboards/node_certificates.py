"""The node's dashboard: its certificates and when they are renewed."""

from tools.dashboards.columns import BEGAN, ENDS, NO_DATE
from tools.dashboards.panel import Cell, Column, Lines, Query, Row, Table, Threshold, Unit
from tools.dashboards.promql import KUBELET, either, share
from tools.dashboards.this import by_node
from tools.dashboards.words import (
    ISSUED,
    SERIES,
    STATES,
    USABLE,
)

__all__ = ["CERTIFICATES"]

CLIENT, SERVING = "kubelet-client", "kubelet-serving"
USABLE_AS = (
    f"topk by (cluster, node, role, origin) (1, {by_node('role, origin, reason', 'akscert_certificate_usable')})"
)
ISSUED_BY = "akscert_certificate_issued_by_cluster_ca"
CERTIFICATE = "role, origin, rotation"


LATE = (Threshold(None, "orange"), Threshold(0, "text"))
"""Seconds until the deadline: past it a rotation is overdue, which is a warning."""


def _rotating(expression: str) -> str:
    """Certificates, where a serving certificate that nothing rotates is for your information only."""
    both = f'label_join({expression}, "both", "/", "role", "rotation")'
    return f'label_replace({both}, "rotation", "unoffered", "both", "{SERVING}/disabled")'


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
                Column("role", "role", least=125),
                Column("A", "renewed from", Unit.DATE, width=165),
                Column("B", "at the latest", Unit.DATE, width=165),
                Column(
                    "C",
                    "which is in",
                    Unit.SECONDS,
                    Cell.TEXT,
                    thresholds=LATE,
                    width=110,
                ),
            ),
        ),
    ),
)
