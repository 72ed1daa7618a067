"""The fleet's dashboard, second half: certificate signing requests and the control plane."""

from tools.dashboards.fleet import CLUSTER, NODE
from tools.dashboards.panel import (
    Bars,
    Cell,
    Column,
    Heat,
    Lines,
    Query,
    Row,
    Stat,
    Table,
    Threshold,
    Unit,
)
from tools.dashboards.promql import by, of, of_nodes, share
from tools.dashboards.words import AGE_OF_LEASE, BUNDLES, LIFETIME, OUTCOMES, STATES, TRUSTED

__all__ = ["CONTROL_PLANE", "REQUESTS"]

API, CA = "akscert_apiserver_certificate_{}_timestamp_seconds", "akscert_ca_{}_timestamp_seconds"
BUNDLE = "akscert_ca_bundle_not_after_timestamp_seconds"
AGE = (Threshold(None, "text"), Threshold(20 * 60, "orange"), Threshold(6 * 3600, "red"))

REQUESTS = Row(
    "Certificate signing requests",
    (
        Table(
            title="Nodes that wait for a certificate",
            description="Since when a kubelet has asked without an answer, over all its retries. From 20 minutes on: "
            "kubectl get csr | grep -v Issued, and see whether the signers below live. Empty is good.",
            queries=(
                Query(f"time() - {of_nodes('signer_name', 'akscert_csr_pending_since_timestamp_seconds', how='min')}"),
            ),
            width=12,
            sort="waits for",
            descending=True,
            empty="none waits",
            runbooks=("AksCertCsrPending",),
            columns=(
                CLUSTER,
                NODE,
                Column("signer_name", "signer"),
                Column("A", "waits for", Unit.SECONDS, Cell.TEXT, thresholds=AGE, width=110),
            ),
        ),
        Bars(
            title="Requests there are now",
            description="CertificateSigningRequest objects by condition and requestor. pending ones are not answered, "
            "denied and failed ones were refused: kubectl describe csr says why. Answered ones vanish "
            "after an hour.",
            queries=(
                Query(
                    f"sum by (condition, requestor) ({of('akscert_csr_objects')}) > 0",
                    "{{condition}}, by {{requestor}}",
                ),
            ),
            width=5,
            unit=Unit.COUNT,
            empty="none",
            runbooks=("AksCertCsrPending", "AksCertCsrRejected"),
        ),
        Lines(
            title="Requests answered",
            description="How requests ended, an hour at a time. issued is what a healthy cluster shows; abandoned "
            "ones were never answered. denied or failed: somebody or a policy refuses kubelets a "
            "certificate.",
            queries=(
                Query(
                    f"sum by (outcome) (increase({of('akscert_csr_completed_total')}[1h])) > 0",
                    "{{outcome}}",
                ),
            ),
            width=7,
            stacked=True,
            unit=Unit.COUNT,
            words=OUTCOMES,
            empty="none within an hour",
            runbooks=("AksCertCsrRejected",),
        ),
        Heat(
            title="How long issuing takes",
            description="From a request's creation to its certificate. Seconds are normal; minutes mean that the "
            "approver or the controller manager is slow or was away: see the signers below.",
            queries=(
                Query(
                    f"sum by (le) (increase({of('akscert_csr_issue_duration_seconds_bucket')}[1h]))",
                    "{{le}}",
                ),
            ),
            width=12,
            height=7,
            points=60,
            unit=Unit.SECONDS,
            empty="none issued",
            runbooks=("AksCertCsrPending",),
        ),
        Stat(
            title="Signers: last sign of life",
            description="How long ago the controller manager (approves client certificates, signs all) and the "
            "approver of serving certificates renewed their lease. Over 10 minutes: no kubelet gets a new "
            "certificate. It is AKS's side: az aks show -g RG -n CLUSTER, then a support request.",
            queries=(
                Query(
                    f"time() - {by('lease', 'akscert_signer_lease_renewed_timestamp_seconds')}",
                    "{{cluster}} {{lease}}",
                ),
            ),
            width=12,
            height=7,
            unit=Unit.SECONDS,
            decimals=0,
            thresholds=AGE_OF_LEASE,
            empty="? no lease seen",
            runbooks=("AksCertSignerSilent",),
        ),
    ),
)

