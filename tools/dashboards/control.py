"""The fleet's dashboard: the control plane, its CAs, and what the API server calls."""

from tools.dashboards.columns import CLUSTER, NO_DATE, NO_NUMBER, NOBODY
from tools.dashboards.panel import (
    Cell,
    Column,
    Query,
    Row,
    Stat,
    Table,
    Threshold,
    Unit,
)
from tools.dashboards.promql import by, listed, of, share
from tools.dashboards.words import (
    BUNDLES,
    KINDS,
    LOOKS,
    POLICIES,
    READABLE,
    STATES,
    TRUSTED,
)

__all__ = ["CONTROL_PLANE"]

API, CA = "akscert_apiserver_certificate_{}_timestamp_seconds", "akscert_ca_{}_timestamp_seconds"
READ = f"topk by (cluster, kind, name) (1, {by('kind, name, status', 'akscert_ca_bundle_status')})"
BUNDLE = "akscert_ca_bundle_not_after_timestamp_seconds"

SERVED = "akscert_endpoint_certificate_{}_timestamp_seconds"
_PLACE = "kind, name, address"


def linked_endpoints(value: str) -> str:
    """A value of each endpoint, NaN where it has none, with what came of the look and what depends on it."""
    looked = (
        f"topk by (cluster, {_PLACE}) (1, {by(f'{_PLACE}, status', 'akscert_endpoint_status')})"
        f" * on (cluster, {_PLACE}) group_left (failure_policy)"
        f" topk by (cluster, {_PLACE}) (1, {by(f'{_PLACE}, failure_policy', 'akscert_endpoint_info')})"
    )
    return f"({looked}) * on (cluster, {_PLACE}) group_left () ({value})\nor NaN * ({looked})"


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
            width=16,
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
                Column("B", "lifetime over", Unit.PERCENT, Cell.BAR, width=115),
            ),
        ),
        Stat(
            title="Clocks: API server and agent differ by",
            description="Signers date certificates back by five minutes. A node whose clock is further behind refuses "
            "new ones as not yet valid. Over 60 seconds: look at time synchronisation of the cluster "
            "agent's node.",
            queries=(
                Query(
                    f"max by (cluster) (abs({of('akscert_apiserver_clock_offset_seconds')}))",
                    "{{cluster}}",
                ),
            ),
            width=8,
            height=7,
            decimals=1,
            unit=Unit.SECONDS,
            thresholds=(Threshold(None, "green"), Threshold(60, "orange"), Threshold(240, "red")),
            empty="? not known",
            runbooks=("AksCertClockSkew",),
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
            width=10,
            height=7,
            sort="ends",
            empty="? no cluster agent, or it may not read the ConfigMaps",
            runbooks=("AksCertClusterCaExpiring", "AksCertRequestHeaderCaExpiring", "AksCertClusterCaMismatch"),
            columns=(
                CLUSTER,
                Column("ca", "CA", least=105),
                Column("C", "in bundle", Unit.COUNT, width=90),
                Column("A", "ends", Unit.DAY, width=100),
                Column("B", "lifetime over", Unit.PERCENT, Cell.BAR, width=115),
            ),
        ),
        Table(
            title="caBundles of webhooks and aggregated APIs",
            description="Whom the API server trusts when it calls them. A bundle that is not readable trusts nobody. "
            "former: the bundle was copied before the cluster CA was rotated, so calls fail; restart the component "
            "that owns it, most write it anew when they start.",
            queries=(
                Query(
                    listed(
                        f"1000 * {READ} * on (cluster, kind, name) group_left () {by('kind, name', BUNDLE, how='min')}"
                        f"\nor 0 * ({READ} unless on (cluster, kind, name) {by('kind, name', BUNDLE)})",
                        "name",
                        "cluster",
                    )
                ),
                Query(
                    f"{READ} * on (cluster, kind, name) group_left () {by('kind, name', 'akscert_ca_bundle_outdated')}"
                ),
            ),
            width=14,
            height=7,
            sort="ends",
            empty="● none has a caBundle",
            runbooks=("AksCertCaBundleOutdated",),
            columns=(
                CLUSTER,
                Column("kind", "kind", words=KINDS, width=148),
                Column("name", "name", cell=Cell.TEXT, words=NOBODY),
                Column("status", "bundle", words=READABLE, cell=Cell.TEXT, width=115),
                Column("B", "cluster CA", words=BUNDLES, cell=Cell.TEXT, width=100),
                Column("A", "ends", Unit.DAY, words=NO_DATE, width=105),
            ),
        ),
        Table(
            title="What webhooks, CRD conversions and aggregated APIs serve",
            description="The certificate that answers the API server's calls, seen by a handshake from inside the "
            "cluster, and whether the API server accepts it. not trusted: calls fail; with failurePolicy Fail whatever "
            "they guard is blocked. unreachable, unresolved: cannot be looked at from here, which says nothing about "
            "it. refused: no Pod of the Service listens.",
            queries=(
                Query(linked_endpoints(f"1000 * {by('kind, name, address', SERVED.format('not_after'))}")),
                Query(linked_endpoints(by("kind, name, address", "akscert_endpoint_trusted", how="min"))),
            ),
            width=24,
            height=8,
            sort="trust",
            empty="? none is known: there is none, or no cluster agent looks",
            runbooks=("AksCertEndpointUntrusted", "AksCertEndpointExpiring"),
            columns=(
                CLUSTER,
                Column("kind", "kind", words=KINDS, width=148),
                Column("name", "name", width=220),
                Column("address", "address"),
                Column("failure_policy", "when it fails", words=POLICIES, width=140),
                Column("status", "the last look", words=LOOKS, cell=Cell.TEXT, width=115),
                Column("B", "trust", words=(*TRUSTED, *NO_NUMBER), cell=Cell.TEXT, width=105),
                Column("A", "ends", Unit.DATE, words=NO_DATE, width=165),
            ),
        ),
    ),
)
