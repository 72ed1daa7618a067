"""A managed cluster as Azure Resource Manager describes it: its JSON in, frozen facts out.

Shapes are those of Microsoft.ContainerService, API version 2026-08-01. Every field may be missing, null or of a word
that is not known here: what cannot be read is None or empty, and the rest stays.
"""

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from exporter.facts.azure.node_image import SERVING_ROTATION_IMAGE, image_date
from exporter.facts.azure.provisioning_state import StateClass, state_class
from exporter.facts.azure.resource_id import ResourceId, snapshot_id
from exporter.facts.opt_out_tag import deciding_tag, opted_out
from exporter.facts.source import Failure

__all__ = [
    "AzureCluster",
    "AzureError",
    "AzureFacts",
    "AzurePool",
    "Snapshot",
    "azure_cluster",
    "snapshot",
    "with_snapshots",
]


class AzureError(ValueError):
    """The answer is not a managed cluster or snapshot; the message is one line."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The node pool snapshot a pool was made from."""

    node_image_version: str

    @property
    def serving_rotation(self) -> bool | None:
        """Whether its image is new enough for kubelet serving certificate rotation; None: no date in its name."""
        date = image_date(self.node_image_version)
        return None if date is None else date >= SERVING_ROTATION_IMAGE


@dataclass(frozen=True, slots=True)
class AzurePool:
    """One agent pool profile. Texts are empty where ARM does not say."""

    name: str
    type: str
    os: str
    os_sku: str
    mode: str
    kubernetes_version: str
    """What it runs, or where that is missing what it is to run."""
    node_image_version: str
    image_date: dt.date | None
    provisioning_state: str
    power_state: str
    opted_out: bool | None
    """The tag that switches kubelet serving certificate rotation off; None: the tags cannot be read."""
    opt_out_tag: str
    """NAME=VALUE of the tag that does so; on Linux it need not be the documented one."""
    error: str
    """Why the last operation failed, in ARM's words."""
    created_from: ResourceId | None = None
    """The snapshot it was made from."""
    snapshot: Snapshot | Failure | None = None
    """None: it was made from none, or nobody asked yet."""

    @property
    def state(self) -> StateClass | None:
        """The class of its provisioning state."""
        return state_class(self.provisioning_state) if self.provisioning_state else None


@dataclass(frozen=True, slots=True)
class AzureCluster:
    """The cluster and its pools. Texts are empty where ARM does not say."""

    name: str
    resource_group: str
    location: str
    kubernetes_version: str
    """What it runs, or where that is missing what it is to run."""
    rbac: bool | None
    fqdn: str
    private_fqdn: str
    node_resource_group: str
    local_accounts: bool | None
    """Whether kubeconfigs with a client certificate can be had."""
    provisioning_state: str
    power_state: str
    error: str
    """Why the last operation failed, in ARM's words."""
    pools: tuple[AzurePool, ...]

    @property
    def state(self) -> StateClass | None:
        """The class of its provisioning state."""
        return state_class(self.provisioning_state) if self.provisioning_state else None

    @property
    def final(self) -> bool:
        """Whether no operation is under way on the cluster or a pool, as far as ARM says."""
        states = [self.state, *(pool.state for pool in self.pools)]
        return all(state is None or state.final for state in states)

    @property
    def states(self) -> tuple[tuple[tuple[str, str], str], ...]:
        """((resource, name), ARM's word) of the cluster and of every pool that has one."""
        every = ((("cluster", self.name), self.provisioning_state),)
        pools = tuple((("agentpool", pool.name), pool.provisioning_state) for pool in self.pools)
        return tuple((pair, word) for pair, word in (*every, *pools) if word)

    @property
    def addresses(self) -> tuple[tuple[str, int], ...]:
        """The API server's (host, port) by its public and its private name."""
        return tuple((name, 443) for name in (self.fqdn, self.private_fqdn) if name)


@dataclass(frozen=True, slots=True)
class AzureFacts:
    """The cluster as last read, and what this process has seen of its states, by (resource, name)."""

    cluster: AzureCluster
    since: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """Unix seconds when the present state was first seen."""
    before: Mapping[tuple[str, str], StateClass] = field(default_factory=dict)
    """The class of the state before the present one, where the change was seen."""


