"""Settings, environment and answers in; whether to ask Azure, as whom, and when again, out."""

from collections.abc import Mapping

from exporter.facts.azure.managed_cluster import AzureCluster

__all__ = [
    "OPERATING",
    "STEADY",
    "WORKLOAD_IDENTITY",
    "azure_wanted",
    "next_look",
    "workload_identity_missing",
]

WORKLOAD_IDENTITY = ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_FEDERATED_TOKEN_FILE")
"""What AKS's workload identity webhook puts into a labelled Pod whose service account names an identity."""

STEADY, OPERATING = 300.0, 60.0
"""Seconds between two looks: at rest, and while Azure works on the cluster. AKS allows one GET a second."""


def azure_wanted(enabled: str, resource_id: str, environment: Mapping[str, str]) -> bool:
    """What `--azure.enabled` comes to: `auto` means where workload identity or a resource id is there."""
    if enabled == "auto":
        return bool(resource_id) or not workload_identity_missing(environment)
    return enabled == "true"


def workload_identity_missing(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The variables of workload identity that are not set."""
    return tuple(name for name in WORKLOAD_IDENTITY if not environment.get(name))


def next_look(
    cluster: AzureCluster | None,
    asked_to_wait: float | None,
    jitter: float,
    *,
    steady: float = STEADY,
    operating: float = OPERATING,
) -> float:
    """Seconds until the next look, never before the server's own wish. `jitter`, 0 to 1, adds up to a tenth."""
    pause = steady if cluster is None or cluster.final else operating
    return max(pause, asked_to_wait or 0.0) * (1 + jitter / 10)
