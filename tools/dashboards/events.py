"""What is marked on every panel over time: rotations of the cluster's certificates, upgrades, gaps without an agent."""

from tools.dashboards.panel import Event
from tools.dashboards.promql import ROTATING, by, of

__all__ = ["EVENTS"]

AWHILE = "10m"
_VERSIONS = "agentpool, kubelet_version, node_image_version"
_POOL = ("akscert_node_info", "count")


def _before(labels: str) -> str:
    return f"count by (cluster, {labels}) ({of('akscert_node_info', agentpool='=~$pool')} offset {AWHILE})"


EVENTS = (
    Event(
        "Rotation of the cluster's certificates",
        "{{name}}: {{state}}",
        by("name, state", "akscert_azure_provisioning_state", resource="cluster", state=f"=~{ROTATING}"),
        "blue",
    ),
    Event(
        "Upgrades",
        "{{agentpool}}: first node with {{kubelet_version}}, {{node_image_version}}",
        f"({by(_VERSIONS, *_POOL, agentpool='=~$pool')} unless {_before(_VERSIONS)})"
        f" and on (cluster, agentpool) {_before('agentpool')}",
        "light-blue",
    ),
    Event(
        "No agent reports",
        "no {{mode}} agent",
        f"count by (cluster, mode) ({of('akscert_build_info')} offset {AWHILE})"
        f" unless count by (cluster, mode) ({of('akscert_build_info')})",
        "purple",
    ),
)
