"""The node's dashboard: everything that is known of one node."""

from tools.dashboards.columns import BEGAN
from tools.dashboards.node_certificates import CERTIFICATES
from tools.dashboards.node_files import FILES
from tools.dashboards.node_glance import GLANCE, coded
from tools.dashboards.panel import Cell, Column, Event, Query, Row, Stat, Table, Threshold, Timeline, Unit, Word
from tools.dashboards.promql import KUBELET
from tools.dashboards.this import by_node
from tools.dashboards.words import (
    AGE_OF_REQUEST,
    CODES,
    SAYS,
    YES,
)

__all__ = ["EVENTS", "ROWS"]

LAST_ISSUED = by_node("signer_name", "akscert_csr_last_issued_timestamp_seconds")
PENDING_SINCE = by_node("signer_name", "akscert_csr_pending_since_timestamp_seconds", "min")


EVIDENCE = Row(
    "Rotation and its evidence",
    (
        Timeline(
            title="Rotation state",
            description="When it changed. A change to waiting or unknown that lasts is when something broke on the "
            "node.",
            queries=(
                Query(
                    coded(),
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
            width=11,
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
        Stat(
            title="Renewals that failed",
            description="The kubelet's own counter since it started. A number that grows: it asks and gets nothing; "
            "journalctl -u kubelet on the node. Told only where the cluster agent asks the kubelet, which it does "
            "mostly where no node agent runs.",
            queries=(Query(by_node("role", "akscert_kubelet_renew_errors_total"), "{{role}}"),),
            width=5,
            height=6,
            unit=Unit.COUNT,
            thresholds=(Threshold(None, "text"),),
            filled=False,
            empty="? not asked",
            runbooks=("AksCertRotationOverdue",),
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