def azure_cluster(body: object, asked: ResourceId) -> AzureCluster:
    """The facts in ARM's answer to a GET of the cluster that was asked for. Raises AzureError."""
    if not isinstance(body, Mapping) or not isinstance(properties := body.get("properties"), Mapping):
        raise AzureError("the answer is no managed cluster: it has no properties")
    profiles = properties.get("agentPoolProfiles")
    local_accounts = properties.get("disableLocalAccounts")
    return AzureCluster(
        name=_text(body, "name") or asked.name,
        resource_group=asked.group,
        location=_text(body, "location"),
        kubernetes_version=_text(properties, "currentKubernetesVersion") or _text(properties, "kubernetesVersion"),
        rbac=_flag(properties, "enableRBAC"),
        fqdn=_host(properties, "fqdn"),
        private_fqdn=_host(properties, "privateFQDN"),
        node_resource_group=_text(properties, "nodeResourceGroup"),
        local_accounts=not local_accounts if isinstance(local_accounts, bool) else None,
        provisioning_state=_text(properties, "provisioningState"),
        power_state=_text(properties, "powerState", "code"),
        error=_error(properties),
        pools=tuple(_pools(profiles if isinstance(profiles, list) else [])),
    )


def _pools(profiles: Iterable[object]) -> Iterable[AzurePool]:
    seen = set()
    for profile in profiles:
        if not isinstance(profile, Mapping):
            continue
        name = _text(profile, "name")
        if not name or name in seen:
            continue
        seen.add(name)
        image = _text(profile, "nodeImageVersion")
        opted, tag = _opt_out(profile.get("tags"), _text(profile, "osType"))
        yield AzurePool(
            name=name,
            type=_text(profile, "type"),
            os=_text(profile, "osType"),
            os_sku=_text(profile, "osSKU"),
            mode=_text(profile, "mode"),
            kubernetes_version=_text(profile, "currentOrchestratorVersion") or _text(profile, "orchestratorVersion"),
            node_image_version=image,
            image_date=image_date(image),
            provisioning_state=_text(profile, "provisioningState"),
            power_state=_text(profile, "powerState", "code"),
            opted_out=opted,
            opt_out_tag=tag,
            error=_error(profile),
            created_from=snapshot_id(_text(profile, "creationData", "sourceResourceId")),
        )


def _opt_out(tags: object, os: str) -> tuple[bool | None, str]:
    """Whether the tags opt out, and by which. ARM leaves `tags` out, or says null, where there are none."""
    if tags is None:
        return False, ""
    if not isinstance(tags, Mapping):
        return None, ""
    pairs = [(name, value if isinstance(value, str) else "") for name, value in tags.items()]
    said = {windows: opted_out(pairs, windows=windows) for windows in (False, True)}
    windows = os.lower() == "windows"
    if not windows and os.lower() != "linux" and said[False] != said[True]:
        return None, ""  # without an OS both readings must agree
    found = deciding_tag(pairs, windows=windows) if said[windows] else None
    return said[windows], "=".join(found)[:200] if found else ""


def snapshot(body: object) -> Snapshot:
    """The facts in ARM's answer to a GET of a node pool snapshot. Raises AzureError."""
    version = _text(body, "properties", "nodeImageVersion")
    if not version:
        raise AzureError("the answer is no node pool snapshot: it has no nodeImageVersion")
    return Snapshot(version)


def with_snapshots(cluster: AzureCluster, found: Mapping[str, Snapshot | Failure]) -> AzureCluster:
    """The cluster with each pool's snapshot, found by ResourceId.key."""
    pools = (
        replace(pool, snapshot=found.get(pool.created_from.key)) if pool.created_from else pool
        for pool in cluster.pools
    )
    return replace(cluster, pools=tuple(pools))


def _text(value: object, *keys: str) -> str:
    """The text under nested keys, in one line; empty if there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return " ".join(value.split()) if isinstance(value, str) else ""


def _flag(value: Mapping[str, object], key: str) -> bool | None:
    found = value.get(key)
    return found if isinstance(found, bool) else None


def _host(value: Mapping[str, object], key: str) -> str:
    """A DNS name: it becomes an address to connect to, so nothing else passes."""
    name = _text(value, key).lower()
    return name if re.fullmatch(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63}){1,30}", name) else ""


def _error(value: object) -> str:
    """`status.provisioningError`: its code and the start of its message."""
    code, message = (_text(value, "status", "provisioningError", key) for key in ("code", "message"))
    return ": ".join(part for part in (code, message[:200]) if part)
