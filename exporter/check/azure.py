"""Azure's answer about a cluster in, the tables of its report out."""

from collections.abc import Iterator

from exporter.check.report import Section
from exporter.facts.azure.managed_cluster import AzureCluster, AzurePool
from exporter.facts.source import Failure
from exporter.findings.azure import serving_words

__all__ = ["azure_sections"]


def azure_sections(answer: AzureCluster | Failure | None) -> Iterator[Section]:
    """The cluster and its node pools; a sentence where Azure did not answer, or was not asked (None)."""
    if not isinstance(answer, AzureCluster):
        note = (
            "Azure was not asked: --azure.enabled true, or a resource id, asks it with your own az login."
            if answer is None
            else f"Azure did not answer: {answer.words} ({answer.reason})."
        )
        yield Section("Azure", (), (), note)
        return
    yield Section(
        "Azure",
        ("CLUSTER", "RESOURCE GROUP", "LOCATION", "STATE", "POWER", "VERSION", "RBAC"),
        (
            (
                answer.name,
                answer.resource_group,
                _said(answer.location),
                _said(answer.provisioning_state),
                _said(answer.power_state),
                _said(answer.kubernetes_version),
                {True: "on", False: "off", None: "-"}[answer.rbac],
            ),
        ),
        f"Azure's words on the last failure: {answer.error}" if answer.error else "",
    )
    yield Section(
        "Node pools",
        ("POOL", "OS", "MODE", "STATE", "POWER", "VERSION", "NODE IMAGE", "SERVING ROTATION"),
        tuple(_pool(answer, pool) for pool in answer.pools),
        "" if answer.pools else "Azure names no node pool.",
        wrapping=("NODE IMAGE", "SERVING ROTATION"),
    )


def _pool(cluster: AzureCluster, pool: AzurePool) -> tuple[str, ...]:
    return (
        pool.name,
        _said(pool.os),
        _said(pool.mode),
        _said(pool.provisioning_state),
        _said(pool.power_state),
        _said(pool.kubernetes_version),
        _image(pool),
        serving_words(cluster, pool),
    )


def _image(pool: AzurePool) -> str:
    dated = f" ({pool.image_date:%Y-%m-%d})" if pool.image_date else ""
    return f"{pool.node_image_version}{dated}" if pool.node_image_version else "-"


def _said(word: str) -> str:
    return word or "-"
