"""A cluster's facts and findings in, the page that a person reads out."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from markupsafe import Markup

from exporter.facts.cluster import ClusterFacts
from exporter.facts.source import SourceFacts
from exporter.findings import Finding
from exporter.findings.node_status import node_statuses
from exporter.pages.azure_section import azure_section
from exporter.pages.control_plane_section import control_plane_section
from exporter.pages.findings_list import OWN_RUNBOOKS, findings_list, verdict
from exporter.pages.node_section import node_section
from exporter.pages.page import Column, code, document, section, table
from exporter.pages.source_table import source_table
from exporter.reason import CsrCondition

__all__ = ["cluster_page"]


def cluster_page(
    cluster: ClusterFacts,
    findings: Sequence[Finding],
    sources: Iterable[SourceFacts],
    now: float,
    *,
    server: str = "",
    query: Mapping[str, str] | None = None,
    runbooks: str = OWN_RUNBOOKS,
) -> str:
    """The whole document. `server` names the API server that is asked; `now` in Unix seconds; `query` filters nodes.

    `runbooks`: the base of the links to them.
    """
    sources = tuple(sources)
    unanswered = [source.source.value for source in sources if source.up is None]
    known = cluster.azure.cluster.name if cluster.azure else ""
    listed = findings_list(findings, runbooks=runbooks)
    parts = (
        (
            "findings",
            "Findings",
            section("findings", "Findings", listed) if findings else Markup(),
        ),
        ("nodes", "Nodes", _nodes(cluster, query or {}, now)),
        ("control-plane", "Control plane", control_plane_section(cluster, now)),
        ("requests", "Certificate requests", section("requests", "Certificate requests", *_requests(cluster))),
        ("azure", "Azure", azure_section(cluster.azure) if cluster.azure else Markup()),
        ("sources", "Sources", section("sources", "Sources", source_table(sources, now))),
    )
    return document(
        known or server or "Cluster",
        "AKS certificates · cluster",
        "Who trusts whom in this cluster, which certificates rotate, and what breaks when.",
        (verdict(findings, unanswered), *(part for _, _, part in parts if part)),
        now=now,
        contents=[(name, heading) for name, heading, part in parts if part],
    )


def _nodes(cluster: ClusterFacts, query: Mapping[str, str], now: float) -> Markup:
    if cluster.nodes is None:
        return section("nodes", "Nodes", Markup('<p class="none">They have not been listed yet.</p>'))
    return node_section(node_statuses(cluster, now), query, now)


def _requests(cluster: ClusterFacts) -> Iterator[Markup]:
    if cluster.csrs is None:
        yield Markup('<p class="none">They have not been listed yet.</p>')
        return
    conditions = tuple(CsrCondition)
    groups: dict[tuple[str, str], dict[CsrCondition, int]] = defaultdict(dict)
    for (signer, requestor, condition), count in cluster.csrs.objects.items():
        groups[signer, requestor][condition] = count
    rows = [
        (code(signer), requestor.replace("_", " "), *(str(counts[one]) for one in conditions))
        for (signer, requestor), counts in groups.items()
        if any(counts.values())
    ]
    if not rows:
        yield Markup('<p class="none">There are none now: they are deleted an hour after the answer.</p>')
        return
    yield table(
        "Certificate signing requests that exist now",
        (Column("Signer"), Column("Requestor"), *(Column(one.value, one.value) for one in conditions)),
        rows,
    )
