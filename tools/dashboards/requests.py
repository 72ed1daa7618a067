"""The fleet's dashboard: certificate signing requests, and whether anybody is there to sign them."""

from tools.dashboards.columns import CLUSTER, LINKED, NO_DATE, NO_NUMBER, NODE
from tools.dashboards.panel import (
    Bars,
    Cell,
    Column,
    Heat,
    Lines,
    Query,
    Row,
    Table,
    Unit,
)
from tools.dashboards.promql import by, linked, listed, of, of_nodes
from tools.dashboards.words import (
    AGE_OF_LEASE,
    AGE_OF_REQUEST,
    OUTCOMES,
)

__all__ = ["REQUESTS"]

ANY_CLUSTER_AGENT = f"0 * max({of('akscert_build_info', mode='cluster')})"
_FAILURES = "akscert_kubelet_renew_errors_total"
_FAILED = of_nodes("role", _FAILURES)
_FAILED_LATELY = f"max by (cluster, node, role) (increase({of(_FAILURES)}[$__range]))"

SILENT_SINCE = "akscert_signer_silent_since_timestamp_seconds"
FIRST_END = "akscert_signer_first_end_timestamp_seconds"
WAITING = f"sum by (cluster, signer_name) ({by('signer_name, certificate', 'akscert_signer_waiting_nodes')})"

REQUESTS = Row(
    "Certificate signing requests",
    (
        Table(
            title="Nodes that wait for a certificate",
            description="Since when a kubelet has asked without an answer, over all its retries. From 20 minutes on: "
            "kubectl get csr | grep -v Issued, and see whether the signers below live. Empty is good.",
            queries=(
                Query(
                    linked(
                        listed(
                            f"time() - {of_nodes('signer_name', 'akscert_csr_pending_since_timestamp_seconds', 'min')}",
                            "node",
                            "cluster",
                        )
                    )
                ),
            ),
            width=14,
            sort="waits for",
            descending=True,
            empty="✔ none waits",
            runbooks=("AksCertCsrPending",),
            columns=(
                CLUSTER,
                NODE,
                Column("signer_name", "signer"),
                Column("A", "waits for", Unit.SECONDS, Cell.TEXT, NO_NUMBER, AGE_OF_REQUEST, width=100),
                LINKED,
            ),
        ),
        Bars(
            title="Requests there are now",
            description="CertificateSigningRequest objects by condition and requestor. pending ones are not answered, "
            "denied and failed ones were refused: kubectl describe csr says why. Answered ones vanish "
            "after an hour.",
            queries=(
                Query(
                    f"sum by (condition, requestor) ({of('akscert_csr_objects')}) > 0"
                    f'\nor label_replace({ANY_CLUSTER_AGENT}, "condition", "of any kind", "", "")'
                    f"\nunless on () (sum({of('akscert_csr_objects')}) > 0)",
                    "{{condition}} {{requestor}}",
                ),
            ),
            width=5,
            above=True,
            unit=Unit.COUNT,
            empty="? no cluster agent",
            runbooks=("AksCertCsrPending", "AksCertCsrRejected"),
        ),
        Lines(
            title="Requests answered",
            description="How requests ended, in each step of time. issued is what a healthy cluster shows; abandoned "
            "ones were never answered. denied or failed: somebody or a policy refuses kubelets a "
            "certificate.",
            queries=(
                Query(
                    f"sum by (outcome) (increase({of('akscert_csr_completed_total')}[$__interval])) > 0"
                    f'\nor label_replace({ANY_CLUSTER_AGENT}, "outcome", "none", "", "")',
                    "{{outcome}}",
                ),
            ),
            width=5,
            stacked=True,
            points=100,
            step="5m",
            unit=Unit.COUNT,
            words=OUTCOMES,
            empty="? nothing in this time, or no cluster agent reports",
            runbooks=("AksCertCsrRejected",),
        ),
        Heat(
            title="How long issuing takes",
            description="From a request's creation to its certificate. Seconds are normal; minutes mean that the "
            "approver or the controller manager is slow or was away: see the signers below.",
            queries=(
                Query(
                    f"sum by (le) (increase({of('akscert_csr_issue_duration_seconds_bucket')}[$__interval]))",
                    "{{le}}",
                ),
            ),
            width=12,
            height=7,
            points=60,
            step="5m",
            unit=Unit.SECONDS,
            empty="? nothing in this time, or no cluster agent reports",
            runbooks=("AksCertCsrPending",),
        ),
        Table(
            title="Signers: last sign of life",
            description="How long ago the controller manager (approves client certificates, signs all) and the "
            "approver of serving certificates renewed their lease. Over 10 minutes: no kubelet gets a new "
            "certificate. It is AKS's side: az aks show -g RG -n CLUSTER, then a support request.",
            queries=(Query(f"time() - {by('lease', 'akscert_signer_lease_renewed_timestamp_seconds')}"),),
            width=12,
            height=7,
            sort="silent for",
            descending=True,
            empty="? no lease seen",
            runbooks=("AksCertSignerSilent",),
            columns=(
                CLUSTER,
                Column("lease", "lease"),
                Column("A", "silent for", Unit.SECONDS, Cell.TEXT, thresholds=AGE_OF_LEASE, width=140),
            ),
        ),
        Table(
            title="Renewals that kubelets count as failed",
            description="The kubelet's own counter: since it started, and in the time that is looked at. A few are "
            "retries that an API server's restart explains; a number that grows means that it asks and gets nothing: "
            "see the requests above and journalctl -u kubelet. Told only of kubelets that the cluster agent asks, "
            "mostly those of nodes without a node agent.",
            queries=(
                Query(linked(listed(f"{_FAILED} > 0", "node", "cluster"))),
                Query(linked(f"round({_FAILED_LATELY}) and on (cluster, node, role) {_FAILED} > 0")),
            ),
            width=24,
            height=6,
            sort="lately",
            descending=True,
            empty="none, of the kubelets that are asked",
            runbooks=("AksCertRotationOverdue",),
            columns=(
                CLUSTER,
                NODE,
                Column("role", "role", width=150),
                Column("B", "lately", Unit.COUNT, width=120),
                Column("A", "since the kubelet started", Unit.COUNT, words=NO_NUMBER),
                LINKED,
            ),
        ),
        Table(
            title="What ends first if nobody signs",
            description="Since when requests to a signer wait and none was signed, how many nodes wait, and when the "
            "first kubelet certificate ends if nobody signs any more. unsigned for: over 10 minutes with more than one "
            "node, or a silent lease on the left, nobody is there. Nodes without a certificate cannot join.",
            queries=(
                Query(f"1000 * {by('signer_name', FIRST_END, how='min')}\nor 0 * {WAITING}"),
                Query(f"time() - {by('signer_name', SILENT_SINCE, how='min')}\nor NaN * {WAITING}"),
                Query(WAITING),
                Query(by("signer_name", "akscert_signer_waiting_nodes", certificate="none")),
            ),
            width=24,
            height=5,
            sort="unsigned for",
            descending=True,
            empty="? no cluster agent reports",
            runbooks=("AksCertNobodySigns", "AksCertRenewalNotAllowed"),
            columns=(
                CLUSTER,
                Column("signer_name", "signer"),
                Column("B", "unsigned for", Unit.SECONDS, Cell.TEXT, NO_NUMBER, AGE_OF_REQUEST, width=130),
                Column("C", "nodes wait", Unit.COUNT, width=110),
                Column("D", "without any", Unit.COUNT, width=110),
                Column("A", "the first ends", Unit.DATE, words=NO_DATE, width=170),
            ),
        ),
    ),
)
