"""The node's dashboard, last row: files, identities and the agent itself."""

from tools.dashboards.panel import Column, Query, Row, Stat, Table, Threshold, Unit
from tools.dashboards.promql import SCRAPED, by, either, labelled, of
from tools.dashboards.this import by_node, of_node
from tools.dashboards.words import TELLS, UP

__all__ = ["FILES"]

TOLD_BY_AGENT = by_node("by", "akscert_node_observed", by="node_agent")

FILES = Row(
    "Files and identities",
    (
        Table(
            title="Files",
            description="Every file the agent is to look at. not_expected: absent, as expected. Anything but that "
            "and ok: the runbook says what each word means.",
            queries=(Query(by_node("role, path, status", "akscert_file_status")),),
            width=24,
            height=9,
            sort="path",
            empty="? no node agent here",
            runbooks=("AksCertFileUnreadable",),
            columns=(
                Column("role", "role", width=130),
                Column("path", "path"),
                Column("status", "status", width=140),
            ),
        ),
        Table(
            title="Identities",
            description="Serial numbers and fingerprints, to set beside openssl x509 -serial -fingerprint. issued "
            "last: what the cluster signed; if the file has another one, the kubelet did not store it.",
            queries=(
                Query(
                    either(
                        by_node("role, origin, serial_number, fingerprint_sha256, issuer", "akscert_certificate_info"),
                        labelled(
                            by_node("role, serial_number, fingerprint_sha256", "akscert_csr_issued_certificate_info"),
                            origin="issued last",
                        ),
                    )
                ),
            ),
            width=24,
            height=9,
            sort="role",
            empty="? no node agent here",
            columns=(
                Column("role", "role", width=122),
                Column("origin", "seen in", width=80),
                Column("issuer", "issuer", width=95),
                Column("serial_number", "serial number", width=355),
                Column("fingerprint_sha256", "SHA-256"),
            ),
        ),
        Stat(
            title="Kubelet answers the agent",
            description="The TLS handshake with the kubelet's port. It fails while a kubelet waits for its first "
            "serving certificate, or where a network policy is in between.",
            queries=(
                Query(
                    f"{by('instance', 'akscert_source_up', 'min', source='kubelet')}"
                    f"\nand on (cluster, instance) {of_node('akscert_bootstrap_info')}",
                    "kubelet",
                ),
            ),
            width=6,
            height=4,
            words=UP,
            empty="? not asked",
            runbooks=("AksCertSourceDown",),
        ),
        Stat(
            title="Leftover certificate files",
            description="Dated PEM files beside the current one. A kubelet never removes old ones, so a few are "
            "normal; hundreds mean that it renews far too often.",
            queries=(Query(by_node("role", "akscert_file_leftovers"), "{{role}}"),),
            width=6,
            height=4,
            unit=Unit.COUNT,
            thresholds=(Threshold(None, "text"), Threshold(100, "blue")),
            filled=False,
            empty="? not listed",
        ),
        Stat(
            title="Node agent",
            description="The version of the agent on this node. Empty: none runs there; see Blind spots of the fleet.",
            queries=(
                Query(
                    f"max by (cluster, instance, version) ({of('akscert_build_info', mode='node')})"
                    f"\nand on (cluster, instance) {of_node('akscert_bootstrap_info')}",
                    "{{version}}",
                ),
            ),
            width=6,
            height=4,
            label="version",
            empty="? none here",
            runbooks=("AksCertNodeNotObserved",),
        ),
        Stat(
            title="Told by",
            description="Who tells about this node's certificates: its node agent, the kubelet itself (asked by the "
            "cluster agent, which tells less), or nobody.",
            queries=(
                Query(
                    either(
                        by_node("by", "akscert_node_observed", by="!=node_agent"),
                        f"{TOLD_BY_AGENT} and on (cluster, node) {SCRAPED}",
                        labelled(f"({TOLD_BY_AGENT} unless on (cluster, node) {SCRAPED})", by="unscraped"),
                    ),
                    "{{by}}",
                ),
            ),
            width=6,
            height=4,
            label="by",
            words=TELLS,
            empty="? no cluster agent",
            runbooks=("AksCertNodeNotObserved",),
        ),
    ),
)
