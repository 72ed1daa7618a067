"""Azure's facts of a cluster in, the part of the page about them out."""

from collections.abc import Iterator

from markupsafe import Markup

from exporter.facts.azure.managed_cluster import AzureFacts
from exporter.facts.azure.provisioning_state import StateClass
from exporter.findings.azure import serving_words
from exporter.findings.formatting import utc_time
from exporter.pages.page import NOTHING, Cell, Column, Tone, badge, key_values, section, table

__all__ = ["azure_section"]

_FAILED = {StateClass.FAILED, StateClass.CANCELED}


def azure_section(facts: AzureFacts) -> Markup:
    """What Azure does with the cluster and each node pool, and what keeps serving rotation off."""
    cluster = facts.cluster
    rbac = {True: badge(Tone.OK, "on"), False: badge(Tone.CRITICAL, "off"), None: badge(Tone.BLIND, "unknown")}
    described = key_values(
        (
            ("Cluster", cluster.name),
            ("Resource group", cluster.resource_group),
            ("Location", cluster.location),
            ("Kubernetes RBAC", rbac[cluster.rbac]),
            ("Last failure, in Azure's words", cluster.error),
        )
    )
    states = table(
        "What Azure does with the cluster and its node pools",
        (
            Column("Resource"),
            Column("State", "State"),
            Column("First seen", "First seen"),
            Column("Power", "Power"),
            Column("Kubernetes", "Kubernetes"),
            Column("Node image", "Node image"),
            Column("Serving rotation", "Serving rotation"),
        ),
        _rows(facts),
    )
    return section("azure", "Azure", described, states)


def _rows(facts: AzureFacts) -> Iterator[tuple[Cell, ...]]:
    cluster = facts.cluster
    yield (
        f"cluster {cluster.name}",
        _state(cluster.provisioning_state, cluster.state),
        _since(facts, ("cluster", cluster.name)),
        _power(cluster.power_state),
        cluster.kubernetes_version or NOTHING,
        NOTHING,
        NOTHING,
    )
    for pool in cluster.pools:
        yield (
            f"node pool {pool.name}",
            _state(pool.provisioning_state, pool.state),
            _since(facts, ("agentpool", pool.name)),
            _power(pool.power_state),
            pool.kubernetes_version or NOTHING,
            pool.node_image_version or NOTHING,
            serving_words(cluster, pool),
        )


def _state(word: str, state: StateClass | None) -> Markup:
    if state is None:
        return NOTHING
    tone = Tone.CRITICAL if state in _FAILED else Tone.OK if state is StateClass.SUCCEEDED else Tone.INFO
    return badge(tone, word)


def _power(word: str) -> Markup:
    return badge(Tone.WARNING if word == "Stopped" else Tone.QUIET, word) if word else NOTHING


def _since(facts: AzureFacts, pair: tuple[str, str]) -> Cell:
    since = facts.since.get(pair)
    return utc_time(since) if since is not None else NOTHING
