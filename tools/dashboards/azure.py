"""The fleet's dashboard: what Azure says of the cluster and its node pools."""

from tools.dashboards.columns import CLUSTER
from tools.dashboards.panel import (
    Cell,
    Column,
    Query,
    Row,
    Table,
    Timeline,
    Unit,
)
from tools.dashboards.promql import ROTATING, by, either, of
from tools.dashboards.words import AZURE_STATES, OPTED, RBAC

__all__ = ["AZURE"]

_STATE, _POWER = "akscert_azure_provisioning_state", "akscert_azure_power_state"
AZURE = Row(
    "Azure",
    (
        Timeline(
            title="What Azure does with the cluster and its pools",
            description="Resource Manager's provisioning state, and whether it is stopped. Rotating certificates "
            "takes up to 30 minutes after az aks rotate-certs; longer, or Failed: az aks operation "
            "show-latest -g RG -n CLUSTER, then run it again. A pool that is stopped misses its rotation "
            "and must be recreated.",
            queries=(
                Query(
                    "max by (cluster, resource, name) (\n"
                    + either(
                        f"1 * {of(_STATE, state='Succeeded')}",
                        f"3 * {of(_STATE, state=f'=~{ROTATING}')}",
                        f"4 * {of(_STATE, state='=~Failed|Canceled')}",
                        f"2 * {of(_STATE, state=f'!~Succeeded|Failed|Canceled|{ROTATING}')}",
                        f"5 * {of(_POWER, state='Stopped')}",
                    )
                    + "\n)",
                    "{{cluster}} {{resource}} {{name}}",
                ),
            ),
            width=11,
            height=9,
            points=100,
            words=AZURE_STATES,
            empty="? Azure is not asked, or does not answer",
            runbooks=("AksCertClusterRotationStuck", "AksCertClusterRotationRunning", "AksCertNodePoolMissedRotation"),
        ),
        Table(
            title="Clusters",
            description="What the cluster is in Azure, and when it was made. rbac false: no certificate rotates by "
            "itself (AKS needs Kubernetes RBAC for it). A CA from before May 2019 lived two years only.",
            queries=(
                Query(
                    f"1000 * {by('', 'akscert_cluster_created_timestamp_seconds')}"
                    " * on (cluster) group_right () "
                    + by(
                        "cluster_name, resource_group, location, kubernetes_version, rbac", "akscert_azure_cluster_info"
                    )
                ),
            ),
            width=13,
            height=9,
            sort="name",
            empty="? Azure is not asked, or does not answer",
            columns=(
                CLUSTER,
                Column("cluster_name", "name", least=90),
                Column("resource_group", "resource group", width=125),
                Column("location", "location", width=95),
                Column("kubernetes_version", "version", width=75),
                Column("rbac", "RBAC", words=RBAC, cell=Cell.TEXT, width=75),
                Column("A", "created", Unit.DAY, width=105),
            ),
        ),
        Table(
            title="Node pools",
            description="Serving rotation off: the tag aks-disable-kubelet-serving-certificate-rotation, which "
            "retires on 2027-04-01 and counts from the next reimage on. A snapshot older than image "
            "202501.12.0 cannot rotate.",
            queries=(
                Query(
                    by(
                        "agentpool, os, mode, kubernetes_version, node_image_version, serving_rotation_opt_out,"
                        " snapshot_image_version",
                        "akscert_azure_agentpool_info",
                        agentpool="=~$pool",
                    )
                ),
            ),
            width=24,
            height=8,
            sort="pool",
            empty="? Azure is not asked, or does not answer",
            runbooks=("AksCertServingOptOutTag",),
            columns=(
                CLUSTER,
                Column("agentpool", "pool", width=100),
                Column("mode", "mode", width=75),
                Column("os", "OS", width=80),
                Column("kubernetes_version", "version", width=80),
                Column("node_image_version", "node image"),
                Column("serving_rotation_opt_out", "opted out", words=OPTED, cell=Cell.TEXT, width=100),
                Column("snapshot_image_version", "snapshot"),
            ),
        ),
        Table(
            title="Workloads that read the retired serving path",
            description="AKS no longer has /etc/kubernetes/certs/kubeletserver.* once serving rotation is on for good, "
            "on 2027-04-01. mount, argument, configmap: where the workload names it. Let it read "
            "/var/lib/kubelet/pki/kubelet-server-current.pem, or use the API server's proxy.",
            queries=(
                Query(
                    "max by (cluster, namespace, kind, name, how) (" + of("akscert_workload_uses_retired_path") + ")"
                ),
            ),
            width=24,
            height=5,
            sort="namespace",
            empty="? none is known: workloads are looked at only with cluster.workloads.enabled",
            runbooks=("AksCertRetiredPathInUse",),
            columns=(
                CLUSTER,
                Column("namespace", "namespace"),
                Column("kind", "kind", width=130),
                Column("name", "name"),
                Column("how", "by its", width=130),
            ),
        ),
    ),
)