CONTROL_PLANE = Row(
    "Control plane",
    (
        Table(
            title="API servers",
            description="What each address serves, and whether clients in the cluster trust it. Not trusted: "
            "kubeconfigs and in-cluster clients hold another CA than the server's; after az aks "
            "rotate-certs run az aks get-credentials --overwrite-existing and restart what caches the CA.",
            queries=(
                Query(f"1000 * {by('address, rotation', API.format('not_after'))}"),
                Query(
                    share(
                        by("address, rotation", API.format("not_before")),
                        by("address, rotation", API.format("not_after")),
                    )
                ),
                Query(
                    f"{by('address, rotation', API.format('not_after'))} * 0"
                    f" + on (cluster, address) group_left () {by('address', 'akscert_apiserver_trusted', how='min')}"
                ),
            ),
            width=12,
            height=7,
            sort="ends",
            empty="? no cluster agent, or no API server answers",
            runbooks=("AksCertApiServerUntrusted", "AksCertApiServerExpiring"),
            columns=(
                CLUSTER,
                Column("address", "address"),
                Column("rotation", "rotation", words=STATES, cell=Cell.TEXT, width=110),
                Column("C", "trust", words=TRUSTED, cell=Cell.TEXT, width=120),
                Column("A", "ends", Unit.DATE, width=170),
                Column("B", "lifetime over", Unit.PERCENT, Cell.BAR, thresholds=LIFETIME),
            ),
        ),
        Table(
            title="CAs",
            description="The cluster CA that signs everything, the CA for clients, and the aggregator's. Nothing "
            "renews one by itself: plan az aks rotate-certs months ahead, all nodes are recreated. More "
            "than one in a bundle: a rotation is under way or was left half finished.",
            queries=(
                Query(f"1000 * {by('ca', CA.format('not_after'))}"),
                Query(share(by("ca", CA.format("not_before")), by("ca", CA.format("not_after")))),
                Query(f"count by (cluster, ca) ({by('ca, fingerprint_sha256', 'akscert_ca_info')})"),
            ),
            width=12,
            height=7,
            sort="ends",
            empty="? no cluster agent, or it may not read the ConfigMaps",
            runbooks=("AksCertClusterCaExpiring", "AksCertRequestHeaderCaExpiring", "AksCertClusterCaMismatch"),
            columns=(
                CLUSTER,
                Column("ca", "CA"),
                Column("C", "in bundle", Unit.COUNT, width=90),
                Column("A", "ends", Unit.DATE, width=170),
                Column("B", "lifetime over", Unit.PERCENT, Cell.BAR, thresholds=LIFETIME),
            ),
        ),
        Table(
            title="caBundles of webhooks and aggregated APIs",
            description="Whom the API server trusts when it calls them. former: the bundle was copied before the "
            "cluster CA was rotated, so calls fail; restart the component that owns it, most write it "
            "anew when they start.",
            queries=(
                Query(f"1000 * {by('kind, name', BUNDLE, how='min')}"),
                Query(by("kind, name", "akscert_ca_bundle_outdated")),
            ),
            width=16,
            height=7,
            sort="ends",
            empty="none has a caBundle",
            runbooks=("AksCertCaBundleOutdated",),
            columns=(
                CLUSTER,
                Column("kind", "kind"),
                Column("name", "name"),
                Column("B", "cluster CA in it", words=BUNDLES, cell=Cell.TEXT, width=140),
                Column("A", "ends", Unit.DATE, width=170),
            ),
        ),
        Stat(
            title="Clock of the API server, against the agent's",
            description="Signers date certificates back by five minutes. A node whose clock is further behind refuses "
            "new ones as not yet valid. Over 60 seconds: look at time synchronisation of the cluster "
            "agent's node.",
            queries=(
                Query(
                    f"max by (cluster) ({of('akscert_apiserver_clock_offset_seconds')})",
                    "{{cluster}}",
                ),
            ),
            width=8,
            height=7,
            unit=Unit.SECONDS,
            thresholds=(
                Threshold(None, "red"),
                Threshold(-240, "orange"),
                Threshold(-60, "green"),
                Threshold(60, "orange"),
                Threshold(240, "red"),
            ),
            empty="? not known",
            runbooks=("AksCertClockSkew",),
        ),
    ),
)
